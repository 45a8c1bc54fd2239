"""Waiting for a condition. No test sleeps for a fixed time in the hope that something has happened by then."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def happens(condition: Callable[[], object], timeout_s: float, every_s: float = 0.02) -> bool:
    """Return whether the condition held within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def wait_until(
    condition: Callable[[], T],
    what: str = "what must come",
    timeout_s: float = 30.0,
    every_s: float = 0.02,
    evidence: Callable[[], object] = str,
) -> T:
    """Wait until the condition holds, and return its value.

    `timeout_s` bounds a failure, and is long enough for a busy machine: no test measures speed by it. `evidence` is
    asked on failure, for what explains it.

    Raises:
        AssertionError: it did not hold in time.

    """
    found: list[T] = []

    def holds() -> bool:
        found[:] = [condition()]
        return bool(found[0])

    assert happens(holds, timeout_s, every_s), f"waited {timeout_s:g} s in vain for {what}\n{evidence()}"
    return found[0]
