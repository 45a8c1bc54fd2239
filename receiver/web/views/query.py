"""The parameters of query strings and forms, and the format of moments in answers.

Other values are refused, and not repeated in the answer.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from receiver.store.reports.overview import FailureScope

LARGEST_ID = 2**63 - 1
LARGEST_COUNT = 10**9
LONGEST_ADDRESS = 512  # the longest in the record, as the last address of a page leads to the next page
CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
CALENDAR = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
FLAGS = {"0": False, "1": True}


class BadQuestion(Exception):
    """A parameter has an invalid value. It names the parameter, never the value."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def number(values: Mapping[str, str], name: str, highest: int, ordinary: int | None = None) -> int | None:
    """Return a whole number from 0 to `highest`; `ordinary` where none is given.

    Raises:
        BadQuestion: it is something else.

    """
    text = values.get(name, "")
    if not text:
        return ordinary
    if len(text) > 19 or re.fullmatch(r"[0-9]+", text, re.ASCII) is None or int(text) > highest:
        raise BadQuestion(name)
    return int(text)


def flag(values: Mapping[str, str], name: str) -> bool:
    """Return a flag: 1 is true, 0 or nothing is false.

    Raises:
        BadQuestion: it is something else.

    """
    try:
        return FLAGS[values.get(name) or "0"]
    except KeyError:
        raise BadQuestion(name) from None


def address(values: Mapping[str, str], name: str) -> str:
    """Return an address, or the beginning of one, in lower case; empty where none is given.

    Raises:
        BadQuestion: too long, or with characters that no address holds.

    """
    text = values.get(name, "").strip().lower()
    if len(text) > LONGEST_ADDRESS or not text.isprintable():
        raise BadQuestion(name)
    return text


def code(values: Mapping[str, str], name: str) -> str:
    """Return a failure's code.

    Raises:
        BadQuestion: none is given, or it is something else.

    """
    text = values.get(name, "")
    if CODE.fullmatch(text) is None:
        raise BadQuestion(name)
    return text


def group(values: Mapping[str, str]) -> tuple[str, str, str]:
    """Return scope, code and calendar (empty for events) of a group of failures.

    Raises:
        BadQuestion: a part of it is missing, or is none that exists.

    """
    scope, calendar = values.get("scope", ""), values.get("calendar", "")
    if scope not in set(FailureScope):
        raise BadQuestion("scope")
    # A calendar that is no longer configured still has its failures.
    fits = not calendar if scope == FailureScope.EVENT else CALENDAR.fullmatch(calendar)
    if not fits:
        raise BadQuestion("calendar")
    return scope, code(values, "code"), calendar


def stamp(moment: datetime) -> str:
    """Return a moment in ISO 8601, in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
