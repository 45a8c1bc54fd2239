"""What a worker does with entries that were read back, and while nothing may be written."""

import threading
from datetime import timedelta

from sqlalchemy import create_engine, delete, update

from connectors.base import Connector
from receiver.core.facts import EventKind
from receiver.operations.recovery import uninstall
from receiver.store.database.tables import deliveries, event_agents, events, installation, placements
from receiver.worker.loop import BEAT_EVERY, IDLE_NEWS_EVERY
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, Bench
from tests.makers import MARTINE
from tests.worker.loop_harness import Office
from tests.worker.steps import posts

SECOND = timedelta(seconds=1)


def lose_the_record(bench: Bench) -> None:
    """And read her mailbox back."""
    engine = create_engine(bench.settings.store_url)
    with engine.begin() as connection:
        for table in (placements, event_agents, deliveries, events):
            connection.execute(delete(table))
    engine.dispose()
    [hers] = [each for each in bench.store.mailboxes() if each.address == HERS]
    work = bench.store.claim_one(hers, bench.store.moment, SECOND)
    assert work is not None
    start = bench.store.moment - timedelta(days=1)
    listed = bench.connector.list_marked(HERS, start, start + timedelta(days=30))
    bench.store.note_adopted(work, {each.entry.uid: each.item_id for each in listed}, (), bench.store.moment)
    bench.store.release(work)


def test_an_entry_that_was_read_back_is_changed_with_one_post(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(90, agents=(MARTINE,))
    bench.work()
    [before] = bench.items()
    lose_the_record(bench)
    bench.pass_time(SECOND)
    asked = len(bench.exchange.requests)
    bench.tell(agents=(MARTINE,), motif="Vaccination")
    bench.work_until_quiet()
    assert posts(bench, asked) == [("UpdateItem", HERS)]
    assert [(item.item_id, item.subject) for item in bench.items()] == [(before.item_id, "Vaccination")]


def test_an_entry_that_was_read_back_of_an_event_that_is_destroyed_goes(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(90, agents=(MARTINE,))
    bench.work()
    lose_the_record(bench)
    bench.pass_time(SECOND)
    asked = len(bench.exchange.requests)
    bench.tell(kind=EventKind.DESTROYED)
    bench.work_until_quiet()
    assert posts(bench, asked) == [("DeleteItem", HERS)]
    assert bench.items() == []


# While nothing may be written


def set_back(office: Office) -> None:
    engine = create_engine(f"sqlite:///{office.folder}/store.db")
    with engine.begin() as connection:
        connection.execute(update(installation).values(must_adopt=True))
    engine.dispose()


def test_until_the_calendars_are_read_a_worker_beats_and_says_why_it_does_nothing(office: Office) -> None:
    set_back(office)
    office.hear(1)
    for _ in range(3):
        office.turn(5)
        office.store.moment += BEAT_EVERY
    assert office.store.last_beat("worker/test") == office.store.moment - BEAT_EVERY
    assert [(line["code"], line["level"]) for line in office.lines("nothing_is_written")] == [("must_adopt", "warning")]
    office.store.moment += IDLE_NEWS_EVERY
    office.turn(2)
    assert len(office.lines("nothing_is_written")) == 2
    assert (office.connected, office.written(), office.store.has_unsettled()) == (0, 0, True)
    office.store.calendars_were_read()
    office.turn()
    wait_until(lambda: office.written() == 1)


def test_a_worker_says_for_which_installation_it_works(office: Office) -> None:
    """So that the name is known when the database is lost."""
    office.turn(3)
    assert [line["id"] for line in office.lines("installation")] == [office.store.installation().id]


def test_a_worker_that_runs_follows_another_name(office: Office) -> None:
    office.turn()
    name = "00000000-0000-4000-8000-000000000000"
    assert office.store.take_installation(name, office.store.moment)
    office.store.calendars_were_read()
    office.hear(1)
    office.turn()
    wait_until(lambda: office.written() == 1)
    [file] = (office.folder / "ics" / "martine@box.example").glob("*.ics")
    assert name in file.read_text("utf-8")


def test_a_worker_that_runs_writes_nothing_more_once_its_entries_are_taken_out(office: Office) -> None:
    office.hear(*range(1, 41))
    running = threading.Thread(target=office.worker.run)
    running.start()
    try:
        wait_until(lambda: office.written() > 0)
        assert take_out(office).ok
        assert office.written() == 0
        office.hear(*range(41, 51))
        wait_until(lambda: office.lines("nothing_is_written"))
        assert [line["code"] for line in office.lines("nothing_is_written")] == ["uninstalled"]
        wait_until(office.store.has_unsettled)
        assert office.written() == 0
        office.store.undo_uninstalling(office.store.moment)
        wait_until(lambda: office.written() == 50)
    finally:
        office.worker.stop()
        running.join()
    assert not office.lines("unforeseen")


def take_out(office: Office) -> uninstall.Report:
    """Take everything out, as the command does beside a worker."""
    settings = office.worker.settings.current
    connectors: dict[str, Connector] = dict(office.connect(settings))
    mailboxes = uninstall.choose(office.store, settings, ())
    assert [each.calendar for each in mailboxes] == ["pilot"] != [CALENDAR]
    return uninstall.run(office.store, settings, mailboxes, connectors, lambda: None, dry_run=False)
