"""What a worker leaves word of beside the work: agents to map, certificates, clocks, and the audit of the night."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import (
    Certificate,
    Change,
    ConnectorError,
    Create,
    Done,
    Found,
    Marked,
    Outcome,
    Permanent,
    Probe,
    Scope,
    Temporary,
    Update,
)
from mock_exchange import FaultKind
from receiver.config import Auth, EwsCalendar, Secret, Settings
from receiver.config.settings import Access
from receiver.core.facts import AgentRef
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.operations import scheduled_audit
from receiver.store import Figure, StoreUnavailable
from receiver.worker import visits
from receiver.worker.crew import CallsStuck, Crew, GateClosed
from receiver.worker.lookout import BUSY, COUNT_EVERY, LOOK_AGAIN, LOOK_EVERY, Lookout
from tests.logs.captured import captured_logs
from tests.makers import KARIM, MARTINE, NOW, a_delivery, incoming
from tests.worker.bench import CALENDAR, HERS, HIS, Bench, StoreInTime, settings_for
from tests.worker.crews import wait_until

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)
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
class Watch:
    """A worker's lookout with its crew, over a store in time; further hosts share the store."""

    store: StoreInTime
    log: io.StringIO
    exchange: Exchange = field(default_factory=Exchange)
    settings: Settings = field(init=False)
    installation: str = field(init=False)
    lookouts: list[Lookout] = field(default_factory=list)

    def __post_init__(self) -> None:
        door = EwsCalendar(
            CALENDAR,
            "https://x/EWS",
            "Exchange2016",
            Auth.BASIC,
            Access.IMPERSONATION,
            "svc",
            Secret("pw"),
            connections=2,
        )
        self.settings = replace(settings_for("", MAPPING), calendars={CALENDAR: door})
        self.installation = self.store.installation().id
        self.crew = self.a_crew()

    def a_crew(self) -> Crew:
        return Crew(CALENDAR, self.exchange, 2, self.store, self.settings.ruleset(), "aa")

    def host(self, crew: Crew | None = None) -> Lookout:
        """The lookout of a process that starts."""
        crews = [crew or self.crew]
        self.lookouts.append(Lookout(self.store, self.settings, self.settings.ruleset(), crews, self.installation))
        return self.lookouts[-1]

    def look(self, host: Lookout, after: timedelta = timedelta()) -> None:
        """Let time pass; the host does all that is then due."""
        self.store.moment += after
        host.tick(self.store.moment)
        host.join(time.monotonic() + 30)

    def tell(self, *agents: AgentRef, number: int = 1) -> None:
        self.store.accept(
            [incoming(a_delivery(now=self.store.moment, wire_id=number, uuid=None, agents=agents))], self.store.moment
        )
        while self.store.settle(lambda view: self.crew.ruleset.decide(view, self.store.moment), self.store.moment):
            pass

    def work(self) -> None:
        while self.crew.work_once():
            pass

    def figure(self, name: str) -> Figure | None:
        return self.store.figures().get(name)

    def asked(self, *verbs: str) -> int:
        return sum(verb in verbs for verb, _ in self.exchange.calls)

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.log.getvalue().splitlines()) if line["event"] == event]


@pytest.fixture
def watch(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Watch]:
    (tmp_path / "store.db").write_bytes(migrated_sqlite.read_bytes())
    store = StoreInTime(f"sqlite:///{tmp_path}/store.db")
    with captured_logs() as stream:
        opened = Watch(store, stream)
        yield opened
        for each in opened.lookouts:
            each.stop()
            each.join(time.monotonic() + 30)
        assert opened.lines("unforeseen") == []
    store.close()


# Agents without a mailbox


def test_agents_to_be_mapped_are_counted_each_minute_by_one_host(watch: Watch) -> None:
    watch.tell(MARTINE, AgentRef("40", "someone@else.example"), AgentRef("41", "another@else.example"))
    here, there = watch.host(), watch.host(watch.a_crew())
    watch.look(here)
    assert watch.figure("unmapped") == Figure(2, NOW)
    watch.tell(AgentRef("42", "third@else.example"), number=2)
    watch.look(there, COUNT_EVERY - SECOND)
    assert watch.figure("unmapped") == Figure(2, NOW)
    watch.look(there, COUNT_EVERY)
    assert watch.figure("unmapped") == Figure(3, watch.store.moment)


def test_in_a_dry_run_agents_are_counted_and_no_server_is_asked(watch: Watch) -> None:
    dry = Lookout(watch.store, watch.settings, watch.settings.ruleset(), [], watch.installation)
    watch.lookouts.append(dry)
    watch.look(dry)
    assert (watch.figure("unmapped"), watch.exchange.calls) == (Figure(0, NOW), [])


# Certificates


def test_the_end_of_a_certificate_is_noted_at_the_start_and_every_six_hours(watch: Watch) -> None:
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    here = watch.host()
    watch.look(here)
    assert watch.figure("certificate/exchange") == Figure(int((NOW + timedelta(days=90)).timestamp()), NOW)
    for _ in range(int(LOOK_EVERY / LOOK_AGAIN) - 1):
        watch.look(here, LOOK_AGAIN)
    assert watch.asked("certificate") == 1
    watch.look(here, LOOK_AGAIN)
    assert watch.asked("certificate") == 2


def test_hosts_that_start_together_look_once(watch: Watch) -> None:
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=90))
    for _ in range(3):
        watch.look(watch.host(watch.a_crew()))
    assert watch.asked("certificate") == 1


@pytest.mark.parametrize(
    "shown", [Certificate("tls_untrusted", NOW + timedelta(days=90)), Certificate(None, NOW + timedelta(days=20))]
)
def test_a_certificate_in_trouble_is_looked_at_again_soon(watch: Watch, shown: Certificate) -> None:
    """Who renews it wants to see that it is well."""
    watch.exchange.shown = shown
    here = watch.host()
    watch.look(here)
    assert watch.figure("certificate/exchange") is not None
    watch.exchange.shown = Certificate(expires_at=NOW + timedelta(days=365))
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("certificate/exchange") == Figure(
        int((NOW + timedelta(days=365)).timestamp()), watch.store.moment
    )


def test_a_door_that_does_not_open_is_told_in_the_log_alone(watch: Watch) -> None:
    watch.exchange.shown = Certificate("connection_failed")
    watch.look(watch.host())
    assert watch.figure("certificate/exchange") is None
    assert [line["code"] for line in watch.lines("certificate_look_failed")] == ["connection_failed"]
    assert watch.store.server(CALENDAR) is None


def test_where_there_is_no_tls_there_is_no_figure(watch: Watch) -> None:
    here = watch.host()
    watch.look(here)
    watch.look(here, LOOK_AGAIN)
    assert (watch.figure("certificate/exchange"), watch.asked("certificate")) == (None, 1)


# Clocks


def written(watch: Watch) -> Lookout:
    """A host that has written into a mailbox."""
    watch.tell(MARTINE)
    watch.work()
    watch.exchange.calls.clear()
    return watch.host()


def test_a_servers_clock_is_read_in_the_mailbox_that_was_written_last(watch: Watch) -> None:
    watch.tell(MARTINE)
    watch.work()
    watch.store.moment += timedelta(minutes=5)
    watch.tell(KARIM, number=2)
    watch.work()
    watch.exchange.ahead_s = -3.4
    watch.look(watch.host())
    assert [call for call in watch.exchange.calls if call[0] == "probe"] == [("probe", HIS)]
    assert watch.figure("clock/exchange") == Figure(-3, watch.store.moment)


def test_nobody_asks_before_anything_was_written(watch: Watch) -> None:
    here = watch.host()
    watch.look(here)
    assert watch.asked("probe") == 0
    watch.tell(MARTINE)
    watch.work()
    watch.look(here, BUSY)
    assert watch.asked("probe") == 1


def test_a_clock_that_is_off_is_read_again_soon(watch: Watch) -> None:
    here = written(watch)
    watch.exchange.ahead_s = 400.0
    watch.look(here)
    watch.exchange.ahead_s = 0.0
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("clock/exchange") == Figure(0, watch.store.moment)
    watch.look(here, LOOK_AGAIN)
    assert watch.asked("probe") == 2


def test_work_goes_before_a_look(watch: Watch) -> None:
    here = written(watch)
    watch.tell(MARTINE, number=2)
    watch.look(here)
    assert watch.asked("probe") == 0
    watch.work()
    watch.look(here, BUSY)
    assert watch.asked("probe") == 1


@pytest.mark.parametrize("code", ["connection_failed", "server_error", "tls_failed"])
def test_a_look_that_fails_makes_no_trouble_and_holds_up_no_work(watch: Watch, code: str) -> None:
    """A server that nobody needs at the moment would stay in trouble until somebody does."""
    here = written(watch)
    watch.exchange.error = Temporary(code, Scope.SERVER)
    watch.look(here)
    assert [line["code"] for line in watch.lines("clock_look_failed")] == [code]
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert (server.failure, server.blocked_until) == (None, None)
    watch.exchange.error = None
    watch.tell(MARTINE, number=2)
    watch.work()
    assert watch.asked("apply") == 1
    watch.look(here, LOOK_AGAIN)
    assert watch.figure("clock/exchange") is not None


def test_a_refused_account_is_refused_for_all_and_not_tried_again_at_once(watch: Watch) -> None:
    """An Active Directory counts each attempt, of whatever errand."""
    here, another = written(watch), watch.a_crew()
    watch.exchange.error = UNAUTHORIZED
    watch.look(here)
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert server.failure == "unauthorized"
    assert server.blocked_until is not None
    assert server.blocked_until >= watch.store.moment + timedelta(minutes=5)
    watch.tell(MARTINE, number=2)
    for crew in (watch.crew, another):
        assert not crew.work_once()
        with pytest.raises(GateClosed):
            crew.ask(lambda connector: connector.probe(HERS))
    watch.look(here, timedelta(minutes=4))
    assert len([call for call in watch.exchange.calls if call[0] != "certificate"]) == 1


def test_a_server_that_nobody_needs_is_found_well_again(watch: Watch) -> None:
    """Its trouble would else be told until somebody has work for it."""
    here = written(watch)
    watch.exchange.error = UNAUTHORIZED
    watch.look(here)
    watch.exchange.error = None
    watch.look(here, LOOK_AGAIN)
    server = watch.store.server(CALENDAR)
    assert server is not None
    assert server.failure is None
    assert watch.figure("clock/exchange") is not None


def test_a_look_that_never_comes_back_is_given_up_like_any_call(watch: Watch) -> None:
    here, go = written(watch), threading.Event()
    watch.crew._timings = replace(watch.crew._timings, lease=timedelta(0))
    watch.exchange.during = lambda: go.wait(30)
    try:
        here.tick(watch.store.moment)
        wait_until(lambda: watch.asked("probe"))
        time.sleep(0.01)  # now it is late
        watch.crew.look_after()
        server = watch.store.server(CALENDAR)
        assert server is not None
        assert server.stuck_calls == 1
        watch.crew.look_after()
        assert watch.store.server(CALENDAR) == server, "it is counted once"
        watch.crew.connections = 1
        watch.crew._stuck.clear()
        with pytest.raises(CallsStuck):
            watch.crew.look_after()
    finally:
        go.set()


# The audit of the night


def night_of(watch: Watch) -> datetime:
    """The first moment of the coming night at which this installation's audit may begin."""
    moment = datetime(2026, 12, 2, 0, 0, tzinfo=PARIS)
    while not scheduled_audit.is_time(watch.installation, moment):
        moment += timedelta(minutes=1)
    return moment


def test_audits_begin_in_the_small_hours_and_not_all_at_once() -> None:
    minutes = [datetime(2026, 12, 2, 0, 0, tzinfo=PARIS) + timedelta(minutes=number) for number in range(24 * 60)]
    begins = set()
    for number in range(40):
        allowed = [minute for minute in minutes if scheduled_audit.is_time(f"installation {number}", minute)]
        assert allowed[0].hour in {2, 3, 4}
        assert allowed[-1] == datetime(2026, 12, 2, 4, 59, tzinfo=PARIS)
        begins.add(allowed[0])
    assert len(begins) > 20


@pytest.fixture
def at_night(watch: Watch) -> Watch:
    watch.tell(MARTINE, KARIM)
    watch.tell(MARTINE, number=2)
    watch.work()
    watch.store.moment = night_of(watch)
    return watch


KINDS = ("audit/missing", "audit/doubled", "audit/foreign", "audit/orphaned")


def found(watch: Watch) -> dict[str, int]:
    return {name: figure.value for name, figure in watch.store.figures().items() if name.startswith("audit")}


def test_a_nights_audit_leaves_what_it_found(at_night: Watch) -> None:
    at_night.exchange.held[HERS].popitem()
    [item] = at_night.exchange.held[HIS].values()
    at_night.exchange.held[HIS][item.item_id] = replace(item, entry=replace(item.entry, title="changed"))
    before = at_night.store.recorded(Mailbox(CALENDAR, HERS))
    at_night.look(at_night.host())
    assert found(at_night) == {
        "audit": 2, "audit/left_out": 0, "audit/missing": 1, "audit/doubled": 0, "audit/foreign": 1, "audit/orphaned": 0
    }  # fmt: skip
    [line] = at_night.lines("audited")
    assert (line["mailboxes"], line["missing"], line["foreign"]) == (2, 1, 1)
    assert at_night.store.recorded(Mailbox(CALENDAR, HERS)) == before, "nothing is repaired"
    assert at_night.asked("apply") == 2, "as before the night"


def test_one_host_audits_once_a_night(at_night: Watch) -> None:
    for _ in range(3):
        at_night.look(at_night.host(at_night.a_crew()))
        at_night.look(at_night.lookouts[-1], LOOK_AGAIN)
    assert at_night.asked("list") == 2
    at_night.store.moment = night_of(at_night) + timedelta(days=1)
    at_night.look(at_night.lookouts[0])
    assert at_night.asked("list") == 4


def test_by_day_nothing_is_audited_nor_where_it_is_switched_off(at_night: Watch) -> None:
    at_night.store.moment = NOW + timedelta(hours=2)
    at_night.look(at_night.host())
    at_night.store.moment = night_of(at_night)
    at_night.settings = replace(at_night.settings, scheduled_audit=False)
    at_night.look(at_night.host())
    assert (at_night.asked("list"), found(at_night)) == (0, {})


def test_work_that_comes_in_goes_before_the_rest_of_an_audit(at_night: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "ASK_AGAIN_S", 0.01)
    come = iter([True])

    def interrupt() -> None:
        if next(come, False):
            at_night.tell(MARTINE, number=3)

    at_night.exchange.during = interrupt
    at_night.store.take_turn("clock/exchange", SECOND, at_night.store.moment)  # so that the audit alone asks anything
    here = at_night.host()
    here.tick(at_night.store.moment)
    wait_until(lambda: at_night.store.has_work(CALENDAR, at_night.store.moment))
    time.sleep(0.05)
    assert at_night.asked("list") == 1, "it waits"
    at_night.work()
    here.join(time.monotonic() + 30)
    assert found(at_night)["audit"] == 2


def test_an_audit_that_is_interrupted_leaves_no_half_figures_and_is_done_anew(
    at_night: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "ASK_AGAIN_S", 0.01)
    first = at_night.host()
    at_night.exchange.during = first.stop
    at_night.look(first)
    at_night.exchange.during = lambda: None
    assert (at_night.asked("list") <= 1, found(at_night)) == (True, {})
    at_night.look(at_night.host(), LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_an_audit_that_loses_its_store_for_a_moment_is_done_anew(
    at_night: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = at_night.host()
    with monkeypatch.context() as broken:

        def away(*_: object) -> None:
            raise StoreUnavailable("OperationalError")

        broken.setattr(at_night.store, "recorded", away)
        at_night.look(here)
    assert found(at_night) == {}
    at_night.look(here, LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_a_server_in_trouble_is_left_out_and_one_that_none_answers_leaves_no_figures(
    at_night: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "PATIENCE_S", 0.0)
    monkeypatch.setattr(visits, "ASK_AGAIN_S", 0.01)
    at_night.exchange.error = Temporary("connection_failed", Scope.SERVER)
    here = at_night.host()
    at_night.look(here)
    assert at_night.asked("list") <= 1
    assert found(at_night) == {}
    assert [line["interrupted"] for line in at_night.lines("audit_given_up")] == [False]
    at_night.exchange.error = None
    at_night.look(here, LOOK_AGAIN)
    assert found(at_night)["audit"] == 2


def test_a_mailbox_that_cannot_be_read_is_counted_among_those_left_out(at_night: Watch) -> None:
    def deny() -> None:
        if at_night.exchange.calls[-1] == ("list", HIS):
            raise Permanent("access_denied", Scope.MAILBOX)

    at_night.exchange.during = deny
    at_night.look(at_night.host())
    assert (found(at_night)["audit"], found(at_night)["audit/left_out"]) == (1, 1)


def test_an_audit_meets_a_refused_account_once(at_night: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "PATIENCE_S", 0.1)
    monkeypatch.setattr(visits, "ASK_AGAIN_S", 0.01)
    at_night.exchange.calls.clear()
    at_night.exchange.error = UNAUTHORIZED
    at_night.look(at_night.host())
    assert at_night.asked("list", "probe", "find") == 1


def test_over_ews_an_audit_and_a_clock_cost_few_posts_and_a_refusal_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "PATIENCE_S", 0.0)
    bench.tell()
    bench.work()
    door = EwsCalendar(CALENDAR, bench.exchange.url, "Exchange2016", Auth.BASIC, Access.IMPERSONATION, "svc", None)
    settings = replace(bench.settings, calendars={CALENDAR: door})
    visitors = {CALENDAR: visits.Visitor(bench.crew, threading.Event())}
    before = len(bench.exchange.requests)
    night = scheduled_audit.run(bench.store, settings, visitors)
    assert night is not None
    assert (night.looked_into, night.left_out, sum(night.counts.values())) == (2, 0, 0)
    assert len(bench.exchange.requests) - before == 6
    ahead_s = bench.crew.ask(lambda connector: connector.probe(HERS)).clock_ahead_s
    assert ahead_s is not None
    assert len(bench.exchange.requests) - before == 8
    bench.inject(FaultKind.UNAUTHORIZED, times=None)
    assert scheduled_audit.run(bench.store, settings, visitors) is None
    assert len(bench.exchange.requests) - before == 9
