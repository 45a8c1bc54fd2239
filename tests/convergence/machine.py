"""What every rule stands on: one clock, deliveries on their way, and the end, when all get the time they need."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis.stateful import RuleBasedStateMachine

from emitter.model import Rdv
from emitter.payloads import Generation
from mock_exchange import StoredItem
from receiver.store import Verdict
from receiver.store.database.records import Reason
from receiver.store.intake import judge_batch
from receiver.store.intake.set_aside import Waiting
from tests.convergence.authorities import INSERTION as INSERTION_EMITTER
from tests.convergence.authorities import RSP
from tests.convergence.bodies import read
from tests.convergence.emitters import DOUAI, INSERTION, Emitters, Job, Story
from tests.convergence.newest_state import Word
from tests.convergence.oracle import Choices, Oracle, Shown
from tests.convergence.shared_exchange import SharedExchange
from tests.convergence.strategies import LATE_KINDS, MAILBOXES, PLAIN
from tests.convergence.system import PAST_DAYS, TIMINGS, System
from tests.lab.worker_harness import UID_KEY
from tests.makers import NOW


class ConvergenceMachine(RuleBasedStateMachine):
    """One receiver and everything around it."""

    shared: SharedExchange

    def __init__(self) -> None:
        super().__init__()
        self._closing = ExitStack()
        self.store = self._closing.enter_context(self.shared.fresh())
        self.choices, self.directory = Choices(), PLAIN
        self.oracle = Oracle(self.choices, self.directory, NOW, timedelta(days=PAST_DAYS))
        self.system = System(self.shared, self.store, self.choices, self.directory)
        self.emitters = Emitters(self.tick)
        self.sent: list[Job] = []
        self.missed: set[tuple[str, int]] = set()
        """Events of which an agent deleted an entry: it comes back when the event changes."""
        self.late_by: datetime | None = None
        """When Exchange has made up its mind about calls whose client went away."""
        self.late_planned = False
        self.unheard: list[Job] = []
        """What is held, and the oracle has not heard of."""
        self.crowd_waits = 0
        """How many removals and cancellations of the crowd nobody has decided on."""

    @property
    def now(self) -> datetime:
        return self.store.moment

    # The clock

    def tick(self) -> datetime:
        """One second passes."""
        self.store.moment = self.store.moment.replace(microsecond=0) + timedelta(seconds=1)
        return self.store.moment

    def turn(self, by: timedelta) -> None:
        """Let time pass; what must happen by then happens: the emitters' last attempts, Exchange's late commits."""
        end = self.store.moment + by
        while True:
            job = min(self.emitters.queue, key=lambda job: job.deadline, default=None)
            if self.late_by is not None and self.late_by <= min(end, job.deadline if job else end):
                self.store.moment = max(self.store.moment, self.late_by)
                self.exchange_makes_up_its_mind()
            elif job is not None and job.deadline <= end:
                self.store.moment = max(self.store.moment, job.deadline)
                self.hand_over(job)
            else:
                break
        self.store.moment = max(self.store.moment, end)

    # The configuration

    def choose(self, **changed: bool) -> None:
        """Change policies."""
        self.choices = replace(self.choices, **changed)
        self.configure()

    def configure(self) -> None:
        """Put policies and mapping in force."""
        self.system.configure(self.choices, self.directory)
        self.oracle.configure(self.choices, self.directory)
        self.system.settle()  # what a policy takes away is erased by the worker's next turn

    # The network

    def hand_over(self, job: Job) -> None:
        """One attempt that gets through."""
        key = read(job.source, emitter_of(job), None, job.body).key
        is_waited_for = self.oracle.waits_about(key)
        if is_waited_for:
            self.system.judge()  # what is judged together is judged again together
        status, word = self.system.post(job)
        assert (status, word) == (202, "accepted"), (status, word, job.what)
        self.emitters.queue.remove(job)
        self.sent.append(job)
        heard = self.hear(job)
        if is_waited_for or heard is Word.ASIDE:
            verdict = self.system.judge()[-1]
            assert (verdict is Verdict.OUT_OF_SCOPE) == (heard is Word.ASIDE), (verdict, heard, job.what)

    def hear(self, job: Job, *, marked: bool = False) -> Word:
        """Have the oracle hear what was sent."""
        return self.oracle.receive(job.source, emitter_of(job), self.system.bound[job.source], job.body, marked=marked)

    def what_waits(self) -> list[Waiting]:
        """What is out of scope, which is what the oracle says."""
        rows = self.system.waiting(Reason.SCOPE)
        seen = [(row.source, row.model) for row in rows]
        told = [(each.source, _IN_THE_STORE.get(each.model, each.model)) for each in self.oracle.asides]
        assert seen == told, (seen, told)
        return rows

    def told(self, send: str, before: int) -> None:
        """Send what the emitters have queued since, or leave it for later."""
        new = self.emitters.queue[before:]
        if send == "later":
            return
        for job in reversed(new) if send == "newest first" else new:
            self.hand_over(job)
        if send == "now and work":
            self.work_all()

    def work_all(self) -> None:
        """Do all that is due now."""
        self.system.work_until_idle()
        self._notice_late()

    def exchange_makes_up_its_mind(self) -> None:
        self.shared.settle_late()
        self.late_by, self.late_planned = None, False

    def _notice_late(self) -> None:
        """Exchange takes no longer than `recheck` to commit, or to give up, what its client has not waited for."""
        planned = self.shared.exchange.faults._planned
        if self.late_planned and self.late_by is None and not any(plan.fault.kind in LATE_KINDS for plan in planned):
            self.late_by = self.store.moment + TIMINGS.recheck

    # The end

    def decide(self, *, about: set[tuple[str, int]] | None = None, holds: bool = True) -> None:
        """Somebody decides on what is out of scope."""
        raise NotImplementedError

    def take_in_others(self) -> None:
        """Somebody puts right what another installation left."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Somebody lets everything go that is held, save of the crowd: as though nothing had been held."""
        held = self.system.waiting(Reason.REMOVAL, Reason.CANCELLATION)
        self.store.write(judge_batch.release, [row.id for row in held if row.source != DOUAI], self.now)

    def come_to_rest(self) -> None:
        """All is well from now on, and everybody gets the time that they need."""
        self.shared.exchange.faults.clear()
        self.system.settle()
        self.system.go_on()
        self.exchange_makes_up_its_mind()
        end = self.store.moment + timedelta(hours=3)
        while True:
            self.system.work_until_idle()
            due_at = self.system.next_moment()
            if due_at is None:
                return
            assert due_at < end, ("there is no end of it", due_at, self.system.placements())
            self.turn(due_at - self.store.moment)

    def teardown(self) -> None:
        with self._closing:
            self._finish()

    def _finish(self) -> None:
        for story in self.emitters.stories:
            if story.key in self.missed:
                self._change_for_certain(story)
        for job in sorted(self.emitters.queue, key=lambda job: job.made_at, reverse=True):
            self.hand_over(job)
        self.decide(about=self.missed)
        self.let_go()
        self.take_in_others()
        self.come_to_rest()
        self._assert_converged()
        for pause in (timedelta(0), timedelta(days=1)):
            self.turn(pause)
            assert self.system.work_until_idle() == 0, "nothing more is written"
        self._assert_converged()

    def _change_for_certain(self, story: Story) -> None:
        if isinstance(story.entry, Rdv):
            self.emitters.change(story, Generation.YEAR_2026, starts_at=story.entry.starts_at + timedelta(minutes=5))
        else:
            self.emitters.change(story, Generation.YEAR_2026, start_time=time(story.entry.start_time.hour, 5))

    def _assert_converged(self) -> None:
        self.what_waits()
        exchange = self.shared.exchange
        assert (exchange.schema_errors, exchange.crashes, exchange.mails_sent) == ([], [], 0)
        for mailbox, uid, placement in self.system.placements():
            assert placement.applied == placement.desired, (mailbox, uid, placement)
            open_ends = placement.in_doubt, placement.attempted, placement.open_creates
            assert open_ends == (False, None, 0), (mailbox, uid, placement)
        until = NOW + timedelta(days=210)
        expected = self.oracle.expected(until)
        for mailbox in MAILBOXES:
            items = self.shared.times(mailbox, NOW - timedelta(days=500), until)
            seen = Counter(_shown(item) for item in items)
            wanted = expected.get(mailbox, Counter())
            assert seen == wanted, (mailbox, "missing", list(wanted - seen)[:3], "too many", list(seen - wanted)[:3])
            uids = Counter(item.extended[UID_KEY] for item in self.shared.masters(mailbox))
            assert not [uid for uid, count in uids.items() if count > 1], (mailbox, uids)


_IN_THE_STORE = {"AgentRole": "RoleNews", "Agent": "AgentNews"}


def emitter_of(job: Job) -> str:
    """Who sends a job."""
    return INSERTION_EMITTER if job.source == INSERTION else RSP


def _shown(item: StoredItem) -> Shown:
    return Shown(item.subject, item.location, item.start, item.end, item.show_as)
