"""The mapping and the policies in force, as one value, and what they make of an event. Pure.

It is kept in the store as a versioned row, so that all hosts follow the same one whatever their files say.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from connectors.base import CalendarEntry
from receiver.core.desired import AgentView, Decision, EventView, Targets, targets, wanted
from receiver.core.facts import AgendaState, EventState, over_by
from receiver.core.mailboxes import MailboxMap
from receiver.core.policies import OnAgentDeparture, OnRgpdPurge, Policies
from receiver.core.recurrence import NOT_HOLDABLE, Unholdable
from receiver.core.redaction import Setting, digest, render

UNHOLDABLE = NOT_HOLDABLE
DEFAULT_ZONE = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What one source adds to the mapping."""

    time_zone: str = DEFAULT_ZONE
    """IANA name."""
    host: str | None = None
    policies: Policies = field(default_factory=Policies)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that decides where events go and what they show there."""

    mailboxes: MailboxMap
    sources: Mapping[str, SourceRules]
    start_at: datetime | None = None
    """Events that begin earlier are not written for the first time: an older receiver's business."""
    wording: int = 1
    """The number of the sentences that entries are written in."""

    def digest(self, entry: CalendarEntry) -> str:
        """Return what tells an entry, in this wording, from every other."""
        return digest(entry, self.wording)

    def policies(self, source: str) -> Policies:
        """Return a source's policies; one that no ruleset in force ever had leaves its events with the defaults."""
        return self._rules(source).policies

    def entry(self, uid: str, source: str, state: EventState | None) -> CalendarEntry | None:
        """Return what an event shows; None: nothing.

        Raises:
            Unholdable: no calendar can hold its recurrence.

        """
        if state is None:
            return None
        rules = self._rules(source)
        return render(uid, state, Setting(ZoneInfo(rules.time_zone), rules.host, rules.policies))

    def decide(self, view: EventView, now: datetime) -> Decision:
        """Return what an event's placements should become."""
        policies = self.policies(view.source)
        if view.state is None:
            keep = view.purged and policies.on_rgpd_purge is OnRgpdPurge.KEEP
            return Decision(dict.fromkeys(view.held), forget=keep)
        state = scrubbed(view.state, policies)
        kept = state if state != view.state else None
        try:
            entry = self.entry(view.uid, view.source, state)
        except Unholdable as error:
            return Decision(dict.fromkeys(view.held), failure=error.code, state=kept)
        located = self._located(view, state, policies, now)
        may_create = entry is not None and self._may_create(entry, state, policies, now)
        shown = self.digest(entry) if entry else None
        wishes = wanted(shown, located.mailboxes, view.held, may_create=may_create)
        return Decision(wishes, located.unmapped, state=kept)

    def _located(self, view: EventView, state: EventState, policies: Policies, now: datetime) -> Targets:
        """Locate the agents whose event it is; one that is over is history and stays with those it was written for."""
        agents = () if _orphaned(view, state) else view.agents
        keep_departed = policies.on_agent_departure is OnAgentDeparture.KEEP
        located = targets(agents, self.mailboxes, view.aliases, keep_departed=keep_departed)
        if over_by(state) >= now:
            return located
        everybody = targets(view.agents, self.mailboxes, view.aliases, keep_departed=True).mailboxes
        stays = frozenset(mailbox for mailbox in everybody if view.held.get(mailbox))
        return Targets(located.mailboxes | stays, located.unmapped)

    def _may_create(self, entry: CalendarEntry, state: EventState, policies: Policies, now: datetime) -> bool:
        over = over_by(state)
        if over < now - timedelta(days=policies.past_days):
            return False
        # A series that is still running begins whenever it is asked.
        begins = entry.start if entry.recurrence is None else over
        return self.start_at is None or begins >= self.start_at

    def _rules(self, source: str) -> SourceRules:
        return self.sources.get(source) or SourceRules()


def _orphaned(view: EventView, state: EventState) -> bool:
    """Whether the platform has deleted an absence or a plage without saying so: its agent's last place is gone.

    A state that is newer than that shows that the agent is back.
    """
    return isinstance(state, AgendaState) and any(_gone_since(agent, view.state_at) for agent in view.agents)


def _gone_since(agent: AgentView, state_at: datetime) -> bool:
    return agent.roles_gone_at is not None and state_at <= agent.roles_gone_at


def scrubbed(state: EventState, policies: Policies) -> EventState:
    """Return the facts without the free texts that the policies do not allow (any more)."""
    lieu = state.lieu
    if lieu is not None and lieu.single_use and not policies.single_use_places:
        lieu = lieu.withheld
    if isinstance(state, AgendaState):
        return replace(state, lieu=lieu, title=state.title if policies.absence_titles else None)
    return replace(
        state,
        lieu=lieu,
        name=state.name if policies.collective_names else None,
        visio_url=state.visio_url if policies.visio_link else None,
    )


_RULESET: TypeAdapter[Ruleset] = TypeAdapter(Ruleset)


def write_ruleset(ruleset: Ruleset) -> str:
    """Write a ruleset as JSON; equal rulesets, equal texts."""
    mapping = ruleset.mailboxes
    ordered = replace(
        mapping, addresses=dict(sorted(mapping.addresses.items())), domains=dict(sorted(mapping.domains.items()))
    )
    sources = dict(sorted(ruleset.sources.items()))
    return _RULESET.dump_json(replace(ruleset, mailboxes=ordered, sources=sources)).decode()


def read_ruleset(text: str) -> Ruleset:
    """Read what `write_ruleset` wrote, by this version or an earlier one."""
    return _RULESET.validate_json(text)


def fingerprint(ruleset: Ruleset) -> str:
    """Return what tells two rulesets apart."""
    return hashlib.sha256(write_ruleset(ruleset).encode()).hexdigest()[:32]
