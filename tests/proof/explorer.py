"""Explores every state that a model can reach, breadth first, and tells the shortest way to a broken promise.

A model gives its first states and the moves from any state. A move is free, or it spends part of a budget: a fault, a
change of what is wanted, something that an agent does. Three things are checked: no state and no move breaks a promise;
no path of free moves goes on for ever; a state without free moves, a state at rest, keeps the promises of a state at
rest. States are remembered as fingerprints of 128 bits.
"""

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, NamedTuple, Protocol, TypeVar

State = TypeVar("State")


class Move(NamedTuple, Generic[State]):
    """One thing that may happen next."""

    what: str
    """Who did what, in plain English."""
    state: State
    free: bool = True
    """Whether it spends nothing of a budget: it happens if nothing else does."""
    broken: str | None = None
    """The promise that the move itself breaks."""


class Model(Protocol[State]):
    """What is explored."""

    def first(self) -> Sequence[State]:
        """Return the states to begin with."""
        ...

    def moves(self, state: State) -> Iterable[Move[State]]:
        """Return what may happen next, always in the same order."""
        ...

    def key(self, state: State) -> bytes:
        """Return what tells a state from all others."""
        ...

    def broken(self, state: State, *, at_rest: bool) -> str | None:
        """Return the promise that a state breaks; None: it breaks none."""
        ...

    def describe(self, state: State) -> str:
        """Return what is recorded and what calendars hold, in one line."""
        ...


@dataclass(frozen=True)
class Explored:
    """What an exploration saw."""

    states: int
    transitions: int
    depth: int
    at_rest: int
    seconds: float
    """Of a processor."""
    story: tuple[str, ...] = ()
    """The shortest way to a broken promise, one numbered line a step; empty: no promise is broken."""
    promise: str = ""
    """The promise that is broken."""
    complete: bool = True
    """Whether every state was explored; False: a promise was broken, or the limit was reached."""

    @property
    def told(self) -> str:
        """The story as one text."""
        return "\n".join((*self.story, f"Broken: {self.promise}"))


ENDLESS = "a wait or a repetition without end: nothing further goes wrong, and the work is never done"


class Explorer(Generic[State]):
    """One exploration of one model."""

    def __init__(self, model: Model[State], limit: int | None = None) -> None:
        self._model = model
        self._limit = limit
        self._numbers: dict[bytes, int] = {}
        self._parents = array("l")
        self._ordinals = array("H")
        self._free_from = array("L")
        self._free_to = array("L")
        self._transitions = 0
        self._at_rest = 0
        self._depth = 0
        self._began = time.process_time()

    def run(self, progress: Callable[[int, int], None] | None = None) -> Explored:
        """Explore until a promise is broken, or nothing is left.

        Args:
            progress: called after each depth with the depth and the number of states so far.

        """
        level: list[tuple[int, State]] = []
        for ordinal, state in enumerate(self._model.first()):
            self._meet(state, -1, ordinal, level)
        while level:
            following: list[tuple[int, State]] = []
            for number, state in level:
                broken = self._expand(number, state, following)
                if broken is not None:
                    return self._explored(*broken)
            if progress:
                progress(self._depth, len(self._numbers))
            if self._limit is not None and len(self._numbers) > self._limit:
                return self._explored(complete=False)
            level = following
            self._depth += bool(following)
        turning = self._in_a_circle()
        return self._explored(turning, None, ENDLESS) if turning is not None else self._explored()

    def _meet(self, state: State, parent: int, ordinal: int, level: list[tuple[int, State]]) -> int:
        fingerprint = blake2b(self._model.key(state), digest_size=16).digest()
        number = self._numbers.setdefault(fingerprint, len(self._parents))
        if number == len(self._parents):
            self._parents.append(parent)
            self._ordinals.append(ordinal)
            level.append((number, state))
        return number

    def _expand(
        self, number: int, state: State, level: list[tuple[int, State]]
    ) -> tuple[int, Move[State] | None, str] | None:
        """Meet what follows a state; return where a promise is broken, by which move, and which promise."""
        any_free = False
        for ordinal, move in enumerate(self._model.moves(state)):
            self._transitions += 1
            any_free = any_free or move.free
            if move.broken is not None:
                return number, move, move.broken
            reached = self._meet(move.state, number, ordinal, level)
            if move.free:
                self._free_from.append(number)
                self._free_to.append(reached)
        self._at_rest += not any_free
        promise = self._model.broken(state, at_rest=not any_free)
        return None if promise is None else (number, None, promise)

    def _in_a_circle(self) -> int | None:
        """Return a state on, or after, a circle of free moves; None: there is no circle."""
        entries = array("L", bytes(self._free_to.itemsize * len(self._parents)))
        for reached in self._free_to:
            entries[reached] += 1
        following: dict[int, list[int]] = {}
        for left, reached in zip(self._free_from, self._free_to, strict=True):
            following.setdefault(left, []).append(reached)
        ready = [number for number, count in enumerate(entries) if not count]
        while ready:
            for reached in following.get(ready.pop(), ()):
                entries[reached] -= 1
                if not entries[reached]:
                    ready.append(reached)
        return next((number for number, count in enumerate(entries) if count), None)

    def _explored(
        self, number: int | None = None, move: Move[State] | None = None, promise: str = "", *, complete: bool = True
    ) -> Explored:
        return Explored(
            states=len(self._numbers),
            transitions=self._transitions,
            depth=self._depth,
            at_rest=self._at_rest,
            seconds=time.process_time() - self._began,
            story=() if number is None else tuple(self._story(number, move)),
            promise=promise,
            complete=complete and number is None,
        )

    def _story(self, number: int, last: Move[State] | None) -> Iterable[str]:
        """Replay the way to a state, and return a line for each step of it."""
        ordinals = []
        while number >= 0:
            ordinals.append(self._ordinals[number])
            number = self._parents[number]
        state = self._model.first()[ordinals.pop()]
        yield f"0. The beginning. {self._model.describe(state)}"
        step = 0
        while ordinals:
            wanted = ordinals.pop()
            move = next(move for ordinal, move in enumerate(self._model.moves(state)) if ordinal == wanted)
            state, step = move.state, step + 1
            yield f"{step}. {move.what}. {self._model.describe(state)}"
        if last is not None:
            yield f"{step + 1}. {last.what}. {self._model.describe(last.state)}"


def explore(
    model: Model[State], limit: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Explored:
    """Explore all states of a model, or no more than about `limit`."""
    return Explorer(model, limit).run(progress)
