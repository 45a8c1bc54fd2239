"""Other installations' entries in a mailbox: where two installations write the same events, every entry is doubled."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.base import Other

OTHER_INSTALLATION = "other_installation"
"""Failure code of a mailbox in which another installation has coming entries: nothing is written into it."""


@dataclass(frozen=True, slots=True)
class Served:
    """The platforms whose events this installation writes, and the installations that may write beside it."""

    platforms: frozenset[str] = frozenset()
    """Empty: mailboxes are not checked, as no entry could be doubled."""
    neighbours: frozenset[str] = frozenset()


NOTHING_SERVED = Served()


def is_installation(text: str) -> bool:
    """Whether a text is an installation's id, a UUID in lower case. The property of an item may hold any other text."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def platform_of(uid: str) -> str | None:
    """Return the platform of an event's uid; None: the uid names none."""
    _, at, platform = uid.rpartition("@")
    return platform if at else None


def conflicting_entries(found: Iterable[Other], served: Served) -> Counter[str]:
    """Return, for each other installation, how many of its entries we would write a second time."""
    return Counter(
        each.installation
        for each in found
        if platform_of(each.uid) in served.platforms
        and each.installation not in served.neighbours
        and is_installation(each.installation)
    )


def with_most_entries(counted: Counter[str]) -> str:
    """Return the installation with the most entries; of equal ones, the first by name."""
    return min(counted, key=lambda name: (-counted[name], name))
