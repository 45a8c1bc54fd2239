"""Recorded samples moved to the present."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emitter.samples import offset_to, shift_by, shift_sample, shift_story

NOW = datetime(2027, 6, 15, 13, 37, 21, 500_000, tzinfo=UTC)
ALL = [
    "absence-several-days",
    "agent-role-destroyed",
    "agent-updated-new-email",
    "plage-ouverture-monthly-second-wednesday",
    "plage-ouverture-weekly-across-dst",
    "rdv-2020-created",
    "rdv-2024-created",
    "rdv-2026-visio-guadeloupe",
    "rdv-insertion-created",
    "user-updated",
]


def age(body: bytes) -> datetime:
    meta = json.loads(body)["meta"]
    return datetime.fromisoformat(meta.get("payload_computed_at") or meta["timestamp"])


@pytest.mark.parametrize("name", ALL)
def test_the_state_is_one_minute_old_and_never_in_the_future(name, sample):
    distance = NOW - age(shift_sample(sample(name), NOW))
    assert timedelta(seconds=60) <= distance < timedelta(seconds=61)


@pytest.mark.parametrize("name", ALL)
def test_only_dates_change(name, sample):
    """Keys, their order, and every text that is no date stay as recorded."""
    before = list(leaves(sample(name)))
    after = list(leaves(json.loads(shift_sample(sample(name), NOW))))
    assert [path for path, _ in before] == [path for path, _ in after]
    moved = {path[-1] for (path, old), (_, new) in zip(before, after, strict=True) if old != new}
    assert moved <= {
        "birth_date",
        "cancelled_at",
        "created_at",
        "end_day",
        "ends_at",
        "event_occurred_at",
        "first_day",
        "ical",
        "payload_computed_at",
        "rrule",
        "starts_at",
        "timestamp",
    }
    assert not moved.isdisjoint({"timestamp", "payload_computed_at"})


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def test_every_instant_moves_by_the_same_offset_and_keeps_its_form(sample):
    before = sample("rdv-2026-visio-guadeloupe")
    after = json.loads(shift_sample(before, NOW))
    offset = offset_to(before, NOW)
    for part, key in [("data", "starts_at"), ("data", "ends_at"), ("meta", "event_occurred_at")]:
        old, new = before[part][key], after[part][key]
        assert datetime.fromisoformat(new) - datetime.fromisoformat(old) == offset
        assert len(new) == len(old)
        assert new[-6:].strip() == old[-6:].strip()


def test_a_time_in_utc_keeps_its_z():
    body = {
        "data": {"starts_at": "2026-12-07T09:00:00Z"},
        "meta": {"timestamp": "2026-11-30T09:00:00.250Z"},
    }
    shifted = json.loads(shift_by(body, timedelta(days=1, seconds=1)))
    assert shifted == {
        "data": {"starts_at": "2026-12-08T09:00:01Z"},
        "meta": {"timestamp": "2026-12-01T09:00:01.250Z"},
    }


def test_wall_clock_days_keep_their_weekday(sample):
    """A rule that says MO,TH would otherwise begin on a day it does not name."""
    data = json.loads(shift_sample(sample("plage-ouverture-weekly-across-dst"), NOW))["data"]
    assert datetime.fromisoformat(data["first_day"]).weekday() == 0
    moved = datetime.fromisoformat(data["first_day"]) - datetime.fromisoformat("2026-12-07")
    assert abs(moved - (NOW - datetime(2026, 11, 30, 8, 12, 44, tzinfo=UTC))) <= timedelta(days=4)
    until = datetime.fromisoformat("2027-07-01") + moved
    assert data["rrule"] == f"FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TH;UNTIL={until:%Y%m%d}T000000;"
    assert f"DTSTART;TZID=Europe/Paris:{data['first_day'].replace('-', '')}T090000" in data["ical"]


def test_the_rules_of_summer_time_inside_ical_stay(sample):
    """They begin on a Sunday of March or October, and must go on doing so."""
    data = json.loads(shift_sample(sample("absence-several-days"), NOW))["data"]
    assert "DTSTART:20260329T030000" in data["ical"]
    assert f"DTEND;TZID=Europe/Paris:{data['end_day'].replace('-', '')}T180000" in data["ical"]


def test_the_states_of_one_story_keep_their_distances(sample):
    names = ["rdv-2024-created", "rdv-2024-updated-moved-and-agent-removed", "rdv-2024-updated-excused"]
    before = [sample(name) for name in names]
    after = shift_story(before, NOW)
    ages = [age(body) for body in after]
    assert timedelta(seconds=60) <= NOW - max(ages) < timedelta(seconds=61)
    recorded = [age(json.dumps(body).encode()) for body in before]
    for pair, moved in zip(itertools.pairwise(recorded), itertools.pairwise(ages), strict=True):
        assert pair[1] - pair[0] == moved[1] - moved[0]


def test_bytes_and_parsed_samples_move_alike(sample):
    parsed = sample("rdv-2024-created")
    paris_now = NOW.astimezone(ZoneInfo("Europe/Paris"))
    assert shift_sample(json.dumps(parsed).encode(), NOW) == shift_sample(parsed, paris_now)


def test_a_sample_is_not_changed_in_place(sample):
    parsed = sample("rdv-2024-created")
    shift_sample(parsed, NOW)
    assert parsed == sample("rdv-2024-created")
