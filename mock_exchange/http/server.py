"""The HTTP side: connections, authentication, faults, records. One thread a connection."""

import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mock_exchange.errors import SoapFault
from mock_exchange.ews.access import ANONYMOUS
from mock_exchange.ews.service import Answer, batch_size, fault_answer, send_mode
from mock_exchange.ews.soap import Call, parse_call
from mock_exchange.http import control
from mock_exchange.http.auth import Accepted, Challenge
from mock_exchange.http.backend import Backend
from mock_exchange.http.faults import Fault, FaultKind
from mock_exchange.http.recording import Recorded

PATH = "/EWS/Exchange.asmx"
LARGEST_REQUEST = 64 * 1024 * 1024
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Password</form></body></html>"
DROPPED = 0
DROPS = frozenset({FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.LATE_COMMIT})
CONNECTION_LOST = (ConnectionError, TimeoutError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One POST to the EWS address, as far as it could be read."""

    body: bytes
    account: str | None
    """None: not authenticated."""
    call: Call | None = None
    verb: str = ""
    mailbox: str | None = None
    refused: bool = False


class Server(ThreadingHTTPServer):
    """Listens, and closes every connection when it stops."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], backend: Backend, tls: ssl.SSLContext | None) -> None:
        super().__init__(address, Handler)
        self.backend = backend
        self.stopping = threading.Event()
        self._tls = tls
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its TLS handshake happens in its own thread."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is over."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base class's own signature
        """Ignore clients that went away; anything else is a bug of the mock and is kept for the tests."""
        error = sys.exception()
        if error is not None and not isinstance(error, CONNECTION_LOST):
            self.backend.service.crashes.append(error)

    def stop(self) -> None:
        """Stop listening, cut every connection, and wait for their threads."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        """Finish the TLS handshake where there is one; begin unauthenticated."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()
        self.backend = self.server.backend
        self.gate = self.backend.authenticator.gate()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the time by the server's own clock, which may be wrong."""
        return super().date_time_string((timestamp or time.time()) + self.backend.clock_ahead_s)

    def version_string(self) -> str:
        """Name the server as Exchange's is named."""
        return "Microsoft-IIS/10.0"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Write nothing: what came is recorded."""

    def do_GET(self) -> None:
        """Answer the control API, and say at the EWS address that only POST is meant."""
        if self.path.startswith(control.PREFIX):
            self._control("GET", b"")
        elif self._is_ews():
            self._reply(Answer(405, b"", headers={"Allow": "POST"}))
        else:
            self._reply(Answer(404, b""))

    def do_DELETE(self) -> None:
        """Answer the control API."""
        self._control("DELETE", b"")

    def do_POST(self) -> None:
        """Answer one call."""
        body = self._read_body()
        if body is None:
            return
        if self.path.startswith(control.PREFIX):
            self._control("POST", body)
        elif self._is_ews():
            with self.backend.at_work():
                self._call(body)
        else:
            self._reply(Answer(404, b""))

    def _is_ews(self) -> bool:
        return self.path.partition("?")[0].lower() == PATH.lower()

    def _read_body(self) -> bytes | None:
        """Read the whole body, which must be done before any answer: what is left would be read as the next request."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            self._reply(Answer(411 if not length else 413, b""))
            return None
        return self.rfile.read(int(length))

    def _call(self, body: bytes) -> None:
        admitted = self.gate.admit(self.headers.get("Authorization"))
        incoming = self._incoming(body, admitted)
        if isinstance(admitted, Challenge):
            self.server.stopping.wait(self.backend.latency_s)
            answer: Answer | None = _challenge(admitted)
        else:
            answer = self._throttled(incoming, admitted.account)
        # Only now: a client that has an answer may call again, and the place of this call must be free.
        if answer is not None:
            self._finish(incoming, answer)

    def _throttled(self, incoming: Incoming, account: str) -> Answer | None:
        try:
            with self.backend.throttle.admit(account, incoming.mailbox):
                self.server.stopping.wait(self.backend.latency_s)
                return self._answer(incoming)
        except SoapFault as refused:
            return fault_answer(refused)

    def _answer(self, incoming: Incoming) -> Answer | None:
        """Do the work, or what a planned fault says; None: the connection was dropped."""
        fault = self.backend.faults.take(incoming.verb, incoming.mailbox)
        if fault is None:
            return self._work(incoming)
        if fault.kind not in DROPS:
            return self._troubled(fault, incoming)
        self._drop(fault, incoming)
        return None

    def _incoming(self, body: bytes, admitted: Accepted | Challenge) -> Incoming:
        """Parse the request before any work: afterwards an item that names the mailbox may be gone."""
        account = admitted.account if isinstance(admitted, Accepted) else None
        refused = isinstance(admitted, Challenge) and admitted.refused
        call = _parsed(body)
        if call is None:
            return Incoming(body, account, refused=refused)
        mailbox = self.backend.service.mailbox_of(call, account)
        return Incoming(body, account, call, call.verb, mailbox, refused)

    def _work(self, incoming: Incoming, item_errors: Mapping[int, str] | None = None, missing: int = 0) -> Answer:
        return self.backend.service.answer(incoming.body, incoming.account or ANONYMOUS, item_errors, missing)

    def _drop(self, fault: Fault, incoming: Incoming) -> None:
        if fault.kind == FaultKind.DROP_AFTER:
            self._work(incoming)
        self._record(incoming, Answer(DROPPED, b""))
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        if fault.kind == FaultKind.LATE_COMMIT and not self.server.stopping.wait(fault.delay_s):
            self._work(incoming)

    def _troubled(self, fault: Fault, incoming: Incoming) -> Answer:
        if fault.kind == FaultKind.HANG:
            self.server.stopping.wait(fault.delay_s)
            return self._work(incoming)
        if fault.kind == FaultKind.SLOW_ANSWER:
            answer = self._work(incoming)
            self.server.stopping.wait(fault.delay_s)
            return answer
        if fault.kind == FaultKind.ITEM_ERROR:
            return self._work(incoming, item_errors={fault.index: fault.code})
        if fault.kind == FaultKind.SHORT:
            return self._work(incoming, missing=fault.missing)
        if fault.kind == FaultKind.UNAUTHORIZED:
            return _challenge(self.gate.refuse())
        return _canned(fault)

    def _finish(self, incoming: Incoming, answer: Answer) -> None:
        """Record first, so that a client that has the answer finds the record."""
        self._record(incoming, answer)
        self._reply(answer)

    def _record(self, incoming: Incoming, answer: Answer) -> None:
        call = incoming.call
        self.backend.record(
            Recorded(
                verb=incoming.verb,
                mailbox=incoming.mailbox,
                request=incoming.body,
                response=answer.body,
                status=answer.status,
                headers={name: text for name, text in self.headers.items() if name.lower() != "authorization"},
                send_mode=send_mode(call) if call else None,
                batch=batch_size(call) if call else 0,
                refused=incoming.refused,
            )
        )

    def _control(self, method: str, body: bytes) -> None:
        status, content = control.answer(self.backend, self.client_address[0], method, self.path, body)
        self._reply(Answer(status, json.dumps(content).encode(), "application/json"))

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, text in answer.headers.items():
            self.send_header(name, text)
        if self.gate.answer:
            self.send_header("WWW-Authenticate", self.gate.answer)
            self.gate.answer = None
        self.end_headers()
        self.wfile.write(answer.body)


def _parsed(body: bytes) -> Call | None:
    try:
        return parse_call(body)
    except SoapFault:
        return None


def _challenge(challenge: Challenge) -> Answer:
    return Answer(401, b"", "text/html", {"WWW-Authenticate": challenge.www_authenticate})


def _canned(fault: Fault) -> Answer:
    """Return the answer of a fault that does no work."""
    if fault.kind == FaultKind.UNAVAILABLE:
        retry: Mapping[str, str] = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
        return Answer(503, b"Service Unavailable", "text/html", retry)
    if fault.kind == FaultKind.REDIRECT:
        return Answer(302, b"", "text/html", {"Location": "https://sso.departement.example/login"})
    if fault.kind == FaultKind.LOGIN_PAGE:
        return Answer(200, LOGIN_PAGE, "text/html; charset=utf-8")
    if fault.kind == FaultKind.EMPTY:
        return Answer(200, b"")
    if fault.kind == FaultKind.SERVER_BUSY:
        text = "The server cannot service this request right now. Try again later."
        return fault_answer(SoapFault("ErrorServerBusy", text, fault.back_off_ms))
    return fault_answer(SoapFault(fault.code))
