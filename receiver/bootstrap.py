"""Composition root: the only module that chooses concrete classes and connects them."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from connectors.base import Connector
from receiver.config import CalendarSettings, EwsCalendar, IcsFolder, Reloadable, Settings
from receiver.store import QUERY_TIMEOUT_S, Marker, Store, StoreUnavailable

if TYPE_CHECKING:
    from flask import Flask


def open_store(settings: Settings, timeout_s: float | None = None) -> Store:
    """Open the configured store. Its schema is neither created nor changed.

    Args:
        settings: names the store and its marker.
        timeout_s: timeout of a query; None: no timeout.

    """
    return Store(settings.store.address, timeout_s, Marker(settings.store.marker, settings.store.installation))


def run_web(settings: Reloadable) -> None:
    """Serve webhooks until a signal stops it. gunicorn ends the process itself."""
    from receiver.web.app import create_app
    from receiver.web.server import serve

    def make_app() -> "Flask":
        store = open_store(settings.current, QUERY_TIMEOUT_S)
        with ExitStack() as opened:
            opened.callback(store.close)
            if not (standing := store.standing()).usable:
                raise StoreUnavailable(standing)
            app = create_app(settings.current, store)
            opened.pop_all()
        return app

    serve(settings, make_app)


def run_worker(settings: Reloadable) -> None:
    """Write into the calendars until a signal stops it."""
    from receiver.worker import loop

    store = open_store(settings.current)
    try:
        loop.run(settings, store, lambda current: connectors(current, store.installation().id))
    finally:
        store.close()


def run_watch(settings: Reloadable, *, once: bool = False) -> None:
    """Send alerts until a signal stops it; with `once`, check once and send what is due."""
    from receiver.alerts import loop

    run = loop.run_once if once else loop.run
    run(settings, open_store)


def connectors(settings: Settings, installation: str) -> dict[str, Connector]:
    """Build all configured connectors, by calendar name. No server is contacted."""
    return {name: _connector(calendar, installation) for name, calendar in settings.calendars.items()}


def _connector(calendar: CalendarSettings, installation: str) -> Connector:
    match calendar:
        case EwsCalendar():
            return _ews(calendar, installation)
        case IcsFolder():
            from connectors.ics_folder import IcsFolderConnector

            return IcsFolderConnector(calendar.path, installation)


def _ews(calendar: EwsCalendar, installation: str) -> Connector:
    # Imported here: exchangelib costs a second and 60 MB, which the web processes do not need.
    from connectors.ews import EwsConnector, EwsSettings

    return EwsConnector(
        EwsSettings(
            server=calendar.server,
            version=calendar.version,
            auth=calendar.auth,
            access=calendar.access,
            username=calendar.username,
            password=calendar.password.value if calendar.password else "",
            keytab=calendar.keytab,
            ca_file=calendar.ca_file,
            connections=calendar.connections,
            timeout_s=calendar.timeout_s,
            installation=installation,
        )
    )
