"""The checks for names in the record of coming events that the configuration lacks."""

from collections.abc import Iterator
from datetime import UTC, datetime

from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.mailboxes import Unplaced
from receiver.operations.lost_names import configured_platforms
from receiver.operations.support.check import STORE_ERRORS, Finding, Level, OpenStore
from receiver.store import Store
from receiver.store.reports import names, overview


def name_findings(settings: Settings, open_store: OpenStore) -> list[Finding]:
    """Return the findings; none if the store cannot be read."""
    file = sqlite_file(settings.store.address)
    if file is not None and not file.exists():  # opening it would create it
        return []
    try:
        store = open_store(settings)
        try:
            return list(_findings(settings, store)) if store.standing().usable else []
        finally:
            store.close()
    except STORE_ERRORS:
        return []


def _findings(settings: Settings, store: Store) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for name, count in store.read(names.lost_calendars, settings.calendars, now).items():
        yield Finding("calendar_lost", f"calendars.{name}", Level.TROUBLE, {"count": count})
    for name, count in store.read(names.lost_platforms, configured_platforms(settings), now).items():
        yield Finding("platform_lost", name, Level.TROUBLE, {"count": count})
    for name, count in store.read(names.lost_sources, settings.sources, now).items():
        yield Finding("source_lost", f"sources.{name}", Level.WARNING, {"count": count})
    yield from _unlisted(settings, store, now)
    yield from _nobody(settings, store, now)


def _nobody(settings: Settings, store: Store, now: datetime) -> Iterator[Finding]:
    """Return a finding if no agent of coming events is among those that a pilot is limited to."""
    if not settings.mailboxes.only:
        return
    agents = store.read(overview.coming_agents, now)
    if agents and all(settings.mailboxes.locate(agent.email) is Unplaced.IGNORED for agent in agents):
        yield Finding("only_nobody", "mailboxes.only", Level.WARNING, {"count": len(agents)})


def _unlisted(settings: Settings, store: Store, now: datetime) -> Iterator[Finding]:
    """Return a finding with the organisations of coming events that no source of their platform lists."""
    for each in store.read(names.coming_organisations, now):
        sources = [
            source
            for source in settings.sources.values()
            if (source.platform, source.emitter) == (each.platform, each.emitter)
        ]
        if sources and all(
            source.organisations is not None and each.organisation not in source.organisations for source in sources
        ):
            subject = f"sources.{sources[0].name}.organisations"
            details = {"organisation": each.organisation, "count": each.events}
            yield Finding("organisation_unlisted", subject, Level.WARNING, details)
