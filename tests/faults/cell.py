"""One cell: a scene, what strikes in it, and the proof that nothing was lost or doubled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mock_exchange import StoredItem
from tests.faults.scenes import EVENTS, Scene, tell, titles
from tests.faults.system import NEW, SharedExchange, SteppedSystem
from tests.faults.troubles import Plight, Trouble
from tests.lab.worker_harness import HERS, HIS

Strike = tuple[Trouble | Plight, str | None, int]
"""What strikes, the verb that it hits (None: any), and how many such calls are spared first."""


@dataclass(frozen=True)
class Ended:
    """What a cell ended as; all of it was checked."""

    entries: int
    posts: int
    look_ups: int
    refused: int = 0
    """Entries that were kept back with their failure on show, and written with the next content."""

    def __str__(self) -> str:
        kept = f"{self.refused} kept back, then " if self.refused else ""
        looked = "" if not self.look_ups else "looked up · " if self.look_ups == 1 else f"{self.look_ups} look-ups · "
        entries = "gone" if not self.entries else "1 entry each" if self.entries == len(EVENTS) else str(self.entries)
        return f"{kept}{entries} · {looked}{self.posts} POST{'s' if self.posts > 1 else ''}"


def play(shared_exchange: SharedExchange, scene: Scene, strikes: Sequence[Strike]) -> Ended:
    """Play a cell to its end.

    Raises:
        AssertionError: something was lost, doubled, or left over.

    """
    with shared_exchange.system() as system:
        scene.prepare(system)
        before = _bystander(system)
        for trouble, verb, after in strikes:
            trouble.strike(system, verb, after)
        system.exchange.forget_requests()
        system.relay.look_ups = 0
        scene.act(system)
        system.come_to_rest()
        posts, look_ups = len(system.exchange.requests), system.relay.look_ups
        refused = _kept_back(system)
        system.exchange.faults.clear()
        if refused:
            assert any(trouble.for_good for trouble, _, _ in strikes), ("given up", system.placements())
            _assert_the_others_are_right(system, scene, refused)
            tell(system, "Newer", scene.agent, age_s=10)
            system.come_to_rest()
        assert_shown(system, {mailbox: titles("Newer") for mailbox in scene.shows} if refused else scene.shows)
        assert_agreed(system)
        assert _bystander(system).change_key == before.change_key, "what is not concerned is not touched"
        return Ended(sum(sum(each.values()) for each in scene.shows.values()), posts, look_ups, refused)


def assert_shown(system: SteppedSystem, wanted: Mapping[str, Counter[str]]) -> None:
    """Each calendar shows exactly what is wanted, the bystander included, and each event once."""
    for mailbox in (HERS, HIS, NEW):
        expected = wanted.get(mailbox, Counter()) + Counter(["Bystander"] if mailbox == HERS else [])
        seen = Counter(system.shown(mailbox))
        assert seen == expected, (mailbox, "lost", list(expected - seen), "too many", list(seen - expected))
        uids = system.uids(mailbox)
        assert len(set(uids)) == len(uids), (mailbox, "an event has two entries")


def assert_agreed(system: SteppedSystem) -> None:
    """The store says of each entry that it is as it should be, and has no doubt."""
    for mailbox, placement in system.placements():
        assert placement.applied == placement.desired, (mailbox, placement)
        open_ends = placement.in_doubt, placement.attempted, placement.open_creates, placement.gave_up
        assert open_ends == (False, None, 0, False), (mailbox, placement)
    assert system.exchange.complaints == []
    assert system.exchange.mails_sent == 0


def _assert_the_others_are_right(system: SteppedSystem, scene: Scene, refused: int) -> None:
    """All but what was refused is written, and nothing is there twice."""
    for mailbox, expected in scene.shows.items():
        seen, uids = Counter(system.shown(mailbox)), system.uids(mailbox)
        # No more: a write without an answer may have brought the content before its repetition was refused.
        assert sum((expected - seen).values()) <= refused, (mailbox, seen)
        assert len(set(uids)) == len(uids), (mailbox, "an event has two entries")


def _bystander(system: SteppedSystem) -> StoredItem:
    [item] = [item for item in system.harness.items(HERS) if item.subject == "Bystander"]
    return item


def _kept_back(system: SteppedSystem) -> int:
    given_up = [placement for _, placement in system.placements() if placement.gave_up]
    assert all(placement.failure for placement in given_up), "what is given up says why"
    return len(given_up)
