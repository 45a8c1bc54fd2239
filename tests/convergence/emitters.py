"""The emitters' side: what the platform knows, and every webhook it owes to somebody.

Each change is told by bodies of `emitter`, queued to be sent at any later time within the emitter's patience.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from emitter.associations import AgentRole
from emitter.model import Agent, Event, Participation, Rdv
from emitter.payloads import Entry, Generation, render, render_other
from emitter.retries import RDV_INSERTION_WAITS_S, RDV_SERVICE_PUBLIC_WAITS_S, USUAL_JITTER
from emitter.scenarios import cast
from emitter.schedule import Absence, PlageOuverture

ARRAS, LENS, BETHUNE, INSERTION = "arras", "lens", "bethune", "insertion"
SIEGE = "siege"
"""Signs with a secret that is bound to no organisation."""
DOUAI = "douai"
"""An organisation of its own, from which appointments go by the dozen."""
STRANGER = "stranger"
"""An organisation whose secret tells of what belongs to others."""
ORGANISATIONS = {
    ARRAS: cast.MDS,
    LENS: cast.MDS_LENS,
    BETHUNE: replace(cast.MDS, id=14, name="MDS de Béthune", insertion_id=6),
    DOUAI: replace(cast.MDS, id=15, name="MDS de Douai", insertion_id=7),
    STRANGER: replace(cast.MDS, id=90, name="Ailleurs", insertion_id=80),
}
SOURCES = (*ORGANISATIONS, SIEGE, INSERTION)
BOUND: Mapping[str, frozenset[int] | None] = {
    name: frozenset({ORGANISATIONS[name].id}) if name in ORGANISATIONS else None for name in SOURCES
}
"""For whom each secret speaks in the beginning; None: for all."""

PATIENCE = {name: timedelta(seconds=sum(RDV_SERVICE_PUBLIC_WAITS_S) * (1 + USUAL_JITTER)) for name in SOURCES} | {
    INSERTION: timedelta(seconds=sum(RDV_INSERTION_WAITS_S))
}

MARTINE, KARIM, NADIA, LEA, PAUL = 31, 32, 33, 34, 35
STEADY = KARIM
"""Never changes address, never leaves: what lies in the past is his alone."""
MOVERS = (MARTINE, NADIA, LEA, PAUL)
ADDRESSES = {
    MARTINE: ("martine.agent@departement.example", "martine.dupont@departement.example"),
    KARIM: ("karim.agent@departement.example",),
    NADIA: ("nadia@autre.example", "nadia.b@autre.example"),
    LEA: ("lea@departement.example", "lea.k@departement.example"),
    PAUL: ("paul@inconnu.example", "paul@departement.example"),
}
CONTRACTOR = Agent(36, "renfort@prestataire.example", "Renfort", "AGENT")


@dataclass(frozen=True, eq=False)
class Job:
    """One webhook that a source is owed."""

    source: str
    body: bytes = field(repr=False)
    what: str
    made_at: datetime

    @property
    def deadline(self) -> datetime:
        """The last attempt; whoever has not taken it by then will never hear of it."""
        return self.made_at + PATIENCE[self.source]


@dataclass
class Story:
    """One event as the platform has it, and who tells of it."""

    entry: Entry
    tellers: tuple[str, ...] = ()
    """Sources that are told of a RDV; an absence is told to all organisations that its agent has at the time."""
    purged: bool = False

    @property
    def key(self) -> tuple[str, int]:
        return type(self.entry).__name__, self.entry.id


class Emitters:
    """The platform. `tick` gives the moment of each state: no two are of one second."""

    def __init__(self, tick: Callable[[], datetime]) -> None:
        self._tick = tick
        self._numbers = 0
        self.queue: list[Job] = []
        self.agents = {
            ident: Agent(ident, addresses[0], "Prénom", "AGENT", insertion_id=ident + 900)
            for ident, addresses in ADDRESSES.items()
        }
        self.roles: dict[int, AgentRole] = {}
        self.stories: list[Story] = []

    def number(self) -> int:
        self._numbers += 1
        return 4000 + self._numbers

    # People

    def hire(self, ident: int, organisation: str) -> None:
        role = AgentRole(self.number(), ORGANISATIONS[organisation], self.agents[ident])
        self.roles[role.id] = role
        self._tell_role(role, Event.CREATED)

    def dismiss(self, ident: int) -> None:
        """An agent loses a role; with the last, everything but the RDVs goes, and nobody is told of that."""
        mine = [role for role in self.roles.values() if role.agent.id == ident]
        if not mine:
            return
        role = self.roles.pop(mine[0].id)
        self._tell_role(role, Event.DESTROYED)
        if len(mine) == 1:
            self.agents[ident] = replace(self.agents[ident], email=f"agent_{ident}@deleted.rdv-solidarites.fr")
            self.stories = [story for story in self.stories if not _is_slot_of(story, ident)]
            self._refresh(ident)

    def dismiss_for_good(self, ident: int) -> None:
        """An agent loses all roles, one after the other."""
        while not self.has_left(ident):
            self.dismiss(ident)

    def rename(self, ident: int) -> None:
        """An agent's e-mail changes to the other one."""
        if self.has_left(ident):
            return
        first, second = ADDRESSES[ident]
        agent = replace(self.agents[ident], email=second if self.agents[ident].email == first else first)
        self.agents[ident] = agent
        self._refresh(ident)
        body = render_other(agent, Event.UPDATED, self._tick())
        self._owe(self._organisations(ident), body, f"agent {ident} is {agent.email}")

    def has_left(self, ident: int) -> bool:
        return "@deleted." in (self.agents[ident].email or "")

    def _refresh(self, ident: int) -> None:
        """Have everything name the agent as he is now."""
        agent = self.agents[ident]
        self.roles = {key: _with_agent(role, agent) for key, role in self.roles.items()}
        for story in self.stories:
            story.entry = _with_agent(story.entry, agent)

    def _organisations(self, ident: int) -> list[str]:
        mine = {role.organisation.id for role in self.roles.values() if role.agent.id == ident}
        return [name for name, organisation in ORGANISATIONS.items() if organisation.id in mine]

    def _tell_role(self, role: AgentRole, event: Event) -> None:
        [source] = [name for name, organisation in ORGANISATIONS.items() if organisation.id == role.organisation.id]
        self._owe([source], render_other(role, event, self._tick()), f"role {role.id} {event}")

    # Events

    def begin(self, story: Story, generation: Generation, **how: Any) -> None:
        self.stories.append(story)
        self.tell(story, Event.CREATED, generation, **how)

    def change(self, story: Story, generation: Generation, event: Event = Event.UPDATED, **fields: Any) -> None:
        how = {"ical_only": fields.pop("ical_only")} if "ical_only" in fields else {}
        story.entry = replace(story.entry, **fields)
        self.tell(story, event, generation, **how)

    def destroy(self, story: Story, generation: Generation, reason: str | None = None) -> None:
        self.stories.remove(story)
        self.tell(story, Event.DESTROYED, generation, webhook_reason=reason)

    def resync(self) -> None:
        """Every endpoint is saved anew: `created` for all there is."""
        for role in self.roles.values():
            self._tell_role(role, Event.CREATED)
        for story in self.stories:
            self.tell(story, Event.CREATED, Generation.YEAR_2026)

    def tell(self, story: Story, event: Event, generation: Generation, **how: Any) -> None:
        """Queue the story as it stands for everybody who hears of it."""
        entry = story.entry
        if isinstance(entry, Rdv):
            for source in story.tellers:
                self._tell_rdv(entry, source, event, generation, **how)
        else:
            sources = self._organisations(entry.agent.id)
            if isinstance(entry, PlageOuverture):
                sources = [name for name, own in ORGANISATIONS.items() if own.id == entry.organisation.id]
            self._owe(sources, render(entry, event, generation, self._tick(), **how), f"{story.key} {event}")

    def _tell_rdv(self, rdv: Rdv, source: str, event: Event, generation: Generation, **how: Any) -> None:
        if source == INSERTION:
            if any(agent.id in self.agents and self.has_left(agent.id) for agent in rdv.agents):
                return  # what rdv-insertion knows of agents who left, nobody has said
            generation = Generation.RDV_INSERTION
        self._owe([source], render(rdv, event, generation, self._tick(), **how), f"rdv {rdv.id} {event}")

    # Others

    def move(self, story: Story, organisation: str, generation: Generation) -> None:
        """A RDV goes over to another organisation, which tells of it from now on."""
        before = [name for name in story.tellers if name in {SIEGE, INSERTION}]
        story.tellers = (organisation, *before)
        self.change(story, generation, organisation=ORGANISATIONS[organisation])

    def lie(self, story: Story, event: Event, addresses: Mapping[int, str]) -> None:
        """A stranger tells of an event as of its own, with other times, and other addresses of its agents."""
        entry = story.entry
        if isinstance(entry, Rdv):
            agents = tuple(replace(each, email=addresses.get(each.id, each.email)) for each in entry.agents)
            entry = replace(entry, agents=agents, motif=cast.RIGHTS, organisation=ORGANISATIONS[STRANGER])
        else:
            entry = replace(entry, agent=replace(entry.agent, email=addresses[entry.agent.id]), end_time=time(20))
            if isinstance(entry, PlageOuverture):
                entry = replace(entry, organisation=ORGANISATIONS[STRANGER])
        self._owe([STRANGER], render(entry, event, Generation.YEAR_2024, self._tick()), f"a lie of {story.key}")

    def lie_of_agent(self, ident: int, email: str) -> None:
        """A stranger tells that an agent has another address, or has left."""
        body = render_other(replace(self.agents[ident], email=email), Event.UPDATED, self._tick())
        self._owe([STRANGER], body, f"a lie of agent {ident}")

    def lie_of_role(self, role: AgentRole | None, ident: int, event: Event) -> None:
        """A stranger tells that an agent has lost a place, or that somebody's place is one of its own."""
        number = role.id if role else self.number()
        told = AgentRole(number, ORGANISATIONS[STRANGER], self.agents[role.agent.id if role else ident])
        self._owe([STRANGER], render_other(told, event, self._tick()), f"a lie of role {number}")

    def _owe(self, sources: list[str], body: bytes, what: str) -> None:
        made_at = self._tick()
        self.queue += [Job(source, body, what, made_at) for source in sources]

    def rdv(self, starts_at: datetime, agents: tuple[int, ...], organisation: str, **fields: Any) -> Rdv:
        number = self.number()
        usual: dict[str, Any] = {
            "duration_in_min": 45,
            "motif": cast.CONSULTATION,
            "lieu": cast.OFFICE,
            "users": (cast.FATOUMATA,),
            "participations": (Participation(id=number, user=cast.FATOUMATA),),
            "context": "Madame vient avec sa fille malade",
            "created_at": starts_at - timedelta(days=100),
            "insertion_id": number + 50_000,
        }
        people = tuple(self.agents[ident] for ident in agents)
        uuid = f"0b5e6a3e-6f0e-4c57-9d0b-{number:012d}"
        organisation_ = ORGANISATIONS[organisation]
        return Rdv(number, uuid, starts_at, organisation=organisation_, agents=people, **{**usual, **fields})

    def absence(self, agent: int, start: datetime, end: datetime, **fields: Any) -> Absence:
        return Absence(
            id=self.number(),
            title="Rendez-vous médical",
            first_day=start.date(),
            end_day=end.date(),
            start_time=start.time(),
            end_time=end.time(),
            agent=self.agents[agent],
            organisation=cast.MDS,
            recorded_at=self._tick(),
            **fields,
        )

    def plage(self, agent: int, start: datetime, end: datetime, organisation: str, **fields: Any) -> PlageOuverture:
        return PlageOuverture(
            id=self.number(),
            title="Permanence",
            first_day=start.date(),
            start_time=start.time(),
            end_time=end.time(),
            agent=self.agents[agent],
            organisation=ORGANISATIONS[organisation],
            motifs=(cast.CONSULTATION, cast.SOCIAL),
            recorded_at=self._tick(),
            lieu=cast.BRANCH,
            **fields,
        )


def _is_slot_of(story: Story, ident: int) -> bool:
    return not isinstance(story.entry, Rdv) and story.entry.agent.id == ident


def _with_agent(thing: Any, agent: Agent) -> Any:
    if isinstance(thing, Rdv):
        return replace(thing, agents=tuple(agent if known.id == agent.id else known for known in thing.agents))
    return replace(thing, agent=agent) if thing.agent.id == agent.id else thing
