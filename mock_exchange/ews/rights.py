"""How far a caller may go in a mailbox, and how EffectiveRights words it.

EffectiveRights speak of the object itself: an editor changes and deletes every item of a calendar, but neither the
calendar's own properties nor the calendar.
"""

from collections.abc import Mapping
from enum import StrEnum

from mock_exchange.xml.elements import Element, add, make, t

NAMES = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems")
"""In schema order."""


class Level(StrEnum):
    """Who the caller is to the mailbox."""

    REVIEWER = "reviewer"
    EDITOR = "editor"
    REVIEWER_WITHOUT_PRIVATE = "reviewer-without-private"
    """What a delegate is whom its owner has not let see private items: Outlook's own default."""
    EDITOR_WITHOUT_PRIVATE = "editor-without-private"
    OWNER = "owner"
    """Also whoever impersonates the owner."""

    @property
    def writes(self) -> bool:
        """Whether items may be made, changed and deleted."""
        return self not in {Level.REVIEWER, Level.REVIEWER_WITHOUT_PRIVATE}

    @property
    def sees_private(self) -> bool:
        """Whether items that their owner marked as private are there for the caller."""
        return self not in {Level.REVIEWER_WITHOUT_PRIVATE, Level.EDITOR_WITHOUT_PRIVATE}


READS = frozenset({"Read"})
SEES_ALL = READS | {"ViewPrivateItems"}
FILLS = frozenset({"CreateAssociated", "CreateContents"})
CHANGES = frozenset({"Delete", "Modify"})
OF_FOLDER: Mapping[Level, frozenset[str]] = {
    Level.REVIEWER: SEES_ALL,
    Level.EDITOR: SEES_ALL | FILLS,
    Level.REVIEWER_WITHOUT_PRIVATE: READS,
    Level.EDITOR_WITHOUT_PRIVATE: READS | FILLS,
    Level.OWNER: frozenset(NAMES),
}
OF_ITEM: Mapping[Level, frozenset[str]] = {
    Level.REVIEWER: SEES_ALL,
    Level.EDITOR: SEES_ALL | CHANGES,
    Level.REVIEWER_WITHOUT_PRIVATE: READS,
    Level.EDITOR_WITHOUT_PRIVATE: READS | CHANGES,
    Level.OWNER: SEES_ALL | CHANGES,
}


def effective_rights(granted: frozenset[str]) -> Element:
    """Return the element that grants these and refuses the others."""
    rights = make("EffectiveRights")
    for name in NAMES:
        add(rights, t(name), "true" if name in granted else "false")
    return rights
