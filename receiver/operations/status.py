"""`status`: how things go, and what is wrong. Looks at the store alone; asks nothing of any server."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.audit import Kind
from receiver.core.health import Code, Failing, ServerSight, SetAside, Snapshot, SourceSight, Trouble, troubles
from receiver.core.others import OTHER_INSTALLATION
from receiver.core.servers import Server
from receiver.operations import mailboxes
from receiver.store import (
    BEHIND,
    MOST_SET_ASIDE,
    Cause,
    FailureGroup,
    Figure,
    Group,
    Reason,
    Refusal,
    Sight,
    Standing,
    Store,
    StoreUnavailable,
    StoreVanished,
    refusal_of,
)
from receiver.worktime import working_time

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Status:
    """What was seen, and what is wrong with it."""

    sight: Sight | None
    """None: the store cannot be used."""
    servers: tuple[Server, ...]
    troubles: tuple[Trouble, ...]
    waits_until: Mapping[str, datetime] = field(default_factory=dict)
    """When servers that are left alone are asked again at the latest, by name."""


def status(settings: Settings, store: Store, now: datetime) -> Status:
    """Look at an open store.

    Raises:
        StoreUnavailable: it cannot be read.

    """
    standing = store.standing()
    if not standing.usable:
        refusal = Refusal(Cause.EMPTY) if standing is Standing.NOT_CURRENT and store.is_empty() else None
        return unusable(settings, Code(standing), now, refusal)
    store.look_for_damage()
    servers = tuple(server for server in store.servers() if server.name in settings.calendars)
    down = [server.name for server in servers if server.failure]
    figures = store.figures()
    behind = figures.get(BEHIND)
    sight = _with_heard(store.sight(settings.sources, down, now), settings, figures)
    seen = Snapshot(
        must_adopt=sight.must_adopt,
        behind_since=behind.taken_at if behind else None,
        marker=store.marker_trouble(),
        uninstalled_at=sight.uninstalled_at,
        worker_beat_at=sight.worker_beat_at,
        worker_deaths=sight.worker_deaths,
        worker_deaths_since=sight.worker_deaths_since,
        started_at=sight.created_at,
        oldest_due_at=sight.oldest_due_at,
        removals_held=sight.removals_held or 0,
        removals_held_since=sight.removals_held_since,
        agents_unmapped=_unmapped(settings, store, figures, now),
        set_aside=tuple(_set_aside(sight.set_aside)),
        servers=tuple(_server(name, servers, figures) for name in settings.calendars),
        sources=_sources(settings, sight, store.refused(now - DAY), now),
        mailboxes=_failing(group for group in sight.mailboxes if group.code != OTHER_INSTALLATION),
        others=tuple(_others(sight.mailboxes)),
        entries=_failing(sight.entries),
        events=_failing(sight.events),
        differences={kind: figures[name].value for kind in Kind if (name := f"audit/{kind}") in figures},
        audited_at=figures["audit"].taken_at if "audit" in figures else None,
        disk_free=disk_free(settings),
    )
    found = troubles(seen, now, settings.alerts.thresholds)
    if any(each.code is Code.WORKER_SILENT for each in found) and (refusal := _refusal_of_writing(store, now)):
        found = troubles(_refused(seen, Code.STORE_UNREACHABLE, refusal), now, settings.alerts.thresholds)
    waits = {server.name: until for server in servers if (until := server.waits_until(now)) is not None}
    return Status(sight, servers, tuple(found), waits)


def _refusal_of_writing(store: Store, now: datetime) -> Refusal | None:
    """Return why no worker could beat: one that cannot seems dead, and is not what needs looking after."""
    try:
        store.beat("status", now)
    except StoreUnavailable as error:
        return error.refusal
    return None


def unreadable(settings: Settings, error: BaseException, now: datetime) -> Status:
    """Return what can be said of a store that failed."""
    if isinstance(error, StoreVanished):
        return unusable(settings, Code.STORE_VANISHED, now, cause=error.cause)
    refusal = (
        error.refusal if isinstance(error, StoreUnavailable) else refusal_of(error, sqlite_file(settings.store_url))
    )
    return unusable(settings, Code.STORE_UNREACHABLE, now, refusal)


def unusable(settings: Settings, code: Code, now: datetime, refusal: Refusal | None = None, cause: str = "") -> Status:
    """Return what can be said without the store.

    Args:
        settings: those in force.
        code: that of the trouble.
        now: the moment.
        refusal: why it cannot be used, where that is known.
        cause: the code of why it is not there.

    """
    seen = _refused(Snapshot(disk_free=disk_free(settings)), code, refusal)
    seen = replace(seen, store_cause=cause) if cause else seen
    return Status(None, (), tuple(troubles(seen, now, settings.alerts.thresholds)))


def _refused(seen: Snapshot, code: Code, refusal: Refusal | None) -> Snapshot:
    if refusal is None:
        return replace(seen, store=code)
    return replace(seen, store=code, store_cause=refusal.cause, store_details=tuple(refusal.details.items()))


def disk_free(settings: Settings) -> float | None:
    """Return the share of the store's disk that is free; None: the disk is not on this machine, or not to be seen."""
    file = sqlite_file(settings.store_url)
    if file is None:
        return None
    try:
        usage = shutil.disk_usage(file.parent)
    except OSError:  # the trouble is then the store's own
        return None
    return usage.free / usage.total


def _with_heard(sight: Sight, settings: Settings, figures: Mapping[str, Figure]) -> Sight:
    """Add when the web processes last kept a webhook: what the journal forgets after some weeks."""
    heard = {name: figures[f"seen/{name}"].taken_at for name in settings.sources if f"seen/{name}" in figures}
    newest = {name: max(heard.get(name, at), at) for name, at in sight.last_webhook.items()}
    return replace(sight, last_webhook=heard | newest)


def _unmapped(settings: Settings, store: Store, figures: Mapping[str, Figure], now: datetime) -> int:
    """Return what the worker counted last; where none has run yet, count."""
    known = figures.get("unmapped")
    return known.value if known else mailboxes.count_unmapped(store, settings.mailboxes, now)


def _server(name: str, met: Iterable[Server], figures: Mapping[str, Figure]) -> ServerSight:
    server = next((each for each in met if each.name == name), Server(name))
    until, ahead = figures.get(f"certificate/{name}"), figures.get(f"clock/{name}")
    return ServerSight(
        name,
        server.failure,
        server.failing_since,
        certificate_until=datetime.fromtimestamp(until.value, UTC) if until else None,
        clock_ahead=timedelta(seconds=ahead.value) if ahead else timedelta(),
    )


def _failing(groups: Iterable[FailureGroup]) -> tuple[Failing, ...]:
    return tuple(Failing(group.code, group.count, group.calendar, group.since) for group in groups)


def _others(groups: Iterable[FailureGroup]) -> Iterator[Failing]:
    """Return the mailboxes that other installations' entries stand in the way in, those for the cause."""
    for group in groups:
        if group.code == OTHER_INSTALLATION:
            yield Failing(", ".join(group.installations), group.count, group.calendar, group.since)


def _set_aside(groups: Iterable[Group]) -> Iterator[SetAside]:
    """Add up what waits of one source for one reason."""
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


def _sources(
    settings: Settings, sight: Sight, refused: dict[tuple[str, str], int], now: datetime
) -> tuple[SourceSight, ...]:
    def look(name: str) -> SourceSight:
        last = sight.last_webhook.get(name)
        reasons = {reason: count for (source, reason), count in refused.items() if source == name}
        if last is None:
            return SourceSight(name, refused=reasons)
        return SourceSight(name, last, working_time(last, now, settings.sources[name].time_zone.key), reasons)

    return tuple(look(name) for name in settings.sources)
