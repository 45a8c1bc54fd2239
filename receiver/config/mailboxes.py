"""`mailboxes`: the map of the file and of its CSV made one, each address checked, each calendar one that exists."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from receiver.config.document import Value
from receiver.config.fields import email_address
from receiver.config.problems import Problem
from receiver.config.shapes import MailboxesShape
from receiver.config.validate import Reader
from receiver.core.mailboxes import Mailbox, MailboxMap

MAX_CSV_BYTES = 10 * 1024 * 1024
_HERE = "mailboxes"
_HEADERS = (["agent", "mailbox"], ["agent", "mailbox", "calendar"])


def read_mailboxes(reader: Reader, raw: Value, calendars: list[str]) -> MailboxMap | None:
    """Return the mapping, or None where the section is wrong (and reported)."""
    default = _default_calendar(reader, raw, calendars)
    _check_repeats(reader, raw)
    addresses = dict(_csv_rows(reader, raw, calendars, default))
    shape = reader.read(MailboxesShape, raw, (_HERE,))
    if shape is None:
        return None
    for agent, target in shape.map.items():
        calendar = target.calendar or default
        if calendar not in calendars and target.calendar:
            reader.report((_HERE, "map", agent, "calendar"), "calendar_unknown", known=", ".join(calendars))
        mailbox = Mailbox(calendar, target.address)
        if addresses.setdefault(agent, mailbox) != mailbox:
            reader.report((_HERE, "map", agent), "agent_twice")
    return MailboxMap(
        default_calendar=default,
        addresses=addresses,
        domains=shape.domains,
        ignore=tuple(shape.ignore),
        only=tuple(shape.only),
    )


def _default_calendar(reader: Reader, raw: Value, calendars: list[str]) -> str:
    """Return the calendar of whoever has none named; the only one needs no naming."""
    named = raw.get("default_calendar") if isinstance(raw, dict) else None
    here = (_HERE, "default_calendar")
    if isinstance(named, str):
        if named not in calendars:
            reader.report(here, "calendar_unknown", known=", ".join(calendars))
        return named
    if len(calendars) > 1 and named is None:
        reader.report(here, "default_calendar_missing", known=", ".join(calendars))
    return calendars[0] if calendars else ""


def _check_repeats(reader: Reader, raw: Value) -> None:
    """Report agents and domains that differ by their capitals only: one of the two lines would be lost."""
    for section in ("map", "domains"):
        entries = raw.get(section) if isinstance(raw, dict) else None
        first_lines: dict[str, int] = {}
        for key in entries if isinstance(entries, dict) else ():
            here = (_HERE, section, key)
            if known := first_lines.get(key.strip().lower()):
                reader.report(here, "key_twice", first_line=known)
            first_lines.setdefault(key.strip().lower(), reader.document.line_of(here) or 0)


class _Row(NamedTuple):
    line: int
    cells: list[str]


class _CsvReader:
    """One CSV, with the number of each line for those who must mend it."""

    def __init__(self, reader: Reader, path: Path) -> None:
        self.reader = reader
        self.path = path

    def report(self, code: str, line: int | None = None) -> None:
        self.reader.problems.append(Problem((_HERE, "csv"), code, {}, line, self.path))

    def rows(self, text: str) -> Iterator[_Row]:
        first_line = text.partition("\n")[0]
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first_line else ",", strict=True)
        try:
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield _Row(lines.line_num, [cell.strip() for cell in cells])
        except csv.Error:
            self.report("csv_syntax", lines.line_num)

    def text(self) -> str | None:
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_CSV_BYTES + 1)
        except OSError:
            self.report("csv_unreadable")
            return None
        if len(raw) > MAX_CSV_BYTES:
            self.report("file_too_big")
            return None
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.report("not_utf8", raw[: error.start].count(b"\n") + 1)
            return None


def _csv_rows(reader: Reader, raw: Value, calendars: list[str], default: str) -> Iterator[tuple[str, Mailbox]]:
    named = raw.get("csv") if isinstance(raw, dict) else None
    if not isinstance(named, str) or not named:
        return
    file = _CsvReader(reader, reader.context.folder / named)
    text = file.text()
    if text is None:
        return
    rows = file.rows(text)
    header = next(rows, None)
    if header is None or [cell.lower() for cell in header.cells] not in _HEADERS:
        file.report("csv_header", header.line if header else None)
        return
    seen: dict[str, Mailbox] = {}
    for row in rows:
        if len(row.cells) != len(header.cells):
            file.report("csv_columns", row.line)
        elif entry := _entry(file, row, calendars, default):
            agent, mailbox = entry
            if seen.setdefault(agent, mailbox) != mailbox:
                file.report("agent_twice", row.line)
            yield entry


def _entry(file: _CsvReader, row: _Row, calendars: list[str], default: str) -> tuple[str, Mailbox] | None:
    agent, address, *rest = row.cells
    calendar = rest[0] if rest and rest[0] else default
    try:
        entry = email_address(agent), Mailbox(calendar, email_address(address))
    except PydanticCustomError as error:
        file.report(error.type, row.line)
        return None
    if calendar not in calendars:
        file.report("calendar_unknown", row.line)
    return entry
