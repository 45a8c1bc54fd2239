"""A tiny real HTTP server that a test scripts, and the instants that stories start at."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PAYLOADS = Path(__file__).parents[1] / "payloads"


@dataclass
class Received:
    """One request as it came."""

    body: bytes
    headers: dict[str, str]


@dataclass
class Answer:
    """What the script makes the server say, and how slowly."""

    status: int = 202
    body: bytes = b'{"status": "accepted"}'
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    pause_between_bytes_s: float = 0.0


class ScriptedServer(ThreadingHTTPServer):
    """Answers what `script(request, number)` says; the first request has number 1."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: Callable[[Received, int], Answer] = lambda _request, _number: Answer()
        self.received: list[Received] = []
        self.most_at_once = 0
        self._under_way = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/webhooks/test"

    def handle_error(self, request: object, client_address: object) -> None:
        """Hang-ups of a client whose patience is under test are no news."""

    def answer(self, request: Received) -> Answer:
        with self._lock:
            self.received.append(request)
            number = len(self.received)
        return self.script(request, number)

    def enter(self) -> None:
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)

    def leave(self) -> None:
        with self._lock:
            self._under_way -= 1


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_POST(self) -> None:
        self.server.enter()
        try:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = self.server.answer(Received(body, dict(self.headers)))
            time.sleep(answer.pause_s)  # a slow server is what the test asked for
        finally:
            self.server.leave()  # before the answer: whoever has it may send the next request at once
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        for byte in answer.body if answer.pause_between_bytes_s else ():
            self.wfile.write(bytes([byte]))
            time.sleep(answer.pause_between_bytes_s)  # as is one that trickles
        if not answer.pause_between_bytes_s:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def accept() -> type[Answer]:
    return Answer


@pytest.fixture
def sample() -> Callable[[str], dict[str, object]]:
    """A recorded sample by its name without ending."""
    return lambda name: json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
