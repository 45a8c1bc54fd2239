"""How far a caller may go in a mailbox, and how EffectiveRights words it.

EffectiveRights speak of the object itself: an editor changes and deletes every item of a calendar, but neither the
calendar's own properties nor the calendar.
"""

from collections.abc import Mapping
from enum import StrEnum

from mock_exchange.names import Element, add, make, t

NAMES = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems")
"""In schema order."""


class Level(StrEnum):
    """Who the caller is to the mailbox."""

    REVIEWER = "reviewer"
    EDITOR = "editor"
    OWNER = "owner"
    """Also whoever impersonates the owner."""

    @property
    def writes(self) -> bool:
        """Whether items may be made, changed and deleted."""
        return self is not Level.REVIEWER


READS = frozenset({"Read", "ViewPrivateItems"})  # nothing is hidden from a delegate here
OF_FOLDER: Mapping[Level, frozenset[str]] = {
    Level.REVIEWER: READS,
    Level.EDITOR: READS | {"CreateAssociated", "CreateContents"},
    Level.OWNER: frozenset(NAMES),
}
OF_ITEM: Mapping[Level, frozenset[str]] = {
    Level.REVIEWER: READS,
    Level.EDITOR: READS | {"Delete", "Modify"},
    Level.OWNER: READS | {"Delete", "Modify"},
}


def effective_rights(granted: frozenset[str]) -> Element:
    """Return the element that grants these and refuses the others."""
    rights = make("EffectiveRights")
    for name in NAMES:
        add(rights, t(name), "true" if name in granted else "false")
    return rights
