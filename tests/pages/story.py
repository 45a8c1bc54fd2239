"""A plausible week of a town hall, always the same: what the pages are looked at with."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from receiver.config import (
    Emitter,
    EwsCalendar,
    IcsFolder,
    ProxySettings,
    Secret,
    Settings,
    Source,
    StoreSettings,
    WebSettings,
)
from receiver.core.digests import secret_tag
from receiver.core.facts import AgentRef, EventKind
from receiver.core.mailboxes import MailboxMap
from receiver.core.roles import Role
from receiver.core.scope import Authority
from receiver.core.servers import ServerState
from receiver.operations.access.tokens import Tokens
from receiver.sentences.phrases import PARIS
from receiver.store import Store, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.database.tables import events, mailboxes, placements, writes
from receiver.store.intake import judge_batch
from receiver.store.work import servers
from receiver.web.app import create_app
from receiver.web.auth import cookies
from tests.core.samples import as_body, sample
from tests.lab.configuration import signing
from tests.lab.database import database, execute
from tests.makers import NOW, a_delivery, incoming
from tests.web.receiver_client import SECRET, TOKEN_KEY, hex_signature

AT_HOME, ELSEWHERE = "departement.example", "partenaire.example"
NAMES = ("martine.agent", "karim.agent", "leila.benali", "paul.durand", "sophie.marchand", "yann.leroy")
STRANGERS = ("nadia.petit", "luc.moreau")
SERVED_RDV, REFUSED_RDV, DESTROYED_RDV = 4331, 4345, 4360
HOME, FOREIGN = 12, 34
OTHER_TAG = "5ec2e7a1"
"""A secret that is configured no more."""


def settings_of(store_url: str, pages: bool = True) -> Settings:
    """Two sources, an Exchange and a folder; agents of one domain have mailboxes."""

    def source(name: str, emitter: Emitter) -> Source:
        return Source(name=name, emitter=emitter, platform="production", secrets=(signing(SECRET),))

    exchange = EwsCalendar(
        name="exchange",
        server="https://mail.departement.example/EWS/Exchange.asmx",
        version="Exchange2016",
        username="DEPARTEMENT\\svc-rdv",
        password=Secret("pw"),
    )
    return Settings(
        store=StoreSettings(url=store_url),
        sources={
            "mds": source("mds", Emitter.RDV_SERVICE_PUBLIC),
            "insertion": source("insertion", Emitter.RDV_INSERTION),
        },
        calendars={"exchange": exchange, "pilote": IcsFolder(name="pilote", path=Path("/var/lib/rdv-receiver/pilote"))},
        mailboxes=MailboxMap("exchange", domains={AT_HOME: AT_HOME}),
        web=WebSettings(
            pages=pages, token_key=TOKEN_KEY, proxy=ProxySettings(address="203.0.113.7/32", role=Role.READ)
        ),
    )


@dataclass
class SiteInTime:
    """The application over a store, both at a moment that the test sets."""

    store: Store
    settings: Settings
    now: datetime = NOW
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.settings, self.store, lambda: self.now, flush_after_s=None)

    def token(self, role: Role, label: str = "Camille, DSI") -> str:
        return Tokens.of(self.settings, self.store).issue(role, timedelta(days=30), label, self.now)[0]

    def post(self, document: Any, source: str = "mds") -> int:
        body = as_body(document)
        headers = {"X-Lapin-Signature": hex_signature(body, SECRET)}
        url = f"/webhooks/{source}"
        answer = self.app.test_client().post(url, data=body, headers=headers, content_type="application/json")
        self.store.judge_all(self.now)
        return answer.status_code

    def settle(self) -> None:
        rules = self.settings.ruleset()
        while self.store.settle(lambda view: rules.compute_desired(view, self.now), self.now):
            pass

    def change(self, *statements: Any) -> None:
        with database(self.settings.store.address) as connection:
            for statement in statements:
                connection.execute(statement)

    def execute(self, *statements: str) -> None:
        """Change the database as somebody with a database client would."""
        execute(self.settings.store.address, *statements)


def a_rdv(number: int, *emails: str, now: datetime = NOW, event: str = "created", **data: Any) -> Any:
    """A RDV of these agents, in the days to come."""
    document = sample("rdv-2024-created")
    starts_at = now + timedelta(days=2 + number % 5, hours=number % 7)
    agents = [{"id": 1 + sum(email.encode()), "email": email} for email in emails]
    changes = {
        "id": number,
        "uuid": f"0b5e6a3e-6f0e-4c57-9d0b-{number:012x}",
        "starts_at": f"{starts_at:%Y-%m-%d %H:%M:%S %z}",
        "ends_at": f"{starts_at + timedelta(minutes=45):%Y-%m-%d %H:%M:%S %z}",
        "agents": agents,
    }
    document["data"] |= changes | data
    document["meta"] |= {"event": event, "timestamp": f"{now - timedelta(seconds=30):%Y-%m-%d %H:%M:%S %z}"}
    return document


def tell(site: SiteInTime) -> None:
    """Have the week happen."""
    _receive(site)
    site.settle()
    _set_aside(site, site.now)
    site.change(*_outcomes(site.settings.store.address))
    _count_week(site.settings.store.address, site.now)
    for ago_s, name in ((9, "worker/srv-rdv-1/2214"), (14, "worker/srv-rdv-2/1871"), (5, "serve/srv-rdv-1")):
        site.store.write(heartbeats.beat, name, site.now - timedelta(seconds=ago_s))
    site.store.write(
        servers.change, "exchange", lambda server: replace(server, succeeded_at=site.now - timedelta(minutes=1))
    )
    site.store.write(servers.change, "pilote", lambda server: _failing(server, site.now))


def _receive(site: SiteInTime) -> None:
    now = site.now
    told = a_delivery(
        agents=(AgentRef("90", f"leila.benali@{AT_HOME}"),), now=now - timedelta(minutes=17), wire_id=8120, uuid=None
    )
    news = incoming(told, source="insertion", emitter=Emitter.RDV_INSERTION, received_at=now - timedelta(minutes=17))
    site.store.write(judge_batch.take, [news], now - timedelta(minutes=17))
    for number in range(4330, 4370):
        name = NAMES[number % len(NAMES)]
        site.now = now - timedelta(minutes=4370 - number)
        assert site.post(a_rdv(number, f"{name}@{AT_HOME}", now=site.now)) == 202
        if number % 10 == 3:
            assert site.post(a_rdv(number, f"{STRANGERS[number // 10 % 2]}@{ELSEWHERE}", now=site.now)) == 202
    site.now = now - timedelta(minutes=2)
    assert site.post(a_rdv(SERVED_RDV, f"karim.agent@{AT_HOME}", now=site.now, event="updated")) == 202
    assert site.post(a_rdv(DESTROYED_RDV, now=site.now, event="destroyed")) == 202
    site.now = now


def _set_aside(site: SiteInTime, now: datetime) -> None:
    """Another organisation's secret speaks of a RDV, and somebody deletes more than goes without a word."""
    tag = secret_tag(site.store.installation().digest_key, SECRET)

    def tell(number: int, kind: EventKind, organisation: int, signed_by: str, minutes: int) -> None:
        at = now - timedelta(minutes=minutes)
        told = a_delivery(5, kind, now=at, wire_id=number, uuid=f"0b5e6a3e-6f0e-4c57-9d0b-{number:012x}")
        told = replace(told, organisation=organisation)
        authority = Authority(frozenset({organisation}))
        news = replace(incoming(told, received_at=at), authority=authority, signed_by=signed_by)
        site.store.write(judge_batch.take, [replace(news, held=kind is EventKind.DESTROYED)], at)

    tell(4333, EventKind.UPDATED, FOREIGN, OTHER_TAG, 55)
    tell(4334, EventKind.UPDATED, FOREIGN, OTHER_TAG, 54)
    for number in (4336, 4337, 4338):
        tell(number, EventKind.DESTROYED, HOME, tag, 22)


def _outcomes(url: str) -> list[Any]:
    """What the workers left word of."""
    with database(url) as connection:
        ids = {row.wire_id: row.id for row in connection.execute(select(events.c.id, events.c.wire_id))}
        boxes = {row.address: row.id for row in connection.execute(select(mailboxes.c.id, mailboxes.c.address))}
    refused, full = boxes[f"paul.durand@{AT_HOME}"], boxes[f"yann.leroy@{AT_HOME}"]
    done = update(placements).values(applied=placements.c.desired, item_id="item", due_at=None)
    failing = {"attempts": 7, "blocked_until": NOW + timedelta(minutes=11)}
    ago = NOW - timedelta(days=2, hours=3)
    history = [
        (SERVED_RDV, f"karim.agent@{AT_HOME}", "create", "timeout", 38),
        (SERVED_RDV, f"karim.agent@{AT_HOME}", "create", "done", 35),
        (SERVED_RDV, f"karim.agent@{AT_HOME}", "update", "done", 1),
    ]
    return [
        done.where(placements.c.mailbox_id.not_in([refused, full])),
        update(placements)
        .where(placements.c.event_id == ids[REFUSED_RDV])
        .values(failure="unsupported_time_zone", gave_up=True, due_at=None, not_before=NOW - timedelta(hours=5)),
        update(mailboxes).where(mailboxes.c.id != full).values(succeeded_at=NOW - timedelta(minutes=7)),
        update(mailboxes).where(mailboxes.c.id == full).values(succeeded_at=ago - timedelta(hours=1)),
        update(mailboxes).where(mailboxes.c.id == refused).values(failure="impersonation_denied", **failing),
        update(mailboxes).where(mailboxes.c.id == full).values(failure="quota_exceeded", **failing),
        *(
            update(placements).where(placements.c.mailbox_id == box).values(not_before=since, due_at=since)
            for box, since in ((refused, NOW - timedelta(minutes=7)), (full, ago))
        ),
        update(events).where(events.c.wire_id == 4352).values(failure="unsupported_recurrence"),
        *(
            insert(writes).values(
                event_id=ids[number],
                mailbox_id=boxes[box],
                verb=verb,
                outcome=outcome,
                written_at=NOW - timedelta(minutes=minutes),
            )
            for number, box, verb, outcome, minutes in history
        ),
    ]


def _failing(server: ServerState, now: datetime) -> ServerState:
    return replace(
        server,
        failure="storage_failed",
        failing_since=now - timedelta(hours=3, minutes=12),
        succeeded_at=now - timedelta(hours=3, minutes=13),
        blocked_until=now + timedelta(minutes=4),
        attempts=9,
    )


def _count_week(url: str, now: datetime) -> None:
    """A week of offices that open at 8 and close at 18, an outage on Thursday and a secret changed on Monday."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    moments = [hour - timedelta(hours=back) for back in range(24 * 7)]

    with database(url) as connection:
        for moment in moments:
            counters.add(connection, _counts_of(moment.astimezone(PARIS)), moment)


def _counts_of(local: datetime) -> Counter[Tally]:
    open_now = local.weekday() < 5 and 8 <= local.hour < 18
    busy = (38 + (local.day * 7 + local.hour * 13) % 29) if open_now else (local.hour * local.day) % 3
    outage = local.weekday() == 3 and 13 <= local.hour < 17
    counts = Counter(
        {
            Tally("webhook", "mds", "Rdv", "accepted"): busy,
            Tally("webhook", "mds", "Absence", "accepted"): busy // 9,
            Tally("webhook", "mds", "Rdv", "duplicate"): busy // 14,
            Tally("webhook", "insertion", "Rdv", "accepted"): busy // 5,
            Tally("refused", "mds", "", "model"): busy // 2,
            Tally("refused", "mds", "", "unauthorized"): 14 if local.weekday() == 0 and 9 <= local.hour < 12 else 0,
            Tally("refused", "?", "", "not_found"): 1 if local.hour == 4 else 0,
            Tally("refused", "insertion", "", "payload"): 2 if local.weekday() == 0 and local.hour == 15 else 0,
            Tally("write", "exchange", "create", "done"): 0 if outage else busy // 2,
            Tally("write", "exchange", "update", "done"): 0 if outage else busy // 3,
            Tally("write", "exchange", "create", "server_busy"): busy // 3 if outage else busy // 30,
        }
    )
    return +counts


@dataclass
class Visitor:
    """Somebody with a token, or nobody: speaks HTTP without a browser."""

    site: SiteInTime
    token: str | None

    def get(self, path: str) -> TestResponse:
        return self._client().get(path, base_url="https://localhost", headers=self._bearer(path))

    def post(self, path: str, **more: Any) -> TestResponse:
        return self._client().post(path, base_url="https://localhost", headers=self._bearer(path), **more)

    def page(self, path: str, status: int = 200) -> str:
        answer = self.get(path)
        assert (answer.status_code, answer.mimetype) == (status, "text/html"), path
        return answer.get_data(as_text=True)

    def data(self, path: str, status: int = 200) -> Any:
        answer = self.get(path)
        assert (answer.status_code, answer.mimetype) == (status, "application/json"), path
        return answer.get_json()

    def _client(self) -> FlaskClient:
        client = self.site.app.test_client()
        if self.token:
            client.set_cookie(cookies.NAME, self.token, domain="localhost", secure=True)
        return client

    def _bearer(self, path: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token and path.startswith("/api/") else {}


PAGES = {
    "overview": "/status",
    "failures": "/status/failures",
    "mailboxes": "/status/mailboxes",
    "failing": "/status/mailboxes?failing=1",
    "unmapped": "/status/unmapped",
    "event": f"/status/event?id={SERVED_RDV}",
    "event-refused": f"/status/event?id={REFUSED_RDV}",
    "event-unknown": "/status/event?id=99",
    "refused": "/status/refused",
    "held": "/status/held",
}
ANSWERS = {
    "overview": "/api/v1/overview",
    "failures": "/api/v1/failures",
    "mailboxes": "/api/v1/mailboxes",
    "unmapped": "/api/v1/unmapped",
    "event": f"/api/v1/events/{SERVED_RDV}",
    "refused": "/api/v1/refused",
    "held": "/api/v1/held",
}
