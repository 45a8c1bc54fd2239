"""How many calls a server is given at once: less when it asks for less, more again when it answers."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.core.throughput import GROWTH_AFTER, MAX_REFUSALS, Throughput
from tests.makers import NOW

SECOND = timedelta(seconds=1)


def answered(state: Throughput, times: int) -> Throughput:
    for _ in range(times):
        state = state.answered()
    return state


def test_all_that_is_configured_may_be_under_way() -> None:
    state = Throughput.full(4)
    assert [state.admits(under_way, NOW) for under_way in (0, 3, 4)] == [True, True, False]
    assert answered(state, 100).allowed == 4


def test_a_refusal_halves_and_answers_bring_back_one_by_one() -> None:
    state = Throughput.full(8).refused(NOW, NOW, 1.0, 0)
    assert state.allowed == 4
    assert answered(state, GROWTH_AFTER - 1).allowed == 4
    assert answered(state, GROWTH_AFTER).allowed == 5
    assert answered(state, GROWTH_AFTER * 4).allowed == answered(state, GROWTH_AFTER * 9).allowed == 8


def test_calls_that_are_refused_together_halve_once() -> None:
    """They tell of one moment; else a server that refuses eight at once would be left with one call."""
    state = Throughput.full(8)
    for late in range(4):
        state = state.refused(NOW - SECOND, NOW + SECOND * late, 3.0, 0)
    assert (state.allowed, state.refusals) == (4, 1)
    assert state.paused_until == NOW + SECOND * 6, "the longest pause that was asked for is kept"
    assert state.refused(NOW + SECOND * 7, NOW + SECOND * 8, 3.0, 0).allowed == 2


def test_a_server_is_given_the_time_it_asks_for_and_no_more() -> None:
    state = Throughput.full(2).refused(NOW, NOW, 0.3, 1.0)
    assert not state.admits(0, NOW + timedelta(milliseconds=299))
    assert state.admits(0, NOW + timedelta(milliseconds=300))


def test_a_server_that_asks_for_no_time_is_given_some_and_ever_more() -> None:
    state, waits = Throughput.full(1), []
    for _ in range(MAX_REFUSALS):
        state = state.refused(NOW, NOW, None, 1.0)
        assert state.paused_until is not None
        waits.append((state.paused_until - NOW).total_seconds())
    assert waits == [2.0, 4.0, 8.0]


def test_a_server_that_always_asks_for_nothing_is_not_believed_for_ever() -> None:
    state = Throughput.full(1)
    for _ in range(MAX_REFUSALS):
        assert state.admits(0, NOW)
        state = state.refused(NOW, NOW, 0.0, 1.0)
    assert not state.admits(0, NOW)


def test_one_answer_shows_that_a_server_throttles_and_is_not_in_trouble() -> None:
    state = Throughput.full(4)
    for _ in range(MAX_REFUSALS - 1):
        state = state.refused(NOW, NOW, 1.0, 0)
    assert not state.exhausted
    assert state.refused(NOW, NOW, 1.0, 0).exhausted
    assert not state.answered().refused(NOW, NOW, 1.0, 0).exhausted


@given(st.integers(1, 30), st.lists(st.none() | st.booleans(), max_size=200))
def test_at_least_one_call_and_at_most_the_maximum_may_be_under_way(maximum: int, events: list[bool | None]) -> None:
    state, now = Throughput.full(maximum), NOW
    for refused in events:
        now += SECOND
        if refused is None:
            continue
        state = state.refused(now, now, 0.5, 0.5) if refused else state.answered()
        assert 1 <= state.allowed <= maximum


@given(st.integers(1, 16), st.integers(1, 16))
def test_it_finds_a_limit_that_nobody_tells(maximum: int, limit: int) -> None:
    """Rounds of as many calls as are allowed: those beyond the server's limit are refused."""
    state, now, refused = Throughput.full(maximum), NOW, 0
    for _ in range(200):
        began, now = now, now + SECOND
        calls = state.allowed
        for call in range(calls):
            if call < limit:
                state = state.answered()
            else:
                refused += 1
                state = state.refused(began, now, 0.0, 0.0)
        now += SECOND
    assert state.allowed >= min(limit, maximum) // 2
    assert refused <= 200 * max(maximum - limit, 0) / 4 + maximum
