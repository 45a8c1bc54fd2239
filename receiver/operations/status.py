"""`status`: the state of the service, and what is wrong. Reads the store alone; calls no server."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.room import Disk
from receiver.core.servers import ServerState
from receiver.core.trouble_rules import Failing, SeenServer, SeenSource, SetAside, Snapshot, troubles
from receiver.core.troubles import Code, DifferenceKind, Trouble
from receiver.operations import lost_names, refused_configuration, refused_requests, unmapped, unreached
from receiver.operations.access import token_key
from receiver.operations.refused_requests import DAY, Hours
from receiver.operations.working_hours import working_time
from receiver.store import (
    Cause,
    Refusal,
    Standing,
    Store,
    StoreUnavailable,
    StoreVanished,
    counters,
    heartbeats,
    refusal_of,
)
from receiver.store.counters import Figure
from receiver.store.database.files import followed
from receiver.store.database.records import Reason
from receiver.store.intake.set_aside import MOST as MOST_SET_ASIDE
from receiver.store.intake.set_aside import Group
from receiver.store.place.batch_counter import BEHIND
from receiver.store.reports import status as stored_status
from receiver.store.reports.overview import FailureGroup
from receiver.store.reports.status import COUNTED, Sight
from receiver.store.work import servers as stored_servers

LOOKED_AGAIN = timedelta(minutes=15)
"""How soon a worker checks a certificate or a clock in trouble again."""
THROTTLED_TOLD = timedelta(minutes=1)
"""How long a server that asked for a pause is shown at least, as another pause may follow."""
WRITERS_SILENT = frozenset({Code.WORKER_SILENT, Code.WATCH_SILENT})
"""Troubles that follow when the store accepts no heartbeat."""
BACKLOG_SHARES = (1.0, 0.8)
"""The shares of the limit that are checked, as an exact count would take long."""


@dataclass(frozen=True, slots=True)
class Status:
    """The numbers of the moment, and the troubles."""

    sight: Sight | None
    """None: the store cannot be used."""
    servers: tuple[ServerState, ...]
    troubles: tuple[Trouble, ...]
    waits_until: Mapping[str, datetime] = field(default_factory=dict)
    """When paused servers are called again at the latest, by name."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """The store's figures, as read for this status."""


def status(settings: Settings, store: Store, now: datetime) -> Status:
    """Read an open store.

    Raises:
        StoreUnavailable: it cannot be read.

    """
    standing = store.standing()
    if not standing.usable:
        refusal = Refusal(Cause.EMPTY) if standing is Standing.NOT_CURRENT and store.is_empty() else None
        return unusable(settings, Code(standing), now, refusal)
    store.look_for_damage()
    servers = tuple(server for server in store.read(stored_servers.listed) if server.name in settings.calendars)
    down = [server.name for server in servers if server.failure]
    figures = store.read(counters.figures_named)
    down += lost_names.calendars(figures, settings)  # they have a trouble of their own
    sight = _with_heard(store.read(stored_status.look, settings.sources, down, now), settings, figures)
    seen = snapshot(
        settings, store, _Read(sight, servers, figures, store.read(counters.refused_by_hour, now - DAY)), now
    )
    found = troubles(seen, now, settings.alerts.thresholds)
    if any(each.code in WRITERS_SILENT for each in found) and (refusal := _refusal_of_writing(store, now)):
        found = troubles(_refused(seen, Code.STORE_UNREACHABLE, refusal), now, settings.alerts.thresholds)
    waits = {server.name: until for server in servers if (until := server.waits_until(now)) is not None}
    return Status(sight, servers, tuple(found), waits, figures)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read from the store."""

    sight: Sight
    servers: tuple[ServerState, ...]
    figures: Mapping[str, Figure]
    refused: Mapping[tuple[str, str], Hours]


def snapshot(settings: Settings, store: Store, read: _Read, now: datetime) -> Snapshot:
    """Return the snapshot that troubles are derived from."""
    sight, figures = read.sight, read.figures
    behind = figures.get(BEHIND)
    to_unknown, to_unknown_until = refused_requests.to_unknown(read.refused)
    least = settings.alerts.thresholds.signed_to_unknown
    signed, signed_until = refused_requests.signed_to_unknown(read.refused, least)
    misdirected, misdirected_until = refused_requests.misdirected(read.refused)
    return Snapshot(
        must_adopt=sight.must_adopt,
        behind_since=behind.taken_at if behind else None,
        marker=store.marker_trouble(),
        uninstalled_at=sight.uninstalled_at,
        dry_run=settings.dry_run,
        refusals=tuple(refused_configuration.refusals(figures, now)),
        web_beat_at=sight.web_beat_at,
        worker_beat_at=sight.worker_beat_at,
        worker_deaths=sight.worker_deaths,
        worker_deaths_since=sight.worker_deaths_since,
        worker_deaths_until=_deaths_until(settings, sight),
        started_at=sight.created_at,
        oldest_due_at=min(filter(None, (sight.oldest_due_at, sight.unsettled_since)), default=None),
        removals_held=sight.removals_held or 0,
        removals_held_since=sight.removals_held_since,
        calendars_lost=lost_names.calendars(figures, settings),
        platforms_lost=lost_names.platforms(figures, settings),
        sources_lost=lost_names.sources(figures, settings),
        agents_unmapped=_unmapped(settings, store, figures, now),
        set_aside=tuple(_set_aside(sight.set_aside)),
        servers=tuple(_server(name, read.servers, figures, now) for name in settings.calendars),
        sources=_sources(settings, read, now),
        mailboxes=_failing((group for group in sight.mailboxes if group.code != OTHER_INSTALLATION), now),
        others=tuple(_others(sight.mailboxes, now)),
        entries=_failing(sight.entries, now),
        retried=_failing(sight.retried, now),
        events=_failing(sight.events, now),
        to_unknown=to_unknown,
        to_unknown_until=to_unknown_until,
        signed_to_unknown=signed,
        signed_to_unknown_until=signed_until,
        misdirected=misdirected,
        misdirected_until=misdirected_until,
        backlog=_backlog(settings, store, sight),
        has_recipients=bool(settings.alerts.to),
        watch_beat_at=sight.watch_beat_at,
        unreached=unreached.unreached(figures, now),
        token_key=_token_key(settings, store, now),
        differences={kind: figures[name].value for kind in DifferenceKind if (name := f"audit/{kind}") in figures},
        audited_at=figures["audit"].taken_at if "audit" in figures else None,
        disk=disk(settings),
    )


def _token_key(settings: Settings, store: Store, now: datetime) -> str:
    """Return the code of the trouble with the key of tokens; empty: none, or no key is needed."""
    if not settings.web.pages:
        return ""
    return token_key.unusable(settings) or (token_key.GONE if token_key.is_lost(settings, store, now) else "")


def _backlog(settings: Settings, store: Store, sight: Sight) -> float:
    """Return the backlog as a share of the limit, rounded down to one of `BACKLOG_SHARES`."""
    limits = {share: int(settings.web.backlog_limit * share) for share in BACKLOG_SHARES}
    if sight.unsettled < COUNTED and sight.unsettled <= min(limits.values()):
        return 0.0  # the sum is known, and each part of it is less
    return next(
        (share for share, limit in limits.items() if store.read(stored_status.has_backlog, more_than=limit)), 0.0
    )


def _deaths_until(settings: Settings, sight: Sight) -> datetime | None:
    """Return when the number of deaths falls below the threshold if no more come."""
    moments, least = sight.worker_deaths_moments, settings.alerts.thresholds.worker_deaths
    return moments[least - 1] + heartbeats.DEATHS_WITHIN if len(moments) >= least else None


def _refusal_of_writing(store: Store, now: datetime) -> Refusal | None:
    """Return why no process could write a heartbeat: the processes then only seem dead."""
    try:
        store.write(heartbeats.beat, "status", now)
    except StoreUnavailable as error:
        return error.refusal
    return None


def unreadable(settings: Settings, error: BaseException, now: datetime) -> Status:
    """Return the status when the store failed."""
    if isinstance(error, StoreVanished):
        return unusable(settings, Code.STORE_VANISHED, now, cause=error.cause)
    return unusable(settings, Code.STORE_UNREACHABLE, now, refusal_of(error, sqlite_file(settings.store.address)))


def unusable(settings: Settings, code: Code, now: datetime, refusal: Refusal | None = None, cause: str = "") -> Status:
    """Return the status without the store.

    Args:
        settings: those in force.
        code: that of the trouble.
        now: the moment.
        refusal: why the store cannot be used, if known.
        cause: the code of why the store is not there.

    """
    seen = _refused(Snapshot(disk=disk(settings)), code, refusal)
    seen = replace(seen, store_cause=cause) if cause else seen
    return Status(None, (), tuple(troubles(seen, now, settings.alerts.thresholds)))


def _refused(seen: Snapshot, code: Code, refusal: Refusal | None) -> Snapshot:
    if refusal is None:
        return replace(seen, store=code)
    return replace(seen, store=code, store_cause=refusal.cause, store_details=tuple(refusal.details.items()))


def disk(settings: Settings) -> Disk | None:
    """Return the disk that holds the store; None: not on this machine, or not visible."""
    file = sqlite_file(settings.store.address)
    return None if file is None else disk_of(followed(file).parent)


def disk_of(folder: Path) -> Disk | None:
    """Return the disk that holds a folder; None: not visible."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:  # the trouble is then the store's own
        return None
    return Disk(usage.free, usage.total)


def _with_heard(sight: Sight, settings: Settings, figures: Mapping[str, Figure]) -> Sight:
    """Add when the web processes last kept a webhook, as the journal is dropped after some weeks."""
    heard = {name: figures[f"seen/{name}"].taken_at for name in settings.sources if f"seen/{name}" in figures}
    newest = {name: max(heard.get(name, at), at) for name, at in sight.last_webhook.items()}
    return replace(sight, last_webhook=heard | newest)


def _unmapped(settings: Settings, store: Store, figures: Mapping[str, Figure], now: datetime) -> int:
    """Return the worker's last count; count now if no worker has run yet."""
    known = figures.get("unmapped")
    return known.value if known else unmapped.count_unmapped(store, settings.mailboxes, now)


def _server(name: str, met: Iterable[ServerState], figures: Mapping[str, Figure], now: datetime) -> SeenServer:
    server = next((each for each in met if each.name == name), ServerState(name))
    until, ahead = figures.get(f"certificate/{name}"), figures.get(f"clock/{name}")
    looks = [each.taken_at + LOOKED_AGAIN for each in (until, ahead) if each is not None]
    return SeenServer(
        name,
        server.failure,
        server.failing_since,
        certificate_until=datetime.fromtimestamp(until.value, UTC) if until else None,
        clock_ahead=timedelta(seconds=ahead.value) if ahead else timedelta(),
        waits_until=server.waits_until(now) or _between_pauses(server, now),
        looked_again_at=_to_come(max(looks, default=None), now),
    )


def _between_pauses(server: ServerState, now: datetime) -> datetime | None:
    """Return until when a server is shown that asks for one short pause after the other; None: it does not."""
    asked_at, answered_at = server.throttled_at, server.succeeded_at
    if asked_at is None or (answered_at is not None and answered_at > asked_at):
        return None
    return _to_come(asked_at + THROTTLED_TOLD, now)


def _to_come(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None


def _failing(groups: Iterable[FailureGroup], now: datetime) -> tuple[Failing, ...]:
    return tuple(
        Failing(group.code, group.count, group.calendar, group.since, _to_come(group.until, now)) for group in groups
    )


def _others(groups: Iterable[FailureGroup], now: datetime) -> Iterator[Failing]:
    """Return the mailboxes that are blocked by other installations' entries, and these installations for the cause."""
    for group in groups:
        if group.code == OTHER_INSTALLATION:
            names, until = ", ".join(group.installations), _to_come(group.until, now)
            yield Failing(names, group.count, group.calendar, group.since, until)


def _set_aside(groups: Iterable[Group]) -> Iterator[SetAside]:
    """Add up the webhooks of one source that wait for one reason."""
    of_source: defaultdict[tuple[Reason, str], list[Group]] = defaultdict(list)
    of_secret: Counter[tuple[Reason, str, str]] = Counter()
    for group in groups:
        of_source[group.reason, group.source].append(group)
        of_secret[group.reason, group.source, group.signed_by] += group.count
    for (reason, source), some in of_source.items():
        full = reason is Reason.SCOPE and any(
            of_secret[reason, source, each.signed_by] >= MOST_SET_ASIDE for each in some
        )
        yield SetAside(reason, source, sum(each.count for each in some), min(each.since for each in some), full)


def _sources(settings: Settings, read: _Read, now: datetime) -> tuple[SeenSource, ...]:
    least = settings.alerts.thresholds.signatures_refused

    def look(name: str) -> SeenSource:
        last = read.sight.last_webhook.get(name)
        refused = refused_requests.of_source(name, read.refused, read.figures, now, least)
        silent = timedelta() if last is None else working_time(last, now, settings.sources[name].time_zone.key)
        return SeenSource(name, last, silent, refused.counts, refused.until)

    return tuple(look(name) for name in settings.sources)
