"""The client of the conformance checks: sends requests one by one or in parallel, and records all answers."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from emitter.delivery import Courier, Signer
from emitter.generations.times import iso, stamp
from emitter.payloads import Generation
from emitter.platforms import Platform, signer
from emitter.scenarios.stage import Stage

TRIES, PAUSE_S = 3, 0.2
"""Retries of a story's deliveries: fewer than the emitter's."""
ENTRIES = {"rdv", "absence", "plageouverture"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `status` None: no answer."""

    status: int | None
    content: bytes
    latency_s: float
    error: str | None = None

    @property
    def taken(self) -> bool:
        """Whether the emitter would take the webhook for delivered."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the receiver answered and refused it."""
        return self.status is not None and not self.taken

    def __str__(self) -> str:
        return self.error or str(self.status)


@dataclass(slots=True)
class Bench:
    """One receiver under test."""

    url: str
    secret: str
    platform: Platform = Platform.RDV_SERVICE_PUBLIC
    signature: str | None = None
    ca_file: str | None = None
    patience_s: float = 30.0
    """Longer than the emitter's timeout, so that a slow answer is measured, not lost."""
    mailboxes: Mapping[str, str] = field(default_factory=dict)
    """Address in the stories -> address that the receiver knows."""
    jobs: int = 4
    """Parallel requests for stories in which the order does not matter."""
    replies: list[Reply] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    @property
    def generation(self) -> Generation:
        """The platform's current generation."""
        return Generation.RDV_INSERTION if self.platform is Platform.RDV_INSERTION else Generation.YEAR_2024

    def stage(self, name: str, generation: Generation | None = None) -> Stage:
        """A stage for the events that a point makes up."""
        return Stage(f"conformance/{name}", datetime.now(UTC), generation or self.generation)

    @property
    def signer(self) -> Signer:
        """The platform's signature scheme."""
        return signer(self.platform, self.secret, self.signature)

    def send(self, body: bytes, sign: Signer | None = None) -> Reply:
        """Send once.

        Raises:
            UnsignableError: the platform cannot sign such a message.

        """
        body = self._translated(body)
        reply = self._post(body, sign or self.signer)
        self.replies.append(reply)
        self.sent.append(body)
        return reply

    def send_together(self, bodies: Sequence[bytes], jobs: int = 4) -> list[Reply]:
        """Send all, several at once."""
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="conformance") as pool:
            return list(pool.map(self.send, bodies))

    def deliver(self, bodies: Sequence[bytes], *, ordered: bool) -> None:
        """Send all as the emitter would, with a few attempts each."""
        with ThreadPoolExecutor(max_workers=1 if ordered else self.jobs, thread_name_prefix="conformance") as pool:
            list(pool.map(self._try, bodies))

    def sweep(self) -> int:
        """Delete what was made, as the platform would, and return how many; the answers do not count."""
        bodies = list(_deletions(self.sent, datetime.now(UTC)))
        for body in bodies:
            self._post(body, self.signer)
        return len(bodies)

    def _try(self, body: bytes) -> None:
        for number in range(TRIES):
            if self.send(body).taken:
                return
            time.sleep(PAUSE_S * number)

    def _translated(self, body: bytes) -> bytes:
        for given, known in self.mailboxes.items():
            body = body.replace(given.encode(), known.encode())
        return body

    def _post(self, body: bytes, sign: Signer) -> Reply:
        courier = Courier(self.url, sign, timeout_s=self.patience_s, ca_file=self.ca_file)
        started_s = time.monotonic()
        status, content, error = None, b"", None
        try:
            status, content = courier.post(body)
        except requests.Timeout:
            error = "timeout"
        except requests.RequestException as problem:
            if isinstance(problem, ValueError):  # an invalid URL
                raise
            error = "no connection"
        return Reply(status, content, time.monotonic() - started_s, error)


def with_secret(bench: Bench, secret: str) -> Signer:
    """The same signature scheme with another secret."""
    return signer(bench.platform, secret, bench.signature)


def _deletions(sent: Sequence[bytes], now: datetime) -> Iterator[bytes]:
    """The last state of each entry, as `destroyed`."""
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    for body in sent:
        message = _parsed(body)
        model = message.get("meta", {}).get("model", "").replace("_", "").lower()
        if model in ENTRIES and message["meta"]["event"] in {"created", "updated", "destroyed"}:
            newest[model, message["data"]["id"]] = message
    for message in newest.values():
        meta = message["meta"] | {"event": "destroyed"}
        meta |= {name: iso(now) for name in ("event_occurred_at", "payload_computed_at") if name in meta}
        if "timestamp" in meta:
            meta["timestamp"] = iso(now) if "T" in meta["timestamp"] else stamp(now)
        text = json.dumps({"data": message["data"], "meta": meta}, ensure_ascii=False, separators=(",", ":"))
        yield text.encode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
