"""The time zones that a webhook or the configuration may name.

The names are those of the `tzdata` package, the same on every host. The rules of a zone are the host's if it has the
zone, as it may be updated more often; otherwise the package's.
"""

import difflib
import unicodedata
from functools import cache
from importlib.resources import files

FRENCH = (
    "Europe/Paris",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Miquelon",
    "Indian/Reunion",
    "Indian/Mayotte",
    "Pacific/Noumea",
    "Pacific/Tahiti",
    "Pacific/Wallis",
)
"""Preferred by `nearest` where several names match."""
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
"""Names whose meaning depends on the host."""
_OTHER_COUNTS = ("posix/", "right/")
"""Copies of the whole list; those in `right/` count leap seconds and differ by half a minute."""


@cache
def names() -> frozenset[str]:
    """Return the IANA names of all zones."""
    found = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(name for name in found if name not in _NO_PLACES and not name.startswith(_OTHER_COUNTS))


def nearest(text: str) -> str:
    """Return the most similar name to one that does not exist; Paris if none is similar."""
    meant = _plain(text[:100]).removeprefix("posix/").removeprefix("right/")
    if not meant:
        return FRENCH[0]
    ordered = (*FRENCH, *sorted(names().difference(FRENCH)))
    plain = {_plain(name): name for name in reversed(ordered)}
    places = {name.rpartition("/")[2]: plain[name] for name in reversed([_plain(name) for name in ordered])}
    inside = [name for name in ordered if _plain(name).startswith(f"{meant.rstrip('/')}/")]
    exact = plain.get(meant) or next(iter(inside), None) or places.get(meant)
    return exact or _similar(meant, plain) or _similar(meant.rpartition("/")[2], places) or FRENCH[0]


def _similar(text: str, known: dict[str, str]) -> str | None:
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.8)
    return known[near[0]] if near else None


def _plain(text: str) -> str:
    """Return the text in lower case, without accents, with underscores for spaces."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace(" ", "_")
