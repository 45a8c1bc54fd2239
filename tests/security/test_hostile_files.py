"""A list of mailboxes that was made to harm whoever opens it. YAML's tricks: tests/config/test_document.py."""

import tracemalloc
from pathlib import Path

import pytest

from receiver.config.mailboxes import MAX_CSV_BYTES
from tests.config.test_secrets_and_files import codes, loaded, with_csv

CELLS = {
    "a formula": "=cmd|' /C calc'!A0",
    "a sum": "+1+1",
    "a function": "@SUM(1)",
    "a NUL": "a\0@x.example",
    "a line end": '"a\n@x.example"',
    "a colour": "\x1b[31m@x.example",
    "two addresses": "a@x.example b@x.example",
    "a name beside": "Jean <a@x.example>",
    "a path": "../../etc/passwd",
    "letters the other way": "a\u202e@x.example",
}


@pytest.mark.threat(id="mailbox-lists")
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("column", [0, 1])
def test_a_cell_is_an_address_or_refused(name: str, column: int, tmp_path: Path) -> None:
    cells = ["a@x.example", "b@x.example"]
    cells[column] = CELLS[name]
    found = codes(with_csv(tmp_path, f"agent,mailbox\n{','.join(cells)}\n".encode()))
    assert {code for _, code, _ in found} <= {"email", "csv_syntax", "csv_columns"}


def test_an_address_that_begins_like_a_formula_stays_a_text(tmp_path: Path) -> None:
    """RFC 5322 allows it; it is compared, and computed nowhere."""
    content = b"agent,mailbox\n=cmd@x.example,b@x.example\n"
    assert list(loaded(with_csv(tmp_path, content)).mailboxes.addresses) == ["=cmd@x.example"]


@pytest.mark.threat(id="mailbox-lists")
@pytest.mark.parametrize("content", [b'"' * 100_000, b'a,"' + b"x" * 200_000, b"," * 500_000, b"\r" * 500_000])
def test_no_list_takes_more_memory_than_its_size_allows(content: bytes, tmp_path: Path) -> None:
    tracemalloc.start()
    assert {code for _, code, _ in codes(with_csv(tmp_path, b"agent,mailbox\n" + content + b"\nx"))}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MAX_CSV_BYTES
