"""Waits that an earlier version recorded, of any length: they hold nobody, and are shortened where they could."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, update

from connectors.base import Scope, Temporary
from receiver.core import plan, servers
from receiver.store import Chosen, Store
from receiver.store.database import tables
from tests.makers import NOW
from tests.store.failing_ground import HERS, block, hear, place

LEASE = timedelta(minutes=5)
DECADES = timedelta(days=365 * 32)


@pytest.mark.parametrize(
    ("known", "far", "shortened"),
    [(True, timedelta(hours=2), 1), (True, DECADES, 1), (False, DECADES, 1), (False, timedelta(hours=20), 0)],
)
def test_a_mailbox_is_not_left_alone_for_decades(
    store: Store, store_url: str, known: bool, far: timedelta, shortened: int
) -> None:
    """One that the server does not know is left alone for a day at most, and that is our own choice."""
    hear(store, 5)
    place(store, {HERS: "d1"})
    block(store)
    engine = create_engine(store_url)
    with engine.begin() as connection:
        identity = HERS.address if known else None
        connection.execute(update(tables.mailboxes).values(blocked_until=NOW + far, identity=identity, failure="x"))
    engine.dispose()
    assert store.shorten_waits(NOW) == shortened
    until = NOW + timedelta(minutes=10) if shortened else NOW + far
    assert [group.until for group in store.failures(NOW)] == [until]
    assert not store.has_work("exchange", NOW)
    assert store.has_work("exchange", until)
    assert store.claim("exchange", until, 10, LEASE) is not None
    assert store.shorten_waits(NOW) == 0


@pytest.mark.threat(id="long-waits")
@pytest.mark.parametrize("far", [timedelta(hours=2), DECADES])
def test_a_server_is_not_left_alone_for_decades(store: Store, far: timedelta) -> None:
    def of_old(server: servers.Server) -> servers.Server:
        return servers.replace(server, failure="x", blocked_until=NOW + far, probe="p", probe_until=NOW + far)

    store.change_server("exchange", of_old)
    assert store.claim_probe("exchange", "mine", NOW, LEASE)
    assert store.shorten_waits(NOW) == 1
    found = store.server("exchange")
    assert found is not None
    assert found.blocked_until == NOW + timedelta(minutes=10)
    assert store.shorten_waits(NOW) == 0


def test_an_entry_waits_ten_minutes_more_at_the_latest(store: Store) -> None:
    hear(store, 5)
    place(store, {HERS: "d1"})
    work = store.claim("exchange", NOW, 10, LEASE)
    assert work is not None
    [item] = work.items
    busy = Temporary("item_busy", Scope.ITEM, 1.0)

    def of_old(placement: plan.Placement) -> plan.Placement:
        return plan.replace(plan.failed(placement, busy, NOW, 1.0), not_before=NOW + DECADES)

    store.advance(work, {item.placement.id: of_old}, NOW, LEASE)
    store.release(work, None, NOW)
    soon = NOW + timedelta(minutes=10)
    assert not store.has_work("exchange", soon)
    assert store.shorten_waits(NOW) == 1
    assert store.has_work("exchange", soon)


def test_a_retry_ends_the_wait_of_the_server_that_is_meant(store: Store) -> None:
    for name in ("exchange", "other"):
        until = NOW + timedelta(minutes=9)
        store.change_server(name, lambda server, until=until: servers.throttled(server, until, None, NOW))  # type: ignore[misc]
    assert store.retry_servers(Chosen(address=HERS.address), NOW) == 0
    assert store.retry_servers(Chosen(code="timeout"), NOW) == 0
    assert store.retry_servers(Chosen(calendar="other"), NOW) == 1
    assert [(server.name, server.is_blocked(NOW)) for server in store.servers()] == [
        ("exchange", True),
        ("other", False),
    ]
