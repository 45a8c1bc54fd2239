"""Agents' e-mails as they are kept, and when two of them are one: capitals, accents in pieces, domains in punycode."""

import re
from functools import lru_cache
from unicodedata import category, normalize

from receiver.core.secret_edges import is_blank
from receiver.core.text import clean

LIMIT = 254
_MOST_READ = 2000
_FULL_STOPS = "\u3002\uff0e\uff61"
_ACE = "xn--"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HARMFUL = re.compile(r"[<>\[\](){}|\\`*~^/:;,\ud800-\udfff]")
_WEB = re.compile(r"\b(www)\.", re.IGNORECASE)
_HALF_LETTER = re.compile("[\ud800-\udfff]")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_MAILABLE = re.compile(
    r"""[\w!#$%&'?][\w.!#$%&'*+=?-]*  # no formula for a spreadsheet, no path, no markup
    |"[\w.@\ !#$%&'*+=?-]+"           # in quotes
    """,
    re.VERBOSE,
)


def kept_spelling(text: str) -> str | None:
    """Return an e-mail as it is kept of a message: small letters, one line, bounded; None: nothing is left of it."""
    whole = _HALF_LETTER.sub("\ufffd", text[:_MOST_READ])  # without it, it could be somebody else's
    # Cleaned first: what goes may stand between a letter and its accent. Cut last: some letters are two when small.
    composed = normalize("NFC", clean(whole, 2 * _MOST_READ))
    line = clean(normalize("NFC", composed.lower()), 8 * _MOST_READ)
    # Compared and never read: cut at a number of characters, as the store counts them.
    return (line if len(line) <= LIMIT else f"{line[: LIMIT - 1]}…") or None


@lru_cache(maxsize=4096)
def canonical(email: str) -> str:
    """Return the one spelling of all e-mails that mean the same; empty for none.

    The domain is in ASCII, and quotes that nothing requires are gone.
    """
    text = kept_spelling(email) or ""
    local_part, at, domain = text.rpartition("@")
    return f"{_unquoted(local_part)}@{ascii_domain(domain)}" if at else text


def ascii_domain(domain: str) -> str:
    """Return a domain in lower case, with its labels outside ASCII as punycode. Total: it judges nothing."""
    text = normalize("NFKC", domain).lower()
    for stop in _FULL_STOPS:
        text = text.replace(stop, ".")
    return ".".join(map(_ascii_label, normalize("NFKC", text).rstrip(". ").split(".")))


def readable(address: str) -> str:
    """Return a canonical address with its domain as people read it."""
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{'.'.join(map(_readable_label, domain.split('.')))}"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute a cell that holds the text."""
    return text.startswith(_FORMULAS)


def display_safe(email: str) -> str:
    """Return an e-mail as a report may show it: no formula, no link, no markup, nothing that steers a terminal.

    An ordinary one is shown as it is. Of an odd one, U+FFFD stands for what could do harm.
    """
    shown = "".join("\ufffd" if is_blank(each) and each != " " else each for each in _HARMFUL.sub("\ufffd", email))
    shown = _WEB.sub("\\1\ufffd", shown)
    return f"'{shown}" if is_formula(email) or is_formula(shown) else shown


def spellings(email: str) -> frozenset[str]:
    """Return the texts under which an e-mail that somebody typed may stand in the record."""
    one = canonical(email)
    return frozenset({kept_spelling(email) or "", one, readable(one)} - {""})


def is_mailable(local_part: str) -> bool:
    """Whether a local part may stand in a mailbox's address that nobody wrote out."""
    unseen = any(is_blank(character) and character != " " for character in local_part)
    letters = "".join(character for character in local_part if not category(character).startswith("M"))
    return not unseen and _MAILABLE.fullmatch(letters) is not None


def _unquoted(local_part: str) -> str:
    inner = local_part[1:-1]
    is_quoted = len(local_part) > 2 and local_part[0] == local_part[-1] == '"'
    return inner if is_quoted and _DOT_ATOM.fullmatch(inner) else local_part


def _ascii_label(label: str) -> str:
    return label if label.isascii() else _ACE + label.encode("punycode").decode("ascii")


def _readable_label(label: str) -> str:
    if not label.startswith(_ACE):
        return label
    try:
        return normalize("NFC", label.removeprefix(_ACE).encode("ascii").decode("punycode"))
    except ValueError:  # a UnicodeError is one
        return label
