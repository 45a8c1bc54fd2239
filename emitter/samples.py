"""Recorded samples brought to the present: every date moved by one offset, formats and UTC offsets kept.

A receiver refuses states that are too old or in the future, so a sample of last winter must be moved before it is sent.
Instants move by the exact offset. Wall-clock dates (days off, births, recurrences) move by whole weeks, so that weekly
rules keep their weekdays.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

AGE = timedelta(minutes=1)
"""How old the newest state of a moved story is."""

_PLATFORM_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")
_ISO_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ICAL_TIME = re.compile(r"\d{8}T\d{6}")
_ICAL_RULE = re.compile(r"FREQ=[A-Z]+;.*")
_ICAL_EVENT = re.compile(r"BEGIN:VEVENT.*END:VEVENT", re.DOTALL)

Sample = bytes | dict[str, Any]


def shift_sample(sample: Sample, now: datetime) -> bytes:
    """The body as it would have been rendered one minute before `now`."""
    return shift_by(sample, offset_to(sample, now))


def shift_story(samples: Sequence[Sample], now: datetime) -> list[bytes]:
    """Several states moved together: the newest is one minute old, the distances between them are kept."""
    offset = min(offset_to(sample, now) for sample in samples)
    return [shift_by(sample, offset) for sample in samples]


def offset_to(sample: Sample, now: datetime) -> timedelta:
    """What to add to every date; whole seconds, so that what is written in seconds stays exact."""
    meta = _parsed(sample)["meta"]
    age = datetime.fromisoformat(meta.get("payload_computed_at") or meta["timestamp"])
    return timedelta(seconds=(now - AGE - age) // timedelta(seconds=1))


def shift_by(sample: Sample, offset: timedelta) -> bytes:
    """The body with every date and time in `data` and `meta` moved."""
    return json.dumps(_shifted(_parsed(sample), offset), ensure_ascii=False, separators=(",", ":")).encode()


def _parsed(sample: Sample) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(sample) if isinstance(sample, bytes) else sample
    return parsed


def _shifted(value: Any, offset: timedelta) -> Any:
    match value:
        case dict():
            return {key: _shifted(inner, offset) for key, inner in value.items()}
        case list():
            return [_shifted(inner, offset) for inner in value]
        case str():
            return _shifted_text(value, offset)
    return value


def _shifted_text(text: str, offset: timedelta) -> str:
    for pattern, shift in _SHIFTS:
        if pattern.fullmatch(text):
            return shift(text, offset)
    return _ICAL_EVENT.sub(lambda event: _shift_ical_times(event[0], offset), text)


def _shift_platform_instant(text: str, offset: timedelta) -> str:
    return (datetime.fromisoformat(text) + offset).strftime("%Y-%m-%d %H:%M:%S %z")


def _shift_iso_instant(text: str, offset: timedelta) -> str:
    precision = "milliseconds" if "." in text else "seconds"
    shifted = (datetime.fromisoformat(text) + offset).isoformat(timespec=precision)
    return shifted.replace("+00:00", "Z") if text.endswith("Z") else shifted


def _shift_day(text: str, offset: timedelta) -> str:
    return (date.fromisoformat(text) + _whole_weeks(offset)).isoformat()


def _shift_ical_times(text: str, offset: timedelta) -> str:
    def shift(found: re.Match[str]) -> str:
        day = date.fromisoformat(found[0][:8]) + _whole_weeks(offset)
        return f"{day:%Y%m%d}{found[0][8:]}"

    return _ICAL_TIME.sub(shift, text)


def _whole_weeks(offset: timedelta) -> timedelta:
    return timedelta(weeks=round(offset / timedelta(weeks=1)))


_SHIFTS: list[tuple[re.Pattern[str], Callable[[str, timedelta], str]]] = [
    (_PLATFORM_INSTANT, _shift_platform_instant),
    (_ISO_INSTANT, _shift_iso_instant),
    (_DAY, _shift_day),
    (_ICAL_RULE, _shift_ical_times),
]
