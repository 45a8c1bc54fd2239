"""Whose entries may stand in a mailbox beside ours: who else writes the same events there would double them. Pure."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.base import Other

OTHER_INSTALLATION = "other_installation"
"""Code of a mailbox that nothing is written into, as another installation's entries are to come there."""


@dataclass(frozen=True, slots=True)
class Served:
    """What this installation writes, and beside whom."""

    platforms: frozenset[str] = frozenset()
    """Whose events it writes; none: nothing is asked, as nobody could double them."""
    neighbours: frozenset[str] = frozenset()
    """Installations that may stand beside it."""


NOTHING_SERVED = Served()
"""Nobody's events are written."""


def is_installation(text: str) -> bool:
    """Whether a text is the name of an installation, as each of ours is made. Items may bear any other text."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def platform_of(uid: str) -> str | None:
    """Return the platform whose event a uid names; None: it names none."""
    _, at, platform = uid.rpartition("@")
    return platform if at else None


def conflicting_entries(found: Iterable[Other], served: Served) -> Counter[str]:
    """Return how many entries each other installation has that would be written a second time."""
    return Counter(
        each.installation
        for each in found
        if platform_of(each.uid) in served.platforms
        and each.installation not in served.neighbours
        and is_installation(each.installation)
    )


def with_most_entries(counted: Counter[str]) -> str:
    """Return the installation that has the most entries; of equal ones, the first by name."""
    return min(counted, key=lambda name: (-counted[name], name))
