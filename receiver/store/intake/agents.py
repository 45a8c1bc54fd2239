"""Judges news of agents: their e-mail, and their roles in organisations."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from receiver.core.facts import AgentNews, EventKind, Model, RoleNews
from receiver.core.scope import EVERYTHING, Authority
from receiver.store.database.records import Aside, Incoming, Reason, Receipt, Verdict
from receiver.store.database.tables import agents, roles
from receiver.store.intake.judge_agents import learn, unsettle
from receiver.store.intake.removal_guard import Guard, speaker

OF_AGENTS = (Model.ABSENCE, Model.PLAGE_OUVERTURE)
"""The kinds of event that the platform deletes with an agent's last role."""


def learn_agent(connection: Connection, incoming: Incoming, news: AgentNews, guard: Guard, now: datetime) -> Receipt:
    """Judge a webhook about an agent, and keep it if it is news."""
    known_at = connection.scalar(select(agents.c.state_at).where(_is(incoming.platform, news.agent.ident)))
    if entries := _learn(connection, incoming, news, guard, now):
        return Receipt(Verdict.HELD, asides=(Aside(Reason.REMOVAL, news, entries=entries),))
    is_news = known_at is None or known_at <= news.version.state_at
    return Receipt(Verdict.ACCEPTED if is_news else Verdict.SUPERSEDED)


def learn_role(connection: Connection, incoming: Incoming, news: RoleNews, guard: Guard, now: datetime) -> Receipt:
    """Judge a webhook about an agent's role in an organisation, and keep it if it is news.

    When an agent loses the last role, the platform deletes the agent's absences and plages and sends no webhook for
    them, as no organisation with an endpoint has them any more.
    """
    platform, ident = incoming.platform, news.agent.ident
    this = and_(roles.c.platform == platform, roles.c.wire_id == news.wire_id)
    known = connection.execute(select(roles).where(this).with_for_update(key_share=True)).first()
    if not _may_tell(incoming, news, known):
        organisation = known.organisation if known is not None else None
        return Receipt(Verdict.OUT_OF_SCOPE, asides=(Aside(Reason.SCOPE, news, organisation=organisation),))
    is_news = known is None or _is_newer(known, news)
    if is_news and (entries := _lost(connection, incoming, news, guard)):
        return Receipt(Verdict.HELD, asides=(Aside(Reason.REMOVAL, news, entries=entries),))
    entries = _learn(connection, incoming, news, guard, now)
    asides = (Aside(Reason.REMOVAL, AgentNews(news.agent, news.version), entries=entries),) if entries else ()
    if not is_news:
        return Receipt(Verdict.SUPERSEDED, asides=asides)
    _keep_role(connection, incoming, news, this, is_known=known is not None)
    gone_at = _gone_at(connection, platform, ident)
    changed = _is(platform, ident), agents.c.roles_gone_at.is_distinct_from(gone_at)
    if connection.execute(update(agents).where(*changed).values(roles_gone_at=gone_at)).rowcount:
        unsettle(connection, platform, ident, now, *OF_AGENTS)
    return Receipt(Verdict.ACCEPTED, asides=asides)


def _learn(connection: Connection, incoming: Incoming, news: AgentNews | RoleNews, guard: Guard, now: datetime) -> int:
    """Record the agent's e-mail, unless too many entries would move; return how many that would be, else 0."""
    by = speaker(incoming)
    return learn(connection, incoming.platform, news.agent, news.version.state_at, now, by, guard.allows(incoming))


def is_known_role(connection: Connection, platform: str, news: RoleNews) -> bool:
    """Whether a role is known and was not lost."""
    this = roles.c.platform == platform, roles.c.wire_id == news.wire_id, ~roles.c.gone
    return connection.execute(select(roles.c.wire_id).where(*this)).first() is not None


def _may_tell(incoming: Incoming, news: RoleNews, known: Any) -> bool:
    """Whether a webhook may speak for the organisation of the role, as far as that is known."""
    by = incoming.authority
    if by is None or incoming.released:
        return True
    is_elsewhere = known is not None and known.organisation is not None and not by.covers(known.organisation)
    return by.covers(news.organisation) and not is_elsewhere


def _is_newer(known: Any, news: RoleNews) -> bool:
    if known.gone:
        return False
    return news.version.kind is EventKind.DESTROYED or bool(known.state_at <= news.version.state_at)


def _lost(connection: Connection, incoming: Incoming, news: RoleNews, guard: Guard) -> int:
    """Return how many entries would be removed with a role, if those are too many; else 0."""
    if news.version.kind is not EventKind.DESTROYED:
        return 0
    others = roles.c.platform == incoming.platform, roles.c.ident == news.agent.ident, roles.c.wire_id != news.wire_id
    if connection.execute(select(roles.c.wire_id).where(*others, ~roles.c.gone).limit(1)).first() is not None:
        return 0
    # The loss of the last role also removes what the loss of earlier roles could not.
    authorities = [incoming.authority.text if incoming.authority else None]
    authorities += connection.scalars(select(roles.c.authority).where(*others))
    lost = [Authority.read(text) if text is not None else EVERYTHING for text in dict.fromkeys(authorities)]
    return guard.holds(incoming, guard.orphans(incoming, news.agent.ident, lost, OF_AGENTS))


def _keep_role(
    connection: Connection, incoming: Incoming, news: RoleNews, this: ColumnElement[bool], *, is_known: bool
) -> None:
    by = incoming.authority
    values = {
        "ident": news.agent.ident,
        "gone": news.version.kind is EventKind.DESTROYED,
        "state_at": news.version.state_at,
        "organisation": news.organisation,
        "authority": by.text if by else None,
    }
    if is_known:
        connection.execute(update(roles).where(this).values(values))
    else:
        keys = {"platform": incoming.platform, "wire_id": news.wire_id}
        connection.execute(insert(roles).values(values | keys))


def _gone_at(connection: Connection, platform: str, ident: str) -> datetime | None:
    """Return when the last role was lost, whatever the order of the webhooks; None: the agent has a role."""
    theirs = and_(roles.c.platform == platform, roles.c.ident == ident)
    if connection.execute(select(roles.c.wire_id).where(theirs, ~roles.c.gone).limit(1)).first() is not None:
        return None
    lost_at: datetime | None = connection.scalar(select(func.max(roles.c.state_at)).where(theirs))
    return lost_at


def _is(platform: str, ident: str) -> ColumnElement[bool]:
    return and_(agents.c.platform == platform, agents.c.ident == ident)
