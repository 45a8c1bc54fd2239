"""Random lives of appointments, absences and openings, of the people they belong to and of the machines that fail them.

The machine turns one clock. Its rules do what the platform, the network, the administrator, the agents, Exchange and
dying processes may do; its end gives everybody the time they are promised, then asks the oracle.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from emitter.model import Event, LocationType, Rdv, Status
from emitter.payloads import Generation
from emitter.scenarios import cast
from emitter.schedule import Absence, Frequency, Recurrence
from emitter.signing import Scheme
from mock_exchange import Fault, FaultKind, StoredItem
from receiver.core.facts import Emitter
from receiver.store import StoreUnavailable
from tests.convergence.oracle import PARIS, Choices, Directory, Oracle, Shown
from tests.convergence.premises import SUB_FOLDER, Premises
from tests.convergence.system import PAST_DAYS, TIMINGS, WORKERS, PowerCut, System
from tests.convergence.world import (
    ADDRESSES,
    ARRAS,
    CONTRACTOR,
    INSERTION,
    KARIM,
    LEA,
    LENS,
    MARTINE,
    MOVERS,
    NADIA,
    ORGANISATIONS,
    PAUL,
    STEADY,
    Job,
    Story,
    World,
)
from tests.makers import NOW
from tests.worker.bench import UID_KEY

MAILBOXES = (
    "martine.agent@departement.example",
    "martine.dupont@departement.example",
    "karim.agent@departement.example",
    "nadia@departement.example",
    "nadia.b@departement.example",
    "paul@departement.example",
    "accueil@departement.example",
)
HIS = "karim.agent@departement.example"
DIRECT = {
    "martine.agent@departement.example": "martine.agent@departement.example",
    "martine.dupont@departement.example": "martine.dupont@departement.example",
    HIS: HIS,
    "lea@departement.example": HIS,  # they share one
    "lea.k@departement.example": "accueil@departement.example",
    "paul@departement.example": "paul@departement.example",
}
DOMAINS = {"autre.example": "departement.example"}
PLAIN = Directory(DIRECT, DOMAINS, frozenset({"prestataire.example"}))
DIRECTORIES = (
    PLAIN,
    replace(PLAIN, direct=DIRECT | {"martine.agent@departement.example": "accueil@departement.example"}),
    replace(PLAIN, direct=DIRECT | {"paul@inconnu.example": "paul@departement.example"}),
    replace(PLAIN, ignored=frozenset({"martine.agent@departement.example"})),
    replace(PLAIN, domains={}),
    replace(PLAIN, pilot=frozenset({HIS, "martine.agent@departement.example"})),
)

LONGEST_LIFE = timedelta(days=24)
"""Coming events stay to come, and what is past stays within `past_days`, whatever time the end takes."""
COMING, RECENT, ANCIENT = 60, -20, -400
LATE_KINDS = frozenset({FaultKind.LATE_COMMIT, FaultKind.HANG, FaultKind.SLOW_ANSWER})
HEALING = (
    "ErrorIrresolvableConflict",
    "ErrorQuotaExceeded",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxStoreUnavailable",
    "ErrorInternalServerError",
    "ErrorAccessDenied",
    "ErrorServerBusy",
    "ErrorTimeoutExpired",
)

some = st.integers(0, 23)
"""Which of those there are."""
send = st.sampled_from(["later", "now", "now", "newest first", "now and work", "now and work"])
generations = st.sampled_from(
    [Generation.YEAR_2024, Generation.YEAR_2026, Generation.YEAR_2026, Generation.YEAR_2022, Generation.YEAR_2020]
)
MOTIFS = {
    "consultation": cast.CONSULTATION,
    "social": cast.SOCIAL,
    "home": cast.HOME_VISIT,
    "phone": cast.PHONE_CALL,
    "visio": cast.VIDEO,
    "workshop": cast.WORKSHOP,
}
motifs = st.sampled_from(list(MOTIFS))
staff = st.lists(st.sampled_from(list(ADDRESSES)), min_size=1, max_size=3, unique=True).map(tuple)
organisations = st.sampled_from([ARRAS, LENS])
days = st.integers(0, 6)
hours = st.integers(9, 15)
PAUSES = {
    "half a minute": timedelta(seconds=30),
    "until a look-up": TIMINGS.settle,
    "a lease": TIMINGS.lease,
    "until a second look-up": TIMINGS.recheck,
    "an hour": timedelta(hours=1),
    "a day": timedelta(days=1),
    "five days": timedelta(days=5),
    "nine days": timedelta(days=9),
}
pauses = st.sampled_from(list(PAUSES))
verbs = st.sampled_from(["CreateItem", "CreateItem", "UpdateItem", "DeleteItem", "FindItem", None])
LIEUX = {"office": cast.OFFICE, "branch": cast.BRANCH, "single use": cast.SINGLE_USE, "none": None}
lieux = st.sampled_from(list(LIEUX))
RECURRENCES = {
    "once": None,
    "weekly": Recurrence(Frequency.WEEKLY),
    "three days a week": Recurrence(Frequency.WEEKLY, 1, ("MO", "TU", "FR")),
    "every other wednesday": Recurrence(Frequency.WEEKLY, 2, ("WE",)),
    "thursdays until march": Recurrence(Frequency.WEEKLY, 1, ("TH",), date(2027, 3, 25)),
    "monthly": Recurrence(Frequency.MONTHLY),
    "second wednesdays": Recurrence(Frequency.MONTHLY, 1, ("2WE",)),
    "last fridays until june": Recurrence(Frequency.MONTHLY, 2, ("-1FR",), date(2027, 6, 30)),
    "over before it begins": Recurrence(Frequency.WEEKLY, 1, ("MO",), date(2020, 1, 1)),
}
recurrences = st.sampled_from(list(RECURRENCES))


class Life(RuleBasedStateMachine):
    """One receiver and everything around it."""

    premises: Premises

    def __init__(self) -> None:
        super().__init__()
        self._closing = ExitStack()
        self.store = self._closing.enter_context(self.premises.fresh())
        self.choices, self.directory = Choices(), PLAIN
        self.oracle = Oracle(self.choices, self.directory, NOW, timedelta(days=PAST_DAYS))
        self.system = System(self.premises, self.store, self.choices, self.directory)
        self.world = World(self.tick)
        self.sent: list[Job] = []
        self.missed: set[tuple[str, int]] = set()
        """Events of which an agent deleted an entry: it comes back when the event changes."""
        self.late_by: datetime | None = None
        """When Exchange has made up its mind about calls whose client went away."""
        self.late_planned = False

    # The clock

    def tick(self) -> datetime:
        """One second passes."""
        self.store.moment = self.store.moment.replace(microsecond=0) + timedelta(seconds=1)
        return self.store.moment

    def turn(self, by: timedelta) -> None:
        """Let time pass; what must happen by then happens: the emitters' last attempts, Exchange's late commits."""
        end = self.store.moment + by
        while True:
            job = min(self.world.queue, key=lambda job: job.deadline, default=None)
            if self.late_by is not None and self.late_by <= min(end, job.deadline if job else end):
                self.store.moment = max(self.store.moment, self.late_by)
                self.exchange_makes_up_its_mind()
            elif job is not None and job.deadline <= end:
                self.store.moment = max(self.store.moment, job.deadline)
                self.hand_over(job)
            else:
                break
        self.store.moment = max(self.store.moment, end)

    # The network

    def hand_over(self, job: Job) -> None:
        """One attempt that gets through."""
        status, word = self.system.post(job)
        assert status in {200, 202}, (status, word, job.what)
        assert word in {"accepted", "superseded", "duplicate"}, (word, job.what)
        self.world.queue.remove(job)
        self.sent.append(job)
        self.oracle.receive(job.source, "rdv_insertion" if job.source == INSERTION else "rdv_service_public", job.body)

    def told(self, send: str, before: int) -> None:
        """Send what the world has queued since, or leave it for later."""
        new = self.world.queue[before:]
        if send == "later":
            return
        for job in reversed(new) if send == "newest first" else new:
            self.hand_over(job)
        if send == "now and work":
            self.work_all()

    @precondition(lambda self: self.world.queue)
    @rule(which=some)
    def deliver(self, which: int) -> None:
        self.hand_over(_pick(self.world.queue, which))

    @precondition(lambda self: self.world.queue)
    @rule(newest_first=st.booleans())
    def deliver_all(self, newest_first: bool) -> None:
        for job in sorted(self.world.queue, key=lambda job: job.made_at, reverse=newest_first):
            self.hand_over(job)

    @precondition(lambda self: self.world.queue)
    @rule(which=some)
    def deliver_into_a_full_disk(self, which: int) -> None:
        assert self.system.post_into_a_full_disk(_pick(self.world.queue, which)) == 503

    @precondition(lambda self: self.sent)
    @rule(which=some)
    def repeat(self, which: int) -> None:
        """The emitter missed the answer, or somebody captured the request."""
        job = _pick(self.sent, which)
        status, word = self.system.post(job)
        assert word in {"duplicate", "superseded", "age"}, (status, word, job.what)
        assert word != "age" or self.store.moment > job.deadline

    # People

    @initialize(told=st.booleans(), jwt=st.booleans())
    def the_staff_is_hired(self, told: bool, jwt: bool) -> None:
        self.system.scheme = Scheme.RDVI_JWT if jwt else Scheme.RDVI_HMAC
        for ident, first, second in (
            (MARTINE, ARRAS, LENS),
            (KARIM, ARRAS, LENS),
            (NADIA, ARRAS, None),
            (LEA, LENS, ARRAS),
            (PAUL, LENS, None),
        ):
            self.world.hire(ident, first)
            if second:
                self.world.hire(ident, second)
        self.told("now" if told else "later", 0)

    @rule(who=st.sampled_from(MOVERS), send=send)
    def an_agent_is_renamed(self, who: int, send: str) -> None:
        before = len(self.world.queue)
        self.world.rename(who)
        self.told(send, before)

    @rule(who=st.sampled_from(MOVERS), all_of_them=st.booleans(), send=send)
    def an_agent_loses_roles(self, who: int, all_of_them: bool, send: str) -> None:
        before = len(self.world.queue)
        self.world.dismiss(who)
        if all_of_them:
            self.world.dismiss(who)
        self.told(send, before)

    @rule(who=st.sampled_from(MOVERS), organisation=organisations, send=send)
    def an_agent_gains_a_role(self, who: int, organisation: str, send: str) -> None:
        before = len(self.world.queue)
        if not self.world.has_left(who):
            self.world.hire(who, organisation)
        self.told(send, before)

    # Appointments

    @rule(
        agents=staff,
        organisation=organisations,
        tellers=st.sampled_from(["rsp", "rsp", "both", "insertion"]),
        motif=motifs,
        era=st.sampled_from([COMING, COMING, COMING, RECENT, ANCIENT]),
        day=days,
        hour=hours,
        guadeloupe=st.booleans(),
        generation=generations,
        send=send,
    )
    def a_rdv_is_made(
        self,
        agents: tuple[int, ...],
        organisation: str,
        tellers: str,
        motif: str,
        era: int,
        day: int,
        hour: int,
        guadeloupe: bool,
        generation: Generation,
        send: str,
    ) -> None:
        before = len(self.world.queue)
        rdv = self.world.rdv(
            _at(era + day, hour),
            agents if era == COMING else (STEADY,),
            organisation,
            motif=MOTIFS[motif],
            max_participants_count=8 if motif == "workshop" else None,
            name="Atelier de Mme Exemple",
            time_zone="America/Guadeloupe" if guadeloupe else "Europe/Paris",
        )
        if era == COMING and day == 0:
            rdv = replace(rdv, agents=(*rdv.agents, cast.INTERVENANT, CONTRACTOR))
        names = {"rsp": (organisation,), "both": (organisation, INSERTION), "insertion": (INSERTION,)}
        self.world.begin(Story(rdv, names[tellers]), generation)
        self.told(send, before)

    @precondition(lambda self: _rdvs(self.world.stories))
    @rule(
        which=some,
        what=st.sampled_from(["start", "motif", "status", "status", "agents", "agents", "count", "lieu", "context"]),
        day=days,
        hour=hours,
        motif=motifs,
        status=st.sampled_from([Status.UNKNOWN, Status.UNKNOWN, Status.EXCUSED, Status.REVOKED, Status.SEEN]),
        agents=staff,
        lieu=lieux,
        generation=generations,
        send=send,
    )
    def a_rdv_changes(
        self,
        which: int,
        what: str,
        day: int,
        hour: int,
        motif: str,
        status: Status,
        agents: tuple[int, ...],
        lieu: str,
        generation: Generation,
        send: str,
    ) -> None:
        before = len(self.world.queue)
        story = _pick(_rdvs(self.world.stories), which)
        rdv = story.entry
        assert isinstance(rdv, Rdv)
        changes: dict[str, dict[str, Any]] = {
            "start": {"starts_at": _at(_era(rdv) + day, hour)},
            "motif": {"motif": MOTIFS[motif]},
            "status": {"status": status},
            "agents": {"agents": tuple(self.world.agents[ident] for ident in agents)},
            "count": {"users_count": hour},
            "lieu": {"lieu": LIEUX[lieu]},
            "context": {"context": f"{hour} heures"},
        }
        if what == "agents" and _era(rdv) != COMING:
            what = "context"
        self.world.change(story, generation, **changes[what])
        self.told(send, before)

    # Absences and openings

    @rule(
        agent=st.sampled_from(list(ADDRESSES)),
        plage=st.booleans(),
        organisation=organisations,
        day=st.integers(-10, 20),
        hour=hours,
        length=st.sampled_from([0, 0, 2]),
        recurrence=recurrences,
        past=st.sampled_from([None, None, None, RECENT, ANCIENT]),
        generation=generations,
        ical_only=st.booleans(),
        send=send,
    )
    def a_slot_is_made(
        self,
        agent: int,
        plage: bool,
        organisation: str,
        day: int,
        hour: int,
        length: int,
        recurrence: str,
        past: int | None,
        generation: Generation,
        ical_only: bool,
        send: str,
    ) -> None:
        if self.world.has_left(agent):
            return
        before = len(self.world.queue)
        if past is not None:
            agent, recurrence = STEADY, "once"
        rule_ = RECURRENCES[recurrence]
        era = COMING if past is None else past
        start = _at(day if rule_ else era + day % 7, hour)
        if plage:
            end = start + timedelta(hours=3)
            entry: Any = self.world.plage(agent, start, end, organisation, recurrence=rule_)
        else:
            several = length if rule_ is None or len(rule_.days) == 1 else 0
            end = start + timedelta(days=several, hours=2)
            entry = self.world.absence(agent, start, end, recurrence=rule_)
        self.world.begin(Story(entry), generation, ical_only=ical_only)
        self.told(send, before)

    @precondition(lambda self: _slots(self.world.stories))
    @rule(
        which=some,
        recurrence=recurrences,
        hour=hours,
        shorter=st.booleans(),
        ical_only=st.booleans(),
        generation=generations,
        send=send,
    )
    def a_slot_changes(
        self,
        which: int,
        recurrence: str,
        hour: int,
        shorter: bool,
        ical_only: bool,
        generation: Generation,
        send: str,
    ) -> None:
        before = len(self.world.queue)
        story = _pick(_slots(self.world.stories), which)
        slot = story.entry
        assert not isinstance(slot, Rdv)
        changes: dict[str, Any] = {"start_time": time(hour), "end_time": time(hour + 1 if shorter else hour + 3)}
        if slot.first_day > NOW.date() + timedelta(days=COMING - 1):
            changes["recurrence"] = RECURRENCES[recurrence]
            if isinstance(slot, Absence) and recurrence != "once":
                changes["end_day"] = slot.first_day
        self.world.change(story, generation, ical_only=ical_only, **changes)
        self.told(send, before)

    # The end of things

    @precondition(lambda self: self.world.stories)
    @rule(which=some, generation=generations, send=send)
    def something_is_destroyed(self, which: int, generation: Generation, send: str) -> None:
        before = len(self.world.queue)
        self.world.destroy(_pick(self.world.stories, which), generation)
        self.told(send, before)

    @precondition(lambda self: self.world.over)
    @rule(which=some, send=send)
    def a_state_of_what_is_gone_was_rendered_late(self, which: int, send: str) -> None:
        before = len(self.world.queue)
        story = _pick(self.world.over, which)
        if isinstance(story.entry, Rdv) or not self.world.has_left(story.entry.agent.id):
            self.world.tell(story, Event.UPDATED, Generation.YEAR_2024)
        self.told(send, before)

    @precondition(lambda self: self._purgeable())
    @rule(which=some)
    def a_rdv_is_purged_for_data_protection(self, which: int) -> None:
        """Years later in truth: all that was told of it has long arrived."""
        story = _pick(self._purgeable(), which)
        for job in list(self.world.queue):
            self.hand_over(job)
        self.come_to_rest()
        before = len(self.world.queue)
        self.world.destroy(story, Generation.YEAR_2026, "rgpd")
        self.told("now and work", before)

    def _purgeable(self) -> list[Story]:
        return [story for story in self._told_by_rsp(_rdvs(self.world.stories)) if story.key not in self.missed]

    def _told_by_rsp(self, stories: Iterable[Story]) -> list[Story]:
        return [story for story in stories if not isinstance(story.entry, Rdv) or story.tellers[0] != INSERTION]

    @rule(send=send)
    def everything_is_sent_again(self, send: str) -> None:
        before = len(self.world.queue)
        self.world.resync()
        self.told(send, before)

    # The worker

    @rule(limit=st.sampled_from([1, 2, 200]))
    def settle(self, limit: int) -> None:
        self.system.settle(limit)

    @rule(worker=st.integers(0, WORKERS - 1))
    def work_once(self, worker: int) -> None:
        self.system.work_once(worker)
        self._notice_late()

    @rule()
    def work_all(self) -> None:
        self.system.work_until_idle()
        self._notice_late()

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
        job = _pick(self.world.queue, which)
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

    @precondition(lambda self: self.late_by is not None)
    @rule()
    def exchange_makes_up_its_mind(self) -> None:
        self.premises.settle_late()
        self.late_by, self.late_planned = None, False

    def _notice_late(self) -> None:
        """Exchange takes no longer than `recheck` to commit, or to give up, what its client has not waited for."""
        planned = self.premises.exchange.faults._planned
        if self.late_planned and self.late_by is None and not any(plan.fault.kind in LATE_KINDS for plan in planned):
            self.late_by = self.store.moment + TIMINGS.recheck

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
        self.choices = replace(self.choices, **{changed: not getattr(self.choices, changed)})
        self._configure()

    @rule(which=st.sampled_from(range(len(DIRECTORIES))))
    def the_mapping_changes(self, which: int) -> None:
        self.directory = DIRECTORIES[which]
        self._configure()

    def _configure(self) -> None:
        self.system.configure(self.choices, self.directory)
        self.oracle.configure(self.choices, self.directory)
        self.system.settle()  # what a policy takes away is erased by the worker's next turn

    # The agents' own hands

    @precondition(lambda self: self._touchable())
    @rule(which=some)
    def an_agent_files_an_entry(self, which: int) -> None:
        item, _ = _pick(self._touchable(), which)
        if item.folder != SUB_FOLDER:
            self.premises.exchange.move_item(item.item_id, SUB_FOLDER)

    @precondition(lambda self: self._touchable())
    @rule(which=some)
    def an_agent_deletes_an_entry(self, which: int) -> None:
        item, story = _pick(self._touchable(), which)
        self.premises.exchange.delete_item(item.item_id)
        self.missed.add(story.key)

    def _touchable(self) -> list[tuple[StoredItem, Story]]:
        """What an agent may move or delete without making two of our own writes ambiguous: nothing in doubt."""
        if self.late_by is not None or self.system.stalled is not None:
            return []
        records = self.system.placements()
        doubtful = {uid for _, uid, placement in records if placement.in_doubt}
        certain = {(box, uid) for box, uid, placement in records if placement.applied} - {(b, d) for b in MAILBOXES for d in doubtful}
        stories = {_identity(story): story for story in self._told_by_rsp(self.world.stories)}
        found = []
        for mailbox in {box for box, _ in certain}:
            for item in self.premises.masters(mailbox):
                uid = str(item.extended[UID_KEY])
                story = stories.get(_identity_in(uid))
                if (mailbox, uid) in certain and story is not None:
                    found.append((item, story))
        return sorted(found, key=lambda pair: (pair[0].mailbox, pair[1].key))

    # The end

    def come_to_rest(self) -> None:
        """All is well from now on, and everybody gets the time that they need."""
        self.premises.exchange.faults.clear()
        self.system.go_on()
        self.exchange_makes_up_its_mind()
        end = self.store.moment + timedelta(hours=3)
        while True:
            self.system.work_until_idle()
            due_at = self.system.next_moment()
            if due_at is None:
                return
            assert due_at < end, "there is no end of it"
            self.turn(due_at - self.store.moment)

    def teardown(self) -> None:
        with self._closing:
            self._finish()

    def _finish(self) -> None:
        for story in self.world.stories:
            if story.key in self.missed:
                self._change_for_certain(story)
        for job in sorted(self.world.queue, key=lambda job: job.made_at, reverse=True):
            self.hand_over(job)
        self.come_to_rest()
        self._assert_converged()
        for pause in (timedelta(0), timedelta(days=1)):
            self.turn(pause)
            assert self.system.work_until_idle() == 0, "nothing more is written"
        self._assert_converged()

    def _change_for_certain(self, story: Story) -> None:
        if isinstance(story.entry, Rdv):
            self.world.change(story, Generation.YEAR_2026, starts_at=story.entry.starts_at + timedelta(minutes=5))
        else:
            self.world.change(story, Generation.YEAR_2026, start_time=time(story.entry.start_time.hour, 5))

    def _assert_converged(self) -> None:
        exchange = self.premises.exchange
        assert (exchange.schema_errors, exchange.crashes, exchange.mails_sent) == ([], [], 0)
        for mailbox, uid, placement in self.system.placements():
            assert placement.applied == placement.desired, (mailbox, uid, placement)
            assert not (placement.in_doubt or placement.attempted or placement.open_creates), (mailbox, uid, placement)
        until = NOW + timedelta(days=210)
        expected = self.oracle.expected(until)
        for mailbox in MAILBOXES:
            items = self.premises.times(mailbox, NOW - timedelta(days=500), until)
            seen = Counter(_shown(item) for item in items)
            wanted = expected.get(mailbox, Counter())
            assert seen == wanted, (mailbox, "missing", list(wanted - seen)[:3], "too many", list(seen - wanted)[:3])
            uids = Counter(item.extended[UID_KEY] for item in self.premises.masters(mailbox))
            assert not [uid for uid, count in uids.items() if count > 1], (mailbox, uids)


def _shown(item: StoredItem) -> Shown:
    return Shown(item.subject, item.location, item.start, item.end, item.show_as)


def _pick(things: Any, which: int) -> Any:
    return things[which % len(things)]


def _rdvs(stories: Iterable[Story]) -> list[Story]:
    return [story for story in stories if isinstance(story.entry, Rdv)]


def _slots(stories: Iterable[Story]) -> list[Story]:
    return [story for story in stories if not isinstance(story.entry, Rdv)]


def _era(rdv: Rdv) -> int:
    ahead = (rdv.starts_at - NOW).days
    return COMING if ahead > 0 else RECENT if ahead > -100 else ANCIENT


def _at(day: int, hour: int) -> datetime:
    """Clock time in Paris so many days from the beginning."""
    return datetime.combine(NOW.date() + timedelta(days=day), time(hour), PARIS)


def _identity(story: Story) -> tuple[str, int]:
    return story.key


def _identity_in(uid: str) -> tuple[str, int]:
    model, _, rest = uid.partition("/")
    return model, int(rest.partition("@")[0].rpartition("-")[2])
