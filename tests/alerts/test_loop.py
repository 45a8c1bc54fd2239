"""From a store that is in trouble to letters that arrive: once when it begins, once when it is over."""

import io
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.alerts import beat as watch_beats
from receiver.alerts import loop
from receiver.alerts.beat import Beat
from receiver.alerts.loop import CheckStuck, Watch
from receiver.alerts.recipient import Pace
from receiver.bootstrap import open_store
from receiver.config import Reloadable, load
from receiver.core.desired import Decision
from receiver.core.room import MIB
from receiver.core.troubles import Code
from receiver.operations import status
from receiver.operations.working_hours import working_time
from receiver.sentences.phrases import PARIS
from receiver.store import Store, StoreUnavailable, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.intake import judge_batch, set_aside
from tests.alerts.short_watch import PACE, hastened
from tests.alerts.sinks import HttpSink, SmtpSink, http_sink
from tests.databases import new_database, postgres_cluster, sqlalchemy_url
from tests.logs.captured import captured_logs
from tests.makers import a_delivery, incoming
from tests.store.scopes import THIRTY_FOUR, a_rdv

DEADLINE_S = 40.0
STORE_DOWN = "La base de données ne peut pas être utilisée"
EMPTY = "La base de données est vide"


@dataclass
class Post:
    """A watch over a store, and who gets its letters."""

    folder: Path
    url: str
    addresses: list[str]
    pace: Pace = PACE
    hold_s: float = 0.3
    digest_at: str | None = None
    opened: Callable[[Any], Store] = open_store
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def reopen(self) -> None:
        """Stop as on SIGTERM and start anew: everything but the disk is forgotten."""
        self.watch._finish()
        self.open()

    def open(self) -> None:
        environ = {f"RDV_TO_{place}": address for place, address in enumerate(self.addresses)} | {"RDV_SECRET": "s"}
        (self.folder / "ics").mkdir(exist_ok=True)
        tree = {
            "store": {"url": self.url.replace("+psycopg", "")},
            "sources": {
                "mds": {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]}
            },
            "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
            "mailboxes": {"domains": {"departement.example": "departement.example"}},
            "alerts": {"to": [{"env": f"RDV_TO_{n}"} for n in range(len(self.addresses))], "digest_at": self.digest_at},
        }
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(tree))
        settings = hastened(load(path, environ), hold_s=self.hold_s, worker_silent_s=60)
        around = {"STATE_DIRECTORY": str(self.folder)}
        self.watch = Watch(Reloadable(path, environ, settings), self.opened, self.pace, around)

    def until(self, condition: Callable[[], bool], what: str = "it") -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.watch.turn()
            time.sleep(0.02)

    def for_a_while(self, seconds: float = 1.0) -> None:
        """Long enough for what must not happen."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)


Open = Callable[..., Post]


@pytest.fixture
def store_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite does for most: what differs with PostgreSQL has tests of its own."""
    shutil.copy(migrated_sqlite, tmp_path / "store.db")
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Open]:
    posts: list[Post] = []

    def _open(url: str, *addresses: str, **more: Any) -> Post:
        posts.append(Post(tmp_path, url, list(addresses), **more))
        return posts[-1]

    yield _open
    for post in posts:
        post.watch._finish()


def beat(store: Store) -> None:
    for name in (f"{heartbeats.SERVES}here", "worker/here/1"):
        store.write(heartbeats.beat, name, store.now())


def silence_worker(store: Store) -> None:
    """A worker was heard of five minutes ago; the web lives."""
    store.write(heartbeats.beat, f"{heartbeats.SERVES}here", store.now())
    store.write(heartbeats.beat, "worker/here/1", store.now() - timedelta(minutes=5))


def address(sink: HttpSink) -> str:
    return f"json://127.0.0.1:{sink.port}"


def refuse_signatures(store: Store, count: int = 12) -> None:
    store.write(counters.record, {Tally("refused", "mds", "", "unauthorized"): count}, {}, store.now())


def forget_refusals(store: Store) -> None:
    store.write(lambda connection: connection.exec_driver_sql("DELETE FROM tallies"))


def kinds(titles: list[str]) -> list[str]:
    """What the letters were about, without the trouble."""
    return [title.removeprefix("[RDV → Exchange] ").partition(" :")[0] for title in titles]


def test_a_trouble_is_told_once_and_its_end_once(store: Store, store_url: str, place: Open, http: HttpSink) -> None:
    beat(store)
    post = place(store_url, address(http))
    post.for_a_while(0.6)
    assert http.titles == []
    refuse_signatures(store)
    post.until(lambda: len(http.titles) == 1)
    assert "12 signatures fausses" in http.titles[0]
    refuse_signatures(store)
    post.for_a_while()
    assert len(http.titles) == 1
    forget_refusals(store)
    post.until(lambda: len(http.titles) == 2)
    post.for_a_while()
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def watch_beat(store: Store) -> datetime | None:
    return store.read(heartbeats.last_beat, heartbeats.WATCH)


def test_a_watch_that_goes_on_beats_and_is_missed_once_it_does_not(
    store: Store, store_url: str, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_beats, "BEAT_EVERY_S", 0.1)
    post, begun_at = place(store_url, address(http)), store.now()

    def troubles() -> list[Code]:
        beat(store)
        now = store.now()
        return [each.code for each in status.status(post.watch.settings.current, store, now).troubles]

    store.write(heartbeats.beat, heartbeats.WATCH, begun_at - timedelta(minutes=2))
    assert troubles() == [Code.WATCH_SILENT], "it hangs"
    post.until(lambda: watch_beat(store) > begun_at, "a sign of life")  # type: ignore[operator]
    assert troubles() == []
    first = watch_beat(store)
    post.until(lambda: watch_beat(store) != first, "the next one")
    post.for_a_while()
    assert http.titles == [], "nobody is alerted of a silence by what was silent"


def test_a_watch_run_by_the_clock_is_not_missed_before_its_next_run(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    post, begun_at = place(store_url, address(http)), store.now()
    post.watch.once()
    settings, beaten_at = post.watch.settings.current, watch_beat(store)
    assert beaten_at is not None
    missed_at = beaten_at + settings.alerts.thresholds.worker_silent
    assert missed_at - begun_at >= timedelta(minutes=2), "cron starts the next one a minute later, or a little more"


def test_a_store_that_takes_no_heartbeat_holds_up_no_alert(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    asked, over = threading.Event(), threading.Event()

    def never(_: object) -> Store:
        asked.set()
        over.wait(DEADLINE_S)
        raise StoreUnavailable("OperationalError")

    post = place(store_url, address(http))
    post.watch._beat = Beat(never)
    try:
        post.until(asked.is_set, "a heartbeat")
        refuse_signatures(store)
        post.until(lambda: len(http.titles) == 1, "the alert")
    finally:
        over.set()


def test_what_waits_for_a_decision_is_told_until_it_is_made(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    post = place(store_url, address(http))
    now = store.now()
    store.write(judge_batch.take, [incoming(a_rdv(12, 60, now=now), received_at=now)], now)
    foreign = replace(incoming(a_rdv(34, 5, now=now), received_at=now), authority=THIRTY_FOUR)
    store.write(judge_batch.take, [foreign], now)
    post.until(lambda: len(http.titles) == 1)
    assert "hors de la portée" in http.titles[0]
    store.write(set_aside.drop, [each.id for each in store.read(set_aside.waiting, 10)])
    post.until(lambda: len(http.titles) == 2)
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def test_a_restart_tells_nothing_twice_and_still_tells_the_end(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    post = place(store_url, address(http))
    refuse_signatures(store)
    post.until(lambda: len(http.titles) == 1)
    post.reopen()
    post.for_a_while()
    assert len(http.titles) == 1
    forget_refusals(store)
    post.reopen()
    post.until(lambda: len(http.titles) == 2)
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def test_a_trouble_that_passes_is_told_to_nobody(store: Store, store_url: str, place: Open, http: HttpSink) -> None:
    """A worker that is started again is silent for a while."""
    post = place(store_url, address(http), hold_s=1.5)
    silence_worker(store)
    post.for_a_while(0.8)
    beat(store)
    post.for_a_while(2.5)
    assert http.titles == []


def test_a_trouble_that_outlasts_several_short_lives_is_told(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    """A worker that dies at each start ends the service each time, and the watch with it."""
    silence_worker(store)
    post = place(store_url, address(http), hold_s=1.0)
    deadline = time.monotonic() + DEADLINE_S
    while not http.titles and time.monotonic() < deadline:
        post.watch.once()
        post.reopen()
    assert len(http.titles) == 1


def test_a_worker_that_stays_silent_is_told(store: Store, store_url: str, place: Open, http: HttpSink) -> None:
    post = place(store_url, address(http))
    silence_worker(store)
    post.until(lambda: len(http.titles) == 1)
    assert "Plus rien n'écrit dans les calendriers" in http.titles[0]
    beat(store)
    post.until(lambda: len(http.titles) == 2)
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def test_wrong_signatures_are_told_when_they_are_many(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    post = place(store_url, address(http))
    refuse_signatures(store, 9)
    post.for_a_while()
    assert http.titles == []
    refuse_signatures(store, 1)
    post.until(lambda: len(http.titles) == 1)


# A store that is away


def test_a_postgresql_that_stops_is_told_and_its_return_too(place: Open, http: HttpSink) -> None:
    with postgres_cluster() as cluster:
        url = sqlalchemy_url(new_database(cluster))
        store = Store(url)
        store.migrate()
        beat(store)
        store.close()
        post = place(url, address(http))
        post.until(lambda: bool(post.watch._sender.installation), "a first look")
    post.until(lambda: len(http.titles) == 1)
    assert STORE_DOWN in http.titles[0]
    # Another one comes up, in its place: with a schema, but still without a worker.
    with postgres_cluster() as cluster:
        url = sqlalchemy_url(new_database(cluster))
        store = Store(url)
        post.url = url
        post.reopen()
        post.until(lambda: any(EMPTY in title for title in http.titles), "the missing schema")
        store.migrate()
        beat(store)
        post.until(lambda: len(http.titles) == 3)
        store.close()
    assert kinds(http.titles) == ["ALARME", "ALARME, autre cause", "Terminé"], "all the while it was one trouble"


@pytest.mark.parametrize("harm", ["gone", "garbage", "folder", "folder gone"])
def test_a_sqlite_file_that_cannot_be_read_is_told_and_its_return_too(
    migrated_sqlite: Path, tmp_path: Path, place: Open, http: HttpSink, harm: str
) -> None:
    file = tmp_path / "store" / "rdv.db"
    file.parent.mkdir()
    shutil.copy(migrated_sqlite, file)
    store = Store(f"sqlite:///{file}")
    beat(store)
    store.close()
    post = place(f"sqlite:///{file}", address(http))
    file.rename(tmp_path / "aside.db")
    if harm == "folder gone":
        shutil.rmtree(file.parent)
    if harm == "garbage":
        file.write_bytes(b"garbage" * 1000)
    if harm == "folder":
        file.mkdir()
    post.until(lambda: len(http.titles) == 1)
    assert STORE_DOWN in http.titles[0]
    assert harm != "gone" or not file.exists(), "to look must not make an empty store"
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir()
    (tmp_path / "aside.db").rename(file)
    post.until(lambda: len(http.titles) == 2)
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def test_a_sqlite_file_that_stays_locked_is_told(
    migrated_sqlite: Path, tmp_path: Path, place: Open, http: HttpSink
) -> None:
    file = tmp_path / "rdv.db"
    shutil.copy(migrated_sqlite, file)
    post = place(f"sqlite:///{file}", address(http), hold_s=0.0)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    post.until(lambda: len(http.titles) == 1)
    holder.close()
    assert STORE_DOWN in http.titles[0]


def test_a_store_that_never_answers_is_told_and_left_behind(
    store_url: str, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that vanished answers no packet; the library would wait for two hours."""
    released = threading.Event()

    def never(_: object) -> Store:
        released.wait(60)
        return Store(store_url)

    monkeypatch.setattr(loop, "CHECK_S", 0.2)
    post = place(store_url, address(http), opened=never)
    post.until(lambda: len(http.titles) == 1)
    assert STORE_DOWN in http.titles[0]
    monkeypatch.setattr(loop, "STUCK_S", 0.5)
    with pytest.raises(CheckStuck):
        post.for_a_while()
    released.set()
    post.watch._checks._thread.join(20)  # type: ignore[union-attr]


# Silence, disk


@pytest.mark.parametrize(
    ("last", "now", "silent"),
    [
        ("2026-12-04 17:00", "2026-12-07 08:30", False),  # a weekend
        ("2026-12-04 17:00", "2026-12-07 15:30", True),  # and most of a Monday
        ("2026-12-24 17:00", "2026-12-28 12:00", False),  # Christmas, a Friday, and a weekend
        ("2026-12-24 17:00", "2026-12-28 15:30", True),
        ("2026-12-07 08:00", "2026-12-07 15:59", False),
        ("2026-12-07 08:00", "2026-12-07 16:00", True),
    ],
)
def test_a_sources_silence_counts_only_while_offices_are_open(
    store: Store,
    store_url: str,
    place: Open,
    http: HttpSink,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    now: str,
    silent: bool,
) -> None:
    """The moments of the test stand for real ones: what lies between them is worked out, then told."""
    heard = store.now() - timedelta(minutes=30)
    store.write(judge_batch.take, [incoming(a_delivery(now=heard), received_at=heard)], heard)
    store.settle(lambda _: Decision({}), heard)  # else it would be late
    beat(store)
    start, end = (datetime.fromisoformat(text).replace(tzinfo=PARIS) for text in (last, now))
    monkeypatch.setattr(status, "working_time", lambda _, __, zone: working_time(start, end, zone))
    place(store_url, address(http)).watch.once()
    assert len(http.titles) == int(silent)
    assert not silent or "Plus aucun webhook de mds" in http.titles[0]


def test_a_disk_that_fills_up_is_told(
    store: Store, store_url: str, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [50]
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _: SimpleNamespace(total=100 * MIB, free=free[0] * MIB))
    beat(store)
    post = place(store_url, address(http))
    post.for_a_while(0.6)
    assert http.titles == []
    free[0] = 7
    post.until(lambda: len(http.titles) == 1)
    assert "7 % de place" in http.titles[0]


# Addresses that fail


def test_a_sink_that_hangs_keeps_neither_the_look_nor_the_others(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    with http_sink() as stuck:
        stuck.hangs = True
        post = place(store_url, address(stuck) + "?rto=600", address(http))
        refuse_signatures(store)
        post.until(lambda: len(http.titles) == 1)
        forget_refusals(store)
        post.until(lambda: len(http.titles) == 2)
        assert stuck.titles == []
    assert kinds(http.titles) == ["ALARME", "Terminé"]


def test_mail_that_was_refused_is_told_once_when_it_works_again(
    store: Store, store_url: str, place: Open, http: HttpSink, smtp: SmtpSink
) -> None:
    smtp.refuses = True
    beat(store)
    mail = f"mailto://127.0.0.1:{smtp.port}?from=rdv@ville.example&to=dsi@ville.example"
    with captured_logs() as logs:
        post = place(store_url, mail, address(http))
        refuse_signatures(store)
        post.until(lambda: logs.getvalue().count("alert_not_sent") == 2 and len(http.titles) == 1)
        post.reopen()
        smtp.refuses = False
        post.until(lambda: len(smtp.mails) == 1)
        post.for_a_while()
    assert len(smtp.mails) == 1
    assert len(http.titles) == 1, "who got it is not told again because others did not"


def test_an_address_at_which_nothing_arrives_is_told_at_the_others_and_at_its_own_when_it_works_again(
    store: Store, store_url: str, place: Open, http: HttpSink, smtp: SmtpSink
) -> None:
    smtp.refuses = True
    beat(store)
    mail = f"mailto://127.0.0.1:{smtp.port}?from=rdv@ville.example&to=dsi@ville.example"
    post = place(store_url, mail, address(http))
    refuse_signatures(store)
    post.until(lambda: len(http.titles) == 2)
    assert "alerts.to[0]" in http.titles[1]
    smtp.refuses = False
    post.until(lambda: len(http.titles) == 3)
    post.until(lambda: len(smtp.subjects) == 3)
    assert kinds(http.titles) == ["ALARME", "ALARME", "Terminé"]


def test_a_letter_that_cannot_even_set_off_is_one_that_failed(
    store: Store, store_url: str, place: Open, http: HttpSink, process_log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more processes: what is full may be empty again a minute later."""
    beat(store)
    refuse_signatures(store)

    def full(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    post = place(store_url, address(http))
    with monkeypatch.context() as patched:
        patched.setattr("receiver.alerts.recipient.Sending", full)
        post.until(lambda: "alert_not_sent" in process_log.getvalue())
    post.until(lambda: len(http.titles) == 1)


def test_failures_come_ever_less_often(store: Store, store_url: str, place: Open, process_log: io.StringIO) -> None:
    beat(store)
    refuse_signatures(store)
    post = place(store_url, "json://127.0.0.1:1", pace=replace(PACE, retry_s=60.0))
    post.until(lambda: "alert_not_sent" in process_log.getvalue())
    post.for_a_while()
    assert process_log.getvalue().count("alert_not_sent") == 1
    assert post.watch._recipients.popitem()[1]._retry_at - time.monotonic() > 30


def test_a_new_address_hears_of_what_is_wrong_already(
    store: Store, store_url: str, place: Open, http: HttpSink
) -> None:
    beat(store)
    refuse_signatures(store)
    post = place(store_url, address(http))
    post.until(lambda: len(http.titles) == 1)
    with http_sink() as other:
        post.addresses.append(address(other))
        post.reopen()
        post.until(lambda: len(other.titles) == 1)
    assert len(http.titles) == 1


# The digest


def test_a_day_has_one_digest_whatever_restarts(
    store: Store, store_url: str, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.alerts.recipient.is_open", lambda _: True)
    beat(store)
    post = place(store_url, address(http), digest_at="00:00")
    post.until(lambda: len(http.titles) == 1)
    assert "tout va bien" in http.titles[0]
    post.reopen()
    post.for_a_while()
    assert len(http.titles) == 1


def test_a_day_without_offices_open_has_none(
    store: Store, store_url: str, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.alerts.recipient.is_open", lambda _: False)
    beat(store)
    place(store_url, address(http), digest_at="00:00").for_a_while(0.6)
    assert http.titles == []


def test_a_digest_comes_also_without_a_store(
    tmp_path: Path, place: Open, http: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.alerts.recipient.is_open", lambda _: True)
    place(f"sqlite:///{tmp_path}/none.db", address(http), digest_at="00:00", hold_s=600.0).watch.once()
    [(_, body)] = http.posted
    assert "ALARME, 1 point(s)" in body["title"]
    assert "pas de chiffres" in body["message"]


# What must not be seen


@pytest.mark.threat(id="secrets-in-alerts")
def test_no_secret_and_no_address_reaches_log_or_disk(
    store: Store, store_url: str, place: Open, process_log: io.StringIO, tmp_path: Path, http: HttpSink
) -> None:
    beat(store)
    refuse_signatures(store)
    addresses = [
        f"json://jean:hunter2a@127.0.0.1:{http.port}/hunter2b",
        "mailtos://rdv:hunter2c@hunter2d.invalid?to=hunter2e@ville.example",
        "json://hunter2f:hunter2g@127.0.0.1:1/?+X-Token=hunter2h",
        "hunter2i",
    ]
    post = place(store_url, *addresses)

    def failed() -> set[str]:
        lines = [json.loads(line) for line in process_log.getvalue().splitlines()]
        return {line["scheme"] for line in lines if line["event"] == "alert_not_sent"}

    post.until(lambda: failed() == {"mailtos", "json", "?"} and len(http.titles) == 1)
    left = process_log.getvalue() + (tmp_path / "alertes.json").read_text("utf-8")
    assert "hunter2" not in left


@pytest.fixture
def process_log() -> Iterator[io.StringIO]:
    with captured_logs() as stream:
        yield stream
