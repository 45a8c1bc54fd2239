"""Bytes to the real receiver, as nobody's library would send them: directly, or through the proxies of deploy/."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo import configuration, processes
from demo.processes import Secrets, free_port
from emitter.platforms import Platform, signer
from emitter.scenarios import build
from tests.installation.proxies import HOST

KEYS = Secrets(webhook="un secret assez long", exchange="un autre secret")
THREADS = 4
EMITTERS_PATIENCE_S = 10.0
JSON_TYPE = b"Content-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that runs, with one web process of few threads; it knows the sources `mds` and `autre`."""

    pid: int
    port: int
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log that tell of this kind of event."""
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in found if line["event"] == event]

    def processes(self) -> list[Path]:
        """Return the folders under /proc of the program and of all that it started."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        family = [self.pid]
        for ancestor in family:  # grows meanwhile
            family += [child for child, parent in parents.items() if parent == ancestor]
        return [Path("/proc") / str(member) for member in family]

    def heard_by(self, source: str) -> int:
        """Return how many requests came to a source so far."""
        return sum(line["source"] == source for line in self.lines("webhook"))


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach it: directly, or through a proxy with TLS."""

    receiver: Receiver
    port: int
    ca_file: Path | None = None

    @contextmanager
    def connection(self, patience_s: float = EMITTERS_PATIENCE_S) -> Iterator[socket.socket]:
        """Yield a connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience_s) as plain:
            if self.ca_file is None:
                yield plain
                return
            context = ssl.create_default_context(cafile=str(self.ca_file))
            with context.wrap_socket(plain, server_hostname=HOST) as stream:
                yield stream

    def ask(self, raw: bytes, patience_s: float = EMITTERS_PATIENCE_S) -> bytes:
        """Send, and return what comes until the other end hangs up."""
        received = b""
        with self.connection(patience_s) as stream, suppress(ConnectionError, TimeoutError, ssl.SSLError):
            with suppress(ConnectionError, ssl.SSLError):  # it may answer before it has read everything
                stream.sendall(raw)
            while block := stream.recv(65536):
                received += block
        return received


@contextmanager
def a_receiver(folder: Path) -> Iterator[Receiver]:
    """Run one."""
    port = free_port()
    config = configuration.write(folder, "https://mail.departement.example/EWS/Exchange.asmx", port)
    text = config.read_text()
    start, end = text.index("  mds:"), text.index("calendars:")
    other = text[start:end].replace("mds", "autre").replace("production", "demo")
    text = f"{text[:end]}{other}{text[end:]}dry_run: true\n"
    text = text.replace("web:\n", f"web:\n  pages: true\n  processes: 1\n  threads: {THREADS}\n", 1)
    config.write_text(text)
    with processes.receiver(config, port, KEYS, folder / "log") as process:
        yield Receiver(process.pid, port, folder)


def a_webhook() -> bytes:
    """Return a body that the receiver takes."""
    return build("working_day", datetime.now(UTC)).steps[0].delivery.body


def head(length: int | None = None, source: str = "mds", *, keep: bool = False) -> bytes:
    """Return the beginning of a request to a source, without its end."""
    lines = f"POST /webhooks/{source} HTTP/1.1\r\nHost: {HOST}\r\n".encode() + JSON_TYPE
    lines += b"" if keep else b"Connection: close\r\n"
    return lines if length is None else lines + b"Content-Length: %d\r\n" % length


def signed(body: bytes, *, keep: bool = False) -> bytes:
    """Return a whole request that the receiver takes."""
    headers = signer(Platform.RDV_SERVICE_PUBLIC, KEYS.webhook)(body).items()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() != "content-type")
    return head(len(body), keep=keep) + lines.encode() + b"\r\n" + body


def status_of(answer: bytes) -> int:
    """Return the status of an answer; 0: there was none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 else 0
