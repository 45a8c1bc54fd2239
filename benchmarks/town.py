"""A whole installation: mock Exchange with many mailboxes, the receiver with pages and alerts, an alert recipient."""

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from benchmarks.webhooks import agent
from demo import configuration, processes
from demo.processes import Secrets
from emitter.platforms import Platform, signer
from receiver.web.auth import cookies

MORE = """\
  pages: true
alerts:
  to:
    - {{file: {folder}/alerts}}
  hold_minutes: 1
"""
TIMEOUT_S = 30.0


@dataclass
class Town:
    """The receiver's environment and addresses."""

    supervisor: int
    """Process id."""
    base: str
    control: str
    """URL of the mock's control API."""
    keys: Secrets = field(repr=False)
    token: str = field(repr=False)
    letters: list[str]
    """Paths that alerts came to; one for each."""

    @property
    def webhooks(self) -> str:
        """Return the address that webhooks go to."""
        return f"{self.base}/webhooks/mds"

    def signed(self, body: bytes, *, forged: bool = False) -> dict[str, str]:
        """Return the headers of a webhook."""
        secret = self.keys.webhook + "x" * forged
        return {**signer(Platform.RDV_SERVICE_PUBLIC, secret)(body)}

    def post(self, session: requests.Session, body: bytes, *, forged: bool = False) -> int:
        """Send a webhook; return the status of the answer."""
        headers = self.signed(body, forged=forged)
        return session.post(self.webhooks, body, headers=headers, timeout=TIMEOUT_S).status_code

    def get(self, session: requests.Session, path: str) -> int:
        """Ask for a page, for metrics, or for health; return the status of the answer."""
        headers = {"Cookie": f"{cookies.NAME}={self.token}", "Authorization": f"Bearer {self.token}"}
        return session.get(self.base + path, headers=headers, timeout=TIMEOUT_S).status_code

    def state(self) -> dict[str, Any]:
        """Return what the mock says of itself."""
        state: dict[str, Any] = requests.get(f"{self.control}/state", timeout=TIMEOUT_S).json()
        return state

    def entries(self) -> int:
        """Return how many entries all calendars hold; deleted ones are in another folder."""
        boxes = self.state()["mailboxes"]
        asked = (requests.get(f"{self.control}/items", {"mailbox": box}, timeout=TIMEOUT_S) for box in boxes)
        return sum(len(found.json()) for found in asked)

    def fault(self, **fault: Any) -> None:
        """Plan a fault of Exchange."""
        requests.post(f"{self.control}/faults", json=fault, timeout=TIMEOUT_S).raise_for_status()

    def heal(self) -> None:
        """Delete all faults of Exchange."""
        requests.delete(f"{self.control}/faults", timeout=TIMEOUT_S).raise_for_status()

    def forget_requests(self) -> None:
        """Delete the mock's recorded requests, to save memory."""
        requests.delete(f"{self.control}/requests", timeout=TIMEOUT_S).raise_for_status()


@contextmanager
def town(folder: Path, agents: int) -> Iterator[Town]:
    """Run everything in a folder on a disk; stop it at the end."""
    keys = Secrets(webhook=secrets.token_hex(16), exchange=secrets.token_urlsafe(16))
    boxes = [agent(number) for number in range(agents)]
    with letter_box() as (address, letters), processes.exchange(boxes, keys, folder / "exchange.log") as server:
        (folder / "alerts").write_text(address, "utf-8")
        (folder / "alerts").chmod(0o600)
        port = processes.free_port()
        config = configuration.write(folder, server, port)
        with config.open("a", encoding="utf-8") as file:
            file.write(MORE.format(folder=folder))
        with processes.receiver(config, port, keys, folder / "receiver.log") as supervisor:
            control = server.partition("/EWS")[0] + "/mock"
            token = _token(config, keys)
            yield Town(supervisor.pid, f"http://127.0.0.1:{port}", control, keys, token, letters)


def _token(config: Path, keys: Secrets) -> str:
    command = [sys.executable, "-m", "receiver", "--config", str(config), "token", "issue"]
    environment = {"PATH": "/usr/bin:/bin", **keys.environment}
    issued = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    return issued.stdout.strip()


@contextmanager
def letter_box() -> Iterator[tuple[str, list[str]]]:
    """Receive alerts as Apprise posts them; yield the address for `alerts.to`, and the list of received ones."""
    letters: list[str] = []

    class Box(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            letters.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Box)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_address[1]}/", letters
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
