"""`failures`, `retry`, `forget`: what fails, and what an operator can do about it.

This module writes into no calendar: it changes the record, and the worker acts on it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from receiver.store import Store
from receiver.store.reports import overview
from receiver.store.reports.overview import FailureGroup, FailureScope
from receiver.store.tools import failures
from receiver.store.tools.failures import Chosen, Failing

PAGE = 500


@dataclass(frozen=True, slots=True)
class Retried:
    """How many failures are retried at once."""

    mailboxes: int = 0
    entries: int = 0
    events: int = 0
    servers: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.mailboxes + self.entries + self.events + self.servers


def groups(store: Store, calendars: Collection[str], now: datetime) -> list[FailureGroup]:
    """Return everything that fails, in groups; only configured servers are included."""
    found = store.read(overview.failures, now)
    return [group for group in found if group.scope is not FailureScope.SERVER or group.calendar in calendars]


def retry(store: Store, scope: str, code: str | None, calendar: str | None) -> int:
    """Make what fails in one scope due at once; return how many there were.

    Args:
        store: where it is recorded.
        scope: a `FailureScope`.
        code: the failure; None or empty: any.
        calendar: the server; None or empty: any. Events have none.

    Raises:
        StoreUnavailable: the record cannot be written; part of them may have been made due.

    """
    return _retry(store, FailureScope(scope), Chosen(code or None, calendar or None), store.now())


def retry_all(store: Store, chosen: Chosen) -> Retried:
    """Make all failures that match due at once, in every scope that they can be in."""
    now = store.now()
    counts = {scope: _retry(store, scope, chosen, now) for scope in (*scopes(chosen), FailureScope.SERVER)}
    return Retried(*(counts.get(scope, 0) for scope in FailureScope))


def scopes(chosen: Chosen) -> list[FailureScope]:
    """Return the scopes that the named values can be in: a mailbox is no event, an event has no server."""
    boxes = chosen.calendar is not None or chosen.address is not None
    left_out = {FailureScope.MAILBOX: chosen.event is not None, FailureScope.EVENT: boxes, FailureScope.SERVER: True}
    return [scope for scope in FailureScope if not left_out.get(scope, False)]


def _retry(store: Store, scope: FailureScope, chosen: Chosen, now: datetime) -> int:
    match scope:
        case FailureScope.MAILBOX:
            return store.write(failures.retry_mailboxes, chosen)
        case FailureScope.ENTRY:
            return _retry_entries(store, chosen, now)
        case FailureScope.EVENT:
            return store.write(failures.retry_events, chosen, now)
        case FailureScope.SERVER:
            return store.write(failures.retry_servers, chosen, now)


def _retry_entries(store: Store, chosen: Chosen, now: datetime) -> int:
    total = 0
    after: int | None = 0
    while after is not None:
        count, after = store.write(failures.retry_entries, chosen, now, after)
        total += count
    return total


def members(store: Store, group: FailureGroup, limit: int | None) -> list[Failing]:
    """Return the members of a group of failures, all or the first few."""
    return list(_members(store, group, limit))


def _members(store: Store, group: FailureGroup, limit: int | None) -> Iterator[Failing]:
    chosen = Chosen(group.code, group.calendar or None)
    after: int | None = 0
    while after is not None:
        found, after = store.read(failures.listed, group.scope, chosen, after, limit or PAGE)
        yield from found
        if limit is not None:
            return
