"""What others do to the receiver's database."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.databases import postgres_binaries, postgres_cluster

_HOLD = """\
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def lock_held(file: Path) -> Iterator[None]:
    """Have another process hold SQLite's write lock."""
    command = [sys.executable, "-c", _HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.kill()


ACCOUNT, PASSWORD = "receiver", "the password of the database"


@contextmanager
def postgres_of_a_customer() -> Iterator[str]:
    """Run a cluster of its own; yield the address of a database in it, for an account that must prove itself."""
    with postgres_cluster() as cluster:
        folder = _folder(cluster)
        rules = Path(folder) / "pg_hba.conf"
        rules.write_text(f"host all {ACCOUNT} 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        with as_superuser(cluster) as connection:
            connection.execute(f"CREATE ROLE {ACCOUNT} LOGIN PASSWORD '{PASSWORD}'")
            connection.execute(f"CREATE DATABASE rdv OWNER {ACCOUNT}")
            connection.execute("SELECT pg_reload_conf()")
        address = make_url(cluster).set(
            drivername="postgresql+psycopg", username=ACCOUNT, password=PASSWORD, database="rdv"
        )
        try:
            yield address.render_as_string(hide_password=False)
        finally:
            _pg_ctl("stop", "-m", "immediate", "-D", folder, check=False)  # also the one that was started anew


@contextmanager
def as_superuser(store_url: str, database: str = "postgres") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Connect as PostgreSQL's administrator does."""
    address = make_url(store_url)._replace(drivername="postgresql", username="rdv", password=None, database=database)
    with psycopg.connect(address.render_as_string(), autocommit=True) as connection:
        yield connection


def stop_postgres(store_url: str) -> Callable[[], None]:
    """Stop a cluster as systemd would; return what starts it again, with the options that it had."""
    folder = _folder(store_url)
    _pg_ctl("stop", "-m", "fast", "-D", folder)
    return lambda: _pg_ctl("restart", "-D", folder)


def _folder(store_url: str) -> str:
    with as_superuser(store_url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row
    return str(row[0])


def _pg_ctl(*words: str, check: bool = True) -> None:
    account = "postgres" if os.getuid() == 0 else None
    command = [f"{postgres_binaries()}/pg_ctl", *words, "-w", "-t", "30"]
    quiet = subprocess.DEVNULL
    subprocess.run(command, user=account, group=account, cwd="/", stdout=quiet, stderr=quiet, check=check)
