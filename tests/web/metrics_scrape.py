"""A receiver with pages, and a Prometheus before it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as parse
from werkzeug.test import TestResponse

from receiver.config import IcsFolder, Settings, StoreSettings, WebSettings
from receiver.core.roles import Role
from receiver.operations.access.tokens import Tokens
from receiver.store import Store, counters, heartbeats
from receiver.store.work import servers
from receiver.web.app import create_app
from tests.core.samples import as_body
from tests.makers import NOW
from tests.store.failing_ground import HERS, HIS, block, fail_event, hear, place, refuse
from tests.web.receiver_client import RDV, SECRET, SOURCES, TOKEN_KEY, hex_signature, settings_of

FIGURES = {"unmapped": 3, "certificate/exchange": 1_804_000_000, "clock/exchange": -7, "audit": 40, "audit/missing": 2}


def settings(folder: Path) -> Settings:
    calendar = IcsFolder(name="exchange", path=folder)
    url = f"sqlite:///{folder / 'store.db'}"  # for the disk that it is on
    changes = {
        "calendars": {"exchange": calendar},
        "web": WebSettings(pages=True, token_key=TOKEN_KEY),
        "store": StoreSettings(url=url),
    }
    return settings_of(*SOURCES).replace(**changes)


@dataclass
class Scraped:
    """A receiver with pages, and a Prometheus before it."""

    store: Store
    folder: Path
    now: datetime = NOW
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.start()
        self.token = self.issue()

    def issue(self) -> str:
        """Return a new token's text."""
        issuing = Tokens.of(settings(self.folder), self.store)
        return issuing.issue(Role.READ, timedelta(days=30), "prometheus", self.now)[0]

    def start(self) -> None:
        """Begin anew, as after a restart of the process."""
        self.app = create_app(settings(self.folder), self.store, lambda: self.now, flush_after_s=None)

    def get(self, accept: str = "text/plain;version=0.0.4", **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": accept} | headers
        return self.app.test_client().get("/metrics", headers=sent)

    def families(self) -> dict[str, Metric]:
        return {family.name: family for family in parse(self.get().text)}

    def values(self) -> dict[str, float]:
        """Every sample by its name and labels as they are written."""
        return {
            _written(sample.name, sample.labels): sample.value for f in self.families().values() for sample in f.samples
        }

    def post(self, document: object = RDV, secret: str = SECRET) -> int:
        body = as_body(document)
        headers = {"X-Lapin-Signature": hex_signature(body, secret)}
        answer = self.app.test_client().post(
            "/webhooks/mds", data=body, headers=headers, content_type="application/json"
        )
        self.app.extensions["receiver"].counting.flush()
        self.store.judge(self.now)
        return answer.status_code


def _written(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return name.removeprefix("rdv_receiver_") + (f"{{{inside}}}" if inside else "")


def suffer(store: Store) -> None:
    """A mailbox, an entry, an event and the server fail, and the worker has left its figures."""
    hear(store, 5)
    place(store, {HERS: "d1"})
    refuse(store)
    hear(store, 6)
    place(store, {HIS: "d1"})
    block(store)
    hear(store, 7)
    fail_event(store)
    store.write(
        servers.change, "exchange", lambda each: replace(each, failure="timeout", failing_since=NOW, succeeded_at=NOW)
    )
    store.write(counters.record, {}, FIGURES, NOW)
    store.write(heartbeats.beat, "worker/a-host-1", NOW)
