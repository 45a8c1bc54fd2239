"""`backup` and `migrate-store`: what an operator types, and what goes on from the copy."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.store import Store, heartbeats
from tests.cli.operator import HERS, Operator
from tests.databases import new_database, sqlalchemy_url
from tests.makers import MARTINE, a_delivery


@pytest.fixture
def office(operator: Operator) -> Operator:
    """One appointment, written."""
    operator.hear(a_delivery(agents=(MARTINE,)))
    operator.work()
    return operator


@pytest.fixture
def target(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address, as it is typed, of an empty database of the other kind."""
    if store_url.startswith("sqlite"):
        cluster, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated_postgres")
        return new_database(cluster, template)
    return f"sqlite:///{tmp_path}/moved.db"


def test_a_backup_says_what_it_holds(office: Operator) -> None:
    path = office.folder / "copie.db"
    status, report = office.report("backup", str(path))
    assert (status, report["file"], report["must_adopt"]) == (0, str(path), True)
    assert (report["rows"]["events"], report["rows"]["placements"]) == (1, 1)
    assert report["size"] == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_restored_backup_writes_nothing_before_it_has_read_the_calendars(office: Operator) -> None:
    """What was written since it was made would be written twice."""
    path = office.folder / "copie.db"
    assert office.run("backup", str(path))[0] == 0
    office.hear(a_delivery(1, agents=(MARTINE,), wire_id=2, uuid="u2"))
    office.work()
    assert office.entries(HERS) == 2
    office.store.close()
    office.tree["store"]["url"] = f"sqlite:///{path}"
    office.write()
    office.store = Store(f"sqlite:///{path}")
    office.hear(a_delivery(1, agents=(MARTINE,), wire_id=2, uuid="u2"))
    office.work()
    assert office.entries(HERS) == 2
    assert office.store.installation().must_adopt
    office.run("adopt")
    assert not office.store.installation().must_adopt
    office.work()
    assert office.entries(HERS) == 2, "what was written since is taken over, not doubled"


def test_a_file_that_is_there_is_replaced_only_where_that_is_asked(office: Operator) -> None:
    path = office.folder / "copie.db"
    path.write_bytes(b"yesterday's")
    status, out, told = office.run("backup", str(path))
    assert (status, out, path.read_bytes()) == (2, "", b"yesterday's")
    assert str(path) in told
    assert office.run("backup", str(path), "--force")[0] == 0
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_a_folder_that_is_missing_is_told(office: Operator) -> None:
    status, out, told = office.run("backup", str(office.folder / "no" / "copie.db"))
    assert (status, out) == (1, "")
    assert "copie.db" in told


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_store_itself_is_no_file_for_its_copy(office: Operator) -> None:
    path = office.url.removeprefix("sqlite:///")
    before = Path(path).read_bytes()
    assert office.run("backup", path, "--force")[0] == 2
    assert Path(path).read_bytes() == before


def test_the_store_moves_and_a_worker_goes_on(office: Operator, target: str) -> None:
    status, out, _ = office.run("migrate-store", "--to", target)
    assert status == 0
    assert f"  url: {target}" in out
    office.store.close()
    office.tree["store"]["url"] = target
    office.write()
    office.store = Store(sqlalchemy_url(target))
    assert not office.store.installation().must_adopt
    office.hear(a_delivery(1, agents=(MARTINE,), motif="Another"))
    office.hear(a_delivery(1, agents=(MARTINE,), wire_id=2, uuid="u2"))
    office.work()
    assert office.entries(HERS) == 2, "one was changed where it stands, one is new"
    file = Path(target.removeprefix("sqlite:///"))
    assert not target.startswith("sqlite") or stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["worker/here/1", "web"])
def test_while_the_service_runs_nothing_moves(office: Operator, target: str, name: str) -> None:
    office.store.write(heartbeats.beat, name, office.store.now())
    status, out, told = office.run("migrate-store", "--to", target)
    assert (status, out) == (1, "")
    assert name in told
    office.clock["now"] += timedelta(seconds=31)
    assert office.run("migrate-store", "--to", target)[0] == 0


def test_whoever_insists_gets_what_was_there_at_one_moment(office: Operator, target: str) -> None:
    office.store.write(heartbeats.beat, "worker/here/1", office.store.now())
    status, report = office.report("migrate-store", "--to", target, "--force")
    assert (status, report["url"], report["rows"]["events"]) == (0, target, 1)


def test_a_store_that_knows_something_is_not_written_over(office: Operator, target: str) -> None:
    assert office.run("migrate-store", "--to", target)[0] == 0
    status, out, told = office.run("migrate-store", "--to", target)
    assert (status, out) == (1, "")
    assert told


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [
        ["--to", "mysql://x/y"],
        ["--to", "sqlite:///relative.db"],
        ["--to", "postgresql://rdv:canary@h/rdv"],
        ["--to", "postgresql://rdv@h/rdv", "--password-env", "RDV_NOBODY_SET"],
        ["--to", "sqlite:////tmp/x.db", "--password-env", "RDV_SECRET"],
    ],
)
def test_an_address_that_is_none_is_a_mistake(office: Operator, words: list[str]) -> None:
    status, out, told = office.run("migrate-store", *words)
    assert (status, out) == (2, "")
    assert told
    assert "canary" not in told


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_password_is_named_and_never_shown(office: Operator, postgres: str, migrated_postgres: str) -> None:
    address = new_database(postgres, migrated_postgres)
    status, out, told = office.run("migrate-store", "--to", address, "--password-env", "RDV_SECRET")
    assert status == 0
    assert "password: {env: RDV_SECRET}" in out
    assert "a-signing-secret" not in out + told


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_told(office: Operator) -> None:
    status, out, _ = office.run("migrate-store", "--to", "postgresql://rdv@127.0.0.1:1/rdv", "--json")
    assert (status, out) == (1, "")
