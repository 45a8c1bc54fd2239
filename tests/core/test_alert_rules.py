"""One alert for each trouble, one when it is over."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.core.alert_rules import (
    Alert,
    AlertTimings,
    Kind,
    RecipientState,
    digest_is_due,
    note_digest_sent,
    note_sent,
    update,
)
from receiver.core.troubles import Code, Severity, Trouble

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIMINGS = AlertTimings()
DISK = Trouble(Code.DISK_LOW, Severity.WARNING, count=9)
STORE = Trouble(Code.STORE_UNREACHABLE, Severity.ALARM)
LATE = Trouble(Code.CHANGES_LATE, Severity.ALARM)
SERVER = Trouble(Code.SERVER_FAILING, Severity.ALARM, "exchange", "unauthorized")


class Watchman:
    """Looks once a minute; what it tells arrives, unless the line is cut."""

    def __init__(self) -> None:
        self.state, self.now, self.line_is_cut = RecipientState(), NOW, False
        self.heard: list[tuple[int, Kind, Code]] = []

    def see(self, *troubles: Trouble, minutes: int = 1) -> None:
        for _ in range(minutes):
            self.state, alerts = update(self.state, troubles, self.now, TIMINGS)
            for alert in alerts if not self.line_is_cut else []:
                self.state = note_sent(self.state, alert)
                self.heard.append((round((self.now - NOW) / MINUTE), alert.kind, alert.trouble.code))
            self.now += MINUTE


@pytest.fixture
def watchman() -> Watchman:
    return Watchman()


def test_a_trouble_is_told_once_and_its_end_once(watchman: Watchman) -> None:
    watchman.see(DISK, minutes=60)
    watchman.see(minutes=60)
    assert watchman.heard == [(0, Kind.BEGUN, Code.DISK_LOW), (65, Kind.ENDED, Code.DISK_LOW)]
    assert watchman.state == RecipientState()


def test_a_trouble_that_may_pass_is_told_when_it_lasts(watchman: Watchman) -> None:
    watchman.see(SERVER, minutes=10)
    assert watchman.heard == [(5, Kind.BEGUN, Code.SERVER_FAILING)]


def test_a_trouble_that_passes_is_told_to_nobody(watchman: Watchman) -> None:
    watchman.see(SERVER, minutes=4)
    watchman.see(minutes=30)
    assert (watchman.heard, watchman.state) == ([], RecipientState())


def test_a_trouble_that_comes_and_goes_is_one(watchman: Watchman) -> None:
    for _ in range(10):
        watchman.see(SERVER, minutes=3)
        watchman.see(minutes=3)
    watchman.see(minutes=10)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN, Kind.ENDED]


def test_a_trouble_that_comes_back_after_its_end_is_a_new_one(watchman: Watchman) -> None:
    watchman.see(DISK)
    watchman.see(minutes=10)
    watchman.see(DISK)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN, Kind.ENDED, Kind.BEGUN]


def test_a_trouble_whose_numbers_change_is_the_same(watchman: Watchman) -> None:
    for count in range(9, 0, -1):
        watchman.see(replace(DISK, count=count, severity=Severity.ALARM))
    assert len(watchman.heard) == 1


def test_what_could_not_be_sent_is_due_until_it_is(watchman: Watchman) -> None:
    watchman.line_is_cut = True
    watchman.see(DISK, minutes=30)
    watchman.line_is_cut = False
    watchman.see(DISK, minutes=2)
    watchman.line_is_cut = True
    watchman.see(minutes=30)
    watchman.line_is_cut = False
    watchman.see()
    assert watchman.heard == [(30, Kind.BEGUN, Code.DISK_LOW), (62, Kind.ENDED, Code.DISK_LOW)]


def test_the_message_says_since_when() -> None:
    state, _ = update(RecipientState(), [SERVER], NOW, TIMINGS)
    _, [alert] = update(state, [SERVER], NOW + TIMINGS.hold, TIMINGS)
    assert alert == Alert(Kind.BEGUN, SERVER, NOW)


def test_another_cause_is_one_message_and_no_end(watchman: Watchman) -> None:
    """The outage is over, and the password is wrong: nothing is written before, between and after."""
    outage = replace(SERVER, cause="connection_failed")
    watchman.see(outage, minutes=30)
    watchman.see(SERVER, minutes=30)
    watchman.see(outage, minutes=30)
    watchman.see(minutes=30)
    told_so = [(5, Kind.BEGUN), (35, Kind.CHANGED), (95, Kind.ENDED)]
    assert watchman.heard == [(minute, kind, Code.SERVER_FAILING) for minute, kind in told_so]


def test_an_end_names_the_cause_that_was_told_not_one_that_passed_by(watchman: Watchman) -> None:
    """A database says for a moment that it is starting: nobody was told of that."""
    told_cause, passing = (replace(SERVER, cause=cause) for cause in ("store_host_unreachable", "store_starting"))
    watchman.see(told_cause, minutes=10)
    watchman.see(passing)
    ends = []
    for _ in range(10):
        watchman.state, alerts = update(watchman.state, [], watchman.now, TIMINGS)
        ends += alerts
        watchman.now += MINUTE
    assert {(each.kind, each.trouble.cause) for each in ends} == {(Kind.ENDED, "store_host_unreachable")}


def test_a_cause_that_takes_the_place_of_another_is_told_when_it_lasts(watchman: Watchman) -> None:
    """While an operator puts a file back, the store says for a moment that it is not at rest."""
    vanished, passing, other = (
        Trouble(Code.STORE_VANISHED, Severity.ALARM, cause=cause) for cause in ("gone", "at work", "another")
    )
    watchman.see(vanished, minutes=3)
    watchman.see(passing)
    watchman.see(vanished, minutes=10)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN]
    watchman.see(other, minutes=10)
    assert watchman.heard[1:] == [(19, Kind.CHANGED, Code.STORE_VANISHED)]


def test_a_cause_that_joins_another_is_told_once_with_both(watchman: Watchman) -> None:
    gone, denied = (Trouble(Code.EVENTS_FAILING, Severity.ALARM, cause=cause) for cause in ("one", "other"))
    watchman.see(gone, minutes=3)
    _, [alert] = update(watchman.state, [gone, denied], watchman.now, TIMINGS)
    assert (alert.kind, alert.trouble, alert.others) == (Kind.CHANGED, gone, (denied,))
    watchman.see(gone, denied, minutes=3)
    watchman.see(denied, minutes=3)
    watchman.see(minutes=10)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN, Kind.CHANGED, Kind.ENDED]


def test_what_becomes_an_alarm_is_told_again_and_what_becomes_less_is_not(watchman: Watchman) -> None:
    watchman.see(DISK, minutes=9)
    watchman.see(replace(DISK, severity=Severity.ALARM), minutes=9)
    watchman.see(DISK, minutes=9)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN, Kind.CHANGED]


def test_a_server_that_pauses_and_then_fails_is_one_trouble(watchman: Watchman) -> None:
    watchman.see(replace(SERVER, code=Code.SERVER_WAITING, severity=Severity.WARNING, cause=""), minutes=9)
    watchman.see(SERVER, minutes=9)
    watchman.see(minutes=9)
    assert [kind for _, kind, _ in watchman.heard] == [Kind.BEGUN, Kind.CHANGED, Kind.ENDED]


def test_an_end_has_a_beginning_and_an_end(watchman: Watchman) -> None:
    begun_at = NOW - timedelta(hours=3)
    watchman.see(replace(SERVER, since=begun_at), minutes=10)
    watchman.see(replace(SERVER, since=NOW, cause="connection_failed"), minutes=10)
    gone_at = watchman.now
    watchman.line_is_cut = True
    watchman.see(minutes=9)
    _, [alert] = update(watchman.state, [], watchman.now, TIMINGS)
    assert (alert.kind, alert.trouble.since, alert.ended_at) == (Kind.ENDED, begun_at, gone_at)


def test_what_cannot_be_seen_without_the_store_is_not_over(watchman: Watchman) -> None:
    watchman.see(SERVER, minutes=10)
    watchman.see(STORE, minutes=60)
    assert Kind.ENDED not in [kind for _, kind, _ in watchman.heard]
    watchman.see(SERVER, minutes=10)
    watchman.see(minutes=10)
    ends = [code for _, kind, code in watchman.heard if kind is Kind.ENDED]
    assert sorted(ends) == [Code.SERVER_FAILING, Code.STORE_UNREACHABLE]


def test_what_another_trouble_hides_is_not_over(watchman: Watchman) -> None:
    """What waits for a server in trouble is no more counted as late; it is no more written either."""
    watchman.see(LATE, minutes=10)
    watchman.see(SERVER, minutes=30)
    assert (watchman.heard[-1][1], Kind.ENDED not in [kind for _, kind, _ in watchman.heard]) == (Kind.BEGUN, True)
    watchman.see(minutes=10)
    assert [code for _, kind, code in watchman.heard if kind is Kind.ENDED] == [Code.CHANGES_LATE, Code.SERVER_FAILING]


def test_what_a_trouble_did_not_hide_before_it_does_not_hide_now(watchman: Watchman) -> None:
    """One mailbox that fails for months must not keep the end of all else from being told."""
    old = Trouble(Code.MAILBOXES_FAILING, Severity.ALARM, "exchange", "mailbox_not_found")
    watchman.see(old, LATE, minutes=10)
    watchman.see(old, minutes=10)
    assert [code for _, kind, code in watchman.heard if kind is Kind.ENDED] == [Code.CHANGES_LATE]


def test_an_answer_to_what_is_forgotten_changes_nothing() -> None:
    assert note_sent(RecipientState(), Alert(Kind.BEGUN, DISK, NOW)) == RecipientState()
    assert note_sent(RecipientState(), Alert(Kind.ENDED, DISK, NOW)) == RecipientState()


@given(st.lists(st.frozensets(st.sampled_from([DISK, SERVER])), max_size=60))
def test_beginnings_and_ends_take_turns(days: Iterable[frozenset[Trouble]]) -> None:
    watchman = Watchman()
    for troubles in days:
        watchman.see(*troubles)
    watchman.see(minutes=6)
    for code in (Code.DISK_LOW, Code.SERVER_FAILING):
        kinds = [kind for _, kind, heard in watchman.heard if heard is code]
        assert kinds == [Kind.BEGUN, Kind.ENDED] * (len(kinds) // 2)


PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("moment", "working", "at", "due"),
    [
        (time(7, 59), True, time(8), False),
        (time(8), True, time(8), True),
        (time(23), True, time(8), True),
        (time(9), False, time(8), False),
        (time(9), True, None, False),
    ],
)
def test_a_digest_is_sent_on_working_days_from_its_hour_on(
    moment: time, working: bool, at: time | None, due: bool
) -> None:
    local = datetime.combine(date(2026, 12, 7), moment, PARIS)
    assert digest_is_due(RecipientState(), local, working, AlertTimings(digest_at=at)) is due


def test_a_day_has_one_digest() -> None:
    local = datetime(2026, 12, 7, 9, tzinfo=PARIS)
    state = note_digest_sent(RecipientState(), local)
    assert not digest_is_due(state, local + timedelta(hours=3), True, TIMINGS)
    assert digest_is_due(state, local + timedelta(days=1), True, TIMINGS)
