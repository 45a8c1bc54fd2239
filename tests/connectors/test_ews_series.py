"""Series on the wire: what is asked of Exchange, and what its other users may have made of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from exchangelib import EWSTimeZone
from lxml import etree

from connectors.base import Create, Delete, Done, Failed, Frequency, Permanent, Recurrence, Scope, Update, Weekday
from connectors.ews import EwsConnector, items
from connectors.ews.items import InvalidEntry, to_element
from connectors.ews.series import from_recurrence
from connectors.ews.services import MailboxAccount
from mock_exchange import MockExchange
from mock_exchange.xml.elements import TYPES, make
from tests.connectors.conformance import PARIS, WIDE, ZONES, entry
from tests.connectors.ews import MAILBOX, connected, count, done, settings_for, verbs
from tests.connectors.series_conformance import FIRST, RULES, series

OTHER = Recurrence(Frequency.OTHER)
MO, SU = Weekday.MONDAY, Weekday.SUNDAY
EVERY_SECOND_WEEKEND = Recurrence(Frequency.WEEKLY, 2, (MO, SU))


def create(connector: EwsConnector, *rules: Recurrence | None) -> list[str]:
    entries = [replace(entry(f"Rdv/{number}"), recurrence=rule) for number, rule in enumerate(rules)]
    return [done(outcome) for outcome in connector.apply(MAILBOX, [Create(each) for each in entries])]


def request(exchange: MockExchange) -> bytes:
    return exchange.requests[-1].request


@pytest.mark.parametrize(("before", "after"), [(None, RULES[1]), (RULES[1], None), (RULES[1], RULES[5])])
def test_a_changed_rule_is_one_post(
    exchange: MockExchange, connector: EwsConnector, before: Recurrence | None, after: Recurrence | None
) -> None:
    (item_id,) = create(connector, before)
    written = replace(entry(title="neu"), recurrence=after)
    assert count(exchange, lambda: connector.apply(MAILBOX, [Update(item_id, written)])) == {"UpdateItem": 1}
    (item,) = exchange.items(MAILBOX)
    assert (item.subject, item.kind) == ("neu", "RecurringMaster" if after else "Single")


def test_series_and_single_entries_share_a_post(exchange: MockExchange, connector: EwsConnector) -> None:
    assert count(exchange, lambda: create(connector, None, RULES[0], None, RULES[8])) == {"CreateItem": 1}
    assert request(exchange).count(b"<t:Recurrence>") == 2
    assert [item.kind for item in exchange.items(MAILBOX)] == ["Single", "RecurringMaster"] * 2


def test_a_single_entry_says_nothing_of_recurrence_when_it_is_created(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    create(connector, None)
    assert b"Recurrence" not in request(exchange)


def test_an_update_of_a_single_entry_removes_a_rule_that_an_agent_gave_it(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    (item_id,) = create(connector, RULES[0])
    done(connector.apply(MAILBOX, [Update(item_id, entry())])[0])
    assert b'<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>' in request(exchange)
    assert [item.kind for item in exchange.items(MAILBOX)] == ["Single"]


def test_a_deleted_series_leaves_no_occurrence(exchange: MockExchange, connector: EwsConnector) -> None:
    (item_id,) = create(connector, RULES[0])
    assert len(exchange.occurrences(MAILBOX, FIRST, FIRST + timedelta(days=10))) == 10
    assert connector.apply(MAILBOX, [Delete(item_id)]) == [Done(item_id)]
    assert exchange.occurrences(MAILBOX, *WIDE) == []


def test_the_first_day_is_sent_as_a_day_of_the_entrys_zone(exchange: MockExchange, connector: EwsConnector) -> None:
    """In UTC, and for the host, it is still the day before."""
    start = datetime(2026, 12, 7, 0, 30, tzinfo=PARIS)
    rule = Recurrence(Frequency.WEEKLY, 1, (MO,), last_day=date(2026, 12, 14))
    done(connector.apply(MAILBOX, [Create(series(rule, start))])[0])
    assert b"<t:StartDate>2026-12-07</t:StartDate><t:EndDate>2026-12-14</t:EndDate>" in request(exchange)
    shown = [item.start.astimezone(PARIS).date() for item in exchange.occurrences(MAILBOX, *WIDE)]
    assert shown == [date(2026, 12, 7), date(2026, 12, 14)]


def test_weeks_begin_on_monday_whatever_the_server_is_used_to(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, EVERY_SECOND_WEEKEND)
    assert b"<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek>" in request(exchange)


def test_the_first_exchange_2010_is_sent_only_what_it_knows(exchange: MockExchange) -> None:
    """Before SP1 there was no FirstDayOfWeek: weeks began on Sunday."""
    with connected(settings_for(exchange, version="Exchange2010")) as connector:
        plain = [Recurrence(Frequency.WEEKLY, 2, (MO,)), Recurrence(Frequency.WEEKLY, 1, (MO, SU))]
        create(connector, *plain)
        assert b"FirstDayOfWeek" not in request(exchange)
        one, two, three = connector.apply(
            MAILBOX, [Create(entry("a")), Create(series(EVERY_SECOND_WEEKEND)), Create(entry("c"))]
        )
    check_refused(two, "unsupported_recurrence")
    assert isinstance(one, Done)
    assert isinstance(three, Done)


def check_refused(outcome: object, code: str) -> None:
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Permanent)
    assert (outcome.error.code, outcome.error.scope) == (code, Scope.ITEM)


def test_a_series_whose_occurrences_overlap_is_refused_alone(connector: EwsConnector) -> None:
    """Exchange holds none such."""
    long = replace(series(RULES[0]), end=FIRST + timedelta(hours=30))
    one, two, three = connector.apply(MAILBOX, [Create(entry("a")), Create(long), Create(entry("c"))])
    check_refused(two, "unsupported_recurrence")
    assert isinstance(one, Done)
    assert isinstance(three, Done)


# Windows


def test_what_has_ended_is_not_read_again(exchange: MockExchange, connector: EwsConnector) -> None:
    """A window of a mailbox with years of entries costs their ids, not their content."""
    create(connector, *[None] * 5)
    window = (FIRST + timedelta(days=30), FIRST + timedelta(days=31))
    posts = count(exchange, lambda: list(connector.list_marked(MAILBOX, *window)))
    assert posts == {"FindFolder": 1, "FindItem": 1}
    (running, _) = create(connector, RULES[0], Recurrence(Frequency.DAILY, count=2))
    exchange.forget_requests()
    assert [marked.item_id for marked in connector.list_marked(MAILBOX, *window)] == [running]
    assert verbs(exchange) == ["FindFolder", "FindItem", "GetItem"]


def test_an_occurrence_that_the_agent_deleted_does_not_hide_its_series(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    (item_id,) = create(connector, RULES[0])
    exchange.delete_item(exchange.occurrences(MAILBOX, FIRST, FIRST + timedelta(days=1))[0].item_id)
    assert [marked.item_id for marked in connector.list_marked(MAILBOX, *WIDE)] == [item_id]
    assert [found.item_id for found in connector.find(MAILBOX, ["Rdv/0"])["Rdv/0"]] == [item_id]


# What others write


def read(
    pattern: str, limits: str = "<t:NoEndRecurrence><t:StartDate>2026-12-07</t:StartDate></t:NoEndRecurrence>"
) -> Recurrence:
    element = etree.fromstring(f'<t:Recurrence xmlns:t="{TYPES}">{pattern}{limits}</t:Recurrence>')
    return from_recurrence(element, date(2026, 12, 7))


def pattern(name: str, **parts: object) -> str:
    return f"<t:{name}>{''.join(f'<t:{part}>{value}</t:{part}>' for part, value in parts.items())}</t:{name}>"


@pytest.mark.parametrize("suffix", ["", "Z", "+01:00", "-10:00", "+14:00"])
def test_a_day_is_read_whether_or_not_a_zone_follows(suffix: str) -> None:
    """exchangelib would take one without for midnight in the zone of the host."""
    limits = pattern("EndDateRecurrence", StartDate=f"2026-12-07{suffix}", EndDate=f"2027-01-04{suffix}")
    assert read(pattern("DailyRecurrence", Interval=2), limits) == Recurrence(
        Frequency.DAILY, 2, last_day=date(2027, 1, 4)
    )


@pytest.mark.parametrize(
    ("interval", "days", "first", "told"),
    [
        (1, "Monday Sunday", "Sunday", True),
        (2, "Monday", "Sunday", True),
        (2, "Sunday Monday", "Monday", True),
        (2, "Monday Sunday", "Sunday", False),
    ],
)
def test_weeks_that_begin_on_another_day_are_told_where_it_does_not_matter(
    interval: int, days: str, first: str, told: bool
) -> None:
    rule = read(pattern("WeeklyRecurrence", Interval=interval, DaysOfWeek=days, FirstDayOfWeek=first))
    weekdays = (MO, SU) if "Sunday" in days else (MO,)
    assert rule == (Recurrence(Frequency.WEEKLY, interval, weekdays) if told else OTHER)


@pytest.mark.parametrize(
    "made",
    [
        pattern("AbsoluteYearlyRecurrence", DayOfMonth=7, Month="December"),
        pattern("RelativeYearlyRecurrence", DaysOfWeek="Monday", DayOfWeekIndex="First", Month="December"),
        pattern("RelativeMonthlyRecurrence", Interval=1, DaysOfWeek="Weekday", DayOfWeekIndex="First"),
        pattern("RelativeMonthlyRecurrence", Interval=1, DaysOfWeek="Monday", DayOfWeekIndex="Second"),
        pattern("AbsoluteMonthlyRecurrence", Interval=1, DayOfMonth=31),
        pattern("DailyRecurrence", Interval=500),
        pattern("WeeklyRecurrence", Interval=1, DaysOfWeek="Weekday"),
        pattern("DailyRegeneration", Interval=1),
    ],
)
def test_a_pattern_that_the_port_cannot_tell_is_none_that_is_written(made: str) -> None:
    assert read(made) == OTHER


def test_a_series_that_an_agent_changed_beyond_words_is_listed_and_put_right(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    """Unreadable, it would keep the whole mailbox from being read."""
    (item_id,) = create(connector, RULES[0])
    yearly = make("Recurrence")
    yearly.extend(
        etree.fromstring(f'<x xmlns:t="{TYPES}">{part}</x>')[0]
        for part in (
            pattern("AbsoluteYearlyRecurrence", DayOfMonth=7, Month="December"),
            pattern("NoEndRecurrence", StartDate="2026-12-07+01:00"),
        )
    )
    exchange.store.items[item_id].values["Recurrence"] = yearly
    assert [marked.entry.recurrence for marked in connector.list_marked(MAILBOX, *WIDE)] == [OTHER]
    done(connector.apply(MAILBOX, [Update(item_id, series(RULES[1]))])[0])
    assert [marked.entry.recurrence for marked in connector.list_marked(MAILBOX, *WIDE)] == [RULES[1]]


# Zones


@pytest.mark.parametrize("rule", [None, Recurrence(Frequency.DAILY)])
def test_a_zone_that_windows_lacks_costs_its_neighbours_nothing(
    exchange: MockExchange, connector: EwsConnector, monkeypatch: pytest.MonkeyPatch, rule: Recurrence | None
) -> None:
    known = {name: ids for name, ids in EWSTimeZone.IANA_TO_MS_MAP.items() if name != "Pacific/Gambier"}
    monkeypatch.setattr(EWSTimeZone, "IANA_TO_MS_MAP", known)
    items._zone.cache_clear()  # whoever wrote in that zone before had it from the whole map
    there = replace(entry("b", recurrence=rule), time_zone="Pacific/Gambier")
    (item_id,) = create(connector, None)
    one, two, three, four = connector.apply(
        MAILBOX, [Create(entry("a")), Create(there), Create(entry("c")), Update(item_id, there)]
    )
    check_refused(two, "unsupported_time_zone")
    check_refused(four, "unsupported_time_zone")
    assert isinstance(one, Done)
    assert isinstance(three, Done)
    assert len(exchange.items(MAILBOX)) == 3


def refusals(connector: EwsConnector, zones: Sequence[str]) -> dict[str, str]:
    account = MailboxAccount(MAILBOX, connector._protocol, "impersonation")
    refused = {}
    for zone in zones:
        try:
            to_element(replace(entry(), time_zone=zone), "installation", account)
        except InvalidEntry as invalid:
            refused[zone] = invalid.ruling.code
    return refused


def test_every_zone_is_written_or_refused_by_its_own_code(connector: EwsConnector) -> None:
    refused = refusals(connector, sorted(available_timezones()))
    assert set(refused.values()) <= {"unsupported_time_zone"}
    assert not refused.keys() & set(ZONES)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "a\0b", "é", "localtime"])
def test_what_names_no_zone_is_refused_by_that_code(connector: EwsConnector, name: str) -> None:
    assert refusals(connector, [name]) == {name: "unsupported_time_zone"}


def test_a_moment_is_none_of_the_hosts(exchange: MockExchange, connector: EwsConnector) -> None:
    create(connector, RULES[0])
    first = exchange.occurrences(MAILBOX, FIRST.astimezone(UTC), FIRST + timedelta(hours=1))
    assert [item.start for item in first] == [FIRST]
