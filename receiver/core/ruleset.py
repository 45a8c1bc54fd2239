"""The ruleset: mapping and policies as one value, and the desired state that they give an event. Pure.

The store keeps it as a versioned row, so that all hosts follow the same ruleset, whatever their files say.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from connectors.base import CalendarEntry
from receiver.core.desired import Decision, EventView, Targets, desired_digests, locate_agents
from receiver.core.facts import AgendaState, EventState, over_by
from receiver.core.mailboxes import MailboxMap
from receiver.core.policies import OnAgentDeparture, OnRgpdPurge, Policies
from receiver.core.recurrence import NOT_HOLDABLE, Unholdable
from receiver.core.redaction import Setting, digest, render

UNHOLDABLE = NOT_HOLDABLE
DEFAULT_ZONE = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What applies to the events of one source."""

    time_zone: str = DEFAULT_ZONE
    """IANA name."""
    host: str | None = None
    policies: Policies = field(default_factory=Policies)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that decides in which mailboxes an event has entries, and what they show."""

    mailboxes: MailboxMap
    sources: Mapping[str, SourceRules]
    start_at: datetime | None = None
    """No entry is created for an event that begins earlier: another system handled it."""
    wording: int = 1
    """The version of the sentences in entries; see `redaction.common.WORDING`."""

    def digest(self, entry: CalendarEntry) -> str:
        """Return the digest of an entry in this wording."""
        return digest(entry, self.wording)

    def policies(self, source: str) -> Policies:
        """Return a source's policies; the defaults for a source that is no longer configured."""
        return self._rules(source).policies

    def entry(self, uid: str, source: str, state: EventState | None) -> CalendarEntry | None:
        """Return the entry of an event; None: it has none.

        Raises:
            Unholdable: no calendar can represent its recurrence.

        """
        if state is None:
            return None
        rules = self._rules(source)
        return render(uid, state, Setting(ZoneInfo(rules.time_zone), rules.host, rules.policies))

    def compute_desired(self, view: EventView, now: datetime) -> Decision:
        """Return the desired state of an event."""
        policies = self.policies(view.source)
        if view.state is None:
            keep = view.purged and policies.on_rgpd_purge is OnRgpdPurge.KEEP
            return Decision(dict.fromkeys(view.held), forget=keep)
        state = redacted(view.state, policies)
        kept = state if state != view.state else None
        try:
            entry = self.entry(view.uid, view.source, state)
        except Unholdable as error:
            return Decision(dict.fromkeys(view.held), failure=error.code, state=kept)
        located = self._located(view, state, policies, now)
        may_create = entry is not None and self._may_create(entry, state, policies, now)
        shown = self.digest(entry) if entry else None
        digests = desired_digests(shown, located.mailboxes, view.held, may_create=may_create)
        return Decision(digests, located.unmapped, state=kept)

    def _located(self, view: EventView, state: EventState, policies: Policies, now: datetime) -> Targets:
        """Locate the event's agents. The entries of an event that is over stay with the agents who have them."""
        agents = () if _orphaned(view, state) else view.agents
        keep_departed = policies.on_agent_departure is OnAgentDeparture.KEEP
        located = locate_agents(agents, self.mailboxes, view.aliases, keep_departed=keep_departed)
        if over_by(state) >= now:
            return located
        everybody = locate_agents(view.agents, self.mailboxes, view.aliases, keep_departed=True).mailboxes
        stays = frozenset(mailbox for mailbox in everybody if view.held.get(mailbox))
        return Targets(located.mailboxes | stays, located.unmapped)

    def _may_create(self, entry: CalendarEntry, state: EventState, policies: Policies, now: datetime) -> bool:
        over = over_by(state)
        if over < now - timedelta(days=policies.past_days):
            return False
        # A series that has not ended is created whenever it began.
        begins = entry.start if entry.recurrence is None else over
        return self.start_at is None or begins >= self.start_at

    def _rules(self, source: str) -> SourceRules:
        return self.sources.get(source) or SourceRules()


def _orphaned(view: EventView, state: EventState) -> bool:
    """Whether the platform has deleted an absence or a plage: it sends no webhook when the agent's last role ends.

    A state newer than that shows that the agent is back.
    """
    return isinstance(state, AgendaState) and any(
        agent.roles_gone_at is not None and view.state_at <= agent.roles_gone_at for agent in view.agents
    )


def redacted(state: EventState, policies: Policies) -> EventState:
    """Return the facts without the free texts that the policies do not allow, or no longer allow."""
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
    """Return a digest of a ruleset: equal fingerprints, equal rulesets."""
    return hashlib.sha256(write_ruleset(ruleset).encode()).hexdigest()[:32]
