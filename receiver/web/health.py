"""`/healthz`: this process answers. `/readyz`: it can keep webhooks; the answer also lists troubles.

503 means only that this process cannot keep webhooks. If other troubles, such as an Exchange that is down, caused it
too, a load balancer would stop the intake on all hosts, and the emitters would give up in the end.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Blueprint, Response, jsonify

from receiver.core.troubles import Code, is_well
from receiver.operations.status import status
from receiver.store import Cause, Standing, StoreUnavailable, StoreVanished, heartbeats
from receiver.store.database import rights
from receiver.store.heartbeats import WORKERS
from receiver.web.context import WebContext

HEARTBEAT_FRESH = timedelta(seconds=30)
PROBE_EVERY = timedelta(seconds=5)
OK, FAILED = "ok", "failed"
READY, DEGRADED, NOT_READY = "ready", "degraded", "not_ready"
_CODES: Mapping[str, str] = {"disk": Code.DISK_LOW, "backlog": Code.BACKLOG_HIGH}
"""The codes for reasons of refusing webhooks that have another name here."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The result of one check."""

    status: str
    checks: Mapping[str, str]
    codes: Sequence[str] = field(default_factory=list)
    cause: str = ""
    """Why the store cannot be used, without paths and names, as the probe needs no login."""


def blueprint(context: WebContext) -> Blueprint:
    """Build the probes."""
    pages = Blueprint("health", __name__)
    readiness = _Readiness(context)

    @pages.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @pages.get("/readyz")
    def readyz() -> tuple[Response, int]:
        seen = readiness.seen()
        answer = {"status": seen.status, "checks": seen.checks, "codes": seen.codes}
        if seen.cause:
            answer["cause"] = seen.cause
        return jsonify(answer), 503 if seen.status == NOT_READY else 200

    return pages


class _Readiness:
    """Checks at most every few seconds, as the probe needs no login and a check writes to the disk."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._seen = _Seen(NOT_READY, {})
        self._check_due = context.clock()

    def seen(self) -> _Seen:
        with self._lock:
            now = self._context.clock()
            if not self._check_due - PROBE_EVERY <= now < self._check_due:  # also where the clock was set back
                self._seen = self._check()
                self._check_due = now + PROBE_EVERY
            return self._seen

    def _check(self) -> _Seen:
        store = self._context.store
        try:
            standing = store.standing()
            if not standing.usable:
                cause = Cause.EMPTY if standing is Standing.NOT_CURRENT and store.is_empty() else ""
                return _cannot_keep(standing, Code(standing), cause)
            if not store.read(rights.may_append):
                return _cannot_keep(FAILED, Code.STORE_UNREACHABLE, Cause.RIGHTS_MISSING)
            store.look_for_damage()
            now = store.now()
            store.write(heartbeats.beat, "web", now)
            last_beat = store.read(heartbeats.last_beat, WORKERS)
        except StoreUnavailable as error:
            return _unusable(error)
        fresh = last_beat is not None and now - last_beat < HEARTBEAT_FRESH
        checks = {"store": OK, "worker": OK if fresh else FAILED}
        found, cause = self._codes(now)
        codes = found if fresh else [*found, Code.WORKER_SILENT]
        if reason := self._context.overload.reason():
            return _Seen(NOT_READY, checks, _once([_CODES.get(reason, reason), *codes]), cause)
        return _Seen(DEGRADED if codes else READY, checks, _once(codes), cause)

    def _codes(self, now: datetime) -> tuple[list[str], str]:
        """Return the codes of the troubles, as far as this account may read them, and why the store cannot be read."""
        store = self._context.store
        try:
            if not store.read(rights.may_judge):
                return [], ""
            found = status(self._context.settings, store, now).troubles
        except StoreUnavailable as error:
            seen = _unusable(error)
            return list(seen.codes), seen.cause
        return [] if is_well(found) else [trouble.code for trouble in found], ""


def _unusable(error: StoreUnavailable) -> _Seen:
    """Return the answer about a store that failed."""
    if isinstance(error, StoreVanished):
        return _cannot_keep(Code.STORE_VANISHED, Code.STORE_VANISHED, error.cause)
    return _cannot_keep(FAILED, Code.STORE_UNREACHABLE, error.refusal.cause)


def _cannot_keep(check: str, code: str, cause: str = "") -> _Seen:
    return _Seen(NOT_READY, {"store": check, "worker": FAILED}, [code], cause)


def _once(codes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(codes))
