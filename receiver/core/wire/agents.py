"""Payloads about agents: their e-mails, and their roles in organisations."""

from collections.abc import Mapping
from typing import Any

from receiver.core.facts import AgentNews, AgentRef, Emitter, EventKind, RoleNews, Version
from receiver.core.wire.fields import Id, Wire, WireAgent, WireOrganisation, validate


class _Role(Wire):
    id: Id
    agent: WireAgent
    organisation: WireOrganisation | None = None


def read_agent(data: Mapping[str, Any], version: Version, emitter: Emitter) -> AgentNews:
    """Decode `data` of an agent. A destroyed one gets an ``@deleted.`` e-mail, as the platform gives those who left.

    Raises:
        InvalidPayload: with the paths of the invalid fields.

    """
    agent = validate(WireAgent, data, "data").ref(emitter)
    gone = version.kind is EventKind.DESTROYED
    return AgentNews(AgentRef(agent.ident, f"agent_{agent.ident}@deleted.invalid") if gone else agent, version)


def read_role(data: Mapping[str, Any], version: Version, emitter: Emitter) -> RoleNews:
    """Decode `data` of an agent's role in an organisation.

    Raises:
        InvalidPayload: with the paths of the invalid fields.

    """
    role = validate(_Role, data, "data")
    organisation = role.organisation.ident(emitter) if role.organisation else None
    return RoleNews(role.id, role.agent.ref(emitter), organisation, version)
