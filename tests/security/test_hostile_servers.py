"""Servers that trickle, flood and burst: no call outlasts its time, and no process grows beyond its bound."""

import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest

from connectors.base import CalendarEntry, ConnectorError, Create
from connectors.ews import certificate
from receiver.alerts.message import Message, Tone
from receiver.alerts.send import Sending
from receiver.alerts.send_process import GRACE_S, Outcome
from receiver.config import AlertSettings, Secret
from receiver.operations.resync.platform_http import RestError
from tests.connectors.ews import MAILBOX, connected
from tests.makers import NOW
from tests.resync.instance import an_api
from tests.security import tricks
from tests.security.hostile import Reply, answer, hostile
from tests.security.test_hostile_exchange import settings

TIMEOUT_S = 3.0
LONGEST_S = 1.2 * TIMEOUT_S
MOST_MIB = 200


def too_long(took: Mapping[str, float]) -> dict[str, float]:
    return {name: took_s for name, took_s in took.items() if took_s > LONGEST_S}


# Deadlines


@pytest.mark.threat(id="trickling-answers")
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_no_call_to_exchange_outlasts_its_time(auth: str) -> None:
    replies = {**tricks.SLOW, **tricks.FAST, "legs": tricks.late_legs(TIMEOUT_S * 0.6)}

    def timed_call(reply: Reply) -> float:
        with hostile(reply) as server:
            ours = replace(settings(server, auth), timeout_s=TIMEOUT_S)
            with connected(ours) as connector:
                began = time.monotonic()
                with suppress(ConnectorError):
                    connector.find(MAILBOX, ["uid"])
                return time.monotonic() - began

    with ThreadPoolExecutor(len(replies)) as threads:
        took = dict(zip(replies, threads.map(timed_call, replies.values()), strict=True))
    assert too_long(took) == {}


@pytest.mark.parametrize("name", tricks.SLOW)
def test_a_write_that_trickles_is_in_doubt_unless_it_was_refused(name: str) -> None:
    entry = CalendarEntry("uid", "Titre", NOW, NOW, "Europe/Paris")
    with hostile(tricks.SLOW[name]) as server, connected(replace(settings(server), timeout_s=0.5)) as connector:
        [outcome] = connector.apply(MAILBOX, [Create(entry)])
    told = getattr(outcome, "code", None) or outcome.error.code  # type: ignore[union-attr]
    expected = {"a body of a 401": "auth_not_offered"}
    assert told == expected.get(name, "timeout")


@contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server without a word of HTTP, on a port."""
    server = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def listen() -> None:
        with suppress(OSError):
            while not stopping.is_set():
                line, _ = server.accept()
                with line, suppress(OSError):
                    while not stopping.wait(tricks.TICK_S):
                        serve(line)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        stopping.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.threat(id="trickling-answers")
def test_no_tls_handshake_outlasts_its_time() -> None:
    """A record of 16 KB that comes a byte at a time."""
    with raw(lambda line: line.sendall(b"\x16\x03\x03\x3f\xff" if not line.getsockopt(6, 1) else b"\x02")) as port:
        with hostile(answer(b"")) as server:
            ours = replace(settings(server), server=f"https://127.0.0.1:{port}/EWS/Exchange.asmx", timeout_s=TIMEOUT_S)
        began = time.monotonic()
        with connected(ours) as connector, pytest.raises(ConnectorError) as caught:
            connector.find(MAILBOX, ["uid"])
        assert time.monotonic() - began < LONGEST_S
        assert caught.value.code in {"connection_failed", "tls_failed"}
        began = time.monotonic()
        certificate.check(f"https://127.0.0.1:{port}/", None, TIMEOUT_S)
        assert time.monotonic() - began < LONGEST_S


@pytest.mark.threat(id="trickling-answers")
def test_no_call_to_the_platform_outlasts_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.operations.resync.platform_http.WHOLE_S", TIMEOUT_S)
    monkeypatch.setattr("receiver.operations.resync.platform_http.ATTEMPTS", 1)

    def timed_call(reply: Reply) -> float:
        with hostile(reply) as server, an_api(server.address) as api:
            began = time.monotonic()
            with suppress(RestError):
                api.sign_in()
            return time.monotonic() - began

    replies = {**tricks.SLOW, **tricks.FAST}
    with ThreadPoolExecutor(len(replies)) as threads:
        took = dict(zip(replies, threads.map(timed_call, replies.values()), strict=True))
    assert too_long(took) == {}


@pytest.mark.threat(id="trickling-answers")
def test_no_answer_of_a_proxy_outlasts_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer to CONNECT has headers without end, and no limit of their number; no TLS begins after the cut."""
    monkeypatch.setattr("receiver.operations.resync.platform_http.WHOLE_S", 1.0)
    monkeypatch.setattr("receiver.operations.resync.platform_http.ATTEMPTS", 1)
    for reply in (tricks.slowly(tricks.OK, b"X: a\r\n"), tricks.quickly(tricks.OK, b"X: a\r\n")):
        with hostile(reply) as proxy, an_api("https://localhost:1", http_proxy=proxy.address) as api:
            began = time.monotonic()
            with pytest.raises(RestError) as caught:
                api.sign_in()
            assert caught.value.code == "timeout"
            assert time.monotonic() - began < LONGEST_S
        gc.collect()  # a TLS socket that was reset before its handshake is left to the collector, which warns of it


# Alerts


def send(reply: Reply, patience_s: float) -> Outcome:
    with hostile(reply) as server:
        address = server.address.replace("http://", "json://")
        return Sending(AlertSettings(to=(Secret(address),)), address, Message(Tone.ALARM, "t", "b"), patience_s).wait()


@pytest.mark.threat(id="hostile-alert-receivers")
@pytest.mark.parametrize("name", ["headers", "1xx", "chunks", "a body of a 503"])
def test_no_receiver_of_alerts_is_waited_for_beyond_its_time(name: str) -> None:
    began = time.monotonic()
    send(tricks.SLOW[name], TIMEOUT_S)
    assert time.monotonic() - began < LONGEST_S + GRACE_S + 2 * tricks.TICK_S


@pytest.mark.threat(id="hostile-alert-receivers")
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("headers", Outcome.TIMEOUT),
        ("1xx", Outcome.TIMEOUT),
        ("chunks", Outcome.SENT),
        ("a body of a 503", Outcome.REFUSED),
    ],
)
def test_of_an_answer_that_trickles_the_status_counts(name: str, outcome: Outcome) -> None:
    """A letter that was taken would be sent again, and again."""
    assert send(tricks.SLOW[name], 12) is outcome  # enough for a process that starts on a busy machine


@pytest.mark.threat(id="hostile-alert-receivers")
def test_a_letter_that_was_taken_counts_as_sent_however_long_the_answer_is() -> None:
    """Else it would be sent again, and again."""
    bombs = tricks.bombs()
    assert send(bombs["200"], 60) is Outcome.SENT
    assert send(tricks.FAST["a 200"], 60) is Outcome.SENT
    assert send(bombs["500"], 60) is Outcome.REFUSED
    assert send(bombs["302"], 60) is Outcome.REDIRECTED


# Memory


def peak_mib(kind: str, calls: int, replies: Collection[Reply]) -> float:
    """Return the most memory that calls to all of these servers, one after the other, took a process of their own."""
    with ExitStack() as running:
        addresses = [running.enter_context(hostile(reply)).address for reply in replies]
        command = [sys.executable, "-m", "tests.security.hostile_caller", kind, str(calls), *addresses]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return float(done.stdout)


@pytest.mark.threat(id="endless-answers")
@pytest.mark.parametrize("kind", ["ews:basic", "ews:ntlm", "rest"])
def test_what_inflates_takes_no_memory(kind: str) -> None:
    assert peak_mib(kind, 8, tricks.bombs().values()) < MOST_MIB


@pytest.mark.threat(id="endless-answers")
@pytest.mark.parametrize("kind", ["ews:ntlm", "rest"])
def test_what_floods_takes_no_memory(kind: str) -> None:
    assert peak_mib(kind, 4, tricks.FAST.values()) < MOST_MIB


@pytest.mark.threat(id="tiny-parts")
@pytest.mark.parametrize("size", [150_000, 2_000_000])
def test_tiny_elements_take_no_memory_of_a_worker(size: int) -> None:
    assert peak_mib("ews:basic", 8, tricks.tiny_elements(size).values()) < MOST_MIB


@pytest.mark.threat(id="tiny-parts")
def test_names_that_were_met_once_do_not_stay() -> None:
    """Else a worker would grow for as long as a server likes."""
    assert peak_mib("ews:basic", 40, [tricks.tiny_elements(600_000)["names"]]) < MOST_MIB


@pytest.mark.threat(id="tiny-parts")
def test_tiny_values_take_no_memory_of_who_asks_the_platform() -> None:
    assert peak_mib("rest", 2, tricks.tiny_values(8_000_000).values()) < MOST_MIB
