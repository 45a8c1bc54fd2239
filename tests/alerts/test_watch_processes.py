"""The watch as a process, and `run` with it: killed, started again, and somebody is told whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from demo import configuration
from receiver.store import Store, heartbeats
from tests.alerts.sinks import HttpSink
from tests.end_to_end.test_processes import child_named, children
from tests.lab.running_receiver import RunningReceiver, running_receiver
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.slow  # processes of a receiver, killed and started again

DEADLINE_S = 60.0
ALERTS = "alerts:\n  to: [{env: RDV_ALERT}]\n  digest_at: null\n  hold_minutes: 0\n"
SILENT = "Plus rien n'écrit dans les calendriers"


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, DEADLINE_S)


def address(sink: HttpSink) -> str:
    return f"json://jean:hunter2@127.0.0.1:{sink.port}"


# The watch alone, with seconds in the place of minutes


@contextmanager
def watching(folder: Path, http: HttpSink) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "RDV_ALERT": address(http), "RDV_WEBHOOK_SECRET": "s", "RDV_EXCHANGE_PASSWORD": "p"}
    command = [sys.executable, "-m", "tests.alerts.short_watch", str(folder / "config.yaml")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def remembers_told(folder: Path) -> bool:
    file = folder / "alertes.json"
    return file.exists() and '"worker_silent/"' in file.read_text("utf-8")


def write_config(town_folder: Path) -> None:
    path = configuration.write(town_folder, "https://127.0.0.1:1/EWS/Exchange.asmx", 0)
    path.write_text(path.read_text("utf-8") + ALERTS, "utf-8")


def test_killed_at_any_time_it_tells_nothing_twice_and_still_tells_the_end(tmp_path: Path, http: HttpSink) -> None:
    write_config(tmp_path)
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    store.write(heartbeats.beat, "worker/here/1", store.now() - timedelta(minutes=5))
    with watching(tmp_path, http) as process:
        until(lambda: remembers_told(tmp_path), "the message to be remembered")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [SILENT in title for title in http.titles] == [True]
    with watching(tmp_path, http) as process:
        until(lambda: (tmp_path / "log").read_text().count("watch_started") == 2, "the second life")
        time.sleep(1)  # that no letter comes again is the subject
        process.terminate()
        assert process.wait(40) == 0
    assert len(http.titles) == 1

    with watching(tmp_path, http):

        def over() -> bool:
            store.write(heartbeats.beat, "worker/here/1", store.now())
            return len(http.titles) == 2

        until(over, "the end")
    store.close()
    assert "Terminé" in http.titles[1]
    assert "hunter2" not in (tmp_path / "log").read_text() + (tmp_path / "alertes.json").read_text()


# The whole service


@contextmanager
def town_with_alerts(folder: Path, http: HttpSink) -> Iterator[RunningReceiver]:
    os.environ["RDV_ALERT"] = address(http)  # as a service's own environment: children inherit it
    try:
        with running_receiver(folder, extra_policies=ALERTS) as receiver:
            yield receiver
    finally:
        del os.environ["RDV_ALERT"]


def age_beats(folder: Path) -> None:
    """Have the worker silent for five minutes."""
    store = Store(f"sqlite:///{folder}/store.db")
    store.write(lambda connection: connection.exec_driver_sql("DELETE FROM heartbeats"))
    store.write(heartbeats.beat, "worker/here/1", store.now() - timedelta(minutes=5))
    store.close()


def test_a_worker_that_hangs_is_told_and_so_is_its_end_after_a_crash(tmp_path: Path, http: HttpSink) -> None:
    """One that dies is started again, and nobody need be told of that. One that lives and does nothing is what only
    the watch can see.
    """
    with town_with_alerts(tmp_path, http) as receiver:
        run = receiver.running["run"]
        assert len(children(run)) == 3
        worker = child_named(run, "worker")
        os.kill(worker, signal.SIGSTOP)
        age_beats(tmp_path)
        run.send_signal(signal.SIGHUP)  # a reload looks at once
        until(lambda: len(http.titles) == 1, "the alarm")
        assert SILENT in http.titles[0]
        os.kill(worker, signal.SIGKILL)
        receiver.wait_until_ready()
        run.send_signal(signal.SIGHUP)
        until(lambda: len(http.titles) == 2, "the end")
        assert "Terminé" in http.titles[1]
        assert "hunter2" not in receiver.log.read_text("utf-8")


def test_a_watch_that_is_killed_costs_no_webhook_and_comes_back(tmp_path: Path, http: HttpSink) -> None:
    with town_with_alerts(tmp_path, http) as receiver:
        run = receiver.running["run"]
        os.kill(child_named(run, "watch"), signal.SIGKILL)
        receiver.wait_for(lambda: len(receiver.log_lines("child_died")) == 1, "the death")
        assert receiver.answers(b"{}") == [(422, "invalid")], "webhooks are read all the while"
        receiver.wait_for(lambda: len(receiver.log_lines("watch_started")) == 2, "its return", 60)
        assert len(receiver.log_lines("worker_started")) == 1


def test_addresses_given_by_a_reload_start_the_watch(tmp_path: Path, http: HttpSink) -> None:
    os.environ["RDV_ALERT"] = address(http)
    try:
        with running_receiver(tmp_path) as receiver:
            assert len(receiver.log_lines("nobody_to_tell")) == 1
            text = receiver.config.read_text("utf-8")
            receiver.config.write_text(text + ALERTS, "utf-8")
            receiver.running["run"].send_signal(signal.SIGHUP)
            receiver.wait_for(lambda: len(receiver.log_lines("watch_started")) == 1, "the watch")
            receiver.config.write_text(text, "utf-8")
            receiver.running["run"].send_signal(signal.SIGHUP)
            receiver.wait_for(
                lambda: len(receiver.log_lines("watch_stopped")) == 1, "the watch to end, as nobody is left"
            )
            receiver.wait_for(receiver.is_ready, "the rest to go on")
    finally:
        del os.environ["RDV_ALERT"]


def test_a_service_that_cannot_start_for_want_of_its_store_tells_it(tmp_path: Path, http: HttpSink) -> None:
    """It is started again and again, and lives too short for a watch; what was seen is remembered between lives."""
    write_config(tmp_path)
    text = (tmp_path / "config.yaml").read_text("utf-8")
    (tmp_path / "config.yaml").write_text(text.replace("/store.db", "/away/store.db"), "utf-8")
    (tmp_path / "away").write_text("a file where the folder should be")
    environ = {**os.environ, "RDV_ALERT": address(http), "RDV_WEBHOOK_SECRET": "s", "RDV_EXCHANGE_PASSWORD": "p"}
    command = [sys.executable, "-m", "receiver", "--config", str(tmp_path / "config.yaml"), "run"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1
    assert ["base de données" in title for title in http.titles] == [True]
    events = [json.loads(line)["event"] for line in done.stderr.splitlines() if line.startswith("{")]
    assert "alert_sent" in events
