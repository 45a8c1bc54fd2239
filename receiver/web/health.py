"""`/healthz`: this process answers. `/readyz`: webhooks can be kept, and somebody writes them into calendars."""

import threading
from datetime import timedelta

from flask import Blueprint, Response, jsonify

from receiver.store import WORKERS, StoreUnavailable, StoreVanished
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
        checks = readiness.checks()
        ready = set(checks.values()) == {OK}
        return jsonify(status="ready" if ready else "not_ready", checks=checks), 200 if ready else 503

    return pages


class _Readiness:
    """Looks at most every few seconds: anybody may ask, and a look writes to the disk."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._checks: dict[str, str] = {}
        self._look_due = parts.clock()

    def checks(self) -> dict[str, str]:
        with self._lock:
            now = self._parts.clock()
            if now >= self._look_due:
                self._checks = self._look()
                self._look_due = now + PROBE_EVERY
            return self._checks

    def _look(self) -> dict[str, str]:
        store = self._parts.store
        try:
            standing = store.standing()
            if not standing.usable:
                return {"store": standing, "worker": FAILED}
            now = store.now()
            store.beat("web", now)
            last_beat = store.last_beat(WORKERS)
        except StoreVanished as error:
            return {"store": str(error), "worker": FAILED}
        except StoreUnavailable:
            return {"store": FAILED, "worker": FAILED}
        fresh = last_beat is not None and now - last_beat < HEARTBEAT_FRESH
        return {"store": OK, "worker": OK if fresh else FAILED}
