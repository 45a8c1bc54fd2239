"""Reads the e-mails of agents, as each authority states them, for events that are settled."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, select

from receiver.core.desired import AgentView
from receiver.core.scope import EVERYTHING, Authority, KnownEmail, credible_email
from receiver.store.agent_statements import Key, is_unexplained, statement_of
from receiver.store.database.engine import chunks
from receiver.store.database.tables import agent_words, roles


class StatedEmails:
    """The statements of all authorities about some agents."""

    def __init__(self, connection: Connection, wanted: Collection[RowMapping]) -> None:
        """Read the statements about the agents of some rows."""
        self._statements: defaultdict[Key, list[KnownEmail]] = defaultdict(list)
        self._gone: defaultdict[Key, list[tuple[datetime, Authority]]] = defaultdict(list)
        for platform, idents in _by_platform(wanted):
            self._read_statements(connection, platform, idents)
        # Nearly no agent has lost a role.
        for platform, idents in _by_platform(agent for agent in wanted if agent["roles_gone_at"] is not None):
            self._read_gone(connection, platform, idents)

    def _read_statements(self, connection: Connection, platform: str, idents: Sequence[str]) -> None:
        for row in connection.execute(_SAID, {"platform": platform, "idents": idents}).mappings():
            self._statements[platform, row["ident"]].append(statement_of(row))

    def _read_gone(self, connection: Connection, platform: str, idents: Sequence[str]) -> None:
        for role in connection.execute(_LOST, {"platform": platform, "idents": idents}):
            by = Authority.read(role.authority) if role.authority is not None else EVERYTHING
            self._gone[platform, role.ident].append((role.state_at, by))

    def view(self, agent: RowMapping, organisation: int | None, sent_under: Sequence[Authority]) -> AgentView:
        """Return what the authorities that may speak for an event state about an agent.

        Args:
            agent: the row of the agent.
            organisation: the event's.
            sent_under: the authorities under which an absence was sent.

        """
        key = agent["platform"], agent["ident"]
        statements = list(self._statements[key])
        if is_unexplained(agent["state_at"], (statement.state_at for statement in statements)):
            statements.append(
                KnownEmail(
                    EVERYTHING, None, agent["email"], agent["state_at"], agent["former_email"], agent["former_at"]
                )
            )
        statement = credible_email(statements, organisation, sent_under)
        gone_at = None
        if agent["roles_gone_at"] is not None:
            gone_at = max((at for at, by in self._gone[key] if by.speaks_for(organisation, sent_under)), default=None)
        return AgentView(statement.email if statement else None, statement.former_email if statement else None, gone_at)


def _by_platform(wanted: Iterable[RowMapping]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield platforms with parts of the list of their agents."""
    by_platform: defaultdict[str, set[str]] = defaultdict(set)
    for agent in wanted:
        by_platform[agent["platform"]].add(agent["ident"])
    for platform, idents in sorted(by_platform.items()):
        for some in chunks(sorted(idents)):
            yield platform, some


_IDENTS: BindParameter[str] = bindparam("idents", expanding=True)
_SAID = select(agent_words).where(agent_words.c.platform == bindparam("platform"), agent_words.c.ident.in_(_IDENTS))
_LOST = select(roles).where(roles.c.platform == bindparam("platform"), roles.c.ident.in_(_IDENTS), roles.c.gone)
