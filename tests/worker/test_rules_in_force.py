"""Rules that come into force, wait for a word, and what each does to the calendars meanwhile."""

from dataclasses import replace

import pytest

from receiver.core.facts import Delivery
from receiver.core.policies import OnAgentDeparture
from receiver.core.ruleset import Ruleset
from receiver.operations import unmapped
from receiver.operations.rules import FREE_REMOVALS, Effects, ProposalState, effects
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets, settling
from receiver.store.work import rulesets as stored_rulesets
from tests.lab.worker_harness import HERS, HIS, UNMAPPED, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW, a_delivery, an_agent, incoming
from tests.worker.steps import dump, hear, posts, propose, remap

MANY = FREE_REMOVALS + 5
WITHOUT_HER = {"ignore": ("martine*",)}


def a_rdv(number: int, age_s: float = 90, motif: str = "M") -> Delivery:
    return a_delivery(age_s, agents=(MARTINE,), wire_id=number, uuid=None, motif=motif)


def fill(harness: WorkerHarness, count: int) -> None:
    """So many RDVs in her calendar, under rules that are in force."""
    propose(harness)
    harness.store.write(judge_batch.take, [incoming(a_rdv(number)) for number in range(1, count + 1)], NOW)
    harness.work()
    assert len(harness.items()) == count


def test_the_first_rules_need_no_word(harness: WorkerHarness) -> None:
    """Nothing is in any calendar yet."""
    assert propose(harness).standing is ProposalState.ADOPTED


def test_the_same_rules_again_change_nothing(harness: WorkerHarness) -> None:
    fill(harness, 1)
    number = harness.store.read(rulesets.newest_id)
    proposal = propose(harness)
    assert (proposal.standing, proposal.effects) == (ProposalState.UNCHANGED, Effects())
    assert (harness.store.read(stored_rulesets.newest_id), harness.store.read(settling.has_unsettled)) == (
        number,
        False,
    )


def test_effects_are_counted_entry_by_entry(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    propose(harness)
    harness.tell(90, agents=(MARTINE, KARIM), wire_id=1, uuid=None)
    harness.tell(90, agents=(MARTINE,), wire_id=2, uuid=None, cancelled=True)
    harness.tell(90, agents=(KARIM,), wire_id=3, uuid=None)
    harness.work()

    def counted() -> Effects:
        return effects(harness.store, harness.settings.ruleset(), NOW)

    assert counted() == Effects(kept=3)
    harness.policies(category="RDV")
    assert counted() == Effects(updated=3)
    remap(harness, **WITHOUT_HER)
    assert counted() == Effects(updated=2, removed=1)
    her_box = harness.settings.mailboxes.addresses[HERS]
    remap(harness, addresses={HERS: her_box, HIS: her_box}, ignore=())
    assert counted() == Effects(updated=1, removed=2, created=1)
    assert sorted(posts(harness)) == [("CreateItem", HIS), ("CreateItem", HERS)], "counting writes nothing"


@pytest.mark.parametrize(
    ("found", "may"),
    [
        (Effects(removed=20), True),
        (Effects(removed=21), False),
        (Effects(removed=21, updated=399), True),
        (Effects(removed=25, kept=475), True),
        (Effects(removed=26, kept=474), False),
        (Effects(created=10_000, removed=21), False),
        (Effects(created=10_000, updated=10_000), True),
    ],
)
def test_a_small_share_may_go_without_a_question(found: Effects, may: bool) -> None:
    assert found.may_go_ahead is may


def test_a_change_that_removes_little_is_in_force_at_once(harness: WorkerHarness) -> None:
    fill(harness, 3)
    remap(harness, **WITHOUT_HER)
    proposal = propose(harness)
    assert (proposal.standing, proposal.effects) == (ProposalState.ADOPTED, Effects(removed=3))
    harness.work()
    assert harness.items() == []


def test_a_change_that_removes_much_waits_and_the_old_rules_go_on(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    fill(harness, MANY)
    remap(harness, **WITHOUT_HER)
    proposal = propose(harness)
    assert (proposal.standing, proposal.effects) == (ProposalState.HELD, Effects(removed=MANY))
    assert (harness.work(), len(harness.items()), harness.store.read(rulesets.held_removals)) == (0, MANY, MANY)
    hear(harness, a_rdv(1, 60, "Changé"))
    hear(harness, a_rdv(MANY + 1, 60, "Nouveau"))
    assert harness.work() == 2, "one call of each kind"
    assert {"Changé", "Nouveau"} < set(harness.subjects())
    assert propose(harness, confirmed=True).effects == Effects(removed=MANY + 1)
    harness.work()
    assert (harness.items(), harness.store.read(rulesets.held_removals)) == ([], None)


def test_a_change_that_was_held_is_withdrawn_with_the_file(harness: WorkerHarness) -> None:
    fill(harness, MANY)
    before = harness.settings
    remap(harness, **WITHOUT_HER)
    propose(harness)
    assert harness.store.read(rulesets.held_removals) == MANY
    harness.settings = before
    assert propose(harness).standing is ProposalState.UNCHANGED
    assert harness.store.read(rulesets.held_removals) is None


def test_rules_that_wait_are_noted_once_however_often_they_are_proposed(harness: WorkerHarness) -> None:
    fill(harness, MANY)
    remap(harness, **WITHOUT_HER)
    for _ in range(3):
        assert propose(harness).standing is ProposalState.HELD
    assert len(dump(harness)["rulesets"]) == 2


def test_a_mistake_that_is_mended_never_reaches_a_calendar(harness: WorkerHarness) -> None:
    fill(harness, MANY)
    since = len(harness.exchange.requests)
    good = harness.settings
    remap(harness, addresses={}, domains={})
    assert propose(harness).standing is ProposalState.HELD
    harness.settings = good
    assert propose(harness).standing is ProposalState.UNCHANGED
    harness.work()
    assert posts(harness, since) == []


def test_a_policy_that_removes_much_waits_too(harness: WorkerHarness) -> None:
    fill(harness, MANY)
    hear(harness, an_agent(replace(MARTINE, email="agent_31@deleted.rdv-solidarites.fr")))
    assert harness.work() == 0
    harness.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    assert propose(harness).standing is ProposalState.HELD
    assert harness.work() == 0


def test_an_unmapped_agent_is_told_until_mapped_and_then_delivered(harness: WorkerHarness) -> None:
    stranger = replace(MARTINE, ident="92", email=UNMAPPED)
    propose(harness)
    harness.tell(90, agents=(stranger,))
    assert harness.work() == 0
    [told] = unmapped.unmapped(harness.store, harness.settings.mailboxes, NOW)
    assert (told.email, told.events) == (UNMAPPED, 1)
    known = harness.settings.mailboxes.addresses
    remap(harness, addresses={**known, UNMAPPED: known[HERS]})
    assert propose(harness).effects == Effects(created=1)
    assert harness.work() == 1
    assert unmapped.unmapped(harness.store, harness.settings.mailboxes, NOW) == []
    assert harness.subjects() == ["Consultation PMI"]


def test_widening_a_pilot_delivers_what_was_held_back(harness: WorkerHarness) -> None:
    remap(harness, only=("karim*",))
    propose(harness)
    harness.tell(90, agents=(MARTINE, KARIM))
    harness.work()
    assert (harness.subjects(HERS), harness.subjects(HIS)) == ([], ["Consultation PMI"])
    remap(harness, only=())
    propose(harness)
    assert harness.work() == 1
    assert harness.subjects(HERS) == ["Consultation PMI"]


def test_an_event_that_a_bug_makes_undecidable_stops_no_proposal(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(harness, 2)
    decide = Ruleset.compute_desired

    def faulty(self: Ruleset, view, now):  # type: ignore[no-untyped-def]
        if view.uid.startswith("Rdv/1@"):
            raise ZeroDivisionError
        return decide(self, view, now)

    monkeypatch.setattr(Ruleset, "compute_desired", faulty)
    assert effects(harness.store, harness.settings.ruleset(), NOW) == Effects(kept=1)
