"""`uninstall`: removes every entry of this installation from all mailboxes, for good.

From its beginning no worker writes. Each mailbox is leased while it is emptied, after a wait for a worker that has it.
Each removal is recorded before it is sent, so that an interrupted run can be repeated or undone.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from connectors.base import (
    PROBE_UID,
    Connector,
    ConnectorError,
    Delete,
    Done,
    Failed,
    Outcome,
    Scope,
    Temporary,
    Unconfirmed,
)
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.plan import CallLimits, Placement, Verb, begin, end
from receiver.operations.mailboxes.check import known_mailboxes, named_mailboxes
from receiver.operations.mailboxes.trial import BUSY as SERVER_BUSY
from receiver.operations.mailboxes.trial import Trial
from receiver.operations.mailboxes.visit_all import BUSY, Visits, lease, visit_all
from receiver.operations.recovery.adopt import BUSY_LIMIT_S
from receiver.operations.recovery.compare import may_still_come
from receiver.store import MailboxWork, Store
from receiver.store.tools import audit, failures, recovery
from receiver.store.tools.failures import Chosen
from receiver.store.work import mailbox_identity

BATCH = 100
ROUNDS = 5
"""How many times a mailbox is read again and emptied; an item that is left then is reported."""
EVER = datetime(1900, 1, 1, tzinfo=UTC), datetime(4500, 1, 1, tzinfo=UTC)
"""The latest date that Exchange accepts."""
UNREADABLE = "item_unreadable"


@dataclass(frozen=True, slots=True)
class MailboxRemoval:
    """The result for one mailbox."""

    mailbox: Mailbox
    entries: int = 0
    """The number of removed items; in a dry run, of present ones."""
    remaining: int = 0
    """The number of items that could not be removed."""
    unsure: int = 0
    """The number of creates without an answer that may still leave an entry there."""
    trouble: str | None = None
    """Code of what went wrong; entries may be left."""

    @property
    def ok(self) -> bool:
        """Whether the mailbox holds nothing of ours, and will not."""
        return self.trouble is None and not self.remaining and not self.unsure


@dataclass(frozen=True, slots=True)
class UninstallReport:
    """What was removed or, in a dry run, would be."""

    mailboxes: tuple[MailboxRemoval, ...]
    servers: Mapping[str, str]
    """Code of the trouble of each server that could not be used; its other mailboxes were left out."""
    untried: int
    unconfigured: int
    """Mailboxes of servers that are no longer configured."""
    entries: int

    @property
    def ok(self) -> bool:
        """Whether nothing of ours is left; in a dry run, whether all was counted."""
        left_out = self.servers or self.untried or self.unconfigured
        return not left_out and all(each.ok for each in self.mailboxes)


def choose(store: Store, settings: Settings, also: Sequence[str], *, of_another: bool = False) -> list[Mailbox]:
    """Return every mailbox that ever had entries, and the named ones.

    With `of_another`, every mailbox that may get entries: another installation may have written there before us.
    """
    known = known_mailboxes(settings, store, store.now()) if of_another else []
    return sorted({*store.read(mailbox_identity.in_use), *known, *(named_mailboxes(settings, also) if also else ())})


def run(
    store: Store,
    settings: Settings,
    mailboxes: Sequence[Mailbox],
    connectors: Mapping[str, Connector],
    done: Callable[[], None],
    *,
    dry_run: bool,
    of_another: bool = False,
    limit_s: float = BUSY_LIMIT_S,
) -> UninstallReport:
    """Empty mailboxes, server by server.

    Args:
        store: the record.
        settings: say how many connections each server may have.
        mailboxes: the mailboxes to empty.
        connectors: by calendar; the caller closes them.
        done: called, from any thread, when a mailbox is done.
        dry_run: whether to count only.
        of_another: whether entries and connectors are another installation's; the service continues to write.
        limit_s: how long to wait for a mailbox that a worker has.

    Raises:
        StoreUnavailable: nothing more was removed, as it could not be recorded. The command can be run again.

    """
    if not dry_run and not of_another:
        store.begin_uninstalling(store.now())
    removers: list[_Remover] = []

    def visits_of(name: str) -> Visits[MailboxRemoval]:
        remover = (_OthersRemover if of_another else _Remover)(store, connectors[name], limit_s)
        removers.append(remover)
        return Visits(connectors[name], remover.count if dry_run else remover.empty, remover.failed, done)

    results, troubles = visit_all(settings, mailboxes, visits_of)
    entries = sum(remover.entries for remover in removers)
    elsewhere = sum(each.calendar not in settings.calendars for each in mailboxes)
    return UninstallReport(tuple(results), troubles, len(mailboxes) - elsewhere - len(results), elsewhere, entries)


class _Remover:
    """Empties the mailboxes of one server."""

    def __init__(self, store: Store, connector: Connector, limit_s: float) -> None:
        self._store, self._connector, self._limit_s = store, connector, limit_s
        self._timings = CallLimits.of(connector.call_timeout_s)
        self._removed: dict[Mailbox, int] = {}

    @property
    def entries(self) -> int:
        return sum(self._removed.values())

    def failed(self, mailbox: Mailbox, code: str) -> MailboxRemoval:
        return MailboxRemoval(mailbox, self._removed.get(mailbox, 0), trouble=code)

    def count(self, mailbox: Mailbox, trial: Trial) -> MailboxRemoval:
        self._removed[mailbox] = len(self._items(mailbox, trial))
        return MailboxRemoval(mailbox, self._removed[mailbox])

    def empty(self, mailbox: Mailbox, trial: Trial) -> MailboxRemoval:
        self._removed[mailbox] = 0
        work = lease(self._store, mailbox, self._timings.lease, trial.pace, self._limit_s)
        if work is None:
            return self.failed(mailbox, BUSY)
        try:
            remaining = self._clear(work, trial)
            unsure = [] if remaining else self._forget(work)
        finally:
            self._store.release(work)
        return MailboxRemoval(mailbox, self._removed[mailbox], remaining, len(unsure))

    def _clear(self, work: MailboxWork, trial: Trial) -> int:
        """Remove items until none are found; return how many could not be removed."""
        for _ in range(ROUNDS):
            items = self._items(work.mailbox, trial)
            if not items:
                return 0
            self._remove_all(work, items, trial)
        return len(self._items(work.mailbox, trial))

    def _remove_all(self, work: MailboxWork, items: Sequence[str], trial: Trial) -> None:
        placed = {each.placement.item_id: each.placement.id for each in self._store.read(audit.recorded, work.mailbox)}
        ids = iter(items)
        while batch := list(islice(ids, BATCH)):
            self._remove(work, {item_id: placed.get(item_id) for item_id in batch}, trial)

    def _forget(self, work: MailboxWork) -> list[int]:
        """Drop the record of an empty mailbox; return the number of placements that may still leave an item there."""
        now = self._store.now()
        placements = [each.placement for each in self._store.read(audit.recorded, work.mailbox)]
        unsure = [each.id for each in placements if may_still_come(each, now, self._timings)]
        self._store.write(recovery.empty, work, unsure)
        return unsure

    def _items(self, mailbox: Mailbox, trial: Trial) -> list[str]:
        """Return the ids of all our items in the mailbox."""
        try:
            listed = trial.with_retries(lambda: list(self._connector.list_marked(mailbox.address, *EVER)))
        except ConnectorError as error:
            # If an item cannot be read: recorded items are found by their mark, without reading them.
            known = self._known(mailbox, trial) if error.code == UNREADABLE else []
            if not known:
                raise
            return known
        return list(dict.fromkeys(item.item_id for item in listed))

    def _known(self, mailbox: Mailbox, trial: Trial) -> list[str]:
        placed = {each.placement.uid for each in self._store.read(audit.recorded, mailbox)}
        uids = sorted({PROBE_UID, *placed, *self._store.read(recovery.adopted_in, mailbox)})
        found = trial.with_retries(lambda: self._connector.find(mailbox.address, uids))
        return [item.item_id for items in found.values() for item in items]

    # Removing

    def _remove(self, work: MailboxWork, items: Mapping[str, int | None], trial: Trial) -> None:
        """Remove items, each given with the number of its placement. The placement records it before and after.

        Raises:
            ConnectorError: of the mailbox or its server; what was done before is recorded.

        """
        placed = {number: item_id for item_id, number in items.items() if number is not None}
        now, ids = self._store.now(), list(items)
        self._advance(work, dict.fromkeys(placed, lambda each: begin(each, Verb.DELETE, now, self._timings)))
        outcomes = dict(zip(ids, trial.with_retries(lambda: self._sent(work.mailbox, ids)), strict=True))
        self._removed[work.mailbox] += sum(isinstance(each, Done) for each in outcomes.values())
        self._advance(work, {number: self._ended(outcomes[item_id]) for number, item_id in placed.items()})
        for outcome in outcomes.values():
            _raise_trouble(outcome)

    def _ended(self, outcome: Outcome) -> Callable[[Placement], Placement]:
        now = self._store.now()
        return lambda placement: end(placement, None, outcome, now, random.random())

    def _sent(self, mailbox: Mailbox, ids: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of one call. A busy server raises an error, so that the call is repeated."""
        outcomes = self._connector.apply(mailbox.address, [Delete(item_id) for item_id in ids])
        for outcome in outcomes:
            if isinstance(outcome, Failed) and outcome.error.code == SERVER_BUSY:
                raise outcome.error
        return outcomes

    def _advance(self, work: MailboxWork, changes: Mapping[int, Callable[[Placement], Placement]]) -> None:
        self._store.advance(work, changes, self._store.now(), self._timings.lease)


class _OthersRemover(_Remover):
    """Removes another installation's entries. Our own record does not change."""

    def empty(self, mailbox: Mailbox, trial: Trial) -> MailboxRemoval:
        found = super().empty(mailbox, trial)
        if found.ok:
            self._store.write(failures.retry_mailboxes, Chosen(OTHER_INSTALLATION, mailbox.calendar, mailbox.address))
        return found

    def _forget(self, _work: MailboxWork) -> list[int]:
        return []


def _raise_trouble(outcome: Outcome) -> None:
    """Raise an error that concerns more than one item."""
    match outcome:
        case Failed(error) if error.scope is not Scope.ITEM:
            raise error
        case Unconfirmed(code, scope):
            raise Temporary(code, scope)
        case _:
            return
