"""Where alerts go in tests: a real HTTP server and a real SMTP server, which can refuse, hang and come back."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from demo.processes import free_port


@dataclass
class HttpSink:
    """Takes what is posted."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    """Whether requests are left without an answer until the sink closes."""
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body of each request that was answered with 200."""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        return [body["title"] for _, body in self.posted]

    def answer(self, path: str, body: bytes) -> int:
        if self.hangs:
            self.released.wait(60)
            return 503
        if self.status == 200:
            self.posted.append((path, json.loads(body)))
        return self.status


@contextmanager
def http_sink(context: ssl.SSLContext | None = None) -> Iterator[HttpSink]:
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = sink.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if status in {301, 302}:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that gives up in the middle is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class SmtpSink:
    """Takes mail."""

    port: int = 0
    refuses: bool = False
    refused_recipients: frozenset[str] = frozenset()
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.refused_recipients:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        return "250 taken"


@contextmanager
def smtp_sink(
    starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, password: str = ""
) -> Iterator[SmtpSink]:
    """Run a server: in the clear, with STARTTLS, or encrypted from the first byte; with a password or without."""
    sink = SmtpSink()

    def authenticator(_: object, __: object, ___: object, ____: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=free_port(),  # it connects to itself to see whether it is up, and cannot do so where it is told 0
        tls_context=starttls,
        require_starttls=bool(starttls),
        ssl_context=tls,
        authenticator=authenticator if password else None,
        auth_required=bool(password),
        auth_require_tls=bool(password),
    )
    controller.start()
    try:
        sink.port = controller.port
        yield sink
    finally:
        controller.stop()
