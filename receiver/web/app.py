"""The application: routes, and the rule that every answer is JSON, whatever went wrong."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from receiver import logs
from receiver.config import Settings
from receiver.store import Store
from receiver.web import health, webhook
from receiver.web.parts import Parts
from receiver.web.tallying import FLUSH_AFTER_S, Tallying

log = logs.get("web")

MAX_BODY_BYTES = 1024 * 1024


def create_app(
    settings: Settings,
    store: Store,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    flush_after_s: float | None = FLUSH_AFTER_S,
) -> Flask:
    """Build the application over an open, migrated store.

    Args:
        settings: the configuration in force.
        store: where webhooks are kept.
        clock: our own time, against which the ages of states are judged.
        flush_after_s: how long counts may stay in memory; None: until somebody flushes them.

    """
    app = Flask("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # Flask's own answers to OPTIONS, and to two slashes in a row (a redirect), are HTML.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    parts = Parts(settings, store, Tallying(store, clock, flush_after_s), store.installation().digest_key, clock)
    app.extensions["receiver"] = parts
    app.register_blueprint(webhook.blueprint(parts))
    app.register_blueprint(health.blueprint(parts))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)
    return app


_STATUS_WORDS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def _http_error(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
    code = error.code or 500
    methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    headers = {"Allow": ", ".join(sorted(methods))} if methods else {}
    return jsonify(status=_STATUS_WORDS.get(code, "error")), code, headers


def _unforeseen(_: Exception) -> tuple[Response, int]:
    """Tell nobody what went wrong but the log, and the log no words of it: a payload may stand in them."""
    log.exception("unforeseen")  # noqa: LOG004  # Flask calls its handlers while the exception is being handled
    return jsonify(status="error"), 500
