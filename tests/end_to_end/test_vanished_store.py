"""The database is taken away under the running service, or another one is put in its place: nothing is doubled."""

import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from demo import processes
from emitter.scenarios import ExpectedEntry, build
from receiver.store import Store
from tests.lab.running_receiver import MARTINE, RunningReceiver, running_receiver

Calendars = dict[str, Counter[ExpectedEntry]]
TRANSIENT = {"store.db-wal", "store.db-shm"}


class ReceiverWithMarker(RunningReceiver):
    """A receiver whose database stands in a folder of its own, and whose marker stands elsewhere."""

    @property
    def place(self) -> Path:
        return self.folder / "disk"

    @property
    def file(self) -> Path:
        return self.place / "store.db"

    @property
    def marker(self) -> Path:
        return self.folder / "marker.json"

    def prepare(self) -> None:
        self.place.mkdir()
        text = self.config.read_text("utf-8")
        where = f"sqlite:///{self.file}\n  marker: {self.marker}"
        self.config.write_text(text.replace(f"sqlite:///{self.folder}/store.db", where), "utf-8")

    def bodies(self) -> list[bytes]:
        """One more appointment of Martine's, as the emitter tells it."""
        story = build("create", datetime.now(UTC))
        return [step.body for step in story.steps]

    def send_one(self) -> list[bytes]:
        bodies = self.bodies()
        assert self.send(*bodies).undelivered == ()
        return bodies

    def wait_for_entries(self, count: int) -> None:
        """In the file that was taken away a mailbox may have been leased: then until that has ended."""
        self.wait_for(lambda: len(self.exchange.items(MARTINE)) >= count, f"{count} entries", 180)
        assert len(self.exchange.items(MARTINE)) == count

    def wait_for_rest(self) -> None:
        """Until no mailbox is leased: in a file that is taken away it would stay so for as long as a call may."""

        def leased() -> int:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
                found: int = database.execute("SELECT count(*) FROM mailboxes WHERE lease IS NOT NULL").fetchone()[0]
                return found

        self.wait_for(lambda: not leased(), "the worker's rest", 120)

    def wait_for_the_worker(self) -> None:
        """Until the worker has gone round with the database that is there: it tells so each time, before its work."""

        def last_told() -> str | None:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
                query = "SELECT max(beat_at) FROM heartbeats WHERE name LIKE 'worker/%'"
                found: str | None = database.execute(query).fetchone()[0]
                return found

        for _ in range(2):
            before = last_told()
            self.wait_for(lambda before=before: last_told() != before, "the worker's heartbeat", 120)  # type: ignore[misc]

    def troubles(self) -> dict[str, str]:
        told = json.loads(self.command("status", "--json").stdout)["troubles"]
        return {trouble["code"]: trouble["cause"] for trouble in told}

    def readiness(self) -> tuple[int, str]:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
        except requests.RequestException:  # a busy machine: whoever waits asks again
            return 0, ""
        return answer.status_code, answer.text

    def wait_until_all_say(self, status: int, word: str = "") -> None:
        """Until every web process says so: which of them answers is chance."""

        def say() -> bool:
            answers = [self.readiness() for _ in range(8)]
            return all(found == status and word in text for found, text in answers)

        self.wait_for(say, f"{status} {word}", 120)

    def stop(self) -> None:
        processes.stop(self.running.pop("run"), 60)

    def files(self) -> set[str]:
        """What lies in the folder; what SQLite keeps there of a file that is open comes and goes."""
        return {each.name for each in self.place.iterdir()} - TRANSIENT


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverWithMarker]:
    with running_receiver(tmp_path, ()) as receiver:
        made = ReceiverWithMarker(receiver.folder, receiver.exchange, receiver.port, receiver.config, receiver.started)
        made.prepare()
        made.start("run")
        made.wait_until_ready()
        yield made


# How a database vanishes, and how it is put back


def remove(receiver: ReceiverWithMarker) -> Callable[[], None]:
    kept = receiver.folder / "kept.db"
    receiver.file.rename(kept)
    return lambda: kept.rename(receiver.file) and None


def unmount(receiver: ReceiverWithMarker) -> Callable[[], None]:
    kept = receiver.folder / "unmounted"
    receiver.place.rename(kept)
    receiver.place.mkdir()

    def mount() -> None:
        receiver.place.rmdir()
        kept.rename(receiver.place)

    return mount


def take_the_folder_away(receiver: ReceiverWithMarker) -> Callable[[], None]:
    kept = receiver.folder / "elsewhere"
    receiver.place.rename(kept)
    return lambda: kept.rename(receiver.place) and None


def empty(receiver: ReceiverWithMarker) -> Callable[[], None]:
    kept = receiver.folder / "kept.db"
    receiver.file.rename(kept)
    receiver.file.touch()
    return lambda: kept.replace(receiver.file) and None


def put_anothers_there(receiver: ReceiverWithMarker) -> Callable[[], None]:
    other = receiver.folder / "other.db"
    store = Store(f"sqlite:///{other}")
    store.migrate()
    store.close()
    kept = receiver.folder / "kept.db"
    receiver.file.rename(kept)
    shutil.copy(other, receiver.file)
    return lambda: kept.replace(receiver.file) and None


WAYS = [remove, unmount, take_the_folder_away, empty, put_anothers_there]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_vanishes_is_said_and_what_comes_back_is_taken_up_without_a_restart(
    receiver: ReceiverWithMarker, way: Callable[[ReceiverWithMarker], Callable[[], None]]
) -> None:
    receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    put_back = way(receiver)
    there = receiver.files() if receiver.place.exists() else set()
    refused = receiver.bodies()
    assert receiver.answers(*refused) == [(503, "unavailable")] * len(refused)
    receiver.wait_until_all_say(503, "store_vanished")
    assert "store_vanished" in receiver.troubles()
    assert receiver.answers(*refused) == [(503, "unavailable")] * len(refused)
    assert (receiver.files() if receiver.place.exists() else set()) == there, "nothing new is made"
    put_back()
    receiver.wait_until_all_say(200)
    assert "store_vanished" not in receiver.troubles()
    receiver.wait_for(lambda: {status for status, _ in receiver.answers(*refused)} <= {200, 202}, "webhooks to be kept")
    receiver.wait_for_entries(2)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_restart_in_that_state_makes_no_database_and_stays_up(
    receiver: ReceiverWithMarker, way: Callable[[ReceiverWithMarker], Callable[[], None]]
) -> None:
    """A new one would know of no entry, and double every calendar."""
    first = receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    put_back = way(receiver)
    there = receiver.files() if receiver.place.exists() else set()
    receiver.stop()
    receiver.start("run")
    receiver.wait_for(lambda: receiver.get("/healthz") == 200, "the web")
    assert {status for status, _ in receiver.answers(*first)} == {503}, "and the emitter keeps it"
    receiver.wait_until_all_say(503, "store_vanished")
    assert "store_vanished" in receiver.troubles()
    assert receiver.command("migrate").returncode == 1
    assert receiver.running["run"].poll() is None
    assert (receiver.files() if receiver.place.exists() else set()) == there, "nothing new is made"
    put_back()
    receiver.wait_until_all_say(200)
    assert receiver.send(*first).undelivered == ()
    receiver.send_one()
    receiver.wait_for_entries(2)


def test_a_file_that_was_deleted_is_not_made_anew_and_a_backup_in_its_place_is_taken_up(
    receiver: ReceiverWithMarker,
) -> None:
    first = receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    copy = receiver.folder / "copy.db"
    assert receiver.command("backup", str(copy)).returncode == 0
    second = receiver.send_one()
    receiver.wait_for_entries(2)
    receiver.wait_for_rest()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (receiver.place / name).unlink()
    receiver.wait_until_all_say(503, "store_vanished")
    shutil.copy(copy, receiver.folder / "new.db")
    (receiver.folder / "new.db").rename(receiver.file)
    receiver.wait_for(lambda: "must_adopt" in receiver.troubles(), "the copy to be taken up")
    receiver.wait_for(lambda: {status for status, _ in receiver.answers(*first, *second)} <= {200, 202}, "webhooks")
    receiver.wait_for_the_worker()
    receiver.wait_for_entries(2)
    assert receiver.command("adopt").returncode == 0
    receiver.send_one()
    receiver.wait_for_entries(3)
    assert receiver.troubles().keys() <= {"webhooks_refused"}, "which is told for a quarter of an hour"


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_an_older_copy_put_back_by_hand_writes_nothing_before_the_calendars_were_read(
    receiver: ReceiverWithMarker, running: bool
) -> None:
    first = receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    old = receiver.folder / "old.db"
    with closing(sqlite3.connect(receiver.file)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    second = receiver.send_one()
    receiver.wait_for_entries(2)
    receiver.wait_for_rest()
    if not running:
        receiver.stop()
    for name in ("store.db", *TRANSIENT):
        (receiver.place / name).unlink(missing_ok=True)
    shutil.copy(old, receiver.file)
    if not running:
        receiver.start("run")
    receiver.wait_for(lambda: "store_behind" in receiver.troubles(), "word of it")
    assert "must_adopt" not in receiver.troubles(), "it has a sentence of its own"
    third = receiver.bodies()
    receiver.wait_for(
        lambda: {status for status, _ in receiver.answers(*first, *second, *third)} <= {200, 202}, "webhooks"
    )
    receiver.wait_for_the_worker()
    receiver.wait_for_entries(2)
    assert receiver.command("adopt").returncode == 0
    receiver.wait_for_entries(3)
    assert receiver.troubles() == {}


def test_a_copy_beside_the_log_of_the_file_that_is_gone_is_not_mixed_with_it(receiver: ReceiverWithMarker) -> None:
    receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    copy = receiver.folder / "copy.db"
    assert receiver.command("backup", str(copy)).returncode == 0
    before = copy.read_bytes()
    receiver.file.unlink()
    copy.rename(receiver.file)
    receiver.wait_until_all_say(503, "store_vanished")
    time.sleep(3)  # that it stays so is the subject: every process looks several times a second
    receiver.wait_until_all_say(503, "store_vanished")
    assert receiver.file.read_bytes() == before
    (receiver.place / "store.db-wal").unlink()
    time.sleep(3)  # the operator's pause between two commands is the subject: all look in between
    (receiver.place / "store.db-shm").unlink()
    receiver.wait_for(lambda: "must_adopt" in receiver.troubles(), "the copy to be taken up")


def numbers(bodies: list[bytes]) -> set[int]:
    """Which events the bodies are about."""
    return {json.loads(body)["data"]["id"] for body in bodies}


def test_a_log_that_is_removed_costs_no_webhook_that_was_acknowledged(receiver: ReceiverWithMarker) -> None:
    first = receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    for name in TRANSIENT:
        (receiver.place / name).unlink()
    assert receiver.troubles().get("store_vanished") == "store_log_missing", "and the command makes no second log"
    at_once = receiver.bodies()
    assert receiver.answers(*at_once) == [(503, "unavailable")] * len(at_once)
    receiver.wait_until_all_say(503, "store_log_missing")
    refused = receiver.bodies()
    assert receiver.answers(*refused) == [(503, "unavailable")] * len(refused)
    assert not {each.name for each in receiver.place.iterdir()} & TRANSIENT
    receiver.stop()
    with closing(sqlite3.connect(receiver.file)) as database:
        known = {wire_id for (wire_id,) in database.execute("SELECT wire_id FROM events")}
    # A process finds the log gone after its commit, if not before: what it refused then may be there or not.
    assert numbers(first) <= known <= numbers(first + at_once)
    receiver.start("run")
    receiver.wait_until_ready()
    assert receiver.send(*at_once, *refused).undelivered == ()
    receiver.wait_for_entries(3)
    assert not receiver.troubles().keys() & {"store_behind", "store_vanished"}


def test_a_lost_database_is_made_anew_for_the_same_installation(receiver: ReceiverWithMarker) -> None:
    """As docs/fr/reprise.md says it."""
    first = receiver.send_one()
    receiver.wait_for_entries(1)
    receiver.wait_for_rest()
    known = json.loads(receiver.marker.read_text("ascii"))["installation"]
    receiver.stop()
    shutil.rmtree(receiver.place)
    receiver.place.mkdir()
    assert receiver.command("migrate").returncode == 1
    assert receiver.command("migrate", "--recover").returncode == 0
    with closing(sqlite3.connect(receiver.file)) as made:
        assert made.execute("SELECT id, must_adopt FROM installation").fetchall() == [(known, 1)]
    assert receiver.command("migrate", "--recover").returncode == 2, "there is one"
    receiver.start("run")
    receiver.wait_until_ready()
    assert receiver.command("adopt", "--mailbox", MARTINE).returncode == 0
    assert receiver.send(*first).undelivered == ()
    receiver.send_one()
    receiver.wait_for_entries(2)
