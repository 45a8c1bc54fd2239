"""The routes of the pages. What they show comes from `web.views`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from receiver import sentences
from receiver.core.roles import Role
from receiver.operations.failures import retry as retry_failures
from receiver.operations.held import Decision
from receiver.web.auth.access import Access
from receiver.web.context import WebContext
from receiver.web.views import held, overview, query, reports
from receiver.web.views.query import BadQuestion


def blueprint(context: WebContext, access: Access) -> Blueprint:
    """Build the pages."""
    routes = Blueprint(
        "pages", "receiver.web.pages", url_prefix="/status", template_folder="templates", static_folder="static"
    )
    pages = _Pages(context, access)
    for path, endpoint, view in (
        ("", "overview", pages.overview),
        ("/failures", "failures", pages.failures),
        ("/mailboxes", "mailboxes", pages.mailboxes),
        ("/unmapped", "unmapped", pages.unmapped),
        ("/unmapped.txt", "unmapped_text", pages.unmapped_text),
        ("/event", "event", pages.event),
        ("/refused", "refusals", pages.refusals),
        ("/held", "held", pages.held),
    ):
        routes.add_url_rule(path, endpoint, access.guard(Role.READ)(view), methods=["GET"])
    routes.add_url_rule("/failures/retry", "retry", access.guard(Role.OPERATE)(pages.retry), methods=["POST"])
    for decision in Decision:
        decide = access.guard(Role.OPERATE)(partial(pages.decide, decision))
        routes.add_url_rule(f"/held/{decision}", f"held_{decision}", decide, methods=["POST"])
    return routes


@dataclass(frozen=True, slots=True)
class _Pages:
    """The views, one for each page."""

    context: WebContext
    access: Access

    def _page(self, here: str, **values: object) -> str:
        visitor = self.access.visitor()
        csrf = self.access.csrf_field(visitor) if visitor else ""
        return render_template(f"{here}.html", here=here, visitor=visitor, csrf=csrf, **values)

    def overview(self) -> str:
        return self._page("overview", overview=overview.read(self.context))

    def failures(self) -> str:
        visitor = self.access.visitor()
        may_retry = visitor is not None and visitor.role.may(Role.OPERATE)
        retried = _retried(query.number(request.args, "retried", query.LARGEST_COUNT))
        return self._page("failures", failures=reports.failures(self.context), may_retry=may_retry, retried=retried)

    def retry(self) -> ResponseReturnValue:
        scope, code, calendar = query.group(request.form)
        count = retry_failures(self.context.store, scope, code, calendar)
        return redirect(url_for("pages.failures", retried=count), 303)

    def mailboxes(self) -> str:
        after, start = query.address(request.args, "after"), query.address(request.args, "from")
        failing = query.flag(request.args, "failing")
        found = reports.mailboxes(self.context, after or reports.just_before(start), failing)
        return self._page("mailboxes", page=found, start=start, failing=failing, first=not (after or start))

    def unmapped(self) -> str:
        agents = reports.unmapped(self.context)
        return self._page("unmapped", agents=agents, mail=reports.mail_to_exchange(agents))

    def unmapped_text(self) -> Response:
        response = Response(reports.mail_to_exchange(reports.unmapped(self.context)), mimetype="text/plain")
        response.headers["Content-Disposition"] = 'attachment; filename="agents-sans-boite.txt"'
        return response

    def event(self) -> str:
        number = query.number(request.args, "id", query.LARGEST_ID)
        return self._page("event", number=number, events=() if number is None else reports.event(self.context, number))

    def refusals(self) -> str:
        return self._page("refusals", refusals=reports.refused(self.context))

    def held(self) -> str:
        visitor = self.access.visitor()
        may_decide = visitor is not None and visitor.role.may(Role.OPERATE)
        wanted, after = held.filtered(request.args), query.number(request.args, "after", query.LARGEST_ID, 0)
        found = held.read(self.context, wanted, after or 0)
        words = {"notice": _decided(request.args), "wanted": wanted, "after": after}
        sources = self.context.settings.sources
        return self._page("held", page=found, may_decide=may_decide, sources=sources, **words)

    def decide(self, decision: Decision) -> ResponseReturnValue:
        visitor = self.access.visitor()
        number = query.number(request.form, "id", query.LARGEST_ID)
        meant = held.group(request.form) if number is None else [number]
        done = held.decide(self.context, decision, meant, visitor.subject if visitor else "")
        return redirect(url_for("pages.held", done=decision, count=done.count, left=done.left), 303)


def _decided(asked: Mapping[str, str]) -> str:
    """Return the notice after a decision."""
    count = query.number(asked, "count", query.LARGEST_COUNT)
    left = query.number(asked, "left", query.LARGEST_COUNT)
    done = asked.get("done", "")
    if done and done not in set(Decision):
        raise BadQuestion("done")
    if not done or count is None:
        return ""
    texts = sentences.HELD_DONE
    text = texts[done if count else "none"].format(count=count)
    return f"{text} {texts['left'].format(count=left)}" if left else text


def _retried(count: int | None) -> str:
    if count is None:
        return ""
    return sentences.RETRIED[{0: "none", 1: "one"}.get(count, "many")].format(count=count)
