"""${message}."""

from alembic import op
import sqlalchemy as sa

from receiver.store.database.tables import Moment, RowId
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
# The oldest schema whose programs still work after this: the previous one, unless something was taken from them.
oldest_schema = ${int(down_revision)}


def upgrade() -> None:
    """Expand."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take it back."""
    ${downgrades if downgrades else "pass"}
