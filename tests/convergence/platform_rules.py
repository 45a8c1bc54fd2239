"""What the platform does and sends: people, appointments, absences, openings, in any order and again and again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from emitter.model import Event, Rdv, Status
from emitter.payloads import Generation
from emitter.scenarios import cast
from emitter.schedule import Absence
from emitter.signing import Scheme
from receiver.store import Verdict
from tests.convergence.emitters import (
    ADDRESSES,
    ARRAS,
    BETHUNE,
    CONTRACTOR,
    INSERTION,
    KARIM,
    LEA,
    LENS,
    MARTINE,
    MOVERS,
    NADIA,
    PAUL,
    SIEGE,
    STEADY,
    Job,
    Story,
)
from tests.convergence.machine import ConvergenceMachine
from tests.convergence.newest_state import Word
from tests.convergence.oracle import PARIS
from tests.convergence.strategies import (
    ANCIENT,
    COMING,
    LIEUX,
    MOTIFS,
    RECENT,
    RECURRENCES,
    days,
    generations,
    hours,
    lieux,
    motifs,
    organisations,
    pick,
    recurrences,
    send,
    some,
    staff,
)
from tests.makers import NOW


class Platform(ConvergenceMachine):
    """The emitters' part in a life."""

    @precondition(lambda self: self.emitters.queue)
    @rule(which=some, how=st.sampled_from(["once", "twice", "into a full disk first"]))
    def deliver(self, which: int, how: str) -> None:
        job = pick(self.emitters.queue, which)
        if how == "into a full disk first":
            assert self.system.post_into_a_full_disk(job) == 503
        self.hand_over(job)
        if how == "twice":
            self.post_again(job)

    @precondition(lambda self: self.emitters.queue)
    @rule(newest_first=st.booleans())
    def deliver_all(self, newest_first: bool) -> None:
        for job in sorted(self.emitters.queue, key=lambda job: job.made_at, reverse=newest_first):
            self.hand_over(job)

    @precondition(lambda self: self.sent)
    @rule(which=some)
    def repeat(self, which: int) -> None:
        """The emitter missed the answer, or somebody captured the request."""
        self.post_again(pick(self.sent, which))

    def post_again(self, job: Job) -> None:
        _, word = self.system.post(job)
        if word == "age":
            assert self.store.moment > job.deadline
        else:
            heard = self.hear(job)
            assert self.system.judge()[-1] is not Verdict.ACCEPTED or heard is Word.TAKEN, job.what

    # People

    @initialize(told=st.booleans(), jwt=st.booleans(), plages=st.booleans())
    def the_staff_is_hired(self, told: bool, jwt: bool, plages: bool = False) -> None:
        self.system.scheme = Scheme.RDVI_JWT if jwt else Scheme.RDVI_HMAC
        for ident, places in (
            (MARTINE, (ARRAS, LENS, BETHUNE)),
            (KARIM, (ARRAS, LENS)),
            (NADIA, (ARRAS,)),
            (LEA, (LENS, ARRAS)),
            (PAUL, (LENS,)),
        ):
            for place in places:
                self.emitters.hire(ident, place)
        self.told("now" if told else "later", 0)
        if plages:
            self.choose(plages=True)

    @initialize(agents=st.tuples(staff, staff, staff), rule_of_slot=recurrences, send=send)
    def there_is_work_already(self, agents: tuple[tuple[int, ...], ...], rule_of_slot: str, send: str) -> None:
        """A life without appointments is short."""
        before = len(self.emitters.queue)
        for number, (of_one, tellers) in enumerate(zip(agents, ((ARRAS,), (LENS,), (ARRAS, INSERTION)), strict=True)):
            rdv = self.emitters.rdv(at(COMING + number, 9), of_one, tellers[0])
            self.emitters.begin(Story(rdv, tellers), Generation.YEAR_2026)
        start = at(COMING, 14)
        recurrence = RECURRENCES[rule_of_slot]
        absence = self.emitters.absence(agents[0][0], start, start + timedelta(hours=2), recurrence=recurrence)
        self.emitters.begin(Story(absence), Generation.YEAR_2024)
        self.emitters.begin(
            Story(self.emitters.plage(agents[1][0], start, start + timedelta(hours=2), LENS)), Generation.YEAR_2026
        )
        self.told(send, before)

    @rule(
        who=st.sampled_from(MOVERS),
        what=st.sampled_from(["renamed", "renamed", "renamed and back", "a role less", "a role more", "leaves"]),
        organisation=organisations,
        send=send,
    )
    def an_agent_changes(self, who: int, what: str, organisation: str, send: str) -> None:
        before = len(self.emitters.queue)
        match what:
            case "renamed":
                self.emitters.rename(who)
            case "renamed and back":
                self.emitters.rename(who)
                self.emitters.rename(who)
            case "a role less":
                self.emitters.dismiss(who)
            case "leaves":
                self.emitters.dismiss_for_good(who)
            case _ if not self.emitters.has_left(who):
                self.emitters.hire(who, organisation)
        self.told(send, before)

    # Appointments

    @rule(
        agents=staff,
        organisation=organisations,
        tellers=st.sampled_from(["rsp", "rsp", "both", "insertion", "siege", "siege too"]),
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
        before = len(self.emitters.queue)
        rdv = self.emitters.rdv(
            at(era + day, hour),
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
        names |= {"siege": (SIEGE,), "siege too": (organisation, SIEGE)}
        self.emitters.begin(Story(rdv, names[tellers]), generation)
        self.told(send, before)

    @precondition(lambda self: rdvs(self.emitters.stories))
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
        before = len(self.emitters.queue)
        story = pick(rdvs(self.emitters.stories), which)
        rdv = story.entry
        assert isinstance(rdv, Rdv)
        changes: dict[str, dict[str, Any]] = {
            "start": {"starts_at": at(_era(rdv) + day, hour)},
            "motif": {"motif": MOTIFS[motif]},
            "status": {"status": status},
            "agents": {"agents": tuple(self.emitters.agents[ident] for ident in agents)},
            "count": {"users_count": hour},
            "lieu": {"lieu": LIEUX[lieu]},
            "context": {"context": f"{hour} heures"},
        }
        if what == "agents" and _era(rdv) != COMING:
            what = "context"
        self.emitters.change(story, generation, **changes[what])
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
        if self.emitters.has_left(agent):
            return
        before = len(self.emitters.queue)
        if past is not None:
            agent, recurrence = STEADY, "once"
        rule_ = RECURRENCES[recurrence]
        era = COMING if past is None else past
        start = at(day if rule_ else era + day % 7, hour)
        if plage:
            end = start + timedelta(hours=3)
            entry: Any = self.emitters.plage(agent, start, end, organisation, recurrence=rule_)
        else:
            several = length if rule_ is None or len(rule_.days) == 1 else 0
            end = start + timedelta(days=several, hours=2)
            entry = self.emitters.absence(agent, start, end, recurrence=rule_)
        self.emitters.begin(Story(entry), generation, ical_only=ical_only)
        self.told(send, before)

    @precondition(lambda self: _slots(self.emitters.stories))
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
        before = len(self.emitters.queue)
        story = pick(_slots(self.emitters.stories), which)
        slot = story.entry
        assert not isinstance(slot, Rdv)
        changes: dict[str, Any] = {"start_time": time(hour), "end_time": time(hour + 1 if shorter else hour + 3)}
        if slot.first_day > NOW.date() + timedelta(days=COMING - 1):
            changes["recurrence"] = RECURRENCES[recurrence]
            if isinstance(slot, Absence) and recurrence != "once":
                changes["end_day"] = slot.first_day
        self.emitters.change(story, generation, ical_only=ical_only, **changes)
        self.told(send, before)

    # The end of things

    @precondition(lambda self: self.emitters.stories)
    @rule(which=some, how=st.sampled_from(["destroyed", "destroyed, a state still under way", "purged"]), send=send)
    def something_ends(self, which: int, how: str, send: str) -> None:
        before = len(self.emitters.queue)
        if how == "purged":
            self._purge(which)
            return
        story = pick(self.emitters.stories, which)
        self.emitters.destroy(story, Generation.YEAR_2024)
        if how != "destroyed":
            self.emitters.tell(story, Event.UPDATED, Generation.YEAR_2024)
        self.told(send, before)

    def _purge(self, which: int) -> None:
        """For data protection, and years later in truth: all that was told of it has long arrived."""
        purgeable = self._purgeable()
        if not purgeable:
            return
        for job in list(self.emitters.queue):
            self.hand_over(job)
        self.come_to_rest()
        before = len(self.emitters.queue)
        self.emitters.destroy(pick(purgeable, which), Generation.YEAR_2026, "rgpd")
        self.told("now", before)
        self.let_go()
        self.work_all()

    def _purgeable(self) -> list[Story]:
        told = [story for story in self.told_by_rsp(rdvs(self.emitters.stories)) if story.key not in self.missed]
        bound = self.system.bound
        return [each for each in told if not self.oracle.is_contested(each.key, bound[each.tellers[0]])]

    def told_by_rsp(self, stories: Iterable[Story]) -> list[Story]:
        return [story for story in stories if not isinstance(story.entry, Rdv) or story.tellers[0] != INSERTION]

    @rule(send=send)
    def everything_is_sent_again(self, send: str) -> None:
        before = len(self.emitters.queue)
        self.emitters.resync()
        self.told(send, before)


def rdvs(stories: Iterable[Story]) -> list[Story]:
    """Return the appointments among them."""
    return [story for story in stories if isinstance(story.entry, Rdv)]


def _slots(stories: Iterable[Story]) -> list[Story]:
    return [story for story in stories if not isinstance(story.entry, Rdv)]


def _era(rdv: Rdv) -> int:
    ahead = (rdv.starts_at - NOW).days
    return COMING if ahead > 0 else RECENT if ahead > -100 else ANCIENT


def at(day: int, hour: int) -> datetime:
    """Clock time in Paris so many days from the beginning."""
    return datetime.combine(NOW.date() + timedelta(days=day), time(hour), PARIS)
