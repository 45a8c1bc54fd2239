"""`/api/v1`: the content of the pages, for programs. Keys are English, moments ISO 8601 in UTC, sentences French."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from receiver.core.roles import Role
from receiver.operations.failures import retry as retry_failures
from receiver.operations.held import Decision
from receiver.web.auth.access import Access
from receiver.web.context import WebContext
from receiver.web.views import held, overview, query, reports
from receiver.web.views.query import BadQuestion, stamp

PREFIX = "/api/v1"
MOST_MAILBOXES = 500


def blueprint(context: WebContext, access: Access) -> Blueprint:
    """Build the API."""
    routes = Blueprint("api", __name__, url_prefix=PREFIX)
    api = _Api(context, access)
    for path, view in (
        ("overview", api.overview),
        ("failures", api.failures),
        ("mailboxes", api.mailboxes),
        ("unmapped", api.unmapped),
        ("events/<number>", api.event),
        ("refused", api.refused),
        ("held", api.held),
    ):
        routes.add_url_rule(f"/{path}", view.__name__, access.guard(Role.READ)(view), methods=["GET"])
    routes.add_url_rule("/failures/retry", "retry", access.guard(Role.OPERATE)(api.retry), methods=["POST"])
    for decision in Decision:
        decide = access.guard(Role.OPERATE)(partial(api.decide, decision))
        routes.add_url_rule(f"/held/{decision}", f"held_{decision}", decide, methods=["POST"])
    return routes


@dataclass(frozen=True, slots=True)
class _Api:
    """The views, one for each answer."""

    context: WebContext
    access: Access

    def overview(self) -> Response:
        return jsonify(plain(overview.read(self.context)))

    def failures(self) -> Response:
        return jsonify(failures=plain(reports.failures(self.context)))

    def retry(self) -> Response:
        words = {name: value for name, value in _sent().items() if isinstance(value, str)}
        scope, code, calendar = query.group(words)
        return jsonify(retried=retry_failures(self.context.store, scope, code, calendar))

    def mailboxes(self) -> Response:
        after = query.address(request.args, "after")
        limit = query.number(request.args, "limit", MOST_MAILBOXES) or reports.PAGE
        return jsonify(plain(reports.mailboxes(self.context, after, query.flag(request.args, "failing"), limit)))

    def unmapped(self) -> Response:
        return jsonify(agents=plain(reports.unmapped(self.context)))

    def event(self, number: str) -> tuple[Response, int]:
        wire_id = query.number({"id": number}, "id", query.LARGEST_ID)
        found = () if wire_id is None else reports.event(self.context, wire_id)
        return jsonify(events=plain(found)), 200 if found else 404

    def refused(self) -> Response:
        return jsonify(refused=plain(reports.refused(self.context)))

    def held(self) -> Response:
        after = query.number(request.args, "after", query.LARGEST_ID, 0) or 0
        limit = query.number(request.args, "limit", held.MOST_AT_ONCE) or held.PAGE
        return jsonify(plain(held.read(self.context, held.filtered(request.args), after, limit)))

    def decide(self, decision: Decision) -> Response:
        visitor = self.access.visitor()
        sent = _sent()
        meant = _numbers(sent["ids"]) if "ids" in sent else held.group(_words(sent))
        done = held.decide(self.context, decision, meant, visitor.subject if visitor else "")
        return jsonify(plain(done))


def _numbers(sent: Any) -> list[int]:
    """Return the numbers in the request.

    Raises:
        BadQuestion: there are none, too many, or other values.

    """
    is_list = isinstance(sent, list) and 0 < len(sent) <= held.MOST_AT_ONCE
    if not is_list or not all(type(each) is int and 0 < each <= query.LARGEST_ID for each in sent):
        raise BadQuestion("ids")
    return list(sent)


def _words(sent: Mapping[str, Any]) -> dict[str, str]:
    """Return the members as texts; numbers become texts, as in a form."""
    return {name: str(value) for name, value in sent.items() if isinstance(value, str) or type(value) is int}


def _sent() -> dict[str, Any]:
    """Return the members of the JSON in the request."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise BadQuestion("body")
    return {str(name): value for name, value in sent.items()}


def plain(value: Any) -> Any:
    """Return a value in JSON's types."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (tuple, list)) else value
