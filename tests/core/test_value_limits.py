"""Values at the very edge of what is taken, one by one: the last that passes and the first that does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.core.facts import AgendaState, AgentNews, AgentRef, Delivery, Emitter, Lieu, RdvState, RoleNews
from receiver.core.payload import InvalidPayload, decode, parse_time
from receiver.core.plan import CallLimits
from receiver.core.policies import Policies
from receiver.core.recurrence import LONGEST_TEXT, Rule, Unreadable, parse
from receiver.core.redaction import leads_to
from receiver.core.text import clean
from receiver.core.wire.calendar_text import LONGEST_ICAL
from tests.core.samples import REMOVED, as_body, edited, sample

RDV = sample("rdv-2024-created")
ABSENCE = sample("absence-several-days")
ROLE = sample("agent-role-destroyed")
AGENT = sample("agent-updated-new-email")


def decoded(document: Any) -> Any:
    return decode(as_body(document), Emitter.RDV_SERVICE_PUBLIC, Policies())


def rdv(*edits: tuple[str, object]) -> RdvState:
    return state(RDV, *edits)


def absence(*edits: tuple[str, object]) -> AgendaState:
    return state(ABSENCE, *edits)


def state(document: Any, *edits: tuple[str, object]) -> Any:
    for path, value in edits:
        document = edited(document, path, value)
    news = decoded(document)
    assert isinstance(news, Delivery)
    return news.state


def ical(**times: str) -> AgendaState:
    """An absence whose times only the calendar text tells: in Paris, unless they bear a zone of their own."""
    lines = [f"{name};TZID=Europe/Paris:{time}" for name, time in times.items()]
    text = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])
    gone = [(f"data.{name}", REMOVED) for name in ("first_day", "end_day", "start_time", "end_time", "rrule")]
    return absence(*gone, ("data.ical", text))


# Texts


@pytest.mark.parametrize(("hidden", "left"), [(39, "x"), (40, "")])
def test_no_more_than_four_times_the_limit_is_looked_at(hidden: int, left: str) -> None:
    """Else a megabyte of invisible characters would be walked through for each field."""
    assert clean("\u200b" * hidden + "x", 10) == left


@pytest.mark.parametrize("name", ["name", "address"])
def test_a_place_may_lack_its_name_or_its_address(name: str) -> None:
    lieu = rdv((f"data.lieu.{name}", None)).lieu
    assert lieu is not None
    assert getattr(lieu, name) == ""
    assert lieu != Lieu("", "")


def test_a_link_may_hold_any_letter() -> None:
    assert leads_to("https://rdv.anct.gouv.fr/agents/XYZ", frozenset({"rdv.anct.gouv.fr"}))


def test_a_refusal_lists_its_paths_in_one_line() -> None:
    assert str(InvalidPayload("data.id", "data.uuid")) == "data.id, data.uuid"


# Times


@pytest.mark.parametrize("zeros", range(20, 50))
def test_a_moment_is_read_up_to_63_characters(zeros: int) -> None:
    text = f"2026-12-07T10:46:03.{'0' * zeros}Z"
    if len(text) < 64:
        assert parse_time(text) == datetime(2026, 12, 7, 10, 46, 3, tzinfo=UTC)
    else:
        with pytest.raises(ValueError, match="not a time"):
            parse_time(text)


@pytest.mark.parametrize("offset", ["Z", " UTC", "+0100", "-03:30"])
def test_a_moment_is_in_utc_whatever_the_machines_zone(offset: str) -> None:
    assert parse_time(f"2026-12-07T10:46:03{offset}").tzinfo is UTC


def test_an_appointment_may_take_no_time() -> None:
    state = rdv(("data.ends_at", REMOVED), ("data.duration_in_min", 0))
    assert state.ends_at == state.starts_at


def test_an_absence_may_take_no_time() -> None:
    state = absence(("data.end_day", "2026-12-21"), ("data.end_time", "08:00:00"))
    assert state.first_end == state.first_start


def test_the_first_day_of_the_first_year_is_one() -> None:
    assert absence(("data.first_day", "2000-01-01")).first_start == datetime(2000, 1, 1, 8)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "end"), [("20000101T080000", "20000101T090000"), ("20991231T080000", "20991231T090000")]
)
def test_a_calendar_text_may_tell_of_the_first_and_the_last_year(start: str, end: str) -> None:
    state = ical(DTSTART=start, DTEND=end)
    assert (f"{state.first_start:%Y%m%dT%H%M%S}", f"{state.first_end:%Y%m%dT%H%M%S}") == (start, end)


@pytest.mark.parametrize(
    ("start", "end"), [("19991231T080000", "20000101T090000"), ("20991231T080000", "21000101T000000")]
)
def test_a_calendar_text_may_not_tell_of_years_beyond(start: str, end: str) -> None:
    with pytest.raises(InvalidPayload, match=r"data\.ical"):
        ical(DTSTART=start, DTEND=end)


@pytest.mark.parametrize(("beyond", "taken"), [(0, True), (1, False)])
def test_a_calendar_text_that_would_take_seconds_to_parse_is_refused(beyond: int, taken: bool) -> None:
    """Of a megabyte of properties, parsing outlasts the emitter's patience of 10 seconds."""
    text = ABSENCE["data"]["ical"]
    padded = text.replace("SEQUENCE:0", "SEQUENCE:0\r\nCOMMENT:" + "x" * (LONGEST_ICAL - len(text) - 10 + beyond))
    gone = [(f"data.{name}", REMOVED) for name in ("first_day", "end_day", "start_time", "end_time", "rrule")]
    assert len(padded) == LONGEST_ICAL + beyond
    if taken:
        assert absence(*gone, ("data.ical", padded)).first_start == datetime(2026, 12, 21, 8)  # noqa: DTZ001
    else:
        with pytest.raises(InvalidPayload, match=r"data\.ical"):
            absence(*gone, ("data.ical", padded))


def test_all_waits_follow_from_how_long_a_call_may_take() -> None:
    """Two calls a verb for the first look-up, then long enough for a server to give a lost call up."""
    assert CallLimits.of(60.0) == CallLimits(
        settle=timedelta(minutes=6), recheck=timedelta(minutes=20), lease=timedelta(minutes=10)
    )


# Rules


@pytest.mark.parametrize("text", ["X", "XX", "FREQ=WEEKLYX", "FREQ=WEEKLY;X", "=X", "FREQ=WEEKLY;=X", ";X;"])
def test_letters_that_are_no_part_of_a_rule_are_not_passed_over(text: str) -> None:
    with pytest.raises(InvalidPayload, match=r"data\.rrule"):
        absence(("data.rrule", text))


def test_a_number_in_a_rule_has_six_digits_at_most() -> None:
    assert parse("FREQ=DAILY;INTERVAL=999999").interval == 999999
    with pytest.raises(Unreadable):
        parse("FREQ=DAILY;INTERVAL=1000000")


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=CANARI",
        "FREQ=WEEKLY,DAILY",
        "FREQ=\0",
        "FREQ=WEEKLY;CHEZ MARTINE=1",
        "FREQ=WEEKLY;X-NOTE=1",
        "FREQ=WEEKLY;X-\0=\a",
        "FREQ=WEEKLY;\u202e=1",
    ],
)
def test_a_rule_is_no_way_in_for_free_text(text: str) -> None:
    """The frequency, and the names of parts that are not read, are kept with the facts: none may be anybody's words."""
    with pytest.raises(InvalidPayload, match=r"data\.rrule"):
        absence(("data.rrule", text))


@pytest.mark.parametrize("name", ["BYMONTHDAY", "BYSETPOS", "BYHOUR", "RSCALE", "EXDATE"])
def test_the_standards_other_parts_are_kept_by_name(name: str) -> None:
    assert parse(f"FREQ=MONTHLY;{name}=1") == Rule("MONTHLY", others=(name,))


def test_a_rule_is_as_long_as_500_characters_and_no_longer() -> None:
    """A megabyte of days would be a megabyte in the store, parsed at every settling."""
    longest = "FREQ=WEEKLY;BYDAY=MO".ljust(LONGEST_TEXT, ";")
    assert parse(longest).frequency == "WEEKLY"
    with pytest.raises(Unreadable):
        parse(longest + ";")


# Agents


def test_an_agent_whom_the_platform_erased_is_known_by_the_same_id() -> None:
    news = decoded(edited(AGENT, "meta.event", "destroyed"))
    assert isinstance(news, AgentNews)
    assert news.agent == AgentRef("31", "agent_31@deleted.invalid")


@pytest.mark.parametrize("organisation", [None, REMOVED])
def test_a_place_may_name_no_organisation(organisation: object) -> None:
    news = decoded(edited(ROLE, "data.organisation", organisation))
    assert isinstance(news, RoleNews)
    assert news.organisation is None
