"""A worker's lookout with its crew, over a calendar server in memory and a store in time."""

import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.base import (
    Certificate,
    Change,
    ConnectorError,
    Create,
    Done,
    Found,
    Marked,
    Other,
    Outcome,
    Probe,
    Scope,
    Temporary,
    Update,
)
from receiver.config import Auth, EwsCalendar, Secret, Settings
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.store import counters
from receiver.store.counters import Figure
from receiver.store.intake import judge_batch
from receiver.worker.periodic import Periodic
from receiver.worker.server_threads import ServerThreads
from tests.lab.worker_harness import CALENDAR, HERS, HIS, StoreInTime, settings_for
from tests.makers import a_delivery, incoming

MAPPING = MailboxMap(CALENDAR, addresses={each: Mailbox(CALENDAR, each) for each in (HERS, HIS)})
UNAUTHORIZED = Temporary("unauthorized", Scope.SERVER)


@dataclass
class Exchange:
    """A calendar server in memory, whose door and clock are as a test says."""

    call_timeout_s: float = 1.0
    shown: Certificate | None = None
    ahead_s: float | None = 0.0
    error: ConnectorError | None = None
    """What every call meets."""
    held: dict[str, dict[str, Marked]] = field(default_factory=dict)
    """Items by mailbox and id."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    during: Callable[[], object] = lambda: None
    """Done within each call."""

    def _called(self, verb: str, mailbox: str) -> dict[str, Marked]:
        self.calls.append((verb, mailbox))
        self.during()
        if self.error:
            raise self.error
        return self.held.setdefault(mailbox, {})

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        items, outcomes = self._called("apply", mailbox), list[Outcome]()
        for change in changes:
            number = f"item {len(self.calls)}.{len(outcomes)}" if isinstance(change, Create) else change.item_id
            items.pop(number, None)
            if isinstance(change, Create | Update):
                items[number] = Marked(number, change.entry)
            outcomes.append(Done(number))
        return outcomes

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        items = self._called("find", mailbox).values()
        return {uid: [Found(each.item_id, uid) for each in items if each.entry.uid == uid] for uid in uids}

    def list_marked(self, mailbox: str, _start: datetime, _end: datetime) -> Iterable[Marked]:
        return list(self._called("list", mailbox).values())

    def list_others(self, mailbox: str, _after: datetime) -> Iterable[Other]:
        self._called("list_others", mailbox)
        return []

    def probe(self, mailbox: str) -> Probe:
        self._called("probe", mailbox)
        return Probe(mailbox, identity=mailbox, clock_ahead_s=self.ahead_s)

    def identify(self, mailbox: str) -> str:
        self._called("identify", mailbox)
        return mailbox

    def certificate(self) -> Certificate | None:
        self.calls.append(("certificate", ""))
        return self.shown

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class PeriodicHarness:
    """A worker's lookout with its crew, over a store in time; further hosts share the store."""

    store: StoreInTime
    log: io.StringIO
    exchange: Exchange = field(default_factory=Exchange)
    settings: Settings = field(init=False)
    installation: str = field(init=False)
    lookouts: list[Periodic] = field(default_factory=list)

    def __post_init__(self) -> None:
        door = EwsCalendar(
            name=CALENDAR,
            server="https://x/EWS",
            version="Exchange2016",
            auth=Auth.BASIC,
            username="svc",
            password=Secret("pw"),
            connections=2,
        )
        self.settings = settings_for("", MAPPING).replace(calendars={CALENDAR: door})
        self.installation = self.store.installation().id
        self.crew = self.a_crew()

    def a_crew(self) -> ServerThreads:
        return ServerThreads(CALENDAR, self.exchange, 2, self.store, self.settings.ruleset(), "aa")

    def host(self, crew: ServerThreads | None = None) -> Periodic:
        """The lookout of a process that starts."""
        crews = [crew or self.crew]
        self.lookouts.append(Periodic(self.store, self.settings, self.settings.ruleset(), crews, self.installation))
        return self.lookouts[-1]

    def look(self, host: Periodic, after: timedelta = timedelta()) -> None:
        """Let time pass; the host does all that is then due."""
        self.store.moment += after
        host.tick(self.store.moment)
        host.join(time.monotonic() + 30)

    def tell(self, *agents: AgentRef, number: int = 1) -> None:
        self.store.write(
            judge_batch.take,
            [incoming(a_delivery(now=self.store.moment, wire_id=number, uuid=None, agents=agents))],
            self.store.moment,
        )
        while self.store.settle(
            lambda view: self.crew.ruleset.compute_desired(view, self.store.moment), self.store.moment
        ):
            pass

    def work(self) -> None:
        while self.crew.work_once():
            pass

    def figure(self, name: str) -> Figure | None:
        return self.store.read(counters.figures_named).get(name)

    def asked(self, *verbs: str) -> int:
        return sum(verb in verbs for verb, _ in self.exchange.calls)

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.log.getvalue().splitlines()) if line["event"] == event]
