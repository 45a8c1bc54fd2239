"""The threads that write into one calendar server, as many as it has connections."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from connectors.base import Connector, ConnectorError, Scope, Temporary
from receiver import logs
from receiver.core.other_installations import NOTHING_SERVED, Served
from receiver.core.plan import CallLimits
from receiver.core.ruleset import Ruleset
from receiver.core.servers import ACCOUNT_REFUSED, THROTTLED, UNANSWERED
from receiver.store import LeaseLost, MailboxWork, Store, StoreUnavailable, Trouble
from receiver.worker.guarded_connector import CallsUnderWay, GuardedConnector
from receiver.worker.reconcile import Result, reconcile
from receiver.worker.server_gate import ServerGate
from receiver.worker.unknown_mailboxes import UnknownMailboxes

log = logs.get("worker")

BATCH = 100  # what Exchange takes well in one request
IDLE_S = 1.0
STORE_PAUSE_S = 2.0
ASK_AGAIN_S = 1.0
"""Seconds between two attempts to pass the gate for a call that is no work."""


SILENT = "timeout"
"""Failure code of a server that answers for no mailbox."""

Learnt = Callable[[ConnectorError], Result | None]
"""What the failure of a question says of the server; None: nothing to act on."""


class CallsStuck(Exception):
    """Too many calls never returned; only a new process helps."""


class Interrupted(Exception):
    """The process ends or restarts its server threads: nothing more is asked."""


class GateClosed(Temporary):
    """The server is paused, or there is work, which has priority."""

    def __init__(self) -> None:
        super().__init__("server_left_alone", Scope.SERVER)


@dataclass
class ServerThreads:
    """Claims and reconciles mailboxes of one calendar while there are any, then waits to be woken."""

    calendar: str
    connector: Connector
    connections: int
    store: Store
    ruleset: Ruleset
    credentials: str = ""
    """Tag of the account and password that the connector uses."""
    served: Served = NOTHING_SERVED
    """The platforms and installations for the check of a mailbox before its first write."""
    gate: ServerGate = field(init=False)

    def __post_init__(self) -> None:
        """Start nothing yet."""
        self._timings = CallLimits.of(self.connector.call_timeout_s)
        self._calls = CallsUnderWay()
        self._work_connector = GuardedConnector(self.connector, self._calls)
        self.gate = ServerGate(self.store, self.calendar, self.connections, self._timings.lease, self.credentials)
        self._unknown_mailboxes = UnknownMailboxes(self.connections)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._asking: set[threading.Thread] = set()
        self._stuck: set[threading.Thread] = set()
        self._works: dict[int, MailboxWork] = {}
        self._started = 0

    def start(self) -> None:
        """Begin to work."""
        for _ in range(self.connections):
            self._start_thread()

    def wake(self) -> None:
        """Note that there may be work."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more work; running work continues."""
        self._stopping.set()
        self._wake.set()

    def join(self, deadline: float) -> None:
        """Wait for running work until a moment of the monotonic clock, then close the connections."""
        for thread in self._threads:
            if thread not in self._stuck:
                thread.join(max(deadline - time.monotonic(), 0.0))
        left = sum(thread.is_alive() for thread in self._threads)
        if left:
            log.error("calls_left", calendar=self.calendar, count=left)
        self.connector.close()

    def look_after(self) -> None:
        """Replace each thread whose call has lasted longer than its lease.

        A stuck thread keeps one of the connector's connections for good. Up to half of them may be stuck.

        Raises:
            CallsStuck: more than half of them are.

        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        asking = self._asking.copy()
        self._stuck.intersection_update([*self._threads, *asking])
        overdue = self._calls.overdue(self._timings.lease)
        for thread in (*self._threads, *asking):
            if thread.ident in overdue and thread not in self._stuck:
                self._replace(thread, thread.ident)

    def _replace(self, thread: threading.Thread, ident: int) -> None:
        now, work = self.store.now(), self._works.get(ident)
        if work:  # paused for a while: the next thread would be stuck there too
            self.store.release(work, Trouble("call_stuck", now + self._timings.recheck))
        self.gate.give_up(ident, now)
        self._stuck.add(thread)
        log.error("call_stuck", calendar=self.calendar, mailbox=work.mailbox_id if work else None)
        if len(self._stuck) > self.connections // 2:
            raise CallsStuck(self.calendar)
        if thread in self._threads:
            self._start_thread()

    def _start_thread(self) -> None:
        # A daemon: the process must be able to end though the thread is stuck.
        thread = threading.Thread(target=self._work_until_stopped, name=f"{self.calendar}-{self._started}", daemon=True)
        self._started += 1
        self._threads.append(thread)
        thread.start()

    def _work_until_stopped(self) -> None:
        while self._goes_on():
            self._wake.wait(IDLE_S)
            self._wake.clear()
            while self._goes_on() and self._guarded(self.work_once):
                pass

    def _goes_on(self) -> bool:
        """Whether this thread is still needed: one that counts as stuck was replaced."""
        return not self._stopping.is_set() and threading.current_thread() not in self._stuck

    def _guarded(self, step: Callable[[], bool]) -> bool:
        """Run a step; catch all errors, so that one mailbox or the database cannot end the thread."""
        try:
            return step()
        except LeaseLost:
            log.warning("lease_lost", calendar=self.calendar)
            return True
        except StoreUnavailable as error:
            log.error("store_unavailable", code=str(error), cause=error.refusal.cause)
            self._stopping.wait(STORE_PAUSE_S * (0.5 + random.random()))
            return False
        except Exception:  # a bug that one mailbox causes must not stop the others
            log.exception("unforeseen", calendar=self.calendar)
            return True  # its lease expires: that mailbox waits, the others continue

    def work_once(self) -> bool:
        """Do the due work of one mailbox; return whether there was any that may be done now."""
        now = self.store.now()
        if not self.gate.enter(now):
            return False
        work, result, kinds = None, None, self._unknown_mailboxes.admit()
        try:
            work = self.store.claim(self.calendar, now, BATCH, self._timings.lease, kinds)
            kinds = self._unknown_mailboxes.claimed(kinds, work)
            result = self._reconcile(work) if work else None
        finally:
            self._unknown_mailboxes.leave(kinds, work, failed=result is None or result.failed)
            self.gate.leave(result, self.store.now())
        return work is not None

    # Calls that are no work

    def for_questions(self, stopping: threading.Event, limit_s: float = 0.0) -> GuardedConnector:
        """Return the connector for calls that are no work: each waits until the gate lets it pass.

        The calls are made in the caller's thread. Besides the connector's errors, they raise:
            GateClosed: the gate let nothing pass for `limit_s`; nothing was asked.
            Interrupted: `stopping` was set; nothing was asked.
        """
        return GuardedConnector(self.connector, self._calls, partial(self._question, stopping, limit_s))

    def ask_whether_it_answers(self, stopping: threading.Event, mailboxes: Sequence[str]) -> None:
        """Ask about one mailbox, and about the next if no answer comes: a single one may hang.

        Any answer is enough, even that there is no such mailbox. Other results are recorded as the server's failure, as
        during work.

        Raises:
            ConnectorError: that failure.
            GateClosed: the server is paused, or there is work, which has priority; nothing was asked.
            Interrupted: `stopping` was set; nothing was asked.

        """
        *first, last = mailboxes
        for mailbox in first:
            if self._answers(stopping, mailbox, _learnt_of_server):
                return
        if not self._answers(stopping, last, _learnt_of_silence):
            raise Temporary(SILENT, Scope.SERVER)

    def _answers(self, stopping: threading.Event, mailbox: str, learnt: Learnt) -> bool:
        asked = GuardedConnector(self.connector, self._calls, partial(self._question, stopping, 0.0, learnt))
        try:
            asked.probe(mailbox)
        except ConnectorError as error:
            if error.scope is Scope.SERVER:
                raise
            return error.code not in UNANSWERED
        return True

    @contextmanager
    def _question(self, stopping: threading.Event, limit_s: float, learnt: Learnt | None = None) -> Iterator[None]:
        """Hold one place among the running calls.

        Without `learnt`, a refused account and a request for fewer calls are recorded for all. Other troubles of the
        server are not recorded: work will find them.
        """
        began, began_s = self._wait_for_gate(stopping, limit_s), time.monotonic()
        result = None
        self._asking.add(threading.current_thread())
        try:
            yield
            result = Result(None, heard=True)
        except ConnectorError as error:
            result = (learnt or _learnt)(error)
            raise
        finally:
            self._asking.discard(threading.current_thread())
            self.gate.leave(result, began + timedelta(seconds=time.monotonic() - began_s))

    def _wait_for_gate(self, stopping: threading.Event, limit_s: float) -> datetime:
        """Wait for the gate; return when it was passed."""
        deadline = time.monotonic() + limit_s
        while not stopping.is_set():
            now = self.store.now()
            if self.gate.enter_to_ask(now):
                return now
            if time.monotonic() >= deadline:
                raise GateClosed
            stopping.wait(ASK_AGAIN_S)
        raise Interrupted

    def _reconcile(self, work: MailboxWork) -> Result:
        self._works[threading.get_ident()] = work
        result = reconcile(self.store, self._work_connector, self.ruleset, work, self._timings, self.served)
        if result.trouble:
            log.warning("server_trouble", calendar=self.calendar, code=result.trouble.code)
        return result


def _learnt_of_server(error: ConnectorError) -> Result | None:
    """Return what a failure shows of the server, as during work; None: no answer came."""
    if error.scope is Scope.SERVER:
        return Result(error, heard=False)
    return _learnt(error) if error.code not in UNANSWERED else None


def _learnt_of_silence(error: ConnectorError) -> Result | None:
    """Return the same, but a missing answer is the server's failure."""
    return _learnt_of_server(error) or Result(Temporary(error.code, Scope.SERVER), heard=False)


def _learnt(error: ConnectorError) -> Result | None:
    """Return what the failure of a question says of the server; None: nothing to act on."""
    if error.scope is Scope.SERVER:
        return Result(error, heard=False) if error.code in ACCOUNT_REFUSED | THROTTLED else None
    return Result(None, heard=error.code not in UNANSWERED)
