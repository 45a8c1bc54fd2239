"""The receiver as it runs: web front, store, workers and connector over the mock, under the clock of the test."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from emitter.platforms import Platform
from emitter.signing import Scheme, headers
from receiver.config import Emitter, Settings, Source, StoreSettings, authority_of
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.plan import CallLimits, Placement
from receiver.core.policies import OnAgentDeparture, OnCancel, OnRgpdPurge, Policies, Title
from receiver.core.ruleset import Ruleset
from receiver.operations import rules
from receiver.store import LeaseLost, MailboxWork, StoreUnavailable, Verdict
from receiver.store.database.records import Reason
from receiver.store.database.tables import mailboxes, placements, servers
from receiver.store.intake import judge_batch, set_aside
from receiver.store.intake.set_aside import Waiting
from receiver.store.work import rulesets
from receiver.web.app import create_app
from receiver.worker.reconcile import reconcile
from receiver.worker.server_threads import BATCH, ServerThreads
from tests.convergence.emitters import BOUND, INSERTION, SOURCES, Job
from tests.convergence.oracle import Choices, Directory
from tests.convergence.shared_exchange import CALL_TIMEOUT_S, InterruptedConnector, SharedExchange
from tests.lab.configuration import signing
from tests.lab.database import database, placements_in
from tests.lab.worker_harness import StoreInTime

CALENDAR = "exchange"
TIMINGS = CallLimits.of(CALL_TIMEOUT_S)
PAST_DAYS = 90
WORKERS = 2


class PowerCut(KeyboardInterrupt):
    """A worker process dies."""


class System:
    """One receiver: a web process and two worker processes."""

    def __init__(self, shared: SharedExchange, store: StoreInTime, choices: Choices, directory: Directory) -> None:
        self.shared, self.store = shared, store
        self.scheme = Scheme.RDVI_HMAC
        self.relay = InterruptedConnector(shared.connector)
        self.stalled: tuple[Ruleset, MailboxWork] | None = None
        self._crews: list[ServerThreads] = []
        self.bound = dict(BOUND)
        self.configure(choices, directory)

    @property
    def now(self) -> datetime:
        return self.store.moment

    # Configuration

    def configure(self, choices: Choices, directory: Directory) -> None:
        """What a changed file does after somebody has confirmed it."""
        self.settings = _settings(choices, directory, self.bound)
        self._client = create_app(self.settings, self.store, lambda: self.store.moment).test_client()
        rules.propose(self.store, self.settings.ruleset(), self.now, confirmed=True)
        in_force = self.store.read(rulesets.in_force)
        assert in_force is not None
        self._ruleset = in_force.ruleset
        self._crews = [self._crew() for _ in range(WORKERS)]

    def rebind(self, source: str, by: frozenset[int] | None, choices: Choices, directory: Directory) -> None:
        """A secret is bound to other organisations; a worker that reads that has judged what came in before."""
        self.judge()
        self.bound[source] = by
        self.configure(choices, directory)
        key = self.store.installation().digest_key
        authorities = {name: authority_of(each, key) for name, each in self.settings.sources.items()}
        self.store.write(judge_batch.judge_out_of_scope, authorities, self.now)

    def _crew(self) -> ServerThreads:
        served = self.settings.served
        return ServerThreads(CALENDAR, self.relay, 1, self.store, self._ruleset, served=served)  # type: ignore[arg-type]

    # The front

    def post(self, job: Job) -> tuple[int, str]:
        """Send a webhook; return the answer's status and its word."""
        insertion = job.source == INSERTION
        platform = Platform.RDV_INSERTION if insertion else Platform.RDV_SERVICE_PUBLIC
        signed = headers(self.scheme if insertion else Scheme.LAPIN, job.body, secret_of(job.source), self.now)
        answer = self._client.post(
            f"/webhooks/{job.source}", data=job.body, headers={**platform.fixed_headers, **signed}
        )
        document = answer.get_json()
        return answer.status_code, document.get("reason") or document["status"]

    def post_into_a_full_disk(self, job: Job) -> int:
        """Send a webhook while nothing can be kept."""
        self.store.keep = _refuse  # type: ignore[method-assign, assignment]
        try:
            return self.post(job)[0]
        finally:
            del self.store.keep  # type: ignore[method-assign]

    # The worker

    def judge(self) -> list[Verdict]:
        """Judge all that came in; return what became of it, in order."""
        verdicts = []
        while judged := self.store.judge(self.now):
            assert all(each.receipt for each in judged), "nothing that is sent may be set aside"
            verdicts += [each.receipt.verdict for each in judged if each.receipt]
        return verdicts

    def settle(self, limit: int = 200) -> None:
        self.judge()
        while (
            self.store.settle(lambda view: self._ruleset.compute_desired(view, self.now), self.now, limit)
            == limit
            == 200
        ):
            pass

    def work_once(self, worker: int) -> bool:
        try:
            return self._crews[worker].work_once()
        except LeaseLost:
            return True

    def work_until_idle(self) -> int:
        """Do all that is due now; return how many POSTs it took."""
        before = len(self.shared.exchange.requests)
        self.settle()
        while sum(self.work_once(worker) for worker in range(WORKERS)):
            self.settle()
        return len(self.shared.exchange.requests) - before

    def die_in_the_middle(self, records: int, error: type[BaseException]) -> None:
        """Work, and end at the n-th time that something is to be recorded: before, between or after the calls."""
        advance, left = self.store.advance, records

        def advance_unless_dead(*arguments, **named):  # type: ignore[no-untyped-def]
            nonlocal left
            left -= 1
            if not left:
                raise error
            return advance(*arguments, **named)

        self.store.advance = advance_unless_dead  # type: ignore[method-assign]
        try:
            self.work_once(0)
        except (PowerCut, StoreUnavailable):
            pass
        finally:
            del self.store.advance  # type: ignore[method-assign]
        self._crews[0] = self._crew()

    def claim_and_stall(self) -> None:
        """A worker takes a mailbox and then hangs before it does anything."""
        work = self.store.claim(CALENDAR, self.now, BATCH, TIMINGS.lease)
        if work is not None:
            self.stalled = self._ruleset, work

    def go_on(self) -> None:
        """The worker that hung goes on, whether it still may or not."""
        if self.stalled is not None:
            (ruleset, work), self.stalled = self.stalled, None
            with suppress(LeaseLost):
                served = self.settings.served
                reconcile(self.store, self.relay, ruleset, work, TIMINGS, served)  # type: ignore[arg-type]

    def meanwhile(self, happens: Callable[[], None]) -> None:
        """Have something happen at the moment of the next call."""

        def settled_by_another_thread() -> None:
            happens()
            self.settle()

        self.relay.meanwhile = settled_by_another_thread

    # What the store says

    def placements(self) -> list[tuple[str, str, Placement]]:
        """(mailbox, event's uid, placement)."""
        return placements_in(self.store.url)

    def waiting(self, *reasons: Reason) -> list[Waiting]:
        """What waits for somebody to decide, for some reasons, in the order in which it came."""
        self.judge()
        return [each for each in self.store.read(set_aside.waiting, 10_000) if each.reason in reasons]

    def next_moment(self) -> datetime | None:
        """When there is something to do next, as far as the record tells; None: never."""
        with database(self.store.url) as connection:
            due = connection.scalar(select(func.min(placements.c.due_at)))
            held = connection.execute(select(mailboxes.c.blocked_until, mailboxes.c.leased_until)).all()
            held += connection.execute(select(servers.c.blocked_until, servers.c.probe_until)).all()
        if due is None:
            return None
        waits = [moment for row in held for moment in row if moment is not None and moment > self.now]
        return due if due > self.now else min(waits, default=self.now + timedelta(seconds=1))


def secret_of(source: str) -> str:
    return f"secret of {source}"


def _refuse(*_: object) -> None:
    raise StoreUnavailable("OperationalError")


def _settings(choices: Choices, directory: Directory, bound: Mapping[str, frozenset[int] | None]) -> Settings:
    policies = Policies(
        on_cancel=OnCancel.MARK if choices.mark_cancelled else OnCancel.DELETE,
        on_rgpd_purge=OnRgpdPurge.KEEP if choices.keep_purged else OnRgpdPurge.DELETE,
        on_agent_departure=OnAgentDeparture.KEEP if choices.keep_departed else OnAgentDeparture.DELETE_FUTURE,
        past_days=PAST_DAYS,
        absences=choices.absences,
        plages_ouverture=choices.plages,
        collective_names=choices.names,
        absence_titles=choices.titles,
        visio_link=choices.visio_links,
        single_use_places=choices.single_use_places,
        title=Title.GENERIC if choices.generic_titles else Title.MOTIF,
    )
    sources = {name: _source(name, policies, bound[name]) for name in SOURCES}
    return Settings(store=StoreSettings(url=""), sources=sources, calendars={}, mailboxes=_mapping(directory))


def _source(name: str, policies: Policies, bound: frozenset[int] | None) -> Source:
    return Source(
        name=name,
        emitter=Emitter.RDV_INSERTION if name == INSERTION else Emitter.RDV_SERVICE_PUBLIC,
        platform="production",
        secrets=(signing(secret_of(name), *(bound or ())),),
        policies=policies,
    )


def _mapping(directory: Directory) -> MailboxMap:
    mapping = MailboxMap(
        CALENDAR,
        addresses={email: Mailbox(CALENDAR, mailbox) for email, mailbox in directory.direct.items()},
        domains=dict(directory.domains),
        ignore=tuple(sorted({f"*@{domain}" for domain in directory.ignored_domains} | directory.ignored)),
    )
    return replace(mapping, only=tuple(sorted(directory.pilot))) if directory.pilot is not None else mapping
