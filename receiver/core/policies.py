"""The choices an administrator makes about entries. `config.example.yaml` explains each one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.base import Sensitivity
from receiver.core.text import folded


class OnCancel(StrEnum):
    """What happens to the entry of a cancelled appointment."""

    DELETE = "delete"
    MARK = "mark"


class OnRgpdPurge(StrEnum):
    """What happens to the entry when the platform erases an old appointment. The facts are erased in any case."""

    KEEP = "keep"
    DELETE = "delete"


class OnAgentDeletion(StrEnum):
    """What happens to an entry that its agent deleted, when the event changes."""

    RECREATE = "recreate"
    RESPECT = "respect"


class OnAgentDeparture(StrEnum):
    """What happens to the coming entries of an agent who left the platform."""

    KEEP = "keep"
    DELETE_FUTURE = "delete_future"


class Title(StrEnum):
    """What the title of an appointment says."""

    MOTIF = "motif"
    GENERIC = "generic"
    """That there is an appointment, and not what for."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of one source."""

    on_cancel: OnCancel = OnCancel.DELETE
    on_rgpd_purge: OnRgpdPurge = OnRgpdPurge.KEEP
    on_agent_deletion: OnAgentDeletion = OnAgentDeletion.RECREATE
    on_agent_departure: OnAgentDeparture = OnAgentDeparture.KEEP
    past_days: int = 30
    """No entry is created for an event that ended longer ago."""
    absences: bool = True
    plages_ouverture: bool = False
    collective_names: bool = False
    absence_titles: bool = False
    visio_link: bool = False
    single_use_places: bool = False
    title: Title = Title.MOTIF
    motif_titles: Mapping[str, Title] = field(default_factory=dict, hash=False)
    """What differs from `title`, by motif as `folded` returns it."""
    sensitivity: Sensitivity = Sensitivity.PRIVATE
    reminder_minutes: int | None = None
    category: str | None = None
    link_hosts: tuple[str, ...] = ()
    """Hosts that links may lead to, in addition to the platform's own."""

    def shows(self, motif: str) -> bool:
        """Whether titles may say this motif."""
        return self.motif_titles.get(folded(motif), self.title) is Title.MOTIF
