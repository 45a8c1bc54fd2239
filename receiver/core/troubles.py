"""What is wrong, worked out from what was seen. Pages, commands, metrics and alerts all ask here.

A trouble is a code, never a sentence: the words stand in `receiver.sentences`, by code and by cause.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from receiver.core.refusal_reasons import (
    LEFT_ALONE,
    NEVER_HEARD,
    RIGHTLY_SIGNED,
    SIGNED_ELSEWHERE,
    SIGNED_UNKNOWN,
    WRONG_SIGNATURE,
)
from receiver.core.room import Disk, Room
from receiver.core.thresholds import Thresholds


class Colour(StrEnum):
    """How things go, as people are told it."""

    OK = "ok"
    """Webhooks are taken, and every entry is where it should be, or about to be."""
    ATTENTION = "attention"
    """Something is not as it should be, and passes by itself, was wished, or can wait until offices open."""
    ALARM = "alarm"
    """Somebody must act: it does not pass by itself."""


class Severity(StrEnum):
    """The same of one trouble, under the names that metrics and the API have for it."""

    WARNING = "warning"
    """Attention."""
    ALARM = "alarm"

    @property
    def colour(self) -> Colour:
        """Return the colour that one trouble of this severity gives."""
        return Colour.ALARM if self is Severity.ALARM else Colour.ATTENTION


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
    DRY_RUN = "dry_run"
    CONFIGURATION_REFUSED = "configuration_refused"
    WEB_SILENT = "web_silent"
    WORKER_SILENT = "worker_silent"
    WORKER_RESTARTING = "worker_restarting"
    SERVER_FAILING = "server_failing"
    SERVER_WAITING = "server_waiting"
    MAILBOXES_FAILING = "mailboxes_failing"
    OTHER_INSTALLATION = "other_installation"
    ENTRIES_FAILING = "entries_failing"
    ENTRIES_RETRIED = "entries_retried"
    EVENTS_FAILING = "events_failing"
    CHANGES_LATE = "changes_late"
    RULES_HELD = "rules_held"
    CALENDAR_LOST = "calendar_lost"
    PLATFORM_LOST = "platform_lost"
    OUT_OF_SCOPE = "out_of_scope"
    WEBHOOKS_HELD = "webhooks_held"
    CANCELLATIONS_MARKED = "cancellations_marked"
    AGENTS_UNMAPPED = "agents_unmapped"
    SIGNATURES_REFUSED = "signatures_refused"
    WEBHOOKS_REFUSED = "webhooks_refused"
    ADDRESS_UNKNOWN = "address_unknown"
    BACKLOG_HIGH = "backlog_high"
    SOURCE_SILENT = "source_silent"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    DISK_LOW = "disk_low"
    CLOCK_OFF = "clock_off"
    CALENDARS_DIFFER = "calendars_differ"
    TOKEN_KEY_UNUSABLE = "token_key_unusable"  # noqa: S105  # nosec B105  # a trouble
    ALERTS_FAILING = "alerts_failing"


STORE_CODES = frozenset(code for code in Code if code.startswith("store_")) - {Code.STORE_BEHIND}
"""Where one of these is told, what else is wrong cannot be seen."""
FAMILIES: Mapping[Code, str] = dict.fromkeys(STORE_CODES, "store") | {Code.SERVER_WAITING: Code.SERVER_FAILING.value}
"""Codes that turn into each other while one trouble lasts."""


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
    until: datetime | None = None
    """Put right, it is still told until then at the latest; None: it goes within a minute, or as its cure says."""
    details: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """What its sentences name beside, by field: a file, a command."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two sights of a trouble the same one. Its cause may change while it lasts."""
        return FAMILIES.get(self.code, self.code), self.subject

    @property
    def colour(self) -> Colour:
        """What it makes of the whole."""
        return self.severity.colour


def colour(found: Iterable[Trouble]) -> Colour:
    """Return how things go: as the worst of the troubles says."""
    colours = {trouble.colour for trouble in found}
    return next((each for each in (Colour.ALARM, Colour.ATTENTION) if each in colours), Colour.OK)


def is_well(found: Iterable[Trouble]) -> bool:
    """Whether a screen may say that all is well, or that nothing fails. Every screen asks here before it does."""
    return colour(found) is Colour.OK


@dataclass(frozen=True, slots=True)
class ServerSight:
    """One calendar server, as the workers left word of it."""

    name: str
    failure: str | None = None
    since: datetime | None = None
    certificate_until: datetime | None = None
    clock_ahead: timedelta = timedelta()
    """How far the server's clock is before ours."""
    waits_until: datetime | None = None
    """Nothing is asked of it before then: it is in trouble, or asked for a pause."""
    looked_again_at: datetime | None = None
    """When its certificate and its clock are looked at next, at the latest."""


@dataclass(frozen=True, slots=True)
class SourceSight:
    """One source of webhooks."""

    name: str
    last_at: datetime | None = None
    silent_work: timedelta = timedelta()
    """Working time since then: nights, weekends and holidays left out."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Requests refused in the last 24 hours, by reason; of those that come again anyhow, the latest ones."""
    refused_until: Mapping[str, datetime] = field(default_factory=dict)
    """Until when these are counted if no more come, by reason."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Mailboxes, entries or events that share one cause."""

    cause: str
    count: int
    subject: str = ""
    """The calendar server they are on."""
    since: datetime | None = None
    until: datetime | None = None
    """When the last of them is tried again."""


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
class RefusedConfiguration:
    """A configuration that a process refused when it read it anew: it goes on with the one before."""

    process: str
    """Which process, on which host."""
    cause: str
    """``file`` or ``csv``: what cannot be used."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Unreached:
    """An address of `alerts.to` at which no alert arrives."""

    place: str
    """Where it stands in the configuration: ``alerts.to[0]``."""
    since: datetime


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
    dry_run: bool = False
    """Nothing is written, as the configuration wishes."""
    refusals: tuple[RefusedConfiguration, ...] = ()
    web_beat_at: datetime | None = None
    """None: no process that takes webhooks has left a sign of life yet."""
    worker_beat_at: datetime | None = None
    worker_deaths: int = 0
    """Workers that died in the last hour. Whoever supervises them starts new ones."""
    worker_deaths_since: datetime | None = None
    worker_deaths_until: datetime | None = None
    """When fewer than make a trouble are left, if no more die."""
    started_at: datetime | None = None
    """When the first process of this installation was seen: before a worker had time to beat, none is missed."""
    oldest_due_at: datetime | None = None
    """Since when the change waits that has waited longest; those of failing mailboxes and servers are left out."""
    removals_held: int = 0
    removals_held_since: datetime | None = None
    calendars_lost: Mapping[str, int] = field(default_factory=dict)
    """Calendars that are not configured, and how many entries to come each holds."""
    platforms_lost: Mapping[str, int] = field(default_factory=dict)
    """Platforms that no source has, and how many events to come each has."""
    agents_unmapped: int = 0
    set_aside: tuple[SetAside, ...] = ()
    servers: tuple[ServerSight, ...] = ()
    sources: tuple[SourceSight, ...] = ()
    mailboxes: tuple[Failing, ...] = ()
    others: tuple[Failing, ...] = ()
    """Mailboxes that nothing is written into for entries of other installations; the cause names those."""
    entries: tuple[Failing, ...] = ()
    retried: tuple[Failing, ...] = ()
    """Entries that were tried so often, in vain, that they are overdue; each is tried again."""
    events: tuple[Failing, ...] = ()
    strangers: int = 0
    """Webhooks of the last 24 hours for addresses that no source has."""
    strangers_until: datetime | None = None
    signed_strangers: int = 0
    """Those of them that are signed by a secret that is not known."""
    signed_strangers_until: datetime | None = None
    misdirected: int = 0
    """Requests of the last 24 hours that a known secret signed, for addresses that no source has."""
    misdirected_until: datetime | None = None
    backlog: float | None = None
    """What waits to be judged or worked out, as a share of the limit beyond which webhooks are refused; 1: beyond."""
    unreached: tuple[Unreached, ...] = ()
    token_key: str = ""
    """Why tokens can neither be made nor recognised; empty: they can, or need not."""
    differences: Mapping[str, int] = field(default_factory=dict)
    """What the last audit found, by kind."""
    audited_at: datetime | None = None
    disk: Disk | None = None
    """None: not ours to see."""


OTHER_ORGANISATION = "other_organisation"
"""The cause of what is out of scope: a secret signed for an organisation that is not its own."""
SET_ASIDE_FULL = "set_aside_full"
"""The same, and no more of it is kept."""


def troubles(seen: Snapshot, now: datetime, limits: Thresholds | None = None) -> list[Trouble]:
    """Return what is wrong, the worst first; of equal ones in the order of `Code`."""
    limits = limits or Thresholds()
    if seen.store:  # nothing else can be known then, but what the host itself shows
        trouble = Trouble(Code(seen.store), Severity.ALARM, cause=seen.store_cause, details=seen.store_details)
        found = [trouble, *_disk(seen)]
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
    if seen.dry_run:
        yield Trouble(Code.DRY_RUN, Severity.WARNING)


def _configuration(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.refusals:  # an alarm: at its next start that process cannot start
        yield Trouble(Code.CONFIGURATION_REFUSED, Severity.ALARM, each.process, each.cause, each.since)
    if seen.token_key:
        yield Trouble(Code.TOKEN_KEY_UNUSABLE, Severity.WARNING, cause=seen.token_key)


def _web(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if seen.web_beat_at is not None and now - seen.web_beat_at >= limits.web_silent:
        yield Trouble(Code.WEB_SILENT, Severity.ALARM, since=seen.web_beat_at)


def _worker(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    restarting = seen.worker_deaths >= limits.worker_deaths
    if restarting:
        since, count = seen.worker_deaths_since, seen.worker_deaths
        until = seen.worker_deaths_until
        yield Trouble(Code.WORKER_RESTARTING, Severity.ALARM, since=since, count=count, until=until)
    last = seen.worker_beat_at or seen.started_at
    limit = limits.worker_silent + (limits.worker_restart if restarting else timedelta())
    if last is not None and now - last >= limit:
        yield Trouble(Code.WORKER_SILENT, Severity.ALARM, since=last)


def _servers(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    for server in seen.servers:
        if server.failure:
            since, until = server.since, server.waits_until
            yield Trouble(Code.SERVER_FAILING, Severity.ALARM, server.name, server.failure, since, until=until)
        elif server.waits_until is not None:
            yield Trouble(Code.SERVER_WAITING, Severity.WARNING, server.name, until=server.waits_until)
        if abs(server.clock_ahead) > limits.clock_off:
            yield Trouble(Code.CLOCK_OFF, Severity.ALARM, server.name, until=server.looked_again_at)
        yield from _certificate(server, now, limits)


def _certificate(server: ServerSight, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if server.certificate_until is None:
        return
    left = server.certificate_until - now
    if left < limits.certificate_warning:
        severity = Severity.ALARM if left < limits.certificate_alarm else Severity.WARNING
        days, until = max(left.days, 0), server.looked_again_at
        yield Trouble(Code.CERTIFICATE_EXPIRING, severity, server.name, count=days, until=until)


def _mailboxes(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.mailboxes:
        yield _failing(Code.MAILBOXES_FAILING, Severity.ALARM, each)
    for each in seen.others:
        yield _failing(Code.OTHER_INSTALLATION, Severity.ALARM, each)


def _entries(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.entries:
        yield _failing(Code.ENTRIES_FAILING, Severity.ALARM, each)
    for each in seen.retried:
        yield _failing(Code.ENTRIES_RETRIED, Severity.WARNING, each)
    for each in seen.events:  # an alarm: no webhook to come need ever bring them into a calendar
        yield _failing(Code.EVENTS_FAILING, Severity.ALARM, each)


def _failing(code: Code, severity: Severity, each: Failing) -> Trouble:
    return Trouble(code, severity, each.subject, each.cause, each.since, each.count, each.until)


def _late(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if seen.must_adopt or seen.uninstalled_at is not None or seen.dry_run:
        return  # nothing is meant to be written
    if seen.oldest_due_at is not None and now - seen.oldest_due_at >= limits.change_late:
        yield Trouble(Code.CHANGES_LATE, Severity.ALARM, since=seen.oldest_due_at)


def _rules(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    if seen.removals_held:
        yield Trouble(Code.RULES_HELD, Severity.ALARM, since=seen.removals_held_since, count=seen.removals_held)
    for name, count in sorted(seen.calendars_lost.items()):  # until somebody confirms it, rules are held: an alarm
        yield Trouble(Code.CALENDAR_LOST, Severity.WARNING, name, count=count)
    for name, count in sorted(seen.platforms_lost.items()):  # an alarm: these entries follow no webhook any more
        yield Trouble(Code.PLATFORM_LOST, Severity.ALARM, name, count=count)
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
        yield from _refused(source, limits)
        if source.last_at is not None and source.silent_work >= limits.source_silent:
            yield Trouble(Code.SOURCE_SILENT, Severity.WARNING, source.name, since=source.last_at)
    yield from _misdirected(seen, limits)


def _misdirected(seen: Snapshot, limits: Thresholds) -> Iterator[Trouble]:
    code, warning = Code.ADDRESS_UNKNOWN, Severity.WARNING
    if seen.misdirected:  # an alarm: no robot has the secret, and what the emitter gives up on is lost
        until = seen.misdirected_until
        yield Trouble(code, Severity.ALARM, cause=SIGNED_ELSEWHERE, count=seen.misdirected, until=until)
    elif seen.strangers and any(source.last_at is None for source in seen.sources):
        # Robots ask for anything, but while a source is missed it can be its emitter that has the address wrong.
        yield Trouble(code, warning, cause=NEVER_HEARD, count=seen.strangers, until=seen.strangers_until)
    elif seen.signed_strangers >= limits.signed_strangers:
        count, until = seen.signed_strangers, seen.signed_strangers_until
        yield Trouble(code, warning, cause=SIGNED_UNKNOWN, count=count, until=until)


def _refused(source: SourceSight, limits: Thresholds) -> Iterator[Trouble]:
    for reason in sorted(source.refused.keys() - LEFT_ALONE):
        count, until = source.refused[reason], source.refused_until.get(reason)
        if reason == WRONG_SIGNATURE:
            if count >= limits.signatures_refused:
                yield Trouble(Code.SIGNATURES_REFUSED, Severity.ALARM, source.name, count=count, until=until)
        elif count:
            severity = Severity.ALARM if reason in RIGHTLY_SIGNED else Severity.WARNING
            yield Trouble(Code.WEBHOOKS_REFUSED, severity, source.name, reason, count=count, until=until)


def _disk(seen: Snapshot) -> Iterator[Trouble]:
    if seen.disk is not None and seen.disk.room is not Room.ENOUGH:
        severity = Severity.ALARM if seen.disk.room is Room.LACKING else Severity.WARNING
        yield Trouble(Code.DISK_LOW, severity, count=round(seen.disk.share * 100))


def _host(seen: Snapshot, _now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    yield from _disk(seen)
    if seen.backlog is not None and seen.backlog >= limits.backlog_high:
        severity = Severity.ALARM if seen.backlog >= 1 else Severity.WARNING
        yield Trouble(Code.BACKLOG_HIGH, severity)


def _alerts(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.unreached:  # an alarm: whoever is to act there hears of nothing
        yield Trouble(Code.ALERTS_FAILING, Severity.ALARM, each.place, since=each.since)


def _audit(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for kind in sorted(seen.differences):
        if seen.differences[kind]:
            count = seen.differences[kind]
            yield Trouble(Code.CALENDARS_DIFFER, Severity.WARNING, cause=kind, since=seen.audited_at, count=count)


_RULES = (
    _standing,
    _configuration,
    _web,
    _worker,
    _servers,
    _mailboxes,
    _entries,
    _late,
    _rules,
    _set_aside,
    _sources,
    _host,
    _audit,
    _alerts,
)
