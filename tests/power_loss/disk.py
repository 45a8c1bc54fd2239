"""Disks in files: made, mounted, and recorded. Needs root, loop devices and FUSE."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.waiting import happens

CHECKOUT = Path(__file__).parents[2]
PATIENCE_S = 20.0
SIZE_MB = 256


def missing() -> str | None:
    """Say what of the system is missing for such disks; None: nothing is."""
    if os.getuid() != 0:
        return "root"
    programs = [program for program in ("mkfs.ext4", "mount", "umount") if shutil.which(program) is None]
    devices = [device for device in ("/dev/fuse", "/dev/loop-control") if not Path(device).exists()]
    return ", ".join(programs + devices) or None


def make(image: Path) -> None:
    """Make an empty disk. All is written now: the kernel must not do it later, in the background."""
    with image.open("wb") as file:
        file.truncate(SIZE_MB << 20)
    now = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", now, str(image)], check=True)


def copy(image: Path, to: Path) -> Path:
    """Copy a disk, its holes as holes; return the copy."""
    subprocess.run(["cp", "--", str(image), str(to)], check=True)
    return to


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """Mount a disk; yield the folder. Mounting replays the file system's journal.

    Raises:
        subprocess.CalledProcessError: the file system cannot be mounted.

    """
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "ext4", "-o", "loop", str(image), str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def recorded(image: Path, log: Path, place: Path) -> Iterator[Path]:
    """Have a disk recorded; yield the file that stands for it meanwhile. The image is written to."""
    place.touch()
    command = [sys.executable, "-m", "tests.power_loss.fuse", str(image), str(log), str(place)]
    # In a session of its own: Ctrl-C must not take the disk away from under those that are to be ended.
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, start_new_session=True) as server:
        if not (server.stdout and server.stdout.readline()):
            raise OSError("the recording disk did not start")
        try:
            yield place
        finally:
            _unmount(place)
            server.kill()  # it has ended, unless somebody still has the file open


def _unmount(place: Path) -> None:
    """Unmount as soon as the last process has gone; else at once for all but those that still have it open."""

    def is_unmounted() -> bool:
        return subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0

    if not happens(is_unmounted, PATIENCE_S, every_s=0.05):
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
