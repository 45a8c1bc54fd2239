"""Rules that come into force, wait for a word, and what each does to the calendars meanwhile."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from receiver.config import EwsCalendar, Settings
from receiver.core.facts import Delivery
from receiver.core.policies import OnAgentDeparture, Policies
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import Code, Severity
from receiver.operations import lost_names, rules, unmapped
from receiver.operations.rules import FREE_REMOVALS, Effects, Proposal, ProposalState, effects
from receiver.operations.status import status
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets, settling
from receiver.store.work import rulesets as stored_rulesets
from tests.lab.worker_harness import CALENDAR, HERS, HIS, UNMAPPED, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW, a_delivery, an_absence, an_agent, incoming
from tests.worker.steps import dump, follow, hear, posts, propose, remap, shown, slot

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


def rename(harness: WorkerHarness, name: str) -> None:
    """Give the source another name, with ordinary rules."""
    [source] = harness.settings.sources.values()
    renamed = source.replace(name=name, time_zone=ZoneInfo("Europe/Paris"), policies=Policies())
    harness.settings = harness.settings.replace(sources={name: renamed})


def test_a_source_that_is_renamed_keeps_its_rules_for_the_events_it_told(harness: WorkerHarness) -> None:
    source = harness.settings.sources["mds"].replace(time_zone=ZoneInfo("Indian/Reunion"))
    harness.settings = harness.settings.replace(sources={"mds": source})
    harness.policies(category="RDV")
    propose(harness)
    slot(harness, an_absence())
    harness.work()
    [before] = shown(harness, HERS)
    rules_of_mds = harness.crew.ruleset.sources["mds"]
    since = len(harness.exchange.requests)
    rename(harness, "nord")
    assert propose(harness).effects == Effects(kept=1)
    assert harness.crew.ruleset.sources["mds"] == rules_of_mds
    assert propose(harness).standing is ProposalState.UNCHANGED, "what was carried over is no other ruleset"
    harness.work()
    assert (posts(harness, since), shown(harness, HERS)) == ([], [before])
    rename(harness, "sud")
    propose(harness)
    assert set(harness.crew.ruleset.sources) == {"mds", "nord", "sud"}


def test_a_source_that_is_configured_follows_the_file(harness: WorkerHarness) -> None:
    propose(harness)
    harness.policies(category="RDV")
    propose(harness)
    assert harness.crew.ruleset.sources["mds"].policies.category == "RDV"


def rename_calendar(harness: WorkerHarness, name: str) -> None:
    """Give the calendar another name in the file, and every agent the same mailbox there."""
    addresses = {agent: replace(box, calendar=name) for agent, box in harness.settings.mailboxes.addresses.items()}
    remap(harness, default_calendar=name, addresses=addresses)


def propose_with(harness: WorkerHarness, *calendars: str, confirmed: bool = False) -> Proposal:
    """What a worker does whose file has these calendars."""
    now = harness.store.moment
    return rules.propose(harness.store, harness.settings.ruleset(), now, calendars=calendars, confirmed=confirmed)


def test_a_calendar_that_is_renamed_waits_for_a_word_however_little_it_holds(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    fill(harness, 3)
    good = harness.settings
    rename_calendar(harness, "messagerie")
    for _ in range(2):
        proposal = propose_with(harness, "messagerie")
        assert (proposal.standing, proposal.effects) == (ProposalState.HELD, Effects(created=3, removed=3, orphaned=3))
    assert harness.store.read(rulesets.held_removals) == 3
    follow(harness)
    assert (harness.work(), len(harness.items())) == (0, 3)
    harness.settings = good
    assert propose_with(harness, CALENDAR).standing is ProposalState.UNCHANGED
    assert harness.store.read(rulesets.held_removals) is None


def test_once_confirmed_the_calendar_that_was_given_up_holds_up_no_other_rules(harness: WorkerHarness) -> None:
    fill(harness, 3)
    rename_calendar(harness, "messagerie")
    assert propose_with(harness, "messagerie", confirmed=True).standing is ProposalState.ADOPTED
    harness.settings = harness.settings.replace(start_at=NOW)
    assert propose_with(harness, "messagerie").standing is ProposalState.ADOPTED


def test_a_calendar_that_holds_nothing_to_come_may_go(harness: WorkerHarness) -> None:
    fill(harness, 1)
    harness.pass_time(timedelta(days=30))
    rename_calendar(harness, "messagerie")
    assert propose_with(harness, "messagerie").standing is ProposalState.ADOPTED


def test_what_lost_names_hold_is_told_until_they_are_back(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    fill(harness, 3)
    exchange = EwsCalendar(name=CALENDAR, server="https://x/EWS", version="Exchange2016", username="svc")
    settings = harness.settings.replace(calendars={CALENDAR: exchange})
    [source] = settings.sources.values()
    renamed = settings.replace(
        sources={"mds": source.replace(platform="prod")},
        calendars={"messagerie": exchange.replace(name="messagerie")},
    )

    def told(seen_by: Settings) -> list[tuple[Code, Severity, str, int]]:
        codes = {Code.CALENDAR_LOST, Code.PLATFORM_LOST}
        found = status(seen_by, harness.store, harness.store.moment).troubles
        return [(each.code, each.severity, each.subject, each.count) for each in found if each.code in codes]

    lost_names.note(harness.store, settings, NOW)
    assert told(settings) == []
    lost_names.note(harness.store, renamed, NOW)
    assert told(renamed) == [
        (Code.PLATFORM_LOST, Severity.ALARM, source.platform, 3),
        (Code.CALENDAR_LOST, Severity.WARNING, CALENDAR, 3),
    ]
    assert told(settings) == [], "the file was put right, and no worker has counted yet"
    harness.pass_time(timedelta(days=30))
    lost_names.note(harness.store, renamed, harness.store.moment)
    assert told(renamed) == [], "they are over"


def test_what_a_lost_source_sent_last_is_told_until_it_is_back_or_another_one_sent_it(
    harness_on_each: WorkerHarness,
) -> None:
    harness = harness_on_each
    fill(harness, 3)
    [(name, source)] = harness.settings.sources.items()
    renamed = harness.settings.replace(sources={"mds-nord": source.replace(name="mds-nord")})

    def told(seen_by: Settings) -> list[tuple[Severity, str, int]]:
        lost_names.note_sources(harness.store, seen_by, harness.store.moment)
        found = status(seen_by, harness.store, harness.store.moment).troubles
        return [(each.severity, each.subject, each.count) for each in found if each.code is Code.SOURCE_LOST]

    assert told(harness.settings) == []
    assert told(renamed) == [(Severity.WARNING, name, 3)]
    assert told(harness.settings) == []
    harness.pass_time(timedelta(days=30))
    assert told(renamed) == [], "they are over"


def test_what_waits_for_a_lost_calendar_is_not_told_as_late(harness: WorkerHarness) -> None:
    fill(harness, 1)
    hear(harness, a_rdv(1, 30, "Changé"))
    harness.pass_time(timedelta(hours=1))
    lost_names.note(harness.store, harness.settings, harness.store.moment)
    codes = {each.code for each in status(harness.settings, harness.store, harness.store.moment).troubles}
    assert (Code.CALENDAR_LOST in codes, Code.CHANGES_LATE in codes) == (True, False)
