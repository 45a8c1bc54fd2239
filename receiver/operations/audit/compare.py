"""The differences between a mailbox and its record. Pure: rows and items in, findings out.

Only certain placements are compared. Those that are about to be written, in doubt, given up or declined are left out: a
difference there is expected.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.base import PROBE_UID, CalendarEntry, Frequency, Marked, Recurrence
from connectors.occurrences import days, overlaps
from receiver.core.plan import STALE, Placement
from receiver.core.policies import OnRgpdPurge
from receiver.core.recurrence import Unholdable
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import DifferenceKind
from receiver.store.database.records import EventStanding, Recorded

MOVED = "moved"
"""In place of field names: the entry was found elsewhere than where it should be."""

QUARTERS = (0, 91, 182, 273)
"""Days after the start on which two zones are compared: they cover every change of clocks in a year."""

_TEXTS = ("title", "location", "notice", "link", "show_as", "sensitivity")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. It carries no text of an entry."""

    kind: DifferenceKind
    uid: str
    items: tuple[str, ...] = ()
    """Ids of the items concerned."""
    fields: tuple[str, ...] = ()
    """For changed entries: the names of the fields that differ, or `MOVED`."""
    placement: Placement | None = None
    """The recorded placement; None: there is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entry that should be in the mailbox."""

    placement: Placement
    entry: CalendarEntry


def wanted(recorded: Iterable[Recorded], ruleset: Ruleset) -> dict[str, Wanted]:
    """Return, by uid, the entries that are certainly in the mailbox unless somebody changed them."""
    entries = ((each, _entry(each, ruleset)) for each in recorded if _is_certain(each))
    return {each.placement.uid: Wanted(each.placement, entry) for each, entry in entries if entry is not None}


def _is_certain(recorded: Recorded) -> bool:
    placement = recorded.placement
    applied = placement.applied is not None and placement.applied == placement.desired
    left_alone = placement.in_doubt or placement.gave_up or placement.declined
    return recorded.settled and applied and not left_alone and placement.due_at is None


def _entry(recorded: Recorded, ruleset: Ruleset) -> CalendarEntry | None:
    """Return the entry; None: under these rules the event has another entry, and is about to be settled."""
    try:
        entry = ruleset.entry(recorded.placement.uid, recorded.source, recorded.state)
    except Unholdable:
        return None
    return entry if entry is not None and ruleset.digest(entry) == recorded.placement.desired else None


def unseen(wanted: Mapping[str, Wanted], listed: Iterable[Marked], start: datetime, end: datetime) -> list[str]:
    """Return the uids that should overlap the window and are not listed: the audit looks them up elsewhere."""
    seen = {item.entry.uid for item in listed}
    return sorted(uid for uid, each in wanted.items() if uid not in seen and overlaps(each.entry, start, end))


def unexplained(recorded: Iterable[Recorded], listed: Iterable[Marked]) -> set[str]:
    """Return the uids of items that no placement of the mailbox, certain or not, explains."""
    explained = {each.placement.uid for each in recorded}
    return {item.entry.uid for item in listed} - explained - {PROBE_UID}


def compare(
    wanted: Mapping[str, Wanted],
    listed: Iterable[Marked],
    elsewhere: Mapping[str, Sequence[str]],
    orphans: Collection[str],
    now: datetime,
) -> list[Difference]:
    """Return what differs, by kind and uid.

    Args:
        wanted: what should be there.
        listed: the items that are there, in the window.
        elsewhere: for each uid that was not listed and should have been, the ids of its items wherever they are.
        orphans: uids of items that nothing explains.
        now: the present moment: a reminder from before it may have been dismissed.

    """
    items: defaultdict[str, list[Marked]] = defaultdict(list)
    for item in listed:
        items[item.entry.uid].append(item)
    found = [each for uid in items.keys() & wanted.keys() for each in _judge(wanted[uid], items[uid], now)]
    found += [_absent(wanted[uid], ids) for uid, ids in elsewhere.items() if uid in wanted]
    found += [Difference(DifferenceKind.ORPHANED, uid, _ids(items[uid])) for uid in orphans]
    return sorted(found, key=lambda each: (list(DifferenceKind).index(each.kind), each.uid))


def _judge(expected: Wanted, items: Sequence[Marked], now: datetime) -> Iterator[Difference]:
    uid, placement = expected.placement.uid, expected.placement
    if len(items) > 1:
        yield Difference(DifferenceKind.DOUBLED, uid, _ids(items), placement=placement)
        # Of several items, ours is the one in the record. If none of them is in the record, ours is unknown.
        items = [item for item in items if item.item_id == placement.item_id]
    for item in items:
        if fields := different_fields(expected.entry, item.entry, now):
            yield Difference(DifferenceKind.FOREIGN, uid, (item.item_id,), fields, placement)


def _absent(expected: Wanted, ids: Sequence[str]) -> Difference:
    uid, placement = expected.placement.uid, expected.placement
    if not ids:
        return Difference(DifferenceKind.MISSING, uid, placement=placement)
    if len(ids) > 1:
        return Difference(DifferenceKind.DOUBLED, uid, tuple(ids), placement=placement)
    return Difference(DifferenceKind.FOREIGN, uid, tuple(ids), (MOVED,), placement)


def _ids(items: Iterable[Marked]) -> tuple[str, ...]:
    return tuple(item.item_id for item in items)


def is_orphan(event: EventStanding | None, item_ids: Collection[str], ruleset: Ruleset) -> bool:
    """Whether items without a placement should not be there. Those left by a purge stay on purpose."""
    if event is None:
        return True
    keeps = event.purged and ruleset.policies(event.source).on_rgpd_purge is OnRgpdPurge.KEEP
    return event.settled and not keeps and not event.items.issuperset(item_ids)


def different_fields(written: CalendarEntry, read: CalendarEntry, now: datetime) -> tuple[str, ...]:
    """Return the names of the fields in which an entry does not show what was written."""
    return tuple(_differing(written, read, now))


def _differing(written: CalendarEntry, read: CalendarEntry, now: datetime) -> Iterator[str]:
    for name in ("start", "end"):
        if getattr(written, name).timestamp() != getattr(read, name).timestamp():
            yield name
    if not _is_same_clock(written, read):
        yield "time_zone"
    yield from (name for name in _TEXTS if getattr(written, name) != getattr(read, name))
    if written.reminder_minutes != read.reminder_minutes and not _may_be_dismissed(written, read, now):
        yield "reminder_minutes"
    # If we write no category, the agent may add any.
    if written.category is not None and written.category != read.category:
        yield "category"
    if _by_meaning(written) != _by_meaning(read):
        yield "recurrence"


def _may_be_dismissed(written: CalendarEntry, read: CalendarEntry, now: datetime) -> bool:
    """Whether the time of the reminder has passed: dismissing it in Outlook removes it from the entry."""
    minutes = written.reminder_minutes
    return minutes is not None and read.reminder_minutes is None and written.start - timedelta(minutes=minutes) <= now


def _is_same_clock(written: CalendarEntry, read: CalendarEntry) -> bool:
    """Whether two zones have the same time. For a single entry any zone will do, as the instant is the same."""
    if written.recurrence is None:
        return True
    ours, theirs = ZoneInfo(written.time_zone), ZoneInfo(read.time_zone)
    moments = [written.start + timedelta(days=passed) for passed in QUARTERS]
    return all(each.astimezone(ours).utcoffset() == each.astimezone(theirs).utcoffset() for each in moments)


def _by_meaning(entry: CalendarEntry) -> Recurrence | None:
    """Return the rule with its end replaced by the last day that has an occurrence."""
    rule = entry.recurrence
    endless = rule is None or (rule.last_day is None and rule.count is None)
    if rule is None or endless or rule.frequency is Frequency.OTHER:
        return rule
    first_day = entry.start.astimezone(ZoneInfo(entry.time_zone)).date()
    return replace(rule, last_day=max(days(rule, first_day), default=None), count=None)


def repaired(difference: Difference, now: datetime) -> Placement | None:
    """Return the placement that makes the worker repair the difference; None: the worker cannot.

    This removes nothing: the worker looks the entry up again, and `receiver.core.plan` decides.
    """
    placement = difference.placement
    if placement is None:
        return None
    if difference.kind is DifferenceKind.FOREIGN and difference.fields != (MOVED,):
        return replace(placement, applied=STALE, not_before=now, attempts=0, failure=None)
    return replace(placement, look_up_at=now, not_before=now, attempts=0, failure=None)
