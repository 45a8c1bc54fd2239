"""The version after this one: a copy of the program with one more migration, to be run beside it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from receiver.store import migrations

TOP = Path(__file__).parents[2]
PACKAGES = ("receiver", "connectors")
MARK = "next"
"""What a later version writes into the columns that it added."""

MIGRATION = '''\
"""What a later version adds."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
oldest_schema = {oldest}


def upgrade() -> None:
    """Expand."""
    op.add_column("events", sa.Column("novelty{revision}", sa.String(16), nullable=True))
    op.add_column("inbox", sa.Column("novelty{revision}", sa.String(16), nullable=True))
    op.create_table("novelties{revision}", sa.Column("id", sa.BigInteger(), primary_key=True))
'''
TABLES = """
for _table in (events, inbox):
    _table.append_column(Column("novelty{revision}", String(16), default="{mark}", onupdate="{mark}"))
Table("novelties{revision}", metadata, Column("id", BigInteger, primary_key=True))
"""


@dataclass(frozen=True)
class Version:
    """A program that can be started."""

    revision: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes Python take this one's packages, whatever the folder where it is started."""
        return {"PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1"}


def this_version() -> Version:
    """Return the program under test."""
    return Version(migrations.head(), TOP)


def version_after(version: Version, folder: Path, oldest: int) -> Version:
    """Copy a version and add a migration which says that programs from a schema on still work with what it leaves."""
    for package in PACKAGES:
        shutil.copytree(version.folder / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    revision = f"{int(version.revision) + 1:04}"
    script = MIGRATION.format(revision=revision, before=version.revision, oldest=oldest)
    (folder / "receiver/store/migrations/versions" / f"{revision}_next.py").write_text(script, "utf-8")
    with (folder / "receiver/store/database/tables.py").open("a", encoding="utf-8") as tables:
        tables.write(TABLES.format(revision=revision, mark=MARK))
    return Version(revision, folder)
