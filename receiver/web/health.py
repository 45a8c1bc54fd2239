"""`/healthz`: this process answers. `/readyz`: webhooks can be kept, and somebody writes them into calendars."""

import threading
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, jsonify

from receiver.store import WORKERS, Cause, Standing, StoreUnavailable, StoreVanished
from receiver.web.parts import Parts

HEARTBEAT_FRESH = timedelta(seconds=30)
PROBE_EVERY = timedelta(seconds=5)
OK, FAILED = "ok", "failed"


def blueprint(parts: Parts) -> Blueprint:
    """Build the probes."""
    pages = Blueprint("health", __name__)
    readiness = _Readiness(parts)

    @pages.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @pages.get("/readyz")
    def readyz() -> tuple[Response, int]:
        seen = readiness.seen()
        ready = set(seen.checks.values()) == {OK}
        told = {"status": "ready" if ready else "not_ready", "checks": seen.checks}
        if seen.cause:
            told["cause"] = seen.cause
        return jsonify(told), 200 if ready else 503

    return pages


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look brought."""

    checks: dict[str, str]
    cause: str = ""
    """Why the store cannot be used; no path and no name: anybody may ask."""


class _Readiness:
    """Looks at most every few seconds: anybody may ask, and a look writes to the disk."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._seen = _Seen({})
        self._look_due = parts.clock()

    def seen(self) -> _Seen:
        with self._lock:
            now = self._parts.clock()
            if now >= self._look_due:
                self._seen = self._look()
                self._look_due = now + PROBE_EVERY
            return self._seen

    def _look(self) -> _Seen:
        store = self._parts.store
        try:
            standing = store.standing()
            if not standing.usable:
                cause = Cause.EMPTY if standing is Standing.NOT_CURRENT and store.is_empty() else ""
                return _Seen({"store": standing, "worker": FAILED}, cause)
            store.look_for_damage()
            now = store.now()
            store.beat("web", now)
            last_beat = store.last_beat(WORKERS)
        except StoreVanished as error:
            return _Seen({"store": str(error), "worker": FAILED}, error.cause)
        except StoreUnavailable as error:
            return _Seen({"store": FAILED, "worker": FAILED}, error.refusal.cause)
        fresh = last_beat is not None and now - last_beat < HEARTBEAT_FRESH
        return _Seen({"store": OK, "worker": OK if fresh else FAILED})
