"""Agents as the newest states list them: the e-mail, and the last real one of those who left.

Those of a batch of deliveries are read together, learnt of in memory, and written together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from receiver.core.facts import AgentRef, Model
from receiver.core.mailboxes import has_left
from receiver.store.chunks import chunks
from receiver.store.tables import agents, event_agents, events

Key = tuple[str, str]
"""Platform and ident."""


class Listed:
    """What is known of some agents at this point of a batch."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[Key, dict[str, Any]] = {}
        self._new: set[Key] = set()
        self._changed: set[Key] = set()
        self._moved: set[Key] = set()

    def read(self, listed: Iterable[tuple[str, Iterable[AgentRef]]]) -> None:
        """Read the agents of (platform, agents), locking their rows in one order."""
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for platform, refs in listed:
            wanted[platform].update(ref.ident for ref in refs)
        for platform, idents in wanted.items():
            for chunk in chunks(sorted(idents)):
                found = self._connection.execute(_THESE, {"platform": platform, "idents": chunk}).mappings()
                self._known |= {(platform, row["ident"]): dict(row) for row in found}

    def learn(self, platform: str, refs: Iterable[AgentRef], state_at: datetime) -> None:
        """Take in what a state of some age says of the agents it lists; a changed e-mail concerns all their events."""
        for ref in {ref.ident: ref for ref in refs}.values():
            key = platform, ref.ident
            known = self._known.get(key)
            if known is None:
                nothing = {"former_email": None, "former_at": None, "roles_gone_at": None}
                new = {"platform": platform, "ident": ref.ident, "email": ref.email, "state_at": state_at}
                self._known[key] = new | nothing
                self._new.add(key)
            elif learnt := _changes(known, ref.email, state_at):
                known |= learnt
                self._changed.add(key)
                if learnt.keys() & {"email", "former_email"}:
                    self._moved.add(key)

    def any_is_gone(self, platform: str, idents: Iterable[str]) -> bool:
        """Whether any of the agents has lost the last place in an organisation."""
        known = (self._known.get((platform, ident)) for ident in idents)
        return any(each is not None and each["roles_gone_at"] is not None for each in known)

    def write(self) -> None:
        """Write down what was learnt, after the events that list these agents."""
        if self._new:
            self._connection.execute(insert(agents), [self._known[key] for key in sorted(self._new)])
        if changed := sorted(self._changed - self._new):
            self._connection.execute(_LEARN, [_named(self._known[key]) for key in changed])
        for platform, ident in sorted(self._moved):
            unsettle(self._connection, platform, ident, self._now)


_THESE = (
    select(agents)
    # The names stand in the text, so that PostgreSQL never keeps a plan for it: one that it made while the table was
    # small compares each row with each name.
    .where(
        agents.c.platform == bindparam("platform"),
        agents.c.ident.in_(bindparam("idents", expanding=True, literal_execute=True)),
    )
    .order_by(agents.c.ident)
    .with_for_update()
)
_LEARNT = ("email", "state_at", "former_email", "former_at")
_LEARN = (
    update(agents)
    .where(agents.c.platform == bindparam("on_platform"), agents.c.ident == bindparam("with_ident"))
    .values({name: bindparam(name) for name in _LEARNT})
)


def _named(known: dict[str, Any]) -> dict[str, Any]:
    learnt = {name: known[name] for name in _LEARNT}
    return learnt | {"on_platform": known["platform"], "with_ident": known["ident"]}


def learn(connection: Connection, platform: str, ref: AgentRef, state_at: datetime, now: datetime) -> None:
    """Take in what a state of some age says of one agent, and write it down."""
    listed = Listed(connection, now)
    listed.read([(platform, [ref])])
    listed.learn(platform, [ref], state_at)
    listed.write()


def unsettle(connection: Connection, platform: str, ident: str, now: datetime, *models: Model) -> None:
    """Have what an agent still has to come settled again."""
    theirs = select(event_agents.c.event_id).where(event_agents.c.ident == ident)
    concerned = [events.c.id.in_(theirs), events.c.platform == platform, events.c.ends_at >= now]
    if models:
        concerned.append(events.c.model.in_(models))
    connection.execute(update(events).where(*concerned).values(unsettled_at=now))


def _changes(known: Mapping[str, Any], email: str | None, state_at: datetime) -> dict[str, Any]:
    """Return what an e-mail of some age changes in what is known, so that the order of arrival never matters."""
    if known["state_at"] > state_at:
        return {"former_email": email, "former_at": state_at} if _is_newer_real_one(known, email, state_at) else {}
    if known["email"] == email:
        return {"state_at": state_at} if known["state_at"] < state_at else {}  # or an older one could still replace it
    left_now = has_left(email) and not has_left(known["email"])
    former = {"former_email": known["email"], "former_at": known["state_at"]} if left_now else {}
    return {"email": email, "state_at": state_at, **former}


def _is_newer_real_one(known: Mapping[str, Any], email: str | None, state_at: datetime) -> bool:
    """Whether an e-mail that arrives after its agent left is the last real one as far as we know."""
    if not email or has_left(email) or not has_left(known["email"]) or email == known["former_email"]:
        return False
    return known["former_at"] is None or known["former_at"] < state_at
