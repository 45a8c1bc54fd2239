"""Who belongs to what: messages that hold no appointment, though an agent's last role gone takes entries along."""

from dataclasses import dataclass

from emitter.model import Agent, Organisation, Rdv, Usager


@dataclass(frozen=True, slots=True)
class AgentRole:
    """An agent's place in one organisation."""

    id: int
    organisation: Organisation
    agent: Agent
    access_level: str = "basic"


@dataclass(frozen=True, slots=True)
class UserProfile:
    """An usager known to an organisation; has no id on the wire."""

    user: Usager
    organisation: Organisation


@dataclass(frozen=True, slots=True)
class ReferentAssignation:
    """An agent who follows an usager; has no id on the wire."""

    user: Usager
    agent: Agent


@dataclass(frozen=True, slots=True)
class AgentsRdv:
    """An agent's part in a RDV: told in some years, and a whole RDV inside a message that is none."""

    id: int
    agent: Agent
    rdv: Rdv


Association = AgentRole | UserProfile | ReferentAssignation | AgentsRdv
