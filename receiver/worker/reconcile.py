"""Makes one leased mailbox equal to what is desired: look-ups first, then writes, each recorded before and after.

Decides nothing: `receiver.core.plan` says what a placement needs, and what an answer means.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connectors.base import (
    Change,
    ConnectorError,
    Create,
    Delete,
    Done,
    Failed,
    Found,
    NotFound,
    Other,
    Outcome,
    Scope,
    Temporary,
    Unconfirmed,
    Update,
)
from receiver import logs
from receiver.core.backoff import DAY_S, LONGEST_DELAY_S, MAX_RETRY_AFTER_S, delay_s
from receiver.core.mailboxes import MISSING_MAILBOX_CODES
from receiver.core.other_installations import (
    NOTHING_SERVED,
    OTHER_INSTALLATION,
    Served,
    conflicting_entries,
    with_most_entries,
)
from receiver.core.plan import CallLimits, Placement, Step, Verb, begin, end, failed, looked_up, next_step, removed
from receiver.core.policies import OnAgentDeletion
from receiver.core.ruleset import Ruleset
from receiver.core.servers import UNANSWERED
from receiver.store import MailboxWork, Store, Trouble, WorkItem, WriteRecord
from receiver.store.work import leases, mailbox_identity, settling
from receiver.store.work.mailbox_identity import Neighbour
from receiver.store.work.write_history import DONE

log = logs.get("worker")

_VERBS = {Step.CREATE: Verb.CREATE, Step.UPDATE: Verb.UPDATE, Step.DELETE: Verb.DELETE}


class Calendar(Protocol):
    """The methods of a connector that a pass needs."""

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes in one mailbox."""
        ...

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Find our items by uid."""
        ...

    def identify(self, mailbox: str) -> str:
        """Return the mailbox's primary address."""
        ...

    def list_others(self, mailbox: str, after: datetime) -> Iterable[Other]:
        """List the entries of other installations that end after a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What one pass shows of the server's state."""

    trouble: ConnectorError | None
    """The server's trouble; None: it has none."""
    heard: bool
    """Whether it answered, even with a refusal."""
    failed: bool = False
    """Whether nothing could be done because of a trouble, of the server or only of the mailbox."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change about to be sent."""

    item: WorkItem
    placement: Placement
    verb: Verb
    change: Change
    sent: str | None
    """Digest of its content."""


@dataclass
class Pass:
    """One mailbox, leased, from claim to release."""

    store: Store
    connector: Calendar
    ruleset: Ruleset
    work: MailboxWork
    timings: CallLimits
    served: Served = NOTHING_SERVED
    trouble: ConnectorError | None = None
    """The trouble of the mailbox or its server, once there was one: then nothing more is sent."""
    answered: bool = field(default=False)
    heard: bool = field(default=False)
    """The server answered, even if only that this mailbox cannot be used."""
    removed: list[WriteRecord] = field(default_factory=list)
    """Removals of superfluous items, which have no placement."""
    other: str | None = None
    """The installation whose entries block the mailbox."""

    def run(self) -> Result:
        """Do what is due and give the mailbox back; return what that shows of the server.

        Raises:
            LeaseLost: another worker has the mailbox; nothing more was sent.
            StoreUnavailable: nothing more was sent, as it could not have been recorded.

        """
        items = {item.placement.id: item for item in self.work.items}
        placements = self._look_up(items)
        if self.trouble is None and self._knows_the_mailbox(placements) and self._may_write_beside_others(placements):
            self._write(items, placements)
        self.store.release(self.work, *self._verdict(), self.removed)
        trouble = self.trouble if self.trouble and self.trouble.scope is Scope.SERVER else None
        return Result(trouble, self.answered or self.heard, failed=self.trouble is not None)

    def _verdict(self) -> tuple[Trouble | None, datetime | None]:
        """Return the mailbox's own trouble, or when it last answered."""
        now = self.store.now()
        if self.trouble and self.trouble.scope is Scope.MAILBOX:
            asked = self.trouble.retry_after_s if isinstance(self.trouble, Temporary) else None
            there = self.work.identified and self.trouble.code not in MISSING_MAILBOX_CODES
            longest_s = LONGEST_DELAY_S if there else DAY_S
            wait = delay_s(self.work.attempts + 1, asked, random.random(), longest_s)
            return Trouble(self.trouble.code, now + timedelta(seconds=wait), self.other), None
        return None, now if self.answered and self.trouble is None else None

    # Identity

    def _knows_the_mailbox(self, placements: Sequence[Placement]) -> bool:
        """Whether writing may begin. Before the first entry, the server is asked for the mailbox's primary address.

        Otherwise two addresses of one mailbox would get an entry each, and after a change of address a look-up for one
        would find the entry of the other. If two addresses are one mailbox, the events are settled again under the
        primary address.
        """
        now = self.store.now()
        if self.work.identified or all(next_step(p, now) is not Step.CREATE for p in placements):
            return True
        try:
            primary = self.connector.identify(self.work.mailbox.address)
            self.heard = True
            homes = [(n, self._home_of(n)) for n in self.store.read(mailbox_identity.neighbours, self.work)]
        except ConnectorError as error:
            self._note(error)
            log.warning("identify_failed", mailbox=self.work.mailbox_id, code=error.code)
            return False
        merged = (
            [self._merge(n) for n, home in homes if home == primary] if primary == self.work.mailbox.address else []
        )
        if merged and not all(merged):
            return False
        renamed = self.store.write(mailbox_identity.identify, self.work, primary, now)
        return not renamed and not merged

    def _home_of(self, neighbour: Neighbour) -> str | None:
        """Return the primary address of a neighbour; None: it has a trouble of its own, so it is another mailbox."""
        try:
            return self.connector.identify(neighbour.address)
        except ConnectorError as error:
            if error.scope is Scope.SERVER:
                raise
            return None

    def _merge(self, neighbour: Neighbour) -> bool:
        merged = self.store.write(mailbox_identity.merge_neighbour, neighbour, self.work, self.store.now())
        log.info("mailboxes_are_one", mailbox=self.work.mailbox_id, other=neighbour.mailbox_id, merged=merged)
        if not merged:  # another worker is writing there: try a little later
            self.trouble = self.trouble or Temporary("mailbox_in_use", Scope.MAILBOX)
        return merged

    # Other installations

    def _may_write_beside_others(self, placements: Sequence[Placement]) -> bool:
        """Whether writing may begin. Before the first write, the mailbox is checked once for others' entries.

        The record may have been lost, so that entries there are our own; or two installations may receive the same
        events. In both cases our entries would be doubled.
        """
        now = self.store.now()
        if (
            self.work.conflicts_checked
            or not self.served.platforms
            or all(next_step(p, now) not in _VERBS for p in placements)
        ):
            return True
        self._advance((), lambda placement: placement)  # extends the lease for the look-up
        try:
            counted = conflicting_entries(self.connector.list_others(self.work.mailbox.address, now), self.served)
        except ConnectorError as error:
            self._note(error)
            log.warning("meeting_failed", mailbox=self.work.mailbox_id, code=error.code)
            return False
        self.heard = True
        if not counted:
            self.store.write(leases.note_no_conflict, self.work, self.store.now(), self.timings.lease)
            return True
        self.other = with_most_entries(counted)
        # It is not repaired within seconds.
        self.trouble = Temporary(OTHER_INSTALLATION, Scope.MAILBOX, MAX_RETRY_AFTER_S)
        log.error(OTHER_INSTALLATION, mailbox=self.work.mailbox_id, installation=self.other, count=counted.total())
        return False

    # Look-ups

    def _look_up(self, items: Mapping[int, WorkItem]) -> list[Placement]:
        """Look up placements in doubt; return all placements in their new state."""
        now = self.store.now()
        doubtful = [i.placement for i in items.values() if next_step(i.placement, now) is Step.LOOK_UP]
        certain = [i.placement for i in items.values() if next_step(i.placement, now) is not Step.LOOK_UP]
        if not doubtful:
            return certain
        try:
            found = self.connector.find(self.work.mailbox.address, [placement.uid for placement in doubtful])
        except ConnectorError as error:
            self._record_failed_look_up(doubtful, error)
            return certain
        self.answered = True
        return certain + self._record_found(doubtful, found)

    def _record_failed_look_up(self, doubtful: Sequence[Placement], error: ConnectorError) -> None:
        now = self.store.now()
        self._note(error)
        self._advance(doubtful, lambda placement: failed(placement, error, now, random.random()))
        log.warning("look_up_failed", mailbox=self.work.mailbox_id, count=len(doubtful), code=error.code)

    def _record_found(self, doubtful: Sequence[Placement], found: Mapping[str, list[Found]]) -> list[Placement]:
        now = self.store.now()
        superfluous: dict[int, tuple[str, ...]] = {}
        respected = {
            item.placement.id
            for item in self.work.items
            if self.ruleset.policies(item.source).on_agent_deletion is OnAgentDeletion.RESPECT
        }

        def record(placement: Placement) -> Placement:
            respect = placement.id in respected
            advanced, superfluous[placement.id] = looked_up(
                placement, found[placement.uid], now, self.timings, respect=respect
            )
            return advanced

        advanced = self._advance(doubtful, record)
        log.info(
            "looked_up", mailbox=self.work.mailbox_id, count=len(doubtful), extras=sum(map(len, superfluous.values()))
        )
        self._remove(superfluous)
        return advanced

    def _remove(self, superfluous: Mapping[int, Sequence[str]]) -> None:
        """Remove superfluous items. They have no placement: the next look-up shows whether they are gone."""
        items = {item.placement.id: item for item in self.work.items}
        extras = [(items[number], item_id) for number, item_ids in superfluous.items() for item_id in item_ids]
        if not extras:
            return
        outcomes = self.connector.apply(self.work.mailbox.address, [Delete(item_id) for _, item_id in extras])
        now = self.store.now()
        went: Counter[int] = Counter()
        for (item, _), outcome in zip(extras, outcomes, strict=True):
            self.removed.append(WriteRecord(item.event_id, Verb.DELETE, _code(outcome) or DONE, now))
            self._notice(outcome)
            if isinstance(outcome, Done):
                went[item.placement.id] += 1
        if went:
            placements = [items[number].placement for number in went]
            self._advance(placements, lambda placement: removed(placement, went[placement.id]))

    # Writes

    def _write(self, items: Mapping[int, WorkItem], placements: Sequence[Placement]) -> None:
        now = self.store.now()
        planned = [self._plan(items[placement.id], placement, now) for placement in placements]
        self._resettle(items, placements, planned)
        writes = [write for write in planned if write is not None]
        if not writes:
            return
        verbs = {write.placement.id: write.verb for write in writes}
        begun = self._advance([write.placement for write in writes], lambda p: begin(p, verbs[p.id], now, self.timings))
        # A placement that was dropped since it was claimed (no entry, none desired) is not written either: its result
        # could not be recorded.
        recorded = {placement.id for placement in begun}
        writes = [write for write in writes if write.placement.id in recorded]
        if not writes:
            return
        outcomes = self.connector.apply(self.work.mailbox.address, [write.change for write in writes])
        self._record_outcomes(writes, outcomes)

    def _plan(self, item: WorkItem, placement: Placement, now: datetime) -> Write | None:
        verb = _VERBS.get(next_step(placement, now))
        if verb is None:
            return None
        if verb is Verb.DELETE:
            return Write(item, placement, verb, Delete(_known(placement.item_id)), None)
        entry = self.ruleset.entry(placement.uid, item.source, item.state)
        if entry is None or self.ruleset.digest(entry) != placement.desired:
            return None
        change = Create(entry) if verb is Verb.CREATE else Update(_known(placement.item_id), entry)
        return Write(item, placement, verb, change, placement.desired)

    def _resettle(
        self, items: Mapping[int, WorkItem], placements: Sequence[Placement], planned: Sequence[Write | None]
    ) -> None:
        """Mark events to be settled again whose due content differs from what the present settings would write."""
        now = self.store.now()
        outdated = [
            items[placement.id].event_id
            for placement, write in zip(placements, planned, strict=True)
            if write is None and next_step(placement, now) in _VERBS
        ]
        if outdated:
            self.store.write(settling.unsettle, outdated, now)

    def _record_outcomes(self, writes: Sequence[Write], outcomes: Sequence[Outcome]) -> None:
        by_id = {write.placement.id: (write, outcome) for write, outcome in zip(writes, outcomes, strict=True)}
        now = self.store.now()

        def record(placement: Placement) -> Placement:
            write, outcome = by_id[placement.id]
            return end(placement, write.sent, outcome, now, random.random())

        written = {
            number: WriteRecord(write.item.event_id, write.verb, _code(outcome) or DONE, now)
            for number, (write, outcome) in by_id.items()
        }
        self._advance([write.placement for write in writes], record, written)
        for write, outcome in by_id.values():
            self._log_write(write, outcome)
        for outcome in outcomes:
            self._notice(outcome)

    def _notice(self, outcome: Outcome) -> None:
        match outcome:
            case Done() | NotFound():
                self.answered = True
            case Failed(error):
                self._note(error)
            case Unconfirmed(code, scope):
                self._note(Temporary(code, scope))

    def _note(self, error: ConnectorError) -> None:
        """Keep the trouble with the widest scope."""
        if error.scope is Scope.ITEM:
            self.answered = True
        if error.scope is Scope.MAILBOX and error.code not in UNANSWERED:
            self.heard = True
        if error.scope is not Scope.ITEM and (self.trouble is None or error.scope is Scope.SERVER):
            self.trouble = error

    def _log_write(self, write: Write, outcome: Outcome) -> None:
        report = log.info if isinstance(outcome, Done) else log.warning
        report(
            "write",
            verb=write.verb,
            outcome=type(outcome).__name__.lower(),
            code=_code(outcome),
            mailbox=self.work.mailbox_id,
            uid=write.placement.uid,
            delivery=write.item.delivery,
        )

    def _advance(
        self,
        placements: Iterable[Placement],
        change: Callable[[Placement], Placement],
        written: Mapping[int, WriteRecord] | None = None,
    ) -> list[Placement]:
        changes = {placement.id: change for placement in placements}
        return list(self.store.advance(self.work, changes, self.store.now(), self.timings.lease, written).values())


def _code(outcome: Outcome) -> str | None:
    """Return the code of the failure; None: success."""
    match outcome:
        case Done():
            return None
        case NotFound():
            return "item_not_found"
        case Unconfirmed(code):
            return code
        case Failed(error):
            return error.code


def _known(item_id: str | None) -> str:
    if item_id is None:
        raise AssertionError("what is applied has an item id")
    return item_id


def reconcile(
    store: Store,
    connector: Calendar,
    ruleset: Ruleset,
    work: MailboxWork,
    timings: CallLimits,
    served: Served = NOTHING_SERVED,
) -> Result:
    """Make the leased mailbox equal to what is desired; see `Pass.run`."""
    return Pass(store, connector, ruleset, work, timings, served).run()
