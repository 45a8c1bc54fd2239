"""`apply-policies` and `mailboxes unmapped`, from the command line to a store and back."""

import io
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from receiver import sentences
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.facts import AgentRef
from receiver.operations.rules import FREE_REMOVALS
from receiver.store import Store
from receiver.store.database.tables import placements
from tests.logs.captured import captured_logs
from tests.makers import KARIM, MARTINE, a_delivery, a_slot, an_absence, incoming

MANY = FREE_REMOVALS + 5


@dataclass
class Desk:
    """A configuration over a migrated store, and somebody who types commands."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(f"sqlite:///{self.path.parent}/store.db")
        self.configure()

    def configure(self, **changes: Any) -> None:
        tree = {
            "store": {"url": f"sqlite:///{self.path.parent}/store.db"},
            "sources": {
                "mds": {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]}
            },
            "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
            "mailboxes": {"map": {MARTINE.email: "martine@box.example"}},
        }
        self.path.write_text(json.dumps(tree | changes))

    def run(self, *words: str) -> tuple[int, str]:
        status = cli.main(["--config", str(self.path), *words])
        captured = self.capsys.readouterr()
        assert captured.err == ""
        return status, captured.out

    def report(self, *words: str) -> dict[str, Any]:
        status, out = self.run(*words, "--json")
        assert status == 0
        report: dict[str, Any] = json.loads(out)
        return report

    def expect(self, numbers: Sequence[int], *agents: AgentRef) -> None:
        """So many coming RDVs, settled by the rules in force."""
        now = self.store.now()
        news = [incoming(a_delivery(agents=agents, wire_id=number, uuid=None, now=now)) for number in numbers]
        self.store.accept(news, now)
        in_force = self.store.ruleset()
        if in_force is not None:
            while self.store.settle(lambda view: in_force.ruleset.decide(view, now), now):
                pass


@pytest.fixture
def desk(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    (tmp_path / "store.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "ics").mkdir()
    monkeypatch.setenv("RDV_SECRET", "s")
    opened = Desk(tmp_path / "config.yaml", capsys)
    yield opened
    opened.store.close()


@pytest.fixture(autouse=True)
def process_logs() -> Iterator[io.StringIO]:
    """Commands set up the logs and the signals of a process that is theirs alone; here it is pytest's."""
    previous = signal.getsignal(signal.SIGHUP)
    with captured_logs() as stream:
        yield stream
    signal.signal(signal.SIGHUP, previous)


NOBODY = {"mailboxes": {"map": {}}}
COUNTS = {"created": 0, "updated": 0, "removed": 0, "kept": 0, "orphaned": 0}


# apply-policies


def test_the_files_rules_come_into_force(desk: Desk) -> None:
    assert desk.report("apply-policies") == {"standing": "adopted", **COUNTS}
    in_force = desk.store.ruleset()
    assert in_force is not None
    assert in_force.ruleset == load(desk.path, os.environ).ruleset()
    assert desk.report("apply-policies")["standing"] == "unchanged"


def test_a_confirmation_puts_in_force_what_removes_much(desk: Desk) -> None:
    desk.run("apply-policies")
    desk.expect(range(1, MANY + 1), MARTINE)
    desk.configure(**NOBODY)
    settings = load(desk.path, os.environ)
    desk.store.hold(settings.ruleset(), MANY, desk.store.now())
    assert desk.report("apply-policies") == {"standing": "adopted", **COUNTS, "removed": MANY}
    assert desk.store.held_removals() is None
    assert desk.store.has_unsettled(), "the workers find what there is to do"


def test_a_dry_run_counts_and_changes_nothing(desk: Desk) -> None:
    desk.run("apply-policies")
    desk.expect([1, 2, 3], MARTINE)
    before = desk.store.ruleset_id()
    desk.configure(policies={"category": "RDV"})
    assert desk.report("apply-policies", "--dry-run") == {"standing": "preview", **COUNTS, "updated": 3}
    assert (desk.store.ruleset_id(), desk.store.has_unsettled()) == (before, False)
    assert desk.report("apply-policies") == {"standing": "adopted", **COUNTS, "updated": 3}


def test_people_read_the_counts_and_what_they_mean(desk: Desk) -> None:
    desk.run("apply-policies")
    desk.expect([1, 2], MARTINE)
    desk.configure(**NOBODY)
    counts = sentences.RULES["counts"].format(created=0, updated=0, removed=2, kept=0)
    assert desk.run("apply-policies", "--dry-run") == (0, f"{counts}\n{sentences.RULES['preview']}\n")
    assert desk.run("apply-policies") == (0, f"{counts}\n{sentences.RULES['adopted']}\n")
    status, out = desk.run("apply-policies")
    assert (status, out.splitlines()[-1]) == (0, sentences.RULES["unchanged"])


# mailboxes unmapped


def test_agents_without_a_mailbox_are_listed_the_busiest_first(desk: Desk) -> None:
    stranger = AgentRef("92", "x@elsewhere.example")
    desk.expect([1, 2], MARTINE, KARIM)
    desk.expect([3], stranger)
    now = desk.store.now()
    desk.store.accept([incoming(a_slot(an_absence(), agent=KARIM, now=now))], now)
    status, out = desk.run("mailboxes", "unmapped", "--json")
    assert status == 1
    assert json.loads(out) == {
        "unmapped": [
            {"platform": "production", "ident": "32", "email": KARIM.email, "events": 3},
            {"platform": "production", "ident": "92", "email": stranger.email, "events": 1},
        ]
    }
    status, out = desk.run("mailboxes", "unmapped")
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
def test_who_is_mapped_or_ignored_is_not_listed(desk: Desk, mailboxes: dict[str, Any]) -> None:
    desk.configure(mailboxes=mailboxes)
    desk.expect([1], MARTINE, KARIM, AgentRef("90", None))
    assert desk.run("mailboxes", "unmapped") == (0, f"{sentences.UNMAPPED['none']}\n")
    assert json.loads(desk.run("mailboxes", "unmapped", "--json")[1]) == {"unmapped": []}


def test_an_address_that_could_steer_a_terminal_is_defused(desk: Desk) -> None:
    desk.expect([1], AgentRef("92", "x\x1b[31m@elsewhere.example"))
    status, out = desk.run("mailboxes", "unmapped")
    assert (status, "\x1b" in out, "\ufffd" in out) == (1, False, True)


def test_an_odd_address_does_no_harm_in_a_report_and_its_key_is_told(desk: Desk) -> None:
    odd, ordinary = '=hyperlink("http://evil.example")@x <b>', "martine+rdv@x.example"
    desk.expect([1], AgentRef("92", odd), AgentRef("93", ordinary))
    _, out = desk.run("mailboxes", "unmapped")
    assert not any(line.startswith(("=", "+", "-", "@")) for line in out.splitlines())
    assert "http://" not in out
    assert "<b>" not in out
    assert ordinary in out
    _, out = desk.run("mailboxes", "unmapped", "--json")
    keys = {each["email"]: each.get("key") for each in json.loads(out)["unmapped"]}
    assert keys == {odd: f'"{odd}"', ordinary: None}
    desk.configure(mailboxes={"map": {f'"{odd}"': "b@box.example", ordinary: "c@box.example"}})
    assert desk.run("mailboxes", "unmapped") == (0, f"{sentences.UNMAPPED['none']}\n")


# Both


@pytest.mark.parametrize("words", [["apply-policies"], ["apply-policies", "--dry-run"], ["mailboxes", "unmapped"]])
def test_a_store_that_is_not_migrated_is_told(desk: Desk, words: list[str]) -> None:
    desk.configure(store={"url": f"sqlite:///{desk.path.parent}/other.db"})
    assert cli.main(["--config", str(desk.path), *words]) == 1
    assert sentences.CHECK["store_not_current"] in desk.capsys.readouterr().err


@pytest.mark.parametrize("words", [["apply-policies"], ["mailboxes", "unmapped"]])
def test_a_wrong_configuration_is_told_to_programs(desk: Desk, words: list[str]) -> None:
    desk.configure(policies={"past_days": -1})
    assert cli.main(["--config", str(desk.path), *words, "--json"]) == 2
    assert [each["path"] for each in json.loads(desk.capsys.readouterr().out)["problems"]] == ["policies.past_days"]


@pytest.mark.parametrize(
    ("words", "expected"), [(["mailboxes"], "il manque : COMMANDE"), (["mailboxes", "list"], "list")]
)
def test_a_question_that_does_not_exist_exits_2(desk: Desk, words: list[str], expected: str) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--config", str(desk.path), *words])
    assert left.value.code == 2
    assert expected in desk.capsys.readouterr().err


# Names that the file lost while the store holds what is to come under them

SOURCE = {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]}


def checked(desk: Desk) -> tuple[int, dict[str, tuple[str, str, dict[str, Any]]]]:
    """The exit status of `check`, and its findings about names: subject, level and details."""
    status = cli.main(["--config", str(desk.path), "check", "--json"])
    findings = json.loads(desk.capsys.readouterr().out)["findings"]
    codes = ("source_lost", "platform_lost", "calendar_lost", "organisation_unlisted")
    return status, {
        each["code"]: (each["subject"], each["level"], each["details"]) for each in findings if each["code"] in codes
    }


def test_check_warns_of_a_source_that_the_file_lacks(desk: Desk) -> None:
    desk.run("apply-policies")
    desk.expect([1, 2], MARTINE)
    before, found = checked(desk)
    assert found == {}
    desk.configure(sources={"nord": SOURCE})
    assert checked(desk) == (before, {"source_lost": ("sources.mds", "warning", {"count": 2})})


def test_a_dry_run_counts_with_the_rules_of_a_source_that_was_renamed(desk: Desk) -> None:
    desk.configure(policies={"category": "RDV"})
    desk.run("apply-policies")
    desk.expect([1, 2], MARTINE)
    desk.configure(sources={"nord": SOURCE})
    assert desk.report("apply-policies", "--dry-run") == {"standing": "preview", **COUNTS, "kept": 2}


def written(desk: Desk, count: int) -> None:
    """So many entries in the calendar, as far as the store knows."""
    desk.expect(range(1, count + 1), MARTINE)
    engine = create_engine(f"sqlite:///{desk.path.parent}/store.db")
    with engine.begin() as connection:
        connection.execute(update(placements).values(applied=placements.c.desired, due_at=None))
    engine.dispose()


RENAMED = {"calendars": {"messagerie": {"kind": "ics_folder", "path": "ics"}}}


def test_a_calendar_that_is_renamed_is_named_and_counted_before_anything_is_doubled(desk: Desk) -> None:
    desk.run("apply-policies")
    written(desk, 3)
    assert checked(desk)[1] == {}
    desk.configure(**RENAMED)
    status, found = checked(desk)
    assert (status, found) == (1, {"calendar_lost": ("calendars.pilot", "trouble", {"count": 3})})
    counts = {**COUNTS, "created": 3, "removed": 3, "orphaned": 3}
    assert desk.report("apply-policies", "--dry-run") == {"standing": "preview", **counts}
    assert sentences.RULES["orphaned"].format(orphaned=3) in desk.run("apply-policies", "--dry-run")[1]
    status, out = desk.run("apply-policies")
    assert (status, sentences.RULES["orphaned_left"].format(orphaned=3) in out) == (0, True), "somebody's word"
    assert checked(desk)[1].keys() == {"calendar_lost"}, "they are still there"


def test_a_platform_that_is_renamed_is_named(desk: Desk) -> None:
    desk.expect([1, 2], MARTINE)
    desk.configure(sources={"mds": SOURCE | {"platform": "prod"}})
    status, found = checked(desk)
    assert (status, found) == (1, {"platform_lost": ("production", "trouble", {"count": 2})})


def test_organisations_that_the_list_lacks_are_named(desk: Desk) -> None:
    desk.expect([1, 2], MARTINE)
    desk.configure(sources={"mds": SOURCE | {"organisations": [12]}})
    before, found = checked(desk)
    assert found == {}
    desk.configure(sources={"mds": SOURCE | {"organisations": [21]}})
    details = {"organisation": 12, "count": 2}
    assert checked(desk) == (
        before,
        {"organisation_unlisted": ("sources.mds.organisations", "warning", details)},
    )
