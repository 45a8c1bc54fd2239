"""A server in trouble: kept away from by all processes together, and no other server is held up by it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mock_exchange import FaultKind, MockExchange
from receiver.config import Access, Auth, EwsCalendar, IcsFolder, Secret
from receiver.core.servers import ACCOUNT_PAUSE
from receiver.store import Store
from receiver.store.work import servers
from receiver.worker.account_tag import tag
from receiver.worker.server_threads import ServerThreads
from tests.lab.database import engine_of
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, WorkerHarness, exchange_with
from tests.makers import KARIM, MARTINE, NOW
from tests.worker.crew_harness import boxes, open_crew_harness, wire

SECOND = timedelta(seconds=1)


def refusals(exchange: MockExchange) -> int:
    """How often a wrong password was shown."""
    return sum(recorded.refused for recorded in exchange.requests)


def wake(*crews: ServerThreads, times: int = 5) -> None:
    """Have every thread try, again and again."""
    for _ in range(times):
        for crew in crews:
            crew.wake()
        time.sleep(0.02)  # a thread that would call does so within that time


def another_process(harness: WorkerHarness, credentials: str = "") -> ServerThreads:
    """A worker of another host: it shares the store alone."""
    return ServerThreads(CALENDAR, harness.connector, 1, harness.store, harness.settings.ruleset(), credentials)


def tell_both(harness: WorkerHarness, count: int = 4) -> None:
    for number in range(1, count + 1):
        agent = MARTINE if number % 2 else KARIM
        harness.tell(60, agents=(agent,), wire_id=number, uuid=None)


# The account


def test_a_wrong_password_at_the_start_costs_one_attempt(store_url: str) -> None:
    """An Active Directory locks an account after a few: not one for each thread of each process."""
    mailboxes = boxes(8)
    with (
        exchange_with(mailboxes) as exchange,
        open_crew_harness(store_url, dict.fromkeys(mailboxes, CALENDAR)) as crew_harness,
    ):
        crew_harness.send(*mailboxes)
        crews = [crew_harness.crew(wire(exchange, crew_harness.store, password="old")) for _ in range(2)]
        for crew in crews:
            crew.start()
        wait_until(lambda: crew_harness.server().failure)
        wake(*crews)
        assert (refusals(exchange), crew_harness.server().failure) == (1, "unauthorized")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_refused_account_is_tried_once_in_five_minutes_by_all_processes(
    harness_on_each: WorkerHarness, restarts: bool
) -> None:
    harness = harness_on_each
    tell_both(harness)
    harness.inject(FaultKind.UNAUTHORIZED, times=None)
    crews = [another_process(harness) for _ in range(3)]
    tries = []
    while harness.store.moment < NOW + timedelta(minutes=30):
        if restarts:
            crews = [another_process(harness) for _ in range(3)]
        before = len(harness.exchange.requests)
        for crew in crews:
            crew.work_once()
        tries += [harness.store.moment] * (len(harness.exchange.requests) - before)
        harness.pass_time(SECOND * 20)
    assert 3 <= len(tries) <= 6
    assert all(later - earlier >= ACCOUNT_PAUSE for earlier, later in pairwise(tries))


def test_another_password_is_tried_at_once_and_the_same_is_not(harness: WorkerHarness) -> None:
    tell_both(harness)
    harness.inject(FaultKind.UNAUTHORIZED)
    harness.crew = another_process(harness, "aa")
    assert harness.work() == 1
    harness.crew = another_process(harness, "aa")
    assert harness.work() == 0, "a restart with the password that was refused"
    harness.crew = another_process(harness, "bb")
    assert harness.work() == 2
    [server] = harness.store.read(servers.listed)
    assert (server.failure, server.credentials) == (None, "bb")


def test_a_host_with_an_old_password_stops_itself_and_no_other(harness: WorkerHarness) -> None:
    old = another_process(harness, "old")
    harness.tell(90, agents=(MARTINE,))
    assert old.work_once()
    harness.crew = another_process(harness, "new")
    harness.tell(80, agents=(MARTINE,), motif="Nouveau")
    assert harness.work() == 1
    harness.tell(60, agents=(MARTINE,), motif="Encore un autre")
    harness.inject(FaultKind.UNAUTHORIZED)
    harness.pass_time(SECOND)
    assert old.work_once()
    assert [old.work_once(), old.work_once()] == [False, False]
    assert harness.work() == 1
    assert harness.subjects() == ["Encore un autre"]


def test_over_another_connection_a_refused_account_waits_and_all_else_is_tried_at_once(
    harness_on_each: WorkerHarness,
) -> None:
    """A reload with an authority, an address or rights put right: nobody waits a quarter of an hour for it."""
    harness = harness_on_each
    tell_both(harness)
    harness.inject(FaultKind.UNAUTHORIZED)
    harness.crew = another_process(harness, "aa11")
    assert harness.work() == 1
    harness.crew = another_process(harness, "aa22")
    assert harness.work() == 0, "the password that was refused"
    harness.pass_time(ACCOUNT_PAUSE)
    harness.inject(FaultKind.UNAVAILABLE, retry_after_s=600)
    assert harness.work() == 1
    harness.pass_time(SECOND)
    harness.crew = another_process(harness, "aa22")
    assert harness.work() == 0
    harness.crew = another_process(harness, "aa33")
    assert harness.work() == 2


def test_over_another_connection_mailboxes_that_failed_are_tried_at_once(harness_on_each: WorkerHarness) -> None:
    """The rights that they lacked may be those of another kind of access."""
    harness = harness_on_each
    tell_both(harness, 2)
    harness.crew = another_process(harness, "aa11")
    harness.inject(FaultKind.ERROR, code="ErrorImpersonateUserDenied", mailbox=HERS, times=2)
    harness.work()
    harness.crew = another_process(harness, "aa11")
    assert harness.work() == 0
    harness.crew = another_process(harness, "aa22")
    assert harness.work() > 0
    harness.crew = another_process(harness, "bb22")
    assert harness.work() > 0, "whose account has the rights, too"
    assert (len(harness.items(HERS)), len(harness.items(HIS))) == (1, 1)


def an_account(**keys: Any) -> EwsCalendar:
    ordinary = {"server": "https://x.example/ews", "version": "Exchange2016", "username": "svc"}
    return EwsCalendar(name="x", **(ordinary | keys))


def test_the_tag_tells_changes_of_the_account_and_little_else() -> None:
    account = an_account(password=Secret("pw"))
    others = [
        account.replace(password=Secret("other")),
        account.replace(username="svcp", password=Secret("w")),
        account.replace(server="https://y.example/ews"),
        account.replace(password=None),
    ]
    tags = [tag(each, b"key") for each in (account, *others)]
    assert len(set(tags)) == len(tags)
    assert {len(each) for each in tags} == {4}
    assert tag(account, b"key") == tag(account.replace(), b"key")
    mine, another = (tag(account, key) for key in (b"key", b"another installation"))
    assert (mine[:2] != another[:2], mine[2:] != another[2:]) == (True, True)
    halves = [(each[:2] == mine[:2], each[2:] == mine[2:]) for each in tags]
    assert halves == [(True, True), (False, True), (False, True), (True, False), (False, True)]


def test_the_tag_tells_whatever_a_connection_hangs_on(tmp_path: Path) -> None:
    account = an_account(password=Secret("pw"))
    authority = tmp_path / "ca.pem"
    others = [
        account.replace(server="https://y.example/ews"),
        account.replace(version="Exchange2013"),
        account.replace(auth=Auth.BASIC),
        account.replace(access=Access.DELEGATE),
        account.replace(timeout_s=60.0),
        account.replace(connections=9),
    ]
    tags = [tag(each, b"key") for each in (account, *others)]
    for content in (b"first", b"second"):
        authority.write_bytes(content)
        tags.append(tag(account.replace(ca_file=authority), b"key"))
    assert len(set(tags)) == len(tags)
    assert len({each[:2] for each in tags}) == 1, "the account is the same"
    authority.unlink()
    assert tag(account.replace(ca_file=authority), b"key") == tags[0], "the connector says what is wrong"
    os.mkfifo(authority)
    assert tag(account.replace(ca_file=authority), b"key") == tags[0], "a pipe would be waited for"


def test_the_tag_of_a_keytab_tells_that_it_was_replaced(tmp_path) -> None:  # type: ignore[no-untyped-def]
    keytab = tmp_path / "svc.keytab"
    account = an_account(auth=Auth.KERBEROS, username="svc@X", keytab=keytab)
    tags = [tag(account, b"key")]
    for content in (b"first", b"second"):
        keytab.write_bytes(content)
        tags.append(tag(account, b"key"))
    assert len(set(tags)) == 3
    assert len({tag(IcsFolder(name="x", path=path), b"key") for path in (tmp_path, tmp_path / "other", tmp_path)}) == 2


# A server that is down


def test_a_server_that_is_down_is_probed_by_one_of_all_hosts(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    tell_both(harness, 10)
    crews = [another_process(harness) for _ in range(5)]
    harness.inject(FaultKind.UNAVAILABLE, verb="CreateItem", times=None, retry_after_s=60)
    posts = []
    for _ in range(8):
        before = len(harness.exchange.requests)
        for crew in crews:
            crew.work_once()
        posts.append(len(harness.exchange.requests) - before)
        harness.pass_time(SECOND * 61)
    assert max(posts) == 1
    [server] = harness.store.read(servers.listed)
    assert (server.failure, server.failing_since is not None) == ("server_busy", True)
    harness.exchange.faults.clear()
    harness.work_until_quiet()
    assert (len(harness.items(HERS)), len(harness.items(HIS))) == (5, 5)
    [server] = harness.store.read(servers.listed)
    assert (server.failure, server.failing_since, server.attempts) == (None, None, 0)


def test_a_trouble_outlives_the_process_that_met_it(harness: WorkerHarness) -> None:
    tell_both(harness)
    harness.inject(FaultKind.DROP_BEFORE, verb="CreateItem", times=None)
    harness.work()
    [server] = harness.store.read(servers.listed)
    assert (server.failure, server.failing_since) == ("connection_lost", NOW)
    harness.restart()
    assert harness.work() == 0


def test_a_probe_that_died_holds_the_server_up_for_a_lease_and_no_longer(harness: WorkerHarness) -> None:
    tell_both(harness)
    harness.store.write(servers.change, CALENDAR, lambda server: server)
    assert harness.store.write(servers.claim_probe, CALENDAR, "dead", NOW, harness.timings.lease)
    assert harness.work() == 0
    harness.pass_time(harness.timings.lease)
    assert harness.work() == 2


def test_a_probe_that_found_nothing_to_ask_is_given_back(harness: WorkerHarness) -> None:
    harness.tell(agents=(MARTINE,))
    claim, harness.store.claim = harness.store.claim, lambda *_: None  # type: ignore[method-assign]
    assert not harness.crew.work_once()
    harness.store.claim = claim  # type: ignore[method-assign]
    assert another_process(harness).work_once()


def test_a_mailbox_that_hangs_ends_no_trouble_and_one_that_is_denied_does(harness: WorkerHarness) -> None:
    """A refusal is an answer; silence is none."""
    harness.tell(agents=(MARTINE,))
    harness.store.write(
        servers.change, CALENDAR, lambda server: replace(server, failure="connection_lost", failing_since=NOW)
    )
    harness.inject(FaultKind.HANG, verb="CreateItem", delay_s=1.5)
    harness.work()
    assert [server.failure for server in harness.store.read(servers.listed)] == ["connection_lost"]
    harness.exchange.settle()
    harness.inject(FaultKind.ERROR, code="ErrorAccessDenied", times=None)
    harness.tell(30, agents=(KARIM,))
    harness.pass_time(SECOND * 2)
    harness.work()
    assert [server.failure for server in harness.store.read(servers.listed)] == [None]


def test_one_server_that_is_down_delays_no_other(store_url: str) -> None:
    mailboxes = boxes(8)
    homes = {address: ("a", "b")[number % 2] for number, address in enumerate(mailboxes)}
    with (
        exchange_with(mailboxes) as down,
        exchange_with(mailboxes) as well,
        open_crew_harness(store_url, homes) as crew_harness,
    ):
        crews = [
            crew_harness.crew(wire(server, crew_harness.store), calendar=name)
            for name, server in (("a", down), ("b", well))
        ]
        down.stop()
        for crew in crews:
            crew.start()
        crew_harness.send(*mailboxes, each=5)
        wake(*crews)
        wait_until(lambda: sum(len(well.items(address)) for address in mailboxes) == 20)
        wait_until(lambda: crew_harness.server("a").failure == "connection_failed")
        assert crew_harness.server("b").failure is None
        assert crew_harness.server("b").succeeded_at is not None
        down.start()
        crew_harness.pass_time("a")

        def woken() -> bool:
            wake(*crews, times=1)
            return sum(len(down.items(address)) for address in mailboxes) == 20

        wait_until(woken)
        assert crew_harness.server("a").failure is None


# What health costs


@contextmanager
def counting(store: Store) -> Iterator[list[str]]:
    """Statements that concern servers."""
    found: list[str] = []

    def note(_connection, _cursor, statement, *_):  # type: ignore[no-untyped-def]
        if "servers" in statement:
            found.append(statement.split()[0])

    event.listen(engine_of(store), "before_cursor_execute", note)
    yield found
    event.remove(engine_of(store), "before_cursor_execute", note)


def test_health_costs_a_look_a_second_and_a_note_a_minute_however_much_is_written(
    harness_on_each: WorkerHarness,
) -> None:
    harness = harness_on_each
    harness.tell(90, agents=(MARTINE,))
    harness.work()
    with counting(harness.store) as statements:
        for number in range(20):
            harness.tell(60 - number, agents=(MARTINE,), motif=f"Motif {number}")
            assert harness.work() == 1
        assert statements == []
        for _ in range(3):
            harness.pass_time(SECOND)
            harness.work()
        assert statements == ["SELECT"] * 3
        harness.pass_time(SECOND * 57)
        statements.clear()
        harness.tell(30, agents=(MARTINE,), motif="Nouveau")
        harness.work()
        assert statements == ["SELECT", "SELECT", "UPDATE"]


def test_an_idle_worker_writes_nothing_of_a_server(harness: WorkerHarness) -> None:
    harness.tell(90, agents=(MARTINE,))
    harness.work()
    with counting(harness.store) as statements:
        for _ in range(5):
            harness.pass_time(timedelta(minutes=5))
            assert harness.work() == 0
        assert set(statements) == {"SELECT"}


def test_an_idle_worker_that_has_met_nobody_probes_nobody(harness: WorkerHarness) -> None:
    harness.work()
    harness.pass_time(timedelta(minutes=5))
    assert (harness.work(), harness.exchange.requests) == (0, [])
    assert [server.probe for server in harness.store.read(servers.listed)] == [None]
