"""Before a mailbox is written into for the first time it is asked whether another installation writes there."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select, update

from connectors.base import Connector, Create, Delete, Done, Outcome
from connectors.ics_folder import IcsFolderConnector
from mock_exchange import FaultKind
from receiver.config import StoreSettings
from receiver.core.backoff import LONGEST_DELAY_S
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.store import LeaseLost
from receiver.store.database.tables import mailboxes
from receiver.store.reports import overview
from receiver.store.reports.overview import MailboxSight
from receiver.store.tools import failures
from receiver.store.tools.failures import Chosen
from receiver.store.work import leases
from tests.connectors.conformance import entry
from tests.connectors.series_conformance import RULES, series
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, HIS, WorkerHarness, wire
from tests.makers import KARIM, MARTINE, NOW
from tests.worker.loop_harness import WorkerLoopHarness
from tests.worker.steps import posts

OTHER = str(uuid.UUID(int=7))
THIRD = str(uuid.UUID(int=8))
MARRIED = "martine.dupont@departement.example"
HOUR = timedelta(hours=1)
ONLY_HERS = (MARTINE,)


def unmeet(harness: WorkerHarness) -> None:
    """Have nobody asked yet."""
    engine = create_engine(harness.settings.store.address)
    with engine.begin() as connection:
        connection.execute(update(mailboxes).values(met_at=None))
    engine.dispose()


@pytest.fixture
def unmet(harness_on_each: WorkerHarness) -> WorkerHarness:
    unmeet(harness_on_each)
    return harness_on_each


@contextmanager
def another(harness: WorkerHarness, name: str = OTHER) -> Iterator[Connector]:
    connector = wire(harness.exchange, name)
    try:
        yield connector
    finally:
        connector.close()


def write(
    harness: WorkerHarness, uid: str = "Rdv/1@production", mailbox: str = HERS, name: str = OTHER, **fields: Any
) -> None:
    """What another installation writes, in two hours unless something else is said."""
    start = harness.store.moment + 2 * HOUR
    with another(harness, name) as connector:
        connector.apply(mailbox, [Create(entry(uid, **({"start": start, "end": start + HOUR} | fields)))])


def sight(harness: WorkerHarness, address: str = HERS) -> MailboxSight:
    [found] = [
        each for each in harness.store.read(overview.mailbox_page, "", 50, failing=False) if each.address == address
    ]
    return found


def test_nothing_is_written_beside_the_entries_of_another_installation(unmet: WorkerHarness) -> None:
    write(unmet)
    unmet.tell(agents=(MARTINE, KARIM))
    unmet.work_until_quiet()
    assert (len(unmet.items(HERS)), len(unmet.items(HIS))) == (1, 1)
    assert (sight(unmet).failure, sight(unmet).installation) == (OTHER_INSTALLATION, OTHER)
    assert (sight(unmet, HIS).failure, sight(unmet, HIS).installation) == (None, None)
    [group] = unmet.store.read(overview.failures, unmet.store.moment)
    assert (group.code, group.calendar, group.count, group.installations) == (OTHER_INSTALLATION, CALENDAR, 1, (OTHER,))


def test_the_look_up_is_made_once_for_a_mailbox(unmet: WorkerHarness) -> None:
    for number in range(30):
        unmet.tell(agents=ONLY_HERS, wire_id=number + 1, uuid=None)
    asked = len(unmet.exchange.requests)
    unmet.work()
    assert [verb for verb, _ in posts(unmet, asked)] == ["FindFolder", "FindItem", "CreateItem"]
    unmet.restart()
    asked = len(unmet.exchange.requests)
    unmet.tell(agents=ONLY_HERS, wire_id=99, uuid=None)
    unmet.work()
    assert [verb for verb, _ in posts(unmet, asked)] == ["CreateItem"]


def test_a_mailbox_where_others_write_is_left_alone_for_ten_minutes(unmet: WorkerHarness) -> None:
    """Each look costs its server something, and nobody cures it within seconds."""
    write(unmet)
    unmet.tell(agents=ONLY_HERS)
    asked = len(unmet.exchange.requests)
    unmet.work_until_quiet(timedelta(hours=2))
    looks = Counter(verb for verb, _ in posts(unmet, asked))
    assert 2 <= looks["FindItem"] <= 12


def test_what_is_removed_by_other_means_is_noticed_by_itself(unmet: WorkerHarness) -> None:
    write(unmet)
    unmet.tell(agents=ONLY_HERS)
    unmet.work()
    with another(unmet) as connector:
        listed = list(connector.list_marked(HERS, NOW, NOW + timedelta(days=2)))
        connector.apply(HERS, [Delete(each.item_id) for each in listed])
    unmet.work_until_quiet(timedelta(seconds=LONGEST_DELAY_S + 60))
    assert unmet.subjects() == ["Consultation PMI"]
    assert (sight(unmet).failure, sight(unmet).installation) == (None, None)


def test_a_retry_has_it_noticed_at_once(unmet: WorkerHarness) -> None:
    write(unmet)
    unmet.tell(agents=ONLY_HERS)
    unmet.work()
    with another(unmet) as connector:
        listed = list(connector.list_marked(HERS, NOW, NOW + timedelta(days=2)))
        connector.apply(HERS, [Delete(each.item_id) for each in listed])
    assert unmet.work() == 0
    assert unmet.store.write(failures.retry_mailboxes, Chosen(code=OTHER_INSTALLATION)) == 1
    unmet.work()
    assert unmet.subjects() == ["Consultation PMI"]


@pytest.mark.parametrize("uid", ["Rdv/1@demo", "1@", "production", "Rdv/1", ""])
def test_entries_of_another_platform_or_of_other_software_are_nothing_to_us(unmet: WorkerHarness, uid: str) -> None:
    if uid:
        write(unmet, uid)
    write(unmet, name="somebody's own mark")
    unmet.tell(agents=ONLY_HERS)
    unmet.work()
    assert "Consultation PMI" in unmet.subjects()


def test_what_is_over_does_not_count_and_a_series_that_goes_on_does(unmet: WorkerHarness) -> None:
    past = {"start": NOW - 3 * HOUR, "end": NOW - 2 * HOUR}
    write(unmet, **past)
    write(unmet, "Rdv/2@production", HIS, **past)
    with another(unmet) as connector:
        begun = series(RULES[0], NOW - timedelta(days=300), uid="Absence/1@production")
        connector.apply(HIS, [Create(begun)])
    unmet.tell(agents=(MARTINE, KARIM), wire_id=9, uuid=None)
    unmet.work()
    assert (sight(unmet).failure, sight(unmet, HIS).failure) == (None, OTHER_INSTALLATION)
    assert (len(unmet.items(HERS)), len(unmet.items(HIS))) == (2, 2)


def test_neighbours_may_stand_beside_us_and_others_may_not(unmet: WorkerHarness) -> None:
    write(unmet)
    write(unmet, name=THIRD)
    unmet.settings = unmet.settings.replace(store=StoreSettings(url="", neighbours=frozenset({OTHER})))
    unmet.restart()
    unmet.tell(agents=ONLY_HERS)
    unmet.work()
    assert (len(unmet.items()), sight(unmet).installation) == (2, THIRD)
    unmet.settings = unmet.settings.replace(store=StoreSettings(url="", neighbours=frozenset({OTHER, THIRD})))
    unmet.restart()
    unmet.store.write(failures.retry_mailboxes, Chosen(code=OTHER_INSTALLATION))
    unmet.work()
    assert len(unmet.items()) == 3


def test_a_look_up_that_fails_is_a_trouble_of_the_mailbox_and_nothing_is_written(unmet: WorkerHarness) -> None:
    unmet.inject(FaultKind.DROP_BEFORE, verb="FindItem", times=1, mailbox=HERS)
    unmet.tell(agents=ONLY_HERS)
    asked = len(unmet.exchange.requests)
    unmet.work()
    assert unmet.items() == []
    assert "CreateItem" not in {verb for verb, _ in posts(unmet, asked)}
    unmet.work_until_quiet(timedelta(minutes=30))
    assert unmet.subjects() == ["Consultation PMI"]


def test_a_look_up_that_one_mailbox_refuses_holds_up_no_other(unmet: WorkerHarness) -> None:
    unmet.inject(FaultKind.ERROR, code="ErrorAccessDenied", verb="FindFolder", times=None, mailbox=HERS)
    unmet.tell(agents=(MARTINE, KARIM))
    unmet.work_until_quiet(timedelta(minutes=30))
    assert (unmet.items(HERS), len(unmet.items(HIS))) == ([], 1)
    assert sight(unmet).failure == "access_denied"
    unmet.exchange.faults.clear()
    unmet.work_until_quiet(timedelta(minutes=30))
    assert len(unmet.items(HERS)) == 1


class PowerCut(KeyboardInterrupt):
    """A worker process dies."""


def test_a_crash_between_look_up_and_write_doubles_nothing_and_loses_nothing(
    unmet: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet.tell(agents=ONLY_HERS)

    def die(*_: Any) -> Sequence[Outcome]:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(type(unmet.connector), "apply", die)
        with pytest.raises(PowerCut):
            unmet.work()
    unmet.restart()
    unmet.work_until_quiet()
    assert unmet.subjects() == ["Consultation PMI"]


def test_a_crash_before_the_look_up_was_noted_has_it_made_again(
    unmet: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise PowerCut

    unmet.tell(agents=ONLY_HERS)
    with monkeypatch.context() as patched:
        patched.setattr(leases, "note_no_conflict", die)
        with pytest.raises(PowerCut):
            unmet.work()
    write(unmet)
    unmet.restart()
    unmet.work_until_quiet()
    assert len(unmet.items()) == 1
    assert sight(unmet).failure == OTHER_INSTALLATION


def test_a_lease_that_was_lost_during_the_look_up_has_nothing_written(
    unmet: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet.tell(agents=ONLY_HERS)
    real = type(unmet.connector).list_others

    def slow(connector: Any, *asked: Any) -> Any:
        unmet.pass_time(HOUR)
        found = list(real(connector, *asked))
        unmet.store.write(leases.claim_one, Mailbox(CALENDAR, HERS), unmet.store.moment, HOUR)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(type(unmet.connector), "list_others", slow)
        with pytest.raises(LeaseLost):
            unmet.crew.work_once()
    assert unmet.items() == []
    unmet.pass_time(2 * HOUR)
    unmet.work()
    assert unmet.subjects() == ["Consultation PMI"]


def test_a_mailbox_that_changes_its_address_stays_met(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    write(harness, "Rdv/77@production")
    harness.exchange.rename_mailbox(HERS, MARRIED)
    mapping = harness.settings.mailboxes
    mapped = {**mapping.addresses, MARRIED: Mailbox(CALENDAR, MARRIED)}
    harness.settings = harness.settings.replace(mailboxes=replace(mapping, addresses=mapped))
    harness.restart()
    harness.tell(60, agents=(AgentRef(MARTINE.ident, MARRIED),), motif="Nouveau")
    harness.work_until_quiet()
    assert "Nouveau" in [item.subject for item in harness.items(MARRIED)]
    assert met(harness)[MARRIED]


def test_a_new_mailbox_is_asked_for_its_name_and_then_for_others(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.exchange.add_mailbox(MARRIED)
    mapping = harness.settings.mailboxes
    mapped = {**mapping.addresses, MARRIED: Mailbox(CALENDAR, MARRIED)}
    harness.settings = harness.settings.replace(mailboxes=replace(mapping, addresses=mapped))
    harness.restart()
    write(harness, mailbox=MARRIED)
    harness.tell(agents=(AgentRef("35", MARRIED),))
    harness.work()
    assert len(harness.items(MARRIED)) == 1
    assert (sight(harness, MARRIED).failure, met(harness)[MARRIED]) == (OTHER_INSTALLATION, False)


def met(harness: WorkerHarness) -> dict[str, bool]:
    engine = create_engine(harness.settings.store.address)
    with engine.connect() as connection:
        found = {row.address: row.met_at is not None for row in connection.execute(select(mailboxes))}
    engine.dispose()
    return found


# A worker with its files


def put(loop_harness: WorkerLoopHarness, uid: str = "Rdv/1@production") -> None:
    """What another installation wrote into her folder, in two hours."""
    start = loop_harness.store.moment + 2 * HOUR
    other = IcsFolderConnector(loop_harness.folder / "ics", OTHER)
    [done] = other.apply("martine@box.example", [Create(entry(uid, start=start, end=start + HOUR))])
    assert isinstance(done, Done)


def test_a_neighbour_that_a_reload_brings_is_believed_at_once(loop_harness: WorkerLoopHarness) -> None:
    """Nobody waits for the next look, and no process is started anew."""
    put(loop_harness)
    loop_harness.hear(1)
    loop_harness.turn(2)
    wait_until(lambda: loop_harness.lines(OTHER_INSTALLATION))
    loop_harness.turn(3)
    [line] = loop_harness.lines(OTHER_INSTALLATION)
    assert (line["installation"], line["count"], line["level"], loop_harness.written()) == (OTHER, 1, "error", 1)
    loop_harness.configure(store={"url": f"sqlite:///{loop_harness.folder}/store.db", "neighbours": [OTHER]})
    loop_harness.worker.reload()
    loop_harness.turn(2)
    wait_until(lambda: loop_harness.written() == 2)
    assert not loop_harness.lines("unforeseen")


def test_a_worker_asks_for_the_platforms_of_its_sources(loop_harness: WorkerLoopHarness) -> None:
    put(loop_harness, "Rdv/1@demo")
    loop_harness.hear(1)
    loop_harness.turn(2)
    wait_until(lambda: loop_harness.written() == 2)


def test_files_that_cannot_be_read_hold_up_their_mailbox_alone(loop_harness: WorkerLoopHarness) -> None:
    folder = loop_harness.folder / "ics" / "martine@box.example"
    folder.mkdir()
    broken = folder / "broken.ics"
    broken.write_text("BEGIN:VCALENDAR\nPRODID:-//rdv-receiver//FR\n", "utf-8")
    loop_harness.hear(1)
    loop_harness.turn(2)
    wait_until(lambda: loop_harness.lines("meeting_failed"))
    assert loop_harness.written() == 1
    broken.unlink()
    loop_harness.store.write(failures.retry_mailboxes, Chosen(code="item_unreadable"))
    loop_harness.turn(2)
    wait_until(lambda: loop_harness.written() == 1 and not broken.exists())
