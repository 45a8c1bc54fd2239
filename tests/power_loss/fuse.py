"""A disk that remembers the order of things: one file, whose writes and flushes are logged before they are answered.

`python -m tests.power_loss.fuse IMAGE LOG PLACE` mounts the image over the file PLACE and serves it until it is
unmounted. A loop device over that file turns a file system's barriers into `fsync`, which arrives here as a flush:
everything that was answered before it must outlive a cut of power, and of what came after it any part may. The kernel's
protocol is spoken directly (libfuse is not needed): a single file takes a dozen of its messages. Device-mapper's
log-writes does the same, in kernels that have it.
"""

import ctypes
import errno
import os
import stat
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.power_loss.recording import FLUSH, WRITE, header

MAX_WRITE = 1 << 20
SPOKEN = 31
"""The protocol's minor version; a newer kernel keeps to it then."""
_FOREVER_S = 1 << 30
_REQUEST = struct.Struct("<IIQQIIIHH")
_ANSWER = struct.Struct("<IiQ")
_TRANSFER = struct.Struct("<QQIIQII")
"""The head of a read or a write: handle, offset, size, and what does not matter here."""
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_FORGET, _GETATTR, _OPEN, _READ, _WRITE, _RELEASE, _FSYNC, _FLUSH, _INIT = 2, 3, 14, 15, 16, 18, 20, 25, 26
_INTERRUPT, _DESTROY, _BATCH_FORGET = 36, 38, 42
_UNANSWERED = {_FORGET, _INTERRUPT, _BATCH_FORGET}


@dataclass(frozen=True, slots=True)
class RecordingDisk:
    """Answers the kernel's requests about the one file."""

    image: int
    log: int
    size: int

    def serve(self, device: int) -> None:
        """Answer until the file is unmounted."""
        while request := self._next(device):
            _, operation, unique, *_ = _REQUEST.unpack_from(request)
            if operation in _UNANSWERED:
                continue
            try:
                failed, answer = 0, self._answer(operation, memoryview(request)[_REQUEST.size :])
            except OSError as error:
                failed, answer = -(error.errno or errno.EIO), b""
            os.write(device, _ANSWER.pack(_ANSWER.size + len(answer), failed, unique) + answer)

    def _next(self, device: int) -> bytes:
        try:
            return os.read(device, MAX_WRITE + 4096)
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted
                return b""
            raise

    def _answer(self, operation: int, body: memoryview) -> bytes:
        answers: dict[int, Callable[[memoryview], bytes]] = {
            _INIT: self._init,
            _GETATTR: self._attributes,
            _OPEN: lambda _: struct.pack("<QII", 0, 0, 0),
            _READ: self._read,
            _WRITE: self._write,
            _FSYNC: self._flush,
            _FLUSH: lambda _: b"",  # of a handle that is being closed: says nothing about the disk
            _RELEASE: lambda _: b"",
            _DESTROY: lambda _: b"",
        }
        if operation not in answers:
            raise OSError(errno.ENOSYS, "")
        return answers[operation](body)

    def _init(self, body: memoryview) -> bytes:
        major, minor, read_ahead, offered = struct.unpack_from("<IIII", body)
        chosen = offered & (_BIG_WRITES | _MAX_PAGES)
        numbers = (major, min(minor, SPOKEN), read_ahead, chosen, 12, 9, MAX_WRITE, 1, MAX_WRITE // 4096)
        return struct.pack("<IIIIHHIIH", *numbers).ljust(64, b"\0")

    def _attributes(self, _body: memoryview) -> bytes:
        times = (0,) * 6
        who = (stat.S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0)
        return struct.pack("<QII6Q10I", _FOREVER_S, 0, 0, 1, self.size, self.size // 512, *times, *who)

    def _read(self, body: memoryview) -> bytes:
        _, offset, size, *_ = _TRANSFER.unpack_from(body)
        return os.pread(self.image, size, offset)

    def _write(self, body: memoryview) -> bytes:
        _, offset, size, *_ = _TRANSFER.unpack_from(body)
        data = body[_TRANSFER.size : _TRANSFER.size + size]
        os.writev(self.log, [header(WRITE, offset, size), data])
        os.pwrite(self.image, data, offset)
        return struct.pack("<II", size, 0)

    def _flush(self, _body: memoryview) -> bytes:
        os.write(self.log, header(FLUSH, 0, 0))
        return b""


def main(image: Path, log: Path, place: Path) -> None:
    """Mount, say so on standard output, and serve."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    disk = RecordingDisk(
        os.open(image, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), image.stat().st_size
    )
    options = f"fd={device},rootmode={stat.S_IFREG | 0o600:o},user_id=0,group_id=0"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"recording-disk", bytes(place), b"fuse", 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    sys.stdout.write("mounted\n")
    sys.stdout.flush()
    disk.serve(device)


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))
