"""Makes glibc's allocator give back the memory of large bodies. By default it keeps most of it, for each thread."""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
"""Of glibc's malloc.h."""
_OWN_MAPPING_BYTES = 256 * 1024
_OTHER_LIBRARY = AttributeError, OSError


def keep_no_large_blocks() -> None:
    """Have each large block mapped on its own for the life of the process: it goes back as soon as it is freed."""
    with suppress(*_OTHER_LIBRARY):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)


def give_back() -> None:
    """Give back what was freed."""
    with suppress(*_OTHER_LIBRARY):
        ctypes.CDLL(None).malloc_trim(0)
