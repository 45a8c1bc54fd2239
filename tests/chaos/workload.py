"""The workload of a drill: agents, and an endless life of appointments and absences, each change owed to the receiver.

Every personal field carries the canary: a word that must never be seen behind the webhook endpoint.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, TypeVar

from emitter.model import Agent, Event, Lieu, Participation, Rdv, Status, Usager
from emitter.payloads import Generation, render_other
from emitter.scenarios import cast
from emitter.schedule import Frequency, Recurrence
from tests.convergence.emitters import ARRAS, INSERTION, LENS, Emitters, Job, Story
from tests.convergence.oracle import PARIS

CANARY = "CanariZwq"
DOMAIN = "departement.example"
AGENTS = 24
RDVS, SLOTS = 300, 60
"""So many live at once; beyond, what is there changes."""
LEAVERS = 4
"""Agents who may leave for good."""

MOTIFS = (cast.CONSULTATION, cast.SOCIAL, cast.HOME_VISIT, cast.PHONE_CALL, cast.VIDEO, cast.WORKSHOP)
GENERATIONS = (Generation.YEAR_2024, Generation.YEAR_2026, Generation.YEAR_2026, Generation.YEAR_2022)
LIEUX = (cast.OFFICE, cast.BRANCH, None, Lieu(905, CANARY, CANARY, CANARY, single_use=True))
"""The last was typed for one RDV, which rdv-insertion does not say of it."""
RECURRENCES = (
    None,
    None,
    Recurrence(Frequency.WEEKLY),
    Recurrence(Frequency.WEEKLY, 1, ("MO", "TU", "FR")),
    Recurrence(Frequency.WEEKLY, 2, ("WE",)),
)
STATUSES = (Status.UNKNOWN, Status.UNKNOWN, Status.EXCUSED, Status.REVOKED, Status.SEEN)

T = TypeVar("T")


def canaries(usager: Usager) -> Usager:
    """Put the canary into every text of a person."""
    words = {each.name: CANARY for each in fields(usager) if isinstance(getattr(usager, each.name), str)}
    return replace(usager, **words)  # type: ignore[arg-type]


USAGER = canaries(cast.FATOUMATA)


class PlatformClock:
    """Gives each state a second of its own: four days ago, so that a run never catches up with the present."""

    def __init__(self, now: datetime) -> None:
        self.moment = now.replace(microsecond=0) - timedelta(days=4)

    def __call__(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment


class Workload(Emitters):
    """The platform's side: some dozen agents."""

    def __init__(self, seed: int, now: datetime) -> None:
        super().__init__(PlatformClock(now))
        self._random = Random(f"town/{seed}")
        self._today = now.astimezone(PARIS).date()
        self.agents = {ident: _agent(ident) for ident in range(100, 100 + AGENTS)}
        self._leavers = list(self.agents)[:LEAVERS]
        for ident in self.agents:
            self.hire(ident, self._pick((ARRAS, LENS)))

    @property
    def mailboxes(self) -> list[str]:
        """Every address that an agent has or may get."""
        return [_address(ident, married) for ident in self.agents for married in (False, True)]

    def live(self, jobs: int) -> list[Job]:
        """Let things happen until so many webhooks are owed; return them, in the order of their states."""
        while len(self.queue) < jobs:
            self._something_happens()
        owed, self.queue = self.queue, []
        return owed

    def rename(self, ident: int) -> None:
        """Let an agent's e-mail change to the other one, and back the next time."""
        if self.has_left(ident):
            return
        agent = self.agents[ident]
        self.agents[ident] = replace(agent, email=_address(ident, agent.email == _address(ident, False)))
        self._refresh(ident)
        self._owe(
            self._organisations(ident),
            render_other(self.agents[ident], Event.UPDATED, self._tick()),
            f"agent {ident} renamed",
        )

    def _something_happens(self) -> None:
        rdvs = [story for story in self.stories if isinstance(story.entry, Rdv)]
        slots = [story for story in self.stories if not isinstance(story.entry, Rdv)]
        chance = self._random.random()
        if chance < 0.02:
            self.rename(self._pick(list(self.agents)))
        elif chance < 0.03:
            self._roles_change()
        elif chance < 0.10 and len(rdvs) > RDVS // 3:
            self.destroy(self._pick(rdvs), self._pick(GENERATIONS))
        elif chance < 0.12 and slots:
            self.destroy(self._pick(slots), self._pick(GENERATIONS))
        elif chance < 0.22:
            self._slot_happens(slots)
        elif len(rdvs) < RDVS and chance < 0.6:
            self._rdv_begins()
        elif rdvs:
            self._rdv_changes(self._pick(rdvs))

    def _roles_change(self) -> None:
        if self._random.random() < 0.2 and self._leavers:
            self.dismiss_for_good(self._leavers.pop())
            return
        ident = self._pick([ident for ident in self.agents if not self.has_left(ident)])
        roles = [role for role in self.roles.values() if role.agent.id == ident]
        if len(roles) > 1:
            self.dismiss(ident)
        else:
            self.hire(ident, self._pick((ARRAS, LENS)))

    # Appointments

    def _rdv_begins(self) -> None:
        organisation = self._pick((ARRAS, LENS))
        tellers = self._pick(((organisation,), (organisation,), (organisation, INSERTION), (INSERTION,)))
        number = self.number()
        rdv = self.rdv(
            self._moment(),
            self._team(),
            organisation,
            motif=self._pick(MOTIFS),
            lieu=self._pick(LIEUX),
            users=(USAGER,),
            participations=(Participation(id=number, user=USAGER),),
            context=CANARY,
            name=CANARY,
        )
        self.begin(Story(rdv, tellers), self._pick(GENERATIONS))

    def _rdv_changes(self, story: Story) -> None:
        changes: dict[str, Any] = self._pick(
            (
                {"starts_at": self._moment()},
                {"starts_at": self._moment()},
                {"motif": self._pick(MOTIFS)},
                {"lieu": self._pick(LIEUX)},
                {"status": self._pick(STATUSES)},
                {"agents": tuple(self.agents[ident] for ident in self._team())},
                {"users_count": self._random.randint(1, 8)},
            )
        )
        self.change(story, self._pick(GENERATIONS), **changes)

    def _team(self) -> tuple[int, ...]:
        there = [ident for ident in self.agents if not self.has_left(ident)]
        return tuple(self._random.sample(there, self._pick((1, 1, 1, 2, 3))))

    # Absences

    def _slot_happens(self, slots: list[Story]) -> None:
        if len(slots) < SLOTS and self._random.random() < 0.5:
            start = self._moment()
            [agent, *_] = self._team()
            recurrence = self._pick(RECURRENCES)
            absence = self.absence(agent, start, start + timedelta(hours=2), recurrence=recurrence)
            self.begin(Story(replace(absence, title=CANARY)), self._pick(GENERATIONS))
        elif slots:
            hour = self._random.randint(8, 14)
            times: dict[str, Any] = {"start_time": time(hour), "end_time": time(hour + 2)}
            self.change(self._pick(slots), self._pick(GENERATIONS), **times)

    def _moment(self) -> datetime:
        day: date = self._today + timedelta(days=self._random.randint(20, 60))
        return datetime.combine(day, time(self._random.randint(8, 16), self._pick((0, 15, 30, 45))), PARIS)

    def _pick(self, things: Sequence[T]) -> T:
        return self._random.choice(things)


def _address(ident: int, married: bool) -> str:
    return f"agent{ident}{'.epoux' if married else ''}@{DOMAIN}"


def _agent(ident: int) -> Agent:
    return Agent(ident, _address(ident, False), CANARY, CANARY, insertion_id=ident + 900)
