"""What a calendar shows of a series: its occurrences, at the same wall-clock time in the item's zone.

Occurrences are worked out, never stored; a series remembers only the days that were taken out of it. An occurrence's id
is its series' id and its day, so that it stays what it is as long as the series has that day.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise
from typing import Self

from mock_exchange.calendar.model import Item, new_id
from mock_exchange.calendar.recurrence import Recurrence
from mock_exchange.calendar.recurrence_element import read_recurrence
from mock_exchange.calendar.store import Store
from mock_exchange.calendar.times import WINDOWS_ZONES, parse, to_wire, zone_of
from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element, make

ID_LENGTH = len(new_id())
MARK = b"OC"
PROBED = 60
"""So many occurrences show the shortest gap of a pattern."""


@dataclass(frozen=True, slots=True)
class Series:
    """When the occurrences of an item are."""

    recurrence: Recurrence
    zone: tzinfo
    begins: time
    """Wall clock, as is the length: a night from ten to six stays one where a clock changes."""
    lasts: timedelta

    @classmethod
    def of(cls, values: Mapping[str, Element]) -> Self | None:
        """Read an item's properties; None where it does not repeat.

        Raises:
            EwsError: its recurrence or its zone is none that Exchange accepts.

        """
        if "Recurrence" not in values:
            return None
        recurrence, zone = read_recurrence(values["Recurrence"]), _zone(values)
        start, end = (
            parse(values[name].text or "").astimezone(zone).replace(tzinfo=None, fold=0) for name in ("Start", "End")
        )
        return cls(recurrence, zone, start.time(), end - start)

    def span(self, day: date) -> tuple[datetime, datetime]:
        """Return start and end of the occurrence of a day.

        What does not exist is as much later as clocks were put forward; what exists twice is the first of both.
        """
        start = datetime.combine(day, self.begins)
        begins, ends = (moment.replace(tzinfo=self.zone).astimezone(UTC) for moment in (start, start + self.lasts))
        return begins, max(begins, ends)

    def overlaps_itself(self) -> bool:
        """Tell whether an occurrence begins before the one before it has ended."""
        return any(later - day < self.lasts for day, later in pairwise(islice(self.recurrence.days(), PROBED)))


def settled(values: Mapping[str, Element]) -> dict[str, Element]:
    """Return an item's properties with Start and End moved to the first occurrence, as Exchange moves them.

    Raises:
        EwsError: Exchange would not save such a series.

    """
    series = Series.of(values)
    if series is None:
        return dict(values)
    if series.overlaps_itself():
        raise EwsError("ErrorOccurrenceTimeSpanTooBig", "One occurrence overlaps another one of the same item.")
    return dict(values) | _times(series, next(series.recurrence.days()))


def shown(items: Iterable[Item], start: datetime, end: datetime) -> list[Item]:
    """Return what a calendar shows between two moments, by start: single items, and the occurrences of series."""
    found = [occurrence for item in items for occurrence in _shown(item, start, end)]
    return sorted(found, key=lambda item: _moment(item, "Start"))


def occurrence_days(item: Item) -> Iterator[date]:
    """Yield the days of a series that were not taken out."""
    series = Series.of(item.values)
    return (day for day in series.recurrence.days() if day not in item.deleted) if series else iter(())


def find(store: Store, item_id: str) -> Item:
    """Return an item or an occurrence by its id.

    Raises:
        EwsError: the id is malformed, or leads nowhere.

    """
    owner, day = split_id(item_id)
    item = store.item(owner)
    if day is None:
        return item
    series = Series.of(item.values)
    if series is None or not series.recurrence.has(day) or day in item.deleted:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    return _occurrence(item, series, day)


def find_by_index(store: Store, series_id: str, index: int) -> Item:
    """Return an occurrence by its number, from 1 on; those that were taken out keep theirs.

    Raises:
        EwsError: the series has no such occurrence, or the id is no series'.

    """
    item = store.item(series_id)
    series = Series.of(item.values)
    if series is None:
        raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId", "The id is not that of a recurring master.")
    day = next(islice(series.recurrence.days(), index - 1, None), None) if index > 0 else None
    if day is None:
        raise EwsError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "The series has no such occurrence.")
    if day in item.deleted:
        raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence", "The occurrence was deleted.")
    return _occurrence(item, series, day)


def series_of(store: Store, occurrence_id: str) -> Item:
    """Return the series of an occurrence.

    Raises:
        EwsError: the id is not an occurrence's.

    """
    owner, day = split_id(occurrence_id)
    if day is None:
        raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId", "The id is not that of an occurrence.")
    return store.item(owner)


def take_out(store: Store, occurrence: Item) -> None:
    """Delete one occurrence; its series goes with the last one."""
    owner, day = split_id(occurrence.id)
    item = store.item(owner)
    if day is not None:
        item.deleted |= {day}
    store.touch(item)
    if next(occurrence_days(item), None) is None:
        store.remove(item)


def id_of(series_id: str, day: date) -> str:
    """Return the id of an occurrence."""
    return series_id + base64.b64encode(MARK + day.toordinal().to_bytes(4)).decode()


def split_id(item_id: str) -> tuple[str, date | None]:
    """Return the id of what is stored, and the day where the id is an occurrence's."""
    if len(item_id) <= ID_LENGTH:
        return item_id, None
    try:
        tail = base64.b64decode(item_id[ID_LENGTH:], validate=True)
        day = date.fromordinal(int.from_bytes(tail[len(MARK) :]))
    except (ValueError, OverflowError):
        return item_id, None
    return (item_id[:ID_LENGTH], day) if tail.startswith(MARK) else (item_id, None)


def _shown(item: Item, start: datetime, end: datetime) -> Iterator[Item]:
    series = Series.of(item.values)
    if series is None:
        if _overlaps(_moment(item, "Start"), _moment(item, "End"), start, end):
            yield item
        return
    for day in series.recurrence.days():
        begins, ends = series.span(day)
        if begins > end:
            return
        if day not in item.deleted and _overlaps(begins, ends, start, end):
            yield _occurrence(item, series, day)


def _overlaps(begins: datetime, ends: datetime, start: datetime, end: datetime) -> bool:
    return begins < end and (ends > start or begins >= start)


def _occurrence(item: Item, series: Series, day: date) -> Item:
    values = item.values | _times(series, day)
    del values["Recurrence"]
    return replace(item, id=id_of(item.id, day), values=values, deleted=frozenset(), original_start=series.span(day)[0])


def _times(series: Series, day: date) -> dict[str, Element]:
    start, end = series.span(day)
    return {"Start": make("Start", to_wire(start)), "End": make("End", to_wire(end))}


def _moment(item: Item, name: str) -> datetime:
    return parse(item.values[name].text or "")


def _zone(values: Mapping[str, Element]) -> tzinfo:
    known = values["StartTimeZone"].get("Id")
    if known not in WINDOWS_ZONES:
        raise EwsError("ErrorCalendarInvalidTimeZone", "The mock does not know the time zone of this series.")
    return zone_of(known)
