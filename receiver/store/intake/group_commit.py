"""Group commit: one of many threads carries out the items of all waiting threads, in one transaction.

While one transaction is written to disk, new threads wait for the next one, which the first of them carries out. So no
dedicated thread is needed, and a single thread does not wait.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class _Ticket(Generic[In, Out]):
    """The items of one thread, and their results."""

    def __init__(self, items: Sequence[In]) -> None:
        self.items = items
        self.results: list[Out] | None = None
        self.error: BaseException | None = None
        self.turn = threading.Lock()
        self.turn.acquire()
        self.next: _Ticket[In, Out] | None = None
        """The next ticket of the same group, to be woken after this one."""

    @property
    def done(self) -> bool:
        return self.results is not None or self.error is not None


class Grouped(Generic[In, Out]):
    """Calls `carry_out` once with the items of several threads; each thread gets its own results."""

    def __init__(
        self,
        carry_out: Callable[[list[In]], list[Out]],
        most: int,
        shared: type[Exception],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Make it.

        Args:
            carry_out: takes items, returns as many results in their order, or raises and has done nothing.
            most: the most items in one call; a single thread may have more.
            shared: errors that concern all threads; after any other error each thread's items are tried alone.
            alone: a lock to hold around `carry_out`; threads that come while it is waited for join the group.

        """
        self._carry_out = carry_out
        self._most = most
        self._shared = shared
        self._alone = alone
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[In, Out]] = []
        self._led = False

    def submit(self, items: Sequence[In]) -> list[Out]:
        """Return the results of the items when they are carried out. Raises what `carry_out` raised."""
        ticket: _Ticket[In, Out] = _Ticket(items)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.turn.acquire()  # until it is done, or the first of the waiting ones
        if not ticket.done:
            self._lead()
        if ticket.next is not None:
            ticket.next.turn.release()
        if ticket.error is not None:
            raise ticket.error
        return ticket.results or []

    def _lead(self) -> None:
        """Carry out the waiting items, this thread's first, then pass the lead on."""
        group: list[_Ticket[In, Out]] = []
        try:
            with self._alone():
                group = self._take()
                self._carry_out_for(group)
        except BaseException as error:  # noqa: BLE001  # each thread raises it where it called
            group = group or self._take()
            for ticket in group:
                ticket.error = ticket.error or error
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
            if following is not None:
                following.turn.release()
            # Each thread wakes the next one: if all woke at once, they would wait for the GIL.
            for ticket, after in pairwise(group):
                ticket.next = after

    def _take(self) -> list[_Ticket[In, Out]]:
        with self._lock:
            count, size = 1, len(self._waiting[0].items)
            while count < len(self._waiting) and size + len(self._waiting[count].items) <= self._most:
                size += len(self._waiting[count].items)
                count += 1
            group, self._waiting = self._waiting[:count], self._waiting[count:]
            return group

    def _carry_out_for(self, group: Sequence[_Ticket[In, Out]]) -> None:
        try:
            results = self._carry_out([item for ticket in group for item in ticket.items])
        except Exception as error:
            if len(group) == 1 or isinstance(error, self._shared):
                raise
            for ticket in group:  # one of them may be the cause
                self._try_alone(ticket)
            return
        for ticket in group:
            ticket.results, results = results[: len(ticket.items)], results[len(ticket.items) :]

    def _try_alone(self, ticket: _Ticket[In, Out]) -> None:
        try:
            self._carry_out_for([ticket])
        except Exception as error:  # noqa: BLE001  # raised in its own thread
            ticket.error = error
