"""The tables. Times are UTC; nothing of an usager has a column."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is auto-incremented in SQLite


class Moment(TypeDecorator[datetime]):
    """An aware moment: TIMESTAMPTZ in PostgreSQL, sortable UTC text in SQLite. Naive moments are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    # Own processors, for speed, as each batch writes and reads thousands of moments: a `TypeDecorator` adds calls to
    # SQLAlchemy's processors, which also format by a template.

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object]:
        """Return the function that makes the stored value of a moment; SQLite stores no offset."""
        return _as_text if dialect.name == "sqlite" else _in_utc

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], datetime | None]:
        """Return the function that makes an aware moment."""
        return _from_text if dialect.name == "sqlite" else _in_utc


def _as_text(value: datetime | None) -> str | None:
    moment = _in_utc(value)
    return None if moment is None else moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"naive moment: {value.isoformat()}")
    return value.astimezone(UTC)


installation = Table(
    "installation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest_key", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    # True in a restored copy: the calendars must be read before anything is written.
    Column("must_adopt", Boolean, nullable=False, server_default=false()),
    Column("uninstalled_at", Moment),  # since when every entry is being removed for good
    # The oldest schema whose programs work with this one. The column stays: older programs read it in every newer
    # schema.
    Column("oldest_schema", Integer),
    # The number of claimed batches of work; in a restored copy it is lower than in the marker.
    Column("counter", BigInteger, nullable=False, server_default="0"),
)

events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("uid", String(255), nullable=False, unique=True),
    Column("platform", String(40), nullable=False),
    Column("model", String(40), nullable=False),
    Column("wire_id", BigInteger, index=True),
    Column("uuid", String(64)),
    Column("organisation", BigInteger),
    # The source of the facts, and their age.
    Column("emitter", String(40), nullable=False),
    Column("source", String(40), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("occurred_at", Moment),
    Column("facts", Text),  # null: destroyed, and nothing is kept
    Column("ends_at", Moment),
    Column("purged", Boolean, nullable=False),
    Column("ambiguous", Boolean, nullable=False),
    Column("destroyed_at", Moment),
    Column("delivery", String(32), nullable=False),  # the webhook that brought the facts
    Column("changed_at", Moment, nullable=False),
    # Null: every placement agrees with the facts; else since when some may not.
    Column("unsettled_at", Moment),
    Column("unmapped", Integer, nullable=False),  # agents that nothing maps to a mailbox
    Column("failure", String(64)),  # why no calendar can show it
    # Of an absence, or a tombstone of an event that was never known: the authorities under which it was sent.
    Column("tellers", Text),
    Column("never_known", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("platform", "model", "wire_id"),
    UniqueConstraint("platform", "model", "uuid"),
)
Index(
    "ix_events_unsettled_at",
    events.c.unsettled_at,
    postgresql_where=events.c.unsettled_at.is_not(None),
    sqlite_where=events.c.unsettled_at.is_not(None),
)
Index(
    "ix_events_unsettled_of",  # which event is settled next
    events.c.source,
    events.c.organisation,
    events.c.unsettled_at,
    postgresql_where=events.c.unsettled_at.is_not(None),
    sqlite_where=events.c.unsettled_at.is_not(None),
)
Index(
    "ix_events_destroyed_at",
    events.c.destroyed_at,
    postgresql_where=events.c.destroyed_at.is_not(None),
    sqlite_where=events.c.destroyed_at.is_not(None),
)

Index(
    "ix_events_failure",
    events.c.failure,
    events.c.changed_at,
    postgresql_where=events.c.failure.is_not(None),
    sqlite_where=events.c.failure.is_not(None),
)
Index(
    "ix_events_unmapped",
    events.c.ends_at,
    postgresql_where=events.c.unmapped > 0,
    sqlite_where=events.c.unmapped > 0,
)

agents = Table(
    "agents",
    metadata,
    Column("platform", String(40), primary_key=True),
    Column("ident", String(40), primary_key=True),
    Column("email", String(320)),
    Column("state_at", Moment, nullable=False),
    Column("former_email", String(320)),  # the last real e-mail of an agent who left the platform
    Column("former_at", Moment),  # the age of that e-mail
    Column("roles_gone_at", Moment),  # when the last role in an organisation was lost
    Column("unused_since", Moment),  # since when nothing is known to refer to it
)
Index(
    "ix_agents_unused_since",
    agents.c.unused_since,
    postgresql_where=agents.c.unused_since.is_not(None),
    sqlite_where=agents.c.unused_since.is_not(None),
)

agent_words = Table(
    "agent_words",
    metadata,
    # What each authority states of an agent. `agents` holds the newest statement, which older programs read.
    Column("platform", String(40), primary_key=True),
    Column("ident", String(40), primary_key=True),
    Column("authority_tag", String(16), primary_key=True),
    Column("emitter", String(40), primary_key=True),
    Column("authority", Text, nullable=False),
    Column("email", String(320)),
    Column("state_at", Moment, nullable=False),
    Column("former_email", String(320)),
    Column("former_at", Moment),
)

roles = Table(
    "roles",
    metadata,
    Column("platform", String(40), primary_key=True),
    Column("wire_id", BigInteger, primary_key=True),
    Column("ident", String(40), nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("organisation", BigInteger),  # null: received before organisations of roles were kept
    Column("authority", Text),  # the authority under which it was last sent; null: unknown
    Index(None, "platform", "ident"),
)

rulesets = Table(
    "rulesets",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("fingerprint", String(32), nullable=False),
    Column("content", Text, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("adopted_at", Moment),  # null: held until an operator confirms it
    Column("removals", Integer, nullable=False),  # entries that it removes from calendars
)

event_agents = Table(
    "event_agents",
    metadata,
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("ident", String(40), primary_key=True),
    Index(None, "ident"),
)

placements = Table(
    "placements",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("event_id", ForeignKey("events.id"), nullable=False),
    Column("mailbox_id", ForeignKey("mailboxes.id"), nullable=False),
    Column("desired", String(32)),
    Column("applied", String(32)),
    Column("item_id", Text),
    Column("attempted", String(16)),
    Column("look_up_at", Moment),
    Column("recheck_at", Moment),
    Column("open_creates", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("failure", String(64)),
    Column("gave_up", Boolean, nullable=False),
    Column("declined", Boolean, nullable=False),
    Column("due_at", Moment),  # computed from the columns above, for the index
    UniqueConstraint("event_id", "mailbox_id"),
    Index(None, "mailbox_id", "due_at"),
    sqlite_autoincrement=True,  # a reused id would be mistaken for the deleted row
)
Index(
    "ix_placements_due_at",
    placements.c.due_at,
    postgresql_where=placements.c.due_at.is_not(None),
    sqlite_where=placements.c.due_at.is_not(None),
)

Index(
    "ix_placements_failure",
    placements.c.gave_up,
    placements.c.failure,
    placements.c.mailbox_id,
    placements.c.not_before,
    postgresql_where=placements.c.failure.is_not(None),
    sqlite_where=placements.c.failure.is_not(None),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("calendar", String(40), nullable=False),
    Column("address", String(512), nullable=False),
    Column("identity", String(512)),  # its primary address, as the server reports it; null: never asked
    Column("same_as", ForeignKey("mailboxes.id")),  # another address of that mailbox: entries go there
    # The lease of the worker that is writing into it.
    Column("lease", String(32)),
    Column("leased_until", Moment),
    # A trouble of the mailbox, and until when it is not tried.
    Column("blocked_until", Moment),
    Column("attempts", Integer, nullable=False),
    Column("failure", String(64)),
    Column("succeeded_at", Moment),
    Column("unused_since", Moment),  # since when nothing is known to refer to it
    # When it was checked for entries of other installations, or first written into before such checks; null: never.
    Column("met_at", Moment),
    Column("other_installation", String(36)),  # for the failure of that name: the installation whose entries are there
    UniqueConstraint("calendar", "address"),
    Index(None, "address", "calendar"),
)
Index(
    "ix_mailboxes_unused_since",
    mailboxes.c.unused_since,
    postgresql_where=mailboxes.c.unused_since.is_not(None),
    sqlite_where=mailboxes.c.unused_since.is_not(None),
)

Index(
    "ix_mailboxes_failure",
    mailboxes.c.failure,
    mailboxes.c.calendar,
    mailboxes.c.succeeded_at,
    postgresql_where=mailboxes.c.failure.is_not(None),
    sqlite_where=mailboxes.c.failure.is_not(None),
)

Index(
    "ix_mailboxes_same_as",
    mailboxes.c.same_as,
    postgresql_where=mailboxes.c.same_as.is_not(None),
    sqlite_where=mailboxes.c.same_as.is_not(None),
)

dues = Table(
    "dues",
    metadata,
    # The mailboxes in which something is due, by source and organisation, to choose the next: from `placements`.
    # A row too many or too early costs a query; a missing one is added within a minute.
    Column("mailbox_id", ForeignKey("mailboxes.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("organisation", BigInteger, primary_key=True),  # 0: none
    Column("calendar", String(40), nullable=False),  # the mailbox's
    Column("known", Boolean, nullable=False),  # whether the server knows the mailbox, by its last answer
    # Nothing is due earlier: the first change is due then, or the mailbox's trouble or lease ends.
    Column("next_at", Moment, nullable=False),
    Index(None, "calendar", "known", "source", "organisation", "next_at"),
    Index(None, "calendar", "known", "next_at"),
)

servers = Table(
    "servers",
    metadata,
    Column("name", String(40), primary_key=True),  # a calendar of the configuration
    # A trouble of the whole server, or a pause that it asked for, and until when it is not tried.
    Column("failure", String(64)),
    Column("failing_since", Moment),
    Column("blocked_until", Moment),
    Column("attempts", Integer, nullable=False),
    # The one caller of all hosts that probes whether it works.
    Column("probe", String(16)),
    Column("probe_until", Moment),
    Column("succeeded_at", Moment),
    Column("throttled_at", Moment),
    # Two characters depend on the account, two on the rest: enough to detect a change, too few to guess the secret.
    Column("credentials", String(4), nullable=False),
    Column("stuck_calls", Integer, nullable=False),
    Column("stuck_at", Moment),
)

adopted = Table(
    "adopted",
    metadata,
    # An entry of ours that was read back from a mailbox, until its event is settled and a placement has it.
    Column("mailbox_id", ForeignKey("mailboxes.id"), primary_key=True),
    Column("uid", String(255), primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("found_at", Moment, nullable=False),
    Index(None, "uid"),
)

inbox = Table(
    "inbox",
    metadata,
    # Webhooks that were answered 2xx and are not judged yet. Few indexes: an append costs little.
    Column("id", RowId, primary_key=True),
    Column("delivery", String(32), nullable=False),
    Column("source", String(40), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("emitter", String(40), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("sort", String(16), nullable=False),  # the kind of news: an event, an agent or a role
    Column("news", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("failure", String(64)),  # why it could not be judged; it waits until a worker starts
    Column("authority", Text),  # the organisations it may speak for; null: an older program kept it
    Column("signed_by", String(80)),  # the short names of the secrets that signed it
    Column("organisation", BigInteger),  # as the news say
)
Index(
    "ix_inbox_waiting_of",  # which webhook is judged next
    inbox.c.source,
    inbox.c.organisation,
    inbox.c.id,
    postgresql_where=inbox.c.failure.is_(None),
    sqlite_where=inbox.c.failure.is_(None),
)
Index(
    "ix_inbox_failure",
    inbox.c.failure,
    postgresql_where=inbox.c.failure.is_not(None),
    sqlite_where=inbox.c.failure.is_not(None),
)

set_aside = Table(
    "set_aside",
    metadata,
    # Webhooks that were judged and change nothing until an operator decides.
    Column("id", RowId, primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("model", String(40), nullable=False),
    Column("set_aside_at", Moment, nullable=False),
    Column("entries", Integer, nullable=False),  # the number of entries that it would remove
    Column("event_id", BigInteger, index=True),  # the event that it concerns; null: news of an agent
    Column("ident", String(40)),  # the agent that it concerns; null: news of an event
    Column("organisation", BigInteger),  # the organisation of that event
    Column("delivery", String(32), nullable=False),
    Column("source", String(40), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("emitter", String(40), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("sort", String(16), nullable=False),
    Column("news", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("authority", Text),
    Column("signed_by", String(80)),
    Index(None, "reason", "set_aside_at"),
    Index(None, "platform", "ident"),
    sqlite_autoincrement=True,  # an id that an operator decides on is never reused
)

losses = Table(
    "losses",
    metadata,
    # What one authority removed from calendars within an hour or a day, and the number of entries at its beginning.
    Column("authority_tag", String(16), primary_key=True),
    Column("platform", String(40), primary_key=True),
    Column("span", String(8), primary_key=True),
    Column("starts_at", Moment, primary_key=True),
    Column("live", Integer),  # null: too little was removed to count it
    Column("removed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), index=True),  # null: news of an agent
    Column("kind", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("state_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    UniqueConstraint("source", "digest"),
    Index(None, "source", "received_at"),
)

rejections = Table(  # the first release's counts, which `tallies` replaces: nothing reads it; the next release drops it
    "rejections",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("beat_at", Moment, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("hour", Moment, primary_key=True),
    Column("kind", String(16), primary_key=True),  # webhook, refused or write
    Column("name", String(40), primary_key=True),  # the source or the calendar
    Column("detail", String(40), primary_key=True),  # the model or the verb
    Column("outcome", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

figures = Table(
    "figures",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("taken_at", Moment, nullable=False),
)

writes = Table(
    "writes",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("mailbox_id", ForeignKey("mailboxes.id"), nullable=False, index=True),
    Column("verb", String(16), nullable=False),
    Column("outcome", String(64), nullable=False),  # done, or the code of the failure
    Column("written_at", Moment, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("label", String(80), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
