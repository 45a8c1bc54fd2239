"""`held`: what waits for somebody to decide is listed, applied or dropped, and who decided stands in the log."""

import json
import os
import pwd
from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.core.digests import secret_tag
from receiver.core.facts import AgentRef, EventKind
from receiver.store.intake import judge_batch
from tests.cli.operator import HERS, SECRET, Operator
from tests.makers import MARTINE, NOW, an_agent, incoming
from tests.store.scopes import THIRTY_FOUR, TWELVE, Town, a_rdv

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What the two databases could do differently is tested on both beside the store."""

DESTROYED = EventKind.DESTROYED
NEW = "martine@evil.example"


@pytest.fixture
def town(operator: Operator) -> Town:
    """Two organisations, and appointments of one of them."""
    town = Town(operator.store)
    for number in range(1, 41):
        town.tell(a_rdv(12, 600, number=number, agents=(MARTINE,)), TWELVE)
    town.shown()
    return town


@pytest.fixture
def attacked(town: Town, operator: Operator) -> Operator:
    """Two out of scope (1, 2), four removals too many (3 to 6)."""
    key = operator.store.installation().digest_key
    town.tell(a_rdv(34, 10, number=1, motif="wrong", agents=(MARTINE,)), THIRTY_FOUR, secret_tag(key, SECRET))
    town.tell(a_rdv(34, 10, DESTROYED, number=2), THIRTY_FOUR, "0badcafe", source="insertion")
    for number in range(11, 35):
        town.tell(a_rdv(12, 60, DESTROYED, number=number), TWELVE)
    return operator


def numbers(operator: Operator, *words: str) -> list[int]:
    return [each["number"] for each in operator.report("held", *words)[1]["held"]]


def test_where_nothing_waits_all_is_fine(operator: Operator) -> None:
    assert operator.report("held") == (0, {"ok": True, "count": 0, "full": [], "held": []})
    status, out, _ = operator.run("held")
    assert status == 0
    assert out


def test_what_waits_is_told_with_what_somebody_decides_by(attacked: Operator) -> None:
    status, report = attacked.report("held")
    assert (status, report["ok"], report["count"]) == (1, False, 6)
    first, second, third = report["held"][:3]
    tag = secret_tag(attacked.store.installation().digest_key, SECRET)
    assert first == {
        "number": first["number"],
        "since": NOW.isoformat(),
        "reason": "scope",
        "source": "mds",
        "secrets": [tag],
        "places": ["sources.mds.secrets[0]"],
        "model": "Rdv",
        "kind": "updated",
        "uid": "Rdv/uuid-1@production",
        "event_number": 1,
        "agent": None,
        "email": None,
        "organisation": 12,
        "claimed": 34,
        "entries": 0,
    }
    assert (second["source"], second["secrets"], second["places"]) == ("insertion", ["0badcafe"], ["0badcafe"])
    assert (third["reason"], third["kind"], third["entries"]) == ("removal", "destroyed", 1)


def test_people_read_the_same(attacked: Operator) -> None:
    status, out, _ = attacked.run("held")
    assert status == 1
    assert "n° 1 chez l'émetteur (Rdv/uuid-1@production)" in out
    assert "sources.mds.secrets[0]" in out
    assert "wrong" not in out


def test_the_list_can_be_narrowed(attacked: Operator) -> None:
    every = numbers(attacked)
    assert len(every) == 6
    assert numbers(attacked, "--reason", "scope") == every[:2]
    assert numbers(attacked, "--source", "insertion") == every[1:2]
    assert numbers(attacked, "--source", "insertion", "--reason", "removal") == []
    assert attacked.run("held", "--source", "nowhere")[0] == 2
    with pytest.raises(SystemExit) as left:
        attacked.run("held", "--reason", "mood")
    assert left.value.code == 2


def test_of_many_the_first_are_named_unless_all_are_asked_for(
    attacked: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.cli.held.SHOWN", 2)
    monkeypatch.setattr("receiver.operations.held.PAGE", 2)
    assert (len(numbers(attacked)), len(numbers(attacked, "--all"))) == (2, 6)
    assert attacked.report("held")[1]["count"] == 6
    assert "4" in attacked.run("held")[1]


@pytest.mark.parametrize("verb", ["release", "drop"])
def test_a_dry_run_counts_and_changes_nothing(attacked: Operator, verb: str) -> None:
    every = numbers(attacked)
    report = {"dry_run": True, "count": 4, "entries": 4}
    assert attacked.report("held", verb, "--all", "--reason", "removal", "--dry-run") == (0, report)
    status, out, told = attacked.run("held", verb, str(every[0]), "--dry-run")
    assert (status, told) == (0, "")
    assert out
    assert numbers(attacked) == every


def test_what_is_released_is_taken_in(attacked: Operator, town: Town) -> None:
    first = numbers(attacked)[0]
    status, out, _ = attacked.run("held", "release", str(first), "--json")
    assert (status, json.loads(out)) == (0, {"dry_run": False, "count": 1, "left": 0})
    assert town.shown()[HERS]["Rdv/uuid-1@production"] == "wrong"
    assert len(numbers(attacked)) == 5


def test_what_is_dropped_changes_nothing(attacked: Operator, town: Town) -> None:
    before = town.shown()
    status, out, _ = attacked.run("held", "drop", "--all", "--json")
    assert (status, json.loads(out)["count"]) == (0, 6)
    assert (town.shown(), numbers(attacked)) == (before, [])
    status, out, _ = attacked.run("held", "drop", "--all")
    assert status == 0
    assert out


@pytest.mark.parametrize(
    "words", [["--source", "insertion", "drop", "--all"], ["drop", "--all", "--source", "insertion"]]
)
def test_a_filter_counts_on_both_sides_of_the_verb(attacked: Operator, words: list[str]) -> None:
    every = numbers(attacked)
    assert attacked.run("held", *words)[0] == 0
    assert numbers(attacked) == [every[0], *every[2:]]


@pytest.mark.threat(id="forged-decisions")
@pytest.mark.parametrize("verb", ["release", "drop"])
def test_each_decision_is_in_the_log_with_who_made_it(attacked: Operator, verb: str) -> None:
    first, second = numbers(attacked)[:2]
    _, _, told = attacked.run("held", verb, str(second), str(first), str(first))
    lines = [json.loads(line) for line in told.splitlines()]
    [line] = [each for each in lines if each["event"] in {"held_released", "held_dropped"}]
    assert line["event"] == ("held_released" if verb == "release" else "held_dropped")
    assert (line["by"], line["numbers"], line["count"]) == (
        f"command:{pwd.getpwuid(os.getuid()).pw_name}",
        f"{first},{second}",
        2,
    )


@pytest.mark.parametrize(
    "words",
    [[], ["1", "--all"], ["1", "--source", "mds"], ["--reason", "scope"], ["4711"], ["--all", "--source", "no"]],
)
@pytest.mark.parametrize("verb", ["release", "drop"])
def test_what_is_meant_must_be_said_and_must_wait(attacked: Operator, verb: str, words: list[str]) -> None:
    every = numbers(attacked)
    status, out, told = attacked.run("held", verb, *words)
    assert (status, out) == (2, "")
    assert told
    assert numbers(attacked) == every


@pytest.mark.parametrize("word", ["0", "-1", "x", "9" * 30, "١"])
def test_a_number_is_a_number(attacked: Operator, word: str) -> None:
    with pytest.raises(SystemExit) as left:
        attacked.run("held", "drop", word)
    assert left.value.code == 2
    assert len(numbers(attacked)) == 6


def test_one_number_that_does_not_wait_stops_all(attacked: Operator) -> None:
    first = numbers(attacked)[0]
    assert attacked.run("held", "release", str(first), "4711")[0] == 2
    assert first in numbers(attacked)


def test_an_agents_e_mail_is_told_as_that_is_what_is_decided(operator: Operator, town: Town) -> None:
    town.tell(an_agent(AgentRef(MARTINE.ident, NEW), 30), TWELVE)
    [each] = operator.report("held")[1]["held"]
    assert (each["model"], each["uid"], each["agent"], each["email"]) == ("AgentNews", None, MARTINE.ident, NEW)
    assert each["entries"] == 40
    assert NEW in operator.run("held")[1]


def test_what_is_marked_goes_when_it_is_released(operator: Operator, town: Town) -> None:
    for number in range(1, 31):
        town.tell(a_rdv(12, 60, number=number, cancelled=True, agents=(MARTINE,)), TWELVE)
    assert len(numbers(operator, "--reason", "cancellation")) == 10
    assert operator.run("held", "release", "--all", "--reason", "cancellation")[0] == 0
    assert len(town.shown()[HERS]) == 10


def test_a_secret_of_which_no_more_is_kept_is_named(
    attacked: Operator, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.cli.held.MOST_SET_ASIDE", 2)
    assert attacked.report("held")[1]["full"] == []
    town.tell(a_rdv(34, 5, number=3), THIRTY_FOUR, "0badcafe", source="insertion")
    assert attacked.report("held")[1]["full"] == ["0badcafe"]
    assert attacked.report("held", "--source", "mds")[1]["full"] == []
    assert attacked.report("held", "--reason", "removal")[1]["full"] == []
    assert "0badcafe" in attacked.run("held")[1]


def test_what_could_steer_a_terminal_is_defused(operator: Operator, town: Town) -> None:
    hostile = replace(incoming(a_rdv(34, 5, number=1), source="mds"), authority=THIRTY_FOUR, signed_by="\x1b[31m")
    operator.store.write(judge_batch.take, [hostile], NOW + timedelta(seconds=1))
    assert "\x1b" not in operator.run("held")[1]
