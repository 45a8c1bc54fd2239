"""Everything that runs in a drill: machines, their clocks, the store, the disk, the mock Exchange, the emitter."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Secrets, free_port, is_ready
from tests.chaos import configuration
from tests.chaos.clocks import Clock, library
from tests.chaos.database import postgres
from tests.chaos.disk import Disk, small_disk
from tests.chaos.exchange import Exchange, exchange
from tests.chaos.services import Service
from tests.databases import new_database, sqlalchemy_url
from tests.lab.waiting import happens

SECRETS = Secrets(webhook="a webhook secret for drills", exchange="an Exchange password for drills")
START_S = 90.0
LOOK_EVERY_S = 0.03


class NotReady(Exception):
    """Something did not come up in time, with all well."""


@dataclass
class Deployment:
    """One installation under drill."""

    folder: Path
    exchange: Exchange
    webs: list[Service]
    workers: list[Service]
    database: Service | None
    store_url: str
    """As SQLAlchemy takes it."""
    hosts: list[str]
    clocks: list[Clock]
    """With SQLite one, as everything runs on one machine; else one for each of those machines that may be wrong."""
    disk: Disk | None

    @property
    def services(self) -> list[Service]:
        """All that an init system looks after."""
        return [*([self.database] if self.database else []), *self.webs, *self.workers]

    def look_after(self) -> None:
        """Do what an init system does."""
        for service in self.services:
            service.look_after()

    def wait_until(self, condition: Callable[[], bool], patience_s: float) -> bool:
        """Look after everything until a condition holds; return whether it came to that."""

        def holds() -> bool:
            self.look_after()
            return condition()

        return happens(holds, patience_s, LOOK_EVERY_S)

    def ready(self) -> bool:
        """Whether every web host says so."""
        return all(is_ready(host) for host in self.hosts)


@contextmanager
def deployment(folder: Path, store: str, mailboxes: Sequence[str]) -> Iterator[Deployment]:
    """Start everything; all of it ends with the block.

    Raises:
        NotReady: it does not come up.

    """
    with small_disk(folder) as disk, exchange(mailboxes, SECRETS, folder / "exchange.log") as server:
        room = disk.folder if disk else folder
        database, url = (None, f"sqlite:///{room / 'store.db'}")
        if store == "postgresql":
            database, url = postgres(room, folder / "postgres.log")
        opened = _installed(folder, server, database, url, disk)
        try:
            _open(opened)
            yield opened
        finally:
            for service in reversed(opened.services):
                service.end()


def _installed(folder: Path, server: Exchange, database: Service | None, url: str, disk: Disk | None) -> Deployment:
    ports = [free_port() for _ in range(2 if database else 1)]
    made = library(folder)
    clocks = [Clock(folder / f"clock{number}", made) for number in range(2 if database else 1)] if made else []
    # One web host and one worker have a clock of their own; with SQLite all live on one machine.
    clock_of = {"web": clocks[:1], "worker": clocks[-1:]}

    def receiver(kind: str, number: int, command: str) -> Service:
        config = folder / f"config{number if kind == 'web' else 0}.yaml"
        wrong = [clock.environment for clock in clock_of[kind] if number == 0 or not database]
        words = [sys.executable, "-m", "receiver", "--config", str(config), command]
        return Service(f"{kind} {number}", words, {**SECRETS.environment, **dict(*wrong)}, folder / "receiver.log")

    opened = Deployment(
        folder=folder,
        exchange=server,
        webs=[receiver("web", number, "serve") for number in range(len(ports))],
        workers=[receiver("worker", number, "worker") for number in range(2)],
        database=database,
        store_url=url,
        hosts=[f"http://127.0.0.1:{port}" for port in ports],
        clocks=clocks,
        disk=disk,
    )
    if database:
        opened.store_url = _started(database, url)
    for number, port in enumerate(ports):
        plain = opened.store_url.replace("+psycopg", "")
        configuration.write(folder / f"config{number}.yaml", plain, server.url, port)
    return opened


def _started(database: Service, url: str) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        database.look_after()
        try:
            return sqlalchemy_url(new_database(url))
        except Exception as error:  # noqa: BLE001 -- it is starting
            last = error
            time.sleep(0.1)  # the database is looked after meanwhile
    raise NotReady("postgres") from last


def _open(opened: Deployment) -> None:
    migrate = [*opened.workers[0].command[:-1], "migrate"]
    subprocess.run(migrate, env={**os.environ, **SECRETS.environment}, check=True, capture_output=True)
    if not opened.wait_until(opened.ready, START_S):
        raise NotReady(str(opened.folder))
