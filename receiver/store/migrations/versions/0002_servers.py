"""The standing of calendar servers; numbers of placements that SQLite gives out once."""

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment, RowId

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
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
    _rebuild_placements(autoincrement=True)


def downgrade() -> None:
    """Take it back."""
    _rebuild_placements(autoincrement=False)
    op.drop_table("servers")


def _rebuild_placements(*, autoincrement: bool) -> None:
    """Copy SQLite's table, which is the one way to change how it counts. PostgreSQL never gives a number out twice."""
    if op.get_bind().dialect.name != "sqlite":
        return
    _drop_indexes()
    kept = _placements()
    how = {"sqlite_autoincrement": autoincrement}
    with op.batch_alter_table("placements", copy_from=kept, recreate="always", table_kwargs=how):
        pass
    _create_indexes()


def _drop_indexes() -> None:
    for name in ("ix_placements_due", "ix_placements_due_at"):
        op.drop_index(name, table_name="placements")


def _create_indexes() -> None:
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_placements_due", "placements", ["mailbox_id", "due_at"], sqlite_where=due)
    op.create_index("ix_placements_due_at", "placements", ["due_at"], sqlite_where=due)


def _placements() -> sa.Table:
    """Return the table as 0001 made it."""
    return sa.Table(
        "placements",
        sa.MetaData(),
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
