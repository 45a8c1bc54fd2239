"""The audit of every night: each mailbox in turn, nothing repaired, the figures stored for all screens.

An operator's audit of everything stores them too, so that repaired differences are shown no longer.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.base import Connector
from receiver.config import Settings
from receiver.core.troubles import DifferenceKind
from receiver.operations.audit import run as audit
from receiver.operations.audit.run import Audit, Window
from receiver.store import Store, counters

PARIS = ZoneInfo("Europe/Paris")
EARLIEST, LATEST = time(2), time(5)
"""Between them it begins; how long it takes is the mailboxes' affair."""
SPREAD_MINUTES = 150
"""Installations that share an Exchange do not all begin at once."""
DAYS_BACK, DAYS_AHEAD = timedelta(days=30), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Night:
    """What one night's audit found."""

    looked_into: int
    left_out: int
    """Mailboxes that could not be looked into, or whose server could not."""
    counts: Mapping[DifferenceKind, int]

    @property
    def figures(self) -> dict[str, int]:
        """The names under which it is remembered."""
        kinds = {f"audit/{kind}": self.counts[kind] for kind in DifferenceKind}
        return {"audit": self.looked_into, "audit/left_out": self.left_out, **kinds}


def is_time(installation: str, now: datetime) -> bool:
    """Whether this is the hour for an installation's audit to begin: late enough, and before people come."""
    local = now.astimezone(PARIS)
    number = int.from_bytes(hashlib.sha256(installation.encode()).digest()[:4])
    begins = datetime.combine(local.date(), EARLIEST, PARIS) + timedelta(minutes=number % SPREAD_MINUTES)
    return begins <= local < datetime.combine(local.date(), LATEST, PARIS)


def run(store: Store, settings: Settings, connectors: Mapping[str, Connector]) -> Night | None:
    """Audit every mailbox, one after the other; None: no server could be used.

    A server that turns out to be in trouble is asked no more: its mailboxes are left out.

    Args:
        store: what is recorded.
        settings: the rules where none are in force yet.
        connectors: by calendar.

    Raises:
        StoreUnavailable: the record cannot be read.

    """
    now = store.now()
    window = Window(now - DAYS_BACK, now + DAYS_AHEAD)
    mailboxes, _ = audit.choose(store, settings, ())
    counts: Counter[DifferenceKind] = Counter()
    looked_into, in_trouble = 0, set[str]()
    for mailbox in mailboxes:
        if mailbox.calendar not in in_trouble:
            found = audit.run(store, settings, [mailbox], connectors, window, _nothing, repair=False)
            in_trouble |= found.servers.keys()
            looked_into += sum(each.trouble is None for each in found.mailboxes)
            counts.update(found.counts)
    return Night(looked_into, len(mailboxes) - looked_into, counts) if looked_into or not mailboxes else None


def remember(store: Store, night: Night) -> None:
    """Leave the figures in place of those of the last audit."""
    store.write(counters.record, {}, night.figures, store.now())


def of(found: Audit, window: Window) -> Night | None:
    """Return an operator's audit of every mailbox as that of a night; None: it read less, or nothing."""
    looked_into = sum(each.trouble is None for each in found.mailboxes)
    if not looked_into or window.end - window.start < DAYS_BACK + DAYS_AHEAD:
        return None
    return Night(looked_into, len(found.mailboxes) + found.untried - looked_into, found.counts)


def _nothing() -> None:
    """Nobody watches the progress."""
