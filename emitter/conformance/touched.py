"""All entries that any state of a story would show: a receiver that stops half-way may leave any of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from emitter.occurrences import Window, occurrences
from emitter.scenarios.stage import Story


class Key(NamedTuple):
    """Identity of an entry without its texts: agent, start, end (UTC)."""

    agent: str
    start: datetime
    end: datetime


def touched(story: Story) -> frozenset[Key]:
    """For all agents that any state names, at all times that any state has."""
    messages = [json.loads(step.body) for step in story.steps]
    times = {time for message in messages for time in _times(message, ZoneInfo(story.time_zone), story.window)}
    return frozenset(Key(agent, *time) for agent in story.expected for time in times)


def _times(message: dict[str, Any], zone: ZoneInfo, window: Window) -> Iterator[tuple[datetime, datetime]]:
    data = message["data"]
    if "starts_at" in data:
        start = datetime.fromisoformat(data["starts_at"]).astimezone(UTC)
        yield start, start + timedelta(minutes=data["duration_in_min"])
    elif "first_day" in data:
        for start, end in occurrences(data, zone, window):
            yield start.astimezone(UTC), end.astimezone(UTC)
