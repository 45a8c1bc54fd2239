"""The elements of a series about its occurrences: the first, the last, and deleted ones."""

from collections import deque
from datetime import date

from mock_exchange.calendar.model import Item
from mock_exchange.calendar.series import Series, id_of, occurrence_days
from mock_exchange.calendar.times import to_wire
from mock_exchange.xml.elements import Element, add, make, t


def first_occurrence(item: Item) -> Element | None:
    """Return the first occurrence that is left."""
    day = next(occurrence_days(item), None)
    return _occurrence("FirstOccurrence", item, day)


def last_occurrence(item: Item) -> Element | None:
    """Return the last occurrence that is left; None for a series without end."""
    series = Series.of(item.values)
    if series is None or series.recurrence.endless:
        return None
    days = deque(occurrence_days(item), maxlen=1)
    return _occurrence("LastOccurrence", item, days[0] if days else None)


def deleted_occurrences(item: Item) -> Element | None:
    """Return the starts of the occurrences that were taken out."""
    series = Series.of(item.values)
    if series is None or not item.deleted:
        return None
    element = make("DeletedOccurrences")
    for day in sorted(item.deleted):
        add(add(element, t("DeletedOccurrence")), t("Start"), to_wire(series.span(day)[0]))
    return element


def _occurrence(name: str, item: Item, day: date | None) -> Element | None:
    series = Series.of(item.values)
    if series is None or day is None:
        return None
    start, end = (to_wire(moment) for moment in series.span(day))
    element = make(name)
    add(element, t("ItemId"), Id=id_of(item.id, day), ChangeKey=item.change_key)
    for part, text in (("Start", start), ("End", end), ("OriginalStart", start)):
        add(element, t(part), text)
    return element
