"""Leaves word of what no webhook and no write tells: what pages, metrics and alerts show beside the work.

Each figure is taken by one worker of all hosts. What goes wrong here is told in the log, and is no trouble of a server.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial

from connectors.base import Certificate, ConnectorError, Probe
from receiver import logs
from receiver.config import ApiSettings, EwsCalendar, Settings, Source
from receiver.core.ruleset import Ruleset
from receiver.operations import lost_names, unmapped
from receiver.operations.audit import nightly
from receiver.store import Store, StoreUnavailable
from receiver.worker.errands import Errand, Errands
from receiver.worker.server_threads import Crew, GateClosed
from receiver.worker.visits import Interrupted, Visitor

log = logs.get("worker")

COUNT_EVERY = timedelta(minutes=1)
LOOK_EVERY = timedelta(hours=6)
LOOK_AGAIN = timedelta(minutes=15)
"""After a look that failed, or that showed a trouble: who puts it right wants to see that soon."""
BUSY = timedelta(minutes=1)
"""After a look for which the server had no time."""
REFUSED = "sign_in_refused"
AUDIT_EVERY = timedelta(hours=20)
"""A night's audit may begin a little earlier than the last one did."""


class Lookout:
    """One worker process on the lookout, for as long as its crews stand."""

    def __init__(
        self, store: Store, settings: Settings, ruleset: Ruleset, crews: Sequence[Crew], installation: str
    ) -> None:
        self._store, self._settings, self._ruleset = store, settings, ruleset
        self._crews = {crew.calendar: crew for crew in crews}
        self._installation = installation
        self._stopping = threading.Event()
        self._looked: set[str] = set()
        """Tasks that this process has had a look at since it started."""
        self._asked_to: dict[str, int] = {}
        """By source: up to which number the platform was asked about what waits."""
        self._errands = Errands(self._all())

    def tick(self, now: datetime) -> None:
        """Begin what is due."""
        self._errands.tick(now)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def join(self, deadline: float) -> None:
        """Wait for what is under way, until a moment of the monotonic clock."""
        self._errands.join(deadline)

    def _all(self) -> Iterator[Errand]:
        yield Errand("unmapped", self._count_unmapped)
        yield Errand("lost_names", self._count_lost_names)
        for name, crew in self._crews.items():
            if isinstance(self._settings.calendars.get(name), EwsCalendar):
                yield Errand(f"certificate/{name}", partial(self._look_at_certificate, crew))
                yield Errand(f"clock/{name}", partial(self._look_at_clock, crew))
        for source in self._settings.sources.values():
            if source.api is not None:
                yield Errand(f"belonging/{source.name}", partial(self._ask_where_rdvs_belong, source, source.api))
        if self._crews and self._settings.scheduled_audit:
            yield Errand("audit", self._audit)

    def _count_unmapped(self, now: datetime) -> timedelta:
        if self._store.take_turn("unmapped", COUNT_EVERY, now):
            self._note("unmapped", unmapped.count_unmapped(self._store, self._ruleset.mailboxes, now), now)
        return COUNT_EVERY

    def _count_lost_names(self, now: datetime) -> timedelta:
        is_first = "lost_names" not in self._looked  # the settings may be new: what they lack shows at once
        self._looked.add("lost_names")
        if self._store.take_turn("lost_names", COUNT_EVERY, now) or is_first:
            lost_names.note(self._store, self._settings, now)
        return COUNT_EVERY

    # The doors of a server

    def _look_at_certificate(self, crew: Crew, now: datetime) -> timedelta:
        task = f"certificate/{crew.calendar}"
        if not self._takes(task, now):
            return LOOK_AGAIN
        shown = crew.connector.certificate() or Certificate()
        if shown.code:
            log.warning("certificate_look_failed", calendar=crew.calendar, code=shown.code)
        if shown.expires_at is None:
            return self._come_again(task, LOOK_AGAIN, now) if shown.code else LOOK_EVERY  # else there is no TLS
        self._note(task, int(shown.expires_at.timestamp()), now)
        soon = shown.expires_at - now < self._settings.alerts.thresholds.certificate_warning
        return self._come_again(task, LOOK_AGAIN, now) if shown.code or soon else LOOK_AGAIN

    def _look_at_clock(self, crew: Crew, now: datetime) -> timedelta:
        task = f"clock/{crew.calendar}"
        mailbox = self._store.last_written(crew.calendar)
        if mailbox is None or not self._takes(task, now):
            return BUSY if mailbox is None else LOOK_AGAIN
        try:
            ahead_s = _ahead_s(crew.ask(lambda connector: connector.probe(mailbox.address)))
        except GateClosed:
            return self._come_again(task, BUSY, now)
        except ConnectorError as error:
            log.warning("clock_look_failed", calendar=crew.calendar, code=error.code)
            return self._come_again(task, LOOK_AGAIN, now)
        if ahead_s is not None:
            self._note(task, ahead_s, now)
            if abs(ahead_s) > self._settings.alerts.thresholds.clock_off.total_seconds():
                return self._come_again(task, LOOK_AGAIN, now)
        return LOOK_AGAIN

    # The platform's word on what is out of scope

    def _ask_where_rdvs_belong(self, source: Source, settings: ApiSettings, now: datetime) -> timedelta:
        # Loaded where it is configured: no other worker asks the platform anything.
        from receiver.operations import held_organisations  # noqa: PLC0415

        task = f"belonging/{source.name}"
        if not held_organisations.is_asked(self._store, source) or self._was_refused(task, now):
            return COUNT_EVERY
        if not self._store.take_turn(task, LOOK_AGAIN, now):
            return COUNT_EVERY
        with closing(held_organisations.open_api(settings)) as api:
            after = self._asked_to.get(source.name, 0)
            found = held_organisations.look(self._store, source, api, after, self._stopping.wait)
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
        return COUNT_EVERY

    def _was_refused(self, task: str, now: datetime) -> bool:
        """Whether an account was refused a while ago: to try again and again would lock it. A new process may try."""
        is_first = task not in self._looked
        self._looked.add(task)
        refused = None if is_first else self._store.figures().get(f"refused/{task}")
        return refused is not None and now - refused.taken_at < LOOK_EVERY

    def _takes(self, task: str, now: datetime) -> bool:
        """Whether to look: it is time, or this process has just started and nobody looked a moment ago."""
        every = LOOK_EVERY if task in self._looked else LOOK_AGAIN
        self._looked.add(task)
        return self._store.take_turn(task, every, now)

    def _come_again(self, task: str, wait: timedelta, now: datetime) -> timedelta:
        self._store.set_turn_back(task, now - LOOK_EVERY + wait)
        return wait

    # The audit of the night

    def _audit(self, now: datetime) -> timedelta:
        if not nightly.is_time(self._installation, now):
            return COUNT_EVERY
        if not self._store.take_turn("audit", AUDIT_EVERY, now):
            return LOOK_AGAIN
        visitors = {name: Visitor(crew, self._stopping) for name, crew in self._crews.items()}
        try:
            night = nightly.run(self._store, self._settings, visitors)
        except (Interrupted, StoreUnavailable):
            night = None
        if night is None:  # begun anew while the night lasts, else in the next one
            log.warning("audit_given_up", interrupted=self._stopping.is_set())
            self._store.set_turn_back("audit", now - AUDIT_EVERY)
            return LOOK_AGAIN
        nightly.remember(self._store, night)
        counts = {kind.value: count for kind, count in night.counts.items()}
        log.info("audited", mailboxes=night.looked_into, left_out=night.left_out, **counts)
        return LOOK_AGAIN

    def _note(self, figure: str, value: int, now: datetime) -> None:
        self._store.tally({}, {figure: value}, now)


def _ahead_s(probe: Probe) -> int | None:
    return None if probe.clock_ahead_s is None else round(probe.clock_ahead_s)
