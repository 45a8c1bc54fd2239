"""`adopt`: reads this installation's entries back from calendars, after the record was lost or an older copy restored.

Each mailbox is leased while it is read, so no worker writes into it. This module writes into no calendar.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import Connector
from receiver.config import Settings
from receiver.core.addresses import canonical
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits
from receiver.core.ruleset import Ruleset
from receiver.operations import rules
from receiver.operations.audit.run import Window
from receiver.operations.mailboxes.check import known_mailboxes, named_mailboxes
from receiver.operations.mailboxes.trial import Pace, Trial
from receiver.operations.mailboxes.visit_all import BUSY, Visits, lease, visit_all
from receiver.operations.recovery import compare
from receiver.operations.recovery.compare import Adoption, Found
from receiver.store import MailboxWork, Store, heartbeats
from receiver.store.heartbeats import WORKERS
from receiver.store.tools import audit, recovery
from receiver.store.work import mailbox_identity

BUSY_LIMIT_S = 60.0
SILENT = timedelta(seconds=20)
"""A worker writes a heartbeat every 5 seconds. One without a heartbeat for this time has stopped."""

WORKER_RUNS = "worker_runs"
ENTRIES_STAND = "entries_stand"


@dataclass(frozen=True, slots=True)
class MailboxAdoption:
    """The result of reading one mailbox."""

    mailbox: Mailbox
    adoption: Adoption | None = None
    """How the record changes; None: the mailbox was not read."""
    trouble: str | None = None
    """Code of why it was not read."""
    same_as: str | None = None
    """Its primary address, if the mailbox was read under that instead."""

    @property
    def ok(self) -> bool:
        """Whether its entries are recorded now."""
        return self.trouble is None


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """The result of reading mailboxes back."""

    mailboxes: tuple[MailboxAdoption, ...]
    servers: Mapping[str, str]
    """Code of the trouble of each server that could not be used; its other mailboxes were not read."""
    untried: int
    waiting: tuple[tuple[Mailbox, str], ...] = ()
    """Mailbox and uid of each entry whose event is not known yet."""

    @property
    def ok(self) -> bool:
        """Whether every mailbox was read."""
        return not self.servers and not self.untried and all(each.ok for each in self.mailboxes)


def choose(store: Store, settings: Settings, also: Sequence[str], without: Sequence[str]) -> list[Mailbox]:
    """Return every mailbox that may hold entries: those recorded, mapped or named, without the excluded ones."""
    known = {*known_mailboxes(settings, store, store.now()), *named_mailboxes(settings, also)}
    left_out = {canonical(address) for address in without}
    return sorted(each for each in known if each.address not in left_out)


def take_installation(store: Store, name: str) -> str | None:
    """Take the identity of the installation whose record was lost; return the code of why that is refused.

    It is refused while a worker runs: that would continue to mark entries with the former identity.
    """
    now = store.now()
    if store.installation().id == name:
        return None
    beat = store.read(heartbeats.last_beat, WORKERS)
    if beat is not None and now - beat < SILENT:
        return WORKER_RUNS
    return None if store.take_installation(name, now) else ENTRIES_STAND


def run(
    store: Store,
    settings: Settings,
    mailboxes: Sequence[Mailbox],
    connectors: Mapping[str, Connector],
    window: Window,
    done: Callable[[], None],
    *,
    dry_run: bool,
    limit_s: float = BUSY_LIMIT_S,
) -> AdoptionReport:
    """Read mailboxes back, server by server. Writing may begin once all were read.

    Args:
        store: the record.
        settings: say how many connections each server may have, and the rules where none are in force yet.
        mailboxes: all that may hold entries.
        connectors: by calendar; the caller closes them.
        window: entries in it are listed; other recorded entries are looked up one by one.
        done: called, from any thread, when a mailbox is done.
        dry_run: whether to change nothing.
        limit_s: how long to wait for a mailbox that a worker has.

    Raises:
        StoreUnavailable: the record cannot be read or written. What was recorded before stays; the command can be run
            again.

    """
    if not dry_run:
        store.hold_if_behind(store.now())  # perhaps no worker has checked this yet
    ruleset = rules.in_force(store, settings)

    def visits_of(name: str) -> Visits[MailboxAdoption]:
        reader = Reader(store, connectors[name], ruleset, window, limit_s, dry_run=dry_run)
        return Visits(connectors[name], reader.read, failed, done)

    results, troubles = visit_all(settings, mailboxes, visits_of)
    report = AdoptionReport(tuple(results), troubles, len(mailboxes) - len(results))
    if dry_run:
        return replace(report, waiting=would_wait(results))
    if report.ok:
        store.calendars_were_read()
    return replace(report, waiting=tuple(store.read(recovery.waiting)))


def failed(mailbox: Mailbox, code: str) -> MailboxAdoption:
    """Return the result for a mailbox that was not read."""
    return MailboxAdoption(mailbox, trouble=code)


def would_wait(results: Iterable[MailboxAdoption]) -> tuple[tuple[Mailbox, str], ...]:
    """Return mailbox and uid of each entry that would wait, as its event is not known."""
    return tuple((each.mailbox, uid) for each in results if each.adoption for uid in sorted(each.adoption.waiting))


class Reader:
    """Reads the mailboxes of one server, each once, under its primary address."""

    def __init__(
        self,
        store: Store,
        connector: Connector,
        ruleset: Ruleset,
        window: Window,
        limit_s: float,
        *,
        dry_run: bool,
    ) -> None:
        self._store, self._connector, self._ruleset, self._window = store, connector, ruleset, window
        self._limit_s, self._dry_run = limit_s, dry_run
        self._lease = CallLimits.of(connector.call_timeout_s).lease
        self._lock = threading.Lock()
        self._read: set[str] = set()

    def read(self, mailbox: Mailbox, trial: Trial) -> MailboxAdoption:
        """Read one mailbox, unless it was read under another address."""
        primary = self._named(mailbox, trial)
        if primary is None:
            return failed(mailbox, BUSY)
        same_as = primary if primary != mailbox.address else None
        with self._lock:
            if primary in self._read:
                return MailboxAdoption(mailbox, same_as=same_as)
            self._read.add(primary)
        found = self._adopt(Mailbox(mailbox.calendar, primary), trial)
        return MailboxAdoption(mailbox, found, None if found else BUSY, same_as)

    def _named(self, mailbox: Mailbox, trial: Trial) -> str | None:
        """Return the primary address and record it: otherwise one mailbox would count as two."""
        primary = trial.with_retries(lambda: self._connector.identify(mailbox.address))
        if self._dry_run or primary == mailbox.address:
            return primary
        work = self._claim(mailbox, trial.pace)
        if work is None:
            return None
        try:
            self._store.write(mailbox_identity.identify, work, primary, self._store.now())
        finally:
            self._store.release(work)
        return primary

    def _adopt(self, mailbox: Mailbox, trial: Trial) -> Adoption | None:
        """Read one mailbox and record what it holds; None: a worker has it."""
        if self._dry_run:
            return self._judged(mailbox, trial, self._store.now())
        work = self._claim(mailbox, trial.pace)
        if work is None:
            return None
        try:
            now = self._store.now()
            # A mailbox whose primary address is recorded counts as read.
            self._store.write(mailbox_identity.identify, work, mailbox.address, now)
            found = self._judged(mailbox, trial, now)
            self._note(work, found, now)
        finally:
            self._store.release(work)
        return found

    def _claim(self, mailbox: Mailbox, pace: Pace) -> MailboxWork | None:
        return lease(self._store, mailbox, self._lease, pace, self._limit_s)

    def _judged(self, mailbox: Mailbox, trial: Trial, now: datetime) -> Adoption:
        recorded, adopted = self._store.read(audit.recorded, mailbox), self._store.read(recovery.adopted_in, mailbox)
        start, end, address = self._window.start, self._window.end, mailbox.address
        listed = trial.with_retries(lambda: list(self._connector.list_marked(address, start, end)))
        uids = sorted(compare.sought(recorded, adopted, listed, start))
        elsewhere = trial.with_retries(lambda: self._connector.find(address, uids)) if uids else {}
        found = Found(listed, {uid: [item.item_id for item in items] for uid, items in elsewhere.items()})
        placed = {each.placement.uid for each in recorded}
        finished = self._store.read(recovery.finished, found.items.keys() - placed)
        return compare.judge(recorded, adopted, finished, found, self._ruleset, now)

    def _note(self, work: MailboxWork, found: Adoption, now: datetime) -> None:
        changes = {each.id: lambda placement: compare.lost(placement, now) for each in found.lost}
        changes |= {each.id: lambda placement: compare.contradicted(placement, now) for each in found.changed}
        self._store.advance(work, changes, now, self._lease)
        note_found(self._store, work, found.adopted, found.gone, found_at=now, now=now)


def note_found(
    store: Store,
    work: MailboxWork,
    items: Mapping[str, str],
    gone: Collection[str],
    *,
    found_at: datetime,
    now: datetime,
) -> None:
    """Record what was found in a leased mailbox, drop what is gone, and mark the events to be settled again.

    Args:
        store: the record.
        work: the mailbox.
        items: ids of items by uid.
        gone: uids.
        found_at: older facts wait, as the calendar may be newer.
        now: the moment.

    Raises:
        LeaseLost: nothing was changed.

    """
    store.write(recovery.note, work, items, gone, found_at)
    store.write(recovery.unsettle, work, now)
