"""The rows of what each authority states of an agent, as values: judging writes them, settling reads them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from receiver.core.facts import Emitter
from receiver.core.scope import Authority, KnownEmail

Key = tuple[str, str]
"""Platform and ident."""


def statement_of(row: RowMapping | Mapping[str, Any]) -> KnownEmail:
    """Read a row."""
    emitter = Emitter(row["emitter"]) if row["emitter"] else None
    authority = Authority.read(row["authority"])
    return KnownEmail(authority, emitter, row["email"], row["state_at"], row["former_email"], row["former_at"])


def is_unexplained(state_at: datetime, statements_at: Iterable[datetime]) -> bool:
    """Whether an agent's row is newer than what all authorities state: an older program wrote it then."""
    return all(each < state_at for each in statements_at)
