"""The time zones that a message or a configuration may name.

One list, that of the `tzdata` package: what the host happens to hold adds nothing and lacks nothing. Rules are the
host's where it has the zone, as it may be updated more often, else the package's.
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
"""Those that are meant where it is not clear which one."""
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
"""What they mean is the host's own choice, or nothing."""
_OTHER_COUNTS = ("posix/", "right/")
"""Copies of the whole list; those of `right/` count leap seconds and are half a minute off."""


@cache
def names() -> frozenset[str]:
    """Return the names of all zones, as the IANA writes them."""
    found = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(name for name in found if name not in _NO_PLACES and not name.startswith(_OTHER_COUNTS))


def nearest(text: str) -> str:
    """Return the name that was most probably meant by one that is none; where nothing is near, Paris."""
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
    """Return the text in small letters without accents, words joined as the IANA joins them."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace(" ", "_")
