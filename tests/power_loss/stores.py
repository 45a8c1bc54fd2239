"""The two kinds of store on the disk: made, opened after a cut, and made careless to see whether the check sees it."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import psycopg

from demo.processes import free_port
from tests.databases import postgres_binaries, wait_until_up
from tests.power_loss.programs import program

ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root."""


class Kind(Protocol):
    """What the drill must know of a kind of store."""

    careless: Sequence[str]
    """Ways to switch durability off; the first is the mistake that is made most."""

    def make(self, disk: Path) -> None:
        """Prepare the empty disk."""

    def opened(self, disk: Path, log: Path) -> AbstractContextManager[str]:
        """Start what must run; yield the address once the store has recovered by itself."""

    def carelessly(self, url: str, way: str) -> Sequence[str] | None:
        """Switch durability off; return the words of the receiver that must run then, None if any will do."""

    def damage(self, url: str) -> list[str]:
        """Return what the database itself finds wrong with its files."""


class SQLite:
    """One file."""

    careless: Sequence[str] = ("NORMAL", "OFF")
    """Of `PRAGMA synchronous`. NORMAL leaves no damage, but commits that are gone."""

    def make(self, disk: Path) -> None:
        """Nothing is to be prepared: the first command makes the file."""

    def opened(self, disk: Path, log: Path) -> AbstractContextManager[str]:
        """Nothing must run."""
        return nullcontext(f"sqlite:///{disk}/store.db")

    def carelessly(self, url: str, way: str) -> Sequence[str]:
        """Leave it to a receiver that says so on every connection."""
        return ("tests.power_loss.careless", way)

    def damage(self, url: str) -> list[str]:
        """Ask for all that SQLite can check."""
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            found = [str(row) for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
            return found + [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]


class PostgreSQL:
    """A cluster with checksums, and with so little WAL that it is checkpointed and recycled under way."""

    careless: Sequence[str] = ("fsync", "synchronous_commit")
    """Settings to switch off, as somebody does who finds the server slow."""

    def make(self, disk: Path) -> None:
        """Make the cluster."""
        data = disk / "data"
        data.mkdir(mode=0o700)
        shutil.chown(data, ACCOUNT, ACCOUNT)
        words = ["-D", str(data), "-U", "rdv", "-A", "trust", "-E", "UTF8", "-k", "--wal-segsize=1", "--no-sync"]
        subprocess.run([f"{postgres_binaries()}/initdb", *words], user=ACCOUNT, group=ACCOUNT, cwd="/", check=True,
                       capture_output=True)  # fmt: skip
        subprocess.run(["sync", "--file-system", str(data)], check=True)

    @contextmanager
    def opened(self, disk: Path, log: Path) -> Iterator[str]:
        """Run the server."""
        port = free_port()
        chosen = (
            f"port={port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=16MB",
            "min_wal_size=4MB",
            "max_wal_size=8MB",
        )
        options = [word for option in chosen for word in ("-c", option)]
        command = [f"{postgres_binaries()}/postgres", "-D", str(disk / "data"), *options]
        with program(command, log, account=ACCOUNT):
            url = f"postgresql://rdv@127.0.0.1:{port}/postgres"
            wait_until_up(url)
            yield url

    def carelessly(self, url: str, way: str) -> None:
        """Tell the running server."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {way} = off".encode())
            connection.execute("SELECT pg_reload_conf()")

    def damage(self, url: str) -> list[str]:
        """Compare every index with its table, and read every row (which checks every page's sum)."""
        indexes = (
            "SELECT bt_index_check(index.oid, true) FROM pg_class index JOIN pg_index ON indexrelid = index.oid"
            " JOIN pg_am ON pg_am.oid = relam WHERE amname = 'btree' AND relpersistence = 'p' AND indisvalid"
        )
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION amcheck")
                connection.execute(indexes)
        except psycopg.Error as error:
            return [str(error)]
        return []


KINDS: Mapping[str, Kind] = {"sqlite": SQLite(), "postgresql": PostgreSQL()}
