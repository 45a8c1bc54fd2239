"""A store in which a mailbox, an entry and an event fail."""

from datetime import timedelta

from connectors.base import Failed, Permanent, Scope
from receiver.core.desired import Decision
from receiver.core.mailboxes import Mailbox
from receiver.core.plan import CallLimits, Verb, begin, end
from receiver.store import Store, Trouble
from receiver.store.intake import judge_batch
from tests.makers import NOW, a_delivery, incoming

LEASE = timedelta(seconds=60)
TIMINGS = CallLimits.of(1)
HERS = Mailbox("exchange", "martine.agent@departement.example")
HIS = Mailbox("exchange", "karim.agent@departement.example")
BLOCKED = NOW + timedelta(hours=1)


def hear(store: Store, number: int, age_s: float = 60, **state: object) -> None:
    """An event comes in; its uid is ``Rdv/uuid-NUMBER@production``."""
    store.write(judge_batch.take, [incoming(a_delivery(age_s, wire_id=number, uuid=f"uuid-{number}", **state))], NOW)  # type: ignore[arg-type]


def place(store: Store, wishes: dict[Mailbox, str | None]) -> None:
    """All that was heard is wanted so."""
    store.settle(lambda view: Decision({**dict.fromkeys(view.held), **wishes}), NOW)


def refuse(store: Store, code: str = "invalid_item") -> None:
    """The server refuses, for good, all that is due."""
    refusal = Failed(Permanent(code, Scope.ITEM))
    while (work := store.claim("exchange", NOW, 100, LEASE)) is not None:
        ids = [item.placement.id for item in work.items]
        store.advance(work, dict.fromkeys(ids, lambda p: begin(p, Verb.CREATE, NOW, TIMINGS)), NOW, LEASE)
        store.advance(work, dict.fromkeys(ids, lambda p: end(p, p.desired, refusal, NOW, 0)), NOW, LEASE)
        store.release(work)


def block(store: Store, code: str = "impersonation_denied") -> None:
    """The next mailbox with work is in trouble for an hour."""
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    store.release(work, Trouble(code, BLOCKED))


def fail_event(store: Store) -> None:
    """All that was heard can be shown nowhere."""
    store.settle(lambda view: Decision(dict.fromkeys(view.held), failure="recurrence_not_holdable"), NOW)
