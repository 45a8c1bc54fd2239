"""For whom each webhook may speak, what waits for somebody to decide, whose turn it is, what nothing refers to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment, RowId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest_schema = 3


def upgrade() -> None:
    """Expand. What was known before is taken as told by somebody who may speak for all, as the program before did.

    What that program keeps beside this one is found by the new indexes too; its `dues` are made up for.
    """
    _add_columns()
    _create_agent_words()
    _create_set_aside()
    _create_losses()
    _create_dues()
    for name, table, columns, where in _INDEXES:
        condition = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Take it back. What was set aside is lost."""
    for name, table, *_ in _INDEXES:
        op.drop_index(name, table_name=table)
    for table in ("dues", "losses", "set_aside", "agent_words"):
        op.drop_table(table)
    for name, columns in _columns().items():
        with op.batch_alter_table(name) as batch:
            for column in columns:
                batch.drop_column(column.name)


_INDEXES = (
    ("ix_inbox_waiting_of", "inbox", ["source", "organisation", "id"], "failure IS NULL"),
    ("ix_events_unsettled_of", "events", ["source", "organisation", "unsettled_at"], "unsettled_at IS NOT NULL"),
    ("ix_agents_unused_since", "agents", ["unused_since"], "unused_since IS NOT NULL"),
    ("ix_mailboxes_unused_since", "mailboxes", ["unused_since"], "unused_since IS NOT NULL"),
)


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "events": (
            sa.Column("tellers", sa.Text(), nullable=True),
            sa.Column("never_known", sa.Boolean(), nullable=False, server_default=sa.false()),
        ),
        "roles": (
            sa.Column("organisation", sa.BigInteger(), nullable=True),
            sa.Column("authority", sa.Text(), nullable=True),
        ),
        "inbox": (
            sa.Column("authority", sa.Text(), nullable=True),
            sa.Column("signed_by", sa.String(length=80), nullable=True),
            sa.Column("organisation", sa.BigInteger(), nullable=True),
        ),
        "agents": (sa.Column("unused_since", Moment(timezone=True), nullable=True),),
        "mailboxes": (sa.Column("unused_since", Moment(timezone=True), nullable=True),),
    }


def _add_columns() -> None:
    for name, columns in _columns().items():
        for column in columns:
            op.add_column(name, column)


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
    op.create_index(op.f("ix_set_aside_event_id"), "set_aside", ["event_id"])
    op.create_index(op.f("ix_set_aside_reason_set_aside_at"), "set_aside", ["reason", "set_aside_at"])
    op.create_index(op.f("ix_set_aside_platform_ident"), "set_aside", ["platform", "ident"])


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
