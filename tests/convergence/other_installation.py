"""Another installation, whose record was lost or that should not be there: its entries stand where ours belong."""

import uuid
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from connectors.base import INSTALLATION_PROPERTY, PROPERTY_SET_ID, CalendarEntry, Create, Done
from mock_exchange import StoredItem
from receiver.config import IcsFolder
from receiver.core.mailboxes import Mailbox
from receiver.operations.audit.run import Window
from receiver.operations.recovery import take_from, uninstall
from receiver.store.database.tables import mailboxes
from receiver.store.tools import recovery
from tests.convergence.decisions import Decisions
from tests.convergence.strategies import MAILBOXES, pick, some
from tests.convergence.system import CALENDAR, TIMINGS
from tests.lab.database import database
from tests.lab.worker_harness import UID_KEY
from tests.makers import NOW

OTHER = str(uuid.UUID(int=7))
MARK = (PROPERTY_SET_ID, INSTALLATION_PROPERTY)
COMING = NOW + timedelta(days=200)
"""It lies ahead for as long as a life lasts."""


class Beside(Decisions):
    """What it wrote, and what becomes of that in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.shut: set[str] = set()
        """Mailboxes in which it wrote before we ever did."""

    @precondition(lambda self: self.system.placements())
    @rule(which=some, mailbox=st.sampled_from(MAILBOXES))
    def another_installation_has_written(self, which: int, mailbox: str) -> None:
        """An event that we know, perhaps with another time, perhaps where it does not belong any more."""
        uid = pick(sorted({uid for _, uid, _ in self.system.placements()}), which)
        written = CalendarEntry(uid, "Autre", COMING, COMING + timedelta(hours=1), "UTC")
        if mailbox not in self._met():
            self.shut.add(mailbox)
        [outcome] = self.shared.other.apply(mailbox, [Create(written)])
        assert isinstance(outcome, Done) or self.shared.exchange.faults._planned

    def take_in_others(self) -> None:
        """Somebody adopts what it wrote, and has that removed of which ours stands there already."""
        self.shared.exchange.faults.clear()
        self.system.go_on()
        self.exchange_makes_up_its_mind()
        self.turn(TIMINGS.lease)
        for mailbox in self.shut:
            assert [item for item in self.shared.masters(mailbox) if item.extended[MARK] != OTHER] == []
        theirs = [item for mailbox in MAILBOXES for item in self.shared.masters(mailbox) if _is_theirs(item)]
        if not theirs:
            return
        known = self.store.read(recovery.finished, {str(item.extended[UID_KEY]) for item in theirs})
        for item in theirs:
            if str(item.extended[UID_KEY]) not in known:  # forgotten meanwhile: it would wait for its event for ever
                self.shared.exchange.delete_item(item.item_id)
        self._adopt()

    def _adopt(self) -> None:
        settings = self.system.settings.replace(calendars={CALENDAR: IcsFolder(name=CALENDAR, path=Path("unused"))})
        boxes = [Mailbox(CALENDAR, mailbox) for mailbox in MAILBOXES]
        ours, other = {CALENDAR: self.shared.connector}, {CALENDAR: self.shared.other}
        window = Window(NOW - timedelta(days=400), uninstall.EVER[1])
        adopted = take_from.run(
            self.store, settings, boxes, ours, other, window, lambda: None, dry_run=False, limit_s=0.0
        )
        assert adopted.ok, adopted
        removed = uninstall.run(
            self.store, settings, boxes, other, lambda: None, dry_run=False, of_another=True, limit_s=0.0
        )
        assert removed.ok, removed

    def _met(self) -> set[str]:
        with database(self.store.url) as connection:
            met = select(mailboxes.c.address).where(mailboxes.c.met_at.is_not(None))
            return set(connection.scalars(met))


def _is_theirs(item: StoredItem) -> bool:
    return item.extended[MARK] == OTHER
