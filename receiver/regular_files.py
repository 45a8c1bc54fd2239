"""Opens files whose paths come from outside. Only regular files are opened: opening a pipe could block."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """The path is a folder, a pipe, a socket or a device."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Raises:
        NotRegularError: it is something else; nothing was opened or read.
        OSError: it is not there, or cannot be opened.
        UnicodeError: the file system's encoding lacks a letter of the name.

    """
    check_regular(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor))  # another file may be at the path now
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: Path) -> None:
    """Check that a file which a library will open is a regular file.

    Raises:
        NotRegularError: it is not.
        OSError: it is not there, or cannot be seen.
        UnicodeError: as above.

    """
    _check(path.stat())


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(errno.EINVAL, "not a regular file")
