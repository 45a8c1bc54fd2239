"""The worker's loop: judges webhooks, settles events, wakes the threads of each server, reloads, stops."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.base import Connector
from receiver import logs
from receiver.config import Reloadable, Settings, authority_of
from receiver.config.reload import FileWatch
from receiver.core.desired import Decision, EventView
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.ruleset import Ruleset
from receiver.operations import rules
from receiver.operations.refused_configuration import Notice
from receiver.store import Judged, Store, StoreUnavailable, Wakeup, heartbeats
from receiver.store.heartbeats import worker_name
from receiver.store.intake import inbox, judge_batch
from receiver.store.tools import failures
from receiver.store.tools.failures import Chosen
from receiver.store.work import leases, placements, rulesets, settling
from receiver.worker import account_tag
from receiver.worker.periodic import Periodic, housekeeping
from receiver.worker.server_threads import CallsStuck, ServerThreads

log = logs.get("worker")

IDLE_S = 2.0
"""The longest wait between two turns: work also becomes due by time, without a notification."""
STORE_PAUSE_S = 2.0
GRACE_S = 60.0
"""How long a running call may take to end. The supervisor waits a little longer."""
STUCK_STATUS = 75
"""Exit status of a process that must be started again: EX_TEMPFAIL of sysexits.h."""
IDLE_NEWS_EVERY = timedelta(minutes=1)

Connect = Callable[[Settings], Mapping[str, Connector]]
"""Builds the configured connectors, by calendar."""


class SchemaLost(Exception):
    """The store can no longer be used by this program."""


@dataclass
class Worker:
    """One worker process over an open store."""

    settings: Reloadable
    store: Store
    connect: Connect
    name: str = field(default_factory=lambda: worker_name(socket.gethostname(), os.getpid()))

    def __post_init__(self) -> None:
        """Start nothing yet."""
        self._wakeup: Wakeup | None = None
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._housekeeping = housekeeping(self.store, self.settings, self._beat)
        self._idle_news_due = datetime.min.replace(tzinfo=UTC)
        self._installation: str | None = None
        self._servers: list[ServerThreads] = []
        self._periodic: Periodic | None = None
        self._ruleset: Ruleset | None = None
        self._ruleset_id: int | None = None
        self._proposed = self._took_up = False
        self._planned = -1
        self._watch = FileWatch(self.settings.current.watched)
        self._refused = Notice("worker")

    def stop(self) -> None:
        """Ask the loop to end once the running calls are done."""
        self._stopping.set()
        self._wake()

    def reload(self) -> None:
        """Ask the loop to read the configuration again."""
        self._reloading.set()
        self._wake()

    def _wake(self) -> None:
        if self._wakeup:
            self._wakeup.wake()

    def run(self) -> None:
        """Work until asked to stop.

        Raises:
            CallsStuck: too many calls never returned; a new process must replace this one.
            SchemaLost: a newer program must replace this one.

        """
        log.info("worker_started", name=self.name, dry_run=self.settings.current.dry_run)
        try:
            with closing(self.store.wakeup()) as self._wakeup:
                while not self._stopping.is_set():
                    self._wakeup.wait(self._guarded_turn())
        finally:
            self._stop_servers()  # in any case: their threads would keep the process alive
        with suppress(StoreUnavailable):
            self.store.write(heartbeats.say_goodbye, self.name)  # without it a process counts as dead
        log.info("worker_stopped", name=self.name)

    def _guarded_turn(self) -> float:
        """Do one turn; log errors; return how long to wait before the next one, in seconds."""
        try:
            return 0 if self._turn() else IDLE_S
        except StoreUnavailable as error:
            log.error("store_unavailable", code=str(error), cause=error.refusal.cause)
            self._stopping.wait(STORE_PAUSE_S)
            return 0

    def _turn(self) -> bool:
        """Do one turn; return whether more work may wait."""
        now = self.store.now()
        if self._reloading.is_set():
            self._reloading.clear()
            self._reload()
        for task in self._housekeeping:
            if task.is_due(now):
                task.do(now)
        judged = self._judge(now)
        if not self._may_write(now):
            return judged
        ruleset = self._follow_ruleset()
        settled = 0
        if self.store.read(settling.has_unsettled):
            settled = self.store.settle(lambda view: _decide(ruleset, view, now), now, spoilt=_report_spoilt)
        if self.settings.current.dry_run:
            self._report_plan(now)
        self._wake_servers(now)
        if self._periodic:
            self._periodic.tick(now)
        return judged or settled > 0

    def _judge(self, now: datetime) -> bool:
        """Judge webhooks; return whether more may wait."""
        if not self._took_up:
            self.store.write(inbox.take_up)
            key = self.store.installation().digest_key
            sources = self.settings.current.sources.items()
            self.store.write(
                judge_batch.judge_out_of_scope, {name: authority_of(source, key) for name, source in sources}, now
            )
            self.store.write(settling.settle_again, now)
            self._took_up = True
        judged = self.store.judge(now, waits=False)  # while another worker judges, do other work
        for each in judged:
            _report(each)
        return bool(judged)

    def _wake_servers(self, now: datetime) -> None:
        for server in self._servers:
            server.look_after()
            if server.gate.may_open(now) and self.store.read(leases.has_work, server.calendar, now):
                server.wake()

    def _may_write(self, now: datetime) -> bool:
        """Whether entries may be written. If not, nothing is settled either."""
        if self.store.hold_if_behind(now):
            log.error("store_behind")
        installation = self.store.installation()
        if installation.id != self._installation:
            log.info("installation", id=installation.id)
            self._installation = installation.id
            self._ruleset = None  # entries carry the installation's id: restart the server threads
        if installation.may_write:
            return True
        for server in self._servers:
            server.look_after()
        if now >= self._idle_news_due:
            log.warning("nothing_is_written", code="must_adopt" if installation.must_adopt else "uninstalled")
            self._idle_news_due = now + IDLE_NEWS_EVERY
        return False

    def _beat(self, now: datetime) -> None:
        standing = self.store.standing()
        if not standing.usable:
            raise SchemaLost(standing)
        self.store.write(heartbeats.beat, self.name, now)
        if self._watch.changed():
            log.info("watched_file_changed")
            self._reload()
        self._refused.write(self.store, self.settings.refused, now)

    # Rules

    def _propose(self) -> None:
        """Put the configured ruleset in force, or log that it waits for a confirmation."""
        settings = self.settings.current
        proposal = rules.propose(self.store, settings.ruleset(), self.store.now(), calendars=settings.calendars)
        found = proposal.effects
        report = log.error if proposal.standing is rules.ProposalState.HELD else log.info
        report(
            "rules_proposed",
            standing=proposal.standing,
            created=found.created,
            updated=found.updated,
            removed=found.removed,
            orphaned=found.orphaned,
        )

    def _follow_ruleset(self) -> Ruleset:
        """Return the ruleset in force; follow one that another host put in force."""
        if not self._proposed:
            self._propose()
            self._proposed = True  # only now: if the store failed, it is tried again
        newest = self.store.read(rulesets.newest_id)
        if self._ruleset is None or newest != self._ruleset_id:
            in_force = self.store.read(rulesets.in_force)
            if in_force is None:
                raise AssertionError("a worker proposes its ruleset before it follows one")
            self._stop_servers()
            self._start_servers(in_force.ruleset)
            self._ruleset, self._ruleset_id = in_force.ruleset, in_force.id
        return self._ruleset

    def _reload(self) -> None:
        if self.settings.reload():
            self._watch = FileWatch(self.settings.current.watched)
            self._proposed = self._took_up = False  # the organisations of secrets may have changed
            self._ruleset = None  # connections and policies may have changed: restart the server threads

    def _report_plan(self, now: datetime) -> None:
        """Log how many changes would be written, whenever that number changes."""
        planned = self.store.read(placements.count_due, now)
        if planned != self._planned:
            log.info("dry_run", changes=planned)
            self._planned = planned

    # Server threads

    def _start_servers(self, ruleset: Ruleset) -> None:
        settings, installation = self.settings.current, self.store.installation()
        if not settings.dry_run:
            self._start_threads(settings, ruleset, installation.digest_key)
        self._periodic = Periodic(self.store, settings, ruleset, self._servers, installation.id)

    def _start_threads(self, settings: Settings, ruleset: Ruleset, key: bytes) -> None:
        self.store.write(
            failures.retry_mailboxes, Chosen(code=OTHER_INSTALLATION)
        )  # the settings may now allow the other installations
        tags = {name: account_tag.tag(calendar, key) for name, calendar in settings.calendars.items()}
        self._servers = [
            ServerThreads(
                name, connector, settings.calendars[name].connections, self.store, ruleset, tags[name], settings.served
            )
            for name, connector in self.connect(settings).items()
        ]
        for server in self._servers:
            server.start()

    def _stop_servers(self) -> None:
        periodic, self._periodic = self._periodic, None
        if periodic:
            periodic.stop()
        for server in self._servers:
            server.stop()
        deadline = time.monotonic() + GRACE_S
        if periodic:
            periodic.join(deadline)  # before the connections that it uses are closed
        for server in self._servers:
            server.join(deadline)
        self._servers = []


def _report(judged: Judged) -> None:
    """Log the verdict on a webhook; the web process logged its arrival."""
    receipt = judged.receipt
    if receipt is None:
        log.error("not_judged", delivery=judged.delivery, source=judged.source)
        return
    more = {"ambiguous": True} if receipt.ambiguous else {}
    log.info("judged", delivery=judged.delivery, source=judged.source, status=receipt.verdict, uid=receipt.uid, **more)


def _report_spoilt(uid: str) -> None:
    """Log an event that cannot be settled. Called in an `except` block."""
    log.exception("not_settled", uid=uid)  # noqa: LOG004


def _decide(ruleset: Ruleset, view: EventView, now: datetime) -> Decision:
    decision = ruleset.compute_desired(view, now)
    if decision.failure is not None:
        log.error("event_failed", uid=view.uid, code=decision.failure)
    return decision


def run(settings: Reloadable, store: Store, connect: Connect) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    worker = Worker(settings, store, connect)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    signal.signal(signal.SIGHUP, lambda *_: worker.reload())
    try:
        worker.run()
    except CallsStuck as error:
        log.error("calls_stuck", calendar=str(error))
        sys.exit(STUCK_STATUS)
    except SchemaLost as error:
        log.error(str(error))
        sys.exit(1)
