"""The Python servers that `benchmarks.intake` compares, and how many webhooks each has on the disk."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests
from sqlalchemy import func, select, union

from benchmarks.proc import children, cpu_s, kill
from demo import processes
from receiver.store.database.engine import close_engine, open_engine, reading
from receiver.store.database.tables import deliveries, inbox
from tests.databases import new_database, postgres_cluster, sqlalchemy_url

PROCESSES, THREADS = 2, 16
"""Of the web: processes on all hosts together, and threads in each."""
SECRET_NAME = "RDV_BENCH_SECRET"  # a variable's name
PATH = "/webhooks/mds"
TIMEOUT_S = 30.0

NOOP = """\
from flask import Flask, jsonify, request

def app():
    app = Flask("noop")

    @app.post("/webhooks/mds")
    def receive():
        request.get_data(cache=False)
        return jsonify(status="accepted"), 202

    @app.get("/healthz")
    def healthy():
        return jsonify(status="ok")

    return app
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands on the disk."""

    webhooks: int
    """Each counted once."""
    judged: int


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes webhooks."""

    ports: Sequence[int]
    """One for each host."""
    path: str
    masters: Sequence[int]
    """Of web processes."""
    kept: Callable[[], Kept] | None
    """Counts what was kept; where that is ours, the server is killed first. None: it keeps nothing."""

    def cpu_s(self) -> float:
        """Return the processor time that the web processes have used."""
        return sum(cpu_s(child) for master in self.masters for child in children(master))


class Server(Protocol):
    """Something that takes webhooks."""

    def running(self) -> AbstractContextManager[Running]:
        """Run it afresh."""
        ...


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """Yield the address of a fresh database."""
    # A marker that stays would say that its store is lost.
    for file in (*folder.glob("store.db*"), *folder.glob("marker-*.json")):
        file.unlink()
    yield f"sqlite:///{folder}/store.db"


@contextmanager
def postgresql(_folder: Path) -> Iterator[str]:
    """Yield the address of a fresh database in a cluster of its own, each commit of which is on the disk."""
    with postgres_cluster(fsync=True) as cluster:
        yield sqlalchemy_url(new_database(cluster))


@dataclass(frozen=True, slots=True)
class Receiver:
    """Ours over an empty store: web processes on one host or several, and a worker where one is wanted."""

    folder: Path
    secret: str
    database: Callable[[Path], AbstractContextManager[str]] = sqlite
    hosts: int = 1
    with_worker: bool = False

    @contextmanager
    def running(self) -> Iterator[Running]:
        """Run it afresh."""
        with self.database(self.folder) as store, ExitStack() as stack:
            ports = [processes.free_port() for _ in range(self.hosts)]
            configs = [self._configured(store, port) for port in ports]
            self._migrate(configs[0])
            masters = [self._start(stack, config, "serve") for config in configs]
            others = [self._start(stack, configs[0], "worker")] if self.with_worker else []
            for port in ports:
                wait_for(f"http://127.0.0.1:{port}/healthz")
            if self.with_worker:
                self._wait_for_worker()
            yield Running(ports, PATH, masters, lambda: _kill_and_count([*masters, *others], store))

    def _configured(self, store: str, port: int) -> Path:
        source = {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": SECRET_NAME}]}
        entries = self.folder / "ics"
        shutil.rmtree(entries, ignore_errors=True)
        known = {
            "store": {"url": store},
            "sources": {"mds": source},
            "calendars": {"files": {"kind": "ics_folder", "path": str(entries)}},
            "mailboxes": {"domains": {"departement.example": "departement.example"}},
            "web": {"listen": f"127.0.0.1:{port}", "processes": PROCESSES // self.hosts, "threads": THREADS},
        }
        path = self.folder / f"config-{port}.yaml"
        path.write_text(json.dumps(known), "utf-8")
        return path

    def _migrate(self, config: Path) -> None:
        command = [sys.executable, "-m", "receiver", "--config", str(config), "migrate"]
        quiet = subprocess.DEVNULL
        subprocess.run(command, env=os.environ | self._environment, check=True, stdout=quiet, stderr=quiet)

    @property
    def _environment(self) -> dict[str, str]:
        return {SECRET_NAME: self.secret}

    def _start(self, stack: ExitStack, config: Path, verb: str) -> int:
        log = self.folder / f"{verb}.log"
        log.unlink(missing_ok=True)
        command = ["receiver", "--config", str(config), verb]
        return stack.enter_context(processes.running(command, self._environment, log)).pid

    def _wait_for_worker(self) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while "worker_started" not in (self.folder / "worker.log").read_text("utf-8"):
            if time.monotonic() > deadline:
                sys.exit("the worker never started")
            time.sleep(0.1)


def _kill_and_count(pids: Sequence[int], store: str) -> Kept:
    """Count what survived. A web process that stops by SIGTERM would judge what waits, which takes time."""
    for pid in pids:
        kill(pid)
    engine = open_engine(store)
    try:
        with reading(engine) as connection:
            all_digests = union(select(inbox.c.digest), select(deliveries.c.digest)).subquery()
            webhooks = connection.execute(select(func.count()).select_from(all_digests)).scalar_one()
            judged = connection.execute(select(func.count()).select_from(deliveries)).scalar_one()
            return Kept(webhooks, judged)
    finally:
        close_engine(engine)


@dataclass(frozen=True, slots=True)
class NoOp:
    """The same servers, a view that does nothing."""

    folder: Path
    hosts: int = 1

    @contextmanager
    def running(self) -> Iterator[Running]:
        """Run it."""
        (self.folder / "noop.py").write_text(NOOP, "utf-8")
        with ExitStack() as stack:
            ports = [processes.free_port() for _ in range(self.hosts)]
            masters = [self._start(stack, port) for port in ports]
            for port in ports:
                wait_for(f"http://127.0.0.1:{port}/healthz")
            yield Running(ports, PATH, masters, None)

    def _start(self, stack: ExitStack, port: int) -> int:
        options = ["--workers", str(PROCESSES // self.hosts), "--threads", str(THREADS), "--worker-class", "gthread"]
        command = ["gunicorn", "--chdir", str(self.folder), "--bind", f"127.0.0.1:{port}", *options, "noop:app()"]
        return stack.enter_context(processes.running(command, {}, self.folder / "noop.log")).pid


def wait_for(url: str) -> None:
    """Wait until a server answers; exit with an error after the timeout."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{url} never answered")
