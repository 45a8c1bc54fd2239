"""The marker: it knows whose store belongs here and how far it counted, whatever kind of database it is."""

import os
import shutil
import stat
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from receiver.core.desired import Decision
from receiver.core.mailboxes import Mailbox
from receiver.store import (
    MailboxWork,
    Mark,
    Marker,
    MarkerUnusable,
    Standing,
    Store,
    StoreBehind,
    StoreOccupied,
    StoreVanished,
    counters,
    heartbeats,
)
from receiver.store.database.errors import ANOTHER, EMPTIED, GONE
from receiver.store.intake import judge_batch
from receiver.store.place.batch_counter import LEAP
from tests.databases import new_database, sqlalchemy_url
from tests.makers import NOW, a_delivery, incoming
from tests.requirements import require

LEASE = timedelta(minutes=1)
OTHER = "0" * 8 + "-0000-4000-8000-" + "0" * 12
BOX = Mailbox("exchange", "martine@x.example")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "marker.json"


def opened(url: str, marker: Path, pinned: str | None = None) -> Store:
    return Store(url, marker=Marker(marker, pinned))


def work(store: Store, number: int) -> MailboxWork | None:
    """Something becomes due, and a worker claims it."""
    store.write(judge_batch.take, [incoming(a_delivery(wire_id=number, uuid=str(number)))], NOW)
    store.settle(lambda view: Decision({**dict.fromkeys(view.held), BOX: f"d{number}"}), NOW)
    claimed = store.claim("exchange", NOW, 100, LEASE)
    if claimed:
        store.release(claimed)
    return claimed


def set_back(url: str, counter: int) -> None:
    """As a copy that was put back would have it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE installation SET counter = :counter"), {"counter": counter})
    engine.dispose()


# The file


def test_it_is_its_owners_alone_and_whole_or_not_at_all(marker: Path) -> None:
    made = Marker(marker)
    assert (made.read(), made.expected(), made.trouble()) == (None, None, None)
    made.note(Mark(OTHER, 7))
    assert Marker(marker).read() == Mark(OTHER, 7)
    assert stat.S_IMODE(marker.stat().st_mode) == 0o600
    assert [each.name for each in marker.parent.iterdir()] == [marker.name], "nothing is left beside it"


def test_it_never_goes_back_whoever_writes_last(marker: Path) -> None:
    late, early = Marker(marker), Marker(marker)
    late.note(Mark(OTHER, 9))
    early.note(Mark(OTHER, 5))
    assert Marker(marker).read() == early.read() == Mark(OTHER, 9)


def test_threads_that_write_together_leave_the_highest(marker: Path) -> None:
    made = Marker(marker)
    threads = [threading.Thread(target=made.note, args=(Mark(OTHER, count),)) for count in range(1, 41)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.read() == Mark(OTHER, 40)


def test_when_it_returns_what_was_noted_stands_there(marker: Path) -> None:
    made = Marker(marker)
    for count in (1, 2, 3):
        made.note(Mark(OTHER, count))
        assert Marker(marker).read() == Mark(OTHER, count)
    marker.unlink()
    made.note(Mark(OTHER, 3))
    assert Marker(marker).read() == Mark(OTHER, 3), "one that was deleted is made again"


def counted(number: str) -> bytes:
    return f'{{"installation": "{OTHER}", "counter": {number}}}'.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"installation": "x", "counter": 1}',
        b'{"counter": 1}',
        b"\xff",
        b"[" * 4096,
        *map(counted, ["1e999", "NaN", "9" * 26, str(2**62), "-5", "true", "1.0", '"1"', "null"]),
    ],
)
def test_one_that_makes_no_sense_is_said_and_not_written_over(marker: Path, content: bytes) -> None:
    marker.write_bytes(content)
    made = Marker(marker)
    assert made.trouble() == "marker_unreadable"
    with pytest.raises(MarkerUnusable):
        made.note(Mark(OTHER, 1))
    assert marker.read_bytes() == content


def test_a_folder_that_is_not_there_is_said(marker: Path) -> None:
    made = Marker(marker.parent / "missing" / "marker.json")
    assert made.trouble() == "marker_unwritable"
    with pytest.raises(MarkerUnusable):
        made.note(Mark(OTHER, 1))


# The store and its marker


def test_an_installation_of_before_gets_its_marker_from_the_store(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store:
        assert store.migrate() is Standing.CURRENT
        assert Marker(marker).read() == Mark(store.installation().id, 0)


def test_each_batch_is_counted_in_the_store_and_then_in_the_marker(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store:
        store.migrate()
        for count in (1, 2):
            assert work(store, count)
            assert store.installation().counter == count
            assert Marker(marker).read() == Mark(store.installation().id, count)
        assert store.claim("exchange", NOW - timedelta(days=1), 100, LEASE) is None
        assert store.installation().counter == 2, "nothing to do is nothing to count"


@pytest.mark.threat(id="swapped-database")
def test_a_store_that_counted_less_hands_out_no_work_and_must_adopt(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store:
        store.migrate()
        work(store, 1), work(store, 2)
        set_back(store_url, 1)
        with pytest.raises(StoreBehind):
            work(store, 3)
        assert store.installation().counter == 1, "nothing was claimed"
        assert store.hold_if_behind(NOW)
        assert store.installation().must_adopt
        assert store.read(counters.figures_named)["store_behind"].taken_at == NOW
        assert work(store, 4) is None
        assert not store.hold_if_behind(NOW), "it is said once"


def test_after_the_calendars_were_read_no_hosts_marker_is_ahead(store_url: str, marker: Path) -> None:
    elsewhere = marker.with_name("other-host.json")
    with closing(opened(store_url, marker)) as store, closing(opened(store_url, elsewhere)) as other:
        store.migrate(), other.migrate()
        for number in range(1, 4):
            work(store, number)
        work(other, 4)
        set_back(store_url, 1)
        assert store.hold_if_behind(NOW)
        store.calendars_were_read()
        assert store.installation().counter >= LEAP
        assert "store_behind" not in store.read(counters.figures_named)
        assert not other.hold_if_behind(NOW)
        assert work(other, 5)
        assert work(store, 6)


def test_hosts_that_take_turns_are_never_ahead_of_the_store(store_url: str, marker: Path) -> None:
    elsewhere = marker.with_name("other-host.json")
    with closing(opened(store_url, marker)) as store, closing(opened(store_url, elsewhere)) as other:
        store.migrate(), other.migrate()
        for number, each in enumerate([store, other, other, other, store, other], 1):
            assert not each.hold_if_behind(NOW)
            assert work(each, number)


def test_a_crash_between_the_store_and_the_marker_asks_for_nothing(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store:
        store.migrate()
        work(store, 1)
    set_back(store_url, 9)
    with closing(opened(store_url, marker)) as store:
        assert not store.hold_if_behind(NOW)
        assert work(store, 2)
        assert Marker(marker).read() == Mark(store.installation().id, 10)


def test_a_copy_that_says_itself_what_it_is_keeps_its_own_word(
    store: Store, store_url: str, marker: Path, tmp_path: Path
) -> None:
    with closing(opened(store_url, marker)) as mine:
        mine.migrate()
        work(mine, 1)
        mine.back_up(tmp_path / "copy.db", _watch)
        work(mine, 2)
    with closing(opened(f"sqlite:///{tmp_path}/copy.db", marker)) as copy:
        assert copy.hold_if_behind(NOW)
        assert copy.installation().must_adopt
        assert "store_behind" not in copy.read(counters.figures_named)
        copy.calendars_were_read()
        assert not copy.hold_if_behind(NOW)


def test_moving_to_another_database_asks_for_nothing(store_url: str, marker: Path, tmp_path: Path) -> None:
    with closing(opened(store_url, marker)) as store, closing(Store(f"sqlite:///{tmp_path}/moved.db")) as target:
        store.migrate()
        work(store, 1)
        store.move_to(target, _watch)
    with closing(opened(f"sqlite:///{tmp_path}/moved.db", marker)) as moved:
        assert moved.standing() is Standing.CURRENT
        assert not moved.hold_if_behind(NOW)
        assert work(moved, 2)


def test_without_a_marker_that_can_be_written_nothing_is_handed_out(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store:
        store.migrate()
        shutil.rmtree(marker.parent)
        with pytest.raises(MarkerUnusable):
            work(store, 1)
        assert store.marker_trouble() == "marker_unwritable"
        marker.parent.mkdir()
        store.write(judge_batch.take, [incoming(a_delivery(wire_id=2, uuid="2"))], NOW)
        assert store.marker_trouble() is None


# Another's store, and none


def test_a_store_of_another_installation_is_not_used(store_url: str, marker: Path) -> None:
    Marker(marker).note(Mark(OTHER, 3))
    with closing(opened(store_url, marker)) as store:
        for act in (store.standing, store.migrate):
            with pytest.raises(StoreVanished) as caught:
                act()
            assert caught.value.cause == ANOTHER
        with pytest.raises(StoreVanished):
            work(store, 1)
    assert Marker(marker).read() == Mark(OTHER, 3)


def test_the_configuration_may_name_it_too(store_url: str, marker: Path) -> None:
    with closing(Store(store_url)) as store:
        store.standing()
        name = store.installation().id
    with closing(opened(store_url, marker, pinned=OTHER)) as store, pytest.raises(StoreVanished):
        store.migrate()
    with closing(opened(store_url, marker, pinned=name)) as store:
        assert store.migrate() is Standing.CURRENT


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return sqlalchemy_url(new_database(request.getfixturevalue("postgres")))


@pytest.mark.threat(id="swapped-database")
@pytest.mark.parametrize("known_by", ["marker", "configuration"])
def test_where_one_is_known_none_is_made(empty_url: str, marker: Path, tmp_path: Path, known_by: str) -> None:
    if known_by == "marker":
        Marker(marker).note(Mark(OTHER, 3))
    with closing(opened(empty_url, marker, OTHER if known_by == "configuration" else None)) as store:
        for act in (store.standing, store.migrate):
            with pytest.raises(StoreVanished) as caught:
                act()
            assert caught.value.cause in {GONE, EMPTIED}
        assert not list(tmp_path.glob("new.db*"))
        assert store.recover(NOW) == OTHER
        who = store.installation()
        assert (who.id, who.must_adopt) == (OTHER, True)
        assert store.standing() is Standing.CURRENT
    with closing(opened(empty_url, marker)) as store, pytest.raises(StoreOccupied):
        store.recover(NOW)


def test_nothing_is_recovered_where_nothing_is_known(empty_url: str, marker: Path) -> None:
    with closing(opened(empty_url, marker)) as store, pytest.raises(LookupError):
        store.recover(NOW)


def test_whoever_only_looks_makes_nothing(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/new.db")) as store:
        assert (store.standing(), store.revision(), store.is_current()) == (Standing.NOT_CURRENT, None, False)
        reads = store.installation, lambda: store.read(heartbeats.beats)
        for act in (*reads, lambda: store.keep(incoming(a_delivery()))):
            with pytest.raises(StoreVanished):
                act()
    assert list(tmp_path.iterdir()) == []


def test_taking_over_a_lost_installation_moves_the_marker(store_url: str, marker: Path) -> None:
    with closing(opened(store_url, marker)) as store, closing(opened(store_url, marker)) as beside:
        store.migrate()
        assert beside.standing() is Standing.CURRENT
        assert store.take_installation(OTHER, NOW)
        assert Marker(marker).expected() == OTHER
        assert beside.standing() is store.standing() is Standing.CURRENT


def test_roots_marker_is_the_services(marker: Path) -> None:
    require(os.geteuid() == 0, "only root may give files away")
    os.chown(marker.parent, 12345, 12345)
    Marker(marker).note(Mark(OTHER, 1))
    assert (marker.stat().st_uid, marker.stat().st_gid) == (12345, 12345)


def _watch(_steps: int) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_marker_that_is_no_file_is_told_and_not_waited_for(
    store_url: str, marker: Path, make: Callable[[Path], None]
) -> None:
    make(marker)
    assert Marker(marker).trouble() == "marker_unreadable"
    with closing(opened(store_url, marker)) as store:
        store.migrate() if store.standing().usable else None
        assert store.marker_trouble() == "marker_unreadable"
        with pytest.raises(MarkerUnusable):
            store.hold_if_behind(NOW)
