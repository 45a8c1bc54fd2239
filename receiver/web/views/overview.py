"""The overview: what is wrong, what comes in, what goes out."""

from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from receiver import __version__
from receiver.core.servers import ServerState
from receiver.core.troubles import Trouble, colour, is_well
from receiver.operations import status
from receiver.sentences.phrases import cause_sentence, words
from receiver.store import Store, heartbeats
from receiver.store.heartbeats import WORKERS
from receiver.store.reports import activity as stored_activity
from receiver.store.reports.status import Sight
from receiver.web.context import WebContext
from receiver.web.views import week as activity
from receiver.web.views.week import Bucket, SourceLine, Writes

WORKERS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TroubleLine:
    """A trouble with its sentences."""

    code: str
    severity: str
    subject: str
    cause: str
    count: int
    since: datetime | None
    title: str
    cure: str
    colour: str
    until: datetime | None
    """How long it may be shown after its repair; None: at most a minute."""


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A calendar server."""

    name: str
    failure: str | None
    sentence: str | None
    failing_since: datetime | None
    succeeded_at: datetime | None
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that writes into calendars."""

    name: str
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """The work that waits."""

    due: int
    unsettled: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """The present activity, according to the store."""

    backlog: Backlog
    sources: tuple[SourceLine, ...]
    writes_24h: Writes
    workers: tuple[Worker, ...]
    servers: tuple[ServerLine, ...]
    week: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The content of the first page."""

    as_of: datetime
    version: str
    ok: bool
    colour: str
    """``ok``, ``attention`` or ``alarm``."""
    dry_run: bool
    troubles: tuple[TroubleLine, ...]
    activity: Activity | None
    """None: this version cannot read the store."""


def read(context: WebContext) -> Overview:
    """Read everything once.

    Raises:
        StoreUnavailable: the store cannot be read.

    """
    now = context.clock()
    found = status.status(context.settings, context.store, now)
    seen = _activity(context, found.sight, found.servers, now) if found.sight is not None else None
    lines = tuple(trouble_line(trouble) for trouble in found.troubles)
    well, now_is = is_well(found.troubles), colour(found.troubles)
    return Overview(now, __version__, well, now_is, context.settings.dry_run, lines, seen)


def trouble_line(trouble: Trouble) -> TroubleLine:
    """Put a trouble into words."""
    text = words(trouble)
    return TroubleLine(
        code=trouble.code,
        severity=trouble.severity,
        subject=trouble.subject,
        cause=trouble.cause,
        count=trouble.count,
        since=trouble.since,
        title=text.title,
        cure=text.cure,
        colour=trouble.colour,
        until=trouble.until,
    )


def _activity(context: WebContext, sight: Sight, servers: tuple[ServerState, ...], now: datetime) -> Activity:
    start = activity.week_start(now)
    hours, models = (
        context.store.read(stored_activity.series, start),
        context.store.read(stored_activity.models, start, now - activity.DAY, now),
    )
    return Activity(
        backlog=Backlog(sight.due, sight.unsettled, sight.oldest_due_at),
        sources=activity.sources(context.settings.sources, sight.last_webhook, models),
        writes_24h=activity.writes(hours, now),
        workers=_workers(context.store),
        servers=tuple(_server(server, now) for server in servers),
        week=activity.week(hours, now),
    )


def _workers(store: Store) -> tuple[Worker, ...]:
    """Return the workers with the newest heartbeats: one that keeps dying leaves a name for each start."""
    beats = [(beat_at, name) for name, beat_at in store.read(heartbeats.beats).items() if name.startswith(WORKERS)]
    newest = sorted(nlargest(WORKERS_SHOWN, beats), key=lambda beat: beat[1])
    return tuple(Worker(name.removeprefix(WORKERS), beat_at) for beat_at, name in newest)


def _server(server: ServerState, now: datetime) -> ServerLine:
    return ServerLine(
        name=server.name,
        failure=server.failure,
        sentence=cause_sentence(server.failure) if server.failure else None,
        failing_since=server.failing_since,
        succeeded_at=server.succeeded_at,
        next_try_at=server.waits_until(now),
    )
