"""Answers in place of the application until its store can be used: a vanished store may return at any moment.

If the process ended instead, the emitter would get no answer, and probes would show no cause.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from receiver import logs
from receiver.core.troubles import STORE_CODES, Code
from receiver.store import StoreUnavailable
from receiver.web.health import FAILED, NOT_READY
from receiver.web.webhook import unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logs.get("web")

LOOK_EVERY_S = 2.0

MakeApp = Callable[[], Flask]


class Waiting:
    """A WSGI application that is replaced by the real one. It checks at intervals, in the thread of a request."""

    def __init__(self, make_app: MakeApp, look_every_s: float = LOOK_EVERY_S) -> None:
        """Create it, and the real application at once if possible.

        Args:
            make_app: creates the real application, or raises `StoreUnavailable`.
            look_every_s: how long to wait before it is tried again.

        """
        self._make_app = make_app
        self._every_s = look_every_s
        self._lock = threading.Lock()
        self._due = 0.0
        self._placeholder: Flask | None = None
        self.application: Flask | None = None
        """The real application; None: the store could not be used yet."""
        self._check()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        if self.application is None and time.monotonic() >= self._due and self._lock.acquire(blocking=False):
            try:
                self._check()
            finally:
                self._lock.release()
        answering = self.application or self._placeholder
        if answering is None:
            raise AssertionError("there is a placeholder while there is nothing else")
        return answering(environ, start_response)

    def _check(self) -> None:
        if self.application is not None:
            return
        try:
            self.application = self._make_app()
        except StoreUnavailable as error:
            if self._placeholder is None:
                log.error("store_awaited", code=str(error))
            self._placeholder = _placeholder(str(error))
            self._due = time.monotonic() + self._every_s
            return
        if self._placeholder is not None:
            log.info("store_is_back")
        gc.freeze()  # the collector then skips these permanent objects: a pass over them would delay requests


def _placeholder(code: str) -> Flask:
    """Return an application without a store."""
    app = Flask("receiver", static_folder=None)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        codes = [code if code in STORE_CODES else Code.STORE_UNREACHABLE]
        return jsonify(status=NOT_READY, checks={"store": code, "worker": FAILED}, codes=codes), 503

    def refuse(_: HTTPException) -> Response:
        if request.path.startswith("/webhooks/"):
            log.warning("webhook", http_status=503, status="unavailable", reason=code)
        return unavailable(code).response()

    app.register_error_handler(HTTPException, refuse)
    return app
