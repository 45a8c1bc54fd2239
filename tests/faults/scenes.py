"""What the receiver is about to do when a fault strikes: one column of the table each.

Three events of one agent, served by the same calls, and a fourth that is not concerned and must stay as it is.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef, EventKind
from tests.faults.system import CLAIRE, NEW, SUB_FOLDER, SteppedSystem
from tests.lab.worker_harness import HERS, HIS
from tests.makers import KARIM, MARTINE, a_delivery

EVENTS = (1, 2, 3)
BYSTANDER = 9


@dataclass(frozen=True)
class Scene:
    """A beginning, something that is wanted, and what the calendars must show in the end."""

    name: str
    struck: str
    """The verb that a single fault hits."""
    prepare: Callable[[SteppedSystem], None]
    act: Callable[[SteppedSystem], None]
    shows: Mapping[str, Counter[str]]
    """Mailbox -> subjects, once all is well."""
    agent: AgentRef = MARTINE
    """Whose events they are in the end."""


def tell(system: SteppedSystem, title: str, agent: AgentRef = MARTINE, age_s: float = 60) -> None:
    """The three events come in with new content, one after the other, and are settled together."""
    for number in EVENTS:
        told(system, number, f"{title} {number}", agent, age_s)
    system.harness.settle()


def told(system: SteppedSystem, number: int, title: str, agent: AgentRef = MARTINE, age_s: float = 60) -> None:
    """One event comes in with this content."""
    now = system.harness.store.moment
    system.harness.accept(a_delivery(age_s, now=now, agents=(agent,), wire_id=number, uuid=None, motif=title))


def destroy(system: SteppedSystem) -> None:
    for number in EVENTS:
        now = system.harness.store.moment
        system.harness.accept(a_delivery(30, EventKind.DESTROYED, now=now, wire_id=number, uuid=None))
    system.harness.settle()


def titles(title: str) -> Counter[str]:
    return Counter(f"{title} {number}" for number in EVENTS)


def nothing(system: SteppedSystem) -> None:
    """Begin with the bystander alone."""
    told(system, BYSTANDER, "Bystander", age_s=90)
    system.come_to_rest()


def placed(system: SteppedSystem) -> None:
    """Begin with three entries in her calendar."""
    told(system, BYSTANDER, "Bystander", age_s=90)
    tell(system, "Old", age_s=90)
    system.come_to_rest()


def _answer_lost(system: SteppedSystem) -> None:
    nothing(system)
    system.harness.inject(FaultKind.DROP_AFTER, verb="CreateItem")


def _filed(system: SteppedSystem) -> None:
    placed(system)
    for item in system.harness.items(HERS):
        if item.subject != "Bystander":
            system.exchange.move_item(item.item_id, SUB_FOLDER)


def _in(mailbox: str, title: str) -> dict[str, Counter[str]]:
    return {mailbox: titles(title)}


def _write(system: SteppedSystem) -> None:
    tell(system, "New")


def _move(system: SteppedSystem) -> None:
    tell(system, "New", KARIM)


CREATE = Scene("create", "CreateItem", nothing, _write, _in(HERS, "New"))
UPDATE = Scene("update", "UpdateItem", placed, _write, _in(HERS, "New"))
DELETE = Scene("delete", "DeleteItem", placed, destroy, {})
LOOK_UP = Scene("look-up after a lost create", "FindItem", _answer_lost, _write, _in(HERS, "New"))
LOOK_BELOW = Scene("look-up in sub-folders", "FindFolder", _filed, _write, _in(HERS, "New"))
FOLDER = Scene(
    "identify: GetFolder", "GetFolder", nothing, lambda system: tell(system, "New", CLAIRE), _in(NEW, "New"), CLAIRE
)
OWNER = Scene(
    "identify: ConvertId", "ConvertId", nothing, lambda system: tell(system, "New", CLAIRE), _in(NEW, "New"), CLAIRE
)
OTHERS_BELOW = Scene(
    "other installations: FindFolder",
    "FindFolder",
    nothing,
    lambda system: tell(system, "New", CLAIRE),
    _in(NEW, "New"),
    CLAIRE,
)
OTHERS = Scene(
    "other installations: FindItem",
    "FindItem",
    nothing,
    lambda system: tell(system, "New", CLAIRE),
    _in(NEW, "New"),
    CLAIRE,
)
MOVE_IN = Scene("move: its create", "CreateItem", placed, _move, _in(HIS, "New"), KARIM)
MOVE_OUT = Scene("move: its delete", "DeleteItem", placed, _move, _in(HIS, "New"), KARIM)

SCENES = (CREATE, UPDATE, DELETE, LOOK_UP, LOOK_BELOW, FOLDER, OWNER, OTHERS_BELOW, OTHERS, MOVE_IN, MOVE_OUT)
IN_PAIRS = (CREATE, UPDATE, DELETE, LOOK_UP, MOVE_IN)
