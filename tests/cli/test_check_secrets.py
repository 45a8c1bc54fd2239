"""What `check`, `secrets` and the log of `run` say of doubtful secrets; none of them shows one."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import sentences
from receiver.cli import main as cli
from receiver.config import load, secret_warnings
from receiver.core.digests import secret_tag
from receiver.operations.access.secrets import Form, figure
from receiver.operations.support.check import Level
from receiver.store import counters
from tests.cli.operator import Operator, make
from tests.lab.configuration import a_source

INNER = "Kx7vQ2mZ8pL4wR9t"
PLACE = "sources.mds.secrets[0]"
EDGES = {"secret_edges", "secret_edges_written", "secret_edges_bare"}


@pytest.fixture
def operator(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    """Over a store that `check` finds nothing wrong with."""
    (tmp_path / "store.db").write_bytes(migrated_sqlite.read_bytes())
    made = make(tmp_path, f"sqlite:///{tmp_path}/store.db", monkeypatch, capsys)
    yield made
    made.store.close()


def findings(operator: Operator) -> tuple[int, dict[str, dict[str, Any]]]:
    status, report = operator.report("check")
    assert report["ok"] == (status == 0)
    return status, {each["subject"]: each for each in report["findings"] if each["level"] != "ok"}


def set_secret(operator: Operator, content: bytes) -> None:
    (operator.folder / "secret").write_bytes(content)
    (operator.folder / "secret").chmod(0o600)
    operator.tree["sources"]["mds"]["secrets"] = [{"file": "secret"}]
    operator.write()


def use(operator: Operator, secret: str, ago: timedelta = timedelta(0)) -> None:
    tag = secret_tag(operator.store.installation().digest_key, secret)
    operator.store.write(counters.record, {}, {figure("mds", tag): 1}, operator.store.now() - ago)


@pytest.mark.parametrize("content", [f"{INNER}\n", f"{INNER}\r\n", INNER])
def test_a_line_end_is_no_edge(operator: Operator, content: str) -> None:
    set_secret(operator, content.encode())
    status, found = findings(operator)
    assert (status, PLACE in found) == (0, False)


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (f"\ufeff{INNER}\r\n", "mark"),
        (f" {INNER}\n", "blank"),
        (f"\xa0{INNER}", "unusual_blank"),
        (f"{INNER}\u200b\n", "invisible"),
        (f'"{INNER}"\n', "quotes"),
        (f"RDV_SECRET={INNER}\n", "name"),
    ],
)
def test_check_says_which_value_signs(operator: Operator, content: str, kinds: str) -> None:
    set_secret(operator, content.encode())
    written = content.removesuffix("\n").removesuffix("\r")
    status, found = findings(operator)
    assert status == 0
    assert (found[PLACE]["code"], found[PLACE]["details"]["edges"]) == ("secret_edges", kinds)
    use(operator, INNER, timedelta(days=2))
    assert findings(operator)[1][PLACE]["code"] == "secret_edges_bare"
    use(operator, written, timedelta(days=1))
    assert findings(operator)[1][PLACE]["code"] == "secret_edges_written"
    use(operator, INNER)
    assert findings(operator)[1][PLACE]["code"] == "secret_edges_bare"
    for words in (["check"], ["check", "--json"], ["secrets"], ["secrets", "--json"]):
        _, out, err = operator.run(*words)
        assert INNER not in out + err


def test_secrets_says_it_too(operator: Operator) -> None:
    set_secret(operator, f" {INNER}".encode())
    [sight] = operator.report("secrets")[1]["secrets"]
    assert (sight["edges"], sight["form"], sight["state"]) == (["blank"], None, "never")
    use(operator, INNER)
    [sight] = operator.report("secrets")[1]["secrets"]
    assert (sight["form"], sight["state"]) == (Form.WITHOUT_EDGES, "used")
    assert sentences.SECRETS["form without_edges"].split(" (")[0] in " ".join(operator.run("secrets")[1].split())


def test_check_says_that_both_are_tried_where_the_store_tells_nothing(operator: Operator) -> None:
    set_secret(operator, f" {INNER}".encode())
    operator.tree["store"] = {"url": f"sqlite:///{operator.folder}/absent.db"}
    operator.write()
    assert findings(operator)[1][PLACE]["code"] == "secret_edges"
    assert not (operator.folder / "absent.db").exists()


@pytest.mark.parametrize("content", ["short", " " + "x" * 15 + " ", '"hunter2"'])
def test_a_short_secret_starts_and_check_ends_with_1(operator: Operator, content: str) -> None:
    set_secret(operator, content.encode())
    status, report = operator.report("check")
    assert status == 1
    [finding] = [each for each in report["findings"] if each["code"] == "secret_short"]
    assert (finding["subject"], finding["level"], finding["ok"]) == (PLACE, Level.WARNING, False)
    _, out, _ = operator.run("check")
    assert sentences.CHECK_RESULT["must_change"] in out
    assert load(operator.config, {}).warnings == ()


@pytest.mark.parametrize(("one", "other"), [(INNER, INNER), (INNER, f" {INNER}"), (f'"{INNER}"', f"{INNER}\u200b")])
def test_a_secret_of_two_sources_starts_and_check_ends_with_1(operator: Operator, one: str, other: str) -> None:
    set_secret(operator, one.encode())
    (operator.folder / "other").write_text(other, "utf-8")
    (operator.folder / "other").chmod(0o600)
    rsa = {"emitter": "rdv_insertion", "platform": "production", "secrets": [{"file": "other"}]}
    operator.tree["sources"]["rsa"] = rsa
    operator.write()
    status, report = operator.report("check")
    assert status == 1
    [finding] = [each for each in report["findings"] if each["code"] == "secret_shared"]
    assert (finding["subject"], finding["details"]) == ("sources.rsa.secrets[0]", {"other": PLACE})


def tree_with(folder: Path, values: dict[str, str], **more: Any) -> Path:
    exchange = {
        "kind": "ews",
        "server": "https://mail.example/EWS/Exchange.asmx",
        "version": "Exchange2016",
        "username": "svc",
        "password": {"env": "RDV_PASSWORD"},
    }
    api = {"url": "https://rdv.example", "email": "a@x.example", "password": {"env": "RDV_API"}}
    source = a_source(api=api)
    tree = {
        "store": {"url": "postgresql://rdv@h/b", "password": {"env": "RDV_STORE"}},
        "sources": {"mds": source},
        "calendars": {"exchange": exchange},
        "web": {"token_key": {"env": "RDV_KEY"}},
        "alerts": {"to": [{"env": "RDV_ALERT"}]},
    } | more
    path = folder / "config.yaml"
    path.write_text(json.dumps(tree), "utf-8")
    return path


PLAIN = {
    "RDV_SECRET": INNER,
    "RDV_PASSWORD": "a password of Exchange",
    "RDV_API": "a password of the API",
    "RDV_STORE": "a password: 100 % of the store",
    "RDV_KEY": "0123456789abcdef" * 2,
    "RDV_ALERT": "json://127.0.0.1",
}
PLACES = {
    "RDV_PASSWORD": ("calendars.exchange.password", "value_edges"),
    "RDV_API": ("sources.mds.api.password", "value_edges"),
    "RDV_STORE": ("store.password", "value_edges"),
    "RDV_KEY": ("web.token_key", "token_key_edges"),
    "RDV_ALERT": ("alerts.to[0]", "value_edges"),
}


def told(path: Path, environ: dict[str, str]) -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in secret_warnings(load(path, environ))]


def test_nothing_is_said_of_good_secrets(tmp_path: Path) -> None:
    assert told(tree_with(tmp_path, PLAIN), PLAIN) == []


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("dress", ["\ufeff{}", "{} ", "\xa0{}", "{}\u200b", "'{}'", "NAME={}"])
def test_what_is_shown_to_others_is_used_as_written_and_told(tmp_path: Path, name: str, dress: str) -> None:
    """A password that is tried twice could lock its account; a key that is corrected would revoke tokens."""
    environ = PLAIN | {name: dress.format(PLAIN[name])}
    settings = load(tree_with(tmp_path, environ), environ)
    assert PLACES[name] in [(each.path, each.code) for each in secret_warnings(settings)]
    if name == "RDV_KEY":
        assert settings.web.token_key is not None
        assert settings.web.token_key.value == environ[name]


@pytest.mark.parametrize("name", PLAIN)
def test_a_character_that_nobody_sees_within_is_told(tmp_path: Path, name: str) -> None:
    environ = PLAIN | {name: PLAIN[name][:3] + "\u200b" + PLAIN[name][3:]}
    assert "secret_unseen_within" in [code for _, code in told(tree_with(tmp_path, environ), environ)]


def test_a_key_that_is_weak_or_known_without_its_edges_is_told_and_starts(tmp_path: Path) -> None:
    weak = PLAIN | {"RDV_KEY": '"abcdefghij"' + " " * 30}
    assert ("web.token_key", "token_key_weak") in told(tree_with(tmp_path, weak), weak)
    known = PLAIN | {"RDV_SECRET": PLAIN["RDV_KEY"], "RDV_KEY": f" {PLAIN['RDV_KEY']}"}
    assert ("web.token_key", "token_key_reused") in told(tree_with(tmp_path, known), known)


BLANKS = [" ", "\t", "\xa0", "\u200b", "\ufeff", "\u202f\u2060", "\r"]
BLANKS += ['""', "''", "«\xa0»", "RDV_SECRET=", "export A_B=''"]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("name", ["RDV_SECRET", "RDV_PASSWORD", "RDV_API", "RDV_STORE", "RDV_ALERT", "RDV_KEY"])
def test_a_blank_one_is_refused(
    tmp_path: Path, name: str, blank: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (PLAIN | {name: blank}).items():
        monkeypatch.setenv(variable, value)
    assert cli.main(["--config", str(tree_with(tmp_path, PLAIN)), "check", "--json"]) == 2
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem["code"] == ("token_key_weak" if name == "RDV_KEY" and blank != "\r" else "secret_empty")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfes\0e\0c\0r\0e\0t\0", "secret_not_text"),  # PowerShell's `>`
        (b"\xfe\xff\0s\0e\0c", "secret_not_text"),
        (b"s\0e\0c\0r\0e\0t\0\r\0\n\0", "secret_not_text"),
        ("mot de passé".encode("cp1252"), "secret_not_text"),
        (b"\xef\xbb\xbf", "secret_empty"),
        (b"\xef\xbb\xbf\r\n", "secret_empty"),
        (b" \n \n", "secret_empty"),
        (b"one\ntwo\n", "secret_several_lines"),
        (b"one\n\n", "secret_several_lines"),
        (b"A=one\r\nB=two\r\n", "secret_several_lines"),
    ],
)
def test_a_file_that_holds_no_secret(operator: Operator, content: bytes, code: str) -> None:
    set_secret(operator, content)
    status, report = operator.report("check")
    assert (status, [each["code"] for each in report["problems"]]) == (2, [code])


def test_every_code_has_its_sentence() -> None:
    codes = {"secret_short", "secret_shared", "value_edges", "token_key_edges", "secret_unseen_within"} | EDGES
    assert codes <= set(sentences.CONFIGURATION)
