"""What is no regular file is refused at once, wherever the configuration names a file: nothing is waited for."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main as cli
from receiver.config import ConfigurationErrors, load
from receiver.regular_files import NotRegularError, open_regular
from tests.config.test_secrets_and_files import ENVIRON, tree, write


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's whole path has a bound
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


KINDS = [a_pipe, a_folder, a_device, a_socket]
Make = Callable[[Path], None]


def at_once(do: Callable[[], Any]) -> Any:
    """Return what a function returns, which waits for nobody."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(do()), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return results[0]


def codes(path: Path) -> list[tuple[str, str]]:
    try:
        load(path, ENVIRON)
    except ConfigurationErrors as errors:
        return [(problem.path, problem.code) for problem in errors.problems]
    return []


def exchange(**changes: Any) -> dict[str, Any]:
    return {"exchange": tree()["calendars"]["exchange"] | changes}


PLACES: list[tuple[str, dict[str, Any], str, str]] = [
    ("agents.csv", {"mailboxes": {"csv": "agents.csv"}}, "mailboxes.csv", "csv_unreadable"),
    ("ca.pem", {"calendars": exchange(ca_file="ca.pem")}, "calendars.exchange.ca_file", "ca_file_unreadable"),
    ("alerts.pem", {"alerts": {"ca_file": "alerts.pem"}}, "alerts.ca_file", "ca_file_unreadable"),
    (
        "password",
        {"calendars": exchange(password={"file": "password"})},
        "calendars.exchange.password.file",
        "secret_file_not_regular",
    ),
    ("address", {"alerts": {"to": [{"file": "address"}]}}, "alerts.to[0].file", "secret_file_not_regular"),
    ("key", {"web": {"token_key": {"file": "key"}}}, "web.token_key.file", "secret_file_not_regular"),
]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(("name", "changes", "path", "code"), PLACES)
def test_no_file_that_the_configuration_names_is_waited_for(
    tmp_path: Path, make: Make, name: str, changes: dict[str, Any], path: str, code: str
) -> None:
    make(tmp_path / name)
    config = write(tmp_path, tree(**changes))
    assert at_once(lambda: codes(config)) == [(path, code)]


@pytest.mark.parametrize("make", KINDS)
def test_the_configuration_itself_is_not_waited_for(
    tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config"
    make(config)
    assert at_once(lambda: cli.main(["--config", str(config), "check"])) == 2
    told = capsys.readouterr().err
    assert ("c'est un dossier" if make is a_folder else "pas un fichier ordinaire") in told
    assert "droits" not in told


def test_commands_work_again_when_the_list_is_back(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "agents.csv")
    config = write(tmp_path, tree(mailboxes={"csv": "agents.csv"}))
    assert at_once(lambda: codes(config)) == [("mailboxes.csv", "csv_unreadable")]
    (tmp_path / "agents.csv").unlink()
    (tmp_path / "agents.csv").write_text("agent;mailbox\na@x.example;b@x.example\n")
    assert codes(config) == []


def test_links_to_regular_files_are_followed(tmp_path: Path) -> None:
    """So are a service manager's credentials, which are regular files in a folder of its own."""
    real = tmp_path / "credentials"
    real.mkdir()
    (real / "password").write_text("hunter2-hunter2")
    (real / "agents.csv").write_text("agent;mailbox\na@x.example;b@x.example\n")
    for name in ("password", "agents.csv"):
        (tmp_path / name).symlink_to(real / name)
    calendars = exchange(password={"file": "password"})
    config = write(real, tree(calendars=calendars, mailboxes={"csv": "agents.csv"}))
    (tmp_path / "config.yaml").symlink_to(config)
    assert codes(tmp_path / "config.yaml") == []


def test_what_takes_the_place_of_a_file_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr("receiver.regular_files.check_regular", lambda _: None)

    def refused() -> bool:
        with pytest.raises(NotRegularError):
            open_regular(tmp_path / "pipe")
        return True

    assert at_once(refused)
