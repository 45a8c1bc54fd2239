"""What one exploration allows: how much may go wrong, of which kinds, and how long things take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.base import ConnectorError
from tests.proof.faults import ERRORS
from tests.proof.ticks import Proportions

SHORT = Proportions(settle=2, lease=3, recheck=4)


@dataclass(frozen=True)
class Rules:
    """The bounds of one exploration."""

    name: str
    faults: int = 0
    changes: int = 0
    hands: int = 0
    orders: int = 0
    boxes: int = 1
    contents: tuple[str, ...] = ("A", "B")
    respect: bool = False
    """The policy `on_agent_deletion: respect`."""
    deeds: frozenset[str] = frozenset()
    """What an agent may do: names of `tests/proof/agent.py`."""
    errors: Mapping[str, ConnectorError] = field(default_factory=lambda: ERRORS, hash=False)
    proportions: Proportions = SHORT
    late_by: int = 0
    """Ticks by which a server may commit later than `recheck`: an assumption of the product, broken."""
    lost_record: bool = False
    """The record was lost, and an entry may stand in the mailbox."""

    @property
    def copies(self) -> bool:
        """Whether copies with our mark may exist."""
        return "copies" in self.deeds
