"""When to try again: ever less often, for ever, never all at once."""

from hypothesis import given
from hypothesis import strategies as st

from receiver.core.backoff import FIRST_DELAY_S, LONGEST_DELAY_S, delay_s

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


@given(attempts, jitter, st.floats(0, 10**6))
def test_what_the_server_asks_for_is_the_least(number: int, chance: float, asked_s: float) -> None:
    """Longer than our own longest too: a server that is told to hurry throttles harder."""
    assert delay_s(number, asked_s, chance) == max(delay_s(number, None, chance), asked_s)
