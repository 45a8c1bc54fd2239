"""A store in a folder of another account's, used by a process of that account: what root is never refused, it is."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from receiver.store import QUERY_TIMEOUT_S, Store, StoreUnavailable, heartbeats
from tests.makers import NOW, a_delivery, incoming
from tests.requirements import require

SERVICE = 65534
"""The account: nobody, who has nothing else."""

OK = "ok"


def attempts(store: Store) -> dict[str, str]:
    """Do what web, worker and watch do; return what came of each: `OK`, or the cause."""
    uses = {
        "read": store.standing,
        "beat": lambda: store.write(heartbeats.beat, "web", NOW),
        "keep": lambda: store.keep(incoming(a_delivery())),
        "judge": lambda: store.judge(NOW),
    }
    return {name: _came_of(use) for name, use in uses.items()}


def _came_of(use: Any) -> str:
    try:
        use()
    except StoreUnavailable as error:
        return error.refusal.cause
    return OK


def _serve(url: str, commands: Connection) -> None:
    os.setgroups([])
    os.setgid(SERVICE)
    os.setuid(SERVICE)
    with closing(Store(url, QUERY_TIMEOUT_S)) as store:
        while commands.recv():
            commands.send((attempts(store), _details(store)))


def _details(store: Store) -> dict[str, str]:
    try:
        store.write(heartbeats.beat, "web", NOW)
    except StoreUnavailable as error:
        return dict(error.refusal.details)
    return {}


@dataclass
class Service:
    """A process of the account's with the store open."""

    commands: Connection

    def attempts(self) -> dict[str, str]:
        return self.told()[0]

    def told(self) -> tuple[dict[str, str], dict[str, str]]:
        """What came of each use, and the details of the refusal of a write."""
        self.commands.send(True)
        found: tuple[dict[str, str], dict[str, str]] = self.commands.recv()
        return found


@contextmanager
def folder_of_service(migrated: Path) -> Iterator[Path]:
    """Yield a database in a folder that the account owns, as installed."""
    require(os.geteuid() == 0, "another account's files need root")
    with tempfile.TemporaryDirectory(prefix="rdv-store-", dir="/tmp") as name:  # others may pass there
        folder = Path(name) / "rdv"
        folder.mkdir(mode=0o700)
        Path(name).chmod(0o755)
        shutil.copy(migrated, folder / "rdv.db")
        (folder / "rdv.db").chmod(0o600)
        for path in (folder, folder / "rdv.db"):
            os.chown(path, SERVICE, SERVICE)
        yield folder / "rdv.db"


@contextmanager
def service(database: Path) -> Iterator[Service]:
    """Run a process of the account's that opens the store."""
    context = multiprocessing.get_context("fork")
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=[f"sqlite:///{database}", its])
    process.start()
    its.close()
    try:
        yield Service(ours)
    finally:
        ours.send(False)
        process.join(30)
        process.kill()
