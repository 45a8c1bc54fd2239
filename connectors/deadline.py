"""A deadline for a call: when it passes, the connections that the call uses are shut down.

A socket's timeout starts anew with each byte, so a peer that trickles is never timed out. Here one timer thread of the
process shuts down the connections of calls whose deadline has passed; a read or handshake that waits in any library
then ends at once. Standard library only.
"""

import heapq
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SHORTEST_S = 0.001


class Deadline:
    """The end of one call, at a moment of the monotonic clock."""

    def __init__(self, at: float) -> None:
        self.at = at
        self._lock = threading.Lock()
        self._lines: list[int] = []
        """Duplicated descriptors, so that they refer to the same connections until the call has ended."""
        self._ended = False
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the deadline has passed: what was read since may be incomplete."""
        return self._over or time.monotonic() >= self.at

    @property
    def left_s(self) -> float:
        """The remaining seconds, at least a millisecond, as 0 would mean no timeout."""
        return max(self.at - time.monotonic(), SHORTEST_S)

    def watch(self, line: socket.socket) -> None:
        """Shut this connection down when the deadline passes.

        Raises:
            TimeoutError: it has passed.

        """
        with self._lock:
            if self._over:
                raise TimeoutError
            self._lines.append(os.dup(line.fileno()))

    def end(self) -> None:
        """Record that the call has ended. Its connections stay open."""
        with self._lock:
            self._ended = True
            for line in self._lines:
                os.close(line)
            self._lines.clear()

    def shut_down(self) -> None:
        """Shut the connections down, unless the call has ended."""
        with self._lock:
            if self._ended:
                return
            self._over = True
            for line in self._lines:
                with suppress(OSError), socket.socket(fileno=os.dup(line)) as connection:
                    connection.shutdown(socket.SHUT_RDWR)


class _Timer:
    """One thread for all deadlines of the process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Deadline]] = []
        self._count = 0
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._waiting, (deadline.at, self._count, deadline))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is deadline:  # the thread waits for a later one
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while (left_s := self._left_s()) > 0:
                    self._changed.wait(left_s)
                _, _, due = heapq.heappop(self._waiting)
            due.shut_down()

    def _left_s(self) -> float:
        return self._waiting[0][0] - time.monotonic() if self._waiting else threading.TIMEOUT_MAX


_timer = _Timer()
_calls = threading.local()


@contextmanager
def until(at: float) -> Iterator[Deadline]:
    """Set the deadline of this thread's call, a moment of the monotonic clock."""
    deadline = Deadline(at)
    outer = getattr(_calls, "deadline", None)
    _calls.deadline = deadline
    _timer.add(deadline)
    try:
        yield deadline
    finally:
        _calls.deadline = outer
        deadline.end()


def current() -> Deadline | None:
    """Return the deadline of the call that this thread is in."""
    found: Deadline | None = getattr(_calls, "deadline", None)
    return found


def connect(host: str, port: int, deadline: Deadline, longest_s: float) -> socket.socket:
    """Return a connection to the first address of a host that accepts one. Its timeout is the time that remains.

    All addresses share the time.

    Args:
        host: a name or an address.
        port: the port.
        deadline: of the call; the connection is watched by it.
        longest_s: the most that all of it may take. Looking the name up is bounded by the resolver alone.

    Raises:
        OSError: none accepts one.

    """
    at = min(deadline.at, time.monotonic() + longest_s)
    failure: OSError = TimeoutError()
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        left_s = at - time.monotonic()
        if left_s <= 0:
            break
        try:
            line = socket.socket(family, kind, protocol)
        except OSError as error:  # the machine lacks the address family
            failure = error
            continue
        try:
            line.settimeout(left_s)
            line.connect(address)
            deadline.watch(line)
            line.settimeout(max(at - time.monotonic(), SHORTEST_S))
        except OSError as error:
            line.close()
            failure = error
        else:
            return line
    raise failure
