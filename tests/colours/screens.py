"""Every screen of a receiver, made to show what a snapshot says; and the words that are good news."""

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from receiver.alerts import message
from receiver.alerts.message import Sender, Summary
from receiver.cli import failures
from receiver.cli import status as command
from receiver.config import Settings
from receiver.core.roles import Role
from receiver.core.trouble_rules import Snapshot, troubles
from receiver.operations import status
from receiver.operations.status import Status
from receiver.store import Store, heartbeats
from receiver.store.reports import status as stored_status
from receiver.web import health
from receiver.web.app import create_app
from receiver.web.views import metrics
from tests.colours.snapshots import NOW
from tests.pages.story import SiteInTime, Visitor

GOOD = re.compile(
    r"va bien|vont bien|en ordre|rien n.{1,5}(échoue|est en échec|est refusé)|aucun retard|c.{1,5}est fini|terminé :"
    r"|\brétabli(e|es|s)?\b|(?-i:\bOK\b)|verdict good|✓"
    r"|\"ok\": ?true|\"colou?r\": ?\"ok\"|colour=\"ok\"} 1|\"status\": ?\"ready\"",
    re.IGNORECASE,
)
PAGES = (
    "/status",
    "/status/failures",
    "/status/unmapped",
    "/status/refused",
    "/status/held",
    "/status/mailboxes",
    "/status/event",
)


def good_words(text: str) -> list[str]:
    return [found.group() for found in GOOD.finditer(text)]


def seen_as(seen: Snapshot) -> Status:
    return Status(None, (), tuple(troubles(seen, NOW)))


def of_commands_and_alerts(settings: Settings, seen: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield what is shown without a web server, by the name of the screen."""
    found = seen_as(seen)
    for name, show in (
        ("status", lambda: command._print(settings, found)),
        ("status --json", lambda: command._print_json(found)),
        ("failures", lambda: failures._print_failures({}, found.troubles, each=False)),
        ("failures --json", lambda: failures._print_failures_json({}, found.troubles)),
    ):
        out = io.StringIO()
        with redirect_stdout(out):
            show()
        yield name, out.getvalue()
    letter = message.digest_message(Summary(found.troubles), Sender("host"), date(2026, 12, 7))
    yield "digest", f"{letter.title}\n{letter.body}\n{'verdict good' if letter.tone is message.Tone.GOOD else ''}"


class Web:
    """The web's screens over an empty store, in which nothing fails of itself."""

    def __init__(self, store: Store, settings: Settings, patched: pytest.MonkeyPatch) -> None:
        self.site = SiteInTime(store, settings, NOW)
        self.visitor = Visitor(self.site, self.site.token(Role.READ))
        self._patched = patched

    def screens(self, seen: Snapshot) -> Iterator[tuple[str, str]]:
        store = self.site.store
        store.write(
            heartbeats.beat, "worker/host/1", store.now()
        )  # each time: they are many, and a machine may be slow
        sight = (
            None
            if seen.store
            else replace(store.read(stored_status.look, [], [], NOW), oldest_due_at=seen.oldest_due_at)
        )
        found = replace(seen_as(seen), sight=sight)

        def told(*_: Any) -> Status:
            return found

        for module in (status, health, metrics):
            self._patched.setattr(module, "status", told)
        for path in PAGES:
            yield path, self.visitor.page(path)
        yield "/api/v1/overview", self.visitor.get("/api/v1/overview").get_data(as_text=True)
        bearer = {"Authorization": f"Bearer {self.visitor.token}"}
        yield "/metrics", self.site.app.test_client().get("/metrics", headers=bearer).get_data(as_text=True)
        app = create_app(self.site.settings, store, lambda: NOW, flush_after_s=None)  # one that has not looked yet
        yield "/readyz", app.test_client().get("/readyz").get_data(as_text=True)
