"""What one row of the page declares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from receiver.core.troubles import Code
from tests.drill.screens import Screen
from tests.drill.system import DrillSystem

Repair = Callable[[], str | None]
"""Puts right what was broken; may return what was counted meanwhile."""
Strike = Callable[[DrillSystem], Repair]
"""Breaks something for real."""


class StoreKind(StrEnum):
    """Where the receiver keeps what it knows."""

    FILE = "file"
    """SQLite, in the drill's own folder."""
    DISK = "disk"
    """SQLite, on a small disk of its own."""
    POSTGRESQL = "postgresql"
    """A database in a cluster of its own; the receiver's account is none of an administrator, and has a password."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """One row of the page."""

    name: str
    code: Code
    strike: Strike
    made: str
    """How it is broken."""
    cure: str
    """How it is repaired."""
    cause: str = ""
    page_cause: str = ""
    """The one that the page names, where the process that shows it knows of another than who looks anew."""
    has_named_cause: bool = False
    """Whether its cause is a name, and no code: another one in each run."""
    along: frozenset[Code] = frozenset()
    """What else is rightly told of, begun and ended."""
    changes: frozenset[Code] = frozenset()
    """What is rightly told of once more while it lasts, as its cause changes or it becomes an alarm."""
    may_come: frozenset[Code] = frozenset()
    """What may be told of beside, where its threshold is reached in time."""
    lasts: Callable[[DrillSystem], None] | None = None
    """The trouble is told for hours after the repair, and says until when: has that time pass."""
    prepare: Callable[[DrillSystem], None] | None = None
    """What has to be there before the break."""
    store: StoreKind = StoreKind.FILE
    is_whole: bool = False
    """Whether the receiver is started by `run`, which a unit starts again; else each part by itself."""
    blind: frozenset[Screen] = frozenset()
    """Which screens the break takes away: nobody answers there, or nobody is let in."""
    has_own_clock: bool = False
    timeout_s: int = 10
    patience: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What stands beside the configuration from the start, by name."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What stands in the configuration from the start: a text of the usual one, and the text in its place."""
    in_ci: bool = False
    """Whether every change is held to it; the others are played for the page."""
