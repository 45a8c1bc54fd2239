"""`mailboxes.csv`: a list as PowerShell, a spreadsheet or a person writes it, line by line.

One wrong line hides no other: what cannot be read is reported with its line, and the next one is read.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from receiver.config.address_fields import agent_key, email_address
from receiver.config.decoding import decoded_with_holes
from receiver.config.document import Value
from receiver.config.problems import Location, Problem
from receiver.config.validate import Reader
from receiver.core.mailboxes import Mailbox
from receiver.core.secret_edges import trimmed
from receiver.core.text import has_half_letters
from receiver.regular_files import open_regular

MAX_CSV_BYTES = 10 * 1024 * 1024
PLACE: Location = ("mailboxes", "csv")
_DELIMITERS = (";", ",", "\t")
_AGENT, _MAILBOX, _CALENDAR = "agent", "mailbox", "calendar"
_COLUMNS = {
    _AGENT: _AGENT,
    _MAILBOX: _MAILBOX,
    "primarysmtpaddress": _MAILBOX,  # as Exchange names it
    _CALENDAR: _CALENDAR,
}
_MOST_LINES = 4
"""So many lines a row may have, by line ends within quotes: an unclosed quote takes no more than these."""


class _Row(NamedTuple):
    line: int
    cells: list[str] | None
    """None: the quotes of the row make no sense."""


class _File:
    """One CSV, with the number of each line, for messages."""

    def __init__(self, reader: Reader, path: Path) -> None:
        self.reader = reader
        self.path = path

    def report(self, code: str, line: int | None = None, **details: str | int) -> None:
        self.reader.problems.append(Problem(PLACE, code, details, line, self.path))

    def text(self) -> str | None:
        try:
            with open_regular(self.path) as file:
                raw = file.read(MAX_CSV_BYTES + 1)
        except (OSError, UnicodeError):  # the file system's encoding may lack a letter of the name
            self.report("csv_unreadable")
            return None
        if len(raw) > MAX_CSV_BYTES:
            self.report("file_too_big")
            return None
        return decoded_with_holes(raw)


def csv_path(reader: Reader, raw: Value) -> Path | None:
    """Return the list that the section names; None: it names none."""
    named = raw.get("csv") if isinstance(raw, dict) else None
    return reader.context.folder / named if isinstance(named, str) and named else None


def read_csv(reader: Reader, raw: Value, calendars: list[str], default: str) -> Iterator[tuple[str, Mailbox]]:
    """Yield each agent and mailbox of the list that the section names, and report what is wrong with it."""
    path = csv_path(reader, raw)
    if path is None:
        return
    file = _File(reader, path)
    text = file.text()
    if text is None:
        return
    lines = _Lines(text)
    columns, delimiter = _header(file, lines)
    if columns is None:
        return
    seen: dict[str, Mailbox] = {}
    for row in lines.rows(delimiter):
        if entry := _entry(file, row, columns, calendars, default):
            agent, mailbox = entry
            if seen.setdefault(agent, mailbox) != mailbox:
                file.report("agent_twice", row.line)
            yield entry


class _Lines:
    """The lines that are left, those of the next row at hand."""

    def __init__(self, text: str) -> None:
        self._source = io.StringIO(text, newline=None)  # each system's line ends
        self._next: deque[str] = deque()
        self.line = 1
        """The number of the next one."""

    def peek(self) -> str | None:
        """Return the next line; None after the last."""
        self._fill()
        return self._next[0] if self._next else None

    def skip(self, count: int = 1) -> None:
        """Go on."""
        for _ in range(count):
            self._next.popleft()
        self.line += count

    def split(self, delimiter: str) -> tuple[list[str] | None, int]:
        """Return the cells of the next row, or None, and how many lines it has."""
        self._fill()
        rows = csv.reader(iter(self._next), delimiter=delimiter, strict=True)
        try:
            return [trimmed(cell) for cell in next(rows)], rows.line_num
        except csv.Error:
            return None, 1

    def rows(self, delimiter: str) -> Iterator[_Row]:
        """Yield the rows that are not empty."""
        while self.peek() is not None:
            line = self.line
            cells, count = self.split(delimiter)
            self.skip(count)
            if cells is None or any(cells):
                yield _Row(line, cells)

    def _fill(self) -> None:
        self._next.extend(islice(self._source, _MOST_LINES - len(self._next)))


def _header(file: _File, lines: _Lines) -> tuple[list[str] | None, str]:
    """Return what each column is ("" for one without a name), and what stands between them; None: reported."""
    delimiters: tuple[str, ...] = _DELIMITERS
    while (line := lines.peek()) is not None:
        begins = line.strip().strip('"').lower()
        if begins.startswith("sep=") and len(begins) == 5:  # a spreadsheet's declaration of its separator
            delimiters = (begins[4], *_DELIMITERS)
        elif line.strip("".join(delimiters) + ' "\n') and not begins.startswith("#type"):  # PowerShell's, for its kind
            break
        lines.skip()
    if line is None:
        file.report("csv_header")
        return None, ""
    number = lines.line
    for delimiter in delimiters:
        cells, count = lines.split(delimiter)
        columns = [_COLUMNS.get(cell.lower(), cell) for cell in cells or ()]
        if _are_known(columns):
            lines.skip(count)
            return columns, delimiter
    file.report("not_utf8" if has_half_letters(line) else "csv_header", number)
    return None, ""


def _are_known(columns: list[str]) -> bool:
    named = [column for column in columns if column]
    return len(set(named)) == len(named) and {_AGENT, _MAILBOX} <= set(named) <= set(_COLUMNS.values())


def _entry(
    file: _File, row: _Row, columns: list[str], calendars: list[str], default: str
) -> tuple[str, Mailbox] | None:
    cells = row.cells
    if cells is None:
        file.report("csv_syntax", row.line)
        return None
    if any(map(has_half_letters, cells)):
        file.report("not_utf8", row.line)
        return None
    told = dict(zip(columns, cells, strict=False))
    unnamed = [cell for column, cell in zip(columns, cells, strict=False) if not column] + cells[len(columns) :]
    if any(unnamed) or not {_AGENT, _MAILBOX} <= told.keys():
        file.report("csv_columns", row.line)
        return None
    calendar = told.get(_CALENDAR) or default
    entry = _read(file, row.line, told[_AGENT], told[_MAILBOX], calendar)
    if calendar not in calendars:
        file.report("calendar_unknown", row.line, known=", ".join(calendars))
        return None
    return entry


def _read(file: _File, line: int, agent: str, address: str, calendar: str) -> tuple[str, Mailbox] | None:
    try:
        return agent_key(agent), Mailbox(calendar, email_address(address))
    except PydanticCustomError as error:
        file.report(error.type, line, **(error.context or {}))
        return None
