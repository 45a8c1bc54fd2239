"""Fills a store by SQL with two years of data, in the middle of an outage: all that can wait is waiting.

All counts follow from the number of events: with 1,000,000 of them there are as many deliveries, 200,000 placements and
writes each, 50,000 mailboxes, 2,000 failures, and a week of counts by the hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert, text

from receiver.core.facts import Lieu, LocationType, RdvState
from receiver.store.counters import EVER, hour_of
from receiver.store.database.records import write_facts
from receiver.store.database.tables import figures, heartbeats, servers, tallies

SOURCES = ("mds", "ccas")
CALENDARS = ("mairie", "ecole")
DOWN = "mairie"
"""The server that does not answer."""
YEARS_S = 2 * 365 * 86_400

_OUTCOMES = {
    ("webhook", ("Rdv", "Absence", "AgentNews")): ("accepted", "superseded", "duplicate"),
    ("refused", ("",)): ("unauthorized", "payload", "not_found"),
    ("write", ("create", "update", "delete")): ("done", "mailbox_not_found"),
}
_FIGURES = {
    "unmapped": 7,
    "certificate/mairie": 1_800_000_000,
    "clock/mairie": 1,
    "audit": 900,
    "audit/missing": 3,
    "secret/mds/0a1b2c3d": 1,
}


_FACTS = write_facts(
    RdvState(
        starts_at=datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
        ends_at=datetime(2026, 12, 1, 9, 45, tzinfo=UTC),
        motif="Consultation PMI",
        location_type=LocationType.PUBLIC_OFFICE,
        lieu=Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000"),
        organisation=12,
        verticale="rdv_solidarites",
        rdv=4330,
    )
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each."""

    events: int

    @property
    def placements(self) -> int:
        """And writes."""
        return self.events // 5

    @property
    def mailboxes(self) -> int:
        """And agents."""
        return self.events // 20


def fill(url: str, size: Size, now: datetime) -> None:
    """Fill a fresh, migrated store that is not open elsewhere; its newest rows are of `now`."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _in_a_hurry)
    with engine.begin() as connection:
        for count, statement in _statements(_SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL, size, now):
            _many(connection, count, statement)
        _few(connection, now)
        if engine.dialect.name == "postgresql":
            _count_on(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # In two years PostgreSQL's autovacuum would have run many times; here it would just begin.
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    engine.dispose()


def _count_on(connection: Connection) -> None:
    """Set PostgreSQL's sequences after the ids that were inserted here; SQLite does so by itself."""
    for table in ("mailboxes", "events"):
        counter = f"pg_get_serial_sequence('{table}', 'id')"
        connection.execute(text(f"SELECT setval({counter}, (SELECT max(id) FROM {table}))"))


def _in_a_hurry(connection: Any, _record: object) -> None:
    """Durability is not needed here; the store's own settings return when it is opened."""
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
        connection.execute(f"PRAGMA {pragma}")


@dataclass(frozen=True, slots=True)
class _Words:
    """The SQL that differs between the two databases."""

    series: str
    """Numbers `i` from 1 to `:count`."""
    moment: str
    """Of seconds since 1970."""
    digest: str

    def at(self, now: datetime, seconds: str) -> str:
        """Return the moment so many seconds before or after."""
        return self.moment.format(f"{round(now.timestamp())} + ({seconds})")


_SQLITE = _Words(
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) SELECT i FROM n)",
    "strftime('%Y-%m-%d %H:%M:%f000', {}, 'unixepoch')",
    "randomblob(16)",
)
_POSTGRESQL = _Words("generate_series(1, :count) AS n(i)", "to_timestamp({})", "decode(md5(i::text), 'hex')")


def _many(connection: Connection, count: int, statement: str) -> None:
    given = {"count": count, "facts": _FACTS}
    connection.execute(text(statement), {name: value for name, value in given.items() if f":{name}" in statement})


_DUES = """
        SELECT placements.mailbox_id, events.source, 0, mailboxes.calendar, true, min(placements.due_at) FROM placements
        JOIN events ON events.id = placements.event_id JOIN mailboxes ON mailboxes.id = placements.mailbox_id
        WHERE placements.due_at IS NOT NULL GROUP BY placements.mailbox_id, events.source, mailboxes.calendar"""


def _statements(words: _Words, size: Size, now: datetime) -> Iterator[tuple[int, str]]:
    """Yield an INSERT for each big table, and how many rows it makes."""
    ago = f"(i - {size.events}) * {max(YEARS_S // size.events, 1)}"
    state_at, ends_at = words.at(now, ago), words.at(now, f"{ago} + (i % 60) * 86400")
    waiting_since = words.at(now, "-(i % 7200)")
    newest_event = f"{size.events} - i + 1"
    yield (
        size.mailboxes,
        f"""
        INSERT INTO mailboxes (id, calendar, address, attempts, failure, succeeded_at)
        SELECT i, CASE WHEN i % 2 = 0 THEN '{DOWN}' ELSE 'ecole' END, 'agent' || i || '@mairie.example', 0,
            CASE WHEN i % 101 = 0 THEN 'mailbox_not_found' END, {waiting_since} FROM {words.series}""",
    )
    yield (
        size.mailboxes,
        f"""
        INSERT INTO agents (platform, ident, email, state_at)
        SELECT 'production', i, 'agent' || i || '@mairie.example', {waiting_since} FROM {words.series}""",
    )
    yield (
        size.mailboxes,
        """
        INSERT INTO agent_words (platform, ident, authority_tag, emitter, authority, email, state_at)
        SELECT platform, ident, '*', 'rdv_service_public', '*', email, state_at FROM agents""",
    )
    yield (
        size.events,
        f"""
        INSERT INTO events (id, uid, platform, model, wire_id, emitter, source, kind, state_at, facts, ends_at, purged,
            ambiguous, delivery, changed_at, unsettled_at, unmapped, failure)
        SELECT i, 'Rdv/' || i || '@production', 'production', 'Rdv', i, 'rdv_service_public',
            CASE WHEN i % 3 = 0 THEN 'ccas' ELSE 'mds' END, 'updated', {state_at}, :facts, {ends_at}, false, false,
            'd' || i, {state_at}, CASE WHEN i % 10 = 0 THEN {waiting_since} END, CASE WHEN i % 97 = 0 THEN 1 ELSE 0 END,
            CASE WHEN i % 1000 = 0 THEN 'recurrence_not_holdable' END FROM {words.series}""",
    )
    yield (
        size.events,
        f"""
        INSERT INTO event_agents (event_id, ident) SELECT i, i % {size.mailboxes} + 1 FROM {words.series}""",
    )
    yield (
        size.events,
        f"""
        INSERT INTO deliveries (id, source, digest, event_id, kind, verdict, state_at, received_at)
        SELECT 'd' || i, CASE WHEN i % 3 = 0 THEN 'ccas' ELSE 'mds' END, {words.digest}, i, 'updated', 'accepted',
            {state_at}, {state_at} FROM {words.series}""",
    )
    yield (
        size.placements,
        f"""
        INSERT INTO placements (event_id, mailbox_id, desired, open_creates, attempts, not_before, failure, gave_up,
            declined, due_at)
        SELECT {newest_event}, i % {size.mailboxes} + 1, 'wish' || i, 0, 0, {waiting_since},
            CASE WHEN i % 200 = 0 THEN 'invalid_item' END, i % 200 = 0, false,
            CASE WHEN i % 200 <> 0 THEN {waiting_since} END FROM {words.series}""",
    )
    yield 1, "INSERT INTO dues (mailbox_id, source, organisation, calendar, known, next_at) " + _DUES
    yield (
        size.placements,
        f"""
        INSERT INTO writes (event_id, mailbox_id, verb, outcome, written_at)
        SELECT {newest_event}, i % {size.mailboxes} + 1, 'create', 'done', {state_at} FROM {words.series}""",
    )


def _few(connection: Connection, now: datetime) -> None:
    """Fill the tables that stay small."""
    counted = [
        {"hour": hour_of(now) - timedelta(hours=ago), "kind": kind, "name": name, "detail": detail, "outcome": outcome}
        for ago in range(7 * 24)
        for (kind, details), outcomes in _OUTCOMES.items()
        for name, detail, outcome in product(CALENDARS if kind == "write" else SOURCES, details, outcomes)
    ]
    ever = [row | {"hour": EVER, "count": 999_999} for row in counted if row["hour"] == hour_of(now)]
    connection.execute(insert(tallies), [*ever, *(row | {"count": 3} for row in counted)])
    connection.execute(
        insert(figures), [{"name": name, "value": value, "taken_at": now} for name, value in _FIGURES.items()]
    )
    connection.execute(insert(heartbeats), [{"name": name, "beat_at": now} for name in ("worker/a", "worker/b", "web")])
    for name in CALENDARS:
        standing = {"name": name, "attempts": 0, "credentials": "", "stuck_calls": 0, "succeeded_at": now}
        trouble = {"failure": "connection_failed", "failing_since": now, "attempts": 4} if name == DOWN else {}
        connection.execute(insert(servers).values(standing | trouble))
