"""`GET /metrics`: figures of the store for Prometheus, read once for each scrape, the same from every process.

If the store cannot be read, the scrape fails (503): Prometheus then sets `up` to 0, which its users monitor.

Names and labels are stable: dashboards and alert rules name them. Labels are names of the configuration and codes of
the program, never an address or anything else of a person.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from receiver import __version__
from receiver.config import Settings
from receiver.core.plan import Verb
from receiver.core.refusal_reasons import NOT_UNDERSTOOD, WRONG_SIGNATURE
from receiver.core.troubles import Colour, DifferenceKind, colour
from receiver.operations.status import Status, disk, status
from receiver.store import counters, heartbeats
from receiver.store.counters import Figure, Tally
from receiver.store.database.records import Reason
from receiver.store.heartbeats import WORKERS
from receiver.store.reports.overview import FailureGroup
from receiver.store.reports.status import COUNTED, Sight
from receiver.web.context import WebContext

OPENMETRICS = "application/openmetrics-text"

Guard = Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]

PREFIX = "rdv_receiver_"
ALIVE = timedelta(minutes=1)
"""A worker with a heartbeat within this time is working."""

Value = int | float | datetime
Rows = Iterable[tuple[tuple[str, ...], Value]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that one scrape shows."""

    settings: Settings
    now: datetime
    status: Status
    disk_free: float | None
    counted: Mapping[Tally, int]
    """Counts since the beginning."""
    figures: Mapping[str, Figure]
    beats: Mapping[str, datetime]


def blueprint(context: WebContext, guard: Guard) -> Blueprint:
    """Build the endpoint; `guard` admits those who may read it."""
    routes = Blueprint("metrics", __name__)

    def metrics() -> Response:
        encode, content_type = choose_encoder(_wanted())
        return Response(encode(_Collector(read(context))), content_type=content_type)

    routes.add_url_rule("/metrics", "metrics", guard(metrics))
    return routes


def read(context: WebContext) -> Seen:
    """Read everything that a scrape shows.

    Raises:
        StoreUnavailable: the store cannot be read.

    """
    now, store = context.clock(), context.store
    found = status(context.settings, store, now)
    seen = disk(context.settings)
    free = seen.share if seen else None
    if found.sight is None:
        return Seen(context.settings, now, found, free, {}, {}, {})
    return Seen(
        context.settings, now, found, free, store.read(counters.ever), found.figures, store.read(heartbeats.beats)
    )


@dataclass(frozen=True, slots=True)
class _Collector(Collector):
    """The object that the library's encoders read metrics from."""

    seen: Seen

    def collect(self) -> Iterator[Metric]:
        return families(self.seen)


def _wanted() -> str:
    """Return the requested format without the header's other parameters, which the library does not check."""
    kinds = {kind.partition(";")[0] for kind, quality in request.accept_mimetypes if quality > 0}
    return OPENMETRICS if OPENMETRICS in kinds else ""


def families(seen: Seen) -> Iterator[Metric]:
    """Yield every metric; if the store is not of this version, only the troubles."""
    yield InfoMetricFamily(f"{PREFIX}build", "Version of the program.", value={"version": __version__})
    yield _colour(seen.status)
    yield _troubles(seen.status)
    if seen.disk_free is not None:
        yield _gauge("store_disk_free_ratio", "Free share of the disk that holds the store.", [((), seen.disk_free)])
    if seen.status.sight is None:
        return
    yield from _counters(seen)
    yield from _backlog(seen.status.sight, seen.now)
    yield _set_aside(seen.status.sight, seen.settings)
    yield from _failures(seen.status.sight)
    yield from _servers(seen)
    yield from _figures(seen)
    yield from _workers(seen)


def _gauge(name: str, text: str, rows: Rows, labels: Iterable[str] = ()) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=list(labels))
    for values, value in rows:
        family.add_metric(list(values), value.timestamp() if isinstance(value, datetime) else value)
    return family


def _troubles(status: Status) -> Metric:
    rows = [((each.code, each.severity, each.subject, each.cause), 1) for each in status.troubles]
    labels = "code", "severity", "subject", "cause"
    return _gauge("trouble", "1 for everything that is wrong, as the command status tells it.", rows, labels)


def _colour(status: Status) -> Metric:
    now = colour(status.troubles)
    rows = [((each,), int(each is now)) for each in Colour]
    return _gauge("health", "1 for how things go: ok, attention, or alarm where somebody must act.", rows, ["colour"])


def _counters(seen: Seen) -> Iterator[Metric]:
    """Yield the counts since the store was created. What never happened is 0, so that a first time shows."""
    sources, calendars = seen.settings.sources, seen.settings.calendars
    reasons = sorted({WRONG_SIGNATURE, *NOT_UNDERSTOOD})
    refused = {Tally("refused", name, "", reason): 0 for name in sources for reason in reasons}
    written = {Tally("write", name, verb, "done"): 0 for name in calendars for verb in Verb}
    counted = refused | written | dict(seen.counted)
    for kind, name, text, labels in (
        ("webhook", "webhooks", "Webhooks taken in, by what became of them.", ("source", "model", "outcome")),
        ("refused", "webhooks_refused", "Webhooks not taken in, by reason.", ("source", "", "reason")),
        ("write", "writes", "Writes into calendars, by how they ended.", ("calendar", "verb", "outcome")),
    ):
        family = CounterMetricFamily(PREFIX + name, text, labels=[label for label in labels if label])
        for tally, count in sorted(counted.items()):
            if tally.kind == kind:
                values = zip(labels, (tally.name, tally.detail, tally.outcome), strict=True)
                family.add_metric([value for label, value in values if label], count)
        yield family
    last = [((name,), at) for name, at in seen.status.sight.last_webhook.items()] if seen.status.sight else []
    yield _gauge("last_webhook_timestamp_seconds", "When the last webhook of a source was kept.", last, ["source"])


_COUNTED = f"counted up to {COUNTED}."


def _backlog(sight: Sight, now: datetime) -> Iterator[Metric]:
    age = (now - sight.oldest_due_at).total_seconds() if sight.oldest_due_at else 0.0
    yield _gauge("changes_due", f"Changes that wait to be written; {_COUNTED}", [((), sight.due)])
    yield _gauge("events_unsettled", f"Events about to be worked out; {_COUNTED}", [((), sight.unsettled)])
    text = "Age of the oldest change that waits for no server or mailbox in trouble; 0: none waits."
    yield _gauge("oldest_change_age_seconds", text, [((), max(age, 0.0))])
    text = "Entries that a changed configuration would take away, until somebody confirms it."
    yield _gauge("removals_held", text, [((), sight.removals_held or 0)])


def _set_aside(sight: Sight, settings: Settings) -> Metric:
    counts = Counter({(name, reason.value): 0 for name in settings.sources for reason in Reason})
    for group in sight.set_aside:
        counts[group.source, group.reason.value] += group.count
    text = "Webhooks that wait for somebody to decide, by why they were set aside."
    return _gauge("webhooks_set_aside", text, sorted(counts.items()), ("source", "reason"))


def _failures(sight: Sight) -> Iterator[Metric]:
    def by_server(groups: Iterable[FailureGroup]) -> Rows:
        return [((group.calendar, group.code), group.count) for group in groups]

    labels = "calendar", "code"
    yield _gauge("mailboxes_failing", "Mailboxes that cannot be written into.", by_server(sight.mailboxes), labels)
    yield _gauge("entries_failing", "Entries that a server refuses.", by_server(sight.entries), labels)
    events = [((group.code,), group.count) for group in sight.events]
    yield _gauge("events_failing", "Events that no calendar can show.", events, ["code"])


def _servers(seen: Seen) -> Iterator[Metric]:
    label = ["calendar"]
    failing = {server.name for server in seen.status.servers if server.failure}
    rows = [((name,), int(name in failing)) for name in seen.settings.calendars]
    yield _gauge("server_failing", "1: the calendar server as a whole cannot be used.", rows, label)
    heard = [((server.name,), server.succeeded_at) for server in seen.status.servers if server.succeeded_at]
    yield _gauge("server_last_success_timestamp_seconds", "When it last answered, to about a minute.", heard, label)
    ends = _of_calendars(seen, "certificate/")
    yield _gauge("certificate_expiry_timestamp_seconds", "When the certificate of a server ends.", ends, label)
    ahead = _of_calendars(seen, "clock/")
    yield _gauge("server_clock_ahead_seconds", "How far a server's clock is before ours.", ahead, label)


def _of_calendars(seen: Seen, prefix: str) -> Rows:
    names = seen.settings.calendars
    return [((name,), seen.figures[prefix + name].value) for name in names if prefix + name in seen.figures]


def _figures(seen: Seen) -> Iterator[Metric]:
    figures = seen.figures
    if unmapped := figures.get("unmapped"):
        text = "Agents with events to come whose mailbox nothing tells."
        yield _gauge("agents_unmapped", text, [((), unmapped.value)])
    if audit := figures.get("audit"):
        found = [((kind,), figures[f"audit/{kind}"].value) for kind in DifferenceKind if f"audit/{kind}" in figures]
        yield _gauge("audit_differences", "What the last whole audit found, by kind.", found, ["kind"])
        yield _gauge("audit_mailboxes", "Mailboxes that the last whole audit read.", [((), audit.value)])
        yield _gauge("audit_timestamp_seconds", "When the last whole audit ended.", [((), audit.taken_at)])
    named = (name.split("/") for name in figures if name.startswith("secret/"))
    used = [((source, tag), figures[f"secret/{source}/{tag}"].taken_at) for _, source, tag in named]
    text = "When a webhook was last signed with a secret; the tag is a keyed digest of it."
    yield _gauge("secret_last_used_timestamp_seconds", text, used, ["source", "tag"])


def _workers(seen: Seen) -> Iterator[Metric]:
    """Yield metrics of all workers together: with names, each start of a worker would make a new series."""
    beats = [beat_at for name, beat_at in seen.beats.items() if name.startswith(WORKERS)]
    newest = [((), max(beats))] if beats else []
    yield _gauge("worker_heartbeat_timestamp_seconds", "When a worker was last heard of.", newest)
    alive = sum(beat_at > seen.now - ALIVE for beat_at in beats)
    yield _gauge("workers", "Worker processes that were heard of within a minute.", [((), alive)])
