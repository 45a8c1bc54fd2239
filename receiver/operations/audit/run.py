"""`audit`: whether the calendars show what is recorded. With `repair`, the worker repairs the differences.

The service continues meanwhile: the record is read before and after the calendar, and only what did not change in
between is compared. Nothing is written into a calendar: a repair changes the record, and the worker acts on it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.base import Connector, Found, Marked, is_uid
from receiver.config import Settings
from receiver.core.addresses import canonical
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import Placement
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import DifferenceKind
from receiver.operations import rules
from receiver.operations.audit import compare
from receiver.operations.audit.compare import Difference
from receiver.operations.mailboxes.trial import Trial
from receiver.operations.mailboxes.visit_all import Visits, visit_all
from receiver.store import Store
from receiver.store.database.records import Recorded
from receiver.store.tools import audit, recovery
from receiver.store.tools import audit as stored_audit
from receiver.store.work import mailbox_identity


@dataclass(frozen=True, slots=True)
class Window:
    """The audited time: entries that overlap it are compared."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class MailboxAudit:
    """One mailbox that was audited."""

    mailbox: Mailbox
    judged: int = 0
    """How many entries should be there, inside the window or outside, of those that are certain."""
    listed: int = 0
    differences: tuple[Difference, ...] = ()
    trouble: str | None = None
    """Code of why it could not be read."""
    repairs: int = 0
    """How many placements the worker will repair."""
    busy: bool = False
    """Nothing was repaired, as a worker has the mailbox at this moment."""

    @property
    def ok(self) -> bool:
        """Whether it was read and has no difference."""
        return self.trouble is None and not self.differences


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit."""

    mailboxes: tuple[MailboxAudit, ...]
    servers: Mapping[str, str]
    """Code of the trouble of each server that could not be used; its other mailboxes were left out."""
    untried: int

    @property
    def ok(self) -> bool:
        """Whether every mailbox was read and has no difference."""
        return not self.servers and not self.untried and all(each.ok for each in self.mailboxes)

    @property
    def counts(self) -> Mapping[DifferenceKind, int]:
        """How many differences there are of each kind."""
        counted = Counter(each.kind for mailbox in self.mailboxes for each in mailbox.differences)
        return {kind: counted[kind] for kind in DifferenceKind}


def choose(store: Store, settings: Settings, asked: Sequence[str]) -> tuple[list[Mailbox], list[str]]:
    """Return the mailboxes to audit, and those of the addresses `asked` for that never had entries.

    Without addresses, all mailboxes. An alias of a mailbox stands for the address in use.
    """
    recorded = [each for each in store.read(mailbox_identity.in_use) if each.calendar in settings.calendars]
    if not asked:
        return sorted(recorded), []
    named = {mailbox: {mailbox.address} for mailbox in recorded}
    for alias, mailbox in store.read(mailbox_identity.aliases).items():
        if mailbox in named:
            named[mailbox].add(alias.address)
    wanted = {canonical(address) for address in asked}
    unknown = wanted.difference(*named.values())
    return sorted(mailbox for mailbox, names in named.items() if names & wanted), sorted(unknown)


def run(
    store: Store,
    settings: Settings,
    mailboxes: Sequence[Mailbox],
    connectors: Mapping[str, Connector],
    window: Window,
    done: Callable[[], None],
    *,
    repair: bool,
) -> Audit:
    """Audit mailboxes, server by server.

    Args:
        store: what is recorded.
        settings: say how many connections each server may have, and the rules where none are in force yet.
        mailboxes: which.
        connectors: by calendar; the caller closes them.
        window: when.
        done: called, from any thread, when a mailbox is done.
        repair: whether the worker shall repair what it can.

    Raises:
        StoreUnavailable: the record cannot be read or written.

    """
    ruleset = rules.in_force(store, settings)
    auditor = _Auditor(store, ruleset, window, repair=repair)
    results, troubles = visit_all(
        settings, mailboxes, lambda name: Visits(connectors[name], auditor.visit, _failed, done)
    )
    return Audit(tuple(results), troubles, len(mailboxes) - len(results))


class _Auditor:
    """Reads mailboxes, from several threads."""

    def __init__(self, store: Store, ruleset: Ruleset, window: Window, *, repair: bool) -> None:
        self._store, self._ruleset, self._window, self._repair = store, ruleset, window, repair

    def visit(self, mailbox: Mailbox, trial: Trial) -> MailboxAudit:
        found = self._audited(mailbox, trial)
        return self._repaired(found) if self._repair else found

    def _audited(self, mailbox: Mailbox, trial: Trial) -> MailboxAudit:
        before = self._store.read(audit.recorded, mailbox)
        expected = compare.wanted(before, self._ruleset)
        listed, elsewhere = self._read(trial, expected)
        after = self._store.read(stored_audit.recorded, mailbox)
        still = {each.placement.uid for each in _unchanged(before, after)}
        orphans = self._orphans(mailbox, [*before, *after], listed)
        certain = {uid: each for uid, each in expected.items() if uid in still}
        found = compare.compare(certain, listed, elsewhere, orphans, self._store.now())
        return MailboxAudit(mailbox, len(certain), len(listed), tuple(found))

    def _read(
        self, trial: Trial, expected: Mapping[str, compare.Wanted]
    ) -> tuple[list[Marked], Mapping[str, list[str]]]:
        """Return the items in the window, and the items elsewhere of entries that should be in it and are not."""
        connector, address = trial.connector, trial.mailbox
        start, end = self._window.start, self._window.end
        listed = trial.with_retries(lambda: list(connector.list_marked(address, start, end)))
        uids = compare.unseen(expected, listed, start, end)
        found: Mapping[str, list[Found]] = trial.with_retries(lambda: connector.find(address, uids)) if uids else {}
        return listed, {uid: [item.item_id for item in items] for uid, items in found.items()}

    def _orphans(self, mailbox: Mailbox, recorded: Sequence[Recorded], listed: Sequence[Marked]) -> list[str]:
        # Items that were read back after a loss of the record are explained, even if their event is not known yet.
        uids = compare.unexplained(recorded, listed) - self._store.read(recovery.adopted_in, mailbox)
        known = {uid for uid in uids if is_uid(uid)}  # a mailbox may hold texts that a database does not accept
        events = self._store.read(stored_audit.standings, known) if known else {}
        ids = {uid: [item.item_id for item in listed if item.entry.uid == uid] for uid in uids}
        return [uid for uid in uids if compare.is_orphan(events.get(uid), ids[uid], self._ruleset)]

    def _repaired(self, found: MailboxAudit) -> MailboxAudit:
        now = self._store.now()
        repairs: dict[Placement, Placement] = {}
        for difference in found.differences:
            repaired = compare.repaired(difference, now)
            if difference.placement is not None and repaired is not None:
                repairs.setdefault(difference.placement, repaired)
        if not repairs:
            return found
        count = self._store.write(stored_audit.repair, found.mailbox, repairs, now)
        return replace(found, repairs=count or 0, busy=count is None)


def _failed(mailbox: Mailbox, code: str) -> MailboxAudit:
    return MailboxAudit(mailbox, trouble=code)


def _unchanged(before: Sequence[Recorded], after: Sequence[Recorded]) -> Iterator[Recorded]:
    known = {each.placement.id: each for each in before}
    return (each for each in after if known.get(each.placement.id) == each)
