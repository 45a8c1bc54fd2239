"""The issued tokens, without their text: these rows do not allow a login."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from receiver.store.database.tables import tokens


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is known of a token that was issued."""

    id: str
    role: str
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


def add(connection: Connection, record: TokenRecord) -> None:
    """Note a token before it is handed out."""
    connection.execute(insert(tokens).values(asdict(record)))


def find(connection: Connection, token_id: str) -> TokenRecord | None:
    """Return one token; None: it was never issued here."""
    row = connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    return TokenRecord(*row) if row else None


def listed(connection: Connection) -> list[TokenRecord]:
    """Return every token, the newest first."""
    newest_first = select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id)
    return [TokenRecord(*row) for row in connection.execute(newest_first)]


def revoke(connection: Connection, token_id: str, now: datetime) -> None:
    """Revoke a token; one that was revoked before keeps the earlier moment."""
    still = tokens.c.id == token_id, tokens.c.revoked_at.is_(None)
    connection.execute(update(tokens).where(*still).values(revoked_at=now))
