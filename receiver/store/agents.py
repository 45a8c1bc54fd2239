"""What is known of agents: the newest e-mail, the last real one, and whether they still belong somewhere."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, select, update

from receiver.core.facts import AgentNews, AgentRef, EventKind, Model, RoleNews
from receiver.core.mailboxes import has_left
from receiver.store.tables import agents, event_agents, events, roles


def learn_emails(
    connection: Connection, platform: str, refs: Iterable[AgentRef], state_at: datetime, now: datetime
) -> None:
    """Keep each agent's newest e-mail; a changed one concerns all that the agent still has to come."""
    listed = {ref.ident: ref for ref in refs}
    mine = and_(agents.c.platform == platform, agents.c.ident.in_(listed))
    known = {row.ident: row for row in connection.execute(select(agents).where(mine).with_for_update())}
    for ident, ref in sorted(listed.items()):
        if ident not in known:
            new = {"platform": platform, "ident": ident, "email": ref.email, "state_at": state_at}
            connection.execute(insert(agents).values(new))
        else:
            _learn_email(connection, known[ident], ref, state_at, now)


def _learn_email(connection: Connection, known: Row[Any], ref: AgentRef, state_at: datetime, now: datetime) -> None:
    changes = _changes(known, ref.email, state_at)
    if changes:
        connection.execute(update(agents).where(_is(known.platform, known.ident)).values(changes))
    if changes.keys() & {"email", "former_email"}:
        _unsettle(connection, known.platform, known.ident, now)


def _changes(known: Row[Any], email: str | None, state_at: datetime) -> dict[str, Any]:
    """Return what an e-mail of some age changes in what is known, so that the order of arrival never matters."""
    if known.state_at > state_at:
        return {"former_email": email, "former_at": state_at} if _is_newer_real_one(known, email, state_at) else {}
    if known.email == email:
        return {"state_at": state_at} if known.state_at < state_at else {}  # or an older one could still replace it
    left_now = has_left(email) and not has_left(known.email)
    former = {"former_email": known.email, "former_at": known.state_at} if left_now else {}
    return {"email": email, "state_at": state_at, **former}


def _is_newer_real_one(known: Row[Any], email: str | None, state_at: datetime) -> bool:
    """Whether an e-mail that arrives after its agent left is the last real one as far as we know."""
    if not email or has_left(email) or not has_left(known.email) or email == known.former_email:
        return False
    return known.former_at is None or known.former_at < state_at


def learn_agent(connection: Connection, platform: str, news: AgentNews, now: datetime) -> bool:
    """Keep what a message says of an agent; return whether it is news."""
    known_at = connection.scalar(select(agents.c.state_at).where(_is(platform, news.agent.ident)))
    learn_emails(connection, platform, [news.agent], news.version.state_at, now)
    return known_at is None or known_at <= news.version.state_at


def learn_role(connection: Connection, platform: str, news: RoleNews, now: datetime) -> bool:
    """Keep whether an agent has a place in an organisation; return whether it is news.

    The platform deletes the absences and plages of an agent who loses the last place, and tells nobody: by then they
    have no endpoint to be sent to.
    """
    learn_emails(connection, platform, [news.agent], news.version.state_at, now)
    if not _keep_role(connection, platform, news):
        return False
    gone_at = _gone_at(connection, platform, news.agent.ident)
    changed = _is(platform, news.agent.ident), agents.c.roles_gone_at.is_distinct_from(gone_at)
    if connection.execute(update(agents).where(*changed).values(roles_gone_at=gone_at)).rowcount:
        _unsettle(connection, platform, news.agent.ident, now, Model.ABSENCE, Model.PLAGE_OUVERTURE)
    return True


def any_is_gone(connection: Connection, platform: str, idents: Iterable[str]) -> bool:
    """Whether any of the agents has lost the last place in an organisation."""
    theirs = and_(
        agents.c.platform == platform, agents.c.ident.in_(sorted(idents)), agents.c.roles_gone_at.is_not(None)
    )
    return connection.execute(select(agents.c.ident).where(theirs).limit(1)).first() is not None


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


def _unsettle(connection: Connection, platform: str, ident: str, now: datetime, *models: Model) -> None:
    """Have what an agent still has to come settled again."""
    theirs = select(event_agents.c.event_id).where(event_agents.c.ident == ident)
    concerned = [events.c.id.in_(theirs), events.c.platform == platform, events.c.ends_at >= now]
    if models:
        concerned.append(events.c.model.in_(models))
    connection.execute(update(events).where(*concerned).values(unsettled_at=now))


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
