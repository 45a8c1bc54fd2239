"""Absences and plages d'ouverture in calendars: single and in series, on any clock, and under changing policies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.base import Weekday
from receiver import sentences
from receiver.core.facts import EventKind, Lieu
from receiver.core.recurrence import Rule
from receiver.core.ruleset import UNHOLDABLE
from tests.lab.worker_harness import HERS, HIS, UID_KEY, WorkerHarness
from tests.makers import KARIM, MARTINE, a_plage, an_absence, wall
from tests.worker.steps import dump, posts, propose, shown, slot

MO, TH = Weekday.MONDAY, Weekday.THURSDAY
WEEKLY = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 25))
DESTROYED = EventKind.DESTROYED


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def open_plages(harness: WorkerHarness) -> WorkerHarness:
    """A harness whose policy shows plages d'ouverture."""
    harness.policies(plages_ouverture=True)
    return harness


def days_shown(harness: WorkerHarness) -> list[str]:
    return [f"{item.start:%m-%d}" for item in shown(harness, HERS)]


# Absences


def test_an_absence_is_written_updated_and_removed_with_one_post_each(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    slot(harness, an_absence(), 90)
    assert harness.work() == 1
    [entry] = harness.items()
    assert (entry.subject, entry.location, entry.show_as, entry.sensitivity) == ("Absence", "", "OOF", "Private")
    assert (entry.start, entry.end) == (utc("2026-12-21T07:00"), utc("2026-12-24T17:00"))
    assert "/admin/organisations/12/agent_agendas/31" in entry.body
    assert entry.extended[UID_KEY] == "Absence/88@production"
    slot(harness, an_absence(first_end=wall("2026-12-22 12:00")), 60)
    assert harness.work() == 1
    [changed] = harness.items()
    assert (changed.item_id, changed.end) == (entry.item_id, utc("2026-12-22T11:00"))
    slot(harness, an_absence(), 30, kind=DESTROYED)
    assert harness.work() == 1
    assert harness.items() == []


def test_what_an_entry_does_not_show_costs_no_post(harness: WorkerHarness) -> None:
    slot(harness, an_absence(), 90)
    harness.work()
    slot(harness, an_absence(time_zone="Europe/Paris"), 60)
    assert harness.work() == 0


def test_an_absence_that_changes_hands_moves(harness: WorkerHarness) -> None:
    slot(harness, an_absence(), 90)
    harness.work()
    slot(harness, an_absence(), 60, agent=KARIM)
    assert harness.work() == 2
    assert (harness.items(HERS), harness.subjects(HIS)) == ([], ["Absence"])


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/Guadeloupe", "2026-12-21T12:00"),
        ("Indian/Reunion", "2026-12-21T04:00"),
        ("Indian/Mayotte", "2026-12-21T05:00"),
        ("Pacific/Noumea", "2026-12-20T21:00"),
    ],
)
def test_an_absence_overseas_is_at_the_right_instant(harness: WorkerHarness, zone: str, start: str) -> None:
    slot(harness, an_absence(time_zone=zone))
    harness.work()
    assert harness.items()[0].start == utc(start)


def test_a_series_overseas_is_at_the_right_instants(harness: WorkerHarness) -> None:
    """By the clock there, which is on another day here."""
    rule = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 4))
    slot(harness, an_absence(time_zone="Pacific/Noumea", rule=rule, first_end=wall("2026-12-21 18:00")))
    assert harness.work() == 1
    assert [item.start for item in shown(harness, HERS)] == [
        utc("2026-12-20T21:00"),
        utc("2026-12-27T21:00"),
        utc("2027-01-03T21:00"),
    ]


# Plages and series


def test_a_plage_is_written_updated_and_removed_with_one_post_each(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.policies(plages_ouverture=True)
    slot(harness, a_plage(), 90, wire_id=568)
    assert harness.work() == 1
    [entry] = harness.items()
    assert entry.subject == "Plage d'ouverture : Consultation PMI, Vaccination"
    assert entry.location == "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
    assert (entry.show_as, entry.kind) == ("Free", "Single")
    slot(harness, a_plage(lieu=Lieu("Mairie", "Lens")), 60, wire_id=568)
    assert harness.work() == 1
    assert harness.items()[0].location == "Mairie, Lens"
    slot(harness, a_plage(), 30, wire_id=568, kind=DESTROYED)
    assert harness.work() == 1
    assert harness.items() == []


def test_a_series_is_one_item_that_shows_on_all_its_days(open_plages: WorkerHarness) -> None:
    """Nine o'clock stays nine o'clock when the clocks change."""
    harness = open_plages
    slot(harness, a_plage(rule=replace(WEEKLY, last_day=date(2027, 4, 5))))
    assert harness.work() == 1
    assert [item.kind for item in harness.items()] == ["RecurringMaster"]
    occurrences = shown(harness, HERS)
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
def test_a_series_is_changed_in_place_with_one_post(
    open_plages: WorkerHarness, rule: Rule | None, expected: list[str]
) -> None:
    harness = open_plages
    slot(harness, a_plage(rule=WEEKLY), 90)
    harness.work()
    [before] = harness.items()
    since = len(harness.exchange.requests)
    slot(harness, a_plage(rule=rule), 60)
    assert harness.work() == 1
    assert posts(harness, since) == [("UpdateItem", HERS)]
    assert [item.item_id for item in harness.items()] == [before.item_id]
    assert days_shown(harness) == expected


def test_a_single_plage_becomes_a_series_in_place(open_plages: WorkerHarness) -> None:
    harness = open_plages
    slot(harness, a_plage(), 90)
    harness.work()
    slot(harness, a_plage(rule=replace(WEEKLY, last_day=date(2026, 12, 14))), 60)
    assert harness.work() == 1
    assert days_shown(harness) == ["12-07", "12-14"]


def test_a_series_that_ends_before_it_begins_is_removed(open_plages: WorkerHarness) -> None:
    harness = open_plages
    slot(harness, a_plage(rule=WEEKLY), 90)
    harness.work()
    slot(harness, a_plage(rule=replace(WEEKLY, last_day=date(2026, 12, 6))), 60)
    assert harness.work() == 1
    assert harness.items() == []


def test_a_rule_that_nobody_can_hold_is_told_and_leaves_no_wrong_series(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.policies(plages_ouverture=True)
    slot(harness, a_plage(rule=WEEKLY), 90)
    harness.work()
    slot(harness, a_plage(rule=Rule("MONTHLY", 1, ((5, MO),))), 60)
    assert harness.work() == 1
    assert harness.items() == []
    assert [row["failure"] for row in dump(harness)["events"]] == [UNHOLDABLE]
    slot(harness, a_plage(rule=WEEKLY), 30)
    assert harness.work() == 1
    assert [row["failure"] for row in dump(harness)["events"]] == [None]
    assert len(harness.items()) == 1


EXCEPTED = Rule("WEEKLY", 1, ((None, MO),), date(2027, 1, 25), others=("EXDATE",))


def test_a_series_that_gets_exceptions_is_told_and_shown_nowhere(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    slot(harness, an_absence(rule=WEEKLY), 90)
    harness.work()
    slot(harness, an_absence(rule=EXCEPTED), 60)
    assert harness.work() == 1
    assert harness.items() == []
    assert [row["failure"] for row in dump(harness)["events"]] == ["recurrence_exceptions"]


@pytest.mark.parametrize("code", ["recurrence_not_holdable", "recurrence_exceptions", "recurrence_in_gap"])
def test_each_reason_not_to_show_a_series_has_its_sentence(code: str) -> None:
    assert code in sentences.CAUSES


def test_what_is_cancelled_goes_and_comes_back_when_it_is_not(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.policies(plages_ouverture=True)
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(harness, make(), 90, wire_id=number)
    assert harness.work() == 1
    assert len(harness.items()) == 2
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(harness, make(cancelled=True, rule=Rule("YEARLY")), 60, wire_id=number)
    harness.work()
    assert harness.items() == []
    assert {row["failure"] for row in dump(harness)["events"]} == {None}
    for number, make in ((88, an_absence), (89, a_plage)):
        slot(harness, make(), 30, wire_id=number)
    harness.work()
    assert len(harness.items()) == 2


def test_what_was_cancelled_before_it_was_heard_of_is_never_shown(harness: WorkerHarness) -> None:
    slot(harness, an_absence(cancelled=True))
    assert harness.work() == 0
    assert harness.items() == []


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2027-03-28 02:30", "2027-03-28 04:00"), ("2027-03-28 01:30", "2027-03-28 02:30")],
)
def test_a_series_whose_first_time_no_clock_shows_is_told(harness: WorkerHarness, begins: str, ends: str) -> None:
    """Exchange would take the time that the clock shows instead, for every occurrence."""
    weekly = Rule("WEEKLY", count=3)
    slot(harness, an_absence(first_start=wall(begins), first_end=wall(ends), rule=weekly))
    assert harness.work() == 0
    assert [row["failure"] for row in dump(harness)["events"]] == ["recurrence_in_gap"]


def test_a_single_time_that_no_clock_shows_is_written_once(harness: WorkerHarness) -> None:
    slot(harness, an_absence(first_start=wall("2027-03-28 02:30"), first_end=wall("2027-03-28 04:00")))
    assert harness.work() == 1
    [item] = harness.items()
    assert (item.start, item.end) == (utc("2027-03-28T01:30"), utc("2027-03-28T02:00"))


# Policies


def test_plages_stay_away_until_they_are_switched_on_and_go_when_they_are_switched_off(
    harness_on_each: WorkerHarness,
) -> None:
    harness = harness_on_each
    propose(harness)
    slot(harness, a_plage(rule=WEEKLY))
    assert harness.work() == 0
    harness.policies(plages_ouverture=True)
    assert propose(harness).effects.created == 1
    assert harness.work() == 1
    assert len(harness.items()) == 1
    harness.policies(plages_ouverture=False)
    assert propose(harness).effects.removed == 1
    assert harness.work() == 1
    assert harness.items() == []


def test_absences_go_when_they_are_switched_off_and_come_back(harness: WorkerHarness) -> None:
    propose(harness)
    slot(harness, an_absence())
    harness.work()
    for absences, expected in ((False, []), (True, ["Absence"])):
        harness.policies(absences=absences)
        propose(harness)
        assert harness.work() == 1
        assert harness.subjects() == expected


def test_a_title_whose_policy_is_switched_off_is_erased_from_store_and_calendar(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.policies(absence_titles=True)
    propose(harness)
    slot(harness, an_absence(title="canari"))
    harness.work()
    assert harness.subjects() == ["Absence : canari"]
    assert "canari" in repr(dump(harness))
    harness.policies(absence_titles=False)
    propose(harness)
    assert harness.work() == 1
    assert harness.subjects() == ["Absence"]
    assert "canari" not in repr(dump(harness))


def test_every_optional_text_is_erased_even_where_nothing_is_shown(harness: WorkerHarness) -> None:
    """What is past, cancelled or of nobody keeps no text either."""
    on = {"collective_names": True, "visio_link": True, "single_use_places": True, "absence_titles": True}
    harness.policies(**on)
    propose(harness)
    past = {
        "starts_at": harness.store.moment - timedelta(days=90),
        "ends_at": harness.store.moment - timedelta(days=90),
    }
    texts = {"collective": True, "name": "canari", "visio_url": "https://canari.example"}
    place = Lieu("canari", "canari", single_use=True)
    harness.tell(agents=(MARTINE,), wire_id=1, uuid=None, lieu=place, **texts, **past)
    harness.tell(agents=(MARTINE,), wire_id=2, uuid=None, lieu=place, cancelled=True, **texts)
    harness.tell(agents=(), wire_id=3, uuid=None, lieu=place, **texts)
    slot(harness, an_absence(title="canari", rule=Rule("YEARLY")))
    slot(harness, a_plage(lieu=place), wire_id=568)
    assert repr(dump(harness)["events"]).count("canari") >= 5
    harness.policies(**dict.fromkeys(on, False))
    propose(harness)
    harness.work()
    assert "canari" not in repr(dump(harness))


def test_a_text_that_is_switched_on_shows_with_the_next_state(harness: WorkerHarness) -> None:
    """It was dropped while decoding: nobody has it until the emitter says it again."""
    propose(harness)
    slot(harness, an_absence(), 90)
    harness.work()
    harness.policies(absence_titles=True)
    propose(harness)
    assert harness.work() == 0
    slot(harness, an_absence(title="Formation"), 60)
    assert harness.work() == 1
    assert harness.subjects() == ["Absence : Formation"]
