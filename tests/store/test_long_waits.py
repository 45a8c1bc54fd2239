"""Waits that an earlier version recorded, of any length: they hold nobody, and are shortened where they could."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, update

from connectors.base import Scope, Temporary
from receiver.core import plan, servers
from receiver.store import Store
from receiver.store.database import tables
from receiver.store.reports import overview
from receiver.store.tools import failures
from receiver.store.tools.failures import Chosen
from receiver.store.work import leases
from receiver.store.work import servers as stored_servers
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
    assert store.write(failures.shorten_waits, NOW) == shortened
    until = NOW + timedelta(minutes=10) if shortened else NOW + far
    assert [group.until for group in store.read(overview.failures, NOW)] == [until]
    assert not store.read(leases.has_work, "exchange", NOW)
    assert store.read(leases.has_work, "exchange", until)
    assert store.claim("exchange", until, 10, LEASE) is not None
    assert store.write(failures.shorten_waits, NOW) == 0


@pytest.mark.threat(id="long-waits")
@pytest.mark.parametrize("far", [timedelta(hours=2), DECADES])
def test_a_server_is_not_left_alone_for_decades(store: Store, far: timedelta) -> None:
    def of_old(server: servers.ServerState) -> servers.ServerState:
        return servers.replace(server, failure="x", blocked_until=NOW + far, probe="p", probe_until=NOW + far)

    store.write(stored_servers.change, "exchange", of_old)
    assert store.write(stored_servers.claim_probe, "exchange", "mine", NOW, LEASE)
    assert store.write(failures.shorten_waits, NOW) == 1
    found = store.read(stored_servers.find, "exchange")
    assert found is not None
    assert found.blocked_until == NOW + timedelta(minutes=10)
    assert store.write(failures.shorten_waits, NOW) == 0


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
    assert not store.read(leases.has_work, "exchange", soon)
    assert store.write(failures.shorten_waits, NOW) == 1
    assert store.read(leases.has_work, "exchange", soon)


def test_a_retry_ends_the_wait_of_the_server_that_is_meant(store: Store) -> None:
    for name in ("exchange", "other"):
        until = NOW + timedelta(minutes=9)
        store.write(
            stored_servers.change, name, lambda server, until=until: servers.throttled(server, until, None, NOW)
        )  # type: ignore[misc]
    assert store.write(failures.retry_servers, Chosen(address=HERS.address), NOW) == 0
    assert store.write(failures.retry_servers, Chosen(code="timeout"), NOW) == 0
    assert store.write(failures.retry_servers, Chosen(calendar="other"), NOW) == 1
    assert [(server.name, server.is_blocked(NOW)) for server in store.read(stored_servers.listed)] == [
        ("exchange", True),
        ("other", False),
    ]
