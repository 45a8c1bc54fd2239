"""What the configuration makes of an event: the pure decisions of the core, bound to the settings in force."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry
from receiver.config import Settings
from receiver.core.desired import targets, wanted
from receiver.core.facts import EventState
from receiver.core.policies import OnRgpdPurge, Policies
from receiver.core.redaction import Setting, render
from receiver.store import Decision, EventView


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings as the worker needs them."""

    settings: Settings

    def entry(self, uid: str, source: str, state: EventState | None) -> CalendarEntry | None:
        """Return what an event shows; None: nothing."""
        return render(uid, state, self._setting(source)) if state else None

    def decide(self, view: EventView, now: datetime) -> Decision:
        """Return what an event's placements should become."""
        if view.state is None:
            keep = view.purged and self._setting(view.source).policies.on_rgpd_purge is OnRgpdPurge.KEEP
            return Decision(dict.fromkeys(view.held), forget=keep)
        located = targets(view.emails, self.settings.mailboxes)
        entry = self.entry(view.uid, view.source, view.state)
        past_days = self._setting(view.source).policies.past_days
        wishes = wanted(entry, view.state, located.mailboxes, view.held, now, past_days)
        return Decision(wishes, unmapped=located.unmapped)

    def _setting(self, source: str) -> Setting:
        """Return what the source says; one that is configured no more leaves its events with the default choices."""
        found = self.settings.sources.get(source)
        if found is None:
            return Setting(ZoneInfo("Europe/Paris"), None, Policies())
        return Setting(found.time_zone, found.host, found.policies)
