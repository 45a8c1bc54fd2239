"""One receiver with two sources. Web and worker are separate processes, so that each can run without the other."""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import requests
from sqlalchemy import Engine, func, select
from sqlalchemy.sql import Select

from benchmarks.intake_servers import wait_for
from benchmarks.proc import kill
from demo import processes
from demo.processes import ACCOUNT, Secrets
from emitter.platforms import Platform, signer
from receiver.store import Store
from receiver.store.database.engine import close_engine, open_engine, reading
from receiver.store.database.tables import events, inbox, mailboxes

TIMEOUT_S = 30.0
LARGE_SECRET = "RDV_LARGE_SECRET"  # a variable's name
UID = "RdvUid"


@dataclass(frozen=True, slots=True)
class Sender:
    """One source's endpoint, and its secret."""

    webhooks: str
    secret: str = field(repr=False)

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers of a webhook."""
        return {**signer(Platform.RDV_SERVICE_PUBLIC, self.secret)(body)}


@dataclass(frozen=True, slots=True)
class FairTown:
    """A running web process over a store, and a worker when one is wanted."""

    SMALL: ClassVar = 12
    LARGE: ClassVar = 34
    """Organisations of the two sources."""

    folder: Path
    config: Path
    control: str
    """URL of the mock's control API."""
    engine: Engine
    environment: dict[str, str] = field(repr=False)
    small: Sender
    large: Sender

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a worker while the block runs."""
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        with processes.running(["receiver", "--config", str(self.config), "worker"], self.environment, log) as process:
            deadline = time.monotonic() + TIMEOUT_S
            while "worker_started" not in log.read_text("utf-8"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise processes.NotStarted(str(log))
                time.sleep(0.01)
            yield

    def uids(self, session: requests.Session, mailbox: str) -> list[str]:
        """Return the uids of the entries in a calendar."""
        found = session.get(f"{self.control}/items", params={"mailbox": mailbox}, timeout=TIMEOUT_S).json()
        return [each["value"] for item in found for each in item["extended"] if each["name"] == UID]

    def waiting_webhooks(self) -> int:
        """Return how many webhooks were not judged yet."""
        return self._count(select(func.count()).select_from(inbox).where(inbox.c.failure.is_(None)))

    def failing_mailboxes(self) -> int:
        """Return how many mailboxes failed."""
        return self._count(select(func.count()).select_from(mailboxes).where(mailboxes.c.failure.is_not(None)))

    def wait_until_settled(self, timeout_s: float) -> None:
        """Wait until all webhooks are judged and settled.

        Raises:
            TimeoutError: it never is.

        """
        unsettled = select(func.count()).select_from(events).where(events.c.unsettled_at.is_not(None))
        deadline = time.monotonic() + timeout_s
        while self.waiting_webhooks() or self._count(unsettled):
            if time.monotonic() > deadline:
                raise TimeoutError("webhooks are left that nobody judges or settles")
            self.forget_requests()
            time.sleep(0.5)

    def forget_requests(self) -> None:
        """Delete the mock's recorded requests, to save memory."""
        requests.delete(f"{self.control}/requests", timeout=TIMEOUT_S).raise_for_status()

    def _count(self, question: Select[int]) -> int:
        with reading(self.engine) as connection:
            return connection.execute(question).scalar_one()


@contextmanager
def fair_town(folder: Path, url: str, boxes: Sequence[str], latency_ms: float) -> Iterator[FairTown]:
    """Run the mock with these mailboxes, and the web over an empty store; kill the web at the end.

    A web process that was told to stop would judge what waits.
    """
    keys = Secrets(webhook=secrets.token_hex(16), exchange=secrets.token_urlsafe(16))
    environment = keys.environment | {LARGE_SECRET: secrets.token_hex(16)}
    store = Store(url)
    store.migrate()
    store.close()
    port = processes.free_port()
    latency = ("--latency-ms", str(latency_ms))
    engine = open_engine(url)
    try:
        with processes.exchange(boxes, keys, folder / "exchange.log", *latency) as server:
            config = _configured(folder, url, server, port)
            web_log = folder / "web.log"
            with processes.running(["receiver", "--config", str(config), "serve"], environment, web_log) as web:
                wait_for(f"http://127.0.0.1:{port}/healthz")
                base = f"http://127.0.0.1:{port}/webhooks"
                small, large = Sender(f"{base}/small", keys.webhook), Sender(f"{base}/large", environment[LARGE_SECRET])
                control = server.partition("/EWS")[0] + "/mock"
                try:
                    yield FairTown(folder, config, control, engine, environment, small, large)
                finally:
                    kill(web.pid)
    finally:
        close_engine(engine)


def _configured(folder: Path, url: str, server: str, port: int) -> Path:
    source = {"emitter": "rdv_service_public", "platform": "production"}
    small = source | {"secrets": [{"env": "RDV_WEBHOOK_SECRET"}], "organisations": [FairTown.SMALL]}
    large = source | {"secrets": [{"env": LARGE_SECRET}], "organisations": [FairTown.LARGE]}
    exchange = {
        "kind": "ews",
        "server": server,
        "version": "Exchange2016",
        "auth": "ntlm",
        "access": "impersonation",
        "username": ACCOUNT,
        "password": {"env": "RDV_EXCHANGE_PASSWORD"},
    }
    known = {
        "store": {"url": url},
        "sources": {"small": small, "large": large},
        "calendars": {"exchange": exchange},
        "mailboxes": {"domains": {"departement.example": "departement.example"}},
        "audit": {"scheduled": False},
        "web": {"listen": f"127.0.0.1:{port}"},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(known), "utf-8")
    return path
