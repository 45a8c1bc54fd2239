"""Random lives of appointments, absences and openings, of the people they belong to and of the machines that fail them.

The machine turns one clock. Its rules do what the platform, the network, the administrator, the agents, Exchange and
dying processes may do; its end gives everybody the time they are promised, then asks the oracle.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from emitter.model import Status
from emitter.payloads import Generation
from mock_exchange import Fault, FaultKind, StoredItem
from receiver.store import StoreUnavailable
from tests.convergence.draws import (
    COMING,
    DIRECTORIES,
    HEALING,
    LATE_KINDS,
    LONGEST_LIFE,
    MAILBOXES,
    PAUSES,
    days,
    pauses,
    pick,
    some,
    staff,
    verbs,
)
from tests.convergence.platform_rules import Platform, at, rdvs
from tests.convergence.premises import SUB_FOLDER
from tests.convergence.system import WORKERS, PowerCut
from tests.convergence.world import ARRAS, Story
from tests.makers import NOW
from tests.worker.bench import UID_KEY


class Life(Platform):
    """One receiver and everything that may befall it."""

    # The worker

    @rule(limit=st.sampled_from([1, 2, 200]))
    def settle(self, limit: int) -> None:
        self.system.settle(limit)

    @rule(worker=st.integers(0, WORKERS - 1))
    def work_once(self, worker: int) -> None:
        self.system.work_once(worker)
        self._notice_late()

    @rule()
    def both_work(self) -> None:
        self.work_all()

    @rule(records=st.integers(1, 4), error=st.sampled_from([PowerCut, StoreUnavailable]))
    def a_worker_dies(self, records: int, error: type[BaseException]) -> None:
        self.system.settle()
        self.system.die_in_the_middle(records, error)
        self._notice_late()

    @precondition(lambda self: self.system.stalled is None)
    @rule()
    def a_worker_claims_and_hangs(self) -> None:
        self.system.settle()
        self.system.claim_and_stall()

    @precondition(lambda self: self.system.stalled is not None)
    @rule()
    def the_worker_that_hung_goes_on(self) -> None:
        self.system.go_on()
        self._notice_late()

    @precondition(lambda self: self.world.queue)
    @rule(which=some, worker=st.integers(0, WORKERS - 1))
    def something_arrives_during_a_call(self, which: int, worker: int) -> None:
        job = pick(self.world.queue, which)
        self.system.settle()
        self.system.meanwhile(lambda: self.hand_over(job))
        self.system.work_once(worker)
        self.system.relay.meanwhile = None
        self._notice_late()

    @rule()
    def keep_house(self) -> None:
        self.store.purge(self.store.moment, 30, 30)

    # Trouble

    @rule(
        kind=st.sampled_from([kind for kind in FaultKind if kind not in LATE_KINDS]),
        verb=verbs,
        mailbox=st.none() | st.sampled_from(MAILBOXES),
        times=st.integers(1, 3),
        after=st.integers(0, 1),
        code=st.sampled_from(HEALING),
    )
    def exchange_will_be_in_trouble(
        self, kind: FaultKind, verb: str | None, mailbox: str | None, times: int, after: int, code: str
    ) -> None:
        fault = Fault(kind, verb, mailbox, times, after, code=code, retry_after_s=40, back_off_ms=50_000)
        self.premises.exchange.inject(fault)

    @precondition(lambda self: not self.late_planned)
    @rule(
        kind=st.sampled_from([FaultKind.LATE_COMMIT] * 6 + [FaultKind.HANG, FaultKind.SLOW_ANSWER]),
        verb=verbs,
        mailbox=st.none() | st.sampled_from(MAILBOXES),
    )
    def exchange_will_be_late(self, kind: FaultKind, verb: str | None, mailbox: str | None) -> None:
        self.premises.exchange.inject(Fault(kind, verb, mailbox, delay_s=60))
        self.late_planned = True

    @rule(
        kind=st.sampled_from([FaultKind.DROP_AFTER, FaultKind.LATE_COMMIT, FaultKind.DROP_BEFORE, FaultKind.SHORT]),
        verb=st.sampled_from(["CreateItem", "UpdateItem", "DeleteItem"]),
        which=some,
        agents=staff,
        day=days,
        then=pauses,
    )
    def a_write_has_no_answer(
        self, kind: FaultKind, verb: str, which: int, agents: tuple[int, ...], day: int, then: str
    ) -> None:
        """And the worker goes on a while later: the shortest way into trouble."""
        known = rdvs(self.world.stories)
        if kind is FaultKind.LATE_COMMIT and self.late_planned:
            return
        self.premises.exchange.inject(Fault(kind, verb, delay_s=60))
        self.late_planned = self.late_planned or kind is FaultKind.LATE_COMMIT
        if verb == "CreateItem" or not known:
            rdv = self.world.rdv(at(COMING + day, 10), agents, ARRAS)
            self.world.begin(Story(rdv, (ARRAS,)), Generation.YEAR_2026)
        elif verb == "UpdateItem":
            story = pick(known, which)
            self.world.change(story, Generation.YEAR_2026, starts_at=story.entry.starts_at + timedelta(minutes=5))
        else:
            self.world.change(pick(known, which), Generation.YEAR_2026, status=Status.REVOKED)
        self.deliver_all(newest_first=True)
        self.work_all()
        self.time_passes(by=then)
        self.work_all()

    @precondition(lambda self: self.late_by is not None)
    @rule()
    def exchange_is_late_until_now(self) -> None:
        self.exchange_makes_up_its_mind()

    @rule(by=pauses)
    def time_passes(self, by: str) -> None:
        if self.store.moment + PAUSES[by] < NOW + LONGEST_LIFE:
            self.turn(PAUSES[by])

    # The administrator

    @rule(
        changed=st.sampled_from(
            [
                "mark_cancelled",
                "keep_purged",
                "keep_departed",
                "absences",
                "plages",
                "plages",
                "names",
                "titles",
                "visio_links",
                "single_use_places",
            ]
        )
    )
    def a_policy_changes(self, changed: str) -> None:
        self.choose(**{changed: not getattr(self.choices, changed)})

    @rule(which=st.sampled_from(range(len(DIRECTORIES))))
    def the_mapping_changes(self, which: int) -> None:
        self.directory = DIRECTORIES[which]
        self.configure()

    # The agents' own hands

    @precondition(lambda self: self._touchable())
    @rule(which=some)
    def an_agent_files_an_entry(self, which: int) -> None:
        item, _ = pick(self._touchable(), which)
        if item.folder != SUB_FOLDER:
            self.premises.exchange.move_item(item.item_id, SUB_FOLDER)

    @precondition(lambda self: self._touchable())
    @rule(which=some)
    def an_agent_deletes_an_entry(self, which: int) -> None:
        item, story = pick(self._touchable(), which)
        self.premises.exchange.delete_item(item.item_id)
        self.missed.add(story.key)

    def _touchable(self) -> list[tuple[StoredItem, Story]]:
        """What an agent may move or delete without making two of our own writes ambiguous: nothing in doubt."""
        if self.late_by is not None or self.system.stalled is not None:
            return []
        records = self.system.placements()
        doubtful = {uid for _, uid, placement in records if placement.in_doubt}
        certain = {(box, uid) for box, uid, placement in records if placement.applied} - {
            (b, d) for b in MAILBOXES for d in doubtful
        }
        stories = {_identity(story): story for story in self.told_by_rsp(self.world.stories)}
        found = []
        for mailbox in {box for box, _ in certain}:
            for item in self.premises.masters(mailbox):
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
