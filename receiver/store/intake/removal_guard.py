"""Counts how many entries a webhook would remove from calendars, and decides whether that needs a confirmation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, func, select

from receiver.core.facts import AgendaState, EventState, Model, RdvState, over_by
from receiver.core.mailboxes import Mailbox, Unplaced
from receiver.core.policies import OnAgentDeparture, OnCancel, Policies
from receiver.core.recurrence import Unholdable
from receiver.core.ruleset import Ruleset
from receiver.core.scope import EVERYTHING, Authority, KnownEmail, Ownership, credible_email, read_all
from receiver.store.agent_statements import Key
from receiver.store.database.engine import chunks
from receiver.store.database.records import Incoming
from receiver.store.database.tables import event_agents, events, placements
from receiver.store.intake.judge_agents import Allow, Speaker
from receiver.store.removal_counts import Ledger
from receiver.store.work import mailbox_identity, rulesets


def speaker(incoming: Incoming) -> Speaker:
    """Return the sender of a webhook, as its statements about agents are attributed."""
    return Speaker(incoming.authority or EVERYTHING, incoming.emitter)


class Guard:
    """The guard of one batch: counts the removals of each webhook."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._ledger = Ledger(connection, now)
        self._placed: dict[int, int] = {}
        self._aliases: Mapping[Mailbox, Mailbox] | None = None

    def write(self) -> None:
        """Write the counts of removals."""
        self._ledger.write()

    # Events

    def is_coming(self, state: EventState | None) -> bool:
        """Whether a part of an event is still to come; false for a cancelled absence or plage."""
        if isinstance(state, AgendaState) and state.cancelled:
            return False
        return state is not None and over_by(state) >= self._now

    def is_shown(self, incoming: Incoming, state: EventState | None) -> bool:
        """Whether an entry can show a state. Cancelled RDVs are counted apart."""
        ruleset = self._ruleset
        if ruleset is None or not isinstance(state, AgendaState):
            return state is not None
        try:
            return ruleset.entry("", incoming.source, state) is not None
        except Unholdable:
            return False

    def entries(self, event_id: int | None) -> int:
        """Return how many entries an event has."""
        if event_id is None:
            return 0
        if event_id not in self._placed:
            self.count([event_id])
        return self._placed[event_id]

    def count(self, event_ids: list[int]) -> None:
        """Count the entries of several events at once."""
        self._placed |= dict.fromkeys(event_ids, 0)
        for some in chunks(event_ids):
            here = placements.c.event_id.in_(some), placements.c.desired.is_not(None)
            counted = select(placements.c.event_id, func.count()).where(*here).group_by(placements.c.event_id)
            self._placed |= {row[0]: row[1] for row in self._connection.execute(counted)}

    def took(self, event_id: int | None, entries: int) -> None:
        """Note that this number of an event's entries will be removed."""
        if event_id is not None and event_id in self._placed:
            self._placed[event_id] = max(self._placed[event_id] - entries, 0)

    def holds(self, incoming: Incoming, entries: int) -> int:
        """Return 0 if this number of entries may be removed, and note it; else return the number."""
        if entries == 0 or incoming.authority is None or incoming.released:
            return 0
        if incoming.held:
            return entries
        return 0 if self._ledger.may_remove(incoming.platform, incoming.authority, entries) else entries

    def marks(self, incoming: Incoming, state: RdvState, event_id: int | None) -> int:
        """Return how many entries of a cancelled appointment stay and show it as cancelled; 0: they may be removed."""
        if incoming.authority is None or incoming.released or not self.is_coming(state):
            return 0
        if self._policies(incoming).on_cancel is not OnCancel.DELETE:
            return 0
        entries = self.entries(event_id)
        return 0 if self._ledger.may_cancel(incoming.platform, incoming.authority, entries) else entries

    def moved(
        self, incoming: Incoming, before: Ownership, after: Ownership, agents: Iterable[Sequence[KnownEmail]]
    ) -> int:
        """Return for how many agents an event moves to another mailbox, or to none, when it belongs to others.

        Args:
            incoming: the webhook.
            before: the present ownership.
            after: the new ownership.
            agents: the statements about each of its agents.

        """
        places = (before.organisation, before.sent_under), (after.organisation, after.sent_under)
        return sum(
            self._leaves(incoming, *(credible_email(statements, *place) for place in places)) for statements in agents
        )

    # Agents

    def allows(self, incoming: Incoming) -> Allow | None:
        """Return the check before a statement about an agent is recorded; None: no check is needed."""
        if incoming.authority is None or incoming.released:
            return None

        def too_many(key: Key, before: Sequence[KnownEmail], after: Sequence[KnownEmail]) -> int:
            lost = sum(
                count
                for organisation, sent_under, count in self._coming(incoming, key[1])
                if self._leaves(incoming, *(credible_email(each, organisation, sent_under) for each in (before, after)))
            )
            return self.holds(incoming, lost)

        return too_many

    def orphans(self, incoming: Incoming, ident: str, lost: Sequence[Authority], models: Sequence[Model]) -> int:
        """Return how many coming entries are removed with the last role of an agent, including those that others sent.

        Args:
            incoming: the webhook that reports the loss.
            ident: the agent's id.
            lost: the authorities under which the loss of this role and of earlier ones was sent.
            models: the kinds of event that are deleted with the role.

        """
        return sum(
            count
            for organisation, sent_under, count in self._coming(incoming, ident, *models)
            if any(authority.speaks_for(organisation, sent_under) for authority in lost)
        )

    def _coming(
        self, incoming: Incoming, ident: str, *models: Model
    ) -> Iterator[tuple[int | None, tuple[Authority, ...], int]]:
        """Yield how many coming entries an agent has, by organisation and authorities."""
        wanted = [
            event_agents.c.ident == ident,
            events.c.platform == incoming.platform,
            events.c.ends_at >= self._now,
            placements.c.desired.is_not(None),
        ]
        if models:
            wanted.append(events.c.model.in_(models))
        counted = (
            select(events.c.organisation, events.c.tellers, func.count(placements.c.event_id.distinct()))
            .join(events, events.c.id == placements.c.event_id)
            .join(event_agents, event_agents.c.event_id == events.c.id)
            .where(*wanted)
            .group_by(events.c.organisation, events.c.tellers)
        )
        for organisation, sent_under, count in self._connection.execute(counted):
            yield organisation, read_all(sent_under), count

    def _leaves(self, incoming: Incoming, before: KnownEmail | None, after: KnownEmail | None) -> bool:
        """Whether entries leave a mailbox when another e-mail of an agent is credible."""
        if before and after and (before.email, before.former_email) == (after.email, after.former_email):
            return False
        home = self._home(incoming, before)
        return home is not None and home != self._home(incoming, after)

    def _home(self, incoming: Incoming, statement: KnownEmail | None) -> Mailbox | None:
        """Return the mailbox of an agent's entries; None: the agent has none."""
        ruleset = self._ruleset
        if ruleset is None or statement is None:
            return None  # no ruleset was ever in force; or no authority may speak
        place = ruleset.mailboxes.locate(statement.email)
        if place is Unplaced.DEPARTED and self._policies(incoming).on_agent_departure is OnAgentDeparture.KEEP:
            place = ruleset.mailboxes.locate(statement.former_email)
        if not isinstance(place, Mailbox):
            return None
        if self._aliases is None:
            self._aliases = mailbox_identity.aliases(self._connection)
        return self._aliases.get(place, place)

    @cached_property
    def _ruleset(self) -> Ruleset | None:
        """The ruleset in force, read once; None: none ever was."""
        found = rulesets.in_force(self._connection)
        return found.ruleset if found else None

    def _policies(self, incoming: Incoming) -> Policies:
        ruleset = self._ruleset
        return ruleset.policies(incoming.source) if ruleset else Policies()
