"""`purge`: drops at once what the worker drops each hour, or erases one agent, with a report.

Only the record is erased here. The worker removes entries from calendars if asked to.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic, sleep

from receiver import __version__
from receiver.config import Settings
from receiver.core.addresses import kept_spelling
from receiver.store import Store, Watch
from receiver.store.tools import erasure, unused
from receiver.store.tools import retention as stored_retention
from receiver.store.tools.erasure import Erased
from receiver.store.work import rulesets

PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was searched for, what was erased, and what is left."""

    email: str
    at: datetime
    version: str
    installation: str
    with_entries: bool
    dry_run: bool
    erased: Erased
    overwritten: bool
    """Whether the erased data was overwritten in the database's files too."""

    @property
    def unfinished(self) -> list[str]:
        """Codes of what must be done before the command is run again to finish the erasure."""
        return list(self._unfinished())

    def _unfinished(self) -> Iterator[str]:
        if self.erased.busy:
            yield "busy"
        if self.erased.removals and not self.dry_run:
            yield "removals"
        if self.erased.mapped:
            yield "mapped"
        if not self.overwritten:
            yield "not_overwritten"

    @property
    def remains(self) -> list[str]:
        """Codes of what stays on purpose, or in other places."""
        noted = {"active": self.erased.active, "shared": self.erased.shared, "entries": not self.with_entries}
        return [*(code for code, holds in noted.items() if holds), "journal", "backups", "platform"]


def retention(store: Store, settings: Settings, *, dry_run: bool) -> dict[str, int]:
    """Drop or count what is past its retention; return the number of rows by table."""
    now = store.now()
    days = (settings.retention.tombstone_days, settings.retention.journal_days)
    if dry_run:
        return store.read(stored_retention.count_old, now, *days)
    dropped = purge(store, now, *days)
    position = unused.Round()
    while note_unused(store, position, now):
        pass
    return dict(dropped)


def purge(store: Store, now: datetime, tombstone_days: int, journal_days: int) -> Counter[str]:
    """Drop old rows, a few in each transaction so that others can write; return the number of rows by table."""
    dropped: Counter[str] = Counter()
    while some := store.write(stored_retention.drop_old, now, tombstone_days, journal_days):
        dropped += some
        sleep(stored_retention.PAUSE_S)
    return dropped


def note_unused(store: Store, position: unused.Round, now: datetime) -> bool:
    """Check the next agents or mailboxes for references; return whether the round continues.

    `purge` drops those that had no reference for long enough.
    """
    table = position.table
    wrong, last = store.read(unused.seen, table, position.after)
    if wrong:
        store.write(unused.note, table, wrong, now)
    return position.go_on(last)


def erase_agent(
    store: Store, settings: Settings, email: str, watch: Watch, limit_s: float, *, with_entries: bool, dry_run: bool
) -> ErasureReport:
    """Erase one agent from the record.

    Args:
        store: the record.
        settings: give the mapping if none is in force yet.
        email: the agent's e-mail, or the address of a mailbox that was the agent's.
        watch: shows the progress of removals.
        limit_s: how long to wait for a worker to finish its present work and to remove entries.
        with_entries: whether entries are removed from the calendar.
        dry_run: count, and change nothing.

    Raises:
        StoreUnavailable: the record cannot be read or written; what was erased before that stays erased.

    """
    email = kept_spelling(email) or ""
    in_force = store.read(rulesets.in_force)
    mapping = (in_force.ruleset if in_force else settings.ruleset()).mailboxes
    deadline = monotonic() + limit_s

    def once() -> Erased:
        run = store.rehearse if dry_run else store.write
        return run(erasure.erase, email, mapping, store.now(), with_entries=with_entries)

    erased = once()
    if not dry_run and (erased.busy or erased.removals):
        erased = _wait(erased, once, watch, deadline)
    overwritten = dry_run or store.overwrite_freed()
    who = store.installation().id
    return ErasureReport(email, store.now(), __version__, who, with_entries, dry_run, erased, overwritten)


def _wait(erased: Erased, once: Callable[[], Erased], watch: Watch, deadline: float) -> Erased:
    """Repeat the erasure until it is complete or the time is over; return all that was erased."""
    with watch(erased.removals) as done:
        while (erased.busy or erased.removals) and monotonic() < deadline:
            sleep(PAUSE_S)
            further = once()
            if further.busy:
                continue  # it changed nothing
            for _ in range(erased.removals - further.removals):
                done()
            # The first pass found the agent's state, the last pass found what is left.
            counts, active = Counter(erased.counts) + Counter(further.counts), erased.active or further.active
            erased = replace(further, counts=counts, active=active)
    return erased
