"""`adopt --from`: takes over the entries of another installation in place.

In each mailbox the record is written first, then each item gets our mark. So if this is interrupted, the worker writes
nothing there before every item is ours or recorded.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from connectors.base import Connector, Done, Failed, NotFound, Outcome, TakeOver, Temporary, Unconfirmed
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.plan import EPOCH
from receiver.operations import rules
from receiver.operations.audit.run import Window
from receiver.operations.mailboxes.trial import BUSY as SERVER_BUSY
from receiver.operations.mailboxes.trial import Trial
from receiver.operations.mailboxes.visit_all import Visits, visit_all
from receiver.operations.recovery import compare
from receiver.operations.recovery.adopt import (
    BUSY_LIMIT_S,
    AdoptionReport,
    MailboxAdoption,
    Reader,
    failed,
    note_found,
    would_wait,
)
from receiver.operations.recovery.compare import Adoption
from receiver.store import MailboxWork, Store
from receiver.store.tools import audit, failures, recovery
from receiver.store.tools.failures import Chosen
from receiver.store.work import mailbox_identity

BATCH = 100


def run(
    store: Store,
    settings: Settings,
    mailboxes: Sequence[Mailbox],
    connectors: Mapping[str, Connector],
    theirs: Mapping[str, Connector],
    window: Window,
    done: Callable[[], None],
    *,
    dry_run: bool,
    limit_s: float = BUSY_LIMIT_S,
) -> AdoptionReport:
    """Take over another installation's entries, server by server. In each mailbox writing may begin afterwards.

    Args:
        store: the record.
        settings: give the number of connections of each server, and the platforms whose events we write.
        mailboxes: all that may hold entries.
        connectors: ours, by calendar; the caller closes them.
        theirs: connectors of the other installation, by calendar.
        window: the time whose entries are taken over.
        done: called, from any thread, when a mailbox is done.
        dry_run: whether to change nothing.
        limit_s: how long to wait for a mailbox that a worker has.

    Raises:
        StoreUnavailable: the record cannot be read or written. What was taken over stays so; the command can be run
            again.

    """
    ruleset = rules.in_force(store, settings)

    def visits_of(name: str) -> Visits[MailboxAdoption]:
        taker = _Taker(store, connectors[name], ruleset, window, limit_s, dry_run=dry_run)
        taker.theirs, taker.platforms = theirs[name], settings.served.platforms
        return Visits(connectors[name], taker.read, failed, done)

    results, troubles = visit_all(settings, mailboxes, visits_of)
    report = AdoptionReport(tuple(results), troubles, len(mailboxes) - len(results))
    return replace(report, waiting=would_wait(results) if dry_run else tuple(store.read(recovery.waiting)))


class _Taker(Reader):
    """Takes over the entries of the mailboxes of one server."""

    theirs: Connector
    platforms: frozenset[str]

    def _adopt(self, mailbox: Mailbox, trial: Trial) -> Adoption | None:
        if self._dry_run:
            return self._found(mailbox, trial)
        work = self._claim(mailbox, trial.pace)
        if work is None:
            return None
        try:
            self._store.write(mailbox_identity.identify, work, mailbox.address, self._store.now())
            found = self._found(mailbox, trial)
            self._hold(work)
            # Our facts count as newer than the other installation's entries: none of them waits.
            note_found(self._store, work, found.adopted, (), found_at=EPOCH, now=self._store.now())
            self._mark(work, found, trial)
        finally:
            self._store.release(work)
        self._store.write(failures.retry_mailboxes, Chosen(OTHER_INSTALLATION, mailbox.calendar, mailbox.address))
        return found

    def _found(self, mailbox: Mailbox, trial: Trial) -> Adoption:
        address, start, end = mailbox.address, self._window.start, self._window.end
        items = trial.with_retries(lambda: list(self.theirs.list_marked(address, start, end)))
        ours = trial.with_retries(lambda: list(self._connector.list_marked(address, start, end)))
        uids, own = ({item.entry.uid for item in listed} for listed in (items, ours))
        recorded = {
            each.placement.uid for each in self._store.read(audit.recorded, mailbox) if each.placement.may_be_there
        }
        sought = sorted(uids & recorded - own)
        if sought:
            elsewhere = trial.with_retries(lambda: self._connector.find(address, sought))
            own |= {uid for uid, found in elsewhere.items() if found}
        return compare.taken_from(items, own, self._store.read(recovery.finished, uids), self.platforms)

    def _mark(self, work: MailboxWork, found: Adoption, trial: Trial) -> None:
        """Give the items our mark.

        Raises:
            ConnectorError: some do not have it yet; the others do.

        """
        ids = [item_id for uid, first in found.adopted.items() for item_id in found.doubled.get(uid, (first,))]
        outcomes: list[Outcome] = []
        for start in range(0, len(ids), BATCH):
            self._hold(work)
            batch = ids[start : start + BATCH]
            outcomes += trial.with_retries(lambda batch=batch: self._sent(work.mailbox, batch))  # type: ignore[misc]
        _raise_first(outcomes)

    def _hold(self, work: MailboxWork) -> None:
        """Extend the lease."""
        self._store.advance(work, {}, self._store.now(), self._lease)

    def _sent(self, mailbox: Mailbox, ids: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of one call. A busy server raises an error, so that the call is repeated."""
        outcomes = self._connector.apply(mailbox.address, [TakeOver(item_id) for item_id in ids])
        for outcome in outcomes:
            if isinstance(outcome, Failed) and outcome.error.code == SERVER_BUSY:
                raise outcome.error
        return outcomes


def _raise_first(outcomes: Iterable[Outcome]) -> None:
    """Raise the first error that kept an item from being taken over. A missing item is no error."""
    for outcome in outcomes:
        match outcome:
            case Done() | NotFound():
                continue
            case Failed(error):
                raise error
            case Unconfirmed(code, scope):
                raise Temporary(code, scope)
