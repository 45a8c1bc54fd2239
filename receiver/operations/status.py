"""`status`: how things go, and what is wrong. Looks at the store alone; asks nothing of any server."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.health import Code, Failing, ServerSight, Snapshot, SourceSight, Trouble, troubles
from receiver.core.servers import Server
from receiver.operations import mailboxes
from receiver.store import Sight, Store
from receiver.worktime import working_time

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Status:
    """What was seen, and what is wrong with it."""

    sight: Sight | None
    """None: the store cannot be used."""
    servers: tuple[Server, ...]
    troubles: tuple[Trouble, ...]


def status(settings: Settings, store: Store, now: datetime) -> Status:
    """Look at an open store.

    Raises:
        StoreUnavailable: it cannot be read.

    """
    if not store.is_current():
        return unusable(settings, Code.STORE_NOT_CURRENT, now)
    servers = tuple(server for server in store.servers() if server.name in settings.calendars)
    down = [server.name for server in servers if server.failure]
    sight = store.sight(settings.sources, down, now)
    seen = Snapshot(
        worker_beat_at=sight.worker_beat_at,
        started_at=sight.created_at,
        oldest_due_at=sight.oldest_due_at,
        removals_held=sight.removals_held or 0,
        agents_unmapped=len(mailboxes.unmapped(store, settings.mailboxes, now)),
        servers=tuple(ServerSight(server.name, server.failure, server.failing_since) for server in servers),
        sources=_sources(settings, sight, store.refused(now - DAY), now),
        mailboxes=tuple(Failing(each.code, each.count, each.calendar) for each in sight.mailboxes),
        entries=tuple(Failing(each.code, each.count, each.calendar) for each in sight.entries),
        events=tuple(Failing(each.code, each.count) for each in sight.events),
        disk_free=disk_free(settings),
    )
    return Status(sight, servers, tuple(troubles(seen, now)))


def unusable(settings: Settings, code: Code, now: datetime) -> Status:
    """Return what can be said without the store."""
    return Status(None, (), tuple(troubles(Snapshot(store=code, disk_free=disk_free(settings)), now)))


def disk_free(settings: Settings) -> float | None:
    """Return the share of the store's disk that is free; None: the disk is not on this machine."""
    file = sqlite_file(settings.store_url)
    if file is None or not file.parent.is_dir():
        return None
    usage = shutil.disk_usage(file.parent)
    return usage.free / usage.total


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
