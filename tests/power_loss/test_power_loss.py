"""Short drills on both kinds of store, and what can be said of the method without root."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.store import Store
from receiver.store.database.engine import writing
from receiver.store.database.tables import inbox
from tests.databases import postgres_binaries
from tests.lab.database import engine_of
from tests.power_loss import disk
from tests.power_loss.drill import Order, Result, run
from tests.power_loss.life import Life
from tests.power_loss.record import DOCUMENT, HEADER, append
from tests.power_loss.recording import FLUSH, SECTOR, WRITE, Aftermath, Cut, Survival, header, read
from tests.power_loss.stores import KINDS
from tests.power_loss.verdict import Verdict, digest, judge
from tests.requirements import require

A, B, C = (bytes([letter]) * 2 * SECTOR for letter in b"abc")
EMPTY = bytes(2 * SECTOR)


@pytest.mark.parametrize("store", KINDS)
def test_a_cut_of_power_takes_nothing_that_was_acknowledged_unless_durability_is_switched_off(store: str) -> None:
    """Of the two halves, the second shows that the first would fail if it had to."""
    require(disk.missing() is None, f"a disk cannot be recorded without {disk.missing()}")
    require(store == "sqlite" or postgres_binaries(), "PostgreSQL's server programs are not installed")
    result = run(Order(store, seed=1, lives=1, webhooks=200, cuts=4, careless_webhooks=100, careless_cuts=2))
    assert result.failures == []
    assert sum(each.verdict.required for each in result.careful) > 50
    assert [each for each in result.careless if each.verdict.lost]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A disk's log: the first write is flushed, two more to the same place are not."""
    path = tmp_path / "disk.log"
    written = b"".join(header(WRITE, 0, len(data)) + data for data in (B, C))
    path.write_bytes(header(WRITE, 0, len(A)) + A + header(FLUSH, 0, 0) + written)
    return path


def after(log: Path, *cuts: Cut) -> set[bytes]:
    """Return what each of some cuts leaves of an empty disk."""
    before, image = log.parent / "before.img", log.parent / "cut.img"
    before.write_bytes(EMPTY)
    aftermath = Aftermath(read(log), before, log.parent)
    found = set()
    for cut in cuts:
        aftermath.image(cut, image)
        found.add(image.read_bytes())
    return found


@pytest.mark.parametrize("survival", Survival)
def test_what_was_flushed_outlives_every_cut(log: Path, survival: Survival) -> None:
    assert after(log, Cut(2, survival, 1)) == {A}


def test_before_the_flush_nothing_is_sure(log: Path) -> None:
    assert after(log, Cut(1, Survival.NONE, 1)) == {EMPTY}
    assert after(log, Cut(1, Survival.ALL, 1)) == {A}


def test_of_writes_that_were_not_flushed_any_part_may_be_left(log: Path) -> None:
    """The newer write may be on the disk without the older one, and half a write beside half of another."""
    assert after(log, *(Cut(4, Survival.SOME, seed) for seed in range(30))) == {A, B, C}
    torn = after(log, *(Cut(4, Survival.TORN, seed) for seed in range(100)))
    assert torn == {first[:SECTOR] + second[SECTOR:] for first in (A, B, C) for second in (A, B, C)}


def test_a_write_that_the_disk_did_not_answer_is_none(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1])
    assert len(read(log).records) == 3


def test_a_disk_cannot_be_rebuilt_backwards(log: Path) -> None:
    """What was flushed later would be on it."""
    with pytest.raises(ValueError, match="in order"):
        after(log, Cut(3, Survival.ALL, 1), Cut(1, Survival.ALL, 1))


def test_what_was_acknowledged_before_the_cut_is_looked_for_and_nothing_else(log: Path) -> None:
    recording = read(log)
    told = {b"first": recording.answered(recording.ends[1]), b"second": recording.answered(recording.ends[3])}
    life = Life(recording, frozenset({b"of old"}), told, 0, range(4), range(0))
    assert life.required(Cut(1, Survival.ALL, 1)) == {b"of old"}
    assert life.required(Cut(2, Survival.ALL, 1)) == life.required(Cut(3, Survival.ALL, 1)) == {b"of old", b"first"}
    assert life.required(Cut(4, Survival.ALL, 1)) == {b"of old", b"first", b"second"}


def found_in(store_url: str, *required: bytes) -> Verdict:
    """Judge a store that no power was cut from."""
    return judge(KINDS[store_url.partition("+")[0].partition(":")[0]], store_url.replace("+psycopg", ""), required)


def test_a_webhook_that_is_gone_is_seen(store_url: str) -> None:
    assert found_in(store_url, b"gone") == Verdict(required=1, lost=1)


def test_a_webhook_that_is_there_twice_is_seen(store_url: str, store: Store) -> None:
    row = {
        "delivery": uuid.uuid4().hex,
        "source": "mds",
        "platform": "production",
        "emitter": "rdv_service_public",
        "digest": digest(store.installation().digest_key, b"twice"),
        "sort": "event",
        "news": "{}",
        "received_at": datetime.now(UTC),
    }
    with writing(engine_of(store)) as connection:
        connection.execute(inbox.insert(), [row, row])
    verdict = found_in(store_url, b"twice")
    assert (verdict.lost, verdict.doubled) == (0, 1)
    assert verdict.troubles == ["what waits cannot be judged"]


def test_the_record_counts_every_drill_good_or_bad(tmp_path: Path) -> None:
    page = tmp_path / "power-loss.md"
    page.write_text("**0 drills**\n\n| seed |\n| --- |\n", "utf-8")
    for store in KINDS:
        append(page, Result(Order(store, 1, 1, 1, 1, 0, 0), "NORMAL"))
    assert HEADER in DOCUMENT.read_text("utf-8")
    assert "**2 drills, 0 passed: 0 cuts, 0 acknowledged webhooks looked for.**" in page.read_text("utf-8")
