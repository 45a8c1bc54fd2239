"""Every story that the emitter tells, in every shape of the wire, ends in the calendars it must end in."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emitter.delivery import shuffled_with_repeats
from emitter.payloads import Generation
from emitter.scenarios import SCENARIOS, ExpectedEntry, Story, build
from tests.lab.running_receiver import RunningReceiver, running_receiver

PLAYABLE = [generation for generation in Generation if generation is not Generation.RDV_INSERTION]


def play(receiver: RunningReceiver, story: Story, *, ordered: bool, source: str, signature: str | None = None) -> None:
    deliveries = [step.delivery for step in story.steps]
    sent = deliveries if ordered else shuffled_with_repeats(deliveries, seed=len(deliveries))
    report = receiver.courier(source, signature, jobs=1 if ordered else 4).deliver(sent)
    assert report.undelivered == ()
    assert report.firewall_pages == ()


def play_all(
    receiver: RunningReceiver, generation: Generation, at: datetime, source: str, signature: str | None = None
) -> dict[str, Counter[ExpectedEntry]]:
    expected: dict[str, Counter[ExpectedEntry]] = {}
    for name, scenario in SCENARIOS.items():
        if not scenario.tellable_in(generation):
            continue
        story = build(name, at, generation)
        play(receiver, story, ordered=scenario.ordered, source=source, signature=signature)
        for email, entries in story.expected.items():
            expected.setdefault(email, Counter()).update(entries)
    return expected


@pytest.mark.parametrize("generation", PLAYABLE, ids=str)
def test_every_story_of_rdv_service_public_ends_as_it_must(tmp_path: Path, generation: Generation) -> None:
    with running_receiver(tmp_path) as receiver:
        receiver.wait_for_calendars(play_all(receiver, generation, datetime.now(UTC), "mds"))


@pytest.mark.parametrize("signature", ["hmac", "jwt"])
def test_every_story_of_rdv_insertion_ends_as_it_must(tmp_path: Path, signature: str) -> None:
    with running_receiver(tmp_path) as receiver:
        expected = play_all(receiver, Generation.RDV_INSERTION, datetime.now(UTC), "rsa", signature)
        receiver.wait_for_calendars(expected)


def test_the_same_appointments_from_both_emitters_are_one_entry_each(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with running_receiver(tmp_path) as receiver:
        first = build("create", now, Generation.RDV_INSERTION)
        second = build("create", now, Generation.YEAR_2024)
        play(receiver, first, ordered=True, source="rsa")
        play(receiver, second, ordered=True, source="mds")
        receiver.wait_for_calendars({email: Counter(entries) for email, entries in second.expected.items()})


def test_a_re_sync_costs_exchange_nothing(tmp_path: Path) -> None:
    """A new endpoint makes the emitter send `created` again for everything."""
    with running_receiver(tmp_path) as receiver:
        story = build("working_day", datetime.now(UTC) - timedelta(seconds=60))
        play(receiver, story, ordered=False, source="mds")
        expected = {email: Counter(entries) for email, entries in story.expected.items()}
        receiver.wait_for_calendars(expected)
        receiver.wait_for(lambda: len(receiver.log_lines("write")) > 0, "the writes to be logged")
        posts = len(receiver.exchange.requests)
        again = build("create", datetime.now(UTC) - timedelta(seconds=30))
        play(receiver, again, ordered=True, source="mds")
        expected_after = {email: expected[email] + Counter(entries) for email, entries in again.expected.items()}
        receiver.wait_for_calendars(expected_after)
        receiver.answers(again.steps[0].body)
        receiver.wait_for(
            lambda: receiver.log_lines("judged")[-1]["status"] == "duplicate", "the repeat to be recognised"
        )
        creates = [recorded for recorded in receiver.exchange.requests[posts:] if recorded.verb]
        assert len(creates) <= 2, "one POST for each mailbox that changed, and none for the repeat"
