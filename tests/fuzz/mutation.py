"""From a number to a body: a true message, changed a few times in its structure and sometimes in its bytes.

The same seed and number give the same body on every machine and in every process.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from receiver.core.facts import Emitter
from tests.fuzz import words
from tests.fuzz.corpus import messages
from tests.fuzz.marks import marked

LARGEST_BODY = 1 << 20
"""The web refuses more before anybody looks at it."""

Place = tuple[Any, Any]
"""A container and the key or index of one member."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body to try, and how it came about."""

    content: bytes
    emitter: Emitter
    kinds: tuple[str, ...]
    """The message that it was, and the changes to it."""


def body(seed: int, number: int) -> Body:
    """Return one body of the endless list that the seed stands for."""
    return mutated(Random(f"{seed}/{number}"))


def mutated(random: Random) -> Body:
    """Return a body made of these choices."""
    message = random.choice(messages())
    document, kinds = message.document(), [message.name]
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        change = random.choice(_CHANGES)
        change(random, document)
        kinds.append(change.__name__)
    content = _written(random, marked(document))
    while random.random() < 0.2:
        damage = random.choice(_DAMAGES)
        content = damage(random, content)
        kinds.append(damage.__name__)
    emitter = message.emitter if random.random() < 0.95 else random.choice(tuple(Emitter))
    return Body(content[:LARGEST_BODY], emitter, tuple(kinds))


def _written(random: Random, document: Any) -> bytes:
    ascii_only = random.random() < 0.5
    return json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def _places(value: Any) -> list[Place]:
    """Return where every member stands, at any depth."""
    found: list[Place] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        members = container.items() if isinstance(container, dict) else enumerate(container)
        for key, member in members:
            found.append((container, key))
            if isinstance(member, (dict, list)):
                waiting.append(member)
    return found


_NEVER_READ = {"users", "participations", "rdvs_users"}


def _place(random: Random, document: Any) -> Place:
    """Return one place, rarely one among the usagers: they are most of a message, and are never read."""
    data = document.get("data")
    places: list[Place] = []
    if isinstance(data, dict) and random.random() < 0.85:
        read = {key: member for key, member in data.items() if key not in _NEVER_READ}
        places = [(data, key) for key in read]
        places += [place for member in read.values() if isinstance(member, (dict, list)) for place in _places(member)]
    return random.choice(places or _places(document) or [(document, "data")])


def _replaced(random: Random, document: Any) -> None:
    container, key = _place(random, document)
    container[key] = words.scalar(random)


def _edited(random: Random, document: Any) -> None:
    """Change a value a little: what it was is mostly still to be seen."""
    container, key = _place(random, document)
    match container.get(key) if isinstance(container, dict) else container[key]:
        case bool() | None:
            choices: tuple[Any, ...] = (True, False, None, 0, "true")
        case int(number):
            choices = (-number, number + 1, 0.5, str(number)[:20], number * 10**15, [number])
        case float(number):
            choices = (-number, number * 2)
        case str(text):
            choices = (_edited_text(random, key, text),)
        case list(members):
            crowd = members[:1] * (1001 if len(str(members[:1])) < 1000 else 2)
            choices = (members * 2, members[::-1], crowd, [], [members], {"0": members})
        case members:
            choices = ([members], {}, list(members), {**members, "": members}, str(members))
    container[key] = random.choice(choices)


def _edited_text(random: Random, key: Any, text: str) -> Any:
    if key == "ical":
        return words.calendar(random, text)
    if key == "rrule":
        return words.rule(random)
    match random.randrange(8):
        case 0:
            return text.upper()
        case 1:
            return text * (random.choice((2, 20, 2000)) if len(text) < 200 else 1)
        case 2:
            return text[: random.randint(0, len(text))]
        case 3:
            return random.choice((list(text[:5]), {text: text}, [text]))
        case 4:
            return random.choice((words.MOMENTS, words.DAYS, words.CLOCKS, words.ZONES)[random.randrange(4)])
        case _:
            return words.inserted(random, text)


def _removed(random: Random, document: Any) -> None:
    container, key = _place(random, document)
    if isinstance(container, list):
        del container[key]
    else:
        container.pop(key, None)


def _renamed(random: Random, document: Any) -> None:
    container, key = _place(random, document)
    if isinstance(container, dict) and key in container:
        name = random.choice((key.upper(), key + "\0", f" {key}", "", *_KNOWN_NAMES))
        container[name] = container.pop(key)


_KNOWN_NAMES = (
    "id", "uuid", "starts_at", "ends_at", "motif", "lieu", "agents", "agent", "organisation", "name", "title", "rrule",
    "ical", "first_day", "end_day", "status", "collectif", "timestamp", "payload_computed_at", "visio_url",
)  # fmt: skip


def _exchanged(random: Random, document: Any) -> None:
    (one, first), (other, second) = _place(random, document), _place(random, document)
    try:
        one[first], other[second] = other[second], one[first]
        json.dumps(document)
    except (KeyError, ValueError):  # not there, or now inside of itself
        document["data"] = None


def _grafted(random: Random, document: Any) -> None:
    """Put a part of another message here."""
    donor = random.choice(messages()).document()
    container, key = _place(random, document)
    giver, gift = _place(random, donor)
    container[key] = giver[gift]


def _crossed(random: Random, document: Any) -> None:
    """Give the message the data, or the head, of another."""
    part = random.choice(("data", "meta"))
    document[part] = random.choice(messages()).document()[part]


def _emptied_of_times(_random: Random, document: Any) -> None:
    """Leave the calendar text as the one place where times are told."""
    if isinstance(data := document.get("data"), dict):
        for name in ("first_day", "end_day", "start_time", "end_time", "rrule"):
            data.pop(name, None)


def _retimed(random: Random, document: Any) -> None:
    """Change what the times depend on."""
    data = document.get("data")
    if not isinstance(data, dict):
        return
    if "starts_at" in data:
        name = random.choice(("starts_at", "ends_at", "duration_in_min", "time_zone"))
    else:
        name = random.choice(("first_day", "end_day", "start_time", "end_time", "rrule", "ical"))
    data[name] = _timely(random, name, data.get(name))


def _timely(random: Random, name: str, was: object) -> Any:
    match name:
        case "starts_at" | "ends_at":
            return random.choice(words.MOMENTS)
        case "duration_in_min":
            return random.choice(words.NUMBERS)
        case "time_zone":
            return random.choice(words.ZONES)
        case "first_day" | "end_day":
            return random.choice(words.DAYS)
        case "rrule":
            return words.rule(random)
        case "ical":
            return words.calendar(random, was if isinstance(was, str) else "BEGIN:VEVENT")
        case _:
            return random.choice(words.CLOCKS)


def _nested(random: Random, document: Any) -> None:
    container, key = _place(random, document)
    value = container.get(key) if isinstance(container, dict) else container[key]
    for _ in range(random.choice((1, 2, 30, 90))):
        value = [value] if random.random() < 0.5 else {"data": value}
    container[key] = value


_CHANGES: tuple[Callable[[Random, Any], None], ...] = (
    _replaced, _replaced, _replaced, _edited, _edited, _edited, _edited, _retimed, _retimed, _retimed, _removed,
    _removed, _renamed, _exchanged, _grafted, _crossed, _emptied_of_times, _nested,
)  # fmt: skip


def _flipped(random: Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(random.choice((1, 1, 4))):
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def _cut(random: Random, content: bytes) -> bytes:
    start, end = sorted(random.randint(0, len(content)) for _ in range(2))
    return random.choice((content[:start], content[end:], content[:start] + content[end:])) or b" "


def _spliced(random: Random, content: bytes) -> bytes:
    donor = random.choice(messages()).text.encode()
    return content[: random.randint(0, len(content))] + donor[random.randint(0, len(donor)) :] or b" "


def _named_twice(random: Random, content: bytes) -> bytes:
    names = list(re.finditer(rb'"\w{1,40}": ', content))
    if not names:
        return content
    name = random.choice(names)
    return content[: name.start()] + name[0] + random.choice((b"null, ", b"1, ", b'"x", ')) + content[name.start() :]


def _stuffed(random: Random, content: bytes) -> bytes:
    stuffing = random.choice((
        b"NaN", b"Infinity", b"1" * 5000, b"[" * 2000, b'{"a":' * 2000, b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80",
        b"\xef\xbb\xbf", b"\x00", b"//", b'\\ud800', b"," , b"}", b'"', b"1e999", b"-0", b"01", b"\xf4\x90\x80\x80",
    ))  # fmt: skip
    at = random.choice((0, len(content), random.randint(0, len(content)), content.find(b": ") + 2))
    return content[:at] + stuffing + content[at:]


def _recoded(random: Random, content: bytes) -> bytes:
    coding = random.choice(("utf-16", "utf-32-le", "latin-1", "utf-8-sig", "utf-7"))
    return content.decode("utf-8", "replace").encode(coding, "replace")


_DAMAGES = (_flipped, _flipped, _cut, _spliced, _named_twice, _named_twice, _stuffed, _stuffed, _recoded)
