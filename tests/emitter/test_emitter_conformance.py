"""The judge is content with a right receiver, and finds each wrong one wrong exactly where it is."""

import json
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from emitter.__main__ import main
from emitter.conformance import calendar_points, canaries, report, webhook_points
from emitter.conformance.bench import Bench
from emitter.conformance.calendar_reader import CalendarCommand, UnreadableError
from emitter.conformance.touched import touched
from emitter.conformance.verdicts import Verdict
from emitter.occurrences import year_from
from emitter.payloads import Generation
from emitter.platforms import Platform
from emitter.scenarios import build
from tests.emitter import small_receiver as receivers

SECRET = "a secret of the tests that is long enough"
NOW = datetime.now(UTC)


@contextmanager
def running(receiver):
    with receivers.Server(receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def judged(tmp_path):
    """Points and their findings for one kind of receiver."""

    def judge(kind, *, calendars=True, settle_s=0.5, jobs=1, limit_s=10.0, exact_texts=False, **bench_fields):
        receiver = kind(tmp_path, SECRET)
        with running(receiver) as server:
            bench = Bench(server.url, SECRET, jobs=jobs, **bench_fields)
            scenarios = calendar_points.stories(bench.generation, with_slots=True)
            results = []
            if calendars:
                command = CalendarCommand(receiver.calendar_command)
                results = calendar_points.judge_calendars(bench, command, scenarios, settle_s, exact_texts=exact_texts)
            results += webhook_points.judge_all(bench, limit_s)
            return {result.point: result.finding for result in results}

    return judge


def failing(findings):
    return {point for point, finding in findings.items() if finding.verdict is Verdict.FAIL}


def test_a_right_receiver_fails_nowhere(judged):
    """Several requests at once, as the emitter sends them."""
    findings = judged(receivers.Receiver, settle_s=10, jobs=4)
    assert failing(findings) == set()
    judged_points = {point for point, finding in findings.items() if finding.verdict is Verdict.PASS}
    assert set(findings) - judged_points == {"signature.expired", "signature.none", "calendar.words"}
    assert len(findings) > 60


@pytest.mark.parametrize("signature", ["hmac", "jwt"])
def test_a_right_receiver_of_rdv_insertion_fails_nowhere(judged, signature):
    findings = judged(receivers.Receiver, settle_s=10, jobs=4, platform=Platform.RDV_INSERTION, signature=signature)
    assert failing(findings) == set()
    expected = Verdict.PASS if signature == "jwt" else Verdict.NOT_JUDGED
    assert findings["signature.expired"].verdict is findings["signature.none"].verdict is expected


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        (receivers.IgnoresSignatures, {"signature.wrong", "signature.missing", "signature.altered"}),
        (receivers.LowerCaseOnly, set()),
        (receivers.AnswersPages, {"answer.json"}),
        (receivers.AnswersPlainWords, {"answer.json"}),
        (receivers.RefusesRepeats, {"repeated"}),
        (receivers.RefusesOlder, {"older_after_newer"}),
        (receivers.RefusesUnknownModels, {"other_models", "unheard_of"}),
        (receivers.RefusesOldShapes, {"generations"}),
        (receivers.RefusesUnknownDeletions, {"destroyed_unknown"}),
        (receivers.AcknowledgesAnything, {"broken_json"}),
        (receivers.OneAtATime, {"at_once", "agent_swap"}),
    ],
)
def test_a_wrong_answer_fails_its_own_points_only(judged, kind, points):
    assert failing(judged(kind, calendars=False)) == points


def test_a_slow_receiver_fails_by_its_slowest_answer_only(judged):
    findings = judged(receivers.Slow, calendars=False, limit_s=0.25)
    assert failing(findings) == {"answer.time"}
    assert float(findings["answer.time"].detail.split()[1]) >= 0.3


def test_a_token_that_covers_nothing_and_never_ends_is_found_out(judged):
    findings = judged(receivers.ChecksTheSecretOnly, calendars=False, platform=Platform.RDV_INSERTION, signature="jwt")
    assert failing(findings) == {"signature.altered", "signature.expired"}


@pytest.mark.parametrize("days", range(14))
def test_no_two_stories_show_an_entry_at_the_same_time_whatever_the_weekday(days):
    """Else an entry too many is the fault of a story that is right."""
    at = NOW + timedelta(days=days)
    scenarios = calendar_points.stories(Generation.YEAR_2024, with_slots=True)
    times = [
        touched(story) | {(agent, entry.start, entry.end) for agent, told in story.expected.items() for entry in told}
        for story in calendar_points.told_apart(scenarios, at, Generation.YEAR_2024)
    ]
    assert len(times) == len(scenarios)
    assert sum(map(len, times)) == len(set().union(*times))


@pytest.mark.parametrize(
    ("kind", "stories"),
    [
        (
            receivers.ForgetsUpdates,
            {
                "moved_to_another_month",
                "moved_on_the_31st",
                "moved_from_the_31st",
                "agent_swapped",
                "cancelled_by_usager",
                "cancelled_by_service",
                "repeated",
                "late",
                "out_of_order",
                "same_second",
                "working_day",
                "absence_moved",
                "absence_late",
                "absence_out_of_order",
                "series_days_changed",
                "series_times_changed",
                "series_shortened",
                "series_lengthened",
                "series_becomes_single",
                "single_becomes_series",
                "series_out_of_order",
            },
        ),
        (
            receivers.LastArrivalWins,
            {
                "late",
                "out_of_order",
                "same_second",
                "updated_after_destroyed",
                "working_day",
                "absence_late",
                "absence_out_of_order",
                "absence_deletion_overtakes",
                "series_out_of_order",
            },
        ),
        (receivers.KeepsFormerAgents, {"agent_swapped", "working_day"}),
        (receivers.KnowsOneCancellation, {"cancelled_by_service"}),
        (
            receivers.EndsADayEarly,
            {"series_every_other_week", "series_of_weekends", "series_shortened", "series_lengthened"},
        ),
    ],
)
def test_a_wrong_calendar_fails_its_own_stories_only(judged, kind, stories):
    """With the stories told one request at a time: what is forgotten must not depend on chance."""
    assert failing(judged(kind)) == {f"calendar.{story}" for story in stories}


def test_a_deletion_refused_fails_the_answer_and_the_story_that_depends_on_it(judged):
    found = failing(judged(receivers.RefusesUnknownDeletions))
    assert found == {"destroyed_unknown", "calendar.absence_deletion_overtakes"}


def test_doubles_fail_the_point_of_doubles_and_the_stories_they_stand_in(judged):
    found = failing(judged(receivers.DoublesRepeatedCreates))
    assert found == {"calendar.one_each", "calendar.repeated"} | DOUBLED


DOUBLED = {
    f"calendar.{story}"
    for story in (
        "out_of_order",
        "same_second",
        "working_day",
        "absence_out_of_order",
        "absence_deletion_overtakes",
        "series_out_of_order",
        "re_sync",
    )
}
"""Where a create comes after something newer, and a second entry comes up at another time."""


def test_personal_words_in_a_calendar_fail_one_point_only(judged):
    findings = judged(receivers.ShowsUsagers)
    assert failing(findings) == {"calendar.nothing_personal"}
    assert "impasse des Usagers" in findings["calendar.nothing_personal"].detail


def test_entries_that_no_story_tells_of_fail_one_point_only(judged):
    assert failing(judged(receivers.ShowsForeignEntries)) == {"calendar.nothing_else"}


def test_other_words_fail_only_where_exact_texts_are_asked_for(judged):
    """The small receiver shows no places."""
    findings = judged(receivers.Receiver, settle_s=10, exact_texts=True)
    assert failing(findings) == {"calendar.words"}


def test_what_stood_in_a_calendar_before_is_nobodys_fault(tmp_path):
    receiver = receivers.Receiver(tmp_path, SECRET)
    with running(receiver) as server:
        story = build("create", NOW - timedelta(seconds=60))
        Bench(server.url, SECRET).deliver([step.body for step in story.steps], ordered=True)
        bench = Bench(server.url, SECRET)
        scenarios = calendar_points.stories(bench.generation, with_slots=False)
        command = CalendarCommand(receiver.calendar_command)
        results = calendar_points.judge_calendars(bench, command, scenarios, 10, exact_texts=False)
    assert report.failures(results) == 0


# what the stories must be for the judge to tell them apart


@pytest.mark.parametrize("days_ahead", [0, 17, 150])
@pytest.mark.parametrize("generation", [Generation.YEAR_2024, Generation.RDV_INSERTION])
def test_no_two_stories_touch_the_same_times(days_ahead, generation):
    seen, at = {}, NOW + timedelta(days=days_ahead)
    for number, scenario in enumerate(calendar_points.stories(generation, with_slots=True)):
        days, minutes = divmod(number, calendar_points.MINUTE_CLASSES)
        chosen = None if generation is Generation.YEAR_2024 else generation
        story = build(scenario.name, at, chosen, days_later=days, minutes_later=minutes)
        for key in touched(story):
            assert seen.setdefault(key, scenario.name) == scenario.name


def test_every_canary_stands_in_some_payload():
    told = "".join(
        step.body.decode()
        for scenario in calendar_points.stories(Generation.YEAR_2024, with_slots=True)
        for step in build(scenario.name, NOW).steps
    )
    insertion = "".join(step.body.decode() for step in build("working_day", NOW, Generation.RDV_INSERTION).steps)
    assert [word for word in canaries.PERSONAL if word not in told + insertion] == []


def test_no_canary_stands_in_what_is_expected():
    for scenario in calendar_points.stories(Generation.YEAR_2024, with_slots=True):
        assert canaries.found_in(repr(build(scenario.name, NOW).expected)) == []


# reading calendars


def printing(text):
    return CalendarCommand(f"{sys.executable} -c 'print({text!r})'")


def test_a_calendar_is_read_from_what_the_command_prints():
    start = (NOW + timedelta(days=1)).isoformat()
    far = (NOW + timedelta(days=400)).isoformat()
    items = [
        {"title": "RDV", "place": None, "start": start, "end": start},
        {"title": "far", "place": "", "start": far, "end": far},
    ]
    code = "import sys; print(open(sys.argv[1]).read() if False else sys.argv[1])"
    command = CalendarCommand(f"{sys.executable} -c '{code}' '{json.dumps(items)}'")
    [entry] = command.read("martine@x.example", year_from(NOW)).entries
    assert (entry.title, entry.place, entry.start.isoformat()) == ("RDV", "", start)


def test_the_agents_address_and_the_window_reach_the_command_and_no_shell():
    command = CalendarCommand("echo [] {agent} {start}")
    with pytest.raises(UnreadableError):
        command.read("$(rm x);a@x.example", year_from(NOW))
    assert command._run("$(rm x);a@x.example", year_from(NOW)) == f"[] $(rm x);a@x.example {NOW.isoformat()}\n"


@pytest.mark.parametrize(
    "words",
    [
        "false",
        "",
        "no-such-command-anywhere",
        "echo not json",
        """echo '[{"title": "x"}]'""",
        "echo '[1]'",
        """echo '[{"title": "x", "place": "", "start": "2026-12-01T10:00:00", "end": "2026-12-01T10:00:00"}]'""",
    ],
)
def test_a_command_that_shows_no_calendar_is_no_ones_verdict(words):
    with pytest.raises(UnreadableError):
        CalendarCommand(words).read("a@x.example", year_from(NOW))


# the command line


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setenv("TEST_SECRET", SECRET)
    return lambda *arguments: main(["conformance", "--secret-env", "TEST_SECRET", *arguments])


def test_the_command_prints_a_table_and_exits_0_without_fail(command, tmp_path, capsys):
    receiver = receivers.Receiver(tmp_path, SECRET)
    path = tmp_path / "report.json"
    with running(receiver) as server:
        arguments = ("--url", server.url, "--calendar-command", receiver.calendar_command, "--json", str(path))
        assert command(*arguments) == 0
    printed = capsys.readouterr().out
    assert "pass        signature.right" in printed
    assert "pass        calendar.series_across_summer_time" in printed
    assert "0 FAIL" in printed
    told = json.loads(path.read_text("utf-8"))
    assert told["failed"] == 0
    assert {point["verdict"] for point in told["points"]} == {"pass", "not judged"}


def test_the_command_deletes_what_it_made(command, tmp_path):
    receiver = receivers.Receiver(tmp_path, SECRET)
    with running(receiver) as server:
        assert command("--url", server.url) == 0
    assert receiver.states
    assert all(version[0] for version, _data in receiver.states.values())


def test_the_command_leaves_what_it_made_when_asked_to(command, tmp_path):
    receiver = receivers.Receiver(tmp_path, SECRET)
    with running(receiver) as server:
        assert command("--url", server.url, "--keep") == 0
    assert not all(version[0] for version, _data in receiver.states.values())


def test_a_fail_exits_1(command, tmp_path, capsys):
    with running(receivers.IgnoresSignatures(tmp_path, SECRET)) as server:
        assert command("--url", server.url) == 1
    assert "FAIL        signature.wrong" in capsys.readouterr().out


def test_without_a_calendar_command_calendars_are_not_judged(command, tmp_path, capsys):
    with running(receivers.Receiver(tmp_path, SECRET)) as server:
        assert command("--url", server.url, "--stories", "rdvs") == 0
    printed = capsys.readouterr().out
    assert "not judged  calendar.agent_swapped" in printed
    assert "calendar.absence" not in printed


def test_other_mailboxes_can_stand_for_the_agents(command, tmp_path):
    class Elsewhere(receivers.Receiver):
        def publish(self):
            super().publish()
            for name in ("one@test.example", "two@test.example"):
                path = self.folder / f"{name}.json"
                path.exists() or path.write_text("[]", encoding="utf-8")

    receiver = Elsewhere(tmp_path, SECRET)
    with running(receiver) as server:
        arguments = ("--url", server.url, "--calendar-command", receiver.calendar_command, "--stories", "rdvs")
        assert command(*arguments, "--agents", "one@test.example", "two@test.example", "--keep") == 0
    assert json.loads((tmp_path / "one@test.example.json").read_text("utf-8"))
    assert json.loads((tmp_path / "martine.agent@departement.example.json").read_text("utf-8")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "nowhere"),
        ("--url", "http://127.0.0.1:9/"),
        ("--url", "http://127.0.0.1:9/", "--signature", "jwt"),
    ],
)
def test_what_cannot_be_judged_exits_2(command, arguments, capsys):
    assert command(*arguments) == 2
    assert capsys.readouterr().err


def test_a_broken_calendar_command_exits_2(command, tmp_path, capsys):
    with running(receivers.Receiver(tmp_path, SECRET)) as server:
        assert command("--url", server.url, "--calendar-command", "false") == 2
    assert "calendar command" in capsys.readouterr().err
