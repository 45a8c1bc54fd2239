"""`apply-policies` and `mailboxes unmapped`, from the command line to a store and back."""

import json
import os
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from receiver import sentences
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.facts import AgentRef
from receiver.operations.rules import FREE_REMOVALS
from receiver.store.database.tables import placements
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets, settling
from receiver.store.work import rulesets as stored_rulesets
from tests.cli.console import Console
from tests.makers import KARIM, MARTINE, a_slot, an_absence, incoming

pytestmark = pytest.mark.usefixtures("process_logs")
MANY = FREE_REMOVALS + 5


NOBODY = {"mailboxes": {"map": {}}}
COUNTS = {"created": 0, "updated": 0, "removed": 0, "kept": 0, "orphaned": 0}


# apply-policies


def test_the_files_rules_come_into_force(console: Console) -> None:
    assert console.report("apply-policies") == {"standing": "adopted", **COUNTS}
    in_force = console.store.read(rulesets.in_force)
    assert in_force is not None
    assert in_force.ruleset == load(console.path, os.environ).ruleset()
    assert console.report("apply-policies")["standing"] == "unchanged"


def test_a_confirmation_puts_in_force_what_removes_much(console: Console) -> None:
    console.run("apply-policies")
    console.expect(range(1, MANY + 1), MARTINE)
    console.configure(**NOBODY)
    settings = load(console.path, os.environ)
    console.store.write(stored_rulesets.hold, settings.ruleset(), MANY, console.store.now())
    assert console.report("apply-policies") == {"standing": "adopted", **COUNTS, "removed": MANY}
    assert console.store.read(rulesets.held_removals) is None
    assert console.store.read(settling.has_unsettled), "the workers find what there is to do"


def test_a_dry_run_counts_and_changes_nothing(console: Console) -> None:
    console.run("apply-policies")
    console.expect([1, 2, 3], MARTINE)
    before = console.store.read(stored_rulesets.newest_id)
    console.configure(policies={"category": "RDV"})
    assert console.report("apply-policies", "--dry-run") == {"standing": "preview", **COUNTS, "updated": 3}
    assert (console.store.read(stored_rulesets.newest_id), console.store.read(settling.has_unsettled)) == (
        before,
        False,
    )
    assert console.report("apply-policies") == {"standing": "adopted", **COUNTS, "updated": 3}


def test_people_read_the_counts_and_what_they_mean(console: Console) -> None:
    console.run("apply-policies")
    console.expect([1, 2], MARTINE)
    console.configure(**NOBODY)
    counts = sentences.RULES["counts"].format(created=0, updated=0, removed=2, kept=0)
    assert console.run("apply-policies", "--dry-run") == (0, f"{counts}\n{sentences.RULES['preview']}\n")
    assert console.run("apply-policies") == (0, f"{counts}\n{sentences.RULES['adopted']}\n")
    status, out = console.run("apply-policies")
    assert (status, out.splitlines()[-1]) == (0, sentences.RULES["unchanged"])


# mailboxes unmapped


def test_agents_without_a_mailbox_are_listed_the_busiest_first(console: Console) -> None:
    stranger = AgentRef("92", "x@elsewhere.example")
    console.expect([1, 2], MARTINE, KARIM)
    console.expect([3], stranger)
    now = console.store.now()
    console.store.write(judge_batch.take, [incoming(a_slot(an_absence(), agent=KARIM, now=now))], now)
    status, out = console.run("mailboxes", "unmapped", "--json")
    assert status == 1
    assert json.loads(out) == {
        "unmapped": [
            {"platform": "production", "ident": "32", "email": KARIM.email, "events": 3},
            {"platform": "production", "ident": "92", "email": stranger.email, "events": 1},
        ]
    }
    status, out = console.run("mailboxes", "unmapped")
    heading, first, second = out.splitlines()
    assert (status, heading) == (1, sentences.UNMAPPED["heading"])
    assert first == sentences.UNMAPPED["line"].format(email=KARIM.email, events=3)
    assert second.startswith("x@elsewhere.example ")
    assert first.index("  3 ") == second.index("  1 "), "a table"


@pytest.mark.parametrize(
    "mailboxes",
    [
        {"domains": {"departement.example": "box.example"}},
        {"map": {MARTINE.email: "martine@box.example"}, "ignore": ["karim*"]},
    ],
)
def test_who_is_mapped_or_ignored_is_not_listed(console: Console, mailboxes: dict[str, Any]) -> None:
    console.configure(mailboxes=mailboxes)
    console.expect([1], MARTINE, KARIM, AgentRef("90", None))
    assert console.run("mailboxes", "unmapped") == (0, f"{sentences.UNMAPPED['none']}\n")
    assert json.loads(console.run("mailboxes", "unmapped", "--json")[1]) == {"unmapped": []}


def test_an_address_that_could_steer_a_terminal_is_defused(console: Console) -> None:
    console.expect([1], AgentRef("92", "x\x1b[31m@elsewhere.example"))
    status, out = console.run("mailboxes", "unmapped")
    assert (status, "\x1b" in out, "\ufffd" in out) == (1, False, True)


@pytest.mark.threat(id="report-injection")
def test_an_odd_address_does_no_harm_in_a_report_and_its_key_is_told(console: Console) -> None:
    odd, ordinary = '=hyperlink("http://evil.example")@x <b>', "martine+rdv@x.example"
    console.expect([1], AgentRef("92", odd), AgentRef("93", ordinary))
    _, out = console.run("mailboxes", "unmapped")
    assert not any(line.startswith(("=", "+", "-", "@")) for line in out.splitlines())
    assert "http://" not in out
    assert "<b>" not in out
    assert ordinary in out
    _, out = console.run("mailboxes", "unmapped", "--json")
    keys = {each["email"]: each.get("key") for each in json.loads(out)["unmapped"]}
    assert keys == {odd: f'"{odd}"', ordinary: None}
    console.configure(mailboxes={"map": {f'"{odd}"': "b@box.example", ordinary: "c@box.example"}})
    assert console.run("mailboxes", "unmapped") == (0, f"{sentences.UNMAPPED['none']}\n")


# Both


@pytest.mark.parametrize("words", [["apply-policies"], ["apply-policies", "--dry-run"], ["mailboxes", "unmapped"]])
def test_a_store_that_is_not_migrated_is_told(console: Console, words: list[str]) -> None:
    console.configure(store={"url": f"sqlite:///{console.path.parent}/other.db"})
    assert cli.main(["--config", str(console.path), *words]) == 1
    assert sentences.CHECK["store_not_current"] in console.capsys.readouterr().err


@pytest.mark.parametrize("words", [["apply-policies"], ["mailboxes", "unmapped"]])
def test_a_wrong_configuration_is_told_to_programs(console: Console, words: list[str]) -> None:
    console.configure(policies={"past_days": -1})
    assert cli.main(["--config", str(console.path), *words, "--json"]) == 2
    assert [each["path"] for each in json.loads(console.capsys.readouterr().out)["problems"]] == ["policies.past_days"]


@pytest.mark.parametrize(
    ("words", "expected"), [(["mailboxes"], "il manque : COMMANDE"), (["mailboxes", "list"], "list")]
)
def test_a_question_that_does_not_exist_exits_2(console: Console, words: list[str], expected: str) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--config", str(console.path), *words])
    assert left.value.code == 2
    assert expected in console.capsys.readouterr().err


# Names that the file lost while the store holds what is to come under them

SOURCE = {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]}


def checked(console: Console) -> tuple[int, dict[str, tuple[str, str, dict[str, Any]]]]:
    """The exit status of `check`, and its findings about names: subject, level and details."""
    status = cli.main(["--config", str(console.path), "check", "--json"])
    findings = json.loads(console.capsys.readouterr().out)["findings"]
    codes = ("source_lost", "platform_lost", "calendar_lost", "organisation_unlisted", "only_nobody", "start_at_far")
    return status, {
        each["code"]: (each["subject"], each["level"], each["details"]) for each in findings if each["code"] in codes
    }


def test_check_warns_of_a_source_that_the_file_lacks(console: Console) -> None:
    console.run("apply-policies")
    console.expect([1, 2], MARTINE)
    before, found = checked(console)
    assert found == {}
    console.configure(sources={"nord": SOURCE})
    assert checked(console) == (before, {"source_lost": ("sources.mds", "warning", {"count": 2})})


def test_a_dry_run_counts_with_the_rules_of_a_source_that_was_renamed(console: Console) -> None:
    console.configure(policies={"category": "RDV"})
    console.run("apply-policies")
    console.expect([1, 2], MARTINE)
    console.configure(sources={"nord": SOURCE})
    assert console.report("apply-policies", "--dry-run") == {"standing": "preview", **COUNTS, "kept": 2}


def written(console: Console, count: int) -> None:
    """So many entries in the calendar, as far as the store knows."""
    console.expect(range(1, count + 1), MARTINE)
    engine = create_engine(f"sqlite:///{console.path.parent}/store.db")
    with engine.begin() as connection:
        connection.execute(update(placements).values(applied=placements.c.desired, due_at=None))
    engine.dispose()


RENAMED = {"calendars": {"messagerie": {"kind": "ics_folder", "path": "ics"}}}


def test_a_calendar_that_is_renamed_is_named_and_counted_before_anything_is_doubled(console: Console) -> None:
    console.run("apply-policies")
    written(console, 3)
    assert checked(console)[1] == {}
    console.configure(**RENAMED)
    status, found = checked(console)
    assert (status, found) == (1, {"calendar_lost": ("calendars.pilot", "trouble", {"count": 3})})
    counts = {**COUNTS, "created": 3, "removed": 3, "orphaned": 3}
    assert console.report("apply-policies", "--dry-run") == {"standing": "preview", **counts}
    assert sentences.RULES["orphaned"].format(orphaned=3) in console.run("apply-policies", "--dry-run")[1]
    status, out = console.run("apply-policies")
    assert (status, sentences.RULES["orphaned_left"].format(orphaned=3) in out) == (0, True), "somebody's word"
    assert checked(console)[1].keys() == {"calendar_lost"}, "they are still there"


def test_a_platform_that_is_renamed_is_named(console: Console) -> None:
    console.expect([1, 2], MARTINE)
    console.configure(sources={"mds": SOURCE | {"platform": "prod"}})
    status, found = checked(console)
    assert (status, found) == (1, {"platform_lost": ("production", "trouble", {"count": 2})})


def test_a_pilot_of_nobody_is_named(console: Console) -> None:
    console.expect([1, 2], MARTINE)
    mapped = {"map": {MARTINE.email: "martine@box.example"}}
    console.configure(mailboxes=mapped | {"only": ["*@departement.exemple"]})
    assert checked(console)[1] == {"only_nobody": ("mailboxes.only", "warning", {"count": 1})}
    console.configure(mailboxes=mapped | {"only": [MARTINE.email]})
    assert checked(console)[1] == {}


def test_a_begin_that_is_years_away_is_named(console: Console) -> None:
    console.configure(start_at="2062-09-01")
    assert checked(console)[1] == {"start_at_far": ("start_at", "warning", {"day": "01/09/2062"})}


def test_organisations_that_the_list_lacks_are_named(console: Console) -> None:
    console.expect([1, 2], MARTINE)
    console.configure(sources={"mds": SOURCE | {"organisations": [12]}})
    before, found = checked(console)
    assert found == {}
    console.configure(sources={"mds": SOURCE | {"organisations": [21]}})
    details = {"organisation": 12, "count": 2}
    assert checked(console) == (
        before,
        {"organisation_unlisted": ("sources.mds.organisations", "warning", details)},
    )
