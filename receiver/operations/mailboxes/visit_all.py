"""Visits the mailboxes of one server: one first, then several at a time; stops once the server is in trouble."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Generic, TypeVar

from connectors.base import Connector, ConnectorError, Scope
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.operations.mailboxes.trial import Pace, Trial
from receiver.store import LeaseLost, MailboxWork, Store
from receiver.store.work import leases

R = TypeVar("R")

BUSY = "mailbox_in_use"
"""Code of a mailbox that a worker did not release in time."""
ASK_AGAIN_S = 0.2


class Visits(Generic[R]):
    """Visits the mailboxes of one server."""

    def __init__(
        self,
        connector: Connector,
        visit: Callable[[Mailbox, Trial], R],
        failed: Callable[[Mailbox, str], R],
        done: Callable[[], None],
    ) -> None:
        """Visit nothing yet.

        Args:
            connector: the server's.
            visit: does the work in one mailbox, from any thread.
            failed: makes a result from a mailbox that could not be visited, and the code of why.
            done: called, from any thread, when a mailbox is done.

        """
        self._connector, self._visit, self._failed, self._done = connector, visit, failed, done
        self.pace = Pace()
        self.trouble: str | None = None
        """Code of the server's own trouble, once there is one: no visit begins then."""

    def results(self, asked: Sequence[Mailbox], threads: int) -> list[R]:
        """Visit mailboxes; those that were left out because of the server have no result."""
        # One goes first: a refused account is then shown once, not once for each connection.
        tried = [self._try(asked[0])]
        with ThreadPoolExecutor(threads) as pool:
            try:
                tried += pool.map(self._try, asked[1:])
            except BaseException:
                self.pace.stop.set()
                raise
        return [each for each in tried if each is not None]

    def _try(self, mailbox: Mailbox) -> R | None:
        if self.pace.stop.is_set():
            return None
        try:
            result = self._visit(mailbox, Trial(self._connector, mailbox.address, self.pace))
        except ConnectorError as error:
            if error.scope is Scope.SERVER:
                self.trouble = self.trouble or error.code
                self.pace.stop.set()
                return None
            result = self._failed(mailbox, error.code)
        except LeaseLost:
            result = self._failed(mailbox, BUSY)
        self._done()
        return result


def visit_all(
    settings: Settings, mailboxes: Sequence[Mailbox], visits_of: Callable[[str], Visits[R]]
) -> tuple[list[R], dict[str, str]]:
    """Visit mailboxes, server by server.

    Args:
        settings: say how many connections each server may have.
        mailboxes: which.
        visits_of: makes the `Visits` of a calendar that has any of these mailboxes.

    Returns:
        the results, and the code of the trouble of each server that could not be used.

    """
    results: list[R] = []
    troubles: dict[str, str] = {}
    for name, calendar in settings.calendars.items():
        if asked := [each for each in mailboxes if each.calendar == name]:
            visits = visits_of(name)
            results += visits.results(asked, calendar.connections)
            troubles |= {name: visits.trouble} if visits.trouble else {}
    return results, troubles


def lease(store: Store, mailbox: Mailbox, length: timedelta, pace: Pace, limit_s: float) -> MailboxWork | None:
    """Lease one mailbox, after its present holder released it; None: that took too long."""
    deadline = time.monotonic() + limit_s
    while (work := store.write(leases.claim_one, mailbox, store.now(), length)) is None:
        if time.monotonic() >= deadline or pace.stop.wait(ASK_AGAIN_S):
            return None
    return work
