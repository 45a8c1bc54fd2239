"""Puts the mapping and the policies of the configuration in force, after counting what that would remove.

A mistake in the configuration must not remove entries: a ruleset that would remove more than a small share of the
entries is held until an operator confirms it. Until then the former ruleset stays in force.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from receiver import logs
from receiver.config import Settings
from receiver.core.desired import Decision, EventView
from receiver.core.ruleset import Ruleset, fingerprint
from receiver.store import Store
from receiver.store.reports import names
from receiver.store.work import rulesets, settling
from receiver.store.work.settling import Previewed

log = logs.get("rules")

FREE_REMOVALS = 20
"""Up to this number, removals need no confirmation, whatever the share: a pilot has few entries."""
FREE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Effects:
    """The changes that a ruleset would make in the calendars."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    kept: int = 0
    orphaned: int = 0
    """Entries in calendars that are no longer configured: nothing can remove them, and others may double them."""

    @property
    def may_go_ahead(self) -> bool:
        """Whether it removes few enough entries to need no confirmation, and leaves none behind."""
        placed = self.updated + self.removed + self.kept
        return not self.orphaned and self.removed <= max(FREE_REMOVALS, placed * FREE_SHARE)


class ProposalState(StrEnum):
    """The result of proposing a ruleset."""

    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The answer to a proposal."""

    standing: ProposalState
    effects: Effects


def in_force(store: Store, settings: Settings) -> Ruleset:
    """Return the ruleset in force; that of the configuration if none was ever put in force."""
    found = store.read(rulesets.in_force)
    return found.ruleset if found else settings.ruleset()


def completed(store: Store, ruleset: Ruleset) -> Ruleset:
    """Return a ruleset, completed with rules of sources that only the ruleset in force has.

    A source that was renamed or removed still has events. They keep their zone and policies until another source sends
    them.
    """
    current = store.read(rulesets.in_force)
    return ruleset if current is None else _with_lost_sources(ruleset, current.ruleset)


def _with_lost_sources(ruleset: Ruleset, current: Ruleset) -> Ruleset:
    return replace(ruleset, sources={**current.sources, **ruleset.sources})


UNDECIDABLE = "undecidable"


def decide(ruleset: Ruleset, view: EventView, now: datetime) -> Decision:
    """Decide on one event. If a bug prevents that, the event stays as it is, and the others are decided."""
    try:
        return ruleset.compute_desired(view, now)
    except Exception:
        log.exception("undecidable", uid=view.uid)
        return Decision({}, failure=UNDECIDABLE)


def preview(store: Store, decide: settling.Decide, page: int = 500) -> Iterator[Previewed]:
    """Yield the decision on every live event under the ruleset. Changes nothing."""
    after: int | None = 0
    while after is not None:
        previewed, after = store.read(settling.preview, decide, after, page)
        yield from previewed


def effects(store: Store, ruleset: Ruleset, now: datetime, calendars: Collection[str] | None = None) -> Effects:
    """Count what a ruleset would change. Reads every live event; changes nothing.

    Args:
        store: the record.
        ruleset: the rules that would be in force.
        now: the moment.
        calendars: the configured calendars; None: all that the store knows.

    """
    created = updated = removed = kept = 0
    for event in preview(store, lambda view: decide(ruleset, view, now)):
        for mailbox, after in event.then.items():
            before = event.now.get(mailbox)
            created += before is None and after is not None
            removed += before is not None and after is None
            updated += before is not None and after is not None and after != before
            kept += before is not None and after == before
    return Effects(created, updated, removed, kept, _orphaned(store, calendars, now))


def _orphaned(store: Store, calendars: Collection[str] | None, now: datetime) -> int:
    """Count the entries in calendars that the ruleset in force uses and that are not configured.

    A calendar that it does not use was given up before, and an operator confirmed that.
    """
    current = store.read(rulesets.in_force)
    if calendars is None or current is None:
        return 0
    mapping = current.ruleset.mailboxes
    used = {mapping.default_calendar, *(mailbox.calendar for mailbox in mapping.addresses.values())}
    if used <= set(calendars):
        return 0
    return sum(count for name, count in store.read(names.lost_calendars, calendars, now).items() if name in used)


def propose(
    store: Store,
    ruleset: Ruleset,
    now: datetime,
    *,
    confirmed: bool = False,
    calendars: Collection[str] | None = None,
) -> Proposal:
    """Put a changed ruleset in force if it removes few entries, or if an operator confirmed it.

    One that leaves entries behind in a calendar that is not among the configured `calendars` is held.
    Without a confirmation entries keep their present wording, so that an upgrade changes no calendar.
    """
    current = store.read(rulesets.in_force)
    if current is not None:
        ruleset = _with_lost_sources(ruleset, current.ruleset)
        if not confirmed:
            ruleset = replace(ruleset, wording=current.ruleset.wording)
    if current is not None and current.fingerprint == fingerprint(ruleset):
        if store.read(rulesets.held_removals) is not None:
            store.write(rulesets.withdraw)  # the file was reverted: the held ruleset is obsolete
        return Proposal(ProposalState.UNCHANGED, Effects())
    found = effects(store, ruleset, now, calendars) if current is not None else Effects()
    if confirmed or found.may_go_ahead:
        store.write(rulesets.put_in_force, ruleset, found.removed, now)
        return Proposal(ProposalState.ADOPTED, found)
    store.write(rulesets.hold, ruleset, max(found.removed, found.orphaned), now)
    return Proposal(ProposalState.HELD, found)
