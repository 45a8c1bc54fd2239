"""`purge`: drops now what the worker drops each hour; erases one agent, with a report.

Only the record is erased here. Entries in calendars are removed, where asked, by the worker.
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
    """What was looked for, what was erased, and what is left."""

    email: str
    at: datetime
    version: str
    installation: str
    with_entries: bool
    dry_run: bool
    erased: Erased
    overwritten: bool
    """Whether what was erased has left the database's files too."""

    @property
    def unfinished(self) -> list[str]:
        """Codes of what is to be done before nothing is left; then the command is run again."""
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
        """Codes of what stays on purpose, or elsewhere."""
        noted = {"active": self.erased.active, "shared": self.erased.shared, "entries": not self.with_entries}
        return [*(code for code, holds in noted.items() if holds), "journal", "backups", "platform"]


def retention(store: Store, settings: Settings, *, dry_run: bool) -> dict[str, int]:
    """Drop what has been kept long enough, or count it; return how many rows, by table."""
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
    """Drop what is old, a few rows in each transaction, and let others write in between; return how many, by table."""
    dropped: Counter[str] = Counter()
    while some := store.write(stored_retention.drop_old, now, tombstone_days, journal_days):
        dropped += some
        sleep(stored_retention.PAUSE_S)
    return dropped


def note_unused(store: Store, position: unused.Round, now: datetime) -> bool:
    """Check the next agents or mailboxes for references; return whether the round goes on.

    What was without references for long enough goes with `purge`.
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
        settings: tell the mapping where none is in force yet.
        email: the agent's e-mail, or the address of a mailbox that was the agent's.
        watch: shows how removals go.
        limit_s: how long to wait for a worker to finish what it is at, and to take entries out.
        with_entries: whether entries are taken out of the calendar.
        dry_run: count, and change nothing.

    Raises:
        StoreUnavailable: the record cannot be read or written; what was erased before stays erased.

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
    """Erase again until all is erased or the time is over; return all that was."""
    with watch(erased.removals) as done:
        while (erased.busy or erased.removals) and monotonic() < deadline:
            sleep(PAUSE_S)
            further = once()
            if further.busy:
                continue  # it changed nothing
            for _ in range(erased.removals - further.removals):
                done()
            # The first pass knew the agent, the second one knows what is left.
            counts, active = Counter(erased.counts) + Counter(further.counts), erased.active or further.active
            erased = replace(further, counts=counts, active=active)
    return erased
