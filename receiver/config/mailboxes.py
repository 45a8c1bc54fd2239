"""`mailboxes`: merges the map of the file with its CSV; checks each address, and that each calendar exists."""

from pydantic_core import PydanticCustomError

from receiver.config.address_fields import agent_key, domain_name
from receiver.config.document import Value
from receiver.config.mailbox_csv import MAX_CSV_BYTES, read_csv
from receiver.config.settings import MailboxesSection
from receiver.config.validate import Reader
from receiver.core.mailboxes import Mailbox, MailboxMap

__all__ = ["MAX_CSV_BYTES", "read_mailboxes"]

_HERE = "mailboxes"


def read_mailboxes(reader: Reader, raw: Value, calendars: list[str]) -> MailboxMap | None:
    """Return the mapping, or None where the section is wrong (and reported)."""
    default = _default_calendar(reader, raw, calendars)
    _check_repeats(reader, raw)
    addresses = dict(read_csv(reader, raw, calendars, default))
    section = reader.read(MailboxesSection, raw, (_HERE,))
    if section is None:
        return None
    for agent, target in section.map.items():
        calendar = target.calendar or default
        if calendar not in calendars and target.calendar:
            reader.report((_HERE, "map", agent, "calendar"), "calendar_unknown", known=", ".join(calendars))
        mailbox = Mailbox(calendar, target.address)
        if addresses.setdefault(agent, mailbox) != mailbox:
            reader.report((_HERE, "map", agent), "agent_twice")
    return MailboxMap(
        default_calendar=default,
        addresses=addresses,
        domains=section.domains,
        ignore=section.ignore,
        only=section.only,
    )


def _default_calendar(reader: Reader, raw: Value, calendars: list[str]) -> str:
    """Return the calendar of agents who have none named; the only one needs no naming."""
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
    """Report agents and domains that are one in two spellings: one of the two lines would be lost."""
    for section, one_spelling in (("map", agent_key), ("domains", domain_name)):
        entries = raw.get(section) if isinstance(raw, dict) else None
        first_lines: dict[str, int] = {}
        for key in entries if isinstance(entries, dict) else ():
            here = (_HERE, section, key)
            try:
                meant = one_spelling(key)
            except PydanticCustomError:  # its own problem, reported with its section
                continue
            if known := first_lines.get(meant):
                reader.report(here, "key_twice", first_line=known)
            first_lines.setdefault(meant, reader.document.line_of(here) or 0)
