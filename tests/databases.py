"""Real databases for tests: a fresh SQLite file, or a fresh database in a PostgreSQL cluster of the test run's own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.lab.waiting import wait_until
from tests.requirements import require


def postgres_binaries() -> Path | None:
    """Return the folder of the newest installed server's programs; Debian keeps it off the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def postgres_cluster(*, fsync: bool = False) -> Iterator[str]:
    """Run a cluster; yield the address of its `postgres` database. Only benchmarks need it to wait for the disk."""
    binaries = postgres_binaries()
    require(binaries, "PostgreSQL's server programs are not installed")
    account = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    port = _free_port()
    with tempfile.TemporaryDirectory() as data:
        if account:
            shutil.chown(data, account, account)
        initdb = [f"{binaries}/initdb", "-D", data, "-U", "rdv", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, user=account, group=account, cwd="/", check=True, capture_output=True)
        listening = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
        options = (f"fsync={'on' if fsync else 'off'}", *listening)
        chosen = [word for option in (f"port={port}", *options) for word in ("-c", option)]
        postgres = [f"{binaries}/postgres", "-D", data, *chosen]
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(postgres, user=account, group=account, cwd="/", stdout=quiet, stderr=quiet)
        try:
            url = f"postgresql://rdv@127.0.0.1:{port}/postgres"
            wait_until_up(url)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # "fast": connections that a test left open do not hold it up
            server.wait(30)


def new_database(cluster: str, template: str = "template1") -> str:
    """Make a database and return its address."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{cluster.rpartition('/')[0]}/{name}"


def sqlalchemy_url(address: str) -> str:
    """Name the driver that the store uses."""
    return address.replace("postgresql://", "postgresql+psycopg://")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(url: str) -> None:
    last: list[psycopg.OperationalError] = []

    def is_up() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            last[:] = [error]
            return False
        return True

    wait_until(is_up, "the database server", every_s=0.05, evidence=lambda: last)
