"""Random lives of appointments, absences and openings, of the people they belong to and of the machines that fail them.

The machine turns one clock. Its rules do what the platform, the network, the administrator, the agents, Exchange and
dying processes may do; its end gives everybody the time they are promised, then asks the oracle.
"""

from dataclasses import fields
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from emitter.model import Status
from emitter.payloads import Generation
from mock_exchange import Fault, FaultKind, StoredItem
from receiver.operations.erasure import purge
from receiver.store import StoreUnavailable
from tests.convergence.emitters import ADDRESSES, ARRAS, STEADY, Story
from tests.convergence.oracle import Choices
from tests.convergence.other_installation import Beside
from tests.convergence.platform_rules import at, rdvs
from tests.convergence.shared_exchange import SUB_FOLDER
from tests.convergence.strategies import (
    COMING,
    DIRECTORIES,
    HEALING,
    LATE_KINDS,
    LONGEST_LIFE,
    MAILBOXES,
    MEETS,
    PAUSES,
    meets,
    pauses,
    pick,
    some,
    verbs,
)
from tests.convergence.system import WORKERS, PowerCut
from tests.lab.worker_harness import UID_KEY
from tests.makers import NOW


class Life(Beside):
    """One receiver and everything that may befall it."""

    # The worker

    @rule(how=st.sampled_from(["settle one", "settle all", "first works once", "second works once", "all", "all"]))
    def the_worker_works(self, how: str) -> None:
        match how:
            case "settle one":
                self.system.settle(1)
            case "settle all":
                self.system.settle()
            case "all":
                self.work_all()
            case _:
                self.system.work_once(how == "second works once")
                self._notice_late()

    @rule(records=st.integers(1, 4), error=st.sampled_from([PowerCut, StoreUnavailable]))
    def a_worker_dies(self, records: int, error: type[BaseException]) -> None:
        self.system.settle()
        self.system.die_in_the_middle(records, error)
        self._notice_late()

    @precondition(lambda self: self.system.stalled is None)
    @rule(meets=meets, which=some)
    def a_worker_claims_and_hangs(self, meets: str, which: int) -> None:
        self._tell_what_is_written(meets, which)
        self.system.settle()
        self.system.claim_and_stall()

    @precondition(lambda self: self.system.stalled is not None)
    @rule()
    def the_worker_that_hung_goes_on(self) -> None:
        self.system.go_on()
        self._notice_late()

    @precondition(lambda self: self.emitters.queue)
    @rule(which=some, worker=st.integers(0, WORKERS - 1))
    def something_arrives_during_a_call(self, which: int, worker: int) -> None:
        job = pick(self.emitters.queue, which)
        self.system.settle()
        self.system.meanwhile(lambda: self.hand_over(job))
        self.system.work_once(worker)
        self.system.relay.meanwhile = None
        self._notice_late()

    # Trouble

    @rule(
        kind=st.sampled_from([kind for kind in FaultKind if kind not in LATE_KINDS]),
        verb=verbs,
        mailbox=st.none() | st.sampled_from(MAILBOXES),
        times=st.integers(1, 3),
        after=st.integers(0, 1),
        code=st.sampled_from(HEALING),
        meets=meets,
        which=some,
    )
    def exchange_will_be_in_trouble(
        self,
        kind: FaultKind,
        verb: str | None,
        mailbox: str | None,
        times: int,
        after: int,
        code: str,
        meets: str,
        which: int,
    ) -> None:
        fault = Fault(kind, verb, mailbox, times, after, code=code, retry_after_s=40, back_off_ms=50_000)
        self.shared.exchange.inject(fault)
        self._provoke(meets, which)

    @precondition(lambda self: not self.late_planned)
    @rule(
        kind=st.sampled_from([FaultKind.LATE_COMMIT] * 7 + [FaultKind.HANG, FaultKind.SLOW_ANSWER]),
        verb=verbs,
        meets=meets,
        which=some,
        then=pauses,
    )
    def exchange_will_be_late(self, kind: FaultKind, verb: str | None, meets: str, which: int, then: str) -> None:
        self.shared.exchange.inject(Fault(kind, verb, delay_s=60))
        self.late_planned = True
        self._provoke(meets, which)
        if meets != "nothing yet":
            self.time_passes(by=then)
            self._provoke(meets, which + 1)

    @rule(
        kind=st.sampled_from([FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE, FaultKind.SHORT]),
        meets=meets,
        which=some,
        then=pauses,
    )
    def a_write_has_no_answer(self, kind: FaultKind, meets: str, which: int, then: str) -> None:
        """And the worker goes on a while later: the shortest way into trouble."""
        verb = MEETS[meets]
        self.shared.exchange.inject(Fault(kind, verb))
        self._provoke(meets, which)
        self.time_passes(by=then)
        self.work_all()

    def _provoke(self, meets: str, which: int) -> None:
        """Have something written that meets the trouble."""
        if MEETS[meets] is not None:
            self._tell_what_is_written(meets, which)
            self.work_all()

    def _tell_what_is_written(self, meets: str, which: int) -> None:
        known = [story for story in rdvs(self.emitters.stories) if story.entry.starts_at > NOW]
        verb = MEETS[meets]
        if verb is None:
            return
        if verb == "CreateItem" or not known:
            rdv = self.emitters.rdv(at(COMING + which % 7, 10), (pick(list(ADDRESSES), which), STEADY), ARRAS)
            self.emitters.begin(Story(rdv, (ARRAS,)), Generation.YEAR_2026)
        elif verb == "UpdateItem":
            story = pick(known, which)
            self.emitters.change(story, Generation.YEAR_2026, starts_at=story.entry.starts_at + timedelta(minutes=5))
        else:
            story = pick(known, which)
            gone = story.entry.status is Status.REVOKED
            self.emitters.change(story, Generation.YEAR_2026, status=Status.UNKNOWN if gone else Status.REVOKED)
        self.deliver_all(newest_first=True)

    @precondition(lambda self: self.late_by is not None)
    @rule()
    def exchange_is_late_until_now(self) -> None:
        self.exchange_makes_up_its_mind()

    @rule(by=pauses)
    def time_passes(self, by: str) -> None:
        if self.store.moment + PAUSES[by] < NOW + LONGEST_LIFE:
            self.turn(PAUSES[by])
            purge(self.store, self.store.moment, 30, 30)

    # The administrator

    @rule(what=st.sampled_from([*(changed.name for changed in fields(Choices)), *range(len(DIRECTORIES))]))
    def the_administrator_decides(self, what: str | int) -> None:
        """Another policy, or another mapping."""
        if isinstance(what, str):
            self.choose(**{what: not getattr(self.choices, what)})
        else:
            self.directory = DIRECTORIES[what]
            self.configure()

    # The agents' own hands

    @precondition(lambda self: self._touchable())
    @rule(which=some, deletes=st.booleans())
    def an_agent_files_or_deletes_an_entry(self, which: int, deletes: bool) -> None:
        item, story = pick(self._touchable(), which)
        if deletes:
            self.shared.exchange.delete_item(item.item_id)
            self.missed.add(story.key)
        elif item.folder != SUB_FOLDER:
            self.shared.exchange.move_item(item.item_id, SUB_FOLDER)

    def _touchable(self) -> list[tuple[StoredItem, Story]]:
        """What an agent may move or delete without making two of our own writes ambiguous: nothing in doubt."""
        if self.late_by is not None or self.system.stalled is not None:
            return []
        records = self.system.placements()
        doubtful = {uid for _, uid, placement in records if placement.in_doubt}
        certain = {(box, uid) for box, uid, placement in records if placement.applied} - {
            (b, d) for b in MAILBOXES for d in doubtful
        }
        stories = {_identity(story): story for story in self.told_by_rsp(self.emitters.stories)}
        found = []
        for mailbox in {box for box, _ in certain}:
            for item in self.shared.masters(mailbox):
                uid = str(item.extended[UID_KEY])
                story = stories.get(_identity_in(uid))
                if (mailbox, uid) in certain and story is not None:
                    found.append((item, story))
        return sorted(found, key=lambda pair: (pair[0].mailbox, pair[1].key))


def _identity(story: Story) -> tuple[str, int]:
    return story.key


def _identity_in(uid: str) -> tuple[str, int]:
    model, _, rest = uid.partition("/")
    return model, int(rest.partition("@")[0].rpartition("-")[2])
