"""A receiver as an emitter meets it: the application over a real store, with a clock that tests set."""

import hashlib
import hmac
import io
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import create_engine, select
from werkzeug.test import TestResponse

from receiver.config import Secret, Settings, SigningSecret, Source, StoreSettings
from receiver.core.facts import Emitter
from receiver.core.mailboxes import MailboxMap
from receiver.store import Store, Verdict, counters
from receiver.store.database.tables import metadata
from receiver.web.app import create_app
from tests.core.samples import as_body, sample
from tests.lab.configuration import signing
from tests.makers import NOW

SECRET, ARRAS_SECRET, LENS_SECRET, INSERTION_SECRET = "mds-secret", "arras-secret", "lens-secret", "insertion-secret"
RDV = sample("rdv-2024-created")
ARRAS, LENS, ELSEWHERE = 12, 13, 99
TOKEN_KEY = Secret("a test's secret, which signs the tokens of tests")


def a_source(name: str, *secrets: SigningSecret, **changes: Any) -> Source:
    ordinary: dict[str, Any] = {"emitter": Emitter.RDV_SERVICE_PUBLIC, "platform": "production"}
    return Source(name=name, secrets=secrets, **(ordinary | changes))


SOURCES = [
    a_source("mds", signing(SECRET)),
    a_source("bound", signing(ARRAS_SECRET, ARRAS), signing(LENS_SECRET, LENS), signing(LENS_SECRET, ELSEWHERE)),
    a_source("listed", signing(SECRET), organisations=frozenset({ARRAS})),
    a_source("rsa", signing(INSERTION_SECRET), emitter=Emitter.RDV_INSERTION),
]


def settings_of(*sources: Source) -> Settings:
    return Settings(
        store=StoreSettings(url=""),
        sources={source.name: source for source in sources},
        calendars={},
        mailboxes=MailboxMap("none"),
    )


def hex_signature(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """The application, its store and its clock."""

    store: Store
    url: str
    now: datetime = NOW
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(settings_of(*SOURCES), self.store, lambda: self.now, flush_after_s=None)

    def post(
        self,
        body: Any = RDV,
        source: str = "mds",
        secret: str = SECRET,
        headers: dict[str, str] | None = None,
        content_type: str | None = "application/json; charset=utf-8",
        **more: Any,
    ) -> TestResponse:
        """Post a signed body (a document, or bytes as they are); `headers` replace the signature."""
        raw = body if isinstance(body, bytes) else as_body(body)
        if headers is None:
            headers = {"X-Lapin-Signature": hex_signature(raw, secret)}
        url = f"/webhooks/{source}"
        return self.app.test_client().post(url, data=raw, headers=headers, content_type=content_type, **more)

    def verdict(self, *args: Any, **kwargs: Any) -> Verdict:
        """Post, and return what a worker makes of it."""
        assert self.post(*args, **kwargs).status_code == 202
        [judged] = self.store.judge(self.now)
        assert judged.receipt is not None
        return judged.receipt.verdict

    def request(self, method: str, path: str, **more: Any) -> TestResponse:
        return self.app.test_client().open(path, method=method, **more)

    def flush_refusals(self) -> dict[tuple[str, str], int]:
        self.app.extensions["receiver"].counting.flush()
        return self.store.read(counters.refused, self.now)

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            tables = {
                table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                for table in metadata.sorted_tables
            }
        engine.dispose()
        return tables


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
