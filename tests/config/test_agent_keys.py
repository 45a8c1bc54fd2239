"""Any text that a message can bring as an agent's e-mail can be mapped, in YAML and in a CSV."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from receiver.config.address_fields import agent_key
from receiver.core.addresses import LIMIT, canonical, kept_spelling
from receiver.core.mailboxes import Mailbox, MailboxMap
from tests.config.test_secrets_and_files import codes, loaded, tree, with_csv, write

BOX = Mailbox("exchange", "b@x.example")
KEYS = [
    "rené.müller@x.example",
    "o'brien@x.example",
    "d’arc@x.example",
    "martine+rdv@x.example",
    "a@département.example",
    "a@xn--dpartement-b7a.example",
    "a@例え.example",
    "a@हिन्दी.example",
    "a@😀.example",
    "हिन्दी@x.example",
    '"jean dupont"@x.example',
    '"a@b"@x.example',
    '"a;b,c"@x.example',
    "jean dupont@x.example",
    "=cmd@x.example",
    "r&d/équipe@x.example",
    "#a!b$c%d^e`f{g|h}i~j?k*l@x.example",
    "a_b@under_score.example",
    "a@x",
]
ODD = [
    "nobody",
    "a@",
    "@x",
    "Jean <a@x.example>",
    "a@b@c",
    "=SUM(1)",
    "[x](http://e.example)",
    "a@[10.0.0.1]",
    '"',
    "*",
]


def forms(key: str) -> set[str]:
    return {key, key.upper(), normalize("NFD", key), normalize("NFC", key), f" {key}\ufeff"}


@pytest.mark.parametrize("key", KEYS)
def test_an_address_is_a_key_as_it_is(key: str, tmp_path: Path) -> None:
    for typed in forms(key):
        mapping = loaded(write(tmp_path, tree(mailboxes={"map": {typed: "b@x.example"}}))).mailboxes
        assert {mapping.locate(form) for form in forms(key)} == {BOX}


@pytest.mark.parametrize("text", ODD)
def test_any_other_text_is_a_key_in_quotes(text: str, tmp_path: Path) -> None:
    typed = f'"{text}"'
    mapping = loaded(write(tmp_path, tree(mailboxes={"map": {typed: "b@x.example"}}))).mailboxes
    assert mapping.locate(text) == BOX
    assert mapping.locate(kept_spelling(text)) == BOX
    if text != '"':
        path = write(tmp_path, tree(mailboxes={"map": {text: "b@x.example"}}))
        assert [code for _, code, _ in codes(path)] == ["email"]


@pytest.mark.parametrize("key", KEYS + [f'"{text}"' for text in ODD])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_takes_the_same_keys(key: str, delimiter: str, tmp_path: Path) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows([["agent", "mailbox"], [key, "b@x.example"]])
    mapping = loaded(with_csv(tmp_path, written.getvalue().encode())).mailboxes
    assert mapping.addresses == {agent_key(key): BOX}


@given(st.text(max_size=260))
def test_whatever_is_heard_has_a_key(text: str) -> None:
    email = kept_spelling(text)
    if email is None or not canonical(email):
        return
    mapping = MailboxMap("exchange", addresses={agent_key(f'"{email}"'): BOX})
    assert mapping.locate(text) in {BOX, *(() if "@deleted." not in email else (mapping.locate(email),))}


@contextmanager
def suppress_refusal() -> Iterator[list[PydanticCustomError]]:
    found: list[PydanticCustomError] = []
    try:
        yield found
    except PydanticCustomError as error:
        found.append(error)


@given(st.text(max_size=300))
def test_a_key_is_taken_or_refused_by_a_code(text: str) -> None:
    with suppress_refusal() as refused:
        key = agent_key(text)
        assert len(key) > LIMIT or canonical(key) == key
    assert {error.type for error in refused} <= {"email", "too_long"}


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        '""',
        "a\u202e@x.example",
        "a\u200bb@x.example",
        "a\x1b@x.example",
        "SMTP:a@x.example",
        "mailto:a@x.example",
        "a@x..example",
        "a@.example",
        "a@x example",
        "<a@x.example>",
        "a@x.example, b@x.example",
    ],
)
def test_what_is_mistyped_is_refused(typed: str) -> None:
    with pytest.raises(PydanticCustomError, match="email"):
        agent_key(typed)


@pytest.mark.parametrize(
    "keys",
    [
        ("a@département.example", "a@xn--dpartement-b7a.example"),
        ("ren\u00e9@x.example", "rene\u0301@x.example"),
        ('"a"@x.example', "a@x.example"),
        ("É@x.example", "é@x.example"),
    ],
)
def test_one_agent_in_two_spellings_is_told(keys: tuple[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, tree(mailboxes={"map": dict.fromkeys(keys, "b@x.example")}))
    assert [code for _, code, _ in codes(path)] == ["key_twice"]
    written = io.StringIO()
    rows = [[key, f"{box}@x.example"] for key, box in zip(keys, "bc", strict=True)]
    csv.writer(written).writerows([["agent", "mailbox"], *rows])
    found = codes(with_csv(tmp_path, written.getvalue().encode()))
    assert [code for _, code, _ in found] == ["agent_twice"]


@pytest.mark.parametrize("domain", ["Département.example", "xn--dpartement-b7a.example", "de\u0301partement.example"])
def test_a_domain_is_mapped_in_either_form(domain: str, tmp_path: Path) -> None:
    mapping = loaded(write(tmp_path, tree(mailboxes={"domains": {domain: "x.example"}}))).mailboxes
    for email in ("a@département.example", "a@xn--dpartement-b7a.example"):
        assert mapping.locate(email) == Mailbox("exchange", "a@x.example")


def test_a_mailbox_may_have_such_a_domain_too(tmp_path: Path) -> None:
    mapping = loaded(write(tmp_path, tree(mailboxes={"map": {"a@x.example": "B@Département.example"}}))).mailboxes
    assert mapping.locate("a@x.example") == Mailbox("exchange", "b@xn--dpartement-b7a.example")
