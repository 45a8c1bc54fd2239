"""Bodies whose form is an attack: on the parsers, on the memory, on the regular expressions."""

import json
import time
import tracemalloc
from collections.abc import Callable

import pytest

from receiver.core.facts import Emitter
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from receiver.core.text import clean
from receiver.core.wire.calendar_text import has_two_zones, read_calendar_text
from receiver.operations.support.anonymise import Placeholders
from receiver.web.auth.session import page_after
from tests.core.samples import as_body, edited, sample
from tests.web.receiver_client import SECRET, Receiver, hex_signature

RDV = sample("rdv-2024-created")
ABSENCE = sample("absence-several-days")
PLAIN = as_body(RDV)


def refused(body: bytes) -> tuple[str, ...]:
    with pytest.raises(InvalidPayload) as caught:
        decode(body, Emitter.RDV_SERVICE_PUBLIC, Policies())
    return caught.value.paths


BODIES = {
    "lists in lists": b"[" * 500_000,
    "objects in objects": b'{"a":' * 100_000,
    "lists in lists in a field": PLAIN.replace(b'"data"', b'"x": ' + b"[" * 50_000 + b"]" * 50_000 + b', "data"', 1),
    "a key twice": PLAIN.replace(b'"meta"', b'"meta": {}, "meta"', 1),
    "a key twice, once escaped": PLAIN.replace(b'"meta"', b'"met\\u0061": {}, "meta"', 1),
    "a number of many digits": PLAIN.replace(b'"data"', b'"n": %s, "data"' % (b"9" * 100_000), 1),
    "NaN": PLAIN.replace(b'"data"', b'"n": NaN, "data"', 1),
    "Infinity": PLAIN.replace(b'"data"', b'"n": -Infinity, "data"', 1),
    "not UTF-8": PLAIN + b"\xff",
    "UTF-16": PLAIN.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "an overlong letter": PLAIN.replace(b'"data"', b'"\xc0\xaf": 1, "data"', 1),
    "a half of a letter, raw": PLAIN.replace(b'"data"', b'"\xed\xa0\x80": 1, "data"', 1),
    "a comment": b"/**/" + PLAIN,
    "two documents": PLAIN + PLAIN,
}


@pytest.mark.threat(id="ambiguous-json")
@pytest.mark.parametrize("name", BODIES)
def test_a_body_with_two_meanings_or_none_is_refused_as_a_whole(name: str) -> None:
    assert refused(BODIES[name]) == ("$",)


@pytest.mark.threat(id="ambiguous-json")
def test_a_signed_body_of_any_form_is_answered_and_never_an_error_of_ours(receiver: Receiver) -> None:
    for body in BODIES.values():
        response = receiver.post(body, headers={"X-Lapin-Signature": hex_signature(body, SECRET)})
        assert (response.status_code, response.json["reason"]) == (422, "payload")


@pytest.mark.parametrize("number", ["1e400", "-1", "0", "1.5", "9223372036854775808", "true", '"4330"', "null", "{}"])
def test_a_number_that_is_no_id_is_refused_by_name(number: str) -> None:
    body = json.dumps(edited(RDV, "data.id", "@@"), ensure_ascii=False).replace('"@@"', number).encode()
    assert refused(body) == ("data.id",)


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "a\\u0000b", "\\u001b[31m", "\\u202e", "\\ufeff"])
def test_letters_that_are_none_are_taken_out(text: str) -> None:
    document = json.loads(json.dumps(edited(RDV, "data.motif.name", "Motif @@")).replace("@@", text))
    news = decode(json.dumps(document).encode(), Emitter.RDV_SERVICE_PUBLIC, Policies())
    assert "Motif" in repr(news)
    for letter in ("\ud800", "\udfff", "\0", "\x1b", "\u202e", "\ufeff"):
        assert letter.encode("unicode-escape").decode() not in repr(news)
        assert letter not in repr(news)


def ical(middle: str = "", zone: str = "") -> str:
    times = f"DTSTART{zone}:20261201T080000\r\nDTEND{zone}:20261201T090000\r\n"
    return f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{times}{middle}END:VEVENT\r\nEND:VCALENDAR\r\n"


def absence(text: str) -> bytes:
    """An absence whose times stand in its calendar text alone."""
    document = edited(ABSENCE, "data.ical", text)
    for name in ("first_day", "start_time", "end_time", "end_day", "rrule"):
        document["data"].pop(name, None)
    return as_body(document)


CALENDARS = {
    "components in components": ical("BEGIN:A\r\n" * 2500 + "END:A\r\n" * 2500),
    "components without end": "BEGIN:VEVENT\r\n" * 3400,
    "many components": ical("BEGIN:A\r\nEND:A\r\n" * 2900),
    "many rules": ical("RRULE:FREQ=SECONDLY;COUNT=999999999\r\n" * 1200),
    "a rule a billion times": ical("RRULE:FREQ=SECONDLY;COUNT=999999999\r\n"),
    "a rule for ever": ical("RRULE:FREQ=SECONDLY\r\n"),
    "a number of many digits": ical(f"RRULE:FREQ=DAILY;COUNT={'9' * 40_000}\r\n"),
    "a list without end": ical(f"RRULE:FREQ=YEARLY;BYSECOND={'1,' * 20_000}1\r\n"),
    "many dates": ical(f"RDATE:{'20261201T080000Z,' * 2500}20261201T080000Z\r\n"),
    "a long line": ical(f"SUMMARY:{'a' * 49_000}\r\n"),
    "a folded line": ical("SUMMARY:a\r\n" + " a\r\n" * 9000),
    "many parameters": ical(f"SUMMARY{';X=a' * 11_000}:b\r\n"),
    "a quote without end": ical(f'SUMMARY;X="{"a" * 40_000}\r\n'),
    "many quotes": ical("SUMMARY;X=" + '"' * 40_000 + ":b\r\n"),
    "a duration beyond time": ical("DURATION:P99999999999999999D\r\n"),
    "an alarm beyond time": ical("BEGIN:VALARM\r\nTRIGGER:-P9999999999999D\r\nEND:VALARM\r\n"),
    "a zone of its own": ical(zone=";TZID=X").replace(
        "BEGIN:VEVENT",
        "BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:00010101T000000\r\nRRULE:FREQ=SECONDLY\r\n"
        "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT",
    ),
    "letters that are none": ical("SUMMARY:\0\x1b[31m\u2028\r\n"),
    "more than any that is meant": ical("X:a\r\n" * 20_000),
}


@pytest.mark.threat(id="calendar-texts")
@pytest.mark.parametrize("name", CALENDARS)
def test_a_calendar_text_is_refused_or_read_within_the_size_of_a_body(name: str) -> None:
    """Nothing is expanded: a rule is read as a rule, whatever it would mean."""
    body = absence(CALENDARS[name])
    tracemalloc.start()
    assert set(_decoded(body)) <= {"data.ical"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.threat(id="calendar-texts")
@pytest.mark.parametrize(
    "zone", ["Europe", "America/Argentina", ".", "..", "../../../etc/passwd", "/etc/passwd", "a" * 5000, "tzdata.zi"]
)
def test_a_zones_name_is_no_way_into_the_file_system(zone: str) -> None:
    """Libraries look a zone up as a file: it may be a folder's name, or too long for any."""
    assert refused(absence(ical(zone=f";TZID={zone}"))) == ("data.ical",)


# Time: what is four times as long takes some four times as long, not sixteen.

LINEAR: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "a body of brackets": (lambda text: _decoded(text.encode()), lambda size: "[" * size),
    "a calendar text of properties": (read_calendar_text, lambda size: "\nSTATUS;X=" + "STATUS;" * (size // 7)),
    "a calendar text of components": (read_calendar_text, lambda size: "BEGIN:VEVENT\r\n" * (size // 14)),
    "a calendar text of folds": (read_calendar_text, lambda size: "\n " * (size // 2)),
    "a time of zones": (has_two_zones, lambda size: "\nDTSTART;" + "TZID=" * (size // 5)),
    "an emoji without end": (lambda text: clean(text, len(text) // 3), lambda size: "\U0001f468\u200d" * (size // 2)),
    "flags": (lambda text: clean(text, len(text) // 3), lambda size: "\U0001f1eb" * size),
    "a text of controls": (lambda text: clean(text, len(text)), lambda size: "\x1b" * size),
    "a text of spaces": (lambda text: clean(text, len(text)), lambda size: " a" * (size // 2)),
    "an address after the login": (page_after, lambda size: "/status" + "/a" * (size // 2) + "!"),
    "a question after the login": (page_after, lambda size: "/status?" + "a=" * (size // 2) + "!"),
    "a word in a log": (lambda text: Placeholders().scrub(text), lambda size: "a" * size),
    "words in a log": (lambda text: Placeholders().scrub(text), lambda size: "a." * (size // 2) + "@"),
    "a wire time": (lambda text: _decoded(_with("data.starts_at", text)), lambda size: "1" * size),
    "an e-mail": (lambda text: _decoded(_with("data.agents.0.email", text)), lambda size: "a@" * (size // 2)),
    "a zone": (lambda text: _decoded(_with("data.time_zone", text)), lambda size: "A/" * (size // 2)),
    "a uuid": (lambda text: _decoded(_with("data.uuid", text)), lambda size: "0-" * (size // 2)),
    "a link": (lambda text: _decoded(_with("data.url_for_agents", text)), lambda size: "https://" + "a." * size),
    "a rule": (lambda text: _decoded(_rule(text)), lambda size: "FREQ=DAILY;BYDAY=" + "MO," * (size // 3)),
    "a rule of nothing": (lambda text: _decoded(_rule(text)), lambda size: ";" * size),
}


def _with(path: str, text: str) -> bytes:
    return as_body(edited(RDV, path, text))


def _rule(text: str) -> bytes:
    return as_body(edited(ABSENCE, "data.rrule", text))


def _decoded(body: bytes) -> tuple[str, ...]:
    """Return what is wrong with a body, by name."""
    try:
        decode(body, Emitter.RDV_SERVICE_PUBLIC, Policies())
    except InvalidPayload as refusal:
        return refusal.paths
    return ()


@pytest.mark.threat(id="slow-regex")
@pytest.mark.parametrize("name", LINEAR)
def test_no_text_takes_more_than_its_length_of_time(name: str) -> None:
    work, text = LINEAR[name]
    short, long = text(20_000), text(80_000)
    assert _least_s(work, long) < 10 * max(_least_s(work, short), 0.0005)


def _least_s(work: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        work(text)
        times.append(time.process_time() - start)
    return min(times)
