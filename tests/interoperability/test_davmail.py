"""What the receiver wrote into Exchange, as a CalDAV client sees it through DavMail."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from dateutil.tz import tzical

from connectors.base import ShowAs
from mock_exchange import MockExchange
from tests.interoperability.conftest import AGENT, PASSWORD
from tests.interoperability.davmail import event_of, gateway
from tests.interoperability.entries import BY_TITLE, LENGTH, LINK, NOTICE

BUSY = {ShowAs.BUSY: "BUSY", ShowAs.FREE: "FREE", ShowAs.OUT_OF_OFFICE: "OOF"}


@pytest.fixture(scope="module")
def events(exchange: MockExchange, written: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each event's iCalendar text by its title."""
    with gateway(exchange.url, tmp_path_factory.mktemp("davmail")) as davmail:
        texts = davmail.calendar(AGENT, PASSWORD)
    assert len(texts) == len(written)
    return {str(event_of(text)["SUMMARY"]): text for text in texts}


def moment(text: str, wall: datetime, zone_id: str) -> datetime:
    """Return a wall-clock time as the text's own VTIMEZONE means it, whatever the zone is called."""
    zone = tzical(StringIO(text)).get(zone_id)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def starts(text: str) -> set[datetime]:
    """Expand the text's own rule in its own zone."""
    event = event_of(text)
    zone_id = event["DTSTART"].params["TZID"]
    wall = event["DTSTART"].dt.replace(tzinfo=None)
    if "RRULE" not in event:
        return {moment(text, wall, zone_id)}
    rule = event["RRULE"].to_ical().decode()
    first = wall.replace(tzinfo=tzical(StringIO(text)).get(zone_id))
    return {start.astimezone(UTC) for start in rrulestr(rule, dtstart=first)}


@pytest.mark.parametrize("title", BY_TITLE)
def test_texts_times_and_rules_arrive_as_they_were_written(events: dict[str, str], title: str) -> None:
    text, wanted = events[title], BY_TITLE[title]
    event, entry = event_of(text), wanted.entry
    # No place here holds a semicolon: DavMail makes commas of them.
    end: Any = event["DTEND"]
    assert str(event.get("LOCATION", "")) == entry.location
    assert event["DTSTART"].dt.replace(tzinfo=None) == entry.start.replace(tzinfo=None)
    assert moment(text, end.dt.replace(tzinfo=None), end.params["TZID"]) == (entry.start.astimezone(UTC) + LENGTH)
    assert starts(text) == wanted.moments
    assert NOTICE in event["DESCRIPTION"]
    assert LINK in event["DESCRIPTION"]
    assert str(event["X-MICROSOFT-CDO-BUSYSTATUS"]) == BUSY[entry.show_as]
    assert str(event["CLASS"]) == "PRIVATE"


def test_a_reminder_is_an_alarm_and_a_category_a_category(events: dict[str, str]) -> None:
    wanted = next(iter(BY_TITLE.values())).entry
    event = event_of(events[wanted.title])
    (alarm,) = event.walk("VALARM")
    assert alarm["TRIGGER"].dt.total_seconds() == -60 * (wanted.reminder_minutes or 0)
    assert [str(category) for category in event["CATEGORIES"].cats] == [wanted.category]
