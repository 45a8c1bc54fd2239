"""News as they stand in rows: in the inbox, and among what was set aside."""

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from receiver.core.facts import AgentNews, Delivery, Emitter, News, RoleNews
from receiver.core.scope import Authority
from receiver.store.database.records import Incoming

_SORTS: dict[str, type[News]] = {"event": Delivery, "agent": AgentNews, "role": RoleNews}
_SORT_OF = {kind: sort for sort, kind in _SORTS.items()}
_FORMATS: dict[str, TypeAdapter[News]] = {sort: TypeAdapter(kind) for sort, kind in _SORTS.items()}


def as_text(news: News) -> tuple[str, str]:
    """Return what sort of news these are, and what they say."""
    sort = _SORT_OF[type(news)]
    return sort, _FORMATS[sort].dump_json(news).decode()


def read(sort: str, text: str) -> News:
    """Read what `as_text` wrote."""
    return _FORMATS[sort].validate_json(text)


def incoming_of(row: RowMapping, *, released: bool = False, held: bool = False) -> Incoming:
    """Read a webhook that was put down, here or among those set aside."""
    return Incoming(
        row["delivery"],
        row["source"],
        row["platform"],
        Emitter(row["emitter"]),
        row["digest"],
        read(row["sort"], row["news"]),
        row["received_at"],
        Authority.read(row["authority"]) if row["authority"] is not None else None,
        row["signed_by"] or "",
        released,
        held,
    )
