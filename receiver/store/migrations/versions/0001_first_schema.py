"""The first schema."""

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment, RowId

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "agents",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.Column("former_email", sa.String(length=320), nullable=True),
        sa.Column("former_at", Moment(timezone=True), nullable=True),
        sa.Column("roles_gone_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("platform", "ident", name=op.f("pk_agents")),
    )
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("platform", "model", "uuid", name=op.f("uq_events_platform_model_uuid")),
        sa.UniqueConstraint("platform", "model", "wire_id", name=op.f("uq_events_platform_model_wire_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_events_uid")),
    )
    op.create_index(
        "ix_events_destroyed_at",
        "events",
        ["destroyed_at"],
        unique=False,
        postgresql_where=sa.text("destroyed_at IS NOT NULL"),
        sqlite_where=sa.text("destroyed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_events_unsettled_at",
        "events",
        ["unsettled_at"],
        unique=False,
        postgresql_where=sa.text("unsettled_at IS NOT NULL"),
        sqlite_where=sa.text("unsettled_at IS NOT NULL"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("beat_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
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
        sa.ForeignKeyConstraint(["same_as"], ["mailboxes.id"], name=op.f("fk_mailboxes_same_as_mailboxes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint("calendar", "address", name=op.f("uq_mailboxes_calendar_address")),
    )
    op.create_table(
        "rejections",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "reason", name=op.f("pk_rejections")),
    )
    op.create_table(
        "roles",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("wire_id", sa.BigInteger(), nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("state_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "wire_id", name=op.f("pk_roles")),
    )
    op.create_index(op.f("ix_roles_platform_ident"), "roles", ["platform", "ident"], unique=False)
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
    op.create_index(op.f("ix_deliveries_event_id"), "deliveries", ["event_id"], unique=False)
    op.create_index(op.f("ix_deliveries_received_at"), "deliveries", ["received_at"], unique=False)
    op.create_table(
        "event_agents",
        sa.Column("event_id", RowId, nullable=False),
        sa.Column("ident", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_agents_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "ident", name=op.f("pk_event_agents")),
    )
    op.create_index(op.f("ix_event_agents_ident"), "event_agents", ["ident"], unique=False)
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
    )
    op.create_index(
        "ix_placements_due",
        "placements",
        ["mailbox_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_placements_due_at",
        "placements",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index(
        "ix_placements_due_at",
        table_name="placements",
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_placements_due",
        table_name="placements",
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("placements")
    op.drop_index(op.f("ix_event_agents_ident"), table_name="event_agents")
    op.drop_table("event_agents")
    op.drop_index(op.f("ix_deliveries_received_at"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_event_id"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("rulesets")
    op.drop_index(op.f("ix_roles_platform_ident"), table_name="roles")
    op.drop_table("roles")
    op.drop_table("rejections")
    op.drop_table("mailboxes")
    op.drop_table("installation")
    op.drop_table("heartbeats")
    op.drop_index(
        "ix_events_unsettled_at",
        table_name="events",
        postgresql_where=sa.text("unsettled_at IS NOT NULL"),
        sqlite_where=sa.text("unsettled_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_events_destroyed_at",
        table_name="events",
        postgresql_where=sa.text("destroyed_at IS NOT NULL"),
        sqlite_where=sa.text("destroyed_at IS NOT NULL"),
    )
    op.drop_table("events")
    op.drop_table("agents")
