"""What others on the machine can read: files, arguments, environments, error messages."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.store import Store
from receiver.store.intake import judge_batch
from tests.cli.operator import SECRET, Operator
from tests.makers import NOW, a_delivery, incoming
from tests.security.wire import KEYS, Receiver


@pytest.fixture
def loose_umask() -> Iterator[None]:
    """As on most systems; the unit of systemd has a tighter one, which must not be all that protects."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def readable_by_others(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert found
    return sorted(path.name for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077)


@pytest.mark.threat(id="readable-files")
@pytest.mark.usefixtures("loose_umask")
def test_the_store_and_all_beside_it_are_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'store.db'}")
    store.migrate()
    store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    assert {"store.db", "store.db-wal", "store.db-shm"} <= {path.name for path in folder.iterdir()}
    assert readable_by_others(folder) == []
    store.close()


@pytest.mark.threat(id="readable-files")
@pytest.mark.usefixtures("loose_umask")
def test_what_commands_write_is_their_users_alone(operator: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    assert operator.run("backup", str(folder / "copy.db"))[0] == 0
    operator.run("diagnose", str(folder / "help.zip"))
    assert {"copy.db", "help.zip"} <= {path.name for path in folder.iterdir()}
    assert readable_by_others(folder) == []


@pytest.mark.threat(id="secrets-exposed")
def test_no_secret_is_among_the_arguments_of_a_process(victim: Receiver) -> None:
    arguments = [(folder / "cmdline").read_bytes() for folder in victim.processes()]
    assert len(arguments) >= 3
    for secret in (KEYS.webhook, KEYS.exchange):
        assert not [line for line in arguments if secret.encode() in line]


def test_the_environment_of_a_process_is_its_users_alone(victim: Receiver) -> None:
    """A secret that is given in the environment is readable by the program's own user, and by root."""
    for folder in victim.processes():
        assert stat.S_IMODE((folder / "environ").stat().st_mode) == 0o400


@pytest.mark.threat(id="secrets-exposed")
def test_no_secret_is_in_the_log(victim: Receiver) -> None:
    text = victim.log.read_text()
    assert text
    assert not [secret for secret in (KEYS.webhook, KEYS.exchange) if secret in text]


@pytest.mark.parametrize("words", [["check"], ["check", "--json"], ["status"], ["status", "--json"], ["failures"]])
def test_no_command_prints_a_secret(words: list[str], operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDV_SECRET", SECRET)
    _, out, err = operator.run(*words)
    assert SECRET not in out + err
