"""What others do to the receiver's database."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.databases import new_database, postgres_binaries, postgres_cluster, sqlalchemy_url

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


@contextmanager
def postgres_that_stops() -> Iterator[str]:
    """Run a cluster of its own that `stop_postgres` may stop and start; yield a database's address."""
    with postgres_cluster() as cluster:
        url = sqlalchemy_url(new_database(cluster))
        folder = _folder(url)
        try:
            yield url
        finally:
            _pg_ctl("stop", "-m", "immediate", "-D", folder, check=False)  # also the one that was started anew


def stop_postgres(store_url: str) -> Callable[[], None]:
    """Stop a cluster as systemd would; return what starts it again, with the options that it had."""
    folder = _folder(store_url)
    _pg_ctl("stop", "-m", "fast", "-D", folder)
    return lambda: _pg_ctl("restart", "-D", folder)


def _folder(store_url: str) -> str:
    with psycopg.connect(store_url.replace("+psycopg", "")) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row
    return str(row[0])


def _pg_ctl(*words: str, check: bool = True) -> None:
    account = "postgres" if os.getuid() == 0 else None
    command = [f"{postgres_binaries()}/pg_ctl", *words, "-w", "-t", "30"]
    quiet = subprocess.DEVNULL
    subprocess.run(command, user=account, group=account, cwd="/", stdout=quiet, stderr=quiet, check=check)
