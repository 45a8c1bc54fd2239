"""Which troubles a snapshot of the system shows. Pages, commands, metrics and alerts all use these rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.core.refusal_reasons import (
    IGNORED,
    NEVER_HEARD,
    SIGNED_ELSEWHERE,
    SIGNED_UNKNOWN,
    VALIDLY_SIGNED,
    WRONG_SIGNATURE,
)
from receiver.core.room import Disk, Room
from receiver.core.thresholds import Thresholds
from receiver.core.troubles import Code, Severity, Trouble


@dataclass(frozen=True, slots=True)
class SeenServer:
    """One calendar server, as the workers recorded it."""

    name: str
    failure: str | None = None
    since: datetime | None = None
    certificate_until: datetime | None = None
    clock_ahead: timedelta = timedelta()
    """How far the server's clock is ahead of ours."""
    waits_until: datetime | None = None
    """No call is made before then: it failed, or asked for a pause."""
    looked_again_at: datetime | None = None
    """When its certificate and its clock are next checked, at the latest."""


@dataclass(frozen=True, slots=True)
class SeenSource:
    """One source of webhooks."""

    name: str
    last_at: datetime | None = None
    silent_work: timedelta = timedelta()
    """Working time since then, without nights, weekends and holidays."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Requests refused in the last 24 hours, by reason; for reasons that emitters retry, only recent ones."""
    refused_until: Mapping[str, datetime] = field(default_factory=dict)
    """Until when these count if no more arrive, by reason."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Mailboxes, entries or events that fail for one cause."""

    cause: str
    count: int
    subject: str = ""
    """The calendar server they are on."""
    since: datetime | None = None
    until: datetime | None = None
    """When the last of them is retried."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Webhooks of one source that wait, for one reason, until an operator decides."""

    reason: str
    """``scope``, ``removal`` or ``cancellation``."""
    source: str
    count: int
    since: datetime | None = None
    full: bool = False
    """The limit for one secret is reached: later webhooks were dropped."""


@dataclass(frozen=True, slots=True)
class RefusedConfiguration:
    """A configuration that a process refused at a reload; it continues with the previous one."""

    process: str
    """Which process, on which host."""
    cause: str
    """``file`` or ``csv``: what cannot be used."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Unreached:
    """An address of `alerts.to` at which no alert arrives."""

    place: str
    """Its path in the configuration: ``alerts.to[0]``."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the rules need, read at one moment. What could not be read has its default."""

    store: str | None = None
    """A value of `Code`: why the store cannot be used; None: it can."""
    store_cause: str = ""
    """Code of the cause, from the store."""
    store_details: tuple[tuple[str, str], ...] = ()
    """`Trouble.details`, from the store."""
    must_adopt: bool = False
    """The store may be older than the calendars: nothing is written before the calendars have been read."""
    behind_since: datetime | None = None
    """Since when the store is known to be an older copy, by its marker; None: it is not."""
    marker: str | None = None
    """Code of why the marker cannot be used, so that nothing is written; None: it can."""
    uninstalled_at: datetime | None = None
    """Since when nothing is written any more: `uninstall` was run."""
    dry_run: bool = False
    """Nothing is written: the configuration says `dry_run`."""
    refusals: tuple[RefusedConfiguration, ...] = ()
    web_beat_at: datetime | None = None
    """The last beat of a web process; None: there was none yet."""
    worker_beat_at: datetime | None = None
    worker_deaths: int = 0
    """Workers that died in the last hour and that their supervisor started again."""
    worker_deaths_since: datetime | None = None
    worker_deaths_until: datetime | None = None
    """When the count falls below the threshold, if no more die."""
    started_at: datetime | None = None
    """When the first process of this installation started: from then on the first beats are waited for."""
    oldest_due_at: datetime | None = None
    """When the oldest due change became due, except for failing mailboxes and servers."""
    removals_held: int = 0
    removals_held_since: datetime | None = None
    calendars_lost: Mapping[str, int] = field(default_factory=dict)
    """Calendars that are not configured, with the number of coming entries in each."""
    platforms_lost: Mapping[str, int] = field(default_factory=dict)
    """Platforms that no source has, with the number of coming events of each."""
    sources_lost: Mapping[str, int] = field(default_factory=dict)
    """Sources that are not configured, with the number of coming events that each was the last to send."""
    agents_unmapped: int = 0
    set_aside: tuple[SetAside, ...] = ()
    servers: tuple[SeenServer, ...] = ()
    sources: tuple[SeenSource, ...] = ()
    mailboxes: tuple[Failing, ...] = ()
    others: tuple[Failing, ...] = ()
    """Mailboxes that are not written into because of another installation's entries; the cause is its id."""
    entries: tuple[Failing, ...] = ()
    retried: tuple[Failing, ...] = ()
    """Entries that are overdue after many failed attempts, and will be retried."""
    events: tuple[Failing, ...] = ()
    to_unknown: int = 0
    """Webhooks of the last 24 hours to addresses that no source has."""
    to_unknown_until: datetime | None = None
    signed_to_unknown: int = 0
    """Those of them that are signed with an unknown secret."""
    signed_to_unknown_until: datetime | None = None
    misdirected: int = 0
    """Requests of the last 24 hours that a known secret signed, for addresses that no source has."""
    misdirected_until: datetime | None = None
    backlog: float | None = None
    """The backlog of judging and settling as a share of the limit; from 1 on webhooks are refused."""
    has_recipients: bool = False
    """The configuration names addresses for alerts: a watch has to run."""
    watch_beat_at: datetime | None = None
    """The last beat of the process that sends alerts; None: there was none yet."""
    unreached: tuple[Unreached, ...] = ()
    token_key: str = ""
    """Code of why tokens can be neither issued nor verified; empty: they can, or pages are off."""
    differences: Mapping[str, int] = field(default_factory=dict)
    """Differences that the last audit found, by kind."""
    audited_at: datetime | None = None
    disk: Disk | None = None
    """None: the store is not on a disk of this host."""


OTHER_ORGANISATION = "other_organisation"
"""Cause of `OUT_OF_SCOPE`: a secret signed for an organisation that is not its own."""
SET_ASIDE_FULL = "set_aside_full"
"""Cause of `OUT_OF_SCOPE`: the same, and the limit is reached."""


def troubles(seen: Snapshot, now: datetime, limits: Thresholds | None = None) -> list[Trouble]:
    """Return the troubles that a snapshot shows: alarms first, then in the order of `Code`."""
    limits = limits or Thresholds()
    if seen.store:  # then only the host itself can be checked
        trouble = Trouble(Code(seen.store), Severity.ALARM, cause=seen.store_cause, details=seen.store_details)
        found = [trouble, *_disk(seen)]
    else:
        found = [trouble for rule in _RULES for trouble in rule(seen, now, limits)]
    order = list(Code)
    return sorted(found, key=lambda each: (each.severity is not Severity.ALARM, order.index(each.code)))


def _writing(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
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
    for each in seen.refusals:  # an alarm: the process could not start again
        yield Trouble(Code.CONFIGURATION_REFUSED, Severity.ALARM, each.process, each.cause, each.since)
    if seen.token_key:
        yield Trouble(Code.TOKEN_KEY_UNUSABLE, Severity.WARNING, cause=seen.token_key)


def _web(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    last = seen.web_beat_at or seen.started_at
    if last is not None and now - last >= limits.web_silent:
        yield Trouble(Code.WEB_SILENT, Severity.ALARM, since=last)


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


def _certificate(server: SeenServer, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
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
    for each in seen.events:  # an alarm: no later webhook is certain to bring them into a calendar
        yield _failing(Code.EVENTS_FAILING, Severity.ALARM, each)


def _failing(code: Code, severity: Severity, each: Failing) -> Trouble:
    return Trouble(code, severity, each.subject, each.cause, each.since, each.count, each.until)


def _late(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    if seen.must_adopt or seen.uninstalled_at is not None or seen.dry_run:
        return  # nothing should be written
    if seen.oldest_due_at is not None and now - seen.oldest_due_at >= limits.change_late:
        yield Trouble(Code.CHANGES_LATE, Severity.ALARM, since=seen.oldest_due_at)


def _rules(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    if seen.removals_held:
        yield Trouble(Code.RULES_HELD, Severity.ALARM, since=seen.removals_held_since, count=seen.removals_held)
    for name, count in sorted(seen.calendars_lost.items()):  # rules are held until they are confirmed: an alarm
        yield Trouble(Code.CALENDAR_LOST, Severity.WARNING, name, count=count)
    for name, count in sorted(seen.platforms_lost.items()):  # an alarm: these entries follow no webhook any more
        yield Trouble(Code.PLATFORM_LOST, Severity.ALARM, name, count=count)
    for name, count in sorted(seen.sources_lost.items()):  # where it was renamed, its webhooks come under the new name
        yield Trouble(Code.SOURCE_LOST, Severity.WARNING, name, count=count)
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
    elif seen.to_unknown and any(source.last_at is None for source in seen.sources):
        # Robots send requests to any address. If nothing ever came for a source, its emitter may have the wrong
        # address.
        yield Trouble(code, warning, cause=NEVER_HEARD, count=seen.to_unknown, until=seen.to_unknown_until)
    elif seen.signed_to_unknown >= limits.signed_to_unknown:
        count, until = seen.signed_to_unknown, seen.signed_to_unknown_until
        yield Trouble(code, warning, cause=SIGNED_UNKNOWN, count=count, until=until)


def _refused(source: SeenSource, limits: Thresholds) -> Iterator[Trouble]:
    # Ignored webhooks are normal beside accepted ones. If none was ever accepted, the configuration may be wrong.
    unremarkable = IGNORED if source.last_at is not None else frozenset[str]()
    for reason in sorted(source.refused.keys() - unremarkable):
        count, until = source.refused[reason], source.refused_until.get(reason)
        if reason == WRONG_SIGNATURE:
            if count >= limits.signatures_refused:
                yield Trouble(Code.SIGNATURES_REFUSED, Severity.ALARM, source.name, count=count, until=until)
        elif count:
            severity = Severity.ALARM if reason in VALIDLY_SIGNED else Severity.WARNING
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


def _watch(seen: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Trouble]:
    last = seen.watch_beat_at or seen.started_at
    if seen.has_recipients and last is not None and now - last >= limits.worker_silent:
        yield Trouble(Code.WATCH_SILENT, Severity.ALARM, since=last)  # an alarm: no alert is sent


def _alerts(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for each in seen.unreached:  # an alarm: the people there receive no alert
        yield Trouble(Code.ALERTS_FAILING, Severity.ALARM, each.place, since=each.since)


def _audit(seen: Snapshot, _now: datetime, _limits: Thresholds) -> Iterator[Trouble]:
    for kind in sorted(seen.differences):
        if seen.differences[kind]:
            count = seen.differences[kind]
            yield Trouble(Code.CALENDARS_DIFFER, Severity.WARNING, cause=kind, since=seen.audited_at, count=count)


_RULES = (
    _writing,
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
    _watch,
    _alerts,
)
