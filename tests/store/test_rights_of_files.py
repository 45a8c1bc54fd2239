"""A file that could not be written and is put right is written again, by the processes that are there."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from receiver.store import Cause, Store
from receiver.store.database.files import fault
from tests.requirements import require
from tests.store.others import OK, SERVICE, folder_of_service, service

ALL_OK = {"read": OK, "beat": OK, "keep": OK, "judge": OK}

Harm = Callable[[Path], Callable[[], None]]


@pytest.fixture
def database(migrated_sqlite: Path) -> Iterator[Path]:
    with folder_of_service(migrated_sqlite) as path:
        yield path


def changed_mode(path: Path, mode: int) -> Callable[[], None]:
    before = path.stat().st_mode
    path.chmod(mode)
    return lambda: path.chmod(before)


def read_only(database: Path) -> Callable[[], None]:
    return changed_mode(database, 0o400)


def unreadable(database: Path) -> Callable[[], None]:
    return changed_mode(database, 0o000)


def folder_read_only(database: Path) -> Callable[[], None]:
    return changed_mode(database.parent, 0o500)


def folder_closed(database: Path) -> Callable[[], None]:
    return changed_mode(database.parent, 0o000)


def given_away(database: Path) -> Callable[[], None]:
    """Somebody copied it there as root, for all to read."""
    os.chown(database, 0, 0)
    database.chmod(0o644)

    def repair() -> None:
        os.chown(database, SERVICE, SERVICE)
        database.chmod(0o600)

    return repair


def mounted_read_only(database: Path) -> Callable[[], None]:
    folder = str(database.parent)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)

    def repair() -> None:
        subprocess.run(["mount", "-o", "remount,rw,bind", folder], check=True)

    return repair


HARMS = [
    (read_only, Cause.NOT_WRITABLE, "rdv.db", "chmod u+rw"),
    (unreadable, Cause.NOT_WRITABLE, "rdv.db", "chmod u+rw"),
    (given_away, Cause.NOT_WRITABLE, "rdv.db", "chown nobody:"),
    (folder_read_only, Cause.NOT_WRITABLE, "rdv", "chmod u+rwx"),
    (folder_closed, Cause.NOT_WRITABLE, "rdv", "chmod u+rwx"),
    (mounted_read_only, Cause.READ_ONLY_MOUNT, "rdv", "mount -o remount,bind,rw"),
]


@pytest.fixture
def unmounted(database: Path) -> Iterator[None]:
    yield
    with suppress(OSError):
        subprocess.run(["umount", "-l", str(database.parent)], capture_output=True, check=False)


@pytest.mark.usefixtures("unmounted")
@pytest.mark.parametrize(("harm", "cause", "name", "command"), HARMS)
def test_what_is_put_right_is_used_again_by_who_found_it_broken(
    database: Path, harm: Harm, cause: Cause, name: str, command: str
) -> None:
    if harm is mounted_read_only:
        require(_may_mount(database), "a mount needs the right to make one")
    with service(database) as process:
        repair = harm(database)
        for _ in range(2):
            found, details = process.told()
            assert {found["beat"], found["keep"]} == {cause}
            assert Path(details["path"]).name == name
            assert details["command"].startswith(command)
        repair()
        assert process.attempts() == ALL_OK


@pytest.mark.usefixtures("unmounted")
@pytest.mark.parametrize("harm", [harm for harm, *_ in HARMS])
def test_the_command_that_is_told_is_the_cure(database: Path, harm: Harm) -> None:
    """Typed by root as it stands."""
    if harm is mounted_read_only:
        require(_may_mount(database), "a mount needs the right to make one")
    with service(database) as process:
        harm(database)
        _, details = process.told()
        subprocess.run(details["command"], shell=True, check=True)  # that is the point
        assert process.attempts() == ALL_OK


def _may_mount(database: Path) -> bool:
    trial = database.parent.parent / "trial"
    trial.mkdir(exist_ok=True)
    if subprocess.run(["mount", "--bind", trial, trial], capture_output=True, check=False).returncode:
        return False
    return subprocess.run(["umount", trial], check=False).returncode == 0


@pytest.mark.parametrize("suffix", ["-shm", "-wal"])
def test_a_log_of_another_accounts_is_named_and_heals(database: Path, suffix: str) -> None:
    """A command that root runs leaves such files where it is killed, and where its SQLite gives them to nobody."""
    with service(database) as other, service(database) as process:
        assert other.attempts() == ALL_OK  # both files are there for as long as it is
        beside = database.with_name(f"{database.name}{suffix}")
        os.chown(beside, 0, 0)
        beside.chmod(0o600)
        found, details = process.told()
        assert {found["beat"], found["keep"]} == {Cause.NOT_WRITABLE}
        assert details == {"path": str(beside), "command": f"chown nobody: {beside}"}
        os.chown(beside, SERVICE, SERVICE)
        assert process.attempts() == ALL_OK


def test_a_connection_that_was_opened_while_all_was_well_goes_on(database: Path) -> None:
    with service(database) as process:
        assert process.attempts() == ALL_OK
        read_only(database)
        process.attempts()
        database.chmod(0o600)
        assert process.attempts() == ALL_OK


def test_what_root_makes_beside_the_database_is_the_services(migrated_sqlite: Path) -> None:
    """`check` and `status` are typed by root, before the service starts or while it runs."""
    with folder_of_service(migrated_sqlite) as database:
        store = Store(f"sqlite:///{database}")
        store.migrate()
        store.close()
        assert {path.stat().st_uid for path in database.parent.iterdir()} == {SERVICE}
        assert {path.stat().st_mode & 0o777 for path in database.parent.iterdir()} == {0o600}


def test_a_new_store_of_roots_in_the_services_folder_is_the_services(tmp_path: Path, migrated_sqlite: Path) -> None:
    with folder_of_service(migrated_sqlite) as database:
        database.unlink()
        store = Store(f"sqlite:///{database}")
        store.migrate()
        store.close()
        assert database.stat().st_uid == SERVICE


def test_a_folder_above_that_lets_nobody_through_is_named(database: Path) -> None:
    database.parent.parent.chmod(0o700)
    with service(database) as process:
        found, details = process.told()
    assert set(found.values()) == {Cause.NOT_WRITABLE}
    assert details == {"path": str(database.parent.parent), "command": f"chmod a+x {database.parent.parent}"}


def test_all_is_well_with_files_of_ones_own(tmp_path: Path, migrated_sqlite: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "rdv.db")
    assert fault(tmp_path / "rdv.db") is None
