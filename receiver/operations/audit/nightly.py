"""The nightly audit: one mailbox after the other, without repair. The figures are stored for all screens.

An operator's audit of all mailboxes stores them too, so that repaired differences are no longer shown.
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
"""The audit begins between these hours; its duration depends on the mailboxes."""
SPREAD_MINUTES = 150
"""The start is spread, so that installations that share an Exchange do not begin together."""
DAYS_BACK, DAYS_AHEAD = timedelta(days=30), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Night:
    """The result of one nightly audit."""

    looked_into: int
    left_out: int
    """Mailboxes that could not be read, or whose server could not be used."""
    counts: Mapping[DifferenceKind, int]

    @property
    def figures(self) -> dict[str, int]:
        """The figures under which the result is stored, by name."""
        kinds = {f"audit/{kind}": self.counts[kind] for kind in DifferenceKind}
        return {"audit": self.looked_into, "audit/left_out": self.left_out, **kinds}


def is_time(installation: str, now: datetime) -> bool:
    """Whether an installation's audit may begin now: late enough, and before office hours."""
    local = now.astimezone(PARIS)
    number = int.from_bytes(hashlib.sha256(installation.encode()).digest()[:4])
    begins = datetime.combine(local.date(), EARLIEST, PARIS) + timedelta(minutes=number % SPREAD_MINUTES)
    return begins <= local < datetime.combine(local.date(), LATEST, PARIS)


def run(store: Store, settings: Settings, connectors: Mapping[str, Connector]) -> Night | None:
    """Audit every mailbox, one after the other; None: no server could be used.

    Once a server is in trouble, its other mailboxes are left out.

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
    """Replace the figures of the last audit."""
    store.write(counters.record, {}, night.figures, store.now())


def of(found: Audit, window: Window) -> Night | None:
    """Return an operator's audit as a nightly one; None: it did not cover every mailbox."""
    looked_into = sum(each.trouble is None for each in found.mailboxes)
    if not looked_into or window.end - window.start < DAYS_BACK + DAYS_AHEAD:
        return None
    return Night(looked_into, len(found.mailboxes) + found.untried - looked_into, found.counts)


def _nothing() -> None:
    """Show no progress."""
