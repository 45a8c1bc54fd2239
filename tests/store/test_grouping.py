"""Group commit: what several threads bring at once is carried out together, and each gets what is its own."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from receiver.store.intake.group_commit import Grouped


class Trouble(Exception):
    """Everybody's."""


class Gate:
    """Carries out groups one by one, when told to, and remembers them."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.fails: Callable[[list[int]], None] = lambda _: None

    def carry_out(self, items: list[int]) -> list[int]:
        self.groups.append(items)
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        self.fails(items)
        return [item * 10 for item in items]


class Caller(threading.Thread):
    def __init__(self, grouped: Grouped[int, int], *items: int) -> None:
        super().__init__()
        self.grouped, self.items = grouped, items
        self.result: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.grouped.submit(self.items)
        except Exception as error:  # noqa: BLE001
            self.result = error

    def outcome(self) -> Any:
        self.join(10)
        assert not self.is_alive()
        return self.result


def waiting(grouped: Grouped[int, int], count: int) -> None:
    deadline = threading.Event()
    for _ in range(1000):
        if len(grouped._waiting) == count:
            return
        deadline.wait(0.01)
    pytest.fail("they never came")


def test_those_who_come_while_one_is_carried_out_go_together() -> None:
    gate = Gate()
    grouped = Grouped(gate.carry_out, 100, Trouble)
    first = Caller(grouped, 1)
    assert gate.begun.acquire(timeout=10)
    later = [Caller(grouped, number, number + 1) for number in (2, 4, 6)]
    waiting(grouped, 3)
    gate.go_on.release(2)
    assert first.outcome() == [10]
    assert [each.outcome() for each in later] == [[20, 30], [40, 50], [60, 70]]
    assert [len(group) for group in gate.groups] == [1, 6]
    assert not grouped._led


def test_a_group_has_a_greatest_size_and_what_one_brings_is_never_split() -> None:
    gate = Gate()
    grouped = Grouped(gate.carry_out, 3, Trouble)
    first = Caller(grouped, 1, 2, 3, 4, 5)
    assert gate.begun.acquire(timeout=10)
    later = []
    for number in (10, 20, 30):
        later.append(Caller(grouped, number, number + 1))
        waiting(grouped, len(later))
    gate.go_on.release(10)
    assert first.outcome() == [10, 20, 30, 40, 50]
    assert [each.outcome() for each in later] == [[100, 110], [200, 210], [300, 310]]
    assert [len(group) for group in gate.groups] == [5, 2, 2, 2]


def test_everybodys_trouble_is_told_to_everybody_and_tried_once() -> None:
    """A database that is away is not asked again for each of those who wait."""
    gate = Gate()
    grouped = Grouped(gate.carry_out, 100, Trouble)
    first = Caller(grouped, 1)
    assert gate.begun.acquire(timeout=10)
    later = [Caller(grouped, 2), Caller(grouped, 3)]
    waiting(grouped, 2)

    def fails(_: list[int]) -> None:
        raise Trouble

    gate.fails = fails
    gate.go_on.release(2)
    assert [type(each.outcome()) for each in (first, *later)] == [Trouble] * 3
    assert len(gate.groups) == 2


def test_one_who_spoils_a_group_spoils_it_for_nobody_else() -> None:
    gate = Gate()
    grouped = Grouped(gate.carry_out, 100, Trouble)
    first = Caller(grouped, 1)
    assert gate.begun.acquire(timeout=10)
    later = [Caller(grouped, 2), Caller(grouped, 3)]
    waiting(grouped, 2)

    def fails(items: list[int]) -> None:
        if 2 in items:
            raise ValueError

    gate.fails = fails
    gate.go_on.release(10)
    assert first.outcome() == [10]
    assert isinstance(later[0].outcome(), ValueError)
    assert later[1].outcome() == [30]


def test_those_who_come_while_the_turn_is_waited_for_join() -> None:
    turn, asked = threading.Lock(), threading.Semaphore(0)

    @contextmanager
    def alone() -> Any:
        asked.release()
        with turn:
            yield

    groups: list[list[int]] = []

    def carry_out(items: list[int]) -> list[int]:
        groups.append(items)
        return items

    grouped = Grouped(carry_out, 100, Trouble, alone)
    with turn:
        callers = [Caller(grouped, 1)]
        assert asked.acquire(timeout=10)
        callers += [Caller(grouped, 2), Caller(grouped, 3)]
        waiting(grouped, 3)
    assert sorted(each.outcome() for each in callers) == [[1], [2], [3]]
    assert [sorted(group) for group in groups] == [[1, 2, 3]]


def test_a_turn_that_does_not_come_is_told_to_those_who_waited_for_it_and_the_next_try_anew() -> None:
    tries = iter([Trouble(), None])

    @contextmanager
    def alone() -> Any:
        if error := next(tries):
            raise error
        yield

    grouped: Grouped[int, int] = Grouped(lambda items: items, 100, Trouble, alone)
    with pytest.raises(Trouble):
        grouped.submit([1])
    assert grouped.submit([2]) == [2]


def test_nothing_is_lost_or_mixed_up_under_load() -> None:
    grouped = Grouped(lambda items: [item * 10 for item in items], 7, Trouble)
    callers = [Caller(grouped, *range(number, number + number % 4)) for number in range(60)]
    assert [each.outcome() for each in callers] == [[item * 10 for item in each.items] for each in callers]
