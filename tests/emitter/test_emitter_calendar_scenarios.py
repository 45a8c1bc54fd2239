"""Stories of absences, openings, agents and several sources: what can be said of them without a receiver."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emitter.__main__ import main
from emitter.conformance.touched import touched
from emitter.payloads import Generation
from emitter.platforms import Platform
from emitter.scenarios import CALENDAR_SCENARIOS, EVERY_SCENARIO, SCENARIOS, Needs, build, cast

PARIS = ZoneInfo("Europe/Paris")
INSTANTS = [
    datetime(2026, 11, 24, 7, 0, 0, 250_000, tzinfo=UTC),
    datetime(2027, 1, 30, 23, 59, 30, tzinfo=PARIS),
    datetime(2028, 2, 28, 6, tzinfo=UTC),
    datetime(2027, 3, 26, 17, tzinfo=PARIS),
    datetime(2027, 6, 30, 20, tzinfo=UTC),  # already the 1st of July in Nouméa
]
TELLABLE = [
    (name, generation)
    for name, scenario in CALENDAR_SCENARIOS.items()
    for generation in Generation
    if scenario.tellable_in(generation)
]
MARTINE, KARIM, DUPONT = cast.MARTINE_EMAIL, cast.KARIM_EMAIL, cast.DUPONT_EMAIL
OLD_WORLD = timedelta(minutes=2)


def told_age(body):
    meta = json.loads(body)["meta"]
    return datetime.fromisoformat(meta.get("payload_computed_at") or meta["timestamp"])


def test_the_registries_share_no_name_and_the_first_needs_nothing():
    """Loops over SCENARIOS run with one source in Paris under default policies."""
    assert set(SCENARIOS).isdisjoint(CALENDAR_SCENARIOS)
    assert EVERY_SCENARIO == SCENARIOS | CALENDAR_SCENARIOS
    assert all(scenario.needs.nothing for scenario in SCENARIOS.values())


def test_a_story_tells_what_it_needs():
    assert build("plage_weekly_until", INSTANTS[0]).needs_policies == {"plages_ouverture": True}
    assert build("overseas_noumea", INSTANTS[0]).time_zone == "Pacific/Noumea"
    assert build("absence", INSTANTS[0]).needs == Needs()
    both = build("insertion_then_public", INSTANTS[0])
    assert both.needs.platforms == set(Platform)
    assert [step.platform for step in both.steps] == [Platform.RDV_INSERTION, Platform.RDV_SERVICE_PUBLIC]


@pytest.mark.parametrize("at", INSTANTS, ids=str)
@pytest.mark.parametrize("name", CALENDAR_SCENARIOS)
def test_states_are_minutes_old_and_entries_lie_ahead_in_the_window(name, at):
    told = build(name, at)
    assert (told.window.start, told.window.end) == (at, at + timedelta(days=365))
    for step in told.steps:
        assert told_age(step.body) == step.at
        assert timedelta() <= at - step.at < OLD_WORLD
    for entries in told.expected.values():
        assert list(entries) == sorted(entries, key=lambda entry: entry.start)
        assert all(entry.start in told.window and entry.start < entry.end for entry in entries)


@pytest.mark.parametrize(("name", "generation"), TELLABLE)
def test_every_shape_tells_the_same_calendars(name, generation):
    told, usual = (build(name, INSTANTS[0], one).expected for one in (generation, Generation.YEAR_2024))
    assert told.keys() == usual.keys()
    for email in told:
        assert [(entry.start, entry.end) for entry in told[email]] == [
            (entry.start, entry.end) for entry in usual[email]
        ]


@pytest.mark.parametrize("name", CALENDAR_SCENARIOS)
def test_every_expected_entry_is_one_that_some_state_tells(name):
    """Except where only the `ical` text tells it."""
    told = build(name, INSTANTS[0])
    keys = {(email, entry.start, entry.end) for email, entries in told.expected.items() for entry in entries}
    assert keys <= {tuple(key) for key in touched(told)} or name == "absence_by_ical_only"


@pytest.mark.parametrize("at", INSTANTS, ids=str)
def test_different_states_of_one_thing_have_distinct_seconds(at):
    for name in CALENDAR_SCENARIOS:
        bodies = {}
        for step in build(name, at).steps:
            message = json.loads(step.body)
            key = (step.platform, message["meta"]["model"], message["data"]["id"], step.at)
            assert bodies.setdefault(key, step.body) == step.body


def test_stories_share_no_ids_with_each_other_or_with_an_earlier_run():
    seen = set()
    for name in EVERY_SCENARIO:
        for at in INSTANTS:
            steps = [json.loads(step.body) for step in build(name, at).steps if step.platform is None]
            found = {(message["meta"]["model"], message["data"]["id"]) for message in steps}
            found -= {("User", cast.FATOUMATA.id), ("Motif", cast.SOCIAL.id)}
            assert not found & seen
            seen |= found


def test_both_emitters_tell_of_one_rdv():
    for name in ("public_then_insertion", "insertion_then_public", "destroyed_by_public_alone"):
        told = [json.loads(step.body)["data"] for step in build(name, INSTANTS[0]).steps]
        assert len({data["uuid"] for data in told}) == 1
        assert len({data["id"] for data in told}) == 2


@pytest.mark.parametrize("name", ["public_then_insertion", "insertion_then_public"])
def test_the_newest_state_is_the_one_not_believed(name):
    told = build(name, INSTANTS[0])
    newest = json.loads(max(told.steps, key=lambda step: step.at).body)["data"]
    assert datetime.fromisoformat(newest["starts_at"]) != told.expected[MARTINE][0].start


def test_absences_titles_are_told_and_never_expected():
    for name in CALENDAR_SCENARIOS:
        told = build(name, INSTANTS[0])
        shown = {(entry.title, entry.place) for entries in told.expected.values() for entry in entries}
        models = {json.loads(step.body)["meta"]["model"] for step in told.steps}
        if models == {"Absence"}:
            assert shown <= {("Absence", "")}
            assert all(
                "Rendez-vous médical" in step.body.decode() or "Oncologue" in step.body.decode() for step in told.steps
            )


def test_summer_time_comes_and_goes_within_a_series():
    offsets = {entry.start.utcoffset() for entry in build("series_across_summer_time", INSTANTS[0]).expected[MARTINE]}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("overseas_guadeloupe", PARIS),
        ("overseas_reunion", UTC),
        ("overseas_mayotte", None),
        ("overseas_noumea", PARIS),
    ],
)
def test_overseas_another_clock_has_another_day(name, other):
    """Otherwise a rule read on the wrong clock would go unnoticed."""
    for entry in build(name, INSTANTS[0]).expected[MARTINE]:
        end = entry.end if other is None else entry.start.astimezone(other)
        assert end.date() != entry.start.date()


def test_a_series_ends_on_a_day_whose_occurrence_only_a_whole_until_holds():
    for name in ("series_every_other_week", "series_shortened", "plage_weekly_until", "overseas_guadeloupe"):
        told = build(name, INSTANTS[0])
        rule = json.loads(told.steps[-1].body)["data"]["rrule"]
        assert f"UNTIL={told.expected[MARTINE][-1].start:%Y%m%d}T000000;" in rule


def test_a_new_address_empties_the_old_mailbox():
    for name in ("agent_email_changed", "agent_email_changed_first", "agent_email_seen"):
        expected = build(name, INSTANTS[0]).expected
        assert set(expected) == {MARTINE, KARIM, DUPONT}
        assert not expected[MARTINE]
        assert len(expected[DUPONT]) > 50


def test_an_agent_whose_identity_changes_is_nobody_elses():
    """A second story would otherwise find Martine moved or gone."""
    seen = set()
    for name in CALENDAR_SCENARIOS:
        for step in build(name, INSTANTS[0]).steps:
            message = json.loads(step.body)
            if message["meta"]["model"] in {"Agent", "AgentRole"}:
                agent = message["data"].get("agent", message["data"])["id"]
                assert (agent, name) in seen or agent not in {known for known, _ in seen}
                seen.add((agent, name))
    assert cast.MARTINE.id not in {agent for agent, _ in seen}


def test_a_deleted_agent_keeps_an_address_of_no_mailbox():
    last = json.loads(build("agent_departed", INSTANTS[0]).steps[-1].body)["data"]
    emails = [agent["email"] for agent in last["agents"]]
    assert any(email.startswith("agent_") and email.endswith("@deleted.rdv-solidarites.fr") for email in emails)


def test_what_a_generation_cannot_carry_is_refused():
    for name, generation in (
        ("absence", Generation.RDV_INSERTION),
        ("series_by_bare_rule", Generation.EARLY_2020),
        ("insertion_then_public", Generation.RDV_INSERTION),
    ):
        with pytest.raises(ValueError, match="cannot be told"):
            build(name, INSTANTS[0], generation)
        assert not CALENDAR_SCENARIOS[name].tellable_in(generation)


def test_a_story_moved_by_minutes_keeps_its_ages():
    usual, moved = build("absence", INSTANTS[0]), build("absence", INSTANTS[0], days_later=1, minutes_later=7)
    assert [step.at for step in usual.steps] == [step.at for step in moved.steps]
    [before], [after] = usual.expected[MARTINE], moved.expected[MARTINE]
    assert after.start.minute == before.start.minute + 7
    assert after.start.date() > before.start.date()


def test_a_story_of_two_sources_cannot_be_sent_to_one_address(monkeypatch, capsys):
    monkeypatch.setenv("TEST_SECRET", "secret")
    arguments = ["--url", "http://127.0.0.1:9/", "--secret-env", "TEST_SECRET"]
    assert main(["play", "insertion_then_public", *arguments]) == 2
    assert "two sources" in capsys.readouterr().err


def test_list_tells_what_a_story_needs(capsys):
    main(["list"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["plage_changed"].endswith("[needs plages_ouverture: true]")
    assert lines["overseas_reunion"].endswith("[needs time_zone: Indian/Reunion]")
    assert "[needs" not in lines["absence"]
