"""Absences, openings, agents who change, two emitters: every story ends, occurrence by occurrence, as it must.

Stories that need the same configuration share a receiver; all are told at once, each with its own disorder.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emitter.delivery import Delivery, shuffled_with_repeats
from emitter.occurrences import Window
from emitter.platforms import Platform
from emitter.scenarios import CALENDAR_SCENARIOS, ExpectedEntry, Needs, Story, build
from emitter.scenarios.cast import DUPONT_EMAIL
from tests.lab.running_receiver import KARIM, MARTINE, RunningReceiver, running_receiver

MAILBOXES = (MARTINE, KARIM, DUPONT_EMAIL)
Calendars = dict[str, Counter[ExpectedEntry]]


def key(needs: Needs) -> str:
    return json.dumps([dict(sorted(needs.policies.items())), needs.time_zone], sort_keys=True)


def groups() -> Mapping[str, list[str]]:
    """Names of the stories, by the configuration that they need. Openings are off unless a story wants them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, scenario in CALENDAR_SCENARIOS.items():
        found[key(scenario.needs)].append(name)
    return found


def shown(receiver: RunningReceiver, window: Window) -> Calendars:
    """What each mailbox shows within the window, series unrolled."""
    calendars: Calendars = {}
    for mailbox in MAILBOXES:
        found = receiver.exchange.occurrences(mailbox, window.start, window.end)
        entries = (ExpectedEntry(item.subject, item.location, item.start, item.end) for item in found)
        calendars[mailbox] = Counter(entry for entry in entries if entry.start in window)
    return calendars


def tell(receiver: RunningReceiver, name: str, story: Story) -> None:
    ordered = CALENDAR_SCENARIOS[name].ordered or any(step.platform for step in story.steps)
    by_source: defaultdict[str, list[Delivery]] = defaultdict(list)
    for step in story.steps:
        source = "rsa" if step.platform is Platform.RDV_INSERTION else "mds"
        if ordered:
            assert receiver.send(step.body, source=source).undelivered == (), step.description
        else:
            by_source[source].append(step.delivery)
    for source, deliveries in by_source.items():
        assert receiver.courier(source).deliver(shuffled_with_repeats(deliveries, seed=len(name))).undelivered == ()


@pytest.mark.parametrize("group", groups(), ids=str)
def test_every_story_ends_as_it_must(tmp_path: Path, group: str) -> None:
    policies, time_zone = json.loads(group)
    lines = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in policies.items())
    with running_receiver(tmp_path, (), extra_policies=f"policies:\n{lines}" if lines else "") as receiver:
        text = receiver.config.read_text("utf-8")
        zoned = text.replace("    platform: production\n", f"    platform: production\n    time_zone: {time_zone}\n")
        receiver.config.write_text(zoned, "utf-8")
        receiver.exchange.add_mailbox(DUPONT_EMAIL)
        receiver.start("run")
        receiver.wait_until_ready()
        now = datetime.now(UTC)
        stories = {name: build(name, now) for name in groups()[group]}
        expected: Calendars = {mailbox: Counter() for mailbox in MAILBOXES}
        for name, story in stories.items():
            tell(receiver, name, story)
            for mailbox, entries in story.expected.items():
                expected[mailbox].update(entries)
        window = next(iter(stories.values())).window
        receiver.wait_for(lambda: shown(receiver, window) == expected, f"the calendars of {sorted(stories)}", 30)
