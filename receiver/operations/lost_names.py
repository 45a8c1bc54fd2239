"""Platforms, sources and calendars of coming events that are not configured. A worker counts them for the screens."""

from collections.abc import Collection, Mapping
from datetime import datetime

from receiver.config import Settings
from receiver.store import Store, counters
from receiver.store.counters import Figure
from receiver.store.reports import names

PLATFORMS, CALENDARS, SOURCES = "lost/platform/", "lost/calendar/", "lost/source/"
"""Prefixes of the figures' names."""


def configured_platforms(settings: Settings) -> frozenset[str]:
    """Return the platforms of all sources."""
    return frozenset(source.platform for source in settings.sources.values())


def note(store: Store, settings: Settings, now: datetime) -> None:
    """Count what lost platforms and calendars hold, and store it. A name that holds nothing any more counts 0."""
    platforms = store.read(names.lost_platforms, configured_platforms(settings), now)
    calendars = store.read(names.lost_calendars, settings.calendars, now)
    found = {PLATFORMS + name: count for name, count in platforms.items()}
    found |= {CALENDARS + name: count for name, count in calendars.items()}
    _write(store, (PLATFORMS, CALENDARS), found, now)


def note_sources(store: Store, settings: Settings, now: datetime) -> bool:
    """Count the events that lost sources were the last to send, and store it; return whether there are any.

    This reads every event.
    """
    found = store.read(names.lost_sources, settings.sources, now)
    _write(store, (SOURCES,), {SOURCES + name: count for name, count in found.items()}, now)
    return bool(found)


def _write(store: Store, prefixes: tuple[str, ...], found: Mapping[str, int], now: datetime) -> None:
    known = [
        name
        for name, figure in store.read(counters.figures_named).items()
        if name.startswith(prefixes) and figure.value
    ]
    if values := dict.fromkeys(known, 0) | dict(found):
        store.write(counters.record, {}, values, now)


def platforms(figures: Mapping[str, Figure], settings: Settings) -> dict[str, int]:
    """Return the lost platforms, with the number of coming events of each."""
    return _lost(figures, PLATFORMS, configured_platforms(settings))


def calendars(figures: Mapping[str, Figure], settings: Settings) -> dict[str, int]:
    """Return the lost calendars, with the number of entries in each."""
    return _lost(figures, CALENDARS, settings.calendars)


def sources(figures: Mapping[str, Figure], settings: Settings) -> dict[str, int]:
    """Return the lost sources whose platform another source has, with the number of events that each was last to send.

    The sources of a lost platform are left out: `platforms` reports the platform.
    """
    return {} if platforms(figures, settings) else _lost(figures, SOURCES, settings.sources)


def _lost(figures: Mapping[str, Figure], prefix: str, configured: Collection[str]) -> dict[str, int]:
    """Leave out names that are configured by now: a corrected file counts before a worker has counted again."""
    named = {name.removeprefix(prefix): each.value for name, each in sorted(figures.items()) if name.startswith(prefix)}
    return {name: count for name, count in named.items() if count and name not in configured}
