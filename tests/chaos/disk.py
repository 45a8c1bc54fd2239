"""A small file system of its own, so that it can be full while nobody else's is. Needs root and loop devices."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIZE_MB = 1024


@dataclass
class Disk:
    """A folder on it, and a stone that fills it."""

    folder: Path

    @property
    def _stone(self) -> Path:
        return self.folder / "stone"

    def fill(self) -> None:
        """Take all the room that is left."""
        with self._stone.open("wb") as stone:
            while free := os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize:
                try:
                    os.posix_fallocate(stone.fileno(), os.fstat(stone.fileno()).st_size, free)
                except OSError:
                    return

    def empty(self) -> None:
        """Give the room back."""
        self._stone.unlink(missing_ok=True)


@contextmanager
def small_disk(place: Path) -> Iterator[Disk | None]:
    """Mount one; yield None where that is not possible, and the drill does without."""
    image, folder = place / "disk.img", place / "disk"
    folder.mkdir()
    if not _mounted(image, folder):
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def _mounted(image: Path, folder: Path) -> bool:
    if os.getuid() != 0 or not shutil.which("mkfs.ext4") or not shutil.which("mount"):
        return False
    with image.open("wb") as file:
        file.truncate(SIZE_MB * 1024 * 1024)
    make = ["mkfs.ext4", "-q", "-F", "-m", "0", str(image)]
    commands = (make, ["mount", "-o", "loop", str(image), str(folder)])
    return all(subprocess.run(command, check=False, capture_output=True).returncode == 0 for command in commands)
