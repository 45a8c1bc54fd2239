"""Makes glibc's allocator return the memory of large bodies. By default it keeps most of it, for each thread."""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
"""From glibc's malloc.h."""
_OWN_MAPPING_BYTES = 256 * 1024
_OTHER_LIBRARY = AttributeError, OSError


def keep_no_large_blocks() -> None:
    """Make the allocator map each large block separately, so that its memory is returned as soon as it is freed."""
    with suppress(*_OTHER_LIBRARY):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)


def give_back() -> None:
    """Return freed memory to the system."""
    with suppress(*_OTHER_LIBRARY):
        ctypes.CDLL(None).malloc_trim(0)
