"""`GET /metrics`: what the store knows, for Prometheus. Read once for each scrape, the same from every process.

A store that cannot be read fails the scrape (503): Prometheus then sets `up` to 0, which whoever uses it watches.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from receiver.operations.status import disk, status
from receiver.store import counters, heartbeats
from receiver.web.parts import Parts
from receiver.web.views.metric_families import Seen, families

OPENMETRICS = "application/openmetrics-text"

Guard = Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]


def blueprint(parts: Parts, guard: Guard) -> Blueprint:
    """Build the endpoint; `guard` lets in those who may."""
    routes = Blueprint("metrics", __name__)

    def metrics() -> Response:
        encode, content_type = choose_encoder(_wanted())
        return Response(encode(_Collector(look(parts))), content_type=content_type)

    routes.add_url_rule("/metrics", "metrics", guard(metrics))
    return routes


def look(parts: Parts) -> Seen:
    """Read everything that a scrape shows.

    Raises:
        StoreUnavailable: the store cannot be read.

    """
    now, store = parts.clock(), parts.store
    found = status(parts.settings, store, now)
    seen = disk(parts.settings)
    free = seen.share if seen else None
    if found.sight is None:
        return Seen(parts.settings, now, found, free, {}, {}, {})
    return Seen(
        parts.settings, now, found, free, store.read(counters.ever), found.figures, store.read(heartbeats.beats)
    )


@dataclass(frozen=True, slots=True)
class _Collector(Collector):
    """What the library's encoders ask for."""

    seen: Seen

    def collect(self) -> Iterator[Metric]:
        return families(self.seen)


def _wanted() -> str:
    """Return the format that is asked for, without what else the header says: the library trusts it too far."""
    kinds = {kind.partition(";")[0] for kind, quality in request.accept_mimetypes if quality > 0}
    return OPENMETRICS if OPENMETRICS in kinds else ""
