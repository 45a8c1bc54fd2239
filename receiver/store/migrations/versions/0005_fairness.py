"""Whose turn it is: indexes by source and organisation, in which mailboxes something is due, what nothing refers to."""

import sqlalchemy as sa
from alembic import op

from receiver.store.tables import Moment, RowId

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
oldest_schema = 3


def upgrade() -> None:
    """Expand. What the previous program keeps beside it is found by the indexes too; its `dues` are made up for."""
    with op.batch_alter_table("inbox") as batch:
        batch.add_column(sa.Column("organisation", sa.BigInteger(), nullable=True))
    for table in ("agents", "mailboxes"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("unused_since", Moment(timezone=True), nullable=True))
    _create_dues()
    for name, table, columns, where in _INDEXES:
        condition = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Take it back."""
    for name, table, *_ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("dues")
    for table, column in (("inbox", "organisation"), ("agents", "unused_since"), ("mailboxes", "unused_since")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


_INDEXES = (
    ("ix_inbox_waiting_of", "inbox", ["source", "organisation", "id"], "failure IS NULL"),
    ("ix_events_unsettled_of", "events", ["source", "organisation", "unsettled_at"], "unsettled_at IS NOT NULL"),
    ("ix_agents_unused_since", "agents", ["unused_since"], "unused_since IS NOT NULL"),
    ("ix_mailboxes_unused_since", "mailboxes", ["unused_since"], "unused_since IS NOT NULL"),
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
    for columns in (["calendar", "known", "source", "organisation", "next_at"], ["calendar", "known", "next_at"]):
        op.create_index(op.f(f"ix_dues_{'_'.join(columns)}"), "dues", columns)
    op.execute(
        """
        INSERT INTO dues (mailbox_id, source, organisation, calendar, known, next_at)
        SELECT placements.mailbox_id, events.source, coalesce(events.organisation, 0), mailboxes.calendar,
            mailboxes.identity IS NOT NULL, min(placements.due_at)
        FROM placements
        JOIN events ON events.id = placements.event_id
        JOIN mailboxes ON mailboxes.id = placements.mailbox_id
        WHERE placements.due_at IS NOT NULL
        GROUP BY placements.mailbox_id, events.source, coalesce(events.organisation, 0), mailboxes.calendar,
            mailboxes.identity IS NOT NULL
        """
    )
