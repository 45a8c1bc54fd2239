"""`token`, from the command line to a store and back."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main as cli
from receiver.config import load
from receiver.core.roles import Role
from receiver.core.tokens import LONGEST
from receiver.operations.access.tokens import Tokens
from tests.cli.console import Console


@pytest.fixture
def place(console: Console) -> Console:  # the fixture
    return console


def tokens_of(place: Console) -> Tokens:
    return Tokens.of(load(place.path, os.environ), place.store)


def typed(place: Console, *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(["--config", str(place.path), "token", *words])
    except SystemExit as leaving:
        status = int(str(leaving.code))
    captured = place.capsys.readouterr()
    return status, captured.out, captured.err


def listed(place: Console) -> list[dict[str, Any]]:
    status, out, err = typed(place, "list", "--json")
    assert (status, err) == (0, "")
    found: list[dict[str, Any]] = json.loads(out)["tokens"]
    return found


def test_the_token_alone_is_on_standard_output_so_that_it_can_be_piped(place: Console) -> None:
    status, out, err = typed(place, "issue", "--role", "operate", "--days", "7", "--label", "Paul")
    assert status == 0
    bearer = tokens_of(place).open(out.removesuffix("\n"), place.store.now())
    assert (bearer.role, bearer.label) == (Role.OPERATE, "Paul")
    assert bearer.expires_at - place.store.now() == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))
    assert bearer.token_id in err
    assert out.strip() not in err


def test_a_token_reads_for_90_days_where_nothing_else_is_said(place: Console) -> None:
    typed(place, "issue")
    [token] = listed(place)
    assert (token["role"], token["state"], token["label"]) == ("read", "valid", "")


def test_programs_get_the_token_in_json(place: Console) -> None:
    status, out, err = typed(place, "issue", "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert tokens_of(place).open(report["token"], place.store.now()).token_id == report["id"]


def test_its_text_is_shown_once(place: Console) -> None:
    text = typed(place, "issue")[1].strip()
    told = "".join([*typed(place, "list"), *typed(place, "list", "--json")][1::3])
    assert text not in told
    for path in place.path.parent.glob("store.db*"):
        assert text.rpartition(".")[2].encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["--days", "0"],
        ["--days", "-1"],
        ["--days", str(LONGEST.days + 1)],
        ["--days", "beaucoup"],
        ["--role", "king"],
        ["--label", "x" * 81],
        ["--label", "a\nb"],
    ],
)
def test_what_no_token_can_say_is_a_mistake_of_usage(place: Console, words: list[str]) -> None:
    status, out, err = typed(place, "issue", *words)
    assert (status, out) == (2, "")
    assert "usage : " in err
    assert listed(place) == []


def test_the_longest_token_is_possible(place: Console) -> None:
    assert typed(place, "issue", "--days", str(LONGEST.days))[0] == 0


def test_the_list_says_which_tokens_open(place: Console) -> None:
    for label in ("un", "deux"):
        typed(place, "issue", "--label", label)
    first = next(token for token in listed(place) if token["label"] == "un")
    status, out, _ = typed(place, "revoke", first["id"][:12])
    assert (status, first["id"] in out) == (0, True)
    assert {token["label"]: token["state"] for token in listed(place)} == {"un": "revoked", "deux": "valid"}
    status, out, _ = typed(place, "list")
    assert status == 0
    assert first["id"] in out


def test_a_list_of_none_says_so(place: Console) -> None:
    assert listed(place) == []
    assert typed(place, "list")[0] == 0


def test_revoking_what_is_not_there_is_a_trouble(place: Console) -> None:
    typed(place, "issue")
    status, out, err = typed(place, "revoke", "zz")
    assert (status, out) == (1, "")
    assert "zz" in err
    assert [token["state"] for token in listed(place)] == ["valid"]


def test_a_label_cannot_steer_the_terminal(place: Console) -> None:
    text, _ = tokens_of(place).issue(Role.READ, timedelta(days=1), "\x1b[2Jfaux", place.store.now())
    assert text
    assert "\x1b" not in typed(place, "list")[1]


def test_that_the_pages_are_off_is_said_with_the_token(place: Console) -> None:
    without = typed(place, "issue")[2]
    place.configure(web={"pages": True})
    assert len(typed(place, "issue")[2].splitlines()) == len(without.splitlines()) - 1


def test_without_a_store_no_token_is_made(tmp_path: Path, place: Console) -> None:
    place.configure(store={"url": f"sqlite:///{tmp_path}/nowhere/store.db"})
    status, out, _ = typed(place, "issue")
    assert (status, out) == (1, "")
