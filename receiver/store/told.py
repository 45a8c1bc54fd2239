"""What is said of agents, and by whom: read for events that are settled."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from receiver.core.desired import AgentView
from receiver.core.scope import EVERYTHING, Authority, Word, believed
from receiver.store.chunks import chunks
from receiver.store.listed import Key, is_unexplained, word_of
from receiver.store.tables import agent_words, roles


class Told:
    """What every authority said of some agents."""

    def __init__(self, connection: Connection, wanted: Collection[Key]) -> None:
        self._words: defaultdict[Key, list[Word]] = defaultdict(list)
        self._gone: defaultdict[Key, list[tuple[datetime, Authority]]] = defaultdict(list)
        by_platform: defaultdict[str, list[str]] = defaultdict(list)
        for platform, ident in sorted(wanted):
            by_platform[platform].append(ident)
        for platform, idents in by_platform.items():
            for some in chunks(idents):
                self._read(connection, platform, some)

    def _read(self, connection: Connection, platform: str, idents: Sequence[str]) -> None:
        said = select(agent_words).where(agent_words.c.platform == platform, agent_words.c.ident.in_(idents))
        for row in connection.execute(said).mappings():
            self._words[platform, row["ident"]].append(word_of(row))
        lost = select(roles).where(roles.c.platform == platform, roles.c.ident.in_(idents), roles.c.gone)
        for role in connection.execute(lost):
            by = Authority.read(role.authority) if role.authority is not None else EVERYTHING
            self._gone[platform, role.ident].append((role.state_at, by))

    def view(self, agent: RowMapping, organisation: int | None, tellers: Sequence[Authority]) -> AgentView:
        """Return an agent as those say who may speak for an event.

        Args:
            agent: the row of the agent.
            organisation: the event's.
            tellers: of an absence, under which authorities it was told.

        """
        key = agent["platform"], agent["ident"]
        words = list(self._words[key])
        if is_unexplained(agent["state_at"], (word.state_at for word in words)):
            words.append(
                Word(EVERYTHING, None, agent["email"], agent["state_at"], agent["former_email"], agent["former_at"])
            )
        word = believed(words, organisation, tellers)
        gone_at = None
        if agent["roles_gone_at"] is not None:
            gone_at = max((at for at, by in self._gone[key] if by.speaks_for(organisation, tellers)), default=None)
        return AgentView(word.email if word else None, word.former_email if word else None, gone_at)
