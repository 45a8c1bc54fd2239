"""The application: routes, and the rule that every answer is JSON, whatever went wrong."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from receiver import logs
from receiver.config import Settings
from receiver.config.store_url import sqlite_file
from receiver.core.roles import Role
from receiver.store import Store
from receiver.web import errors, health, webhook
from receiver.web.auth import session
from receiver.web.auth.access import Access
from receiver.web.auth.proxy_headers import protect
from receiver.web.context import WebContext
from receiver.web.counting import FLUSH_AFTER_S, Counting
from receiver.web.gunicorn_worker import NOT_HTTP
from receiver.web.overload import Overload
from receiver.web.pages import filters, routes
from receiver.web.views import api, metrics
from receiver.web.views.query import BadQuestion

log = logs.get("web")

MAX_BODY_BYTES = 1024 * 1024
"""The limit for requests other than webhooks, whose bodies `receiver.web.bodies` reads."""


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
        clock: this host's time, to which the ages of states are compared.
        flush_after_s: how long counts may stay in memory; None: until the caller flushes them.

    """
    app = Flask("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # Flask's own answers to OPTIONS, and to two slashes in a row (a redirect), are HTML.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    overload = Overload(store, sqlite_file(settings.store.address), settings.web.backlog_limit, clock)
    counting = Counting(store, clock, flush_after_s)
    context = WebContext(settings, store, counting, overload, store.installation().digest_key, clock)
    app.extensions["receiver"] = context
    app.register_blueprint(webhook.blueprint(context))
    app.register_blueprint(health.blueprint(context))
    if settings.web.pages:
        _add_pages(app, context)
    app.register_error_handler(HTTPException, _http_error)
    for kind in NOT_HTTP:
        app.register_error_handler(kind, _not_http)
    app.register_error_handler(Exception, _unforeseen)
    return app


def _add_pages(app: Flask, context: WebContext) -> None:
    access = Access(context)
    protect(app, access.way)
    app.register_blueprint(session.blueprint(context, access))
    app.register_blueprint(routes.blueprint(context, access))
    app.register_blueprint(api.blueprint(context, access))
    app.register_blueprint(metrics.blueprint(context, access.guard(Role.READ)))
    app.register_error_handler(BadQuestion, errors.bad_question)
    filters.prepare(app)


_STATUS_WORDS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def _http_error(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
    code = error.code or 500
    if error is request.routing_exception and code in {404, 405}:
        try:
            webhook.note_lost(current_app)
        except NOT_HTTP as unreadable:
            return *_not_http(unreadable), {}
    methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    headers = {"Allow": ", ".join(sorted(methods))} if methods else {}
    return _answer(code), code, headers


def _not_http(_: Exception) -> tuple[Response, int]:
    """Refuse a body that cannot be read. The server closes the connection, as the next request cannot be found."""
    return _answer(400), 400


def _unforeseen(_: Exception) -> tuple[Response, int]:
    """Answer 500 and log the place of the error, without its text: that may hold a payload."""
    log.exception("unforeseen")  # noqa: LOG004  # Flask calls its handlers while the exception is being handled
    return _answer(500), 500


def _answer(code: int) -> Response:
    """Return a page under the pages' paths, else JSON."""
    if "pages" in current_app.blueprints and errors.is_page(request.path):
        return errors.page(code)
    return jsonify(status=_STATUS_WORDS.get(code, "error"))
