"""Indexes for the references to a mailbox: each hour the worker checks for every mailbox whether it is still used."""

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
# Indexes concern no program: programs of the schema before work with this one.
oldest_schema = 4

_DUE = text("due_at IS NOT NULL")


def upgrade() -> None:
    """Expand."""
    op.drop_index("ix_placements_due", "placements")
    op.create_index("ix_placements_mailbox_id_due_at", "placements", ["mailbox_id", "due_at"])
    op.create_index("ix_writes_mailbox_id", "writes", ["mailbox_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_writes_mailbox_id", "writes")
    op.drop_index("ix_placements_mailbox_id_due_at", "placements")
    op.create_index(
        "ix_placements_due", "placements", ["mailbox_id", "due_at"], sqlite_where=_DUE, postgresql_where=_DUE
    )
