"""The worker's life: judge what came in, settle what changed, wake the crews, keep house; reload, stop when told to."""

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
from receiver.config.file_watch import FileWatch
from receiver.core.desired import Decision, EventView
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.ruleset import Ruleset
from receiver.core.scope import Authority
from receiver.operations import rules
from receiver.operations.refused_configuration import Word
from receiver.store import Chosen, Judged, Store, StoreUnavailable, Wakeup, worker_name
from receiver.worker import account_tag
from receiver.worker.periodic import Lookout
from receiver.worker.server_threads import CallsStuck, Crew

log = logs.get("worker")

IDLE_S = 2.0
"""Work becomes due by time too, and without word of it: for so long at most nobody looks."""
STORE_PAUSE_S = 2.0
GRACE_S = 60.0
"""A call in hand may take so long to end; the supervisor's patience is a little longer."""
STUCK_STATUS = 75
"""Status of a process that wants to be started anew: EX_TEMPFAIL of sysexits.h."""
BEAT_EVERY = timedelta(seconds=5)
DUES_EVERY = timedelta(minutes=1)
"""A worker of the schema before announces nothing; a block may be lifted while something is being announced."""
WAITS_EVERY = timedelta(minutes=1)
"""An earlier version may work beside this one, and record waits of any length."""
PURGE_EVERY = timedelta(hours=1)
PURGE_ON = timedelta(seconds=1)
"""While something was left to purge: of a large journal only a little goes at a time, and work goes on meanwhile."""
IDLE_NEWS_EVERY = timedelta(minutes=1)

Connect = Callable[[Settings], Mapping[str, Connector]]
"""Builds the connectors that some settings ask for."""


class SchemaLost(Exception):
    """The store is no more one that this program can use."""


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
        self._beat_due = self._dues_due = self._waits_due = self._purge_due = datetime.min.replace(tzinfo=UTC)
        self._idle_news_due = self._beat_due
        self._installation: str | None = None
        self._crews: list[Crew] = []
        self._lookout: Lookout | None = None
        self._ruleset: Ruleset | None = None
        self._ruleset_id: int | None = None
        self._proposed = self._took_up = False
        self._planned = -1
        self._watch = FileWatch(self.settings.current.watched)
        self._word = Word("worker")

    def stop(self) -> None:
        """Ask the loop to end once the calls in hand are done."""
        self._stopping.set()
        self._wake()

    def reload(self) -> None:
        """Ask the loop to read the configuration anew."""
        self._reloading.set()
        self._wake()

    def _wake(self) -> None:
        if self._wakeup:
            self._wakeup.wake()

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            CallsStuck: too many calls never came back; a new process must go on.
            SchemaLost: a newer program must go on.

        """
        log.info("worker_started", name=self.name, dry_run=self.settings.current.dry_run)
        try:
            with closing(self.store.wakeup()) as self._wakeup:
                while not self._stopping.is_set():
                    self._wakeup.wait(self._guarded_turn())
        finally:
            self._stop_crews()  # whatever happened: their threads would keep the process alive
        with suppress(StoreUnavailable):
            self.store.say_goodbye(self.name)  # who ends without one is taken for dead
        log.info("worker_stopped", name=self.name)

    def _guarded_turn(self) -> float:
        """Do what there is to do; return how long to wait before the next time."""
        try:
            return 0 if self._turn() else IDLE_S
        except StoreUnavailable as error:
            log.error("store_unavailable", code=str(error), cause=error.refusal.cause)
            self._stopping.wait(STORE_PAUSE_S)
            return 0

    def _turn(self) -> bool:
        """Do once what there is to do; return whether more may wait."""
        now = self.store.now()
        if self._reloading.is_set():
            self._reloading.clear()
            self._reload()
        self._keep_house(now)
        judged = self._judge(now)
        if not self._may_write(now):
            return judged
        ruleset = self._follow_ruleset()
        settled = 0
        if self.store.has_unsettled():
            settled = self.store.settle(lambda view: _decide(ruleset, view, now), now, spoilt=_report_spoilt)
        if self.settings.current.dry_run:
            self._report_plan(now)
        self._wake_crews(now)
        if self._lookout:
            self._lookout.tick(now)
        return judged or settled > 0

    def _judge(self, now: datetime) -> bool:
        """Judge webhooks that came in; return whether more may wait."""
        if not self._took_up:
            self.store.judge_again()
            self.store.judge_out_of_scope(self._authorities(), now)
            self.store.settle_again(now)
            self._took_up = True
        judged = self.store.judge(now, waits=False)  # another worker that judges holds up nothing else
        for each in judged:
            _report(each)
        return bool(judged)

    def _authorities(self) -> Mapping[str, Callable[[str], Authority | None]]:
        """Return what tells for whom the secrets of each source may speak."""
        key = self.store.installation().digest_key
        return {name: authority_of(source, key) for name, source in self.settings.current.sources.items()}

    def _wake_crews(self, now: datetime) -> None:
        for crew in self._crews:
            crew.look_after()
            if crew.gate.may_open(now) and self.store.has_work(crew.calendar, now):
                crew.wake()

    def _may_write(self, now: datetime) -> bool:
        """Whether entries may be written. Where they may not, neither is anything settled."""
        if self.store.hold_if_behind(now):
            log.error("store_behind")
        installation = self.store.installation()
        if installation.id != self._installation:
            log.info("installation", id=installation.id)
            self._installation = installation.id
            self._ruleset = None  # what the crews write bears the name: they start anew
        if installation.may_write:
            return True
        for crew in self._crews:
            crew.look_after()
        if now >= self._idle_news_due:
            log.warning("nothing_is_written", code="must_adopt" if installation.must_adopt else "uninstalled")
            self._idle_news_due = now + IDLE_NEWS_EVERY
        return False

    def _keep_house(self, now: datetime) -> None:
        if now >= self._beat_due:
            self._check_schema()
            self.store.beat(self.name, now)
            self._beat_due = now + BEAT_EVERY
            if self._watch.changed():
                log.info("watched_file_changed")
                self._reload()
            self._word.leave(self.store, self.settings.refused, now)
        if now >= self._dues_due:
            self.store.make_up_dues(now)
            self._dues_due = now + DUES_EVERY
        if now >= self._waits_due:
            self.store.shorten_waits(now)
            self._waits_due = now + WAITS_EVERY
        if now >= self._purge_due:
            settings = self.settings.current
            purged = self.store.purge_some(now, settings.tombstone_days, settings.journal_days).total()
            log.info("purged", count=purged)
            goes_on = self.store.note_unused(now) or purged
            self._purge_due = now + (PURGE_ON if goes_on else PURGE_EVERY)

    def _check_schema(self) -> None:
        """Stop where a newer program changed the store so that we would read or write it wrongly."""
        standing = self.store.standing()
        if not standing.usable:
            raise SchemaLost(standing)

    # Rules

    def _propose(self) -> None:
        """Put the configuration's mapping and policies in force, or say that they wait for a confirmation."""
        settings = self.settings.current
        proposal = rules.propose(self.store, settings.ruleset(), self.store.now(), calendars=settings.calendars)
        found = proposal.effects
        report = log.error if proposal.standing is rules.Standing.HELD else log.info
        report(
            "rules_proposed",
            standing=proposal.standing,
            created=found.created,
            updated=found.updated,
            removed=found.removed,
            orphaned=found.orphaned,
        )

    def _follow_ruleset(self) -> Ruleset:
        """Return the ruleset in force; when another host put a new one in force, follow it."""
        if not self._proposed:
            self._propose()
            self._proposed = True  # only now: a store that is away is asked again
        newest = self.store.ruleset_id()
        if self._ruleset is None or newest != self._ruleset_id:
            in_force = self.store.ruleset()
            if in_force is None:
                raise AssertionError("a worker proposes its ruleset before it follows one")
            self._stop_crews()
            self._start_crews(in_force.ruleset)
            self._ruleset, self._ruleset_id = in_force.ruleset, in_force.id
        return self._ruleset

    def _reload(self) -> None:
        if self.settings.reload():
            self._watch = FileWatch(self.settings.current.watched)
            self._proposed = self._took_up = False  # secrets may be bound to other organisations
            self._ruleset = None  # connections, policies, or both may be others: the crews start anew

    def _report_plan(self, now: datetime) -> None:
        """Say what would be written, whenever that changes."""
        planned = self.store.count_due(now)
        if planned != self._planned:
            log.info("dry_run", changes=planned)
            self._planned = planned

    # Crews

    def _start_crews(self, ruleset: Ruleset) -> None:
        settings, installation = self.settings.current, self.store.installation()
        if not settings.dry_run:
            self._hire(settings, ruleset, installation.digest_key)
        self._lookout = Lookout(self.store, settings, ruleset, self._crews, installation.id)

    def _hire(self, settings: Settings, ruleset: Ruleset, key: bytes) -> None:
        self.store.retry_mailboxes(Chosen(code=OTHER_INSTALLATION))  # the settings may let others stand there now
        tags = {name: account_tag.tag(calendar, key) for name, calendar in settings.calendars.items()}
        self._crews = [
            Crew(
                name, connector, settings.calendars[name].connections, self.store, ruleset, tags[name], settings.served
            )
            for name, connector in self.connect(settings).items()
        ]
        for crew in self._crews:
            crew.start()

    def _stop_crews(self) -> None:
        lookout, self._lookout = self._lookout, None
        if lookout:
            lookout.stop()
        for crew in self._crews:
            crew.stop()
        deadline = time.monotonic() + GRACE_S
        if lookout:
            lookout.join(deadline)  # before the connections are closed that it asks over
        for crew in self._crews:
            crew.join(deadline)
        self._crews = []


def _report(judged: Judged) -> None:
    """Leave a line of what became of a webhook; the web process left one of its arrival."""
    receipt = judged.receipt
    if receipt is None:
        log.error("not_judged", delivery=judged.delivery, source=judged.source)
        return
    more = {"ambiguous": True} if receipt.ambiguous else {}
    log.info("judged", delivery=judged.delivery, source=judged.source, status=receipt.verdict, uid=receipt.uid, **more)


def _report_spoilt(uid: str) -> None:
    """Leave a line of an event that cannot be settled. Called in an `except` block."""
    log.exception("not_settled", uid=uid)  # noqa: LOG004


def _decide(ruleset: Ruleset, view: EventView, now: datetime) -> Decision:
    decision = ruleset.decide(view, now)
    if decision.failure is not None:
        log.error("event_failed", uid=view.uid, code=decision.failure)
    return decision


def run(settings: Reloadable, store: Store, connect: Connect) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; SIGHUP reads the configuration anew."""
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
