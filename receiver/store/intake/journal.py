"""The journal of deliveries: identifies repeats, and records which webhook came when."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from receiver.store.database.engine import chunks
from receiver.store.database.records import Incoming, Verdict
from receiver.store.database.tables import deliveries

_KNOWN = select(deliveries.c.digest).where(
    deliveries.c.source == bindparam("source"), deliveries.c.digest.in_(bindparam("digests", expanding=True))
)


class Journal:
    """The journal's part for one batch: known bodies, and lines to write."""

    def __init__(self, connection: Connection, batch: Sequence[Incoming]) -> None:
        self._connection = connection
        by_source: defaultdict[str, list[bytes]] = defaultdict(list)
        for incoming in batch:
            by_source[incoming.source].append(incoming.digest)
        self._known = {
            (source, digest)
            for source, digests in by_source.items()
            for chunk in chunks(digests)
            for digest in connection.scalars(_KNOWN, {"source": source, "digests": chunk})
        }
        self._rows: list[tuple[Incoming, Any, Verdict]] = []

    def knows(self, incoming: Incoming) -> bool:
        """Whether this body came before, also earlier in the batch."""
        return (incoming.source, incoming.digest) in self._known

    def note(self, incoming: Incoming, event: Any, verdict: Verdict) -> None:
        """Add a line to write. `event.id` must be set before `write`; None: news of an agent."""
        self._known.add((incoming.source, incoming.digest))
        self._rows.append((incoming, event, verdict))

    def write(self) -> None:
        """Write the lines."""
        if self._rows:
            self._connection.execute(insert(deliveries), [_line(*row) for row in self._rows])


def _line(incoming: Incoming, event: Any, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": incoming.id,
        "source": incoming.source,
        "digest": incoming.digest,
        "event_id": event.id if event is not None else None,
        "kind": incoming.news.version.kind,
        "verdict": verdict,
        "state_at": incoming.news.version.state_at,
        "received_at": incoming.received_at,
    }
