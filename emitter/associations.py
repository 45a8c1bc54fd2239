"""Webhooks about associations. They hold no appointment, but the end of an agent's last role removes entries."""

from dataclasses import dataclass

from emitter.model import Agent, Organisation, Rdv, Usager


@dataclass(frozen=True, slots=True)
class AgentRole:
    """An agent's role in one organisation."""

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
    """An agent's part in a RDV. Sent in some years; it contains a whole RDV without being one."""

    id: int
    agent: Agent
    rdv: Rdv


Association = AgentRole | UserProfile | ReferentAssignation | AgentsRdv
