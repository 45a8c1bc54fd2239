"""Clients who hold a place and say nothing, or next to nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.security.wire import THREADS, Way, a_webhook, head, signed, status_of

BEGINNINGS = [
    b"",
    b"POST /webhooks/mds HT",
    head() + b"X-Slow: ",
    head(1000) + b"\r\n{",
    head() + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n{",
    head() + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
]
MANY = 6 * THREADS


def answer_on(stream: socket.socket) -> bytes:
    """Read one answer, whose body is an object of JSON, from a connection that is kept."""
    received = b""
    while not received.endswith(b"}") and (block := stream.recv(65536)):
        received += block
    return received


@contextmanager
def slow_clients(way: Way) -> Iterator[list[int]]:
    """Hold connections, each with the beginning of a request; trickle a byte into each now and then."""
    stopping = threading.Event()
    with ExitStack() as stack:
        held = [stack.enter_context(way.connection()) for _ in range(MANY)]
        for number, stream in enumerate(held):
            stream.sendall(BEGINNINGS[number % len(BEGINNINGS)])

        def trickle() -> None:
            while not stopping.wait(0.3):
                for number, stream in enumerate(held):
                    if number % len(BEGINNINGS):
                        with suppress(OSError):
                            stream.sendall(b"a")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            yield [stream.fileno() for stream in held]
        finally:
            stopping.set()
            thread.join()


@pytest.mark.threat(id="slow-clients")
def test_many_of_them_keep_no_webhook_waiting_for_longer_than_its_emitter_waits(directly: Way) -> None:
    """Without a proxy, and six for each thread: gunicorn alone would wait for them without end."""
    failures = len(directly.receiver.lines("unforeseen"))
    with slow_clients(directly):
        assert status_of(directly.ask(signed(a_webhook()))) in {200, 202}
    assert len(directly.receiver.lines("unforeseen")) == failures


def test_who_was_answered_once_gets_no_more_patience_for_the_next_request(directly: Way) -> None:
    """A thread stays with its connection for a moment; it must not stay for who then says next to nothing."""
    with ExitStack() as stack:
        held = [stack.enter_context(directly.connection()) for _ in range(MANY)]
        for number, stream in enumerate(held):
            stream.sendall(signed(a_webhook(), keep=True))
            assert status_of(answer_on(stream)) in {200, 202}
            stream.sendall(BEGINNINGS[number % len(BEGINNINGS)])
        assert status_of(directly.ask(signed(a_webhook()))) in {200, 202}


def test_requests_in_a_row_on_one_connection_are_each_answered(directly: Way) -> None:
    """At once, after the thread has given the connection back, and two in one breath."""
    with directly.connection() as stream:
        for pause_s in (0.0, 0.0, 0.1, 0.0):
            time.sleep(pause_s)  # a client that asks again at once, or a little later
            stream.sendall(signed(a_webhook(), keep=True))
            assert status_of(answer_on(stream)) in {200, 202}
        stream.sendall(signed(a_webhook(), keep=True) + signed(a_webhook()))
        received = b""
        while block := stream.recv(65536):
            received += block
        assert received.count(b"HTTP/1.1 202") == 2


@pytest.mark.threat(id="slow-clients")
def test_a_proxy_keeps_them_to_itself(behind_nginx: Way, behind_caddy: Way) -> None:
    for way in (behind_nginx, behind_caddy):
        before = len(way.receiver.lines("webhook"))
        with slow_clients(way):
            answers = [way.ask(signed(a_webhook())) for _ in range(2 * THREADS)]
            assert {status_of(answer) for answer in answers} <= {200, 202}
            assert len(way.receiver.lines("webhook")) == before + 2 * THREADS
