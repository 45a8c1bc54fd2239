"""When to try again: ever less often, for ever, never all at once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Scope, Temporary
from receiver.core import plan
from receiver.core.backoff import FIRST_DELAY_S, LONGEST_DELAY_S, MAX_RETRY_AFTER_S, capped_retry_after_s, delay_s
from receiver.core.plan import Placement
from receiver.core.servers import ServerState, failed, retried, throttled
from receiver.core.throughput import Throughput
from tests.makers import NOW

attempts = st.integers(-5, 10**9) | st.integers(1, 12)
jitter = st.floats(0, 1)


def test_the_waits_are_these() -> None:
    """Without chance: 2 s, doubled, up to a quarter of an hour."""
    waits = [delay_s(number, None, 1.0) for number in range(1, 12)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


@given(attempts, jitter)
def test_no_wait_is_shorter_than_half_the_first_or_longer_than_the_longest(number: int, chance: float) -> None:
    assert FIRST_DELAY_S / 2 <= delay_s(number, None, chance) <= LONGEST_DELAY_S


@given(st.integers(1, 10**6), jitter)
def test_waits_never_get_shorter(number: int, chance: float) -> None:
    assert delay_s(number, None, chance) <= delay_s(number + 1, None, chance)


@given(attempts, jitter)
def test_chance_spreads_a_wait_over_its_upper_half(number: int, chance: float) -> None:
    assert delay_s(number, None, 0.0) == delay_s(number, None, 1.0) / 2
    assert delay_s(number, None, 0.0) <= delay_s(number, None, chance) <= delay_s(number, None, 1.0)


asked = st.floats() | st.integers(-(10**18), 10**18).map(float) | st.none()


@given(attempts, jitter, st.floats(0, MAX_RETRY_AFTER_S))
def test_what_the_server_asks_for_is_the_least(number: int, chance: float, asked_s: float) -> None:
    """A server that is told to hurry throttles harder."""
    assert delay_s(number, asked_s, chance) == max(delay_s(number, None, chance), asked_s)


@pytest.mark.threat(id="long-waits")
@given(attempts, jitter, asked)
def test_no_more_than_ten_minutes_are_granted_whatever_is_asked_for(
    number: int, chance: float, asked_s: float | None
) -> None:
    """Not a number, endless, negative: none of it holds anybody, or fails."""
    assert 0 <= capped_retry_after_s(asked_s) <= MAX_RETRY_AFTER_S == 600
    assert delay_s(number, asked_s, chance) <= max(delay_s(number, None, chance), MAX_RETRY_AFTER_S)


@given(asked, st.integers(1, 5))
def test_nobody_asks_for_a_longer_pause(asked_s: float | None, refusals: int) -> None:
    state, server = Throughput.full(2), ServerState("exchange")
    for _ in range(refusals):
        state = state.refused(NOW, NOW, asked_s, 1.0)
        server = failed(server, Temporary("server_busy", Scope.SERVER, asked_s), "", None, NOW, 1.0)
    for until in (state.paused_until, server.blocked_until):
        assert until is not None
        assert until - NOW <= timedelta(minutes=10)
    placement = Placement(1, "uid", "d", failure="x")
    waiting = plan.failed(placement, Temporary("item_busy", Scope.ITEM, asked_s), NOW, 1.0)
    assert waiting.not_before - NOW <= timedelta(minutes=10)


@pytest.mark.parametrize("far", [timedelta(days=1), timedelta(days=365 * 32), datetime.max.replace(tzinfo=UTC) - NOW])
def test_an_end_beyond_any_that_is_recorded_today_holds_nobody(far: timedelta) -> None:
    """As a version recorded them that granted whatever was asked for."""
    server = ServerState("exchange", blocked_until=NOW + far, probe="p", probe_until=NOW + far)
    assert not server.is_blocked(NOW)
    assert not server.is_probed(NOW)
    paused = throttled(server, NOW + timedelta(seconds=9), None, NOW)
    assert paused.blocked_until == NOW + timedelta(seconds=9)
    shorter = plan.shortened(Placement(1, "uid", "d", failure="x", not_before=NOW + far, recheck_at=NOW + far), NOW)
    assert shorter.not_before == shorter.recheck_at == NOW + timedelta(minutes=10)
    kept = Placement(1, "uid", "d", not_before=NOW + far)
    assert plan.shortened(kept, NOW) == kept, "a wait that is ours, and no failure"


def test_an_operator_ends_a_wait_but_not_the_pause_of_a_refused_account() -> None:
    until = NOW + timedelta(minutes=5)
    assert (
        retried(ServerState("exchange", failure="server_busy", blocked_until=until, attempts=4)).blocked_until is None
    )
    assert retried(ServerState("exchange", failure="unauthorized", blocked_until=until)).blocked_until == until
