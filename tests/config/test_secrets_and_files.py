"""Where secrets, authorities and mailbox lists come from, and that secrets show nowhere."""

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
import trustme
from exchangelib.version import VERSIONS

from receiver import sentences
from receiver.config import ConfigurationErrors, EwsCalendar, Settings, load
from receiver.config.fields import EWS_VERSIONS
from receiver.config.mailboxes import MAX_CSV_BYTES
from receiver.config.secret_fields import MAX_SECRET_BYTES
from receiver.core.mailboxes import Mailbox
from tests.lab.configuration import a_source

SECRET = "hunter2-hunter2"
ENVIRON = {"RDV_SECRET": SECRET, "RDV_PASSWORD": SECRET}


def tree(**changes: Any) -> dict[str, Any]:
    source = a_source()
    exchange = {
        "kind": "ews",
        "server": "https://mail.example/EWS/Exchange.asmx",
        "version": "Exchange2016",
        "username": "svc",
        "password": {"env": "RDV_PASSWORD"},
    }
    base = {"store": {"url": "sqlite:////a/b"}, "sources": {"mds": source}, "calendars": {"exchange": exchange}}
    return base | changes


def write(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_text(json.dumps(content, indent=1))
    return path


def with_secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    secret = folder / "secret"
    secret.write_bytes(content)
    secret.chmod(mode)
    config = tree()
    config["sources"]["mds"]["secrets"] = [{"file": "secret"}]
    return write(folder, config)


def codes(path: Path) -> list[tuple[str, str, int | None]]:
    with pytest.raises(ConfigurationErrors) as caught:
        load(path, ENVIRON)
    assert all(problem.code in sentences.CONFIGURATION for problem in caught.value.problems)
    return [(problem.path, problem.code, problem.line) for problem in caught.value.problems]


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
def test_a_secret_file_may_end_with_a_line_end(content: bytes, tmp_path: Path) -> None:
    settings = load(with_secret_file(tmp_path, content), ENVIRON)
    assert settings.sources["mds"].secrets[0].secret.value == "s3cret"
    assert settings.warnings == ()


def test_spaces_belong_to_a_secret(tmp_path: Path) -> None:
    settings = load(with_secret_file(tmp_path, b" s3 cret \n"), ENVIRON)
    assert settings.sources["mds"].secrets[0].secret.value == " s3 cret "


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "secret_empty"),
        (b"\n", "secret_empty"),
        (b"a\nb\n", "secret_several_lines"),
        (b"\xff\xfe", "secret_not_text"),
        (b"a" * (MAX_SECRET_BYTES + 1), "secret_too_long"),
    ],
)
def test_what_is_no_secret(content: bytes, code: str, tmp_path: Path) -> None:
    path = with_secret_file(tmp_path, content)
    assert [(where, found) for where, found, _ in codes(path)] == [("sources.mds.secrets[0].file", code)]


def test_a_secret_file_open_to_everybody_is_a_warning(tmp_path: Path) -> None:
    """A refusal would stop a receiver that works; silence would leave the hole."""
    settings = load(with_secret_file(tmp_path, b"s3cret", mode=0o644), ENVIRON)
    assert [(warning.path, warning.code) for warning in settings.warnings] == [
        ("sources.mds.secrets[0].file", "secret_file_exposed")
    ]


def test_a_reference_names_one_place(tmp_path: Path) -> None:
    path = with_secret_file(tmp_path, b"s3cret")
    config = json.loads(path.read_text())
    config["sources"]["mds"]["secrets"][0]["env"] = "RDV_SECRET"
    assert [each[:2] for each in codes(write(tmp_path, config))] == [("sources.mds.secrets[0]", "secret_reference")]


@pytest.mark.threat(id="secrets-exposed")
def test_secrets_show_in_no_repr_and_no_error(tmp_path: Path) -> None:
    settings = load(write(tmp_path, tree()), ENVIRON)
    assert SECRET not in repr(settings)
    config = tree(store={"url": f"postgresql://u:{SECRET}@h:bad/b"})
    config["sources"]["mds"]["secrets"] = [SECRET, {"env": SECRET}, {"file": SECRET}, {SECRET: 1}]
    config["calendars"]["exchange"]["password"] = SECRET
    with pytest.raises(ConfigurationErrors) as caught:
        load(write(tmp_path, config), ENVIRON)
    assert SECRET not in "".join(traceback.format_exception(caught.value)).replace(f'"{SECRET}"', "").replace(
        f"secrets[3].{SECRET}", ""
    )


def test_paths_start_at_the_configurations_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service starts in `/`, an administrator's `check` anywhere: both must find the same files."""
    path = with_secret_file(tmp_path, b"s3cret")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(Path("../config.yaml"), ENVIRON) == load(path, ENVIRON)


def test_an_authority_is_a_pem_certificate(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    config = tree()
    config["calendars"]["exchange"]["ca_file"] = "ca.pem"
    calendar = load(write(tmp_path, config), ENVIRON).calendars["exchange"]
    assert isinstance(calendar, EwsCalendar)
    assert calendar.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "ca_file_not_pem"), (b"\x30\x82", "ca_file_not_pem"), (None, "ca_file_unreadable")]
)
def test_what_is_no_authority(content: bytes | None, code: str, tmp_path: Path) -> None:
    if content is None:
        (tmp_path / "ca.pem").mkdir()
    else:
        (tmp_path / "ca.pem").write_bytes(content)
    config = tree()
    config["calendars"]["exchange"]["ca_file"] = "ca.pem"
    assert [each[:2] for each in codes(write(tmp_path, config))] == [("calendars.exchange.ca_file", code)]


def test_the_versions_are_those_of_the_library() -> None:
    """Less those that it does not speak validly, by Microsoft's schemas: the two of 2007, and 2015's service pack."""
    spoken = {name for _, name, _ in VERSIONS} - {"Exchange2007", "Exchange2007_SP1", "Exchange2015_SP1"}
    assert set(EWS_VERSIONS) == spoken


def with_csv(folder: Path, content: bytes, **mailboxes: Any) -> Path:
    (folder / "agents.csv").write_bytes(content)
    return write(folder, tree(mailboxes={"csv": "agents.csv", **mailboxes}))


def loaded(path: Path) -> Settings:
    return load(path, ENVIRON)


@pytest.mark.parametrize(
    "content",
    [
        b"agent,mailbox\nA@x.example,B@y.example\n",
        b"agent;mailbox\r\na@x.example;b@y.example\r\n",
        b"\xef\xbb\xbfAgent;Mailbox;Calendar\n\n a@x.example ; b@y.example ;\n",
        b'agent,mailbox,calendar\n"a@x.example",b@y.example,exchange',
    ],
)
def test_the_dialects_of_a_csv(content: bytes, tmp_path: Path) -> None:
    addresses = loaded(with_csv(tmp_path, content)).mailboxes.addresses
    assert addresses == {"a@x.example": Mailbox("exchange", "b@y.example")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [("csv_header", None)]),
        (b"mail,box\n", [("csv_header", 1)]),
        (b"agent,mailbox\na@x.example\n", [("csv_columns", 2)]),
        (b"agent,mailbox\n\na@x.example,nobody\nb,c@x.example\n", [("email", 3), ("email", 4)]),
        (b"agent,mailbox,calendar\na@x.example,b@x.example,absent\n", [("calendar_unknown", 2)]),
        (b"agent,mailbox\na@x.example,b@x.example\nA@x.example,c@x.example\n", [("agent_twice", 3)]),
        (b"agent,mailbox\na@x.example,\xe9@x.example\n", [("not_utf8", 2)]),
        (b'agent,mailbox\n"a"b,c\n', [("csv_syntax", 2)]),
    ],
)
def test_a_csvs_troubles_have_their_own_lines(
    content: bytes, expected: list[tuple[str, int | None]], tmp_path: Path
) -> None:
    found = codes(with_csv(tmp_path, content))
    assert found == [("mailboxes.csv", code, line) for code, line in expected]


def test_a_missing_csv_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, tree(mailboxes={"csv": "absent.csv"}))
    assert codes(path) == [("mailboxes.csv", "csv_unreadable", None)]


def test_a_huge_csv_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = with_csv(tmp_path, b"agent,mailbox\n" + b"#" * MAX_CSV_BYTES)
    assert codes(path) == [("mailboxes.csv", "file_too_big", None)]


def test_csv_and_map_are_one_mapping(tmp_path: Path) -> None:
    content = b"agent,mailbox\na@x.example,b@y.example\nc@x.example,d@y.example\n"
    merged = loaded(with_csv(tmp_path, content, map={"A@X.example": "b@y.example", "e@x.example": "f@y.example"}))
    assert set(merged.mailboxes.addresses) == {"a@x.example", "c@x.example", "e@x.example"}


def test_csv_and_map_that_disagree_are_a_problem(tmp_path: Path) -> None:
    """Which of the two was meant, nobody but the administrator knows."""
    path = with_csv(tmp_path, b"agent,mailbox\na@x.example,b@y.example\n", map={"a@x.example": "z@y.example"})
    assert [each[:2] for each in codes(path)] == [('mailboxes.map["a@x.example"]', "agent_twice")]


def test_an_agent_written_twice_in_other_letters_is_a_problem(tmp_path: Path) -> None:
    mapping = {"a@x.example": "b@y.example", "A@x.example": "z@y.example"}
    path = write(tmp_path, tree(mailboxes={"map": mapping}))
    assert [each[:2] for each in codes(path)] == [('mailboxes.map["A@x.example"]', "key_twice")]


def test_a_csvs_problems_come_with_those_of_its_section(tmp_path: Path) -> None:
    path = with_csv(tmp_path, b"agent,mailbox\nx\n", ignore="*@x.example")
    assert [each[:2] for each in codes(path)] == [("mailboxes.ignore", "not_list"), ("mailboxes.csv", "csv_columns")]


def test_logged_places_hold_no_address(tmp_path: Path) -> None:
    path = write(tmp_path, tree(mailboxes={"map": {"a@x.example": "nobody"}}))
    with pytest.raises(ConfigurationErrors) as caught:
        load(path, ENVIRON)
    assert [problem.log_path for problem in caught.value.problems] == ["mailboxes.map[…].address"]
    assert "a@x" not in str(caught.value)


def test_a_variable_whose_bytes_are_no_text_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationErrors, match="secret_not_text"):
        load(write(tmp_path, tree()), ENVIRON | {"RDV_SECRET": "a\udcffb"})
