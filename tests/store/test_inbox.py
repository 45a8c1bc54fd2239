"""Webhooks that wait to be judged: nothing is lost on the way, and one that spoils costs the others nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from sqlalchemy import Connection, insert, select

from receiver.core.facts import News
from receiver.store import Incoming, Receipt, Store, StoreUnavailable, Verdict
from receiver.store.database.engine import reading, writing
from receiver.store.database.records import read_news
from receiver.store.database.tables import deliveries
from receiver.store.database.tables import inbox as rows
from receiver.store.intake import inbox, judge_batch
from receiver.store.reports import status
from receiver.store.reports.overview import FailureScope
from receiver.store.work import settling
from tests.lab.database import engine_of
from tests.makers import MARTINE, NOW, a_delivery, a_plage, a_role, a_slot, an_absence, an_agent, incoming
from tests.store.test_batches import NEWS

LATER = NOW + timedelta(hours=3)
SPOILT = {"delivery": "f" * 32, "source": "mds", "platform": "production", "emitter": "rdv_service_public",
          "digest": b"x" * 16, "sort": "event", "news": '{"model": "Rdv"}', "received_at": NOW}  # fmt: skip


def verdicts(store: Store) -> list[Verdict | None]:
    return [judged.receipt and judged.receipt.verdict for judged in store.judge(NOW)]


def spoil(store: Store) -> None:
    """As a version with another idea of the news, or a fault of ours, would leave it."""
    with writing(engine_of(store)) as connection:
        connection.execute(insert(rows).values(SPOILT))


def moments(store: Store) -> list[object]:
    with reading(engine_of(store)) as connection:
        return list(connection.scalars(select(deliveries.c.received_at)))


def test_what_is_put_down_is_judged_in_the_order_it_came_and_leaves_the_inbox(store: Store) -> None:
    body = incoming(a_delivery(60), body=b"a")
    for each in (body, body, incoming(a_delivery(90)), incoming(a_role(7)), incoming(an_agent(MARTINE))):
        store.keep(each)
    assert not store.read(inbox.is_empty)
    assert not store.read(settling.has_unsettled), "nothing is looked at while it is put down"
    accepted, repeat, late = Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.SUPERSEDED
    assert verdicts(store) == [accepted, repeat, late, accepted, accepted]
    assert (store.read(inbox.is_empty), store.read(settling.has_unsettled), store.judge(NOW)) == (True, True, [])


@pytest.mark.parametrize("news", [a_delivery(), a_slot(an_absence()), a_slot(a_plage()), a_role(7), an_agent(MARTINE)])
def test_news_are_the_same_after_the_wait(store: Store, news: News, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[News] = []
    take = judge_batch.take_in_turn

    def look(connection: Connection, batch: Sequence[Incoming], now: datetime) -> list[Receipt]:
        seen.extend(each.news for each in batch)
        return take(connection, batch, now)

    monkeypatch.setattr(judge_batch, "take_in_turn", look)
    store.keep(incoming(news))
    store.judge(NOW)
    assert seen == [news]


@given(news=NEWS)
def test_any_news_are_the_same_after_being_written_down(news: News) -> None:
    row = inbox.row_of(incoming(news))
    assert read_news(row.sort, row.news) == news


def test_when_it_came_is_kept_and_not_when_it_was_judged(store: Store) -> None:
    store.keep(incoming(a_delivery(), received_at=NOW))
    store.judge(LATER)
    assert moments(store) == [NOW]


def test_one_that_cannot_be_judged_costs_the_others_nothing(store: Store) -> None:
    store.keep(incoming(a_delivery(wire_id=1, uuid="a")))
    spoil(store)
    store.keep(incoming(a_delivery(wire_id=2, uuid="b")))
    assert verdicts(store) == [Verdict.ACCEPTED, None, Verdict.ACCEPTED]
    assert (store.read(inbox.is_empty), store.judge(NOW)) == (True, [])
    [group] = store.read(status.look, [], [], NOW).failures
    assert (group.scope, group.code, group.count, group.since) == (FailureScope.EVENT, "not_judged", 1, NOW)


def test_what_was_set_aside_is_no_backlog_whatever_came_since(store: Store) -> None:
    spoil(store)
    store.judge(NOW)
    for number in range(1, 4):
        store.keep(incoming(a_delivery(wire_id=number, uuid=None)))
    assert store.read(status.look, [], [], NOW).unsettled == 3
    store.judge(NOW, 2)
    assert store.read(status.look, [], [], NOW).unsettled == 1 + 2, "two are judged and to be settled"
    assert not store.read(status.has_backlog, 3)


def test_what_was_set_aside_is_judged_again_when_asked_for(store: Store) -> None:
    spoil(store)
    store.judge(NOW)
    store.write(inbox.take_up)
    assert not store.read(inbox.is_empty)
    assert verdicts(store) == [None]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_what_is_too_long_is_refused_and_not_cut(store: Store) -> None:
    """SQLite knows no lengths."""
    with pytest.raises(StoreUnavailable):
        store.keep(replace(incoming(a_delivery()), source="s" * 41))
    assert store.read(inbox.is_empty)
