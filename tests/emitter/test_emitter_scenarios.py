"""What can be said of the stories without a receiver: their times, their bodies, and what their calendars hold."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emitter.payloads import Generation
from emitter.scenarios import SCENARIOS, build, cast

PARIS = ZoneInfo("Europe/Paris")
INSTANTS = [
    datetime(2026, 11, 24, 7, 0, 0, 250_000, tzinfo=UTC),
    datetime(2027, 1, 30, 23, 59, 30, tzinfo=PARIS),  # the eve of a 31st, and a Saturday
    datetime(2027, 1, 31, 12, tzinfo=PARIS),
    datetime(2028, 2, 28, 6, tzinfo=UTC),  # of a leap year
    datetime(2027, 3, 26, 17, tzinfo=PARIS),  # the Friday before summer time
    datetime(2026, 12, 31, 22, 30, tzinfo=UTC),
]
MARTINE, KARIM = cast.MARTINE_EMAIL, cast.KARIM_EMAIL

TELLABLE = [
    (name, generation)
    for name, scenario in SCENARIOS.items()
    for generation in Generation
    if scenario.tellable_in(generation)
]


def told_age(body: bytes) -> datetime:
    meta = json.loads(body)["meta"]
    return datetime.fromisoformat(meta.get("payload_computed_at") or meta["timestamp"])


@pytest.mark.parametrize("at", INSTANTS, ids=str)
@pytest.mark.parametrize("name", SCENARIOS)
def test_states_are_minutes_old_at_most_and_never_in_the_future(name, at):
    for step in build(name, at).steps:
        assert told_age(step.body) == step.at
        assert timedelta() <= at - step.at <= timedelta(seconds=91)


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"same_second"}))
def test_different_states_of_one_rdv_have_distinct_seconds(name):
    bodies = {}
    for step in build(name, INSTANTS[0]).steps:
        message = json.loads(step.body)
        key = (message["meta"]["model"], message["data"]["id"], step.at.replace(microsecond=0))
        assert bodies.setdefault(key, step.body) == step.body


def test_same_second_tells_two_states_of_one_second():
    first, second = build("same_second", INSTANTS[0]).steps
    assert first.at == second.at
    assert first.body != second.body


@pytest.mark.parametrize("at", INSTANTS, ids=str)
@pytest.mark.parametrize("name", SCENARIOS)
def test_entries_lie_ahead_within_working_hours(name, at):
    for entries in build(name, at).expected.values():
        assert list(entries) == sorted(entries, key=lambda entry: entry.start)
        for entry in entries:
            assert at < entry.start < entry.end < at + timedelta(days=100)
            local = entry.start.astimezone(entry.start.tzinfo)
            assert 8 <= local.hour < 18


@pytest.mark.parametrize(("name", "generation"), TELLABLE)
def test_no_expected_text_holds_anything_of_an_usager(name, generation):
    told = repr(build(name, INSTANTS[0], generation).expected)
    for personal in ("EXEMPLE", "Fatoumata", "impasse", "Privé", "allée", "voisine", "06 39", "webconf", "malade"):
        assert personal not in told


@pytest.mark.parametrize(("name", "generation"), TELLABLE)
def test_bodies_do_hold_the_usagers_data(name, generation):
    """A receiver that leaks is caught only by payloads that have something to leak."""
    for step in build(name, INSTANTS[0], generation).steps:
        if json.loads(step.body)["meta"]["model"].lower() == "rdv":
            assert b"EXEMPLE" in step.body
            assert b"+33" in step.body or b"06 39 98" in step.body


@pytest.mark.parametrize(("name", "generation"), TELLABLE)
def test_the_last_state_and_the_calendars_agree_on_times(name, generation):
    """A cheap cross-check of what was written by hand: the newest states' agents and times."""
    told = build(name, INSTANTS[0], generation)
    newest = {}
    destroyed = set()
    for step in sorted(told.steps, key=_age_then_event):
        message = json.loads(step.body)
        if message["meta"]["model"].lower() == "rdv":
            newest[message["data"]["id"]] = message["data"]
            destroyed |= {message["data"]["id"]} if message["meta"]["event"] == "destroyed" else set()
    shown = {email: [] for email in told.expected}
    for identity, data in newest.items():
        if identity in destroyed or data["status"] in {"excused", "revoked"}:
            continue
        start = datetime.fromisoformat(data["starts_at"])
        for agent in data["agents"]:
            if agent["email"]:
                shown[agent["email"]].append((start, start + timedelta(minutes=data["duration_in_min"])))
    for email, entries in told.expected.items():
        assert sorted(shown[email]) == [(entry.start, entry.end) for entry in entries]


def _age_then_event(step):
    return step.at, ["created", "updated", "destroyed"].index(json.loads(step.body)["meta"]["event"])


def test_a_story_is_the_same_whenever_it_is_told_for_one_instant():
    assert build("working_day", INSTANTS[0]) == build("working_day", INSTANTS[0])


def test_stories_share_no_ids_with_each_other_or_with_an_earlier_run():
    """A tombstone of the last run would otherwise swallow this one."""
    runs = [(name, at) for name in SCENARIOS for at in INSTANTS]
    ids = [{json.loads(step.body)["data"]["id"] for step in build(name, at).steps} for name, at in runs]
    shared = {cast.FATOUMATA.id, cast.SOCIAL.id}  # the side shows of the working day
    seen = set()
    for found in ids:
        assert not (found - shared) & seen
        seen |= found - shared


def test_a_31st_is_met():
    for at in INSTANTS:
        assert build("moved_on_the_31st", at).expected[MARTINE][0].start.day == 31
        first = json.loads(build("moved_from_the_31st", at).steps[0].body)["data"]["starts_at"]
        assert first[8:10] == "31"


def test_another_month_is_met():
    for at in INSTANTS:
        told = build("moved_to_another_month", at)
        before = datetime.fromisoformat(json.loads(told.steps[0].body)["data"]["starts_at"])
        assert told.expected[MARTINE][0].start.month == before.month % 12 + 1


def test_late_and_out_of_order_send_an_older_state_after_a_newer_one():
    for name in ("late", "out_of_order"):
        ages = [step.at for step in build(name, INSTANTS[0]).steps]
        assert ages != sorted(ages)
        assert SCENARIOS[name].ordered


def test_guadeloupe_is_told_on_its_own_clock():
    told = build("visio_guadeloupe", INSTANTS[0])
    data = json.loads(told.steps[0].body)["data"]
    assert data["starts_at"].endswith("10:00:00 -0400")
    assert told.expected[MARTINE][0].start == datetime.fromisoformat(data["starts_at"])


def test_the_working_day_is_of_all_kinds():
    told = build("working_day", INSTANTS[0])
    rdvs = {
        message["data"]["id"]: message["data"]["motif"]["location_type"]
        for step in told.steps
        if (message := json.loads(step.body))["meta"]["model"] == "Rdv"
    }
    assert len(rdvs) == 16
    assert set(rdvs.values()) == {"public_office", "phone", "home", "visio"}
    assert {entry.place for entries in told.expected.values() for entry in entries} >= {
        "",
        "Domicile",
        "Téléphone",
        "Visioconférence",
        "Lieu ponctuel",
        "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000",
        "Antenne de Bapaume, 2 place Faidherbe, Bapaume, 62450",
    }


def test_the_working_day_never_double_books():
    for entries in build("working_day", INSTANTS[0]).expected.values():
        for earlier, later in itertools.pairwise(entries):
            assert earlier.end <= later.start


def test_what_a_generation_does_not_tell_is_not_expected():
    """In 2020 a payload named neither the lieu nor what makes a RDV collective."""
    entry = build("collective", INSTANTS[0], Generation.YEAR_2020).expected[KARIM][0]
    usual = build("collective", INSTANTS[0]).expected[KARIM][0]
    assert entry == replace(usual, title="Atelier collectif", place="")
    assert usual.title == "Atelier collectif (4/8)"


def test_a_place_of_its_own_cannot_be_told_by_rdv_insertion():
    with pytest.raises(ValueError, match="cannot be told"):
        build("single_use_place", INSTANTS[0], Generation.RDV_INSERTION)


def test_both_agents_are_always_accounted_for():
    """An empty calendar is an expectation too."""
    for name in SCENARIOS:
        assert set(build(name, INSTANTS[0]).expected) == {MARTINE, KARIM}
