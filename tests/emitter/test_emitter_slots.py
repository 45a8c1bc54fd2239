"""Absences and openings in every shape of the wire, and when their series take place."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest

from emitter.generations.ical import ical
from emitter.generations.times import PARIS
from emitter.model import Agent, Event, Lieu, Motif, Organisation
from emitter.occurrences import Window, occurrences, year_from
from emitter.payloads import Generation, render
from emitter.schedule import Absence, Frequency, PlageOuverture, Recurrence

MDS = Organisation(12, "MDS d'Arras")
MARTINE = Agent(31, "martine.agent@departement.example", "Martine", "AGENT")
MADE = datetime(2026, 11, 30, 9, 12, 44, tzinfo=PARIS)
WEEKLY = Recurrence(Frequency.WEEKLY, 1, ("MO", "TU"), date(2027, 3, 30))
ABSENCE = Absence(
    88, "Rendez-vous médical", date(2026, 12, 21), date(2026, 12, 21), time(8), time(18), MARTINE, MDS, MADE, WEEKLY
)
PLAGE = PlageOuverture(
    568,
    "Permanence PMI",
    date(2026, 12, 7),
    time(9),
    time(12, 30),
    MARTINE,
    MDS,
    (Motif(45, "Consultation"),),
    MADE,
    Lieu(7, "Maison du Département Solidarité", "37 rue du Temple, Arras; 62000"),
    WEEKLY,
)
SLOTS = [generation for generation in Generation if generation.tells_slots]


def data(slot, generation, **options):
    return json.loads(render(slot, Event.CREATED, generation, MADE, **options))["data"]


def meta(slot, generation):
    return json.loads(render(slot, Event.CREATED, generation, MADE))["meta"]


@pytest.mark.parametrize("slot", [ABSENCE, PLAGE], ids=["absence", "plage"])
def test_the_model_was_written_in_lower_case_before_mid_2020(slot):
    names = {Absence: ("absence", "Absence"), PlageOuverture: ("plage_ouverture", "PlageOuverture")}[type(slot)]
    assert meta(slot, Generation.EARLY_2020)["model"] == names[0]
    assert {meta(slot, generation)["model"] for generation in SLOTS[1:]} == {names[1]}


@pytest.mark.parametrize("generation", [Generation.YEAR_2020, Generation.YEAR_2022])
@pytest.mark.parametrize("slot", [ABSENCE, PLAGE], ids=["absence", "plage"])
def test_keys_stood_in_the_order_of_the_alphabet_until_2022(slot, generation):
    told = data(slot, generation)
    assert list(told) == ["id", *sorted(set(told) - {"id"})]


def test_an_absence_told_no_rule_before_mid_2020():
    told = data(ABSENCE, Generation.EARLY_2020)
    assert {"rrule", "ical"}.isdisjoint(told)
    assert {"first_day", "end_day", "start_time", "end_time", "ical_uid"} <= set(told)


def test_an_opening_of_2020_named_its_place_in_the_ical_text_and_motifs_by_name_alone():
    told = data(PLAGE, Generation.YEAR_2020)
    assert "LOCATION:37 rue du Temple\\, Arras\\; 62000\r\n" in told["ical"]
    assert "ATTENDEE:mailto:martine.agent@departement.example\r\n" in told["ical"]
    assert told["motifs"] == [{"id": 45, "name": "Consultation"}]
    assert told["lieu"]["name"] == "Maison du Département Solidarité"


def test_2026_adds_the_address_of_the_page():
    for slot, path in ((ABSENCE, "absences/88/edit"), (PLAGE, "plage_ouvertures/568")):
        told = data(slot, Generation.YEAR_2026)
        assert told.pop("web_url") == f"https://www.rdv-solidarites.fr/admin/organisations/12/{path}"
        assert told == data(slot, Generation.YEAR_2024)


@pytest.mark.parametrize("generation", SLOTS)
def test_an_absence_may_name_no_organisation(generation):
    assert data(replace(ABSENCE, organisation=None), generation)["organisation"] is None


@pytest.mark.parametrize("generation", [generation for generation in SLOTS if generation.tells_absences_rule])
def test_ical_only_leaves_no_other_time(generation):
    told = data(ABSENCE, generation, ical_only=True)
    assert {"first_day", "end_day", "start_time", "end_time", "rrule"}.isdisjoint(told)
    assert {"id", "ical_uid", "title", "agent", "organisation", "ical"} <= set(told)


def test_rdv_insertion_knows_neither():
    with pytest.raises(ValueError, match="knows no Absence"):
        data(ABSENCE, Generation.RDV_INSERTION)


def test_a_rule_ends_with_a_semicolon_and_its_until_has_no_zone():
    assert data(ABSENCE, Generation.YEAR_2024)["rrule"] == ("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU;UNTIL=20270330T000000;")
    assert Recurrence(Frequency.WEEKLY).text == "FREQ=WEEKLY;"
    assert Recurrence(Frequency.MONTHLY, days=("2WE",)).text == "FREQ=MONTHLY;BYDAY=2WE;"


@pytest.mark.parametrize("with_place", [False, True])
@pytest.mark.parametrize("slot", [ABSENCE, PLAGE], ids=["absence", "plage"])
def test_an_independent_reader_finds_the_times_in_the_ical_text(slot, with_place):
    [event] = icalendar.Calendar.from_ical(ical(slot, with_place=with_place)).walk("VEVENT")
    assert event["DTSTART"].dt.replace(tzinfo=None) == datetime.combine(slot.first_day, slot.start_time)
    assert event["DTEND"].dt.replace(tzinfo=None) == datetime.combine(slot.end_day, slot.end_time)
    assert event["DTSTART"].params["TZID"] == "Europe/Paris"
    assert event["RRULE"]["BYDAY"] == ["MO", "TU"]
    assert str(event["UID"]) == slot.ical_uid


def test_long_lines_are_folded_and_no_character_is_cut():
    text = ical(replace(ABSENCE, title="Réunion très privée à l'hôpital, " * 5))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == "RDV Solidarités " + "Réunion très privée à l'hôpital, " * 5


@pytest.mark.parametrize(
    ("day", "summer", "winter"),
    [
        (date(2026, 12, 21), "20260329", "20261025"),
        (date(2026, 7, 1), "20260329", "20251026"),
        (date(2027, 2, 1), "20260329", "20261025"),
    ],
)
def test_the_zone_begins_at_the_changes_before_the_first_day(day, summer, winter):
    text = ical(replace(ABSENCE, first_day=day, end_day=day))
    assert f"BEGIN:DAYLIGHT\r\nDTSTART:{summer}T030000" in text
    assert f"BEGIN:STANDARD\r\nDTSTART:{winter}T020000" in text


# occurrences

START = datetime(2026, 12, 1, tzinfo=UTC)
YEAR = year_from(START)


def starts(rule, zone=PARIS, window=YEAR, **fields):
    told = {"first_day": "2026-12-07", "end_day": "2026-12-07", "start_time": "09:00:00", "end_time": "12:00:00"}
    return [start for start, _ in occurrences(told | {"rrule": rule} | fields, zone, window)]


def test_the_whole_day_of_until_counts():
    assert [start.date() for start in starts("FREQ=WEEKLY;UNTIL=20261221T000000;")] == [
        date(2026, 12, 7),
        date(2026, 12, 14),
        date(2026, 12, 21),
    ]


def test_every_occurrence_has_the_same_wall_clock_time():
    found = starts("FREQ=WEEKLY;")
    assert {start.hour for start in found} == {9}
    assert {start.utcoffset() for start in found} == {timedelta(hours=1), timedelta(hours=2)}


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Guadeloupe", "Pacific/Noumea"])
@pytest.mark.parametrize("interval", [1, 2, 3])
@pytest.mark.parametrize("until", [None, date(2027, 5, 4)])
def test_weekly_rules_hold_the_days_that_walking_through_the_year_finds(zone, interval, until):
    days = {"MO": 0, "TU": 1, "FR": 4}
    rule = Recurrence(Frequency.WEEKLY, interval, tuple(days), until).text
    first = date(2026, 12, 7)
    walked = [
        day
        for day in (first + timedelta(days=number) for number in range(400))
        if day.weekday() in days.values()
        and (day - first).days // 7 % interval == 0
        and day <= (until or date.max)
        and datetime.combine(day, time(9), ZoneInfo(zone)) in YEAR
    ]
    assert [start.date() for start in starts(rule, ZoneInfo(zone))] == walked


def test_the_second_wednesday_is_one_from_the_8th_to_the_14th_of_each_month():
    found = starts("FREQ=MONTHLY;BYDAY=2WE;", first_day="2026-12-09", end_day="2026-12-09")
    assert all(start.weekday() == 2 and 8 <= start.day <= 14 for start in found)
    assert len({(start.year, start.month) for start in found}) == len(found) == 12


def test_an_occurrence_may_span_days_and_a_change_of_the_clocks():
    told = {"first_day": "2027-03-26", "end_day": "2027-03-29", "start_time": "18:00:00", "end_time": "08:00:00"}
    [(start, end)] = occurrences(told | {"rrule": None}, PARIS, YEAR)
    assert (start.isoformat(), end.isoformat()) == ("2027-03-26T18:00:00+01:00", "2027-03-29T08:00:00+02:00")


def test_only_what_begins_in_the_window_counts():
    first, second, third, fourth = starts("FREQ=WEEKLY;")[:4]
    window = Window(second, fourth)
    assert first not in window
    assert starts("FREQ=WEEKLY;", window=window) == [second, third]


def test_an_opening_ends_on_the_day_it_begins():
    told = {"first_day": "2026-12-07", "start_time": "09:00:00", "end_time": "12:00:00"}
    [(start, end)] = occurrences(told, PARIS, YEAR)
    assert end - start == timedelta(hours=3)


def test_occurrences_are_in_order_and_never_overlap():
    told = {"first_day": "2026-12-07", "start_time": "09:00:00", "end_time": "12:00:00", "rrule": "FREQ=WEEKLY;"}
    assert all(one[1] < two[0] for one, two in itertools.pairwise(occurrences(told, PARIS, YEAR)))
