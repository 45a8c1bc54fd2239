"""The receiver's entries read, and others written, by an EWS client that shares no code with ours."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import ShowAs
from mock_exchange import MockExchange
from tests.interoperability import javascript
from tests.interoperability.conftest import ACCOUNT, AGENT, PASSWORD
from tests.interoperability.entries import BY_TITLE, LENGTH, LINK, NOTICE, WRITTEN

BUSY = {ShowAs.BUSY: "Busy", ShowAs.FREE: "Free", ShowAs.OUT_OF_OFFICE: "OOF"}
ZONES = {
    "Europe/Paris": "Romance Standard Time",
    "America/Guadeloupe": "SA Western Standard Time",
    "Indian/Reunion": "Mauritius Standard Time",
    "America/Miquelon": "Saint Pierre Standard Time",
}
RULES = {
    "Absence": ("WeeklyPattern", 1, 6, None),
    "Une semaine sur deux": ("WeeklyPattern", 2, None, "2027-04-14"),
    "Deuxième mardi": ("RelativeMonthlyPattern", 1, None, "2027-04-30"),
    "Dernier vendredi": ("RelativeMonthlyPattern", 1, 3, None),
    "Le quinze": ("MonthlyPattern", 1, 3, None),
    "Tous les trois jours": ("DailyPattern", 3, 3, None),
}


@pytest.fixture(scope="module")
def client(exchange: MockExchange) -> javascript.Client:
    """The client, acting as the agent."""
    return javascript.Client(javascript.packages(), exchange.url, ACCOUNT, PASSWORD, AGENT)


@pytest.fixture(scope="module")
def shown(client: javascript.Client, written: dict[str, str]) -> list[Any]:
    """What FindAppointments tells of a calendar view, then what Appointment.Bind tells of each item."""
    view = {"action": "list", "start": "2026-10-01T00:00:00Z", "end": "2027-08-01T00:00:00Z"}
    return client.run(view, *({"action": "read", "id": item_id} for item_id in written.values()))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("title", BY_TITLE)
def test_a_calendar_view_shows_every_occurrence_at_its_time(shown: list[Any], title: str) -> None:
    found = [each for each in shown[0] if each["title"] == title]
    assert {at(each["start"]) for each in found} == BY_TITLE[title].moments
    assert {at(each["end"]) - at(each["start"]) for each in found} == {LENGTH}
    assert {each["kind"] for each in found} == {"Occurrence" if title in RULES else "Single"}


@pytest.mark.parametrize("index", range(len(WRITTEN)), ids=BY_TITLE)
def test_an_item_reads_as_it_was_written(shown: list[Any], index: int) -> None:
    read, entry = shown[1 + index], WRITTEN[index].entry
    assert (read["title"], read["place"] or "") == (entry.title, entry.location)
    assert (at(read["start"]), read["zone"]) == (entry.start.astimezone(UTC), ZONES[entry.time_zone])
    assert NOTICE in read["body"]
    assert LINK.replace("&", "&amp;") in read["body"]
    assert (read["show_as"], read["sensitivity"]) == (BUSY[entry.show_as], "Private")
    assert read["reminds"] == (entry.reminder_minutes is not None)
    assert read["mime"].startswith("BEGIN:VCALENDAR")
    rule = read["recurrence"] and tuple(read["recurrence"].values())
    assert rule == RULES.get(entry.title)
