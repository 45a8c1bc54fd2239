"""The schema as it began; each later change has a migration of its own.

It has the number of the last migration that it replaced, so that a database with that number stays current.
"""

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment, RowId

revision = "0006"
down_revision = None
branch_labels = None
depends_on = None
oldest_schema = 4


def upgrade() -> None:
    """Create all tables and indexes."""
    _create_agent_words()
    _create_agents()
    _create_events()
    _create_figures()
    _create_heartbeats()
    _create_inbox()
    _create_installation()
    _create_losses()
    _create_mailboxes()
    _create_rejections()
    _create_roles()
    _create_rulesets()
    _create_servers()
    _create_set_aside()
    _create_tallies()
    _create_tokens()
    _create_adopted()
    _create_deliveries()
    _create_dues()
    _create_event_agents()
    _create_placements()
    _create_writes()
    for name, table, columns, where in _INDEXES:
        condition = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


_INDEXES = (
    ("ix_agents_unused_since", "agents", ["unused_since"], "unused_since IS NOT NULL"),
    ("ix_events_destroyed_at", "events", ["destroyed_at"], "destroyed_at IS NOT NULL"),
    ("ix_events_failure", "events", ["failure", "changed_at"], "failure IS NOT NULL"),
    ("ix_events_unmapped", "events", ["ends_at"], "unmapped > 0"),
    ("ix_events_unsettled_at", "events", ["unsettled_at"], "unsettled_at IS NOT NULL"),
    ("ix_events_unsettled_of", "events", ["source", "organisation", "unsettled_at"], "unsettled_at IS NOT NULL"),
    ("ix_events_wire_id", "events", ["wire_id"], ""),
    ("ix_inbox_failure", "inbox", ["failure"], "failure IS NOT NULL"),
    ("ix_inbox_waiting_of", "inbox", ["source", "organisation", "id"], "failure IS NULL"),
    ("ix_mailboxes_address_calendar", "mailboxes", ["address", "calendar"], ""),
    ("ix_mailboxes_failure", "mailboxes", ["failure", "calendar", "succeeded_at"], "failure IS NOT NULL"),
    ("ix_mailboxes_same_as", "mailboxes", ["same_as"], "same_as IS NOT NULL"),
    ("ix_mailboxes_unused_since", "mailboxes", ["unused_since"], "unused_since IS NOT NULL"),
    ("ix_roles_platform_ident", "roles", ["platform", "ident"], ""),
    ("ix_set_aside_event_id", "set_aside", ["event_id"], ""),
    ("ix_set_aside_platform_ident", "set_aside", ["platform", "ident"], ""),
    ("ix_set_aside_reason_set_aside_at", "set_aside", ["reason", "set_aside_at"], ""),
    ("ix_adopted_uid", "adopted", ["uid"], ""),
    ("ix_deliveries_event_id", "deliveries", ["event_id"], ""),
    ("ix_deliveries_received_at", "deliveries", ["received_at"], ""),
    ("ix_deliveries_source_received_at", "deliveries", ["source", "received_at"], ""),
    ("ix_dues_calendar_known_next_at", "dues", ["calendar", "known", "next_at"], ""),
    (
        "ix_dues_calendar_known_source_organisation_next_at",
        "dues",
        ["calendar", "known", "source", "organisation", "next_at"],
        "",
    ),
    ("ix_event_agents_ident", "event_agents", ["ident"], ""),
    ("ix_placements_due", "placements", ["mailbox_id", "due_at"], "due_at IS NOT NULL"),
    ("ix_placements_due_at", "placements", ["due_at"], "due_at IS NOT NULL"),
    ("ix_placements_failure", "placements", ["gave_up", "failure", "mailbox_id", "not_before"], "failure IS NOT NULL"),
    ("ix_writes_event_id", "writes", ["event_id"], ""),
    ("ix_writes_written_at", "writes", ["written_at"], ""),
)


def _create_agent_words() -> None:
    op.create_table(
        "agent_words",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.Column("authority_tag", sa.String(length=16), nullable=False),
        sa.Column("emitter", sa.String(length=40), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("former_email", sa.String(length=320), nullable=True),
        sa.Column("former_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("platform", "ident", "authority_tag", "emitter", name=op.f("pk_agent_words")),
    )


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("former_email", sa.String(length=320), nullable=True),
        sa.Column("former_at", Moment(timezone=True), nullable=True),
        sa.Column("roles_gone_at", Moment(timezone=True), nullable=True),
        sa.Column("unused_since", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("platform", "ident", name=op.f("pk_agents")),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", RowId, nullable=False),
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("wire_id", sa.BigInteger(), nullable=True),
        sa.Column("uuid", sa.String(length=64), nullable=True),
        sa.Column("organisation", sa.BigInteger(), nullable=True),
        sa.Column("emitter", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("occurred_at", Moment(timezone=True), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("ends_at", Moment(timezone=True), nullable=True),
        sa.Column("purged", sa.Boolean(), nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("destroyed_at", Moment(timezone=True), nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("changed_at", Moment(timezone=True), nullable=False),
        sa.Column("unsettled_at", Moment(timezone=True), nullable=True),
        sa.Column("unmapped", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("tellers", sa.Text(), nullable=True),
        sa.Column("never_known", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("platform", "model", "uuid", name=op.f("uq_events_platform_model_uuid")),
        sa.UniqueConstraint("platform", "model", "wire_id", name=op.f("uq_events_platform_model_wire_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_events_uid")),
    )


def _create_figures() -> None:
    op.create_table(
        "figures",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_figures")),
    )


def _create_heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("beat_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", RowId, nullable=False),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("emitter", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sort", sa.String(length=16), nullable=False),
        sa.Column("news", sa.Text(), nullable=False),
        sa.Column("received_at", Moment(timezone=True), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("signed_by", sa.String(length=80), nullable=True),
        sa.Column("organisation", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )


def _create_installation() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("must_adopt", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("uninstalled_at", Moment(timezone=True), nullable=True),
        sa.Column("oldest_schema", sa.Integer(), nullable=True),
        sa.Column("counter", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )


def _create_losses() -> None:
    op.create_table(
        "losses",
        sa.Column("authority_tag", sa.String(length=16), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("span", sa.String(length=8), nullable=False),
        sa.Column("starts_at", Moment(timezone=True), nullable=False),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("authority_tag", "platform", "span", "starts_at", name=op.f("pk_losses")),
    )


def _create_mailboxes() -> None:
    op.create_table(
        "mailboxes",
        sa.Column("id", RowId, nullable=False),
        sa.Column("calendar", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=512), nullable=False),
        sa.Column("identity", sa.String(length=512), nullable=True),
        sa.Column("same_as", RowId, nullable=True),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("leased_until", Moment(timezone=True), nullable=True),
        sa.Column("blocked_until", Moment(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("succeeded_at", Moment(timezone=True), nullable=True),
        sa.Column("unused_since", Moment(timezone=True), nullable=True),
        sa.Column("met_at", Moment(timezone=True), nullable=True),
        sa.Column("other_installation", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["same_as"], ["mailboxes.id"], name=op.f("fk_mailboxes_same_as_mailboxes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint("calendar", "address", name=op.f("uq_mailboxes_calendar_address")),
    )


def _create_rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "reason", name=op.f("pk_rejections")),
    )


def _create_roles() -> None:
    op.create_table(
        "roles",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("wire_id", sa.BigInteger(), nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("organisation", sa.BigInteger(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("platform", "wire_id", name=op.f("pk_roles")),
    )


def _create_rulesets() -> None:
    op.create_table(
        "rulesets",
        sa.Column("id", RowId, nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("proposed_at", Moment(timezone=True), nullable=False),
        sa.Column("adopted_at", Moment(timezone=True), nullable=True),
        sa.Column("removals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rulesets")),
    )


def _create_servers() -> None:
    op.create_table(
        "servers",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("failing_since", Moment(timezone=True), nullable=True),
        sa.Column("blocked_until", Moment(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("probe", sa.String(length=16), nullable=True),
        sa.Column("probe_until", Moment(timezone=True), nullable=True),
        sa.Column("succeeded_at", Moment(timezone=True), nullable=True),
        sa.Column("throttled_at", Moment(timezone=True), nullable=True),
        sa.Column("credentials", sa.String(length=4), nullable=False),
        sa.Column("stuck_calls", sa.Integer(), nullable=False),
        sa.Column("stuck_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_servers")),
    )


def _create_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("id", RowId, nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("set_aside_at", Moment(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("ident", sa.String(length=40), nullable=True),
        sa.Column("organisation", sa.BigInteger(), nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("emitter", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sort", sa.String(length=16), nullable=False),
        sa.Column("news", sa.Text(), nullable=False),
        sa.Column("received_at", Moment(timezone=True), nullable=False),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("signed_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
        sqlite_autoincrement=True,
    )


def _create_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("hour", Moment(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "kind", "name", "detail", "outcome", name=op.f("pk_tallies")),
    )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("expires_at", Moment(timezone=True), nullable=False),
        sa.Column("revoked_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )


def _create_adopted() -> None:
    op.create_table(
        "adopted",
        sa.Column("mailbox_id", RowId, nullable=False),
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("found_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_adopted_mailbox_id_mailboxes")),
        sa.PrimaryKeyConstraint("mailbox_id", "uid", name=op.f("pk_adopted")),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("event_id", RowId, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("received_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_deliveries_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("source", "digest", name=op.f("uq_deliveries_source_digest")),
    )


def _create_dues() -> None:
    op.create_table(
        "dues",
        sa.Column("mailbox_id", RowId, nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.BigInteger(), nullable=False),
        sa.Column("calendar", sa.String(length=40), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("next_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailboxes.id"], name=op.f("fk_dues_mailbox_id_mailboxes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mailbox_id", "source", "organisation", name=op.f("pk_dues")),
    )


def _create_event_agents() -> None:
    op.create_table(
        "event_agents",
        sa.Column("event_id", RowId, nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_agents_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "ident", name=op.f("pk_event_agents")),
    )


def _create_placements() -> None:
    op.create_table(
        "placements",
        sa.Column("id", RowId, nullable=False),
        sa.Column("event_id", RowId, nullable=False),
        sa.Column("mailbox_id", RowId, nullable=False),
        sa.Column("desired", sa.String(length=32), nullable=True),
        sa.Column("applied", sa.String(length=32), nullable=True),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("attempted", sa.String(length=16), nullable=True),
        sa.Column("look_up_at", Moment(timezone=True), nullable=True),
        sa.Column("recheck_at", Moment(timezone=True), nullable=True),
        sa.Column("open_creates", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Moment(timezone=True), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("gave_up", sa.Boolean(), nullable=False),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.Column("due_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_placements_event_id_events")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_placements_mailbox_id_mailboxes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placements")),
        sa.UniqueConstraint("event_id", "mailbox_id", name=op.f("uq_placements_event_id_mailbox_id")),
        sqlite_autoincrement=True,
    )


def _create_writes() -> None:
    op.create_table(
        "writes",
        sa.Column("id", RowId, nullable=False),
        sa.Column("event_id", RowId, nullable=False),
        sa.Column("mailbox_id", RowId, nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("written_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_writes_event_id_events"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_writes_mailbox_id_mailboxes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writes")),
    )
