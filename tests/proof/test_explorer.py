"""The explorer itself: it sees every state, tells the shortest story, and notices what never ends."""

from collections.abc import Iterator, Sequence

from tests.proof.explorer import ENDLESS, Move, explore


class Counting:
    """A number that is counted up, or doubled once, up to a limit."""

    def __init__(
        self, limit: int = 6, bad: int | None = None, *, turns: bool = False, never: int | None = None
    ) -> None:
        self._limit, self._bad, self._turns, self._never = limit, bad, turns, never

    def first(self) -> Sequence[int]:
        return [1]

    def moves(self, state: int) -> Iterator[Move[int]]:
        if state < self._limit:
            yield Move("It counts", state + 1)
            yield Move("It doubles", state * 2, free=False, broken="never doubled" if state == self._never else None)
        elif self._turns and state == self._limit:
            yield Move("It begins again", 1)

    def key(self, state: int) -> bytes:
        return str(state).encode()

    def broken(self, state: int, *, at_rest: bool) -> str | None:
        return "never bad" if state == self._bad else None

    def describe(self, state: int) -> str:
        return f"It is {state}"


def test_every_state_is_seen_once_and_rest_is_told_from_what_goes_on() -> None:
    explored = explore(Counting())
    assert (explored.states, explored.transitions, explored.at_rest, explored.complete) == (8, 10, 3, True)
    assert (explored.story, explored.promise) == ((), "")


def test_the_story_is_the_shortest_way_to_a_state_that_breaks_a_promise() -> None:
    explored = explore(Counting(bad=5))
    assert explored.promise == "never bad"
    assert explored.story == (
        "0. The beginning. It is 1",
        "1. It counts. It is 2",
        "2. It doubles. It is 4",
        "3. It counts. It is 5",
    )
    assert not explored.complete


def test_a_move_that_breaks_a_promise_is_the_last_line_of_its_story() -> None:
    explored = explore(Counting(never=3))
    assert (explored.promise, explored.story[-1]) == ("never doubled", "3. It doubles. It is 6")


def test_free_moves_that_lead_back_are_a_wait_without_end() -> None:
    assert explore(Counting(turns=True)).promise == ENDLESS


def test_an_exploration_that_stops_at_a_limit_is_not_complete() -> None:
    assert not explore(Counting(limit=1000), limit=10).complete
