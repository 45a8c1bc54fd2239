"""The life of entries with the rights that the guide has a delegate granted, and what tells of missing ones."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Weekday
from mock_exchange import Behaviours, Fault, FaultKind
from mock_exchange.ews.rights import Level
from receiver.core.facts import EventKind
from receiver.core.recurrence import Rule
from tests.cli.exchange_config import ACCOUNT
from tests.cli.recovery import HERS, HIS, Place, open_place
from tests.makers import MARTINE, a_slot, an_absence, wall

ALIAS = "m.dupont@departement.example"
LOST = timedelta(minutes=1)
"""After this, what had no answer is looked up: six timeouts of 5 s, and a little."""


@pytest.fixture
def place(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    behaviours = Behaviours(closed_birthdays=True)
    with open_place(migrated_sqlite, tmp_path, monkeypatch, capsys, access="delegate", behaviours=behaviours) as made:
        yield made


def titles(place: Place, box: str = HERS) -> list[str]:
    return sorted(item.subject for item in place.items(box))


def absence(place: Place, age_s: float, kind: EventKind = EventKind.UPDATED, **changes: Any) -> None:
    place.hear(a_slot(an_absence(**changes), age_s, kind, MARTINE, now=place.store.now()))
    place.work()


def test_entries_are_created_changed_cancelled_and_removed(place: Place) -> None:
    place.tell(1, age_s=90)
    place.tell(2, age_s=90)
    assert len(titles(place)) == len(titles(place, HIS)) == 2
    place.tell(1, age_s=60, motif="Vaccination")
    assert "Vaccination" in titles(place)
    place.tell(2, age_s=60, cancelled=True)
    place.tell(1, age_s=30, kind=EventKind.DESTROYED)
    for box in (HERS, HIS):
        assert place.exchange.items(box, None) == []
    assert place.report("audit")["ok"]


def test_a_series_is_created_moved_and_removed(place: Place) -> None:
    weekly = Rule("WEEKLY", 1, ((None, Weekday.MONDAY),), date(2027, 1, 25))
    day = {"first_end": wall("2026-12-21 12:00"), "rule": weekly}
    absence(place, 90, **day)
    [series] = place.items()
    assert series.kind == "RecurringMaster"
    earlier = {"first_start": wall("2026-12-14 09:00"), "first_end": wall("2026-12-14 11:00")}
    absence(place, 60, **day | earlier)
    [moved] = place.items()
    assert (moved.item_id, moved.start < series.start) == (series.item_id, True)
    assert place.report("audit")["ok"]
    absence(place, 30, EventKind.DESTROYED)
    assert place.exchange.items(HERS, None) == []


@pytest.mark.parametrize("verb", ["CreateItem", "UpdateItem", "DeleteItem"])
def test_a_lost_answer_is_looked_up(place: Place, verb: str) -> None:
    place.tell(1, age_s=90, agents=(MARTINE,))
    place.exchange.inject(Fault(kind=FaultKind.DROP_AFTER, verb=verb))
    place.tell(2, age_s=90, agents=(MARTINE,))
    place.tell(1, age_s=60, agents=(MARTINE,), motif="Vaccination")
    place.tell(1, age_s=30, agents=(MARTINE,), kind=EventKind.DESTROYED)
    assert place.exchange.faults.pending == 0
    for _ in range(6):
        place.clock["now"] += LOST
        place.work()
    assert len(place.exchange.items(HERS, None)) == 1
    assert place.report("audit")["ok"]


def test_a_lost_record_is_read_from_the_calendars_and_everything_can_be_taken_away(place: Place) -> None:
    for number in (1, 2, 3):
        place.tell(number)
    before = place.shown()
    name = place.lose()
    assert place.report("adopt", "--installation", name)["counts"]["adopted"] == 6
    place.clock["now"] += timedelta(seconds=1)
    place.hear_all_again()
    assert place.work()["CreateItem"] == 0
    assert place.shown() == before
    assert place.report("audit")["ok"]
    assert place.report("uninstall", "--yes")["ok"]
    assert place.exchange.items(HERS, None) == place.exchange.items(HIS, None) == []


def test_an_alias_in_the_mapping_leads_to_the_mailbox(place: Place) -> None:
    place.exchange.add_mailbox(HERS, ALIAS)
    place.configure({HERS: ALIAS, HIS: HIS})
    place.tell(1)
    place.work()
    assert len(titles(place)) == len(titles(place, HIS)) == 1


def findings(place: Place, level: str) -> list[str]:
    [server] = place.report("mailboxes", "check", HERS)["servers"]
    [box] = server["mailboxes"]
    return [each["code"] for each in box["findings"] if each["level"] == level]


@pytest.mark.parametrize(
    ("rights", "code"),
    [
        (None, "access_denied"),
        (Level.REVIEWER, "access_denied"),
        (Level.REVIEWER_WITHOUT_PRIVATE, "access_denied"),
        (Level.EDITOR_WITHOUT_PRIVATE, "private_hidden"),
    ],
)
def test_a_check_finds_the_right_that_is_missing(place: Place, rights: Level | None, code: str) -> None:
    place.exchange.access.delegates[ACCOUNT] = {HERS: rights} if rights else {}  # type: ignore[index]
    assert findings(place, "trouble") == [code]
    assert place.exchange.items(HERS, None) == []


def test_a_check_tries_everything_with_the_rights_of_the_guide_and_leaves_nothing(place: Place) -> None:
    assert (findings(place, "trouble"), findings(place, "warning")) == ([], ["folders_closed"])
    assert place.exchange.items(HERS, None) == []
