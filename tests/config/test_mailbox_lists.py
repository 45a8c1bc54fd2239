"""A list of mailboxes as PowerShell's Export-Csv, spreadsheets and editors leave it."""

import csv
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.config import ConfigurationErrors
from receiver.core.mailboxes import Mailbox
from tests.config.test_secrets_and_files import codes, loaded, with_csv

TWO = {"a@x.example": Mailbox("exchange", "b@x.example"), "c@x.example": Mailbox("exchange", "d@x.example")}
QUOTED = '"agent","mailbox"\r\n"a@x.example","b@x.example"\r\n"c@x.example","d@x.example"\r\n'
TYPED = "#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.Mailbox\r\n"
LISTS = {
    "Export-Csv": QUOTED,
    "Export-Csv of PowerShell 5": TYPED + QUOTED,
    "Export-Csv -UseCulture": TYPED + QUOTED.replace(",", ";"),
    "Export-Csv -Delimiter `t": TYPED + QUOTED.replace(",", "\t"),
    "its type in quotes": '"#TYPE System.Management.Automation.PSCustomObject",\r\n' + QUOTED,
    "Exchange's name of the column": QUOTED.replace('"mailbox"', '"PrimarySmtpAddress"'),
    "a spreadsheet": "agent;mailbox\r\na@x.example;b@x.example\r\nc@x.example;d@x.example\r\n",
    "a spreadsheet's own word": "sep=;\r\nagent;mailbox\r\na@x.example;b@x.example\r\nc@x.example;d@x.example\r\n",
    "another delimiter that is told": "sep=|\nagent|mailbox\na@x.example|b@x.example\nc@x.example|d@x.example\n",
    "empty columns behind": "agent;mailbox;;;\r\na@x.example;b@x.example;;;\r\nc@x.example;d@x.example\r\n",
    "an empty column within": "agent;;mailbox\na@x.example;;b@x.example\nc@x.example;;d@x.example\n",
    "empty cells behind, without a column": "agent,mailbox\na@x.example,b@x.example,,\nc@x.example,d@x.example,\n",
    "empty lines": "\n;;\nagent;mailbox\n\n;;\na@x.example;b@x.example\n  ;\t\nc@x.example;d@x.example\n;;\n;;\n",
    "no calendar": "agent;mailbox;calendar\na@x.example;b@x.example\nc@x.example;d@x.example;exchange\n",
    "another order": "calendar,mailbox,agent\n,b@x.example,a@x.example\nexchange,d@x.example,c@x.example\n",
    "capitals": "AGENT;Mailbox\nA@X.example;B@x.Example\nc@x.example;d@x.example\n",
    "old line ends": QUOTED.replace("\r\n", "\r"),
    "doubled line ends": QUOTED.replace("\r\n", "\r\r\n"),
    "blanks": " agent ;\tmailbox\n\xa0a@x.example ; b@x.example\u200b\n c@x.example;\u202fd@x.example \n",
    "a line end within a cell": 'agent,mailbox\n"a@x.example\n","b@x.example"\n"c@x.example"," d@x.example\r\n"\n',
    "no line end behind": QUOTED.rstrip(),
    "the same line twice": QUOTED + '"A@x.example","b@x.example"\r\n',
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_list_is_read_as_it_is(name: str, encoding: str, tmp_path: Path) -> None:
    assert loaded(with_csv(tmp_path, LISTS[name].encode(encoding))).mailboxes.addresses == TWO


def problems(folder: Path, content: bytes) -> list[tuple[str, int | None]]:
    return [(code, line) for _, code, line in codes(with_csv(folder, content))]


def test_every_wrong_line_is_told_at_once(tmp_path: Path) -> None:
    lines = [
        b"agent;mailbox;calendar",
        b"a@x.example;b@x.example",
        b"a@x.example;c@x.example",
        b"",
        b"nobody;b@x.example",
        b"d@x.example;nobody",
        b'"e@x.example;b@x.example',
        b"f@x.example",
        b"g@x.example;b@x.example;;more",
        b"h@x.example;b@x.example;absent",
        "\u00e9quipe;agn\u00e8s@x.example".encode("cp1252"),
        b"=cmd|' /C calc'!A0;b@x.example",
        b"i@x.example;b\0@x.example",
        b"j@x.example;b@x.example;exchange",
    ]
    assert problems(tmp_path, b"\r\n".join(lines)) == [
        ("agent_twice", 3),
        ("email", 5),
        ("email", 6),
        ("csv_syntax", 7),
        ("csv_columns", 8),
        ("csv_columns", 9),
        ("calendar_unknown", 10),
        ("not_utf8", 11),
        ("email", 12),
        ("email", 13),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\n\n", [("csv_header", None)]),
        (TYPED.encode(), [("csv_header", None)]),
        (TYPED.encode() + b"Name,Alias\n", [("csv_header", 2)]),
        (b"agent,agent,mailbox\n", [("csv_header", 1)]),
        (b"agent,PrimarySmtpAddress,mailbox\n", [("csv_header", 1)]),
        (b"agent,mailbox,name\n", [("csv_header", 1)]),
        (b"a@x.example;b@x.example\n", [("csv_header", 1)]),
        ("agent;bo\u00eete\n".encode("cp1252"), [("not_utf8", 1)]),
        (b"\xef\xbb\xbf", [("csv_header", None)]),
        (b"\xff\xfe", [("csv_header", None)]),
        ("agent,mailbox\na@x.example,\ud800@x.example\n".encode("utf-16", "surrogatepass"), [("not_utf8", 2)]),
        ("agent,mailbox\na@x.example,b@x.example".encode("utf-16")[:-1], [("not_utf8", 2)]),
    ],
)
def test_what_is_no_list(content: bytes, expected: list[tuple[str, int | None]], tmp_path: Path) -> None:
    assert problems(tmp_path, content) == expected


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["a@x.example", "exchange", ""])


@given(
    rows=st.lists(st.lists(CELL, max_size=5), max_size=6),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_are_read_or_refused(rows: list[list[str]], delimiter: str, quoting: int, tmp_path: Path) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=quoting).writerows([["agent", "mailbox", "calendar"], *rows])
    path = with_csv(tmp_path, written.getvalue().encode())
    with suppress(ConfigurationErrors):
        loaded(path)


@given(raw=st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_crash_the_reading(raw: bytes, tmp_path: Path) -> None:
    assert codes(with_csv(tmp_path, raw))
