"""Absences and plages d'ouverture in calendars: single and in series, on any clock, and under changing policies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.base import Weekday
from receiver import sentences
from receiver.core.facts import EventKind, Lieu
from receiver.core.recurrence import Rule
from receiver.core.ruleset import UNHOLDABLE
from tests.lab.worker_harness import HERS, HIS, UID_KEY, Bench
from tests.makers import KARIM, MARTINE, a_plage, an_absence, wall
from tests.worker.steps import dump, posts, propose, shown, slot

MO, TH = Weekday.MONDAY, Weekday.THURSDAY
WEEKLY = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 25))
DESTROYED = EventKind.DESTROYED


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def open_plages(bench: Bench) -> Bench:
    """A bench whose policy shows plages d'ouverture."""
    bench.policies(plages_ouverture=True)
    return bench


def days_shown(bench: Bench) -> list[str]:
    return [f"{item.start:%m-%d}" for item in shown(bench, HERS)]


# Absences


def test_an_absence_is_written_updated_and_removed_with_one_post_each(bench_on_each: Bench) -> None:
    bench = bench_on_each
    slot(bench, an_absence(), 90)
    assert bench.work() == 1
    [entry] = bench.items()
    assert (entry.subject, entry.location, entry.show_as, entry.sensitivity) == ("Absence", "", "OOF", "Private")
    assert (entry.start, entry.end) == (utc("2026-12-21T07:00"), utc("2026-12-24T17:00"))
    assert "/admin/organisations/12/agent_agendas/31" in entry.body
    assert entry.extended[UID_KEY] == "Absence/88@production"
    slot(bench, an_absence(first_end=wall("2026-12-22 12:00")), 60)
    assert bench.work() == 1
    [changed] = bench.items()
    assert (changed.item_id, changed.end) == (entry.item_id, utc("2026-12-22T11:00"))
    slot(bench, an_absence(), 30, kind=DESTROYED)
    assert bench.work() == 1
    assert bench.items() == []


def test_what_an_entry_does_not_show_costs_no_post(bench: Bench) -> None:
    slot(bench, an_absence(), 90)
    bench.work()
    slot(bench, an_absence(time_zone="Europe/Paris"), 60)
    assert bench.work() == 0


def test_an_absence_that_changes_hands_moves(bench: Bench) -> None:
    slot(bench, an_absence(), 90)
    bench.work()
    slot(bench, an_absence(), 60, agent=KARIM)
    assert bench.work() == 2
    assert (bench.items(HERS), bench.subjects(HIS)) == ([], ["Absence"])


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/Guadeloupe", "2026-12-21T12:00"),
        ("Indian/Reunion", "2026-12-21T04:00"),
        ("Indian/Mayotte", "2026-12-21T05:00"),
        ("Pacific/Noumea", "2026-12-20T21:00"),
    ],
)
def test_an_absence_overseas_is_at_the_right_instant(bench: Bench, zone: str, start: str) -> None:
    slot(bench, an_absence(time_zone=zone))
    bench.work()
    assert bench.items()[0].start == utc(start)


def test_a_series_overseas_is_at_the_right_instants(bench: Bench) -> None:
    """By the clock there, which is on another day here."""
    rule = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 4))
    slot(bench, an_absence(time_zone="Pacific/Noumea", rule=rule, first_end=wall("2026-12-21 18:00")))
    assert bench.work() == 1
    assert [item.start for item in shown(bench, HERS)] == [
        utc("2026-12-20T21:00"),
        utc("2026-12-27T21:00"),
        utc("2027-01-03T21:00"),
    ]


# Plages and series


def test_a_plage_is_written_updated_and_removed_with_one_post_each(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.policies(plages_ouverture=True)
    slot(bench, a_plage(), 90, wire_id=568)
    assert bench.work() == 1
    [entry] = bench.items()
    assert entry.subject == "Plage d'ouverture : Consultation PMI, Vaccination"
    assert entry.location == "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
    assert (entry.show_as, entry.kind) == ("Free", "Single")
    slot(bench, a_plage(lieu=Lieu("Mairie", "Lens")), 60, wire_id=568)
    assert bench.work() == 1
    assert bench.items()[0].location == "Mairie, Lens"
    slot(bench, a_plage(), 30, wire_id=568, kind=DESTROYED)
    assert bench.work() == 1
    assert bench.items() == []


def test_a_series_is_one_item_that_shows_on_all_its_days(open_plages: Bench) -> None:
    """Nine o'clock stays nine o'clock when the clocks change."""
    bench = open_plages
    slot(bench, a_plage(rule=replace(WEEKLY, last_day=date(2027, 4, 5))))
    assert bench.work() == 1
    assert [item.kind for item in bench.items()] == ["RecurringMaster"]
    occurrences = shown(bench, HERS)
    assert len(occurrences) == 18
    assert {item.start.hour for item in occurrences} == {8, 7}


CHANGES = {
    "a shorter end": (replace(WEEKLY, last_day=date(2026, 12, 21)), ["12-07", "12-14", "12-21"]),
    "a longer end": (
        replace(WEEKLY, last_day=date(2027, 2, 1)),
        ["12-07", "12-14", "12-21", "12-28", "01-04", "01-11", "01-18", "01-25", "02-01"],
    ),
    "another day": (Rule("WEEKLY", 1, ((None, TH),), date(2026, 12, 24)), ["12-10", "12-17", "12-24"]),
    "two days": (Rule("WEEKLY", 2, ((None, MO), (None, TH)), date(2026, 12, 24)), ["12-07", "12-10", "12-21", "12-24"]),
    "a count": (Rule("WEEKLY", 1, ((None, MO),), count=2), ["12-07", "12-14"]),
    "every day": (Rule("DAILY", 1, (), date(2026, 12, 9)), ["12-07", "12-08", "12-09"]),
    "every month": (Rule("MONTHLY", 1, ((1, MO),), date(2027, 2, 1)), ["12-07", "01-04", "02-01"]),
    "no rule": (None, ["12-07"]),
}


@pytest.mark.parametrize(("rule", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_series_is_changed_in_place_with_one_post(open_plages: Bench, rule: Rule | None, expected: list[str]) -> None:
    bench = open_plages
    slot(bench, a_plage(rule=WEEKLY), 90)
    bench.work()
    [before] = bench.items()
    since = len(bench.exchange.requests)
    slot(bench, a_plage(rule=rule), 60)
    assert bench.work() == 1
    assert posts(bench, since) == [("UpdateItem", HERS)]
    assert [item.item_id for item in bench.items()] == [before.item_id]
    assert days_shown(bench) == expected


def test_a_single_plage_becomes_a_series_in_place(open_plages: Bench) -> None:
    bench = open_plages
    slot(bench, a_plage(), 90)
    bench.work()
    slot(bench, a_plage(rule=replace(WEEKLY, last_day=date(2026, 12, 14))), 60)
    assert bench.work() == 1
    assert days_shown(bench) == ["12-07", "12-14"]


def test_a_series_that_ends_before_it_begins_is_removed(open_plages: Bench) -> None:
    bench = open_plages
    slot(bench, a_plage(rule=WEEKLY), 90)
    bench.work()
    slot(bench, a_plage(rule=replace(WEEKLY, last_day=date(2026, 12, 6))), 60)
    assert bench.work() == 1
    assert bench.items() == []


def test_a_rule_that_nobody_can_hold_is_told_and_leaves_no_wrong_series(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.policies(plages_ouverture=True)
    slot(bench, a_plage(rule=WEEKLY), 90)
    bench.work()
    slot(bench, a_plage(rule=Rule("MONTHLY", 1, ((5, MO),))), 60)
    assert bench.work() == 1
    assert bench.items() == []
    assert [row["failure"] for row in dump(bench)["events"]] == [UNHOLDABLE]
    slot(bench, a_plage(rule=WEEKLY), 30)
    assert bench.work() == 1
    assert [row["failure"] for row in dump(bench)["events"]] == [None]
    assert len(bench.items()) == 1


EXCEPTED = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 25), others=("EXDATE",))


def test_a_series_that_gets_exceptions_is_told_and_shown_nowhere(bench_on_each: Bench) -> None:
    bench = bench_on_each
    slot(bench, an_absence(rule=WEEKLY), 90)
    bench.work()
    slot(bench, an_absence(rule=EXCEPTED), 60)
    assert bench.work() == 1
    assert bench.items() == []
    assert [row["failure"] for row in dump(bench)["events"]] == ["recurrence_exceptions"]


@pytest.mark.parametrize("code", ["recurrence_not_holdable", "recurrence_exceptions", "recurrence_in_gap"])
def test_each_reason_not_to_show_a_series_has_its_sentence(code: str) -> None:
    assert code in sentences.CAUSES


def test_what_is_cancelled_goes_and_comes_back_when_it_is_not(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.policies(plages_ouverture=True)
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(bench, make(), 90, wire_id=number)
    assert bench.work() == 1
    assert len(bench.items()) == 2
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(bench, make(cancelled=True, rule=Rule("YEARLY")), 60, wire_id=number)
    bench.work()
    assert bench.items() == []
    assert {row["failure"] for row in dump(bench)["events"]} == {None}
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(bench, make(), 30, wire_id=number)
    bench.work()
    assert len(bench.items()) == 2


def test_what_was_cancelled_before_it_was_heard_of_is_never_shown(bench: Bench) -> None:
    slot(bench, an_absence(cancelled=True))
    assert bench.work() == 0
    assert bench.items() == []


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2027-03-28 02:30", "2027-03-28 04:00"), ("2027-03-28 01:30", "2027-03-28 02:30")],
)
def test_a_series_whose_first_time_no_clock_shows_is_told(bench: Bench, begins: str, ends: str) -> None:
    """Exchange would take the time that the clock shows instead, for every occurrence."""
    weekly = Rule("WEEKLY", count=3)
    slot(bench, an_absence(first_start=wall(begins), first_end=wall(ends), rule=weekly))
    assert bench.work() == 0
    assert [row["failure"] for row in dump(bench)["events"]] == ["recurrence_in_gap"]


def test_a_single_time_that_no_clock_shows_is_written_once(bench: Bench) -> None:
    slot(bench, an_absence(first_start=wall("2027-03-28 02:30"), first_end=wall("2027-03-28 04:00")))
    assert bench.work() == 1
    [item] = bench.items()
    assert (item.start, item.end) == (utc("2027-03-28T01:30"), utc("2027-03-28T02:00"))


# Policies


def test_plages_stay_away_until_they_are_switched_on_and_go_when_they_are_switched_off(bench_on_each: Bench) -> None:
    bench = bench_on_each
    propose(bench)
    slot(bench, a_plage(rule=WEEKLY))
    assert bench.work() == 0
    bench.policies(plages_ouverture=True)
    assert propose(bench).effects.created == 1
    assert bench.work() == 1
    assert len(bench.items()) == 1
    bench.policies(plages_ouverture=False)
    assert propose(bench).effects.removed == 1
    assert bench.work() == 1
    assert bench.items() == []


def test_absences_go_when_they_are_switched_off_and_come_back(bench: Bench) -> None:
    propose(bench)
    slot(bench, an_absence())
    bench.work()
    for absences, expected in ((False, []), (True, ["Absence"])):
        bench.policies(absences=absences)
        propose(bench)
        assert bench.work() == 1
        assert bench.subjects() == expected


def test_a_title_whose_policy_is_switched_off_is_erased_from_store_and_calendar(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.policies(absence_titles=True)
    propose(bench)
    slot(bench, an_absence(title="canari"))
    bench.work()
    assert bench.subjects() == ["Absence : canari"]
    assert "canari" in repr(dump(bench))
    bench.policies(absence_titles=False)
    propose(bench)
    assert bench.work() == 1
    assert bench.subjects() == ["Absence"]
    assert "canari" not in repr(dump(bench))


def test_every_optional_text_is_erased_even_where_nothing_is_shown(bench: Bench) -> None:
    """What is past, cancelled or of nobody keeps no text either."""
    on = {"collective_names": True, "visio_link": True, "single_use_places": True, "absence_titles": True}
    bench.policies(**on)
    propose(bench)
    past = {"starts_at": bench.store.moment - timedelta(days=90), "ends_at": bench.store.moment - timedelta(days=90)}
    texts = {"collective": True, "name": "canari", "visio_url": "https://canari.example"}
    place = Lieu("canari", "canari", single_use=True)
    bench.tell(agents=(MARTINE,), wire_id=1, uuid=None, lieu=place, **texts, **past)
    bench.tell(agents=(MARTINE,), wire_id=2, uuid=None, lieu=place, cancelled=True, **texts)
    bench.tell(agents=(), wire_id=3, uuid=None, lieu=place, **texts)
    slot(bench, an_absence(title="canari", rule=Rule("YEARLY")))
    slot(bench, a_plage(lieu=place), wire_id=568)
    assert repr(dump(bench)["events"]).count("canari") >= 5
    bench.policies(**dict.fromkeys(on, False))
    propose(bench)
    bench.work()
    assert "canari" not in repr(dump(bench))


def test_a_text_that_is_switched_on_shows_with_the_next_state(bench: Bench) -> None:
    """It was dropped while decoding: nobody has it until the emitter says it again."""
    propose(bench)
    slot(bench, an_absence(), 90)
    bench.work()
    bench.policies(absence_titles=True)
    propose(bench)
    assert bench.work() == 0
    slot(bench, an_absence(title="Formation"), 60)
    assert bench.work() == 1
    assert bench.subjects() == ["Absence : Formation"]
