"""Rules that come into force, wait for a word, and what each does to the calendars meanwhile."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from receiver.config import Access, Auth, EwsCalendar, Settings
from receiver.core.facts import Delivery
from receiver.core.policies import OnAgentDeparture, Policies
from receiver.core.ruleset import Ruleset
from receiver.core.troubles import Code, Severity
from receiver.operations import lost_names, rules, unmapped
from receiver.operations.rules import FREE_REMOVALS, Effects, Proposal, Standing, effects
from receiver.operations.status import status
from tests.makers import KARIM, MARTINE, NOW, a_delivery, an_absence, an_agent, incoming
from tests.worker.bench import CALENDAR, HERS, HIS, UNMAPPED, Bench
from tests.worker.steps import dump, follow, hear, posts, propose, remap, shown, slot

MANY = FREE_REMOVALS + 5
WITHOUT_HER = {"ignore": ("martine*",)}


def a_rdv(number: int, age_s: float = 90, motif: str = "M") -> Delivery:
    return a_delivery(age_s, agents=(MARTINE,), wire_id=number, uuid=None, motif=motif)


def fill(bench: Bench, count: int) -> None:
    """So many RDVs in her calendar, under rules that are in force."""
    propose(bench)
    bench.store.accept([incoming(a_rdv(number)) for number in range(1, count + 1)], NOW)
    bench.work()
    assert len(bench.items()) == count


def test_the_first_rules_need_no_word(bench: Bench) -> None:
    """Nothing is in any calendar yet."""
    assert propose(bench).standing is Standing.ADOPTED


def test_the_same_rules_again_change_nothing(bench: Bench) -> None:
    fill(bench, 1)
    number = bench.store.ruleset_id()
    proposal = propose(bench)
    assert (proposal.standing, proposal.effects) == (Standing.UNCHANGED, Effects())
    assert (bench.store.ruleset_id(), bench.store.has_unsettled()) == (number, False)


def test_effects_are_counted_entry_by_entry(bench_on_each: Bench) -> None:
    bench = bench_on_each
    propose(bench)
    bench.tell(90, agents=(MARTINE, KARIM), wire_id=1, uuid=None)
    bench.tell(90, agents=(MARTINE,), wire_id=2, uuid=None, cancelled=True)
    bench.tell(90, agents=(KARIM,), wire_id=3, uuid=None)
    bench.work()

    def counted() -> Effects:
        return effects(bench.store, bench.settings.ruleset(), NOW)

    assert counted() == Effects(kept=3)
    bench.policies(category="RDV")
    assert counted() == Effects(updated=3)
    remap(bench, **WITHOUT_HER)
    assert counted() == Effects(updated=2, removed=1)
    her_box = bench.settings.mailboxes.addresses[HERS]
    remap(bench, addresses={HERS: her_box, HIS: her_box}, ignore=())
    assert counted() == Effects(updated=1, removed=2, created=1)
    assert sorted(posts(bench)) == [("CreateItem", HIS), ("CreateItem", HERS)], "counting writes nothing"


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


def test_a_change_that_removes_little_is_in_force_at_once(bench: Bench) -> None:
    fill(bench, 3)
    remap(bench, **WITHOUT_HER)
    proposal = propose(bench)
    assert (proposal.standing, proposal.effects) == (Standing.ADOPTED, Effects(removed=3))
    bench.work()
    assert bench.items() == []


def test_a_change_that_removes_much_waits_and_the_old_rules_go_on(bench_on_each: Bench) -> None:
    bench = bench_on_each
    fill(bench, MANY)
    remap(bench, **WITHOUT_HER)
    proposal = propose(bench)
    assert (proposal.standing, proposal.effects) == (Standing.HELD, Effects(removed=MANY))
    assert (bench.work(), len(bench.items()), bench.store.held_removals()) == (0, MANY, MANY)
    hear(bench, a_rdv(1, 60, "Changé"))
    hear(bench, a_rdv(MANY + 1, 60, "Nouveau"))
    assert bench.work() == 2, "one call of each kind"
    assert {"Changé", "Nouveau"} < set(bench.subjects())
    assert propose(bench, confirmed=True).effects == Effects(removed=MANY + 1)
    bench.work()
    assert (bench.items(), bench.store.held_removals()) == ([], None)


def test_a_change_that_was_held_is_withdrawn_with_the_file(bench: Bench) -> None:
    fill(bench, MANY)
    before = bench.settings
    remap(bench, **WITHOUT_HER)
    propose(bench)
    assert bench.store.held_removals() == MANY
    bench.settings = before
    assert propose(bench).standing is Standing.UNCHANGED
    assert bench.store.held_removals() is None


def test_rules_that_wait_are_noted_once_however_often_they_are_proposed(bench: Bench) -> None:
    fill(bench, MANY)
    remap(bench, **WITHOUT_HER)
    for _ in range(3):
        assert propose(bench).standing is Standing.HELD
    assert len(dump(bench)["rulesets"]) == 2


def test_a_mistake_that_is_mended_never_reaches_a_calendar(bench: Bench) -> None:
    fill(bench, MANY)
    since = len(bench.exchange.requests)
    good = bench.settings
    remap(bench, addresses={}, domains={})
    assert propose(bench).standing is Standing.HELD
    bench.settings = good
    assert propose(bench).standing is Standing.UNCHANGED
    bench.work()
    assert posts(bench, since) == []


def test_a_policy_that_removes_much_waits_too(bench: Bench) -> None:
    fill(bench, MANY)
    hear(bench, an_agent(replace(MARTINE, email="agent_31@deleted.rdv-solidarites.fr")))
    assert bench.work() == 0
    bench.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    assert propose(bench).standing is Standing.HELD
    assert bench.work() == 0


def test_an_unmapped_agent_is_told_until_mapped_and_then_delivered(bench: Bench) -> None:
    stranger = replace(MARTINE, ident="92", email=UNMAPPED)
    propose(bench)
    bench.tell(90, agents=(stranger,))
    assert bench.work() == 0
    [told] = unmapped.unmapped(bench.store, bench.settings.mailboxes, NOW)
    assert (told.email, told.events) == (UNMAPPED, 1)
    known = bench.settings.mailboxes.addresses
    remap(bench, addresses={**known, UNMAPPED: known[HERS]})
    assert propose(bench).effects == Effects(created=1)
    assert bench.work() == 1
    assert unmapped.unmapped(bench.store, bench.settings.mailboxes, NOW) == []
    assert bench.subjects() == ["Consultation PMI"]


def test_widening_a_pilot_delivers_what_was_held_back(bench: Bench) -> None:
    remap(bench, only=("karim*",))
    propose(bench)
    bench.tell(90, agents=(MARTINE, KARIM))
    bench.work()
    assert (bench.subjects(HERS), bench.subjects(HIS)) == ([], ["Consultation PMI"])
    remap(bench, only=())
    propose(bench)
    assert bench.work() == 1
    assert bench.subjects(HERS) == ["Consultation PMI"]


def test_an_event_that_a_bug_makes_undecidable_stops_no_proposal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(bench, 2)
    decide = Ruleset.decide

    def faulty(self: Ruleset, view, now):  # type: ignore[no-untyped-def]
        if view.uid.startswith("Rdv/1@"):
            raise ZeroDivisionError
        return decide(self, view, now)

    monkeypatch.setattr(Ruleset, "decide", faulty)
    assert effects(bench.store, bench.settings.ruleset(), NOW) == Effects(kept=1)


def rename(bench: Bench, name: str) -> None:
    """Give the source another name, with ordinary rules."""
    [source] = bench.settings.sources.values()
    renamed = replace(source, name=name, time_zone=ZoneInfo("Europe/Paris"), policies=Policies())
    bench.settings = replace(bench.settings, sources={name: renamed})


def test_a_source_that_is_renamed_keeps_its_rules_for_the_events_it_told(bench: Bench) -> None:
    source = replace(bench.settings.sources["mds"], time_zone=ZoneInfo("Indian/Reunion"))
    bench.settings = replace(bench.settings, sources={"mds": source})
    bench.policies(category="RDV")
    propose(bench)
    slot(bench, an_absence())
    bench.work()
    [before] = shown(bench, HERS)
    rules_of_mds = bench.crew.ruleset.sources["mds"]
    since = len(bench.exchange.requests)
    rename(bench, "nord")
    assert propose(bench).effects == Effects(kept=1)
    assert bench.crew.ruleset.sources["mds"] == rules_of_mds
    assert propose(bench).standing is Standing.UNCHANGED, "what was carried over is no other ruleset"
    bench.work()
    assert (posts(bench, since), shown(bench, HERS)) == ([], [before])
    rename(bench, "sud")
    propose(bench)
    assert set(bench.crew.ruleset.sources) == {"mds", "nord", "sud"}


def test_a_source_that_is_configured_follows_the_file(bench: Bench) -> None:
    propose(bench)
    bench.policies(category="RDV")
    propose(bench)
    assert bench.crew.ruleset.sources["mds"].policies.category == "RDV"


def rename_calendar(bench: Bench, name: str) -> None:
    """Give the calendar another name in the file, and every agent the same mailbox there."""
    addresses = {agent: replace(box, calendar=name) for agent, box in bench.settings.mailboxes.addresses.items()}
    remap(bench, default_calendar=name, addresses=addresses)


def propose_with(bench: Bench, *calendars: str, confirmed: bool = False) -> Proposal:
    """What a worker does whose file has these calendars."""
    now = bench.store.moment
    return rules.propose(bench.store, bench.settings.ruleset(), now, calendars=calendars, confirmed=confirmed)


def test_a_calendar_that_is_renamed_waits_for_a_word_however_little_it_holds(bench_on_each: Bench) -> None:
    bench = bench_on_each
    fill(bench, 3)
    good = bench.settings
    rename_calendar(bench, "messagerie")
    for _ in range(2):
        proposal = propose_with(bench, "messagerie")
        assert (proposal.standing, proposal.effects) == (Standing.HELD, Effects(created=3, removed=3, orphaned=3))
    assert bench.store.held_removals() == 3
    follow(bench)
    assert (bench.work(), len(bench.items())) == (0, 3)
    bench.settings = good
    assert propose_with(bench, CALENDAR).standing is Standing.UNCHANGED
    assert bench.store.held_removals() is None


def test_once_confirmed_the_calendar_that_was_given_up_holds_up_no_other_rules(bench: Bench) -> None:
    fill(bench, 3)
    rename_calendar(bench, "messagerie")
    assert propose_with(bench, "messagerie", confirmed=True).standing is Standing.ADOPTED
    bench.settings = replace(bench.settings, start_at=NOW)
    assert propose_with(bench, "messagerie").standing is Standing.ADOPTED


def test_a_calendar_that_holds_nothing_to_come_may_go(bench: Bench) -> None:
    fill(bench, 1)
    bench.pass_time(timedelta(days=30))
    rename_calendar(bench, "messagerie")
    assert propose_with(bench, "messagerie").standing is Standing.ADOPTED


def test_what_lost_names_hold_is_told_until_they_are_back(bench_on_each: Bench) -> None:
    bench = bench_on_each
    fill(bench, 3)
    exchange = EwsCalendar(CALENDAR, "https://x/", "Exchange2016", Auth.BASIC, Access.IMPERSONATION, "svc", None)
    settings = replace(bench.settings, calendars={CALENDAR: exchange})
    [source] = settings.sources.values()
    renamed = replace(
        settings,
        sources={"mds": replace(source, platform="prod")},
        calendars={"messagerie": replace(exchange, name="messagerie")},
    )

    def told(seen_by: Settings) -> list[tuple[Code, Severity, str, int]]:
        codes = {Code.CALENDAR_LOST, Code.PLATFORM_LOST}
        found = status(seen_by, bench.store, bench.store.moment).troubles
        return [(each.code, each.severity, each.subject, each.count) for each in found if each.code in codes]

    lost_names.note(bench.store, settings, NOW)
    assert told(settings) == []
    lost_names.note(bench.store, renamed, NOW)
    assert told(renamed) == [
        (Code.PLATFORM_LOST, Severity.ALARM, source.platform, 3),
        (Code.CALENDAR_LOST, Severity.WARNING, CALENDAR, 3),
    ]
    assert told(settings) == [], "the file was put right, and no worker has counted yet"
    bench.pass_time(timedelta(days=30))
    lost_names.note(bench.store, renamed, bench.store.moment)
    assert told(renamed) == [], "they are over"


def test_what_waits_for_a_lost_calendar_is_not_told_as_late(bench: Bench) -> None:
    fill(bench, 1)
    hear(bench, a_rdv(1, 30, "Changé"))
    bench.pass_time(timedelta(hours=1))
    lost_names.note(bench.store, bench.settings, bench.store.moment)
    codes = {each.code for each in status(bench.settings, bench.store, bench.store.moment).troubles}
    assert (Code.CALENDAR_LOST in codes, Code.CHANGES_LATE in codes) == (True, False)
