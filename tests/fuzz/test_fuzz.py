"""Some thousand mutated bodies in every run of the suite; a million by hand, with ``python -m tests.fuzz``."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.core.facts import Emitter
from receiver.core.payload import decode
from tests.fuzz import mutation, oracle, run
from tests.fuzz.__main__ import main
from tests.fuzz.corpus import Message, messages
from tests.fuzz.marks import MARK, marked, permitted

SEED = 20261201


@pytest.mark.threat(id="fuzzed-bodies")
def test_mutated_bodies_are_refused_by_name_or_kept_and_shown_within_bounds() -> None:
    tally = run.some(SEED, 0, 2500)
    assert tally.failures == []
    assert tally.verdicts["accepted"] > 500, "mutations must leave enough of a message to be taken"
    assert tally.verdicts["invalid"] > 500
    assert tally.unholdable > 0


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(note_method_calls=False, use_true_random=False))
def test_whatever_choices_hypothesis_makes_the_same_holds(random: Random) -> None:
    oracle.examine(mutation.mutated(random), random)


def test_a_number_stands_for_the_same_body_everywhere() -> None:
    """Else a failure found on one machine could not be replayed on another."""
    assert mutation.body(1, 7) == mutation.body(1, 7)
    assert len({mutation.body(1, number).content for number in range(50)}) == 50


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.name)
def test_the_marks_reach_whatever_may_not_be_kept(message: Message) -> None:
    """A check that looked for marks which nobody had planted would hold for ever."""
    document = marked(message.document())
    placed = set(MARK.findall(json.dumps(document)))
    strict, widest = (permitted(document, message.emitter, policies) for policies in (oracle.STRICT, oracle.OPEN))
    assert len(placed - widest) >= 3
    assert strict <= widest <= placed


@pytest.mark.parametrize(
    "leak",
    [
        ("address", "motif", "name"),
        ("context", "agents", "email"),
    ],
)
def test_the_oracle_sees_a_word_that_comes_from_where_none_may(
    leak: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself is checked: a decoder that takes another field's words is found out."""
    source, part, name = leak

    def leaking(content: bytes, emitter: Emitter, policies: object) -> object:
        document = json.loads(content)
        data = document["data"]
        place = data[part][0] if isinstance(data[part], list) else data[part]
        place[name] = data[source]
        return decode(json.dumps(document).encode(), emitter, policies)  # type: ignore[arg-type]

    document = marked(next(it for it in messages() if it.name == "rdv-2024-created").document())
    body = mutation.Body(json.dumps(document).encode(), Emitter.RDV_SERVICE_PUBLIC, ())
    assert oracle.examine(body, Random(1)).verdict is oracle.Verdict.ACCEPTED
    monkeypatch.setattr(oracle, "decode", leaking)
    with pytest.raises(oracle.Violated, match="nothing is kept from where nothing may be"):
        oracle.examine(body, Random(1))


def test_an_error_that_nobody_named_is_a_failure_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_state: object) -> str:
        raise KeyError

    monkeypatch.setattr(oracle, "write_facts", broken)
    tally = run.some(SEED, 0, 40)
    assert {failure.what for failure in tally.failures} == {"KeyError"}
    with pytest.raises(KeyError):
        run.one(SEED, tally.failures[0].number)


def test_the_command_prints_figures_and_writes_them_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["--bodies", "30", "--seed", "3", "--jobs", "1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    figures = json.loads(file.read_text("utf-8"))
    assert figures["bodies"] == figures["accepted"] + figures["irrelevant"] + figures["invalid"] == 30
    assert "bodies: 30\n" in printed
    assert "slow: " in printed
    assert "canari" not in printed, "of bodies in a long run, nothing is shown"


def test_the_command_shows_one_body_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--only", "5"]) == 0
    assert f"{len(mutation.body(3, 5).content)} bytes" in capsys.readouterr().out
