"""Kerberos takes a principal and a keytab, and no password; the other ways take a password, and no keytab."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from receiver import sentences
from receiver.config import EwsCalendar, load
from tests.config.problems import problems_of
from tests.config.test_problems import ENVIRON, Tree, minimal, put, without, write

EWS = "calendars/exchange"
PLACE = "calendars.exchange"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", ModuleType("gssapi"))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    keytab = tmp_path / "exchange.keytab"
    keytab.write_bytes(b"\x05\x02" + bytes(80))
    keytab.chmod(0o600)
    tree = without(minimal(), f"{EWS}/password")
    for key, value in (("auth", "kerberos"), ("username", "svc-rdv@DEPT.EXAMPLE"), ("keytab", "exchange.keytab")):
        tree = put(tree, f"{EWS}/{key}", value)
    return tree


def found(folder: Path, tree: Tree) -> list[tuple[str, str]]:
    problems = problems_of(write(folder, tree), ENVIRON)
    assert {problem.code for problem in problems} <= set(sentences.CONFIGURATION)
    return [(problem.path, problem.code) for problem in problems]


def test_a_principal_and_a_keytab_are_enough(tree: Tree, tmp_path: Path) -> None:
    settings = load(write(tmp_path, tree), ENVIRON)
    calendar = settings.calendars["exchange"]
    assert isinstance(calendar, EwsCalendar)
    assert (calendar.password, calendar.keytab) == (None, tmp_path / "exchange.keytab")
    assert settings.warnings == ()


def test_a_keytab_that_everybody_may_read_is_a_warning(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "exchange.keytab").chmod(0o644)
    (warning,) = load(write(tmp_path, tree), ENVIRON).warnings
    assert (warning.path, warning.code) == (f"{PLACE}.keytab", "secret_file_exposed")


def test_kerberos_that_is_not_installed_is_told_before_it_fails(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra: whoever installed without it should read which one to add."""
    monkeypatch.setitem(sys.modules, "gssapi", None)
    assert found(tmp_path, tree) == [(f"{PLACE}.auth", "kerberos_not_installed")]


def test_a_password_has_no_place_beside_a_keytab(tree: Tree, tmp_path: Path) -> None:
    tree = put(tree, f"{EWS}/password", {"env": "RDV_PASSWORD"})
    assert found(tmp_path, tree) == [(f"{PLACE}.password", "password_with_kerberos")]


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_keytab_has_no_place_beside_a_password(tree: Tree, tmp_path: Path, auth: str) -> None:
    tree = put(put(tree, f"{EWS}/auth", auth), f"{EWS}/password", {"env": "RDV_PASSWORD"})
    assert found(tmp_path, tree) == [(f"{PLACE}.keytab", "keytab_without_kerberos")]


def test_a_keytab_is_required(tree: Tree, tmp_path: Path) -> None:
    assert found(tmp_path, without(tree, f"{EWS}/keytab")) == [(f"{PLACE}.keytab", "missing")]


@pytest.mark.parametrize(
    ("name", "code"),
    [("gone.keytab", "keytab_missing"), (".", "keytab_not_one"), ("config.yaml", "keytab_not_one")],
)
def test_a_keytab_that_cannot_serve_is_told(tree: Tree, tmp_path: Path, name: str, code: str) -> None:
    assert found(tmp_path, put(tree, f"{EWS}/keytab", name)) == [(f"{PLACE}.keytab", code)]


@pytest.mark.parametrize(
    "name", ["svc-rdv", "DEPT\\svc-rdv", "DEPT\\svc-rdv@DEPT.EXAMPLE", "svc-rdv@", "@DEPT.EXAMPLE"]
)
def test_kerberos_wants_a_whole_principal(tree: Tree, tmp_path: Path, name: str) -> None:
    """Without a realm, the machine's own would be taken: the wrong one where there are two domains."""
    assert found(tmp_path, put(tree, f"{EWS}/username", name)) == [(f"{PLACE}.username", "principal")]
