"""Calls that never come back: noticed, replaced up to a bound, and never in the way of an end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.work import servers
from receiver.worker.loop import STUCK_STATUS
from receiver.worker.server_threads import CallsStuck, ServerThreads
from tests.lab.waiting import wait_until
from tests.lab.worker_harness import CALENDAR
from tests.logs.captured import captured_logs
from tests.makers import MARTINE, a_delivery, incoming
from tests.worker.crew_harness import LONGEST_S, CrewHarness, boxes, open_crew_harness
from tests.worker.doubles import Deaf

ROOT = Path(__file__).parents[2]


@contextmanager
def working(
    store_url: str, mailboxes: list[str], connector: Deaf, connections: int
) -> Iterator[tuple[CrewHarness, ServerThreads]]:
    with open_crew_harness(store_url, dict.fromkeys(mailboxes, CALENDAR)) as crew_harness:
        crew = crew_harness.crew(connector, connections)  # type: ignore[arg-type]
        crew.start()
        try:
            yield crew_harness, crew
        finally:
            connector.go.set()


def overdue(crew: ServerThreads) -> bool:
    return bool(crew._calls.overdue(crew._timings.lease))


def test_a_thread_whose_call_does_not_come_back_is_replaced_and_the_others_go_on(store_url: str) -> None:
    stuck, *others = mailboxes = boxes(6)
    connector = Deaf(0.05, frozenset({stuck}))
    with captured_logs() as log, working(store_url, mailboxes, connector, 2) as (crew_harness, crew):
        crew_harness.send(others[0])
        wait_until(lambda: connector.done == [others[0]])
        crew_harness.send(stuck)
        wait_until(lambda: connector.blocked)
        wait_until(lambda: overdue(crew))
        for _ in range(3):
            crew.look_after()
        lines = [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "call_stuck"]
        assert [line["calendar"] for line in lines] == [CALENDAR], "told once"
        assert (crew_harness.server().stuck_calls, crew_harness.server().stuck_at is not None) == (1, True)
        assert sum(thread.is_alive() for thread in crew._threads) == 3
        crew_harness.send(*others)
        wait_until(lambda: set(connector.done) == set(others))
        wait_until(lambda: not crew.gate._turns)  # the place that it held among the calls under way is free


def test_a_call_that_comes_back_after_all_records_nothing_and_its_thread_ends(store_url: str) -> None:
    first, stuck = mailboxes = boxes(2)
    connector = Deaf(0.05, frozenset({stuck}))
    with captured_logs() as log, working(store_url, mailboxes, connector, 2) as (crew_harness, crew):
        crew_harness.send(first)
        wait_until(lambda: connector.done)
        crew_harness.send(stuck)
        wait_until(lambda: overdue(crew))
        crew.look_after()
        connector.go.set()
        wait_until(lambda: "lease_lost" in log.getvalue())
        wait_until(lambda: not any(thread.is_alive() for thread in crew._stuck))
        crew.look_after()
        assert (crew._stuck, len(crew._threads)) == (set(), 2)


def test_too_many_calls_that_do_not_come_back_end_the_crew(store_url: str) -> None:
    """Each holds a connection for good: a new process has all of them again."""
    first, *stuck = mailboxes = boxes(3)
    connector = Deaf(0.05, frozenset(stuck))
    with working(store_url, mailboxes, connector, 2) as (crew_harness, crew):
        crew_harness.send(first)
        wait_until(lambda: connector.done)
        crew_harness.send(stuck[0])
        wait_until(lambda: overdue(crew))
        crew.look_after()
        crew_harness.send(stuck[1])
        wait_until(lambda: len(connector.blocked) == 2)
        wait_until(lambda: len(crew._calls.overdue(crew._timings.lease)) == 2)
        with pytest.raises(CallsStuck):
            crew.look_after()
        assert crew_harness.server().stuck_calls == 2


def test_an_end_waits_for_calls_no_longer_than_it_may(store_url: str) -> None:
    [mailbox] = mailboxes = boxes(1)
    connector = Deaf(5.0)
    with captured_logs() as log, working(store_url, mailboxes, connector, 1) as (crew_harness, crew):
        crew_harness.send(mailbox)
        wait_until(lambda: connector.blocked)
        crew.stop()
        crew.join(time.monotonic() + 0.05)
        assert connector.closed
        assert "calls_left" in log.getvalue()


# As a process


@contextmanager
def process(folder: Path, migrated: Path, call_timeout_s: float) -> Iterator[subprocess.Popen[str]]:
    """A worker with one RDV to write, over a connector that never comes back."""
    (folder / "store.db").write_bytes(migrated.read_bytes())
    url = f"sqlite:///{folder / 'store.db'}"
    config = {
        "store": {"url": url},
        "sources": {
            "mds": {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]}
        },
        "calendars": {"pilot": {"kind": "ics_folder", "path": str(folder)}},
        "mailboxes": {"domains": {"departement.example": "departement.example"}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    store = Store(url)
    now = store.now()
    store.write(judge_batch.take, [incoming(a_delivery(now=now, agents=(MARTINE,)))], now)
    store.close()
    command = [sys.executable, "-m", "tests.worker.stuck_worker", str(folder), str(call_timeout_s)]
    started = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        assert started.stderr is not None
        started.stderr.close()


def begun(folder: Path) -> bool:
    """Whether the call is under way."""
    store = Store(f"sqlite:///{folder / 'store.db'}")
    try:
        return any(server.is_probed(store.now()) for server in store.read(servers.listed))
    finally:
        store.close()


def test_a_process_whose_only_connection_is_stuck_ends_and_asks_to_be_started_anew(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    with process(tmp_path, migrated_sqlite, 0.05) as worker:
        assert worker.wait(LONGEST_S) == STUCK_STATUS
        assert worker.stderr is not None
        events = [json.loads(line)["event"] for line in worker.stderr]
        assert "call_stuck" in events
        assert events[-1] == "calls_stuck"


def test_sigterm_ends_a_process_though_a_call_does_not_come_back(tmp_path: Path, migrated_sqlite: Path) -> None:
    with process(tmp_path, migrated_sqlite, 30.0) as worker:
        wait_until(lambda: begun(tmp_path))
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(LONGEST_S) == 0
