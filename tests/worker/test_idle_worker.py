"""A worker with nothing to do: with PostgreSQL it hardly asks, and yet acts, reloads and stops at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from receiver.store import Store, Wakeup
from receiver.worker import loop
from tests.databases import new_database, sqlalchemy_url
from tests.lab.database import statements
from tests.lab.waiting import wait_until
from tests.logs.captured import captured_logs
from tests.makers import a_delivery, incoming
from tests.worker.loop_harness import WorkerLoopHarness

LONG_S = 600.0
"""Nobody waits so long: a test that does shows that the worker was not woken."""
WATCHED_S = 2.5


@pytest.fixture
def url(postgres: str, migrated_postgres: str) -> str:
    return sqlalchemy_url(new_database(postgres, migrated_postgres))


@contextmanager
def working(folder: Path, url: str) -> Iterator[tuple[WorkerLoopHarness, list[str]]]:
    """A worker at work; yields every question that its loop asks the database."""
    with closing(Store(url)) as store, captured_logs() as stream, statements(thread="loop") as asked:
        loop_harness = WorkerLoopHarness(folder, store, stream)  # type: ignore[arg-type]  # this one lives in our own time
        thread = threading.Thread(target=loop_harness.worker.run, name="loop")
        thread.start()
        try:
            yield loop_harness, asked
        finally:
            loop_harness.worker.stop()
            thread.join(20)
            assert not thread.is_alive()


def test_an_idle_worker_acts_on_a_webhook_of_another_process_at_once(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "IDLE_S", LONG_S)
    with working(tmp_path, url) as (loop_harness, _), closing(Store(url)) as other:
        for count in (1, 2):
            other.keep(incoming(a_delivery(wire_id=count, uuid=f"u{count}")))
            wait_until(lambda count=count: loop_harness.written() == count, "the entry")  # type: ignore[misc]


def test_an_idle_worker_reloads_and_stops_at_once(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_S", LONG_S)
    with working(tmp_path, url) as (loop_harness, _):
        wait_until(lambda: loop_harness.connected == 1, "the first connection")
        loop_harness.worker.reload()
        wait_until(lambda: loop_harness.connected == 2, "the connection of the reload")


def test_a_worker_that_is_told_asks_a_small_part_of_what_one_that_looks_asks(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def idle(name: str) -> int:
        (tmp_path / name).mkdir()
        with working(tmp_path / name, url) as (loop_harness, asked):
            wait_until(lambda: loop_harness.connected == 1, "the first connection")
            before = len(asked)
            time.sleep(WATCHED_S)  # what is asked in a span of time is the subject
            return len(asked) - before

    told = idle("told")
    monkeypatch.setattr(Wakeup, "_begin_to_listen", lambda _: False)
    looks = idle("looks")
    assert 0 < told < looks / 3
