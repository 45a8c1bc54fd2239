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
from tests.end_to_end.town import MARTINE, Town, open_town

Calendars = dict[str, Counter[ExpectedEntry]]
TRANSIENT = {"store.db-wal", "store.db-shm"}


class House(Town):
    """A town whose database stands in a folder of its own, and whose marker stands elsewhere."""

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

        self.wait_for(lambda: not leased(), "the worker's rest")

    def troubles(self) -> dict[str, str]:
        told = json.loads(self.command("status", "--json").stdout)["troubles"]
        return {trouble["code"]: trouble["cause"] for trouble in told}

    def readiness(self) -> tuple[int, str]:
        answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
        return answer.status_code, answer.text

    def wait_until_all_say(self, status: int, word: str = "") -> None:
        """Until every web process says so: which of them answers is chance."""

        def say() -> bool:
            answers = [self.readiness() for _ in range(8)]
            return all(found == status and word in text for found, text in answers)

        self.wait_for(say, f"{status} {word}", 60)

    def stop(self) -> None:
        processes.stop(self.running.pop("run"), 60)

    def files(self) -> set[str]:
        """What lies in the folder; what SQLite keeps there of a file that is open comes and goes."""
        return {each.name for each in self.place.iterdir()} - TRANSIENT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_town(tmp_path, ()) as town:
        made = House(town.folder, town.exchange, town.port, town.config, town.started)
        made.prepare()
        made.start("run")
        made.wait_until_ready()
        yield made


# How a database vanishes, and how it is put back


def remove(house: House) -> Callable[[], None]:
    kept = house.folder / "kept.db"
    house.file.rename(kept)
    return lambda: kept.rename(house.file) and None


def unmount(house: House) -> Callable[[], None]:
    kept = house.folder / "unmounted"
    house.place.rename(kept)
    house.place.mkdir()

    def mount() -> None:
        house.place.rmdir()
        kept.rename(house.place)

    return mount


def take_the_folder_away(house: House) -> Callable[[], None]:
    kept = house.folder / "elsewhere"
    house.place.rename(kept)
    return lambda: kept.rename(house.place) and None


def empty(house: House) -> Callable[[], None]:
    kept = house.folder / "kept.db"
    house.file.rename(kept)
    house.file.touch()
    return lambda: kept.replace(house.file) and None


def put_anothers_there(house: House) -> Callable[[], None]:
    other = house.folder / "other.db"
    store = Store(f"sqlite:///{other}")
    store.migrate()
    store.close()
    kept = house.folder / "kept.db"
    house.file.rename(kept)
    shutil.copy(other, house.file)
    return lambda: kept.replace(house.file) and None


WAYS = [remove, unmount, take_the_folder_away, empty, put_anothers_there]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_vanishes_is_said_and_what_comes_back_is_taken_up_without_a_restart(
    house: House, way: Callable[[House], Callable[[], None]]
) -> None:
    house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    put_back = way(house)
    there = house.files() if house.place.exists() else set()
    refused = house.bodies()
    assert house.answers(*refused) == [(503, "unavailable")] * len(refused)
    house.wait_until_all_say(503, "store_vanished")
    assert "store_vanished" in house.troubles()
    assert house.answers(*refused) == [(503, "unavailable")] * len(refused)
    assert (house.files() if house.place.exists() else set()) == there, "nothing new is made"
    put_back()
    house.wait_until_all_say(200)
    assert "store_vanished" not in house.troubles()
    house.wait_for(lambda: {status for status, _ in house.answers(*refused)} <= {200, 202}, "webhooks to be kept")
    house.wait_for_entries(2)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_restart_in_that_state_makes_no_database_and_stays_up(
    house: House, way: Callable[[House], Callable[[], None]]
) -> None:
    """A new one would know of no entry, and double every calendar."""
    first = house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    put_back = way(house)
    there = house.files() if house.place.exists() else set()
    house.stop()
    house.start("run")
    house.wait_for(lambda: house.get("/healthz") == 200, "the web")
    assert {status for status, _ in house.answers(*first)} == {503}, "and the emitter keeps it"
    house.wait_until_all_say(503, "store_vanished")
    assert "store_vanished" in house.troubles()
    assert house.command("migrate").returncode == 1
    assert house.running["run"].poll() is None
    assert (house.files() if house.place.exists() else set()) == there, "nothing new is made"
    put_back()
    house.wait_until_all_say(200)
    assert house.send(*first).undelivered == ()
    house.send_one()
    house.wait_for_entries(2)


def test_a_file_that_was_deleted_is_not_made_anew_and_a_backup_in_its_place_is_taken_up(house: House) -> None:
    first = house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    copy = house.folder / "copy.db"
    assert house.command("backup", str(copy)).returncode == 0
    second = house.send_one()
    house.wait_for_entries(2)
    house.wait_for_rest()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (house.place / name).unlink()
    house.wait_until_all_say(503, "store_vanished")
    shutil.copy(copy, house.folder / "new.db")
    (house.folder / "new.db").rename(house.file)
    house.wait_for(lambda: "must_adopt" in house.troubles(), "the copy to be taken up")
    house.wait_for(lambda: {status for status, _ in house.answers(*first, *second)} <= {200, 202}, "webhooks")
    time.sleep(3)  # for a worker that would write
    house.wait_for_entries(2)
    assert house.command("adopt").returncode == 0
    house.send_one()
    house.wait_for_entries(3)
    assert house.troubles().keys() <= {"webhooks_refused"}, "which is told for a quarter of an hour"


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_an_older_copy_put_back_by_hand_writes_nothing_before_the_calendars_were_read(
    house: House, running: bool
) -> None:
    first = house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    old = house.folder / "old.db"
    with closing(sqlite3.connect(house.file)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    second = house.send_one()
    house.wait_for_entries(2)
    house.wait_for_rest()
    if not running:
        house.stop()
    for name in ("store.db", *TRANSIENT):
        (house.place / name).unlink(missing_ok=True)
    shutil.copy(old, house.file)
    if not running:
        house.start("run")
    house.wait_for(lambda: "store_behind" in house.troubles(), "word of it")
    assert "must_adopt" not in house.troubles(), "it has a sentence of its own"
    third = house.bodies()
    house.wait_for(lambda: {status for status, _ in house.answers(*first, *second, *third)} <= {200, 202}, "webhooks")
    time.sleep(3)  # for a worker that would write
    house.wait_for_entries(2)
    assert house.command("adopt").returncode == 0
    house.wait_for_entries(3)
    assert house.troubles() == {}


def test_a_copy_beside_the_log_of_the_file_that_is_gone_is_not_mixed_with_it(house: House) -> None:
    house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    copy = house.folder / "copy.db"
    assert house.command("backup", str(copy)).returncode == 0
    before = copy.read_bytes()
    house.file.unlink()
    copy.rename(house.file)
    house.wait_until_all_say(503, "store_vanished")
    time.sleep(3)
    house.wait_until_all_say(503, "store_vanished")
    assert house.file.read_bytes() == before
    (house.place / "store.db-wal").unlink()
    time.sleep(3)  # an operator is slower than a look
    (house.place / "store.db-shm").unlink()
    house.wait_for(lambda: "must_adopt" in house.troubles(), "the copy to be taken up")


def test_a_log_that_is_removed_costs_no_webhook_that_was_acknowledged(house: House) -> None:
    house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    for name in TRANSIENT:
        (house.place / name).unlink()
    assert house.troubles().get("store_vanished") == "store_log_missing", "and the command makes no second log"
    refused = house.bodies()
    assert house.answers(*refused) == [(503, "unavailable")] * len(refused)
    house.wait_until_all_say(503, "store_log_missing")
    assert not {each.name for each in house.place.iterdir()} & TRANSIENT
    house.stop()
    with closing(sqlite3.connect(house.file)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)
    house.start("run")
    house.wait_until_ready()
    assert house.send(*refused).undelivered == ()
    house.wait_for_entries(2)
    assert not house.troubles().keys() & {"store_behind", "store_vanished"}


def test_a_lost_database_is_made_anew_for_the_same_installation(house: House) -> None:
    """As docs/fr/reprise.md says it."""
    first = house.send_one()
    house.wait_for_entries(1)
    house.wait_for_rest()
    known = json.loads(house.marker.read_text("ascii"))["installation"]
    house.stop()
    shutil.rmtree(house.place)
    house.place.mkdir()
    assert house.command("migrate").returncode == 1
    assert house.command("migrate", "--recover").returncode == 0
    with closing(sqlite3.connect(house.file)) as made:
        assert made.execute("SELECT id, must_adopt FROM installation").fetchall() == [(known, 1)]
    assert house.command("migrate", "--recover").returncode == 2, "there is one"
    house.start("run")
    house.wait_until_ready()
    assert house.command("adopt", "--mailbox", MARTINE).returncode == 0
    assert house.send(*first).undelivered == ()
    house.send_one()
    house.wait_for_entries(2)
