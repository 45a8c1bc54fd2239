"""What pages, metrics and alerts show; entries read back from calendars; the installation's own standing."""

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment, RowId

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
oldest_schema = 2


def upgrade() -> None:
    """Expand. The daily counts of refused requests, which counts by the hour replace, stay for the previous program."""
    _add_to_installation()
    _create_adopted()
    _create_counts()
    _create_writes()
    _create_tokens()
    _create_inbox()
    for name, table, columns, where in _INDEXES:
        condition = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Take it back; the counts are lost."""
    for name, table, *_ in _INDEXES:
        op.drop_index(name, table_name=table)
    for table in ("inbox", "tokens", "writes", "figures", "tallies", "adopted"):
        op.drop_table(table)
    with op.batch_alter_table("installation") as batch:
        batch.drop_column("oldest_schema")
        batch.drop_column("uninstalled_at")
        batch.drop_column("must_adopt")


_INDEXES = (
    ("ix_events_wire_id", "events", ["wire_id"], ""),
    ("ix_events_failure", "events", ["failure", "changed_at"], "failure IS NOT NULL"),
    ("ix_events_unmapped", "events", ["ends_at"], "unmapped > 0"),
    (
        "ix_placements_failure",
        "placements",
        ["gave_up", "failure", "mailbox_id", "not_before"],
        "failure IS NOT NULL",
    ),
    ("ix_mailboxes_address_calendar", "mailboxes", ["address", "calendar"], ""),
    ("ix_mailboxes_failure", "mailboxes", ["failure", "calendar", "succeeded_at"], "failure IS NOT NULL"),
    ("ix_mailboxes_same_as", "mailboxes", ["same_as"], "same_as IS NOT NULL"),
    ("ix_inbox_failure", "inbox", ["failure"], "failure IS NOT NULL"),
    ("ix_deliveries_source_received_at", "deliveries", ["source", "received_at"], ""),
)


def _add_to_installation() -> None:
    with op.batch_alter_table("installation") as batch:
        batch.add_column(sa.Column("must_adopt", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("uninstalled_at", Moment(timezone=True), nullable=True))
        batch.add_column(sa.Column("oldest_schema", sa.Integer(), nullable=True))


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
    op.create_index(op.f("ix_adopted_uid"), "adopted", ["uid"])


def _create_counts() -> None:
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
    op.create_table(
        "figures",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_figures")),
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
    op.create_index(op.f("ix_writes_event_id"), "writes", ["event_id"])
    op.create_index(op.f("ix_writes_written_at"), "writes", ["written_at"])


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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
