"""Periodic tasks.

`housekeeping` returns tasks that run between two turns of the worker's loop, in its thread. `Periodic` runs the others
beside the work: counts, questions to servers and platforms, the nightly audit. Each of its tasks has a thread of its
own, so that none delays the work or another task. Failures there are logged and do not change a server's state, except
for one question: whether a server answers that was not called for a while. One worker of all hosts takes each figure.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from connectors.base import Certificate, ConnectorError
from receiver import logs
from receiver.config import ApiSettings, EwsCalendar, Reloadable, Settings, Source
from receiver.core.ruleset import Ruleset
from receiver.core.servers import ServerState
from receiver.operations import lost_names, unmapped
from receiver.operations.audit import nightly
from receiver.operations.erasure import note_unused
from receiver.store import Store, StoreUnavailable, counters
from receiver.store.reports import status as stored_status
from receiver.store.tools import failures, retention, unused
from receiver.store.work import dues
from receiver.store.work import servers as stored_servers
from receiver.worker.server_threads import GateClosed, Interrupted, ServerThreads

log = logs.get("worker")

BEAT_EVERY = timedelta(seconds=5)
DUES_EVERY = timedelta(minutes=1)
"""Workers of the former schema add no rows of due work; and a block may end while a row is being added."""
WAITS_EVERY = timedelta(minutes=1)
"""A worker of an earlier version may run at the same time, and record waits of any length."""
PURGE_EVERY = timedelta(hours=1)
PURGE_ON = timedelta(seconds=1)
"""The interval while rows are left to purge: a large journal is dropped in small parts, between other work."""
COUNT_EVERY = timedelta(minutes=1)
LOOK_EVERY = timedelta(hours=6)
LOOK_AGAIN = timedelta(minutes=15)
"""The interval after a check that failed or found a trouble: its repair should show soon."""
HEARD_WITHIN = timedelta(minutes=5)
"""After this time without an answer a server is asked whether it answers: without work no failure would be noticed."""
REACH_CHECKED = timedelta(minutes=1)
REACH_AGAIN = timedelta(seconds=2)
"""Between two checks whether the pause of a failing server is over."""
ASKED_ABOUT = 2
"""How many mailboxes a silent server is asked about."""
NOBODY = "nobody"
"""The mailbox to ask about if none is known: the answer that it does not exist is an answer too."""
BUSY = timedelta(minutes=1)
"""The interval after a check that the gate did not admit in time."""
REFUSED = "sign_in_refused"
AUDIT_EVERY = timedelta(hours=20)
"""Less than a day, so that a nightly audit may begin a little earlier than the last one."""
QUESTION_LIMIT_S = 3600.0
"""How long the audit waits for a server that is in trouble or has work."""
AFTER_A_FAILURE = timedelta(minutes=1)


@dataclass
class Task:
    """A task that is repeated."""

    name: str
    every: timedelta
    run: Callable[[datetime], timedelta | None]
    """Does the task; may return another interval until the next run."""
    due: datetime | None = field(default=None, init=False)
    """None: due at once."""
    begun_at: datetime | None = field(default=None, init=False)
    """When it last began; if in the future, the clock was set back, and `due` is ignored."""
    thread: threading.Thread | None = field(default=None, init=False)

    def is_due(self, now: datetime) -> bool:
        """Whether to run again."""
        return self.due is None or now >= self.due or (self.begun_at is not None and now < self.begun_at)

    def do(self, now: datetime) -> None:
        """Run in the caller's thread. After a failure it is due at once."""
        wait = self.run(now)
        self.begun_at, self.due = now, now + (self.every if wait is None else wait)

    def start(self, now: datetime) -> None:
        """Run in a thread, unless it is running already."""
        if self.thread is None or not self.thread.is_alive():
            self.begun_at = now
            # A daemon: the process must be able to end though a call never returns.
            self.thread = threading.Thread(target=self._run, args=[now], name=f"periodic-{self.name}", daemon=True)
            self.thread.start()

    def _run(self, now: datetime) -> None:
        try:
            self.do(now)
        except StoreUnavailable as error:
            self.due = now + AFTER_A_FAILURE
            log.warning("errand_failed", name=self.name, code=str(error), cause=error.refusal.cause)
        except Exception:  # a bug in a periodic task must not stop the work
            self.due = now + AFTER_A_FAILURE
            log.exception("unforeseen", errand=self.name)


def housekeeping(store: Store, settings: Reloadable, beat: Callable[[datetime], timedelta | None]) -> tuple[Task, ...]:
    """Return the tasks that the loop runs between two turns, in this order."""
    position = unused.Round()

    def purge(now: datetime) -> timedelta | None:
        kept = settings.current.retention
        purged = store.write(retention.drop_old, now, kept.tombstone_days, kept.journal_days).total()
        log.info("purged", count=purged)
        return PURGE_ON if note_unused(store, position, now) or purged else None

    def make_up_dues(now: datetime) -> None:
        if store.read(dues.lacks_any, now):
            store.write(dues.make_up, now)

    def shorten_waits(now: datetime) -> None:
        store.write(failures.shorten_waits, now)

    return (
        Task("beat", BEAT_EVERY, beat),
        Task("dues", DUES_EVERY, make_up_dues),
        Task("waits", WAITS_EVERY, shorten_waits),
        Task("purge", PURGE_EVERY, purge),
    )


class Periodic:
    """The tasks of one worker process beside the work, while its server threads run."""

    def __init__(
        self, store: Store, settings: Settings, ruleset: Ruleset, servers: Sequence[ServerThreads], installation: str
    ) -> None:
        self._store, self._settings, self._ruleset = store, settings, ruleset
        self._servers = {server.calendar: server for server in servers}
        self._installation = installation
        self._stopping = threading.Event()
        self._looked: set[str] = set()
        """The tasks that this process has run since it started."""
        self._began_at: datetime | None = None
        """When this process could first ask the servers."""
        self._asked_to: dict[str, int] = {}
        """By source: up to which number the platform was asked about waiting webhooks."""
        self._tasks = tuple(self._all())

    def tick(self, now: datetime) -> None:
        """Begin the tasks that are due."""
        for task in self._tasks:
            if task.is_due(now):
                task.start(now)

    def stop(self) -> None:
        """Stop tasks that wait for a server or a platform."""
        self._stopping.set()

    def join(self, deadline: float) -> None:
        """Wait for running tasks, until a moment of the monotonic clock."""
        for task in self._tasks:
            if task.thread is not None:
                task.thread.join(max(deadline - time.monotonic(), 0.0))

    def _all(self) -> Iterator[Task]:
        yield Task("unmapped", COUNT_EVERY, self._count_unmapped)
        yield Task("lost_names", COUNT_EVERY, self._count_lost_names)
        yield Task("lost_sources", LOOK_AGAIN, self._count_lost_sources)
        for name, server in self._servers.items():
            yield Task(f"reach/{name}", REACH_CHECKED, partial(self._reach, server))
            if isinstance(self._settings.calendars.get(name), EwsCalendar):
                yield Task(f"certificate/{name}", LOOK_AGAIN, partial(self._check_certificate, server))
                yield Task(f"clock/{name}", LOOK_AGAIN, partial(self._check_clock, server))
        for source in self._settings.sources.values():
            if source.api is not None:
                ask = partial(self._ask_where_rdvs_belong, source, source.api)
                yield Task(f"belonging/{source.name}", COUNT_EVERY, ask)
        if self._servers and self._settings.audit.scheduled:
            yield Task("audit", LOOK_AGAIN, self._audit)

    def _count_unmapped(self, now: datetime) -> None:
        if self._store.write(counters.take_turn, "unmapped", COUNT_EVERY, now):
            self._note("unmapped", unmapped.count_unmapped(self._store, self._ruleset.mailboxes, now), now)

    def _count_lost_names(self, now: datetime) -> None:
        if self._counts_names("lost_names", now):
            lost_names.note(self._store, self._settings, now)

    def _count_lost_sources(self, now: datetime) -> timedelta | None:
        if not self._counts_names("lost_sources", now):
            return None
        # Rarely, as every event is read; but a repair shows within a minute.
        return COUNT_EVERY if lost_names.note_sources(self._store, self._settings, now) else None

    def _counts_names(self, task: str, now: datetime) -> bool:
        """Whether to count: it is this worker's turn, or its settings may be new, and lost names must show at once."""
        is_first = task not in self._looked
        self._looked.add(task)
        return self._store.write(counters.take_turn, task, COUNT_EVERY, now) or is_first

    # Servers without calls

    def _reach(self, server: ServerThreads, now: datetime) -> timedelta | None:
        """Ask a server whether it answers, if it failed or did not answer for a while, and no work calls it."""
        self._began_at = self._began_at or now
        name, task = server.calendar, f"reach/{server.calendar}"
        state = self._store.read(stored_servers.find, name) or ServerState(name)
        if state.failure is None and state.is_heard(self._began_at, now, HEARD_WITHIN):
            return min(REACH_CHECKED, (state.succeeded_at or self._began_at) + HEARD_WITHIN - now)
        again = REACH_AGAIN if state.failure else None
        if state.is_blocked(now) or not (mailboxes := self._to_ask_about(name)):
            return again
        # While it fails, all hosts share the pause after each failure and the single probe.
        if state.failure is None and not self._store.write(counters.take_turn, task, HEARD_WITHIN, now):
            return None
        try:
            server.ask_whether_it_answers(self._stopping, mailboxes)
        except (GateClosed, Interrupted):
            if state.failure is None:
                self._store.write(counters.set_turn_back, task, now - HEARD_WITHIN)
            return again
        except ConnectorError as error:
            log.warning("server_does_not_answer", calendar=name, code=error.code)
            return REACH_AGAIN
        return None

    def _to_ask_about(self, calendar: str) -> list[str]:
        """Return up to `ASKED_ABOUT` addresses; none if no agent can have a mailbox on this server."""
        mapped = self._ruleset.mailboxes
        known = self._store.read(stored_status.to_ask_about, calendar, ASKED_ABOUT)
        known += sorted(each.address for each in mapped.addresses.values() if each.calendar == calendar)
        if calendar == mapped.default_calendar:
            known += [f"{NOBODY}@{domain}" for domain in sorted(mapped.domains.values())]
        return list(dict.fromkeys(address for address in known if address.isascii()))[:ASKED_ABOUT]

    # Certificates and clocks

    def _check_certificate(self, server: ServerThreads, now: datetime) -> timedelta | None:
        task = f"certificate/{server.calendar}"
        if not self._takes(task, now):
            return None
        shown = server.connector.certificate() or Certificate()
        if shown.code:
            log.warning("certificate_look_failed", calendar=server.calendar, code=shown.code)
        if shown.expires_at is None:
            return self._run_again(task, LOOK_AGAIN, now) if shown.code else LOOK_EVERY  # otherwise there is no TLS
        self._note(task, int(shown.expires_at.timestamp()), now)
        soon = shown.expires_at - now < self._settings.alerts.thresholds.certificate_warning
        return self._run_again(task, LOOK_AGAIN, now) if shown.code or soon else None

    def _check_clock(self, server: ServerThreads, now: datetime) -> timedelta | None:
        task = f"clock/{server.calendar}"
        mailbox = self._store.read(stored_status.last_written, server.calendar)
        if mailbox is None or not self._takes(task, now):
            return BUSY if mailbox is None else None
        try:
            ahead_s = server.for_questions(self._stopping).probe(mailbox.address).clock_ahead_s
        except (GateClosed, Interrupted):
            return self._run_again(task, BUSY, now)
        except ConnectorError as error:
            log.warning("clock_look_failed", calendar=server.calendar, code=error.code)
            return self._run_again(task, LOOK_AGAIN, now)
        if ahead_s is not None:
            ahead_s = round(ahead_s)
            self._note(task, ahead_s, now)
            if abs(ahead_s) > self._settings.alerts.thresholds.clock_off.total_seconds():
                return self._run_again(task, LOOK_AGAIN, now)
        return None

    # Organisations of RDVs that are out of scope

    def _ask_where_rdvs_belong(self, source: Source, settings: ApiSettings, now: datetime) -> None:
        # Imported only if configured: other workers do not use the platform's API.
        from receiver.operations import held_organisations  # noqa: PLC0415

        task = f"belonging/{source.name}"
        if not held_organisations.is_asked(self._store, source) or self._was_refused(task, now):
            return
        if not self._store.write(counters.take_turn, task, LOOK_AGAIN, now):
            return
        with closing(held_organisations.open_api(settings)) as api:
            after = self._asked_to.get(source.name, 0)
            found = held_organisations.ask_platform(self._store, source, api, after, self._stopping.wait)
        self._asked_to[source.name] = found.last
        log.info(
            "belonging_asked",
            source=source.name,
            released=found.released,
            dropped=found.dropped,
            unanswered=found.unanswered,
            code=found.trouble,
        )
        if found.trouble == REFUSED:
            self._note(f"refused/{task}", 1, now)

    def _was_refused(self, task: str, now: datetime) -> bool:
        """Whether the account was refused not long ago: repeated attempts would lock it. A new process may try once."""
        is_first = task not in self._looked
        self._looked.add(task)
        refused = None if is_first else self._store.read(counters.figures_named).get(f"refused/{task}")
        return refused is not None and now - refused.taken_at < LOOK_EVERY

    def _takes(self, task: str, now: datetime) -> bool:
        """Whether to check: it is due, or this process has just started and no worker checked a moment ago."""
        every = LOOK_EVERY if task in self._looked else LOOK_AGAIN
        self._looked.add(task)
        return self._store.write(counters.take_turn, task, every, now)

    def _run_again(self, task: str, wait: timedelta, now: datetime) -> timedelta:
        self._store.write(counters.set_turn_back, task, now - LOOK_EVERY + wait)
        return wait

    # The audit of the night

    def _audit(self, now: datetime) -> timedelta | None:
        if not nightly.is_time(self._installation, now):
            return COUNT_EVERY
        if not self._store.write(counters.take_turn, "audit", AUDIT_EVERY, now):
            return None
        connectors = {
            name: server.for_questions(self._stopping, QUESTION_LIMIT_S) for name, server in self._servers.items()
        }
        try:
            night = nightly.run(self._store, self._settings, connectors)
        except (Interrupted, StoreUnavailable):
            night = None
        if night is None:  # it begins again while the night lasts, else in the next one
            log.warning("audit_given_up", interrupted=self._stopping.is_set())
            self._store.write(counters.set_turn_back, "audit", now - AUDIT_EVERY)
            return None
        nightly.remember(self._store, night)
        counts = {kind.value: count for kind, count in night.counts.items()}
        log.info("audited", mailboxes=night.looked_into, left_out=night.left_out, **counts)
        return None

    def _note(self, figure: str, value: int, now: datetime) -> None:
        self._store.write(counters.record, {}, {figure: value}, now)
