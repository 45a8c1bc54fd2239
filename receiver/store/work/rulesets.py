"""Rulesets as versioned rows: the last one that was put in force applies on every host."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from receiver.core.ruleset import Ruleset, fingerprint, read_ruleset, write_ruleset
from receiver.store.database.tables import events, rulesets


@dataclass(frozen=True, slots=True)
class InForce:
    """The ruleset in force."""

    id: int
    fingerprint: str
    ruleset: Ruleset


def in_force(connection: Connection) -> InForce | None:
    """Return the ruleset in force; None: none ever was."""
    adopted = select(rulesets).where(rulesets.c.adopted_at.is_not(None)).order_by(rulesets.c.id.desc()).limit(1)
    row = connection.execute(adopted).first()
    return InForce(row.id, row.fingerprint, read_ruleset(row.content)) if row else None


def newest_id(connection: Connection) -> int | None:
    """Return the id of the ruleset in force, without reading it."""
    adopted = select(rulesets.c.id).where(rulesets.c.adopted_at.is_not(None)).order_by(rulesets.c.id.desc())
    number: int | None = connection.scalar(adopted.limit(1))
    return number


def put_in_force(connection: Connection, ruleset: Ruleset, removals: int, now: datetime) -> None:
    """Put a ruleset in force and mark every event to be settled again."""
    _insert(connection, ruleset, removals, now, now)
    connection.execute(update(events).where(events.c.facts.is_not(None)).values(unsettled_at=now))


def hold(connection: Connection, ruleset: Ruleset, removals: int, now: datetime) -> None:
    """Note a ruleset that waits for a confirmation; the same one is noted once."""
    newest = select(rulesets).order_by(rulesets.c.id.desc()).limit(1)
    last = connection.execute(newest).first()
    if last is None or last.adopted_at is not None or last.fingerprint != fingerprint(ruleset):
        _insert(connection, ruleset, removals, now, None)


@dataclass(frozen=True, slots=True)
class Held:
    """A ruleset that waits for a confirmation."""

    removals: int
    since: datetime


def held(connection: Connection) -> Held | None:
    """Return the ruleset that waits for a confirmation; None: none."""
    columns = rulesets.c.removals, rulesets.c.proposed_at, rulesets.c.adopted_at
    row = connection.execute(select(*columns).order_by(rulesets.c.id.desc()).limit(1)).first()
    return Held(row.removals, row.proposed_at) if row and row.adopted_at is None else None


def held_removals(connection: Connection) -> int | None:
    """Return how many removals wait for a confirmation; None: nothing waits."""
    waiting = held(connection)
    return waiting.removals if waiting else None


def withdraw(connection: Connection) -> None:
    """Delete the ruleset that waits for a confirmation: it is no longer proposed."""
    newest_adopted = select(func.max(rulesets.c.id)).where(rulesets.c.adopted_at.is_not(None)).scalar_subquery()
    waiting = rulesets.c.adopted_at.is_(None), rulesets.c.id > newest_adopted
    connection.execute(delete(rulesets).where(*waiting))


def _insert(
    connection: Connection, ruleset: Ruleset, removals: int, now: datetime, adopted_at: datetime | None
) -> None:
    connection.execute(
        insert(rulesets).values(
            fingerprint=fingerprint(ruleset),
            content=write_ruleset(ruleset),
            proposed_at=now,
            adopted_at=adopted_at,
            removals=removals,
        )
    )
