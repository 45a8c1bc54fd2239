"""Limits the calls to a server: fewer while it throttles, one probe at a time while it is in trouble.

State that all hosts share is in the store. It is read at most once a second, and written when something changes and
once a minute during success.
"""

import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import ConnectorError, Temporary
from receiver.core.servers import (
    ACCOUNT_PAUSE,
    ACCOUNT_REFUSED,
    THROTTLED,
    ServerState,
    answered,
    failed,
    probe_released,
    stuck,
    throttled,
)
from receiver.core.throughput import Throughput
from receiver.store import Store
from receiver.store.work import leases, servers
from receiver.worker.reconcile import Result
from receiver.worker.unknown_mailboxes import KNOWN_FIRST, KNOWN_ONLY

REREAD = timedelta(seconds=1)

Lesson = Callable[[ServerState], ServerState]
"""A change of a server's state."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A thread's permission to call the server."""

    began_at: datetime
    probe: str | None
    """The id of a single call, made while the server is in trouble or has not answered this process yet."""


class ServerGate:
    """One calendar server as seen by one process. Shared by its threads."""

    def __init__(self, store: Store, calendar: str, connections: int, lease: timedelta, credentials: str = "") -> None:
        self._store = store
        self._calendar = calendar
        self._lease = lease
        self._credentials = credentials
        self._lock = threading.Lock()
        self._turns: dict[int, Turn] = {}
        self._throughput = Throughput.full(connections)
        self._proven = False
        """A call of this process was answered. Until then calls are single: each may try a wrong password."""
        self._refused_until: datetime | None = None
        """A pause for the account of this process only: others may have a newer password."""
        self._server: ServerState | None = None
        self._read_at: datetime | None = None

    def enter(self, now: datetime) -> bool:
        """Whether this thread may work now. If so, it must call `leave` afterwards."""
        with self._lock:
            server = self._current(now)
            if not self._is_open(server, now):
                return False
            if self._proven and server.failure is None:
                return self._admit(Turn(now, None))
            return self._may_probe(server, now) and self._has_work(now) and self._probe(server, now)

    def enter_to_ask(self, now: datetime) -> bool:
        """Whether this thread may make a call that is no work. If so, it must call `leave` afterwards.

        Only while there is no work. Work in mailboxes that may not exist on the server does not count, as it may never
        end.
        """
        with self._lock:
            server = self._current(now)
            if not self._is_open(server, now) or self._has_work(now, KNOWN_ONLY):
                return False
            if self._proven and server.failure is None:
                return self._admit(Turn(now, None))
            return self._may_probe(server, now) and self._probe(server, now)

    def leave(self, result: Result | None, now: datetime) -> None:
        """Report the result of the call; None: no call was made."""
        with self._lock:
            turn = self._turns.pop(threading.get_ident(), None)
            if turn is None:
                return  # it counted as stuck and was given up
            if result is not None and result.heard:
                self._proven = True
                self._throughput = self._throughput.answered()
            self._record(self._lesson(turn, result or Result(None, heard=False), now))

    def may_open(self, now: datetime) -> bool:
        """Whether a call may be admitted, by what this process knows."""
        with self._lock:
            return self._server is None or self._is_open(self._server, now)

    def give_up(self, thread: int, now: datetime) -> None:
        """Count a thread's call as stuck."""
        with self._lock:
            self._record(lambda server: stuck(server, now))
            self._turns.pop(thread, None)

    # Admission

    def _is_open(self, server: ServerState, now: datetime) -> bool:
        refused = self._refused_until is not None and now < self._refused_until
        return not (refused or server.is_blocked(now)) and self._throughput.admits(len(self._turns), now)

    def _has_work(self, now: datetime, kinds: tuple[bool, ...] = KNOWN_FIRST) -> bool:
        return self._store.read(leases.has_work, self._calendar, now, kinds)

    def _may_probe(self, server: ServerState, now: datetime) -> bool:
        return not server.is_probed(now) and not any(turn.probe for turn in self._turns.values())

    def _probe(self, server: ServerState, now: datetime) -> bool:
        probe = secrets.token_hex(8)
        if self._store.write(servers.claim_probe, self._calendar, probe, now, self._lease):
            self._server = replace(server, probe=probe, probe_until=now + self._lease)
            return self._admit(Turn(now, probe))
        self._read_at = None  # another worker was faster: read the server's state again
        return False

    def _admit(self, turn: Turn) -> bool:
        self._turns[threading.get_ident()] = turn
        return True

    # Results of calls

    def _lesson(self, turn: Turn, result: Result, now: datetime) -> Lesson:
        after = self._trouble(turn, result, result.trouble, now) if result.trouble else lambda server: server
        if result.heard:
            return lambda server: after(answered(server, self._credentials, turn.probe, now))
        return after if result.trouble else lambda server: probe_released(server, turn.probe)

    def _trouble(self, turn: Turn, result: Result, trouble: ConnectorError, now: datetime) -> Lesson:
        jitter = random.random()
        if trouble.code in ACCOUNT_REFUSED:
            self._refused_until = now + ACCOUNT_PAUSE
        if trouble.code in THROTTLED:
            asked_s = trouble.retry_after_s if isinstance(trouble, Temporary) else None
            self._throughput = self._throughput.refused(turn.began_at, now, asked_s, jitter)
            until = self._throughput.paused_until
            in_trouble = self._server is not None and self._server.failure is not None and not result.heard
            if until is not None and not self._throughput.exhausted and not in_trouble:
                return lambda server: throttled(server, until, turn.probe, now)
        return lambda server: failed(server, trouble, self._credentials, turn.probe, now, jitter)

    # State shared by all hosts

    def _current(self, now: datetime) -> ServerState:
        """Return the server's state, at most a second old."""
        if self._server is None:
            self._server = self._store.write(servers.register, self._calendar, self._credentials, now)
        elif self._read_at is None or not timedelta() <= now - self._read_at < REREAD:
            waited = self._server.is_blocked(now)
            self._server = self._store.read(servers.find, self._calendar) or ServerState(self._calendar)
            if waited and not self._server.is_blocked(now):  # an operator, or a success elsewhere, ended the wait
                self._throughput = self._throughput.resumed()
        else:
            return self._server
        self._read_at = now
        return self._server

    def _record(self, lesson: Lesson) -> None:
        """Share a change with the other workers; it applies here even if the store cannot be written."""
        before = self._server or ServerState(self._calendar)
        self._server = lesson(before)
        if self._server != before:
            self._server = self._store.write(servers.change, self._calendar, lesson)
