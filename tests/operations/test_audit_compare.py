"""What counts as a difference between a calendar and the record, and what does not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.base import PROBE_UID, CalendarEntry, Frequency, Marked, Recurrence, Sensitivity, ShowAs, Weekday
from receiver.core.mailboxes import MailboxMap
from receiver.core.plan import STALE, Placement, Step, Verb, next_step
from receiver.core.policies import OnRgpdPurge, Policies
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.core.troubles import DifferenceKind
from receiver.operations.audit.compare import (
    MOVED,
    Difference,
    compare,
    different_fields,
    is_orphan,
    repaired,
    unexplained,
    unseen,
    wanted,
)
from receiver.store.database.records import EventStanding, Recorded
from tests.connectors.conformance import START, entry, full_entry
from tests.connectors.series_conformance import FIRST, series
from tests.makers import NOW, a_state

UID = "Rdv/1@production"
LONG_AGO = NOW - timedelta(days=2)
MO = Weekday.MONDAY


def rules(**policies: Any) -> Ruleset:
    return Ruleset(MailboxMap("exchange"), {"mds": SourceRules(policies=Policies(**policies))})


RULES = rules()


def shown(ruleset: Ruleset = RULES) -> CalendarEntry:
    rendered = ruleset.entry(UID, "mds", a_state())
    assert rendered is not None
    return rendered


def recorded(settled: bool = True, **changes: Any) -> Recorded:
    digest = RULES.digest(shown())
    at_rest = Placement(7, UID, digest, digest, "id-1", not_before=LONG_AGO)
    return Recorded(replace(at_rest, **changes), "mds", a_state(), settled)


def audited(*items: Marked, elsewhere: dict[str, list[str]] | None = None) -> list[Difference]:
    return compare(wanted([recorded()], RULES), items, elsewhere or {}, [], NOW)


def item(item_id: str = "id-1", **changes: Any) -> Marked:
    return Marked(item_id, replace(shown(), **changes))


def test_an_entry_as_it_was_written_is_no_difference() -> None:
    assert audited(item()) == []


def test_an_entry_that_has_another_id_is_no_difference() -> None:
    """Exchange changes it when an entry moves."""
    assert audited(item("id-2")) == []


def test_an_entry_that_is_nowhere_is_missing() -> None:
    assert audited(elsewhere={UID: []}) == [Difference(DifferenceKind.MISSING, UID, placement=recorded().placement)]


def test_an_entry_at_another_date_is_not_missing() -> None:
    [found] = audited(elsewhere={UID: ["id-1"]})
    assert (found.kind, found.fields) == (DifferenceKind.FOREIGN, (MOVED,))


def test_an_edited_entry_is_foreign() -> None:
    [found] = audited(item(title="Autre", location=""))
    assert (found.kind, found.fields, found.items) == (DifferenceKind.FOREIGN, ("title", "location"), ("id-1",))


def test_two_entries_are_doubled_and_only_ours_is_judged_further() -> None:
    assert [each.kind for each in audited(item(), item("id-2", title="Copie"))] == [DifferenceKind.DOUBLED]
    assert [each.kind for each in audited(item(title="x"), item("id-2"))] == [
        DifferenceKind.DOUBLED,
        DifferenceKind.FOREIGN,
    ]
    assert [each.kind for each in audited(elsewhere={UID: ["id-1", "id-2"]})] == [DifferenceKind.DOUBLED]


@pytest.mark.parametrize(
    "changes",
    [
        {"desired": None},
        {"desired": "another"},
        {"applied": None},
        {"applied": STALE},
        {"look_up_at": NOW},
        {"recheck_at": NOW},
        {"attempted": Verb.UPDATE, "look_up_at": NOW},
        {"applied": None, "gave_up": True},
        {"gave_up": True},
        {"declined": True},
        {"applied": None, "declined": True},
        {"settled": False},
    ],
)
def test_what_is_not_certain_is_not_judged_and_explains_its_items(changes: dict[str, Any]) -> None:
    uncertain = recorded(**changes)
    assert wanted([uncertain], RULES) == {}
    assert unexplained([uncertain], [item()]) == set()


def test_what_other_rules_would_write_is_not_judged() -> None:
    """It is about to be settled anew."""
    assert wanted([recorded()], rules(sensitivity=Sensitivity.NORMAL)) == {}


def test_only_what_overlaps_the_window_can_be_missing() -> None:
    expected, start = wanted([recorded()], RULES), a_state().starts_at
    assert unseen(expected, [], start, start + timedelta(days=1)) == [UID]
    assert unseen(expected, [], start + timedelta(days=1), start + timedelta(days=2)) == []
    assert unseen(expected, [item()], start, start + timedelta(days=1)) == []


def test_the_entry_of_a_check_is_nobodys_orphan() -> None:
    assert unexplained([], [item(), Marked("p", entry(PROBE_UID))]) == {UID}


@pytest.mark.parametrize(
    ("event", "policy", "orphan"),
    [
        (None, OnRgpdPurge.KEEP, True),
        (EventStanding("mds", purged=False, settled=True), OnRgpdPurge.KEEP, True),
        (EventStanding("mds", purged=False, settled=False), OnRgpdPurge.KEEP, False),
        (EventStanding("mds", purged=True, settled=True), OnRgpdPurge.KEEP, False),
        (EventStanding("mds", purged=True, settled=True), OnRgpdPurge.DELETE, True),
        (EventStanding("mds", purged=False, settled=True, items=frozenset({"id-1"})), OnRgpdPurge.KEEP, False),
        (EventStanding("mds", purged=False, settled=True, items=frozenset({"id-2"})), OnRgpdPurge.KEEP, True),
    ],
)
def test_what_a_purge_left_or_another_address_of_the_mailbox_explains_is_no_orphan(
    event: EventStanding | None, policy: OnRgpdPurge, orphan: bool
) -> None:
    assert is_orphan(event, ["id-1"], rules(on_rgpd_purge=policy)) is orphan


# Fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "x"),
        ("start", START + timedelta(minutes=5)),
        ("end", START),
        ("location", "x"),
        ("notice", ""),
        ("link", None),
        ("show_as", ShowAs.FREE),
        ("sensitivity", Sensitivity.NORMAL),
        ("reminder_minutes", 5),
        ("reminder_minutes", None),
        ("category", None),
        ("recurrence", Recurrence(Frequency.DAILY)),
        ("recurrence", Recurrence(Frequency.OTHER)),
    ],
)
def test_every_field_that_is_written_is_compared(name: str, value: Any) -> None:
    read = replace(full_entry(), **{name: value})
    assert different_fields(full_entry(), read, NOW) == (name,)
    assert different_fields(full_entry(), full_entry(), NOW) == ()


def test_a_moment_told_in_another_zone_is_the_same() -> None:
    read = entry(start=START.astimezone(UTC), end=(START + timedelta(minutes=45)).astimezone(UTC), time_zone="UTC")
    assert different_fields(entry(), read, NOW) == ()


def test_a_reminder_that_was_dismissed_is_no_difference() -> None:
    """Outlook takes it off; to set it again would make it ring again."""
    read = replace(full_entry(), reminder_minutes=None)
    assert different_fields(full_entry(), read, START - timedelta(minutes=21)) == ("reminder_minutes",)
    assert different_fields(full_entry(), read, START - timedelta(minutes=20)) == ()


def test_a_category_is_the_agents_where_none_is_written() -> None:
    assert different_fields(entry(), entry(category="Rouge"), NOW) == ()


def weekly(**end: Any) -> CalendarEntry:
    return series(Recurrence(Frequency.WEEKLY, 1, (MO,), **end))


@pytest.mark.parametrize(
    ("read", "fields"),
    [
        (weekly(last_day=date(2026, 12, 28)), ()),
        (weekly(last_day=date(2027, 1, 3)), ()),
        (weekly(count=4), ()),
        (weekly(last_day=date(2027, 1, 4)), ("recurrence",)),
        (weekly(last_day=date(2026, 12, 27)), ("recurrence",)),
        (weekly(count=3), ("recurrence",)),
        (weekly(), ("recurrence",)),
        (replace(weekly(), recurrence=None), ("recurrence",)),
    ],
)
def test_series_are_equal_by_their_occurrences(read: CalendarEntry, fields: tuple[str, ...]) -> None:
    assert different_fields(weekly(last_day=date(2026, 12, 30)), read, NOW) == fields


@pytest.mark.parametrize(
    ("zone", "fields"), [("Europe/Berlin", ()), ("Europe/London", ("time_zone",)), ("Africa/Lagos", ("time_zone",))]
)
def test_the_zones_of_a_series_are_compared_all_the_year_round(zone: str, fields: tuple[str, ...]) -> None:
    """Lagos has Paris's time in winter alone."""
    written = series(Recurrence(Frequency.WEEKLY, 1, (MO,)), FIRST)
    assert different_fields(written, replace(written, time_zone=zone), NOW) == fields


# Repairs


@pytest.mark.parametrize(
    ("kind", "fields", "step"),
    [
        (DifferenceKind.MISSING, (), Step.LOOK_UP),
        (DifferenceKind.DOUBLED, (), Step.LOOK_UP),
        (DifferenceKind.FOREIGN, (MOVED,), Step.LOOK_UP),
        (DifferenceKind.FOREIGN, ("title",), Step.UPDATE),
    ],
)
def test_a_repair_is_a_step_of_the_worker(kind: DifferenceKind, fields: tuple[str, ...], step: Step) -> None:
    placement = recorded().placement
    changed = repaired(Difference(kind, UID, fields=fields, placement=placement), NOW)
    assert changed is not None
    assert (next_step(placement, NOW), next_step(changed, NOW)) == (Step.NOTHING, step)
    assert (changed.item_id, changed.desired) == (placement.item_id, placement.desired)


def test_an_orphan_is_never_repaired() -> None:
    """A copy that an agent made of an event that is gone looks the same."""
    assert repaired(Difference(DifferenceKind.ORPHANED, UID, ("id-1",)), datetime.now(UTC)) is None
