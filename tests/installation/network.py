"""A network of the test's own: what is started inside sees nothing but its loopback."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000


@contextmanager
def loopback_only() -> Iterator[None]:
    """Move this thread, and all it starts, into an empty network; every port and every 127.x address is free there."""
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no network namespace")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        libc.setns(outside, _CLONE_NEWNET)
        os.close(outside)
