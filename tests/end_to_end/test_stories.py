"""Every story that the emitter tells, in every shape of the wire, ends in the calendars it must end in."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emitter.delivery import disorder
from emitter.payloads import Generation
from emitter.scenarios import SCENARIOS, ExpectedEntry, Story, build
from tests.lab.running_receiver import Town, open_town

PLAYABLE = [generation for generation in Generation if generation is not Generation.RDV_INSERTION]


def play(town: Town, story: Story, *, ordered: bool, source: str, signature: str | None = None) -> None:
    deliveries = [step.delivery for step in story.steps]
    sent = deliveries if ordered else disorder(deliveries, seed=len(deliveries))
    report = town.courier(source, signature, jobs=1 if ordered else 4).deliver(sent)
    assert report.undelivered == ()
    assert report.firewall_pages == ()


def play_all(
    town: Town, generation: Generation, at: datetime, source: str, signature: str | None = None
) -> dict[str, Counter[ExpectedEntry]]:
    expected: dict[str, Counter[ExpectedEntry]] = {}
    for name, scenario in SCENARIOS.items():
        if not scenario.tellable_in(generation):
            continue
        story = build(name, at, generation)
        play(town, story, ordered=scenario.ordered, source=source, signature=signature)
        for email, entries in story.expected.items():
            expected.setdefault(email, Counter()).update(entries)
    return expected


@pytest.mark.parametrize("generation", PLAYABLE, ids=str)
def test_every_story_of_rdv_service_public_ends_as_it_must(tmp_path: Path, generation: Generation) -> None:
    with open_town(tmp_path) as town:
        town.wait_for_calendars(play_all(town, generation, datetime.now(UTC), "mds"))


@pytest.mark.parametrize("signature", ["hmac", "jwt"])
def test_every_story_of_rdv_insertion_ends_as_it_must(tmp_path: Path, signature: str) -> None:
    with open_town(tmp_path) as town:
        expected = play_all(town, Generation.RDV_INSERTION, datetime.now(UTC), "rsa", signature)
        town.wait_for_calendars(expected)


def test_the_same_appointments_from_both_emitters_are_one_entry_each(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with open_town(tmp_path) as town:
        first = build("create", now, Generation.RDV_INSERTION)
        second = build("create", now, Generation.YEAR_2024)
        play(town, first, ordered=True, source="rsa")
        play(town, second, ordered=True, source="mds")
        town.wait_for_calendars({email: Counter(entries) for email, entries in second.expected.items()})


def test_a_re_sync_costs_exchange_nothing(tmp_path: Path) -> None:
    """A new endpoint makes the emitter send `created` again for everything."""
    with open_town(tmp_path) as town:
        story = build("working_day", datetime.now(UTC) - timedelta(seconds=60))
        play(town, story, ordered=False, source="mds")
        expected = {email: Counter(entries) for email, entries in story.expected.items()}
        town.wait_for_calendars(expected)
        town.wait_for(lambda: len(town.log_lines("write")) > 0, "the writes to be logged")
        posts = len(town.exchange.requests)
        again = build("create", datetime.now(UTC) - timedelta(seconds=30))
        play(town, again, ordered=True, source="mds")
        expected_after = {email: expected[email] + Counter(entries) for email, entries in again.expected.items()}
        town.wait_for_calendars(expected_after)
        town.answers(again.steps[0].body)
        town.wait_for(lambda: town.log_lines("judged")[-1]["status"] == "duplicate", "the repeat to be recognised")
        creates = [recorded for recorded in town.exchange.requests[posts:] if recorded.verb]
        assert len(creates) <= 2, "one POST for each mailbox that changed, and none for the repeat"
