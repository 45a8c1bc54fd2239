"""Compares the entries found in a mailbox with a record that was lost or is older than the calendars. Pure.

This removes no entry: what is found is recorded, and its placement is then treated as any other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.base import PROBE_UID, Marked, is_uid
from receiver.core.facts import over_by
from receiver.core.other_installations import platform_of
from receiver.core.plan import BELIEVED_FOR, STALE, CallLimits, Placement, names_one_of
from receiver.core.ruleset import Ruleset
from receiver.operations.audit import compare as audit
from receiver.store.database.records import Recorded


@dataclass(frozen=True, slots=True)
class Found:
    """The items that were read in one mailbox."""

    listed: Sequence[Marked]
    """In the window."""
    elsewhere: Mapping[str, Sequence[str]]
    """The ids of the items outside the window, for each uid that was looked up."""

    @property
    def items(self) -> dict[str, list[str]]:
        """Ids of the items by uid, in the order of the server: the calendar's own before those of its sub-folders."""
        found: dict[str, list[str]] = {}
        for item in self.listed:
            if is_uid(item.entry.uid):  # no event has any other uid
                found.setdefault(item.entry.uid, []).append(item.item_id)
        found.pop(PROBE_UID, None)
        return {uid: list(ids) for uid, ids in self.elsewhere.items() if ids} | found


@dataclass(frozen=True, slots=True)
class Adoption:
    """The changes to the record of one mailbox."""

    adopted: Mapping[str, str]
    """Items, by uid, that placements will take over as soon as their events are settled."""
    gone: frozenset[str]
    """Uids adopted before whose items are gone."""
    kept: int = 0
    """The number of items that the record has right."""
    waiting: frozenset[str] = frozenset()
    """Those of `adopted` whose event is not known yet."""
    lost: tuple[Placement, ...] = ()
    """Placements whose entry is nowhere in the mailbox."""
    changed: tuple[Placement, ...] = ()
    """Placements whose entry has other content than recorded."""
    doubled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of all items of a uid that has several."""
    left: tuple[str, ...] = ()
    """Uids of items whose event needs no entry any more: these are copies that people made, and stay."""
    beside: tuple[str, ...] = ()
    """Uids of another installation's items that were not taken over, as an item of ours is there."""


def sought(recorded: Iterable[Recorded], adopted: Iterable[str], listed: Iterable[Marked], since: datetime) -> set[str]:
    """Return the uids that should be in the mailbox and are not in the window, without those that are over."""
    placed = {
        each.placement.uid
        for each in recorded
        if each.placement.may_be_there and (each.state is None or over_by(each.state) >= since)
    }
    return (placed | set(adopted)) - {item.entry.uid for item in listed}


def judge(
    recorded: Sequence[Recorded],
    adopted: Collection[str],
    finished: Mapping[str, bool],
    found: Found,
    ruleset: Ruleset,
    now: datetime,
) -> Adoption:
    """Return the changes to the record of a mailbox.

    Args:
        recorded: its placements.
        adopted: uids adopted before and not yet taken over.
        finished: the known events of items without a placement, and whether each is destroyed with all its entries
            removed.
        found: what was read.
        ruleset: the rules in force, which give the content of entries.
        now: the present moment: a reminder from before it may have been dismissed.

    """
    placements, items = {each.placement.uid: each.placement for each in recorded}, found.items
    right = {uid for uid, ids in items.items() if uid in placements and names_one_of(placements[uid], ids)}
    left = {uid for uid in items.keys() - placements.keys() if finished.get(uid)}
    taken = {uid: ids[0] for uid, ids in items.items() if uid not in right | left}
    absent = [placements[uid] for uid, ids in found.elsewhere.items() if uid in placements and not ids]
    return Adoption(
        adopted=taken,
        gone=frozenset(adopted) - taken.keys(),
        kept=len(right),
        waiting=frozenset(uid for uid in taken if uid not in placements and uid not in finished),
        lost=tuple(placement for placement in absent if _is_certain(placement)),
        changed=tuple(placements[uid] for uid in sorted(right & _contradicted(recorded, found, ruleset, now))),
        doubled={uid: tuple(ids) for uid, ids in sorted(items.items()) if len(ids) > 1},
        left=tuple(sorted(left)),
    )


def taken_from(
    found: Iterable[Marked], own: Collection[str], known: Collection[str], platforms: Collection[str]
) -> Adoption:
    """Return the changes to the record of a mailbox in which another installation's items are taken over.

    Args:
        found: the other installation's items.
        own: uids with an item of ours in the mailbox.
        known: the known events among those of the items.
        platforms: the platforms whose events we write; other items stay as they are.

    """
    items: dict[str, list[str]] = {}
    for item in found:
        if is_uid(item.entry.uid) and platform_of(item.entry.uid) in platforms:
            items.setdefault(item.entry.uid, []).append(item.item_id)
    taken = {uid: ids for uid, ids in items.items() if uid not in own}
    return Adoption(
        adopted={uid: ids[0] for uid, ids in taken.items()},
        gone=frozenset(),
        waiting=frozenset(taken.keys() - set(known)),
        doubled={uid: tuple(ids) for uid, ids in sorted(taken.items()) if len(ids) > 1},
        beside=tuple(sorted(items.keys() & set(own))),
    )


def _is_certain(placement: Placement) -> bool:
    return placement.applied is not None and placement.desired is not None and not placement.in_doubt


def _contradicted(recorded: Sequence[Recorded], found: Found, ruleset: Ruleset, now: datetime) -> set[str]:
    """Return the uids of entries that certainly have other content than recorded."""
    expected = audit.wanted(recorded, ruleset)
    moved = {uid for uid, ids in found.elsewhere.items() if ids and uid in expected}
    # Of several items, ours is the one in the record.
    ours = [
        (item.entry, wanted.entry)
        for item in found.listed
        if (wanted := expected.get(item.entry.uid)) and wanted.placement.item_id == item.item_id
    ]
    return moved | {read.uid for read, written in ours if audit.different_fields(written, read, now)}


def lost(placement: Placement, now: datetime) -> Placement:
    """Mark a missing entry to be looked up before anything is written: its agent may have deleted it."""
    if not _is_certain(placement):
        return placement
    return replace(placement, look_up_at=now, not_before=now + BELIEVED_FOR, attempts=0, failure=None)


def contradicted(placement: Placement, now: datetime) -> Placement:
    """Mark an entry with other content than recorded to be written again; the content may be newer than the record."""
    if not _is_certain(placement) or placement.applied == STALE:
        return placement
    return replace(placement, applied=STALE, not_before=now + BELIEVED_FOR, attempts=0, failure=None)


def may_still_come(placement: Placement, now: datetime, timings: CallLimits) -> bool:
    """Whether a create without an answer may still leave an item in the mailbox."""
    if not placement.open_creates:
        return False
    if placement.look_up_at is None:
        return placement.recheck_at is not None and now < placement.recheck_at
    return now < placement.look_up_at - timings.settle + timings.recheck
