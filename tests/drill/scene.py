"""What a breakage needs of the system, and its drill from nothing to nothing."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.alerts.sinks import http_sink, smtp_sink
from tests.chaos.clocks import Clock, library
from tests.databases import postgres_binaries
from tests.drill.breakage import Breakage, StoreKind
from tests.drill.databases import postgres_of_a_customer
from tests.drill.play import Played, play
from tests.drill.system import open_ground

DISK_BYTES = 160 * 1024 * 1024
"""The web refuses webhooks below 100 MiB."""


def missing(breakage: Breakage) -> str:
    """Return which part of the system is absent that a breakage needs; empty: none is."""
    if breakage.has_own_clock and not shutil.which("cc"):
        return "no C compiler, for a clock that goes wrong"
    if breakage.store is StoreKind.DISK and not (
        os.getuid() == 0 and shutil.which("mkfs.ext4") and _has_loop_devices()
    ):
        return "no small disk: it takes root, loop devices and e2fsprogs"
    if breakage.store is StoreKind.POSTGRESQL and not postgres_binaries():
        return "PostgreSQL's server programs are not installed"
    return ""


def _has_loop_devices() -> bool:
    return subprocess.run(["losetup", "--find"], check=False, capture_output=True).returncode == 0


def drill(breakage: Breakage) -> Played:
    """Start a system, play a breakage in it, and leave nothing behind.

    Raises:
        Exception: as `play`, with the end of the receiver's log.

    """
    with tempfile.TemporaryDirectory(prefix="drill-") as name, ExitStack() as open_:
        folder = Path(name)
        http, mail = open_.enter_context(http_sink()), open_.enter_context(smtp_sink())
        system = open_.enter_context(
            open_ground(
                folder,
                http,
                mail,
                store_url=open_.enter_context(_store(breakage, folder)),
                timeout_s=breakage.timeout_s,
                clock=_clock(folder) if breakage.has_own_clock else None,
                patience=breakage.patience,
                is_whole=breakage.is_whole,
                files=breakage.files,
                changes=breakage.settings,
            )
        )
        try:
            return play(breakage, system)
        except Exception as error:
            error.add_note(f"{breakage.name}: {system.letters}\n{system.log[-4000:]}")
            raise


def _clock(folder: Path) -> Clock:
    made = library(folder)
    assert made, "a C compiler"
    return Clock(folder / "clock", made)


@contextmanager
def _store(breakage: Breakage, folder: Path) -> Iterator[str]:
    match breakage.store:
        case StoreKind.POSTGRESQL:
            with postgres_of_a_customer() as url:
                yield url
        case StoreKind.DISK:
            with _disk(folder) as disk:
                yield f"sqlite:///{disk}/store.db"
        case _:
            yield f"sqlite:///{folder}/store.db"


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk: one that can be filled without harm to anybody."""
    image, disk = folder / "disk.img", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
