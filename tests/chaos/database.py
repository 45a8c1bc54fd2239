"""The drill's PostgreSQL: a service that can be killed. Its commits go to disk as in production (fsync is on)."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from demo.processes import free_port
from tests.chaos.services import Service
from tests.databases import postgres_binaries
from tests.requirements import require


def postgres(folder: Path, log: Path) -> tuple[Service, str]:
    """Make a cluster; return the service, not yet started, and the address of its `postgres` database."""
    binaries = postgres_binaries()
    require(binaries, "PostgreSQL's server programs are not installed")
    account = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    data = folder / "postgresql"
    data.mkdir(mode=0o700)
    if account:
        shutil.chown(data, account, account)
    initdb = [f"{binaries}/initdb", "-D", str(data), "-U", "rdv", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, user=account, group=account, cwd="/", check=True, capture_output=True)
    port = free_port()
    command = [f"{binaries}/postgres", "-D", str(data), *_options(port)]
    service = Service("postgres", command, {}, log, user=account, cwd="/")
    return service, f"postgresql://rdv@127.0.0.1:{port}/postgres"


def _options(port: int) -> Sequence[str]:
    chosen = (
        f"port={port}",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "max_wal_size=128MB",
    )
    return [word for option in chosen for word in ("-c", option)]
