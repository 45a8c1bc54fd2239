"""Puts the mapping and the policies of the configuration in force, after counting what that would remove.

A configuration removes nothing by accident: a ruleset that would remove more than a small share of what is in the
calendars waits for somebody's word, and until then the one before stays in force.
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
"""So many entries may go without a question, whatever the share: a pilot is small."""
FREE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Effects:
    """What a ruleset would change in the calendars."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    kept: int = 0
    orphaned: int = 0
    """Entries in calendars that are not configured any more: nothing can remove them, and others may double them."""

    @property
    def may_go_ahead(self) -> bool:
        """Whether it removes little enough to need no confirmation, and leaves nothing behind."""
        placed = self.updated + self.removed + self.kept
        return not self.orphaned and self.removed <= max(FREE_REMOVALS, placed * FREE_SHARE)


class ProposalState(StrEnum):
    """What became of a ruleset that was proposed."""

    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The answer to a proposal."""

    standing: ProposalState
    effects: Effects


def in_force(store: Store, settings: Settings) -> Ruleset:
    """Return the rules that entries are written by; those of the configuration where none were ever adopted."""
    found = store.read(rulesets.in_force)
    return found.ruleset if found else settings.ruleset()


def completed(store: Store, ruleset: Ruleset) -> Ruleset:
    """Return a ruleset with the rules of the sources that it lacks and the one in force has.

    A source that was renamed or removed still has events: they keep their hours and policies until another source
    tells of them.
    """
    current = store.read(rulesets.in_force)
    return ruleset if current is None else _with_lost_sources(ruleset, current.ruleset)


def _with_lost_sources(ruleset: Ruleset, current: Ruleset) -> Ruleset:
    return replace(ruleset, sources={**current.sources, **ruleset.sources})


UNDECIDABLE = "undecidable"


def decide(ruleset: Ruleset, view: EventView, now: datetime) -> Decision:
    """Decide on one event; one that a bug makes undecidable holds no other up and stays as it is."""
    try:
        return ruleset.compute_desired(view, now)
    except Exception:
        log.exception("undecidable", uid=view.uid)
        return Decision({}, failure=UNDECIDABLE)


def preview(store: Store, decide: settling.Decide, page: int = 500) -> Iterator[Previewed]:
    """Yield what deciding anew would make of every live event. Changes nothing."""
    after: int | None = 0
    while after is not None:
        previewed, after = store.read(settling.preview, decide, after, page)
        yield from previewed


def effects(store: Store, ruleset: Ruleset, now: datetime, calendars: Collection[str] | None = None) -> Effects:
    """Count what a ruleset would change. Reads every live event; changes nothing.

    Args:
        store: what is known of calendars.
        ruleset: the rules that would be in force.
        now: the moment.
        calendars: the configured ones; None: all that the store knows.

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

    One that it does not use was given up before, and somebody has confirmed that.
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
    """Put a ruleset in force if it is another one and removes little, or if somebody confirmed it.

    One that leaves entries behind in a calendar that is not among the configured `calendars` is held.
    Unless somebody confirms, entries keep the sentences they are written in: an upgrade changes no calendar.
    """
    current = store.read(rulesets.in_force)
    if current is not None:
        ruleset = _with_lost_sources(ruleset, current.ruleset)
        if not confirmed:
            ruleset = replace(ruleset, wording=current.ruleset.wording)
    if current is not None and current.fingerprint == fingerprint(ruleset):
        if store.read(rulesets.held_removals) is not None:
            store.write(rulesets.withdraw)  # the file was set back: what was held is nobody's wish any more
        return Proposal(ProposalState.UNCHANGED, Effects())
    found = effects(store, ruleset, now, calendars) if current is not None else Effects()
    if confirmed or found.may_go_ahead:
        store.write(rulesets.put_in_force, ruleset, found.removed, now)
        return Proposal(ProposalState.ADOPTED, found)
    store.write(rulesets.hold, ruleset, max(found.removed, found.orphaned), now)
    return Proposal(ProposalState.HELD, found)
