"""The French texts for people, by code. Only tables: other modules decide which sentence applies.

A sentence about a failure says the cause, then the cure. Fields in braces are the trouble's details.
"""

from receiver.sentences.access import ACCESS, TOKEN, TOKEN_COLUMNS, TOKEN_HELP, TOKEN_KEY, TOKEN_STATES
from receiver.sentences.alerts import ALERT, DELIVERY, DIGEST, WATCH
from receiver.sentences.calendars import (
    AUDIT,
    CALENDAR,
    CALENDAR_UNKNOWN,
    INSTALLATIONS,
    MAILBOXES_CHECK,
    MAILBOXES_TABLE,
    TLS,
)
from receiver.sentences.commands import CHECK, CHECK_RESULT, COLOURS, COMMANDS, LEVELS, RULES, STATUS, UNMAPPED, USAGE
from receiver.sentences.configuration import CONFIGURATION, EDGES
from receiver.sentences.held import HELD, HELD_DONE, HELD_HELP, HELD_MEANINGS, HELD_REASONS
from receiver.sentences.operations import BACKUP, DIAGNOSE, FAILURES, PURGE
from receiver.sentences.pages import (
    BAD_QUESTION,
    PAGE_ERRORS,
    PAGE_WORDS,
    REFUSALS,
    RETRIED,
    SCOPE_NOUNS,
    SCOPES,
    UNMAPPED_LINE,
    UNMAPPED_MAIL,
    WEEKDAYS,
)
from receiver.sentences.recovery import ADOPT, RECOVER, RECOVERY_HELP, UNINSTALL
from receiver.sentences.resync import RESYNC, SECRETS
from receiver.sentences.store import STORE_CAUSES, STORE_FILES
from receiver.sentences.troubles import ALL_IGNORED, CAUSES, MEANWHILE, TROUBLES, UNKNOWN, VANISHED, Advice

__all__ = [
    "ACCESS",
    "ADOPT",
    "ALERT",
    "ALL_IGNORED",
    "AUDIT",
    "BACKUP",
    "BAD_QUESTION",
    "CALENDAR",
    "CALENDAR_UNKNOWN",
    "CAUSES",
    "CHECK",
    "CHECK_RESULT",
    "COLOURS",
    "COMMANDS",
    "CONFIGURATION",
    "DELIVERY",
    "DIAGNOSE",
    "DIGEST",
    "EDGES",
    "FAILURES",
    "HELD",
    "HELD_DONE",
    "HELD_HELP",
    "HELD_MEANINGS",
    "HELD_REASONS",
    "INSTALLATIONS",
    "LEVELS",
    "MAILBOXES_CHECK",
    "MAILBOXES_TABLE",
    "MEANWHILE",
    "PAGE_ERRORS",
    "PAGE_WORDS",
    "PURGE",
    "RECOVER",
    "RECOVERY_HELP",
    "REFUSALS",
    "RESYNC",
    "RETRIED",
    "RULES",
    "SCOPES",
    "SCOPE_NOUNS",
    "SECRETS",
    "STATUS",
    "STORE_CAUSES",
    "STORE_FILES",
    "TLS",
    "TOKEN",
    "TOKEN_COLUMNS",
    "TOKEN_HELP",
    "TOKEN_KEY",
    "TOKEN_STATES",
    "TROUBLES",
    "UNINSTALL",
    "UNKNOWN",
    "UNMAPPED",
    "UNMAPPED_LINE",
    "UNMAPPED_MAIL",
    "USAGE",
    "VANISHED",
    "WATCH",
    "WEEKDAYS",
    "Advice",
]
