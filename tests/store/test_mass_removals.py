"""What would empty calendars by the dozen is held until somebody decides; the rest goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.core.facts import AgentRef, Emitter, EventKind
from receiver.core.policies import OnAgentDeparture, OnCancel, Policies
from receiver.core.recurrence import parse
from receiver.store import Store, Verdict
from receiver.store.intake import judge_batch, set_aside
from tests.makers import KARIM, MARTINE, NOW, a_plage, a_role, a_slot, an_absence, an_agent, incoming
from tests.store.scopes import ALL, BOTH, ELSEWHERE, THIRTY_FOUR, TWELVE, Town, a_rdv, an_agent_of

DESTROYED = EventKind.DESTROYED
HERS = MARTINE.email or ""
EVIL = AgentRef(MARTINE.ident, "martine@evil.example")


def town_with(store: Store, count: int, organisation: int = 12, **more: object) -> Town:
    town = Town(store, **more)  # type: ignore[arg-type]
    by = TWELVE if organisation == 12 else THIRTY_FOUR
    for number in range(1, count + 1):
        town.tell(a_rdv(organisation, 600, number=number, agents=(MARTINE,)), by)
    town.shown()
    return town


def destroy(town: Town, numbers: range, age_s: float = 60) -> list[Verdict]:
    return [town.verdict(a_rdv(12, age_s, DESTROYED, number=number), TWELVE) for number in numbers]


@pytest.mark.threat(id="mass-removals")
def test_twenty_go_and_the_next_are_held(store: Store) -> None:
    town = town_with(store, 60)
    verdicts = destroy(town, range(1, 41))
    assert verdicts == [Verdict.ACCEPTED] * 20 + [Verdict.HELD] * 20
    assert len(town.shown()[HERS]) == 40
    assert [(group.reason, group.count, group.entries) for group in town.waits(timedelta())] == [("removal", 20, 20)]


def test_a_quarter_goes_where_that_is_more(store: Store) -> None:
    town = town_with(store, 100)
    assert destroy(town, range(1, 31)).count(Verdict.HELD) == 5


def test_a_quarter_is_a_quarter_for_those_that_are_judged_together(store: Store) -> None:
    town = town_with(store, 120)
    gone = [a_rdv(12, 60, DESTROYED, number=number) for number in range(1, 46)]
    batch = [replace(incoming(each), authority=TWELVE) for each in gone]
    verdicts = [receipt.verdict for receipt in town.store.write(judge_batch.take, batch, town.now)]
    assert verdicts == [Verdict.ACCEPTED] * 30 + [Verdict.HELD] * 15


def test_what_was_cancelled_was_there_when_the_hour_began(store: Store) -> None:
    town = town_with(store, 120)
    cancel(town, range(1, 21))
    town.shown()
    assert destroy(town, range(21, 61)).count(Verdict.ACCEPTED) == 30


def test_the_next_hour_allows_more_and_the_day_half(store: Store) -> None:
    town = town_with(store, 100)
    destroy(town, range(1, 26))
    town.now += timedelta(hours=1)
    assert destroy(town, range(26, 46)) == [Verdict.ACCEPTED] * 20
    town.now += timedelta(hours=1)
    assert destroy(town, range(46, 56)) == [Verdict.ACCEPTED] * 5 + [Verdict.HELD] * 5


@pytest.mark.parametrize("way", ["events", "agents"])
def test_who_adds_entries_first_takes_out_no_more(store: Store, way: str) -> None:
    town = town_with(store, 40)
    town.now += timedelta(days=1)
    crowd = tuple(an_agent_of(number) for number in range(100, 190))
    if way == "agents":
        town.tell(a_rdv(12, 300, number=40, agents=(MARTINE, *crowd), now=town.now), TWELVE)
    for number in range(1000, 1090) if way == "events" else ():
        town.tell(a_rdv(12, 300, number=number, agents=(KARIM,), now=town.now), TWELVE)
    assert sum(len(held) for held in town.shown().values()) == 130
    gone = [town.verdict(a_rdv(12, 60, DESTROYED, number=number, now=town.now), TWELVE) for number in range(1, 31)]
    assert gone == [Verdict.ACCEPTED] * 20 + [Verdict.HELD] * 10


def test_others_flow_on(store: Store) -> None:
    town = town_with(store, 40)
    destroy(town, range(1, 31))
    assert town.verdict(a_rdv(12, 50, number=39, motif="moved"), TWELVE) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(34, 50, number=99, agents=(KARIM,)), THIRTY_FOUR) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(34, 40, DESTROYED, number=99), THIRTY_FOUR) is Verdict.ACCEPTED


def test_of_one_event_the_last_word_alone_waits(store: Store) -> None:
    town = town_with(store, 30)
    destroy(town, range(1, 21))
    told = [a_rdv(12, age, number=30, agents=(KARIM,)) for age in (500, 300, 400)]
    told += [a_rdv(12, age, DESTROYED, number=30) for age in (450, 200)]
    told += [a_rdv(12, 100, number=30, agents=(KARIM,))]
    for each in told:
        assert town.verdict(each, TWELVE) is Verdict.HELD
        assert [group.count for group in town.waits()] == [1]
    [waiting] = town.store.read(set_aside.waiting, 10)
    assert waiting.news.version.kind is DESTROYED
    town.store.write(judge_batch.release, town.waiting_ids(), town.now)
    assert len(town.shown()[HERS]) == 9


def test_what_is_held_is_released_by_a_word(store: Store) -> None:
    town = town_with(store, 40)
    destroy(town, range(1, 31))
    assert town.store.write(judge_batch.release, town.waiting_ids(), town.now) == 10
    assert len(town.shown()[HERS]) == 10
    assert town.waits() == []


def test_what_is_held_is_dropped_by_a_word(store: Store) -> None:
    town = town_with(store, 40)
    destroy(town, range(1, 31))
    assert town.store.write(set_aside.drop, town.waiting_ids()) == 10
    assert len(town.shown()[HERS]) == 20
    assert town.waits() == []


def test_no_hour_that_passes_releases_what_is_held(store: Store) -> None:
    town = town_with(store, 40)
    destroy(town, range(1, 31))
    town.now += timedelta(hours=3)
    town.tell(a_rdv(12, 50, number=30, motif="told of meanwhile", now=NOW, agents=(MARTINE,)), TWELVE)
    assert [group.count for group in town.waits()] == [10]
    assert len(town.shown()[HERS]) == 20


def test_a_newer_state_that_takes_nothing_out_decides(store: Store) -> None:
    town = town_with(store, 30)
    off = [town.verdict(a_rdv(12, 60, number=n, agents=(KARIM,)), TWELVE) for n in range(1, 31)]
    assert off.count(Verdict.HELD) == 10
    assert town.verdict(a_rdv(12, 30, number=30, agents=(MARTINE, KARIM)), TWELVE) is Verdict.ACCEPTED
    assert [group.count for group in town.waits()] == [9]


@pytest.mark.threat(id="mass-removals")
@pytest.mark.parametrize("way", ["agent", "listed"])
def test_another_e_mail_moves_no_calendar_whole(store: Store, way: str) -> None:
    town = town_with(store, 40)
    evil = AgentRef(MARTINE.ident, "martine@evil.example")
    if way == "agent":
        assert town.verdict(an_agent(evil, 30), TWELVE) is Verdict.HELD
    else:
        assert town.verdict(a_rdv(12, 30, number=1, motif="new", agents=(evil,)), TWELVE) is Verdict.ACCEPTED
        assert town.shown()[HERS]["Rdv/uuid-1@production"] == "new", "all else of it is taken in"
    assert set(town.shown()) == {HERS}
    assert [(group.reason, group.entries) for group in town.waits()] == [("removal", 40)]
    town.store.write(judge_batch.release, town.waiting_ids(), town.now)
    assert set(town.shown()) == {"martine@evil.example"}


def test_an_e_mail_that_is_taken_back_decides(store: Store) -> None:
    town = town_with(store, 40)
    town.tell(an_agent(AgentRef(MARTINE.ident, "martine@evil.example"), 30), TWELVE)
    town.tell(an_agent(MARTINE, 10), TWELVE)
    assert town.waits() == []


@pytest.mark.parametrize(("policy", "expected"), [("keep", Verdict.ACCEPTED), ("delete_future", Verdict.HELD)])
def test_a_departure_is_held_where_it_would_empty_the_calendar(store: Store, policy: str, expected: Verdict) -> None:
    town = town_with(store, 40, policies=Policies(on_agent_departure=OnAgentDeparture(policy)))
    gone = AgentRef(MARTINE.ident, "agent_31@deleted.rdv-solidarites.fr")
    assert town.verdict(an_agent(gone, 30), TWELVE) is expected


def test_the_loss_of_a_last_place_is_held_where_many_absences_would_go(store: Store) -> None:
    town = Town(store)
    for number in range(1, 31):
        town.tell(a_slot(an_absence(), 600, wire_id=number), TWELVE)
    town.tell(a_role(1, age_s=500), TWELVE)
    town.shown()
    assert town.verdict(a_role(1, DESTROYED, 30), TWELVE) is Verdict.HELD
    assert len(town.shown()[HERS]) == 30
    town.store.write(judge_batch.release, town.waiting_ids(), town.now)
    assert town.shown() == {}


def test_a_state_that_moves_entries_into_the_past_counts(store: Store) -> None:
    town = town_with(store, 30)
    past = {"starts_at": NOW - timedelta(days=900), "ends_at": NOW - timedelta(days=899)}
    moved = [town.verdict(a_rdv(12, 60, number=n, agents=(MARTINE,), **past), TWELVE) for n in range(1, 31)]
    assert moved.count(Verdict.HELD) == 10


def test_what_is_over_may_go(store: Store) -> None:
    town = town_with(store, 60)
    town.now += timedelta(days=7)
    ages = [town.verdict(a_rdv(12, 60, DESTROYED, number=n, now=town.now), TWELVE) for n in range(1, 61)]
    assert set(ages) == {Verdict.ACCEPTED}


def test_what_the_api_confirmed_may_go(store: Store) -> None:
    town = town_with(store, 60)
    gone = [town.verdict(a_rdv(12, 60, DESTROYED, number=n), None) for n in range(1, 61)]
    assert set(gone) == {Verdict.ACCEPTED}


def test_what_no_calendar_shows_may_go(store: Store) -> None:
    town = Town(store)
    for number in range(1, 61):
        town.tell(a_rdv(12, 600, number=number, agents=(AgentRef("5", "x@elsewhere.example"),)), TWELVE)
    town.shown()
    assert set(destroy(town, range(1, 61))) == {Verdict.ACCEPTED}


def test_each_authority_has_losses_of_its_own(store: Store) -> None:
    town = town_with(store, 60)
    for number in range(101, 161):
        town.tell(a_rdv(34, 600, number=number, agents=(KARIM,)), THIRTY_FOUR)
    town.shown()
    destroy(town, range(1, 41))
    assert town.verdict(a_rdv(34, 60, DESTROYED, number=101), THIRTY_FOUR) is Verdict.ACCEPTED


def test_several_entries_of_one_event_count_each(store: Store) -> None:
    town = Town(store)
    crowd = tuple(an_agent_of(number) for number in range(30))
    town.tell(a_rdv(12, 600, number=1, agents=crowd), ALL)
    town.shown()
    assert town.verdict(a_rdv(12, 60, DESTROYED, number=1), ALL) is Verdict.HELD


def cancel(town: Town, numbers: range) -> None:
    for number in numbers:
        cancelled = a_rdv(12, 60, number=number, cancelled=True, agents=(MARTINE,))
        assert town.verdict(cancelled, TWELVE) is Verdict.ACCEPTED


@pytest.mark.threat(id="mass-removals")
def test_cancellations_beyond_the_limit_show_until_they_are_released(store: Store) -> None:
    town = town_with(store, 60)
    cancel(town, range(1, 31))
    assert len(town.shown()[HERS]) == 40, "ten show as cancelled"
    assert [(group.reason, group.count) for group in town.waits()] == [("cancellation", 10)]
    again = a_rdv(12, 30, number=30, cancelled=True, agents=(MARTINE,), motif="again")
    assert town.verdict(again, TWELVE) is Verdict.ACCEPTED
    assert len(town.shown()[HERS]) == 40, "it stays marked"
    town.store.write(judge_batch.release, town.waiting_ids(), town.now)
    assert len(town.shown()[HERS]) == 30
    assert town.waits() == []


def test_a_cancellation_that_is_taken_back_decides(store: Store) -> None:
    town = town_with(store, 60)
    cancel(town, range(1, 31))
    town.tell(a_rdv(12, 30, number=30, agents=(MARTINE,)), TWELVE)
    town.tell(a_rdv(12, 30, DESTROYED, number=29), TWELVE)
    assert [group.count for group in town.waits()] == [8]


def test_where_cancelled_ones_stay_anyway_nobody_is_asked(store: Store) -> None:
    town = town_with(store, 60, policies=Policies(on_cancel=OnCancel.MARK))
    cancel(town, range(1, 61))
    assert town.waits() == []


def test_removals_and_cancellations_are_counted_apart(store: Store) -> None:
    town = town_with(store, 60)
    cancel(town, range(1, 21))
    assert set(destroy(town, range(21, 41))) == {Verdict.ACCEPTED}


def test_two_hosts_that_judge_at_once_share_one_count(store: Store, store_url: str) -> None:
    town = town_with(store, 60)
    other = Store(store_url)
    destroy(town, range(1, 11))
    assert Town(other).verdict(a_rdv(12, 60, DESTROYED, number=11), TWELVE) is Verdict.ACCEPTED
    assert destroy(town, range(12, 25)).count(Verdict.HELD) == 4
    other.close()


def test_signed_states_alone_are_counted(store: Store) -> None:
    town = town_with(store, 30)
    assert replace(town).verdict(a_rdv(12, 60, DESTROYED, number=1), TWELVE) is Verdict.ACCEPTED


def test_absences_cancelled_by_the_dozen_are_held_as_those_that_are_destroyed(store: Store) -> None:
    town = Town(store)
    for number in range(1, 41):
        town.tell(a_slot(an_absence(), 600, wire_id=number), TWELVE)
    assert len(town.shown()[HERS]) == 40
    gone = [town.verdict(a_slot(an_absence(cancelled=True), 60, wire_id=number), TWELVE) for number in range(1, 31)]
    assert gone == [Verdict.ACCEPTED] * 20 + [Verdict.HELD] * 10
    assert len(town.shown()[HERS]) == 20
    back = [town.verdict(a_slot(an_absence(), 30, wire_id=number), TWELVE) for number in range(1, 31)]
    assert set(back) == {Verdict.ACCEPTED}
    assert len(town.shown()[HERS]) == 40


# What removes without a deletion


@pytest.mark.parametrize("rule", ["FREQ=YEARLY", "FREQ=WEEKLY;UNTIL=20261201"], ids=["not to be held", "no occurrence"])
def test_a_series_that_no_calendar_shows_counts(store: Store, rule: str) -> None:
    town = Town(store)
    absences(town, 30)
    unseen = an_absence(rule=parse(rule))
    verdicts = [town.verdict(a_slot(unseen, 60, wire_id=number), TWELVE) for number in range(1, 31)]
    assert verdicts.count(Verdict.HELD) == 10
    assert len(town.shown()[HERS]) == 10


def absences(town: Town, count: int) -> None:
    for number in range(1, count + 1):
        town.tell(a_slot(an_absence(), 600, wire_id=number), TWELVE)
    town.shown()


def test_an_e_mail_that_is_told_again_moves_no_calendar_whole(store: Store) -> None:
    town = Town(store)
    town.tell(an_agent(EVIL, 9000), TWELVE)
    for number in range(1, 31):
        town.tell(a_rdv(12, 600, number=number, agents=(MARTINE,)), BOTH)
    assert list(town.shown()) == [HERS]
    assert town.verdict(an_agent(EVIL, 30), TWELVE) is Verdict.HELD
    assert list(town.shown()) == [HERS]


def test_a_move_to_an_organisation_where_another_e_mail_counts_is_counted(store: Store) -> None:
    town = Town(store)
    town.tell(an_agent(EVIL, 30), THIRTY_FOUR)
    for number in range(1, 31):
        town.tell(a_rdv(12, 600, number=number, agents=(MARTINE,)), BOTH)
    town.shown()
    moved = [town.verdict(a_rdv(34, 500, number=number, agents=(MARTINE,)), BOTH) for number in range(1, 31)]
    assert moved.count(Verdict.HELD) == 10
    assert len(town.shown()[HERS]) == 10


@pytest.mark.parametrize("age_s", [300, 900], ids=["newer", "older"])
def test_who_joins_an_absence_moves_no_calendar_whole_by_another_e_mail(store: Store, age_s: float) -> None:
    town = Town(store)
    town.tell(an_agent(EVIL, 1), ELSEWHERE)
    absences(town, 30)
    joins = [a_slot(an_absence(), age_s, wire_id=number, agent=EVIL) for number in range(1, 31)]
    assert [town.verdict(each, ELSEWHERE) for each in joins].count(Verdict.HELD) == 10
    assert len(town.shown()[HERS]) == 10
    town.store.write(judge_batch.release, town.waiting_ids(), town.now)
    assert list(town.shown()) == [EVIL.email]
    assert town.waits() == []


def test_the_last_place_takes_nothing_out_unasked_that_was_lost_with_another(store: Store) -> None:
    town = Town(store, Policies(plages_ouverture=True))
    for number in range(1, 31):
        town.tell(a_slot(a_plage(), 600, wire_id=number), TWELVE)
    town.tell(a_role(1, age_s=500), TWELVE)
    town.tell(replace(a_role(2, age_s=500), organisation=90), ELSEWHERE)
    town.shown()
    assert town.verdict(a_role(1, DESTROYED, 300), TWELVE) is Verdict.ACCEPTED
    assert town.verdict(replace(a_role(2, DESTROYED, 200), organisation=90), ELSEWHERE) is Verdict.HELD
    assert len(town.shown()[HERS]) == 30


def test_a_word_that_does_not_count_holds_nothing(store: Store) -> None:
    town = town_with(store, 30)
    insertion = {"emitter": Emitter.RDV_INSERTION}
    assert town.verdict(a_rdv(12, 60, number=900, agents=(EVIL,)), TWELVE, **insertion) is Verdict.ACCEPTED
    assert town.waits() == []
    assert len(town.shown()[HERS]) == 31
