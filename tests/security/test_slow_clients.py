"""Clients who hold a place and say nothing, or next to nothing."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

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


def test_many_of_them_keep_no_webhook_waiting_for_longer_than_its_emitter_waits(directly: Way) -> None:
    """Without a proxy, and six for each thread: gunicorn alone would wait for them without end."""
    failures = len(directly.receiver.lines("unforeseen"))
    with slow_clients(directly):
        assert status_of(directly.ask(signed(a_webhook()))) in {200, 202}
    assert len(directly.receiver.lines("unforeseen")) == failures


def test_a_proxy_keeps_them_to_itself(behind_nginx: Way, behind_caddy: Way) -> None:
    for way in (behind_nginx, behind_caddy):
        before = len(way.receiver.lines("webhook"))
        with slow_clients(way):
            answers = [way.ask(signed(a_webhook())) for _ in range(2 * THREADS)]
            assert {status_of(answer) for answer in answers} <= {200, 202}
            assert len(way.receiver.lines("webhook")) == before + 2 * THREADS
