"""Agents' e-mails: the spelling that is kept, the canonical form for comparison, and a safe form for display.

Two e-mails may differ in capitals, in decomposed accents, or in a domain written as punycode, and mean the same.
"""

import re
from functools import lru_cache
from unicodedata import category, normalize

from receiver.core.text import clean, is_blank

LIMIT = 254
_MOST_READ = 2000
_FULL_STOPS = "\u3002\uff0e\uff61"
_ACE = "xn--"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HARMFUL = re.compile(r"[<>\[\](){}|\\`*~^/:;,\ud800-\udfff]")
_WEB = re.compile(r"\b(www)\.", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_MAILABLE = re.compile(
    r"""[\w!#$%&'?][\w.!#$%&'*+=?-]*  # no formula for a spreadsheet, no path, no markup
    |"[\w.@\ !#$%&'*+=?-]+"           # in quotes
    """,
    re.VERBOSE,
)


def kept_spelling(text: str) -> str | None:
    """Return an e-mail as the store keeps it: lower case, one line, bounded length; None: nothing is left of it."""
    whole = _SURROGATE.sub("\ufffd", text[:_MOST_READ])  # removed, the rest could be another person's address
    # Clean first: a removed character may separate a letter from its accent. Cut last: `lower` may lengthen a text.
    composed = normalize("NFC", clean(whole, 2 * _MOST_READ))
    line = clean(normalize("NFC", composed.lower()), 8 * _MOST_READ)
    # The limit is the column's, which counts characters.
    return (line if len(line) <= LIMIT else f"{line[: LIMIT - 1]}…") or None


@lru_cache(maxsize=4096)
def canonical(email: str) -> str:
    """Return the form that is the same for all e-mails that mean the same; empty for an empty text.

    The domain is in ASCII, and needless quotes are removed.
    """
    text = kept_spelling(email) or ""
    local_part, at, domain = text.rpartition("@")
    if not at or " " in normalize("NFKC", domain):  # no domain has a blank; in punycode two might come together
        return text
    return f"{_unquoted(local_part)}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain in lower case, with its labels outside ASCII as punycode. Accepts any text."""
    text = normalize("NFKC", domain).lower()
    for stop in _FULL_STOPS:
        text = text.replace(stop, ".")
    return ".".join(map(_ascii_label, normalize("NFKC", text).rstrip(". ").split(".")))


def readable(address: str) -> str:
    """Return a canonical address with its domain in Unicode."""
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{'.'.join(map(_readable_label, domain.split('.')))}"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take a cell with this text for a formula."""
    return text.startswith(_FORMULAS)


def display_safe(email: str) -> str:
    """Return an e-mail for display: no formula, no link, no markup, no terminal control.

    An ordinary address is unchanged. In others, U+FFFD replaces each harmful character.
    """
    shown = "".join("\ufffd" if is_blank(each) and each != " " else each for each in _HARMFUL.sub("\ufffd", email))
    shown = _WEB.sub("\\1\ufffd", shown)
    return f"'{shown}" if is_formula(email) or is_formula(shown) else shown


def spellings(email: str) -> frozenset[str]:
    """Return the texts under which the store may hold an e-mail that somebody typed."""
    one = canonical(email)
    return frozenset({kept_spelling(email) or "", one, readable(one)} - {""})


def is_mailable(local_part: str) -> bool:
    """Whether a local part may be used in a mailbox's address that is derived by a domain mapping."""
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
    except ValueError:  # UnicodeError among them
        return label
