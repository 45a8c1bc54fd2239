"""Which mailboxes were asked for entries of other installations, and whose entries are there."""

import sqlalchemy as sa
from alembic import op

from receiver.store.database.tables import Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
oldest_schema = 4


def upgrade() -> None:
    """Expand. What was written into before counts as met: its entries are ours."""
    op.add_column("mailboxes", sa.Column("met_at", Moment(timezone=True), nullable=True))
    op.add_column("mailboxes", sa.Column("other_installation", sa.String(length=36), nullable=True))
    op.execute(
        """
        UPDATE mailboxes SET met_at = CURRENT_TIMESTAMP
        WHERE succeeded_at IS NOT NULL OR EXISTS (
            SELECT 1 FROM placements
            WHERE placements.mailbox_id = mailboxes.id
            AND (applied IS NOT NULL OR look_up_at IS NOT NULL OR recheck_at IS NOT NULL)
        )
        """
    )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("mailboxes") as batch:
        batch.drop_column("other_installation")
        batch.drop_column("met_at")
