"""Runs the receiver's processes side by side: all live, or none. Knows commands and signals, nothing of their work."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from receiver import logs

GRACE_S = 65.0
"""A child may finish its call in hand: a little longer than gunicorn's and the worker's own limits."""

_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

log = logs.get("supervisor")


def supervise(commands: Mapping[str, Sequence[str]], may_reload: Callable[[], bool], grace_s: float = GRACE_S) -> int:
    """Start the commands and stay until all have ended; return 0 when they ended because they were asked to.

    SIGTERM and SIGINT end all of them; SIGHUP is passed on where `may_reload` agrees. A child that ends by itself
    takes the others with it: whoever supervises us then starts all of them anew.
    """
    with _heard_signals() as signals:
        return _Supervisor(may_reload, grace_s).run(commands, signals)


class _Signals:
    """Signals as numbers to read. Between two looks none is lost: each is a byte in a pipe."""

    def __init__(self, read_end: int) -> None:
        self._read_end = read_end
        self._selector = selectors.DefaultSelector()
        self._selector.register(read_end, selectors.EVENT_READ)

    def wait(self, timeout_s: float | None) -> bytes:
        """Return the numbers of the signals that came; nothing when the time is over."""
        return os.read(self._read_end, 512) if self._selector.select(timeout_s) else b""

    def close(self) -> None:
        self._selector.close()


@contextmanager
def _heard_signals() -> Iterator[_Signals]:
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signals = _Signals(read_end)
    previous_fd = signal.set_wakeup_fd(write_end)
    # A handler must exist for the wake-up to happen; a child's exec puts the default back.
    previous = {number: signal.signal(number, lambda *_: None) for number in _HEARD}
    try:
        yield signals
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_fd)
        signals.close()
        os.close(read_end)
        os.close(write_end)


class _Supervisor:
    """The children of one run."""

    def __init__(self, may_reload: Callable[[], bool], grace_s: float) -> None:
        self.may_reload = may_reload
        self.grace_s = grace_s
        self.alive: dict[str, subprocess.Popen[bytes]] = {}
        self.deadline: float | None = None
        """When the patience with ending children is over; None while nobody was asked to end."""
        self.status = 0

    def run(self, commands: Mapping[str, Sequence[str]], signals: _Signals) -> int:
        try:
            for name, command in commands.items():
                self._start(name, command)
            while self.alive:
                for number in signals.wait(self._patience_s()):
                    self._handle(number)
                self._reap()
                self._lose_patience()
        finally:
            self._kill()
        return self.status

    def _start(self, name: str, command: Sequence[str]) -> None:
        # Deaf to SIGHUP until it has a handler of its own: a reload meanwhile would end it.
        previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # A group of its own: Ctrl-C in a terminal then reaches us alone, and a kill reaches its own children too.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 -- our own commands
        signal.signal(signal.SIGHUP, previous)
        self.alive[name] = child
        log.info("child_started", child=name, pid=child.pid)

    def _patience_s(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _handle(self, number: int) -> None:
        if number in {signal.SIGTERM, signal.SIGINT} and self.deadline is None:
            log.info("stopping", signal=signal.Signals(number).name)
            self._end()
        elif number == signal.SIGHUP and self.deadline is None and self.may_reload():
            self._send(signal.SIGHUP)

    def _end(self) -> None:
        """Ask every child to end. Always by SIGTERM: gunicorn takes SIGINT for "drop what you hold"."""
        self.deadline = time.monotonic() + self.grace_s
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for child in self.alive.values():
            child.send_signal(number)

    def _reap(self) -> None:
        for name, child in list(self.alive.items()):
            code = child.poll()
            if code is None:
                continue
            del self.alive[name]
            self._note_end(name, code)

    def _note_end(self, name: str, code: int) -> None:
        if self.deadline is None:
            log.error("child_died", child=name, status=code)
            self.status = 1
            self._end()
            return
        log.info("child_ended", child=name, status=code)
        # A child that was asked before it could listen dies of the signal itself, with nothing in hand.
        if code not in {0, -signal.SIGTERM}:
            self.status = 1

    def _lose_patience(self) -> None:
        if self.alive and self.deadline is not None and time.monotonic() >= self.deadline:
            self._kill()
            self.status = 1

    def _kill(self) -> None:
        for name, child in self.alive.items():
            log.error("child_killed", child=name, pid=child.pid)
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.alive.clear()
