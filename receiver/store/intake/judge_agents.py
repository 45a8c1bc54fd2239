"""Agents as the newest states list them: the e-mail, and the last real e-mail of those who left.

The agents of a batch of deliveries are read together, updated in memory, and written together. The statements of each
authority about an agent are kept apart: settling decides which of them counts for an event.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Result,
    bindparam,
    exists,
    insert,
    or_,
    select,
    true,
    update,
)

from receiver.core.facts import AgentRef, Emitter, Model
from receiver.core.mailboxes import has_left
from receiver.core.scope import EVERYTHING, Authority, KnownEmail
from receiver.store.agent_statements import Key, is_unexplained, statement_of
from receiver.store.database.engine import chunks
from receiver.store.database.tables import agent_words, agents, event_agents, events


@dataclass(frozen=True, slots=True)
class Speaker:
    """The sender of news of an agent."""

    authority: Authority
    emitter: Emitter


Allow = Callable[[Key, Sequence[KnownEmail], Sequence[KnownEmail]], int]
"""Called with an agent's statements before and after: returns how many entries would move if too many, else 0."""


class Listed:
    """What is known of the agents at this point of a batch."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[Key, dict[str, Any]] = {}
        self._statements: defaultdict[Key, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
        self._new: set[Key] = set()
        self._changed: set[Key] = set()
        self._new_statements: dict[tuple[Key, tuple[str, str]], dict[str, Any]] = {}
        self._changed_statements: dict[tuple[Key, tuple[str, str]], dict[str, Any]] = {}
        self._moved: defaultdict[Key, set[Authority]] = defaultdict(set)

    def read(self, listed: Iterable[tuple[str, Iterable[AgentRef]]]) -> None:
        """Read the agents of (platform, agents), locking their rows in one order."""
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for platform, refs in listed:
            wanted[platform].update(ref.ident for ref in refs)
        for platform, idents in sorted(wanted.items()):
            for some in chunks(sorted(idents)):
                named = {"platform": platform, "idents": some}
                self._known |= {(platform, row["ident"]): row for row in _rows(self._connection.execute(_THESE, named))}
                for row in _rows(self._connection.execute(_THEIR_STATEMENTS, named)):
                    self._statements[platform, row["ident"]][row["authority_tag"], row["emitter"]] = row
                for ident in some:
                    self._note_what_an_older_program_learnt((platform, ident))

    def _note_what_an_older_program_learnt(self, key: Key) -> None:
        known, statements = self._known.get(key), self._statements[key]
        if known is None or not is_unexplained(
            known["state_at"], (statement["state_at"] for statement in statements.values())
        ):
            return
        named = EVERYTHING.tag, ""
        fields = {name: known[name] for name in _LEARNT}
        is_new = named not in statements
        statements[named] = {"authority": EVERYTHING.text, "authority_tag": EVERYTHING.tag, "emitter": ""} | fields
        (self._new_statements if is_new else self._changed_statements)[key, named] = statements[named]

    def learn(
        self, platform: str, refs: Iterable[AgentRef], state_at: datetime, by: Speaker, allow: Allow | None = None
    ) -> list[tuple[AgentRef, int]]:
        """Record what a state says of the agents that it lists. A changed e-mail concerns all their events.

        Returns the agents of whom nothing was recorded because too many entries would move, and how many.
        """
        held = []
        for ref in {ref.ident: ref for ref in refs}.values():
            key = platform, ref.ident
            if allow and (entries := self._too_many(key, ref, state_at, by, allow)):
                held.append((ref, entries))
                continue
            is_known = key in self._known
            self._learn_of_agent(key, ref, state_at)
            if self._learn_statement(key, ref, state_at, by) and is_known:
                self._moved[key].add(by.authority)
        return held

    def _too_many(self, key: Key, ref: AgentRef, state_at: datetime, by: Speaker, allow: Allow) -> int:
        statements, named = self._statements[key], (by.authority.tag, by.emitter)
        statement = statements.get(named)
        updated = _updated(statement, ref, state_at, by)
        if updated is None or all(each["email"] == ref.email for each in statements.values()):
            return 0
        if statement is not None and not self._may_move(key, updated, statement):
            return 0
        after = statements | {named: updated}
        return allow(
            key, [statement_of(each) for each in statements.values()], [statement_of(each) for each in after.values()]
        )

    def _learn_of_agent(self, key: Key, ref: AgentRef, state_at: datetime) -> None:
        known = self._known.get(key)
        if known is None:
            nothing = {"former_email": None, "former_at": None, "roles_gone_at": None}
            new = {"platform": key[0], "ident": key[1], "email": ref.email, "state_at": state_at}
            self._known[key] = new | nothing
            self._new.add(key)
        elif learnt := _changes(known, ref.email, state_at):
            known |= learnt
            self._changed.add(key)

    def _learn_statement(self, key: Key, ref: AgentRef, state_at: datetime, by: Speaker) -> bool:
        """Record an authority's statement; return whether it may change the agent's mailbox."""
        named = by.authority.tag, by.emitter
        statement = self._statements[key].get(named)
        updated = _updated(statement, ref, state_at, by)
        if updated is None:
            return False
        may_move = not self._is_known(key, ref, by) if statement is None else self._may_move(key, updated, statement)
        self._statements[key][named] = updated
        is_new = statement is None or (key, named) in self._new_statements
        (self._new_statements if is_new else self._changed_statements)[key, named] = updated
        return may_move

    def _is_known(self, key: Key, ref: AgentRef, by: Speaker) -> bool:
        """Whether an authority repeats what all state, one of them with a wider scope: that changes no mailbox."""
        statements = self._statements[key].values()
        if has_left(ref.email) or any(each["email"] != ref.email for each in statements):
            return False
        return any(by.authority.is_within(Authority.read(each["authority"])) for each in statements)

    def _may_move(self, key: Key, updated: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
        """Whether a statement may change the agent's mailbox: another e-mail, or it is now newer than others."""
        if (updated["email"], updated["former_email"]) != (before["email"], before["former_email"]):
            return True
        others = (each for each in self._statements[key].values() if each["email"] != updated["email"])
        return any(before["state_at"] <= each["state_at"] <= updated["state_at"] for each in others)

    def statements(self, key: Key) -> list[KnownEmail]:
        """Return the statements of all authorities about an agent."""
        return [statement_of(each) for each in self._statements[key].values()]

    @property
    def moved(self) -> set[Key]:
        """The agents whose entries may have to move to another mailbox."""
        return set(self._moved)

    def any_is_gone(self, platform: str, idents: Iterable[str]) -> bool:
        """Whether any of the agents has lost the last role in an organisation."""
        known = (self._known.get((platform, ident)) for ident in idents)
        return any(each is not None and each["roles_gone_at"] is not None for each in known)

    def write(self) -> None:
        """Write the changes, after the events that list these agents."""
        if self._new:
            self._connection.execute(insert(agents), [self._known[key] for key in sorted(self._new)])
        if changed := sorted(self._changed - self._new):
            self._connection.execute(_LEARN, [_named(self._known[key]) for key in changed])
        if self._new_statements:
            rows = [
                {"platform": key[0], "ident": key[1], **statement}
                for (key, _), statement in sorted(self._new_statements.items(), key=_first)
            ]
            self._connection.execute(insert(agent_words), rows)
        if self._changed_statements:
            self._connection.execute(
                _LEARN_STATEMENT,
                [_named_statement(*each) for each in sorted(self._changed_statements.items(), key=_first)],
            )
        for (platform, ident), authorities in sorted(self._moved.items()):
            for authority in authorities:
                unsettle(self._connection, platform, ident, self._now, within=authority)


def _rows(result: Result[Any]) -> Iterator[dict[str, Any]]:
    """Return rows that may be changed: hundreds are read for each batch."""
    names = tuple(result.keys())
    return (dict(zip(names, row, strict=True)) for row in result)


_THESE = (
    select(agents)
    # The names are literals in the statement, so that PostgreSQL never caches a plan: a plan made for a small table
    # would compare each row with each name.
    .where(
        agents.c.platform == bindparam("platform"),
        agents.c.ident.in_(bindparam("idents", expanding=True, literal_execute=True)),
    )
    .order_by(agents.c.ident)
    .with_for_update(key_share=True)
)
_THEIR_STATEMENTS = select(agent_words).where(
    agent_words.c.platform == bindparam("platform"),
    agent_words.c.ident.in_(bindparam("idents", expanding=True, literal_execute=True)),
)
_LEARNT = ("email", "state_at", "former_email", "former_at")
_LEARN = (
    update(agents)
    .where(agents.c.platform == bindparam("on_platform"), agents.c.ident == bindparam("with_ident"))
    .values({name: bindparam(name) for name in _LEARNT})
)
_LEARN_STATEMENT = (
    update(agent_words)
    .where(
        agent_words.c.platform == bindparam("on_platform"),
        agent_words.c.ident == bindparam("with_ident"),
        agent_words.c.authority_tag == bindparam("under"),
        agent_words.c.emitter == bindparam("sent_by"),
    )
    .values({name: bindparam(name) for name in _LEARNT})
)


def _first(item: tuple[Any, Any]) -> Any:
    return item[0]


def _named(known: dict[str, Any]) -> dict[str, Any]:
    learnt = {name: known[name] for name in _LEARNT}
    return learnt | {"on_platform": known["platform"], "with_ident": known["ident"]}


def _named_statement(key: tuple[Key, tuple[str, str]], statement: dict[str, Any]) -> dict[str, Any]:
    (platform, ident), (tag, emitter) = key
    learnt = {name: statement[name] for name in _LEARNT}
    return learnt | {"on_platform": platform, "with_ident": ident, "under": tag, "sent_by": emitter}


def _updated(known: Mapping[str, Any] | None, ref: AgentRef, state_at: datetime, by: Speaker) -> dict[str, Any] | None:
    """Return an authority's statement after a new state; None: it does not change."""
    if known is None:
        who = {"authority": by.authority.text, "authority_tag": by.authority.tag, "emitter": by.emitter}
        return who | {"email": ref.email, "state_at": state_at, "former_email": None, "former_at": None}
    learnt = _changes(known, ref.email, state_at)
    return {**known, **learnt} if learnt else None


def learn(
    connection: Connection,
    platform: str,
    ref: AgentRef,
    state_at: datetime,
    now: datetime,
    by: Speaker,
    allow: Allow | None = None,
) -> int:
    """Record what a state says of one agent.

    Returns 0; or how many entries would move, if too many: nothing is recorded then.
    """
    listed = Listed(connection, now)
    listed.read([(platform, [ref])])
    held = listed.learn(platform, [ref], state_at, by, allow)
    listed.write()
    return held[0][1] if held else 0


def unsettle(
    connection: Connection, platform: str, ident: str, now: datetime, *models: Model, within: Authority = EVERYTHING
) -> None:
    """Mark the coming events of an agent to be settled again, as far as an authority may speak for them."""
    theirs = select(event_agents.c.event_id).where(event_agents.c.ident == ident)
    concerned = [events.c.id.in_(theirs), events.c.platform == platform, events.c.ends_at >= now]
    if models:
        concerned.append(events.c.model.in_(models))
    for some in _of(within):
        connection.execute(update(events).where(*concerned, some).values(unsettled_at=now))


def is_of_unknown_agent() -> ColumnElement[bool]:
    """Match statements of authorities about agents that are not known any more."""
    same = agents.c.platform == agent_words.c.platform, agents.c.ident == agent_words.c.ident
    return ~exists().where(*same)


def _of(authority: Authority) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together match the events that an authority may speak for, and all absences."""
    if authority.organisations is None:
        yield true()
        return
    first, *others = list(chunks(sorted(authority.organisations))) or [()]
    yield or_(events.c.model == Model.ABSENCE, events.c.organisation.in_(first))
    for some in others:
        yield events.c.organisation.in_(some)


def _changes(known: Mapping[str, Any], email: str | None, state_at: datetime) -> dict[str, Any]:
    """Return the columns that an e-mail changes. The result does not depend on the order of arrival."""
    if known["state_at"] > state_at:
        return {"former_email": email, "former_at": state_at} if _is_newer_real_one(known, email, state_at) else {}
    if known["email"] == email:
        return {"state_at": state_at} if known["state_at"] < state_at else {}  # else an older one could replace it
    left_now = has_left(email) and not has_left(known["email"])
    former = {"former_email": known["email"], "former_at": known["state_at"]} if left_now else {}
    return {"email": email, "state_at": state_at, **former}


def _is_newer_real_one(known: Mapping[str, Any], email: str | None, state_at: datetime) -> bool:
    """Whether an e-mail that arrives after the departure of its agent is the last known real one."""
    if not email or has_left(email) or not has_left(known["email"]) or email == known["former_email"]:
        return False
    return known["former_at"] is None or known["former_at"] < state_at
