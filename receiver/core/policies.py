"""What an administrator may decide about entries. Defaults are the design's; each is explained in the example file."""

from dataclasses import dataclass
from enum import StrEnum

from connectors.base import Sensitivity


class OnCancel(StrEnum):
    """What becomes of the entry of a cancelled appointment."""

    DELETE = "delete"
    MARK = "mark"


class OnRgpdPurge(StrEnum):
    """What becomes of the entry when the platform erases an old appointment. Our own record goes either way."""

    KEEP = "keep"
    DELETE = "delete"


class OnAgentDeletion(StrEnum):
    """What becomes of an entry that its agent deleted, when the event changes."""

    RECREATE = "recreate"
    RESPECT = "respect"


class OnAgentDeparture(StrEnum):
    """What becomes of the coming entries of an agent who left the platform."""

    KEEP = "keep"
    DELETE_FUTURE = "delete_future"


@dataclass(frozen=True, slots=True)
class Policies:
    """The choices in force for one source."""

    on_cancel: OnCancel = OnCancel.DELETE
    on_rgpd_purge: OnRgpdPurge = OnRgpdPurge.KEEP
    on_agent_deletion: OnAgentDeletion = OnAgentDeletion.RECREATE
    on_agent_departure: OnAgentDeparture = OnAgentDeparture.KEEP
    past_days: int = 30
    """Events whose end lies further back are not written for the first time."""
    absences: bool = True
    plages_ouverture: bool = False
    collective_names: bool = False
    absence_titles: bool = False
    visio_link: bool = False
    single_use_places: bool = False
    sensitivity: Sensitivity = Sensitivity.PRIVATE
    reminder_minutes: int | None = None
    category: str | None = None
    link_hosts: tuple[str, ...] = ()
    """Hosts that links may lead to, beside the platform's own."""
