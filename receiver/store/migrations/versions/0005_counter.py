"""How far the store has counted, which tells an older copy of it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
oldest_schema = 4


def upgrade() -> None:
    """Expand. A program of before does not count: what it wrote is not told from an older copy."""
    op.add_column("installation", sa.Column("counter", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("installation") as batch:
        batch.drop_column("counter")
