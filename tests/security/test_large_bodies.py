"""Bodies of some mebibytes: honest ones are taken, and none of any form takes a process beyond its memory."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from copy import deepcopy

import pytest

from receiver.core.facts import Emitter
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from receiver.core.wire.weight import HEAVIEST, is_heavier, weight_of
from receiver.web.bodies import LARGE_AT_ONCE, LARGE_BYTES, MAX_BODY_BYTES
from receiver.web.gunicorn_worker import LARGE_READ_WITHIN_S, READ_WITHIN_S
from tests.lab.waiting import wait_until
from tests.security.wire import Receiver, Way, a_receiver, a_webhook, head, signed, status_of

LIMIT_KIB = 200_000
PATIENCE_S = 60.0
LONG = LARGE_BYTES + 1


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A receiver of its own, whose memory nobody else has grown."""
    with a_receiver(tmp_path_factory.mktemp("large")) as receiver:
        yield Way(receiver, receiver.port)


def collective(participants: int) -> bytes:
    """Return an appointment of so many participants, as the emitter tells one."""
    document = json.loads(a_webhook())
    data = document["data"]
    for name in ("users", "participations"):
        one = data[name][0]
        data[name] = [deepcopy(one) | {"id": number} for number in range(participants)]
    return json.dumps(document, ensure_ascii=False).encode()


def with_emoji(body: bytes, texts: int) -> bytes:
    """Return the appointment with an emoji at the beginning of some texts of its first participants, and another id."""
    start, users, rest = body.partition(b'"users": [')
    assert users
    start = start.replace(b'"id": ', b'"id": 7', 1)
    return start + users + rest.replace(b'_name": "', '_name": "\U0001fae8'.encode(), texts)


def filled(unit: bytes, size: int = MAX_BODY_BYTES) -> bytes:
    """Return an appointment with a field of nothing but one thing, again and again."""
    plain = a_webhook()
    room = size - len(plain) - 20
    return plain.replace(b'"data"', b'"x": [' + b",".join([unit] * (room // (len(unit) + 1))) + b'], "data"', 1)


def unique(size: int = MAX_BODY_BYTES) -> bytes:
    plain = a_webhook()
    members = ",".join(f'"k{number:07d}":"bc"' for number in range((size - len(plain) - 20) // 16))
    return plain.replace(b'"data"', b'"x": {' + members.encode() + b'}, "data"', 1)


def heaviest(unit: bytes, text: bytes, size: int = MAX_BODY_BYTES) -> bytes:
    """Return the heaviest body that is still read: one thing again and again, and a text that fills up the rest."""
    start, end = a_webhook().split(b'"data"', 1)

    def body(count: int) -> bytes:
        units = b",".join([unit] * count)
        rest = b"a" * (size - len(start) - len(end) - len(units) - len(text) - 24)
        return start + b'"y": "' + text + rest + b'", "x": [' + units + b'], "data"' + end

    most = (size - len(start) - len(end) - 100) // (len(unit) + 1)
    each = weight_of(unit + b",") - weight_of(b"a" * len(unit + b","))  # the text shrinks by what the units take
    count = min(most, (HEAVIEST - weight_of(body(0))) // each)
    assert weight_of(body(count)) <= HEAVIEST
    return body(count)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing but lists": lambda: filled(b"[]"),
    "lists in lists": lambda: filled(b"[[]]"),
    "objects": lambda: filled(b'{"a":"bc"}'),
    "objects with names of their own": unique,
    "short texts": lambda: filled(b'"bc"'),
    "wide texts": lambda: filled('"😀"'.encode()),
    "numbers": lambda: filled(b"1e5"),
    "long numbers": lambda: filled(b"9" * 4300),
    "a number without end": lambda: filled(b"1." + b"0" * (MAX_BODY_BYTES - 8192)),
    "depth": lambda: filled(b"[" * 900 + b"]" * 900),
    "depth without end": lambda: b"[" * MAX_BODY_BYTES,
    "one wide text": lambda: filled(b'"' + "😀".encode() + b"a" * (MAX_BODY_BYTES - 8192) + b'"'),
    "one text with an escape": lambda: filled(rb'"\ud83d\ude00' + b"a" * (MAX_BODY_BYTES - 8192) + b'"'),
    **{
        f"as many {unit} as are read, beside a long text {how}": lambda unit=unit, text=text: heaviest(
            unit.encode(), text
        )  # type: ignore[misc]
        for unit in ("[[]]", '{"a":{"b":"cd"}}', '"bc"', "1e5")
        for how, text in (("with a rare letter", "😀".encode()), ("of plain letters", b"a"))
    },
}


def peak_kib(receiver: Receiver) -> int:
    """Return the most memory that any of the processes of the web ever had."""
    peaks = [0]
    for folder in receiver.processes():
        if b"serve" in (folder / "cmdline").read_bytes().split(b"\0"):
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            peaks.append(int(status["VmHWM"].split()[0]))
    return max(peaks)


@pytest.mark.threat(id="large-bodies")
def test_hostile_bodies_with_a_valid_signature_take_no_process_beyond_its_memory(fresh: Way) -> None:
    """Two at a time, each kind twice, one kind after the other: what one leaves the next must not add to."""
    for name, make in HOSTILE.items():
        body = make()
        assert LARGE_BYTES < len(body) <= MAX_BODY_BYTES, name
        raw = signed(body)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: status_of(fresh.ask(raw, PATIENCE_S)), range(4)))  # noqa: B023
        assert set(answers) <= {202, 422}, name
        assert peak_kib(fresh.receiver) < LIMIT_KIB, name


def test_honest_ones_are_taken_whole(fresh: Way) -> None:
    """250 participants, and as many as fit; also where some texts have emoji."""
    for count in (250, 2000, 4700):
        for body in (collective(count), with_emoji(collective(count), 20)):
            assert len(body) <= MAX_BODY_BYTES
            assert status_of(fresh.ask(signed(body), PATIENCE_S)) == 202, count
    assert peak_kib(fresh.receiver) < LIMIT_KIB


def test_a_body_may_have_exactly_so_many_bytes_and_no_more(fresh: Way) -> None:
    plain = a_webhook()
    longest = plain + b" " * (MAX_BODY_BYTES - len(plain))
    assert status_of(fresh.ask(signed(longest), PATIENCE_S)) == 202
    assert status_of(fresh.ask(signed(longest + b" "), PATIENCE_S)) in {0, 413}  # 0: it hung up on who still wrote


def test_a_document_out_of_all_proportion_is_not_read_at_all() -> None:
    """Whatever its size: many bodies of 1 MiB may come at once."""
    for body in (filled(b"[]", LARGE_BYTES), filled(b'{"a":1}', LARGE_BYTES)):
        assert len(body) <= LARGE_BYTES
        assert weight_of(body) > HEAVIEST // 2
    with pytest.raises(InvalidPayload) as caught:
        decode(filled(b"[]"), Emitter.RDV_SERVICE_PUBLIC, Policies())
    assert caught.value.paths == ("$",)


@pytest.mark.parametrize("unit", [b"{", b"[", b",", b":", b"a", b"\xff", b"\\ud800", b"{,"])
def test_a_short_body_needs_no_look(unit: bytes) -> None:
    """What is said of a body by its length alone is never less than what it weighs."""
    for count in (1, 100):
        body = unit * count
        weight = weight_of(body)
        assert not is_heavier(body, weight)
        assert is_heavier(body, weight - 1)


def beginning(chunked: bool) -> bytes:
    """Return the beginning of a large body, whose end does not come."""
    if chunked:
        return (
            head() + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % (2 * LONG) + b" " * (LONG + LARGE_BYTES // 2)
        )
    return head(LONG) + b"\r\n{"


@pytest.mark.threat(id="large-bodies")
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_while_two_large_bodies_are_under_way_a_third_is_told_to_come_again_and_small_ones_are_taken(
    directly: Way, chunked: bool
) -> None:
    large = signed(b" " * LONG)
    with ExitStack() as stack:
        answer = b""
        for _ in range(5):  # ours may come before one of those
            if status_of(answer) == 503:
                break
            stream = stack.enter_context(directly.connection())
            stream.sendall(beginning(chunked))
            time.sleep(0.2)  # nothing shows that a body which is not whole has its place
            answer = directly.ask(large)
        assert b"Retry-After: " in answer
        assert b'"reason": "busy"' in answer
        assert status_of(directly.ask(signed(a_webhook()))) in {200, 202}
        # Those two go on holding their connections. What they say no more costs them their places.
        wait_until(lambda: status_of(directly.ask(large)) == 422, "a place", PATIENCE_S, 0.05)


@pytest.mark.threat(id="large-bodies")
def test_two_that_trickle_keep_a_third_waiting_for_no_longer_than_one_may_take(directly: Way) -> None:
    stopping = threading.Event()
    with ExitStack() as stack:
        held = [stack.enter_context(directly.connection()) for _ in range(LARGE_AT_ONCE)]
        for stream in held:
            stream.sendall(beginning(chunked=False))

        def trickle() -> None:
            while not stopping.wait(0.2):
                for stream in held:
                    with suppress(OSError):
                        stream.sendall(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        stack.callback(thread.join)
        stack.callback(stopping.set)
        wait_until(lambda: status_of(directly.ask(signed(b" " * LONG))) == 422, "a place", PATIENCE_S, 0.05)


def test_a_line_that_is_slow_and_honest_brings_a_large_body(directly: Way) -> None:
    """Longer than a small one may take, and shorter than its emitter waits."""
    assert READ_WITHIN_S + 1 < 6.5 < LARGE_READ_WITHIN_S < 10
    raw = signed(b" " * MAX_BODY_BYTES)
    with directly.connection() as stream:
        stream.sendall(raw[:-1])
        time.sleep(6.5)  # a slow line; the program looks at its clocks each second
        stream.sendall(raw[-1:])
        assert status_of(stream.recv(65536)) == 422


ENDS: dict[str, tuple[bytes, int]] = {
    "refused": (head(LONG) + b"\r\n" + b" " * LONG, 401),
    "not understood": (signed(b" " * LONG), 422),
    "cut short": (head(LONG) + b"\r\n{", 0),
    "no HTTP": (head() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % LONG + b" " * LONG + b"\r\nzz\r\n", 400),
    "too long": (head() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (9 << 20) + b" " * (9 << 20), 413),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_place_is_given_back_however_a_body_ends(directly: Way, name: str) -> None:
    raw, status = ENDS[name]
    for _ in range(LARGE_AT_ONCE + 1):
        if status:
            assert status_of(directly.ask(raw)) in {status, 0}
        else:
            with directly.connection() as stream:
                stream.sendall(raw)
    wait_until(lambda: status_of(directly.ask(signed(b" " * LONG))) == 422, "a place", PATIENCE_S, 0.05)
    with ThreadPoolExecutor(LARGE_AT_ONCE) as pool:
        answers = pool.map(lambda _: status_of(directly.ask(signed(b" " * LONG))), range(LARGE_AT_ONCE))
    assert set(answers) == {422}
