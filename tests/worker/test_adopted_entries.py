"""What a worker does with entries that were read back, and while nothing may be written."""

import threading
from datetime import timedelta

from sqlalchemy import create_engine, delete, update

from connectors.base import Connector
from receiver.core.facts import EventKind
from receiver.operations.recovery import uninstall
from receiver.operations.recovery.adopt import note_found
from receiver.store import heartbeats
from receiver.store import installation as stored_installation
from receiver.store.database.tables import deliveries, event_agents, events, installation, placements
from receiver.store.work import leases, mailbox_identity, settling
from receiver.worker.loop import IDLE_NEWS_EVERY
from receiver.worker.periodic import BEAT_EVERY
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR, HERS, WorkerHarness
from tests.makers import MARTINE
from tests.worker.loop_harness import WorkerLoopHarness
from tests.worker.steps import posts

SECOND = timedelta(seconds=1)


def lose_the_record(harness: WorkerHarness) -> None:
    """And read her mailbox back."""
    engine = create_engine(harness.settings.store.address)
    with engine.begin() as connection:
        for table in (placements, event_agents, deliveries, events):
            connection.execute(delete(table))
    engine.dispose()
    [hers] = [each for each in harness.store.read(mailbox_identity.in_use) if each.address == HERS]
    work = harness.store.write(leases.claim_one, hers, harness.store.moment, SECOND)
    assert work is not None
    start = harness.store.moment - timedelta(days=1)
    listed = harness.connector.list_marked(HERS, start, start + timedelta(days=30))
    items = {each.entry.uid: each.item_id for each in listed}
    note_found(harness.store, work, items, (), found_at=harness.store.moment, now=harness.store.moment)
    harness.store.release(work)


def test_an_entry_that_was_read_back_is_changed_with_one_post(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=(MARTINE,))
    harness.work()
    [before] = harness.items()
    lose_the_record(harness)
    harness.pass_time(SECOND)
    asked = len(harness.exchange.requests)
    harness.tell(agents=(MARTINE,), motif="Vaccination")
    harness.work_until_quiet()
    assert posts(harness, asked) == [("UpdateItem", HERS)]
    assert [(item.item_id, item.subject) for item in harness.items()] == [(before.item_id, "Vaccination")]


def test_an_entry_that_was_read_back_of_an_event_that_is_destroyed_goes(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=(MARTINE,))
    harness.work()
    lose_the_record(harness)
    harness.pass_time(SECOND)
    asked = len(harness.exchange.requests)
    harness.tell(kind=EventKind.DESTROYED)
    harness.work_until_quiet()
    assert posts(harness, asked) == [("DeleteItem", HERS)]
    assert harness.items() == []


# While nothing may be written


def set_back(loop_harness: WorkerLoopHarness) -> None:
    engine = create_engine(f"sqlite:///{loop_harness.folder}/store.db")
    with engine.begin() as connection:
        connection.execute(update(installation).values(must_adopt=True))
    engine.dispose()


def test_until_the_calendars_are_read_a_worker_beats_and_says_why_it_does_nothing(
    loop_harness: WorkerLoopHarness,
) -> None:
    set_back(loop_harness)
    loop_harness.hear(1)
    for _ in range(3):
        loop_harness.turn(5)
        loop_harness.store.moment += BEAT_EVERY
    assert loop_harness.store.read(heartbeats.last_beat, "worker/test") == loop_harness.store.moment - BEAT_EVERY
    assert [(line["code"], line["level"]) for line in loop_harness.lines("nothing_is_written")] == [
        ("must_adopt", "warning")
    ]
    loop_harness.store.moment += IDLE_NEWS_EVERY
    loop_harness.turn(2)
    assert len(loop_harness.lines("nothing_is_written")) == 2
    assert (loop_harness.connected, loop_harness.written(), loop_harness.store.read(settling.has_unsettled)) == (
        0,
        0,
        True,
    )
    loop_harness.store.calendars_were_read()
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)


def test_a_worker_says_for_which_installation_it_works(loop_harness: WorkerLoopHarness) -> None:
    """So that the name is known when the database is lost."""
    loop_harness.turn(3)
    assert [line["id"] for line in loop_harness.lines("installation")] == [loop_harness.store.installation().id]


def test_a_worker_that_runs_follows_another_name(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.turn()
    name = "00000000-0000-4000-8000-000000000000"
    assert loop_harness.store.take_installation(name, loop_harness.store.moment)
    loop_harness.store.calendars_were_read()
    loop_harness.hear(1)
    loop_harness.turn()
    wait_until(lambda: loop_harness.written() == 1)
    [file] = (loop_harness.folder / "ics" / "martine@box.example").glob("*.ics")
    assert name in file.read_text("utf-8")


def test_a_worker_that_runs_writes_nothing_more_once_its_entries_are_taken_out(loop_harness: WorkerLoopHarness) -> None:
    loop_harness.hear(*range(1, 41))
    running = threading.Thread(target=loop_harness.worker.run)
    running.start()
    try:
        wait_until(lambda: loop_harness.written() > 0)
        assert take_out(loop_harness).ok
        assert loop_harness.written() == 0
        loop_harness.hear(*range(41, 51))
        wait_until(lambda: loop_harness.lines("nothing_is_written"))
        assert [line["code"] for line in loop_harness.lines("nothing_is_written")] == ["uninstalled"]
        wait_until(lambda: loop_harness.store.read(settling.has_unsettled))
        assert loop_harness.written() == 0
        loop_harness.store.write(stored_installation.undo_uninstalling, loop_harness.store.moment)
        wait_until(lambda: loop_harness.written() == 50)
    finally:
        loop_harness.worker.stop()
        running.join()
    assert not loop_harness.lines("unforeseen")


def take_out(loop_harness: WorkerLoopHarness) -> uninstall.UninstallReport:
    """Take everything out, as the command does beside a worker."""
    settings = loop_harness.worker.settings.current
    connectors: dict[str, Connector] = dict(loop_harness.connect(settings))
    mailboxes = uninstall.choose(loop_harness.store, settings, ())
    assert [each.calendar for each in mailboxes] == ["pilot"] != [CALENDAR]
    return uninstall.run(loop_harness.store, settings, mailboxes, connectors, lambda: None, dry_run=False)
