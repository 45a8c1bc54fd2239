"""Runs the receiver's processes side by side. If a vital one ends, all are ended; any other is started again.

Knows commands and signals, not what the processes do.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from receiver import logs

GRACE_S = 65.0
"""How long a child may take to finish its running call: a little longer than the limits of gunicorn and the worker."""

_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

LONGEST_PAUSE_S = 60.0
PAUSE_S = 1.0
"""The pause before the first restart. It doubles with each further one, up to `LONGEST_PAUSE_S`."""
STEADY_S = 60.0
"""A child that ran for this time counts as stable: the next pause is the shortest again."""
MISCONFIGURED = 2
"""Status of a child that cannot use its configuration: only a reload or an edited file helps, so the pause is long."""

log = logs.get("supervisor")

Commands = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the supervisor waits, in seconds."""

    grace_s: float = GRACE_S
    pause_s: float = PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    steady_s: float = STEADY_S


def supervise(
    commands: Commands,
    reload: Callable[[], Commands | None],
    vital: Collection[str],
    spare: Collection[str] = (),
    waits: Waits | None = None,
) -> int:
    """Start the commands and stay until all have ended; return 0 when they ended because they were asked to.

    SIGTERM and SIGINT end all of them. A vital child that ends by itself takes the others with it: the service manager
    then starts all of them again. Any other is started again, after pauses that grow while it keeps ending. A spare one
    may also end with status 0, having nothing to do. SIGHUP is passed on where `reload` returns what should run now;
    None refuses it. A child that should run and does not is started then, at once.
    """
    with _heard_signals() as signals:
        return _Supervisor(commands, reload, vital, spare, waits or Waits()).run(signals)


class _Signals:
    """Signals, read as numbers. None is lost between two reads: each is a byte in a pipe."""

    def __init__(self, read_end: int) -> None:
        self._read_end = read_end
        self._selector = selectors.DefaultSelector()
        self._selector.register(read_end, selectors.EVENT_READ)

    def wait(self, timeout_s: float | None) -> bytes:
        """Return the numbers of the signals that came; empty after a timeout."""
        return os.read(self._read_end, 512) if self._selector.select(timeout_s) else b""

    def close(self) -> None:
        self._selector.close()


@contextmanager
def _heard_signals() -> Iterator[_Signals]:
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signals = _Signals(read_end)
    previous_fd = signal.set_wakeup_fd(write_end)
    # The wake-up needs a handler to be set; exec restores the default in a child.
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

    def __init__(
        self,
        commands: Commands,
        reload: Callable[[], Commands | None],
        vital: Collection[str],
        spare: Collection[str],
        waits: Waits,
    ) -> None:
        self.commands = commands
        self.reload = reload
        self.vital = frozenset(vital)
        self.spare = frozenset(spare)
        self.waits = waits
        self.alive: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, float] = {}
        self.deaths: dict[str, int] = {}
        """Consecutive deaths of each child, without a stable run in between."""
        self.awaited: dict[str, float] = {}
        """When a child that died is started again."""
        self.deadline: float | None = None
        """When the children that were asked to end are killed; None: none were asked."""
        self.status = 0

    def run(self, signals: _Signals) -> int:
        try:
            for name in self.commands:
                self._start_if_possible(name)
            while self.alive:
                for number in signals.wait(self._wait_s()):
                    self._handle(number)
                self._reap()
                self._start_again()
                self._kill_late()
        finally:
            self._kill()
        return self.status

    def _start_if_possible(self, name: str) -> None:
        """Start a child. A failure to start one that is not vital does not affect the others."""
        self.awaited.pop(name, None)
        try:
            self._start(name)
        except OSError as error:
            if name in self.vital:
                raise
            pause_s = self._pause_s(name)
            log.error("child_not_started", child=name, error=type(error).__name__, again_in_s=pause_s)
            self.awaited[name] = time.monotonic() + pause_s

    def _start(self, name: str) -> None:
        # SIGHUP is ignored until the child has its own handler: a reload meanwhile would end it.
        previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # A process group of its own: Ctrl-C then reaches only this process, and a kill reaches the child's children
        # too.
        child = subprocess.Popen(self.commands[name], stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 -- our own commands
        signal.signal(signal.SIGHUP, previous)
        self.alive[name] = child
        self.started[name] = time.monotonic()
        log.info("child_started", child=name, pid=child.pid)

    def _wait_s(self) -> float | None:
        times = [*self.awaited.values()] if self.deadline is None else [self.deadline]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _handle(self, number: int) -> None:
        if number in {signal.SIGTERM, signal.SIGINT} and self.deadline is None:
            log.info("stopping", signal=signal.Signals(number).name)
            self._end()
        elif number == signal.SIGHUP and self.deadline is None:
            self._reload()

    def _reload(self) -> None:
        commands = self.reload()
        if commands is None:
            return
        self.commands = commands
        self._send(signal.SIGHUP)
        self.deaths.clear()
        self.awaited = dict.fromkeys(commands.keys() - self.alive.keys(), time.monotonic())

    def _end(self) -> None:
        """Ask every child to end, by SIGTERM: on SIGINT gunicorn would drop the requests in hand."""
        self.deadline = time.monotonic() + self.waits.grace_s
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

    def _start_again(self) -> None:
        if self.deadline is None:
            for name in [name for name, at in self.awaited.items() if time.monotonic() >= at]:
                self._start_if_possible(name)

    def _note_end(self, name: str, code: int) -> None:
        if self.deadline is None:
            self._note_death(name, code)
            return
        log.info("child_ended", child=name, status=code)
        # A child that got the signal before its handler was set ends by it, with no work in hand.
        if code not in {0, -signal.SIGTERM}:
            self.status = 1

    def _note_death(self, name: str, code: int) -> None:
        if name in self.spare and code == 0:
            log.info("child_ended", child=name, status=code)
            return
        if name in self.vital:
            log.error("child_died", child=name, status=code)
            self.status = 1
            self._end()
        elif name in self.commands:
            if time.monotonic() - self.started[name] >= self.waits.steady_s:
                self.deaths.pop(name, None)
            pause_s = self.waits.longest_pause_s if code == MISCONFIGURED else self._pause_s(name)
            log.error("child_died", child=name, status=code, again_in_s=pause_s)
            self.awaited[name] = time.monotonic() + pause_s
        else:
            log.info("child_ended", child=name, status=code)

    def _pause_s(self, name: str) -> float:
        """Count a consecutive death; return how long to wait before the next start, in seconds."""
        earlier = self.deaths.get(name, 0)
        self.deaths[name] = earlier + 1
        return min(self.waits.pause_s * 2.0**earlier, self.waits.longest_pause_s)

    def _kill_late(self) -> None:
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
