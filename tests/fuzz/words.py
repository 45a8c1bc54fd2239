"""Values that have broken decoders, databases, calendars or displays somewhere: what mutations put in."""

import string
from random import Random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 59, 60, 255, 999, 1000, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 10**4000,
    0.5, -0.0, 1e308, 1e-320, 527040, 527041,
)  # fmt: skip
"""The last two are the longest duration, and one minute more."""

CHARACTERS = (
    "\0", "\x07", "\x1b[2J", "\x7f", "\x85", "\r\n", "\t", "\u2028", "\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad",
    "\ud800", "\udfff", "\ue000", "\ufffe", "\U0010ffff", "\U000e0001", "e\u0301", "\u0130", "\ufb03", "\u1e9e",
    "\U0001f468\u200d\U0001f469", "\U0001fae8", "\U0001fae9\U0001f3fd\u200d", "\U0001f1eb", "\ufdd0",
    "\u0660", "\uff10", "<b>&amp;", "\"'\\", "]]>", "%s%n", "{0}", "\\u0000", ";,:=",
)  # fmt: skip
"""Controls, directions, halves of pairs, private and unassigned ones, combinations, letters that grow in lower case,
digits of other scripts, and what means something to HTML, XML, JSON, iCalendar and formats."""

MOMENTS = (
    "2026-12-07 10:46:03 +0100", "2026-12-07T10:46:03.123456789Z", "2026-12-07 10:46:03 UTC", "2026-12-07T10:46:03",
    "1999-12-31 23:59:59 +0000", "2099-12-31 23:59:59 -1400", "2100-01-01 00:00:00 +0000", "0001-01-01 00:00:00 +2359",
    "9999-12-31 23:59:59 -2359", "2026-02-29 00:00:00 +0100", "2026-03-29 02:30:00 +0100", "2026-10-25 02:30:00 +0200",
    "2026-12-07 24:00:00 +0100", "2026-12-07 23:59:60 +0100", "2026-12-07 10:46:03 +2400", "2000-01-01 00:00:00 +0001",
    "2026-12-07 10:46:03 +0100 ", "\u0662026-12-07 10:46:03 +0100",
)  # fmt: skip
DAYS = (
    "2026-12-07", "2000-01-01", "1999-12-31", "2099-12-31", "2100-01-01", "0001-01-01", "9999-12-31", "2026-02-30",
    "2024-02-29", "2026-01-31", "2026-03-29", "2026-10-25", "20261207", "2026-W50-1", "2026-12-07T00:00:00",
)  # fmt: skip
CLOCKS = ("00:00:00", "23:59:59", "24:00:00", "02:30:00", "08:00", "8:00", "08:00:00.5", "08:00:00+01:00", "-1:00:00")
ZONES = (
    "Europe/Paris", "America/Guadeloupe", "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "UTC", "Factory",
    "localtime", "posixrules", "right/UTC", "../../etc/passwd", "/etc/localtime", "europe/paris", "CET",
    "Europe/Paris\0", "",
)  # fmt: skip
WORDS = (
    "Rdv", "rdv", "Absence", "absence", "PlageOuverture", "plage_ouverture", "Agent", "AgentRole", "User", "created",
    "updated", "destroyed", "rgpd", "public_office", "home", "phone", "visio", "excused", "revoked", "unknown", "",
    "agent_31@deleted.rdv-solidarites.fr", "@", "a@b@c", "null", "true", "https://rdv.anct.gouv.fr/agents/rdvs/1",
    "https://rdv.anct.gouv.fr@evil.example/", "https://evil.example/\\@rdv.anct.gouv.fr", "https://[::1",
    "https://webconf.numerique.gouv.fr/x\n<script>", "https://rdv.anct.gouv.fr:99999999/", "rdv_mairie",
    "0B5E6A3E-6F0E-4C57-9D0B-6A6C1B6F2B11", "0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11\n",
)  # fmt: skip

_DAYS_OF_RULES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU"), ("XX", "2WE", "-1FR", "+3MO", "5SU", "0MO", "99TU", "")
_COUNTS = ("1", "2", "4", "99"), ("0", "-1", "100", "999", "1000", "999999", "1000000", "9" * 50, "\u0661", "1.5", "")
_UNTILS = (
    ("20270630T000000", "20270630", "20270630T000000Z", "20261207T000000"),
    ("20270230T000000", "00010101T000000", "00000101", "99991231", "2027-06-30", "20270630T", "", "19991231T000000"),
)
_PARTS: tuple[tuple[str, tuple[tuple[str, ...], tuple[str, ...]]], ...] = (
    ("INTERVAL", _COUNTS),
    ("COUNT", _COUNTS),
    ("UNTIL", _UNTILS),
    ("UNTIL", _UNTILS),
    ("WKST", _DAYS_OF_RULES),
    ("BYMONTHDAY", (("1", "-1", "31"), ("0",))),
    ("BYSETPOS", (("1", "-1"), ("x",))),
    ("FREQ", (("DAILY",), ("",))),
    ("X-\0", (("\x07",), (" ",))),
)
_FREQUENCIES = ("DAILY", "WEEKLY", "WEEKLY", "MONTHLY"), ("YEARLY", "HOURLY", "weekly", "", "CANARI", "WEEKLY,DAILY")

_ICAL_LINES = (
    "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VTIMEZONE", "BEGIN:VALARM", "BEGIN:X\x07",
    "DTSTART:20261221T080000", "DTSTART;VALUE=DATE:20261221", "DTSTART;TZID=Europe/Paris:20261221T080000",
    "DTSTART:20261221T080000Z", "DTSTART;TZID=Mars/Olympus:20261221T080000", "DTSTART;TZID=:20261221T080000",
    "DTSTART:00010101T000000", "DTSTART:99991231T235959", "DTSTART;VALUE=PERIOD:20261221T080000Z/PT1H",
    "DTEND;TZID=Europe/Paris:20261224T180000", "DTEND:20261224T180000", "DTEND:19700101T000000", "DURATION:PT3H",
    "DTEND;TZID=\"Europe/Paris\":20261224T180000", "DTEND;VALUE=DATE:20261225", "DTEND:PT1H", "DTEND:\ud800",
    "RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=CANARI", "RRULE:FREQ=WEEKLY;COUNT=99999999999", "RRULE:", "RRULE:;=;",
    "RRULE:FREQ=MONTHLY;BYDAY=6XX", "RRULE:FREQ=WEEKLY\nRRULE:FREQ=DAILY", "RDATE:20261222T080000", " folded", ":", ";",
    "STATUS:CANCELLED", "STATUS:CONFIRMED", "METHOD:CANCEL", "EXDATE;TZID=Europe/Paris:20261221T080000", "EXDATE:",
    "RECURRENCE-ID:20261221T070000Z", "EXRULE:FREQ=DAILY", "EXD\r\n ATE:20261221", "DTSTART;TZID=UTC:20261221T080000Z",
    "SUMMARY:canari", "X-A;B=\"C:20261221T080000", "DTSTART;TZID=Europe/Paris;TZID=UTC:20261221T080000",
)  # fmt: skip


def rule(random: Random) -> str:
    """Return a recurrence rule, or what somebody may take for one."""
    parts = [f"FREQ={_sound(random, _FREQUENCIES)}"]
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        name, values = random.choice(_PARTS)
        parts.append(f"{name}={_sound(random, values)}")
    if random.random() < 0.6:
        position = random.choice(("", "", "", "1", "2", "-1"))
        parts.append(
            "BYDAY=" + ",".join(position + _sound(random, _DAYS_OF_RULES) for _ in range(random.choice((1, 1, 2))))
        )
    if random.random() < 0.1:
        random.shuffle(parts)
    text = ";".join(parts) + random.choice((";", ";", "", ";;", " "))
    return text if random.random() < 0.95 else inserted(random, text)


def _sound(random: Random, values: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """Return one of the sound values, now and then one of the others."""
    return random.choice(values[random.random() < 0.1])


def calendar(random: Random, text: str) -> str:
    """Return a calendar text with lines left out, repeated, put elsewhere, or of another kind."""
    lines = text.split("\r\n")
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines) + 1)
        match random.randrange(5):
            case 0:
                del lines[at : at + random.randint(1, 3)]
            case 1:
                lines[at:at] = lines[at : at + 3]
            case 2:
                lines.insert(at, random.choice(_ICAL_LINES))
            case 3:
                lines[at : at + 1] = [random.choice(_ICAL_LINES)]
            case _:
                lines[at : at + 1] = [inserted(random, line) for line in lines[at : at + 1]]
    return random.choice(("\r\n", "\r\n", "\r\n", "\n", "\r\n ")).join(lines)


def inserted(random: Random, text: str) -> str:
    """Return the text with something unwelcome somewhere in it."""
    at = random.randint(0, len(text))
    return text[:at] + random.choice(CHARACTERS) * random.choice((1, 1, 1, 3, 600)) + text[at:]


def scalar(random: Random) -> Any:
    """Return a value of any simple type."""
    match random.randrange(9):
        case 0:
            return random.choice((None, True, False, [], {}))
        case 1:
            return random.choice(NUMBERS)
        case 2:
            return random.randint(-(10 ** random.randrange(1, 21)), 10 ** random.randrange(1, 21))
        case 3:
            return "".join(random.choices(string.printable, k=random.choice((1, 8, 300, 2100))))
        case 4:
            return inserted(random, random.choice(WORDS))
        case 5:
            return rule(random)
        case _:
            return random.choice(random.choice((WORDS, MOMENTS, DAYS, CLOCKS, ZONES)))
