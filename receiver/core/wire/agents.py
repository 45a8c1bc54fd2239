"""What the emitter tells of agents themselves: their e-mail, and their places in organisations."""

from collections.abc import Mapping
from typing import Any

from receiver.core.facts import AgentNews, AgentRef, Emitter, EventKind, RoleNews, Version
from receiver.core.wire.fields import Id, Wire, WireAgent, WireOrganisation, validate


class _Role(Wire):
    id: Id
    agent: WireAgent
    organisation: WireOrganisation | None = None


def read_agent(data: Mapping[str, Any], version: Version, emitter: Emitter) -> AgentNews:
    """Read `data` of an agent; a destroyed one gets the kind of e-mail that the platform gives those who left.

    Raises:
        InvalidPayload: with the paths of the fields that are wrong.

    """
    agent = validate(WireAgent, data, "data").ref(emitter)
    gone = version.kind is EventKind.DESTROYED
    return AgentNews(AgentRef(agent.ident, f"agent_{agent.ident}@deleted.invalid") if gone else agent, version)


def read_role(data: Mapping[str, Any], version: Version, emitter: Emitter) -> RoleNews:
    """Read `data` of an agent's place in an organisation.

    Raises:
        InvalidPayload: with the paths of the fields that are wrong.

    """
    role = validate(_Role, data, "data")
    organisation = role.organisation.ident(emitter) if role.organisation else None
    return RoleNews(role.id, role.agent.ref(emitter), organisation, version)
