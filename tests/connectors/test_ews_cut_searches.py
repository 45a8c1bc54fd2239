"""Searches that the server ends before their last result: they are completed, or nothing is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import CalendarEntry, Create, Temporary
from connectors.ews import EwsConnector
from connectors.ews.errors import CallFailed
from connectors.ews.windows import SECOND, Window
from mock_exchange import Behaviours, MockExchange
from tests.connectors.conformance import START, WIDE, entry
from tests.connectors.ews import MAILBOX, connected, count, done, settings_for
from tests.connectors.series_conformance import RULES, series

HOUR = timedelta(hours=1)


def spread(number: int) -> CalendarEntry:
    start = START + HOUR * number
    return entry(f"Rdv/{number}", start=start, end=start + HOUR)


def fill(connector: EwsConnector, many: int) -> list[str]:
    made: list[str] = []
    for first in range(0, many, 100):
        changes = [Create(spread(number)) for number in range(first, min(first + 100, many))]
        made += [done(outcome) for outcome in connector.apply(MAILBOX, changes)]
    return made


@pytest.fixture
def strict(exchange: MockExchange) -> Iterator[EwsConnector]:
    """A connector to a server that answers seven results of a search."""
    exchange.behaviours = Behaviours(search_limit=7)
    with connected(settings_for(exchange, connections=1)) as connector:
        yield connector


def test_every_item_of_a_window_is_listed_and_none_twice(exchange: MockExchange, strict: EwsConnector) -> None:
    made = fill(strict, 60)
    (done_series,) = (done(each) for each in strict.apply(MAILBOX, [Create(series(RULES[0]))]))
    listed = [marked.item_id for marked in strict.list_marked(MAILBOX, *WIDE)]
    assert sorted(listed) == sorted([*made, done_series])
    half = START + HOUR * 30
    assert {each.item_id for each in strict.list_marked(MAILBOX, WIDE[0], half)} == {*made[:30], done_series}


def test_every_uid_is_found_in_the_calendar_and_below_it(exchange: MockExchange, strict: EwsConnector) -> None:
    made = fill(strict, 40)
    exchange.make_folder(MAILBOX, "Archives")
    moved = {number: exchange.move_item(made[number], "Archives") for number in range(20, 40)}
    uids = [spread(number).uid for number in range(45)]
    found = strict.find(MAILBOX, uids)
    expected = [[moved.get(number, made[number])] for number in range(40)]
    assert [[each.item_id for each in found[uid]] for uid in uids] == expected + [[]] * 5


def test_others_items_are_told_once_each(exchange: MockExchange, strict: EwsConnector) -> None:
    with connected(settings_for(exchange, installation="another")) as stranger:
        fill(stranger, 40)
    assert len(list(strict.list_others(MAILBOX, WIDE[0]))) == 40


def test_results_that_no_window_divides_leave_everything_unknown(strict: EwsConnector) -> None:
    """Never a short list: what it lacks would be taken for missing, and written once more."""
    strict.apply(MAILBOX, [Create(entry(f"Rdv/{number}")) for number in range(8)])
    with pytest.raises(Temporary, match="answer_incomplete"):
        list(strict.list_marked(MAILBOX, *WIDE))
    with pytest.raises(Temporary, match="answer_incomplete"):
        strict.find(MAILBOX, [f"Rdv/{number}" for number in range(8)])


def test_a_search_that_ends_at_the_known_limit_is_not_believed(exchange: MockExchange, connector: EwsConnector) -> None:
    """Whatever total the server names."""
    exchange.behaviours = Behaviours(search_limit=250, hides_cut_results=True)
    fill(connector, 260)
    assert len(list(connector.list_marked(MAILBOX, *WIDE))) == 260


def test_a_whole_search_costs_nothing_more(exchange: MockExchange, connector: EwsConnector) -> None:
    exchange.behaviours = Behaviours(search_limit=7)
    fill(connector, 7)
    assert count(exchange, lambda: list(connector.list_marked(MAILBOX, *WIDE))) == {
        "FindItem": 1,
        "FindFolder": 1,
        "GetItem": 1,
    }


def at(hour: int) -> datetime:
    return datetime(2026, 12, 7, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "seen", "middle"),
    [
        (Window(), [9, 10, 11], at(10)),
        (Window(), [9, 9, 9], at(9)),
        (Window(at(9), None), [9, 9, 9, 11], at(11)),
        (Window(at(9), None), [9, 9, 9], at(9) + SECOND),
        (Window(None, at(12)), [8], at(8)),
    ],
)
def test_a_window_is_divided_at_what_was_seen(window: Window, seen: list[int], middle: datetime) -> None:
    assert window.divided(map(at, seen)) == (Window(window.start, middle), Window(middle, window.end))


@pytest.mark.parametrize(("window", "seen"), [(Window(), []), (Window(at(9), at(9) + SECOND), [9, 9])])
def test_a_window_that_cannot_be_divided_leaves_the_search_incomplete(window: Window, seen: list[int]) -> None:
    with pytest.raises(CallFailed, match="answer_incomplete"):
        window.divided(map(at, seen))
