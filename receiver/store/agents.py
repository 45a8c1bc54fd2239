"""What the emitter says of agents themselves: who they are, and whether they still belong somewhere."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, select, update

from receiver.core.facts import AgentNews, EventKind, Model, RoleNews
from receiver.store.listed import learn, unsettle
from receiver.store.tables import agents, event_agents, events, roles


def learn_agent(connection: Connection, platform: str, news: AgentNews, now: datetime) -> bool:
    """Keep what a message says of an agent; return whether it is news."""
    known_at = connection.scalar(select(agents.c.state_at).where(_is(platform, news.agent.ident)))
    learn(connection, platform, news.agent, news.version.state_at, now)
    return known_at is None or known_at <= news.version.state_at


def learn_role(connection: Connection, platform: str, news: RoleNews, now: datetime) -> bool:
    """Keep whether an agent has a place in an organisation; return whether it is news.

    The platform deletes the absences and plages of an agent who loses the last place, and tells nobody: by then they
    have no endpoint to be sent to.
    """
    learn(connection, platform, news.agent, news.version.state_at, now)
    if not _keep_role(connection, platform, news):
        return False
    gone_at = _gone_at(connection, platform, news.agent.ident)
    changed = _is(platform, news.agent.ident), agents.c.roles_gone_at.is_distinct_from(gone_at)
    if connection.execute(update(agents).where(*changed).values(roles_gone_at=gone_at)).rowcount:
        unsettle(connection, platform, news.agent.ident, now, Model.ABSENCE, Model.PLAGE_OUVERTURE)
    return True


def _keep_role(connection: Connection, platform: str, news: RoleNews) -> bool:
    this = and_(roles.c.platform == platform, roles.c.wire_id == news.wire_id)
    known = connection.execute(select(roles).where(this).with_for_update()).first()
    gone = news.version.kind is EventKind.DESTROYED
    if known is not None and (known.gone or (not gone and known.state_at > news.version.state_at)):
        return False
    values = {"ident": news.agent.ident, "gone": gone, "state_at": news.version.state_at}
    if known is None:
        connection.execute(insert(roles).values(values | {"platform": platform, "wire_id": news.wire_id}))
    else:
        connection.execute(update(roles).where(this).values(values))
    return True


def _gone_at(connection: Connection, platform: str, ident: str) -> datetime | None:
    """Return when the last place was lost, whatever the order of the messages; None: there is one."""
    theirs = and_(roles.c.platform == platform, roles.c.ident == ident)
    if connection.execute(select(roles.c.wire_id).where(theirs, ~roles.c.gone).limit(1)).first() is not None:
        return None
    lost_at: datetime | None = connection.scalar(select(func.max(roles.c.state_at)).where(theirs))
    return lost_at


def _is(platform: str, ident: str) -> ColumnElement[bool]:
    return and_(agents.c.platform == platform, agents.c.ident == ident)


def coming(now: datetime) -> Select[Any]:
    """Ask for each agent's e-mail and the number of events that are still to come."""
    here = and_(event_agents.c.event_id == events.c.id, events.c.ends_at >= now)
    same = and_(agents.c.ident == event_agents.c.ident, agents.c.platform == events.c.platform)
    return (
        select(agents.c.platform, agents.c.ident, agents.c.email, func.count().label("events"))
        .select_from(event_agents)
        .join(events, here)
        .join(agents, same)
        .where(agents.c.email.is_not(None))
        .group_by(agents.c.platform, agents.c.ident, agents.c.email)
        .order_by(func.count().desc(), agents.c.email)
    )
