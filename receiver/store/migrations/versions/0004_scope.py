"""For whom each webhook may speak, what each authority told, and what waits for somebody to decide."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from receiver.store.tables import Moment, RowId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest_schema = 3


def upgrade() -> None:
    """Expand. What was known before is taken as told by somebody who may speak for all, as the program before did."""
    _add_columns()
    _create_agent_words()
    _create_set_aside()
    _create_losses()


def downgrade() -> None:
    """Take it back. What was set aside is lost."""
    for table in ("losses", "set_aside", "agent_words"):
        op.drop_table(table)
    for name, columns in _columns().items():
        with op.batch_alter_table(name) as batch:
            for column in columns:
                batch.drop_column(column.name)


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
        ),
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
