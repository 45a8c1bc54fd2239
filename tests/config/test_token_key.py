"""`web.token_key`: where it may stand, and what is too weak for it."""

import os
from pathlib import Path
from typing import Any

import pytest

from receiver.config import Secret, load
from receiver.core.token_secret import SHORTEST_SECRET
from tests.config.test_secrets_and_files import ENVIRON, SECRET, codes, tree, write

STRONG = "0123456789abcdef" * 2
HERE = "web.token_key"


def with_key(folder: Path, content: str, **more: Any) -> Path:
    (folder / "key").write_text(content)
    (folder / "key").chmod(0o600)
    return write(folder, tree(web={"token_key": {"file": "key"}}, **more))


def test_the_key_comes_from_a_file_or_from_the_environment(tmp_path: Path) -> None:
    assert load(with_key(tmp_path, STRONG + "\n"), ENVIRON).web.token_key == Secret(STRONG)
    path = write(tmp_path, tree(web={"token_key": {"env": "RDV_TOKEN_KEY"}}))
    settings = load(path, ENVIRON | {"RDV_TOKEN_KEY": STRONG})
    assert settings.web.token_key == Secret(STRONG)
    assert STRONG not in repr(settings)


@pytest.mark.threat(id="token-key")
@pytest.mark.parametrize("weak", [STRONG[: SHORTEST_SECRET - 1], "a" * 200, " " * 64, "abcdefg" * 30])
def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path, weak: str) -> None:
    assert [found[:2] for found in codes(with_key(tmp_path, weak))] == [(HERE, "token_key_weak")]


@pytest.mark.parametrize(("content", "code"), [("", "secret_empty"), ("a\nb", "secret_several_lines")])
def test_what_is_no_secret_is_no_key(tmp_path: Path, content: str, code: str) -> None:
    assert [found[:2] for found in codes(with_key(tmp_path, content))] == [(f"{HERE}.file", code)]


def test_a_key_written_into_the_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, tree(web={"token_key": STRONG}))
    assert [found[:2] for found in codes(path)] == [(HERE, "secret_is_a_value")]


def test_a_key_that_everybody_may_read_is_a_warning(tmp_path: Path) -> None:
    path = with_key(tmp_path, STRONG)
    (tmp_path / "key").chmod(0o644)
    assert [(each.path, each.code) for each in load(path, ENVIRON).warnings] == [
        (f"{HERE}.file", "secret_file_exposed")
    ]


def test_a_secret_that_others_know_signs_no_tokens(tmp_path: Path) -> None:
    path = write(tmp_path, tree(web={"token_key": {"env": "RDV_SECRET"}}))
    assert len(SECRET) < SHORTEST_SECRET
    environ = ENVIRON | {"RDV_SECRET": STRONG}
    with pytest.raises(Exception, match=r"web\.token_key: token_key_reused"):
        load(path, environ)


@pytest.mark.parametrize(
    ("url", "web", "warned"),
    [
        ("sqlite:////a/b", {"pages": True}, False),
        ("postgresql://h/rdv", {"pages": False}, False),
        ("postgresql://h/rdv", {"pages": True}, True),
        ("postgresql://h/rdv", {"pages": True, "token_key": {"file": "key"}}, False),
    ],
)
def test_several_hosts_with_pages_need_one_key(tmp_path: Path, url: str, web: dict[str, Any], warned: bool) -> None:
    with_key(tmp_path, STRONG)
    settings = load(write(tmp_path, tree(store={"url": url}, web=web)), ENVIRON)
    assert [(each.path, each.code) for each in settings.warnings] == ([(HERE, "token_key_missing")] if warned else [])


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_secret_stands_in_a_file_and_in_nothing_else(tmp_path: Path, kind: str) -> None:
    """A pipe would hold up the start until somebody writes into it."""
    place = tmp_path / "secret"
    match kind:
        case "pipe":
            os.mkfifo(place, 0o600)
        case "device":
            place.symlink_to("/dev/zero")
        case _:
            place.mkdir()
    source = tree()["sources"]["mds"] | {"secrets": [{"file": "secret"}]}
    found = codes(write(tmp_path, tree(sources={"mds": source})))
    assert [each[:2] for each in found] == [("sources.mds.secrets[0].file", "secret_file_not_regular")]


def test_a_keytab_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keytab", 0o600)
    exchange = tree()["calendars"]["exchange"] | {"auth": "kerberos", "keytab": "keytab"}
    del exchange["password"]
    found = codes(write(tmp_path, tree(calendars={"exchange": exchange})))
    assert ("calendars.exchange.keytab", "keytab_not_one") in [each[:2] for each in found]
