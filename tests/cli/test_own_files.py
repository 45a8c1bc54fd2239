"""A command that writes where it is told never writes over a file of the service's."""

from pathlib import Path

import pytest

from tests.cli.operator import HERS, Operator

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

NAMES = ["store.db", "store.db-wal", "store.db-shm", "store.db-journal", "store.db.write-lock", "store.db.migrate.lock"]
NAMES += [
    "marker.json",
    "token.key",
    "alertes.json",
    "config.yaml",
    "mailboxes.csv",
    "link-to-the-log",
    "./store.db-wal",
]


@pytest.fixture
def office(operator: Operator) -> Operator:
    operator.tree["store"]["marker"] = str(operator.folder / "marker.json")
    operator.tree["mailboxes"]["csv"] = "mailboxes.csv"
    operator.write()
    (operator.folder / "mailboxes.csv").write_text("agent,mailbox,calendar\n", "utf-8")
    (operator.folder / "link-to-the-log").symlink_to("store.db-wal")
    return operator


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_file_of_the_services_is_refused(office: Operator, name: str) -> None:
    path = f"{office.folder}/{name}"
    before = content_of(office.folder)
    for words in (
        ["backup", path, "--force"],
        ["migrate-store", "--to", f"sqlite:///{path}", "--force"],
        ["diagnose", path],
        ["purge", "--agent", HERS, "--report", path],
    ):
        status, out, told = office.run(*words)
        assert (words, status, out, path.rpartition("/")[2] in told) == (words, 2, "", True)
    assert content_of(office.folder) == before


def test_a_name_beside_them_is_taken(office: Operator) -> None:
    assert office.run("backup", str(office.folder / "store.db-copy"))[0] == 0


def content_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
