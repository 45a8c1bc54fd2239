"""However long a list is, no statement grows with it: PostgreSQL takes 65,535 values, SQLite as few as 32,766.

Calendars in trouble are not walked: there are as many as somebody configured.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, insert

from receiver.core.desired import Decision
from receiver.core.facts import AgentRef, Model, News
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import Placement
from receiver.core.scope import Authority
from receiver.operations.recovery.adopt import note_found
from receiver.store import Incoming, MailboxWork, Store, WorkItem, WriteRecord
from receiver.store.database.engine import writing
from receiver.store.database.tables import agents, roles
from receiver.store.intake import judge_batch
from receiver.store.reports import status
from receiver.store.tools import audit, backup, erasure, recovery, resync
from receiver.store.tools.resync import Scope
from receiver.store.work import leases, mailbox_identity, settling
from receiver.store.work.mailbox_identity import Neighbour
from tests.lab.database import engine_of
from tests.makers import MARTINE, NOW, a_delivery, a_role, a_state, an_agent, incoming

pytestmark = pytest.mark.slow  # lists of 70,000

MANY = 70_000
MOST_VALUES = 32_766
LEASE = timedelta(seconds=60)
HERS, HIS = Mailbox("exchange", "martine@x.example"), Mailbox("exchange", "karim@x.example")
NUMBERS = range(10_000_000, 10_000_000 + MANY)
UIDS = [f"Rdv/{number}@production" for number in NUMBERS]


@pytest.fixture
def walked(store: Store) -> Iterator[Store]:
    """A store of which every statement is looked at."""

    def look(
        _connection: object, _cursor: object, statement: str, values: object, _context: object, many: bool
    ) -> None:
        assert many or len(values) <= MOST_VALUES, statement[:100]  # type: ignore[arg-type]
        assert len(statement) < 1_000_000, statement[:100]

    event.listen(engine_of(store), "before_cursor_execute", look)
    return store


def placed(store: Store) -> MailboxWork:
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    store.settle(lambda _: Decision({HERS: "d1"}), NOW)
    work = store.claim("exchange", NOW, 100, LEASE)
    assert work is not None
    return work


def crowded(work: MailboxWork) -> MailboxWork:
    state = a_state()
    items = tuple(WorkItem(Placement(number, "u", "d"), number, "mds", "d", state) for number in NUMBERS)
    return MailboxWork(work.mailbox_id, work.mailbox, work.lease, 0, True, items)


def same(placement: Placement) -> Placement:
    return placement


WALKS: dict[str, Callable[[Store, MailboxWork], object]] = {
    "resettle": lambda store, _: store.write(settling.unsettle, NUMBERS, NOW),
    "standings": lambda store, _: store.read(audit.standings, UIDS),
    "finished": lambda store, _: store.read(recovery.finished, UIDS),
    "advance": lambda store, work: store.advance(work, dict.fromkeys(NUMBERS, same), NOW, LEASE),
    "neighbours": lambda store, work: store.read(mailbox_identity.neighbours, crowded(work)),
    "release": lambda store, work: store.release(
        crowded(work), written=[WriteRecord(number, "create", "done", NOW) for number in NUMBERS]
    ),
    "empty": lambda store, work: store.write(recovery.empty, work, NUMBERS),
    "repair": lambda store, work: (
        store.release(work),
        store.write(audit.repair, HERS, {p: p for p in (Placement(number, "u", "d") for number in NUMBERS)}, NOW),
    ),
    "note_found": lambda store, work: note_found(store, work, {"u": "item"}, UIDS, found_at=NOW, now=NOW),
    "not_sent": lambda store, _: store.read(resync.not_sent, scope(), NOW),
    "count_live": lambda store, _: store.read(resync.count_live, scope()),
    "witnesses": lambda store, _: store.read(resync.witnesses, "mds", {(number, "PMI") for number in NUMBERS}, NOW, 3),
    "sight": lambda store, _: store.read(status.look, [f"s{number}" for number in range(2_000)], [], NOW),
    "authority": lambda store, _: store.write(
        judge_batch.take, [told(an_agent(AgentRef("31", "new@x.example"), 1))], NOW
    ),
    "accept": lambda store, _: store.write(judge_batch.take, [incoming(a_delivery(), body=b"same")] * MANY, NOW),
}


def told(news: News) -> Incoming:
    return replace(incoming(news), authority=Authority(frozenset(NUMBERS)))


def scope() -> Scope:
    return Scope("mds", frozenset(Model), frozenset(NUMBERS))


@pytest.mark.threat(id="unsettleable-events")
@pytest.mark.parametrize("name", WALKS)
def test_a_list_may_be_as_long_as_it_likes(walked: Store, name: str) -> None:
    WALKS[name](walked, placed(walked))


def test_a_webhook_may_list_any_number_of_agents_and_an_event_go_to_any_number_of_mailboxes(walked: Store) -> None:
    """Seventy webhooks with a thousand agents each once stopped settling for good."""
    many = MANY if engine_of(walked).dialect.name == "postgresql" else MOST_VALUES + 1
    crowd = tuple(AgentRef(str(number), f"a{number}@x.example") for number in NUMBERS[:many])
    walked.write(judge_batch.take, [incoming(a_delivery(agents=crowd))], NOW)
    seen: list[int] = []

    def decide(view) -> Decision:  # type: ignore[no-untyped-def]
        seen.append(len(view.agents))
        return Decision({Mailbox("exchange", agent.email): "d1" for agent in view.agents})

    assert walked.settle(decide, NOW) == 1
    assert seen == [many]
    assert walked.read(backup.counts_of)["placements"] == many
    walked.write(settling.unsettle, [1], NOW)
    assert walked.settle(lambda view: Decision(dict.fromkeys(view.held)), NOW) == 1
    assert walked.read(backup.counts_of)["placements"] == 0, "none of it had been written"


def test_two_addresses_of_one_mailbox_may_hold_any_number_of_events(walked: Store) -> None:
    work = placed(walked)
    bodies = [incoming(a_delivery(wire_id=number, uuid=None)) for number in range(1, 1_201)]
    walked.write(judge_batch.take, bodies, NOW)
    while walked.settle(lambda _: Decision({HIS: "d1"}), NOW):
        pass
    [his] = [mailbox for mailbox in (walked.write(leases.claim_one, HIS, NOW, LEASE),) if mailbox]
    walked.release(his)
    assert walked.write(mailbox_identity.merge_neighbour, Neighbour(his.mailbox_id, HIS.address), work, NOW)
    assert walked.read(settling.has_unsettled)


def test_any_number_of_agents_may_share_an_address_that_is_erased(walked: Store) -> None:
    """A chain of conditions would be deeper than SQLite takes."""
    email = "shared@departement.example"
    rows = [{"platform": "production", "ident": str(100 + n), "email": email, "state_at": NOW} for n in range(3_000)]
    place = {"platform": "production", "gone": True, "state_at": NOW}
    with writing(engine_of(walked)) as connection:
        connection.execute(insert(agents), rows)
        connection.execute(insert(roles), [place | {"wire_id": n, "ident": str(100 + n)} for n in range(3_000)])
    walked.write(
        judge_batch.take, [incoming(a_delivery(agents=(AgentRef("107", email), MARTINE))), incoming(a_role(9_999))], NOW
    )
    erased = walked.write(erasure.erase, email, MailboxMap("exchange"), NOW, with_entries=False)
    assert (erased.counts["agents"], erased.counts["roles"], erased.counts["event_agents"]) == (3_000, 3_000, 1)
    assert walked.read(backup.counts_of)["agents"] == 1


def test_whatever_waits_is_judged_in_parts(walked: Store) -> None:
    one: Incoming = incoming(a_delivery(), body=b"same")
    for _ in range(600):
        walked.keep(one)
    assert sum(len(walked.judge(NOW, MANY)) for _ in range(8)) == 600
    assert settling.AGENTS_AT_ONCE < MOST_VALUES
