"""What is wrong, worked out from what was seen. Pages, commands, metrics and alerts all ask here.

A trouble is a code, never a sentence: the words stand in `receiver.sentences`, by code and by cause.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody should look."""

    WARNING = "warning"
    """In the days to come."""
    ALARM = "alarm"
    """Now: calendars are wrong, or soon will be."""


class Code(StrEnum):
    """Every trouble there is. Stable: alerts, metrics and the runbook name them."""

    STORE_VANISHED = "store_vanished"
    STORE_UNREACHABLE = "store_unreachable"
    STORE_NOT_CURRENT = "store_not_current"
    STORE_TOO_NEW = "store_too_new"
    STORE_BEHIND = "store_behind"
    MUST_ADOPT = "must_adopt"
    MARKER_UNUSABLE = "marker_unusable"
    UNINSTALLED = "uninstalled"
    WORKER_SILENT = "worker_silent"
    WORKER_RESTARTING = "worker_restarting"
    SERVER_FAILING = "server_failing"
    MAILBOXES_FAILING = "mailboxes_failing"
    OTHER_INSTALLATION = "other_installation"
    ENTRIES_FAILING = "entries_failing"
    EVENTS_FAILING = "events_failing"
    CHANGES_LATE = "changes_late"
    RULES_HELD = "rules_held"
    OUT_OF_SCOPE = "out_of_scope"
    WEBHOOKS_HELD = "webhooks_held"
    CANCELLATIONS_MARKED = "cancellations_marked"
    AGENTS_UNMAPPED = "agents_unmapped"
    SIGNATURES_REFUSED = "signatures_refused"
    WEBHOOKS_REFUSED = "webhooks_refused"
    SOURCE_SILENT = "source_silent"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    DISK_LOW = "disk_low"
    CLOCK_OFF = "clock_off"
    CALENDARS_DIFFER = "calendars_differ"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    code: Code
    severity: Severity
    subject: str = ""
    """What has it: a server's or a source's name; empty where there is but one."""
    cause: str = ""
    """The code of what lies behind it, where that is known; with the trouble's own it chooses the cure."""
    since: datetime | None = None
    count: int = 0
    """How many are concerned: mailboxes, entries, agents, requests, days."""
    details: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """What its sentences name beside, by field: a file, a command."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two sights of a trouble the same one."""
        return self.code, self.subject, self.cause


@dataclass(frozen=True, slots=True)
class ServerSight:
    """One calendar server, as the workers left word of it."""

    name: str
    failure: str | None = None
    since: datetime | None = None
    certificate_until: datetime | None = None
    clock_ahead: timedelta = timedelta()
    """How far the server's clock is before ours."""


@dataclass(frozen=True, slots=True)
class SourceSight:
    """One source of webhooks."""

    name: str
    last_at: datetime | None = None
    silent_work: timedelta = timedelta()
    """Working time since then: nights, weekends and holidays left out."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Requests refused in the last 24 hours, by reason."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Mailboxes, entries or events that share one cause."""

    cause: str
    count: int
    subject: str = ""
    """The calendar server they are on."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Webhooks of one source that wait, for one reason, until somebody decides."""

    reason: str
    """``scope``, ``removal`` or ``cancellation``."""
    source: str
    count: int
    since: datetime | None = None
    full: bool = False
    """So many of one secret are kept that those which came after them were dropped."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that was seen at one moment. What could not be seen is left at its default."""

    store: str | None = None
    """Why the store cannot be used: a code of `Code`; None: it can."""
    store_cause: str = ""
    """Why that is so, as the store tells it."""
    store_details: tuple[tuple[str, str], ...] = ()
    """What the sentences about it name."""
    must_adopt: bool = False
    """The record may be older than the calendars: nothing is written before those have been read."""
    behind_since: datetime | None = None
    """Since when that is so because the record is an older copy that nobody said to be one; None: it is not."""
    marker: str | None = None
    """Why nothing is written for the marker's sake: a code; None: it can be used."""
    uninstalled_at: datetime | None = None
    """Since when nothing is written any more, as somebody wished."""
    worker_beat_at: datetime | None = None
    worker_deaths: int = 0
    """Workers that died in the last hour. Whoever supervises them starts new ones."""
    worker_deaths_since: datetime | None = None
    started_at: datetime | None = None
    """When the first process of this installation was seen: before a worker had time to beat, none is missed."""
    oldest_due_at: datetime | None = None
    """Since when the change waits that has waited longest; those of failing mailboxes and servers are left out."""
    removals_held: int = 0
    removals_held_since: datetime | None = None
    agents_unmapped: int = 0
    set_aside: tuple[SetAside, ...] = ()
    servers: tuple[ServerSight, ...] = ()
    sources: tuple[SourceSight, ...] = ()
    mailboxes: tuple[Failing, ...] = ()
    others: tuple[Failing, ...] = ()
    """Mailboxes that nothing is written into for entries of other installations; the cause names those."""
    entries: tuple[Failing, ...] = ()
    events: tuple[Failing, ...] = ()
    differences: Mapping[str, int] = field(default_factory=dict)
    """What the last audit found, by kind."""
    audited_at: datetime | None = None
    disk_free: float | None = None
    """Share of the store's disk that is free, from 0 to 1; None: not ours to see."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a trouble."""

    worker_silent: timedelta = timedelta(minutes=1)
    worker_deaths: int = 3
    """So many within an hour: the next one will not stay either."""
    worker_restart: timedelta = timedelta(minutes=2)
    """So long the new start of one that keeps dying may take: the supervisor's longest pause, and the start itself."""
    change_late: timedelta = timedelta(minutes=15)
    signatures_refused: int = 10
    """So many wrong signatures in a day: a secret was changed at one end, not two or three stray requests."""
    source_silent: timedelta = timedelta(hours=8)
    """Of working time."""
    certificate_warning: timedelta = timedelta(days=30)
    """Renewing one takes people some weeks."""
    certificate_alarm: timedelta = timedelta(days=7)
    disk_warning: float = 0.10
    disk_alarm: float = 0.03
    clock_off: timedelta = timedelta(minutes=2)
    """The age up to which a state may come from the future; beyond, webhooks are refused. Kerberos bears 5 minutes."""


WRONG_SIGNATURE = "unauthorized"
"""The reason for which a request was refused that tells of a wrong secret."""
NOT_UNDERSTOOD = frozenset({"payload", "age", "secret_organisation", "too_large", "unsupported_media_type"})
"""Reasons that tell of an emitter or a configuration that has changed. What is ignored on purpose is none."""
LEFT_ALONE = frozenset({"model", "organisation"})
"""Reasons for which a webhook is left alone though all is well with it: it concerns no calendar of ours."""

OTHER_ORGANISATION = "other_organisation"
"""The cause of what is out of scope: a secret signed for an organisation that is not its own."""
SET_ASIDE_FULL = "set_aside_full"
"""The same, and no more of it is kept."""


def troubles(seen: Snapshot, now: datetime, limits: Thresholds | None = None) -> list[Trouble]:
    """Return what is wrong, the worst first; of equal ones in the order of `Code`."""
    limits = limits or Thresholds()
    if seen.store:  # nothing else can be known then, but what the host itself shows
        trouble = Trouble(Code(seen.store), Severity.ALARM, cause=seen.store_cause, details=seen.store_details)
        found = [trouble, *_disk(seen, limits)]
    else:
        found = [trouble for rule in _RULES for trouble in rule(seen, now, limits)]
    order = list(Code)
    return sorted(found, key=lambda each: (each.severity is not Severity.ALARM, order.index(each.code)))


def _standing(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    if seen.must_adopt and seen.behind_since is not None:
        yield Trouble(Code.STORE_BEHIND, Severity.ALARM, since=seen.behind_since)
    elif seen.must_adopt:
        yield Trouble(Code.MUST_ADOPT, Severity.ALARM)
    if seen.marker:
        yield Trouble(Code.MARKER_UNUSABLE, Severity.ALARM, cause=seen.marker)
    if seen.uninstalled_at is not None:
        yield Trouble(Code.UNINSTALLED, Severity.WARNING, since=seen.uninstalled_at)


def _worker(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    restarting = seen.worker_deaths >= limits.worker_deaths
    if restarting:
        since, count = seen.worker_deaths_since, seen.worker_deaths
        yield Trouble(Code.WORKER_RESTARTING, Severity.ALARM, since=since, count=count)
    last = seen.worker_beat_at or seen.started_at
    limit = limits.worker_silent + (limits.worker_restart if restarting else timedelta())
    if last is not None and now - last >= limit:
        yield Trouble(Code.WORKER_SILENT, Severity.ALARM, since=last)


def _servers(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    for server in seen.servers:
        if server.failure:
            yield Trouble(Code.SERVER_FAILING, Severity.ALARM, server.name, server.failure, server.since)
        if abs(server.clock_ahead) > limits.clock_off:
            yield Trouble(Code.CLOCK_OFF, Severity.ALARM, server.name)
        yield from _certificate(server, now, limits)


def _certificate(server: ServerSight, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if server.certificate_until is None:
        return
    left = server.certificate_until - now
    if left < limits.certificate_warning:
        severity = Severity.ALARM if left < limits.certificate_alarm else Severity.WARNING
        yield Trouble(Code.CERTIFICATE_EXPIRING, severity, server.name, count=max(left.days, 0))


def _mailboxes(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.mailboxes:
        yield _failing(Code.MAILBOXES_FAILING, Severity.ALARM, each)
    for each in seen.others:
        yield _failing(Code.OTHER_INSTALLATION, Severity.ALARM, each)


def _entries(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.entries:
        yield _failing(Code.ENTRIES_FAILING, Severity.ALARM, each)
    for each in seen.events:
        yield _failing(Code.EVENTS_FAILING, Severity.WARNING, each)


def _failing(code: Code, severity: Severity, each: Failing) -> Trouble:
    return Trouble(code, severity, each.subject, each.cause, each.since, each.count)


def _late(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if seen.must_adopt or seen.uninstalled_at is not None:
        return  # nothing is meant to be written
    if seen.oldest_due_at is not None and now - seen.oldest_due_at >= limits.change_late:
        yield Trouble(Code.CHANGES_LATE, Severity.ALARM, since=seen.oldest_due_at)


def _rules(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    if seen.removals_held:
        yield Trouble(Code.RULES_HELD, Severity.ALARM, since=seen.removals_held_since, count=seen.removals_held)
    if seen.agents_unmapped:
        yield Trouble(Code.AGENTS_UNMAPPED, Severity.WARNING, count=seen.agents_unmapped)


_OF_REASON = {
    "scope": (Code.OUT_OF_SCOPE, Severity.ALARM),
    "removal": (Code.WEBHOOKS_HELD, Severity.ALARM),
    "cancellation": (Code.CANCELLATIONS_MARKED, Severity.WARNING),
}


def _set_aside(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.set_aside:
        code, severity = _OF_REASON[each.reason]
        cause = ""
        if code is Code.OUT_OF_SCOPE:
            cause = SET_ASIDE_FULL if each.full else OTHER_ORGANISATION
        yield Trouble(code, severity, each.source, cause, each.since, each.count)


def _sources(seen: Snapshot, _now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    for source in seen.sources:
        unsigned = source.refused.get(WRONG_SIGNATURE, 0)
        if unsigned >= limits.signatures_refused:
            yield Trouble(Code.SIGNATURES_REFUSED, Severity.ALARM, source.name, count=unsigned)
        for reason in sorted(source.refused.keys() & NOT_UNDERSTOOD):
            yield Trouble(Code.WEBHOOKS_REFUSED, Severity.WARNING, source.name, reason, count=source.refused[reason])
        if source.last_at is not None and source.silent_work >= limits.source_silent:
            yield Trouble(Code.SOURCE_SILENT, Severity.WARNING, source.name, since=source.last_at)


def _disk(seen: Snapshot, limits: Thresholds) -> Iterator[Trouble]:
    if seen.disk_free is not None and seen.disk_free < limits.disk_warning:
        severity = Severity.ALARM if seen.disk_free < limits.disk_alarm else Severity.WARNING
        yield Trouble(Code.DISK_LOW, severity, count=round(seen.disk_free * 100))


def _host(seen: Snapshot, _now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    yield from _disk(seen, limits)


def _audit(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for kind in sorted(seen.differences):
        if seen.differences[kind]:
            count = seen.differences[kind]
            yield Trouble(Code.CALENDARS_DIFFER, Severity.WARNING, cause=kind, since=seen.audited_at, count=count)


_RULES = (_standing, _worker, _servers, _mailboxes, _entries, _late, _rules, _set_aside, _sources, _host, _audit)
