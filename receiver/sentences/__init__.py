"""What people read, in French, by code. Tables only: which sentence applies is decided elsewhere.

A sentence about a failure says the cause, then the cure. Fields in braces are the trouble's details.
"""

from receiver.sentences.calendars import AUDIT, CALENDAR, CALENDAR_UNKNOWN, MAILBOXES_CHECK, MAILBOXES_TABLE, TLS
from receiver.sentences.commands import CHECK, CHECK_RESULT, COMMANDS, LEVELS, RULES, STATUS, UNMAPPED, USAGE
from receiver.sentences.configuration import CONFIGURATION
from receiver.sentences.troubles import CAUSES, TROUBLES, UNKNOWN, Advice

__all__ = [
    "AUDIT",
    "CALENDAR",
    "CALENDAR_UNKNOWN",
    "CAUSES",
    "CHECK",
    "CHECK_RESULT",
    "COMMANDS",
    "CONFIGURATION",
    "LEVELS",
    "MAILBOXES_CHECK",
    "MAILBOXES_TABLE",
    "RULES",
    "STATUS",
    "TLS",
    "TROUBLES",
    "UNKNOWN",
    "UNMAPPED",
    "USAGE",
    "Advice",
]
