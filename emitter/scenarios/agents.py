"""Stories of agents who change their address or leave. Each has an agent of its own, in Martine's mailbox at first."""

from dataclasses import replace
from datetime import timedelta

from emitter.associations import AgentRole
from emitter.model import Agent, Event
from emitter.scenarios import cast
from emitter.scenarios.stage import ExpectedEntry, ScenarioSteps, Stage, Step, entry, story
from emitter.schedule import Absence, Frequency, Recurrence

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
MONDAYS = Recurrence(Frequency.WEEKLY, 1, ("MO",))

PMI = "Consultation PMI & suivi <0-6 ans>"
ARRAS = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"


def agent_email_changed(stage: Stage) -> ScenarioSteps:
    """Martine's address changes: what is to come moves to the new mailbox."""
    agent = stage.agent()
    renamed = replace(agent, email=cast.DUPONT_EMAIL)
    steps = [*_busy(stage, agent), stage.other(renamed, UPDATED, 20, "new e-mail")]
    return story(steps, martine=[], dupont=_busy_entries(stage, agent))


def agent_email_changed_first(stage: Stage) -> ScenarioSteps:
    """The new address overtakes states that still name the old one."""
    agent = stage.agent()
    renamed = replace(agent, email=cast.DUPONT_EMAIL)
    steps = [stage.other(renamed, UPDATED, 20, "new e-mail"), *_busy(stage, agent)]
    return story(steps, martine=[], dupont=_busy_entries(stage, agent))


def agent_email_seen(stage: Stage) -> ScenarioSteps:
    """No message about the agent: a later RDV names the new address, and the earlier entries follow."""
    agent = stage.agent()
    renamed = replace(agent, email=cast.DUPONT_EMAIL)
    start = stage.day(2, 15)
    steps = [*_busy(stage, agent), stage.step(stage.rdv(3, start, agents=(renamed,)), CREATED, 20, "new e-mail seen")]
    shown = entry(PMI, stage.lieu(ARRAS), start, 45)
    return story(steps, martine=[], dupont=[*_busy_entries(stage, agent), shown])


def agent_departed(stage: Stage) -> ScenarioSteps:
    """An agent was deleted, which shows in the next payload that names it: what stands in the mailbox stays."""
    agent = stage.agent()
    steps, joint = _departure(stage, agent)
    return story(steps, martine=[*_busy_entries(stage, agent), joint], karim=[joint])


def agent_departed_and_removed(stage: Stage) -> ScenarioSteps:
    """An agent was deleted, and the policy takes the coming entries along; a colleague keeps theirs."""
    steps, joint = _departure(stage, stage.agent())
    return story(steps, karim=[joint])


def one_of_two_roles_destroyed(stage: Stage) -> ScenarioSteps:
    """An agent leaves one organisation of two: nothing goes."""
    agent = stage.agent()
    steps, arras, _lens = _employed(stage, agent)
    steps.append(stage.other(arras, DESTROYED, 20, "left Arras"))
    return story(steps, martine=_busy_entries(stage, agent))


def last_role_destroyed(stage: Stage) -> ScenarioSteps:
    """An agent leaves the last organisation: absences and openings go without a message of their own; RDVs stay."""
    agent = stage.agent()
    steps, arras, lens = _employed(stage, agent)
    steps += [stage.other(arras, DESTROYED, 20, "left Arras"), stage.other(lens, DESTROYED, 21, "left Lens")]
    return story(steps, martine=_rdv_entries(stage))


def last_role_destroyed_with_openings(stage: Stage) -> ScenarioSteps:
    """Where openings are shown they go with the last role as absences do; a colleague's opening stays."""
    agent = stage.agent()
    steps, arras, lens = _employed(stage, agent)
    start = stage.day(3, 9)
    own = stage.plage(4, start, start + timedelta(hours=3), agent=agent)
    colleagues = stage.plage(5, start, start + timedelta(hours=3), agent=cast.KARIM)
    steps += [stage.step(plage, CREATED, 12, "opening") for plage in (own, colleagues)]
    steps += [stage.other(arras, DESTROYED, 20, "left Arras"), stage.other(lens, DESTROYED, 21, "left Lens")]
    shown = stage.open(colleagues, f"Plage d'ouverture : {PMI}", ARRAS)
    return story(steps, martine=_rdv_entries(stage), karim=shown)


def _busy(stage: Stage, agent: Agent) -> list[Step]:
    """A RDV and an absence every Monday."""
    return [
        stage.step(stage.rdv(1, stage.day(1, 10), agents=(agent,)), CREATED, 10, "RDV made"),
        stage.step(_mondays(stage, agent), CREATED, 11, "off every Monday"),
    ]


def _busy_entries(stage: Stage, agent: Agent) -> list[ExpectedEntry]:
    return [*_rdv_entries(stage), *stage.absent(_mondays(stage, agent))]


def _rdv_entries(stage: Stage) -> list[ExpectedEntry]:
    return [entry(PMI, stage.lieu(ARRAS), stage.day(1, 10), 45)]


def _mondays(stage: Stage, agent: Agent) -> Absence:
    return stage.absence(2, stage.weekday(0, 14), stage.weekday(0, 17), agent=agent, recurrence=MONDAYS)


def _departure(stage: Stage, agent: Agent) -> tuple[list[Step], ExpectedEntry]:
    start = stage.day(2, 11)
    gone = replace(agent, email=f"agent_{agent.id}@deleted.rdv-solidarites.fr")
    joint = stage.rdv(3, start, agents=(agent, cast.KARIM))
    seen = replace(joint, agents=(gone, cast.KARIM), context="Madame viendra seule")
    steps = [
        *_busy(stage, agent),
        stage.step(joint, CREATED, 12, "RDV of both made"),
        stage.step(seen, UPDATED, 20, "names a deleted agent"),
    ]
    return steps, entry(PMI, stage.lieu(ARRAS), start, 45)


def _employed(stage: Stage, agent: Agent) -> tuple[list[Step], AgentRole, AgentRole]:
    """Two roles, then the usual entries."""
    arras = AgentRole(stage.identity(81), cast.MDS, agent)
    lens = AgentRole(stage.identity(82), cast.MDS_LENS, agent)
    roles = [stage.other(arras, CREATED, 5, "role in Arras"), stage.other(lens, CREATED, 6, "role in Lens")]
    return [*roles, *_busy(stage, agent)], arras, lens
