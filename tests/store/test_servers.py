"""The standing of servers as rows that all hosts share."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import create_engine, delete, insert

from receiver.core.servers import ServerState, stuck
from receiver.store import Store
from receiver.store.database.tables import events, mailboxes, metadata, placements
from receiver.store.work import servers
from tests.makers import NOW

LEASE = timedelta(seconds=60)


def at_once(block: Callable[[int], object], threads: int = 8) -> list[object]:
    """Run the block in several threads; return what each returned."""
    found: list[object] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait()
        found.append(block(number))

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return found


def test_a_server_is_known_once_a_worker_has_met_it(store: Store) -> None:
    assert (store.read(servers.find, "exchange"), store.read(servers.listed)) == (None, [])
    met = store.write(servers.change, "exchange", lambda server: replace(server, failure="timeout", failing_since=NOW))
    assert met == ServerState("exchange", failure="timeout", failing_since=NOW)
    store.write(servers.change, "autre", lambda server: server)
    assert store.read(servers.find, "exchange") == met
    assert store.read(servers.listed) == [ServerState("autre"), met]


def test_changes_of_several_workers_at_once_are_all_kept(store: Store) -> None:
    at_once(lambda _: store.write(servers.change, "exchange", lambda server: stuck(server, NOW)))
    assert [server.stuck_calls for server in store.read(servers.listed)] == [8]


def test_of_all_who_would_probe_one_may(store: Store) -> None:
    store.write(servers.change, "exchange", lambda server: server)
    claims = at_once(lambda number: store.write(servers.claim_probe, "exchange", f"p{number}", NOW, LEASE))
    assert sorted(claims) == [False] * 7 + [True]  # type: ignore[type-var]


def test_a_probe_ends_by_itself(store: Store) -> None:
    store.write(servers.change, "exchange", lambda server: server)
    assert store.write(servers.claim_probe, "exchange", "dead", NOW, LEASE)
    assert not store.write(servers.claim_probe, "exchange", "next", NOW + LEASE - timedelta(seconds=1), LEASE)
    assert store.write(servers.claim_probe, "exchange", "next", NOW + LEASE, LEASE)


def test_nobody_may_probe_while_a_server_is_left_alone(store: Store) -> None:
    store.write(servers.change, "exchange", lambda server: replace(server, blocked_until=NOW + LEASE))
    assert not store.write(servers.claim_probe, "exchange", "early", NOW, LEASE)
    assert store.write(servers.claim_probe, "exchange", "due", NOW + LEASE, LEASE)
    assert not store.write(servers.claim_probe, "never met", "probe", NOW, LEASE)


# Numbers


def test_the_number_of_a_placement_is_never_given_out_again(store_url: str) -> None:
    """A worker that still holds the old one would record its outcome against another event's."""
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(insert(events).values(_event(1)))
        connection.execute(insert(mailboxes).values(id=1, calendar="c", address="a", attempts=0))
        numbers = []
        for _ in range(2):
            row = _placement(None)
            numbers.append(connection.execute(insert(placements).values(row).returning(placements.c.id)).scalar_one())
            connection.execute(delete(placements))
    engine.dispose()
    assert len(set(numbers)) == 2
    assert metadata.tables["placements"].dialect_options["sqlite"]["autoincrement"]


def _event(number: int) -> dict[str, object]:
    names = {"uid": f"u{number}", "platform": "p", "model": "Rdv", "emitter": "e", "source": "s", "kind": "k"}
    flags = {"purged": False, "ambiguous": False, "unmapped": 0, "delivery": "d"}
    return {"id": number, **names, **flags, "state_at": NOW, "changed_at": NOW}


def _placement(number: int | None) -> dict[str, object]:
    row = {"event_id": 1, "mailbox_id": 1, "desired": "d", "item_id": "i", "open_creates": 0, "attempts": 0}
    row |= {"not_before": NOW, "gave_up": False, "declined": False, "due_at": NOW}
    return row if number is None else row | {"id": number}
