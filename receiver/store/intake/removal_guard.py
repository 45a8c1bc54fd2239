"""Says how many entries a webhook would remove from calendars, and whether that is allowed without a confirmation."""

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
from receiver.store.agent_words import Key
from receiver.store.database.engine import chunks
from receiver.store.database.records import Incoming
from receiver.store.database.tables import event_agents, events, placements
from receiver.store.intake.judge_agents import Allow, Speaker
from receiver.store.removal_counts import Ledger
from receiver.store.work import mailbox_identity, rulesets


def speaker(incoming: Incoming) -> Speaker:
    """Return the sender of what a webhook says of its agents."""
    return Speaker(incoming.authority or EVERYTHING, incoming.emitter)


class Guard:
    """Of one batch: counts what each webhook would remove."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._ledger = Ledger(connection, now)
        self._placed: dict[int, int] = {}
        self._aliases: Mapping[Mailbox, Mailbox] | None = None

    def write(self) -> None:
        """Write what was removed."""
        self._ledger.write()

    # Events

    def is_coming(self, state: EventState | None) -> bool:
        """Whether something of an event is still to come; nothing is of an absence or a plage that is cancelled."""
        if isinstance(state, AgendaState) and state.cancelled:
            return False
        return state is not None and over_by(state) >= self._now

    def is_shown(self, incoming: Incoming, state: EventState | None) -> bool:
        """Whether an entry can show a state. A RDV that was cancelled is counted apart."""
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
        """Note that so many entries of an event are about to go."""
        if event_id is not None and event_id in self._placed:
            self._placed[event_id] = max(self._placed[event_id] - entries, 0)

    def holds(self, incoming: Incoming, entries: int) -> int:
        """Return 0 where so many entries may go, which is noted then; else how many they are."""
        if entries == 0 or incoming.authority is None or incoming.released:
            return 0
        if incoming.held:
            return entries
        return 0 if self._ledger.may_remove(incoming.platform, incoming.authority, entries) else entries

    def marks(self, incoming: Incoming, state: RdvState, event_id: int | None) -> int:
        """Return how many entries of a cancelled appointment show as cancelled, as too many were; 0: they may go."""
        if incoming.authority is None or incoming.released or not self.is_coming(state):
            return 0
        if self._policies(incoming).on_cancel is not OnCancel.DELETE:
            return 0
        entries = self.entries(event_id)
        return 0 if self._ledger.may_cancel(incoming.platform, incoming.authority, entries) else entries

    def moved(
        self, incoming: Incoming, before: Ownership, after: Ownership, agents: Iterable[Sequence[KnownEmail]]
    ) -> int:
        """Return how many agents find an event in another mailbox, or in none, when it belongs to others.

        Args:
            incoming: what tells so.
            before: to whom it belongs.
            after: to whom it would belong.
            agents: what is said of each of its agents.

        """
        places = (before.organisation, before.sent_under), (after.organisation, after.sent_under)
        return sum(self._leaves(incoming, *(credible_email(words, *place) for place in places)) for words in agents)

    # Agents

    def allows(self, incoming: Incoming) -> Allow | None:
        """Return what is asked before something is credible_email of an agent; None: nothing needs to be asked."""
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
        """Return how many entries to come go with the last role of an agent, those sent by others included.

        Args:
            incoming: what tells that it is lost.
            ident: of the agent.
            lost: under which authorities the loss of a place was told, of this one and of those before.
            models: of what goes with it.

        """
        return sum(
            count
            for organisation, sent_under, count in self._coming(incoming, ident, *models)
            if any(authority.speaks_for(organisation, sent_under) for authority in lost)
        )

    def _coming(
        self, incoming: Incoming, ident: str, *models: Model
    ) -> Iterator[tuple[int | None, tuple[Authority, ...], int]]:
        """Yield how many entries to come an agent has, by organisation and by the authorities that sent them."""
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
        """Whether entries leave a mailbox when something else is credible_email of an agent."""
        if before and after and (before.email, before.former_email) == (after.email, after.former_email):
            return False
        home = self._home(incoming, before)
        return home is not None and home != self._home(incoming, after)

    def _home(self, incoming: Incoming, word: KnownEmail | None) -> Mailbox | None:
        """Return where the entries of an agent are; None: nowhere."""
        ruleset = self._ruleset
        if ruleset is None or word is None:
            return None  # nothing was ever written; or nobody may say
        place = ruleset.mailboxes.locate(word.email)
        if place is Unplaced.DEPARTED and self._policies(incoming).on_agent_departure is OnAgentDeparture.KEEP:
            place = ruleset.mailboxes.locate(word.former_email)
        if not isinstance(place, Mailbox):
            return None
        if self._aliases is None:
            self._aliases = mailbox_identity.aliases(self._connection)
        return self._aliases.get(place, place)

    @cached_property
    def _ruleset(self) -> Ruleset | None:
        """The one in force, read once; None: none ever was."""
        found = rulesets.in_force(self._connection)
        return found.ruleset if found else None

    def _policies(self, incoming: Incoming) -> Policies:
        ruleset = self._ruleset
        return ruleset.policies(incoming.source) if ruleset else Policies()
