"""What agents and administrators do to entries behind the receiver's back, and what the next change makes of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mock_exchange import StoredItem
from receiver.core.policies import OnAgentDeletion
from tests.faults.cell import Ended, assert_agreed
from tests.faults.scenes import DELETE, MOVE_IN, UPDATE, Scene
from tests.faults.system import SUB_FOLDER, SharedExchange, SteppedSystem
from tests.lab.worker_harness import HERS, HIS

MARRIED = "martine.dupont@departement.example"
RESPECT = {"on_agent_deletion": OnAgentDeletion.RESPECT}
MINE = "Old 2"
"""The one of the three entries that is laid hands on."""
SCENES = (UPDATE, DELETE, MOVE_IN)


@dataclass(frozen=True)
class Hand:
    """One thing done to an entry, or to its mailbox."""

    name: str
    act: Callable[[SteppedSystem, StoredItem], object]
    left: Mapping[str, int]
    """Subject -> how many items stay beside, or are missing from, what the receiver wants; in every scene."""
    missing_after_update: bool = False
    policies: Mapping[str, object] | None = None


def _edit(system: SteppedSystem, item: StoredItem) -> None:
    system.exchange.edit_item(item.item_id, subject="Edited", location="Elsewhere")


HANDS = (
    Hand("edited", _edit, {}),
    Hand("moved to a sub-folder", lambda system, item: system.exchange.move_item(item.item_id, SUB_FOLDER), {}),
    Hand(
        "moved to the deleted items", lambda system, item: system.exchange.move_item(item.item_id, "deleteditems"), {}
    ),
    Hand("deleted for ever", lambda system, item: system.exchange.delete_item(item.item_id), {}),
    Hand(
        "deleted for ever, `on_agent_deletion: respect`",
        lambda system, item: system.exchange.delete_item(item.item_id),
        {},
        missing_after_update=True,
        policies=RESPECT,
    ),
    Hand("copied", lambda system, item: system.exchange.copy_item(item.item_id), {MINE: 1}),
    Hand("mailbox renamed", lambda system, _: system.exchange.rename_mailbox(HERS, MARRIED), {}),
    Hand("mailbox moved: every id new", lambda system, _: system.exchange.finish_move(HERS), {}),
)


def play(shared_exchange: SharedExchange, hand: Hand, scene: Scene) -> Ended:
    """Lay hands on one of three entries, then have all three change.

    Raises:
        AssertionError: something was lost, doubled, or left over.

    """
    with shared_exchange.system(**(hand.policies or {})) as system:
        scene.prepare(system)
        [item] = [item for item in system.harness.items(HERS) if item.subject == MINE]
        hand.act(system, item)
        system.exchange.forget_requests()
        system.relay.look_ups = 0
        scene.act(system)
        system.come_to_rest()
        missing = Counter(["New 2"]) if hand.missing_after_update and scene is UPDATE else Counter()
        for mailbox in (HERS, HIS):
            beside = Counter({"Bystander": 1, **hand.left}) if mailbox == HERS else Counter()
            wanted = scene.shows.get(mailbox, Counter()) - missing + beside
            assert Counter(system.shown(mailbox)) == wanted, (hand.name, scene.name, mailbox, system.shown(mailbox))
        if not missing:
            assert_agreed(system)
        entries = sum(sum(each.values()) for each in scene.shows.values()) - missing.total()
        return Ended(entries, len(system.exchange.requests), system.relay.look_ups)
