"""`/status/login` and `/status/logout`."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from receiver import logs
from receiver.core.roles import Role
from receiver.core.secret_edges import bare
from receiver.core.tokens import InvalidToken
from receiver.sentences import ACCESS, TOKEN_KEY
from receiver.store import StoreUnavailable
from receiver.web.auth import cookies
from receiver.web.auth.access import Access
from receiver.web.auth.login_throttle import LoginThrottle
from receiver.web.auth.proxy_headers import is_local
from receiver.web.context import WebContext

log = logs.get("access")

HOME = "/status"
LOGIN = "/status/login"
_PAGE = re.compile(r"/status(?:/[\w.@-]+)*/?(?:\?[\w.@=&%+-]*)?", re.ASCII)


def blueprint(context: WebContext, access: Access) -> Blueprint:
    """Build login and logout."""
    pages = Blueprint("session", "receiver.web.pages", template_folder="templates")
    desk = _LoginViews(context, access, LoginThrottle(context.clock))

    @pages.get(LOGIN)
    def login() -> ResponseReturnValue:
        return desk.page(page_after(request.args.get("next")))

    @pages.post(LOGIN)
    def enter() -> ResponseReturnValue:
        return desk.enter(page_after(request.form.get("next")))

    @pages.post("/status/logout")
    @access.guard(Role.READ)
    def leave() -> ResponseReturnValue:
        response = redirect(url_for("session.login"), 303)
        cookies.forget(response)
        return response

    return pages


def page_after(wanted: str | None) -> str:
    """Return where to go after the login: always one of our pages."""
    asked = wanted or HOME
    return asked if _PAGE.fullmatch(asked) and not asked.startswith(LOGIN) else HOME


class _LoginViews:
    """The views that exchange a token for a cookie."""

    def __init__(self, context: WebContext, access: Access, throttle: LoginThrottle) -> None:
        self._clock = context.clock
        self._access = access
        self._throttle = throttle

    def page(self, wanted: str, status: int = 200, trouble: str | None = None) -> Response:
        """Show the form, unless a token would be sent unencrypted, or cannot be verified."""
        may_send = self._access.no_key is None and self._may_send_token()
        sentence = trouble if may_send else TOKEN_KEY.get(self._access.no_key or "", ACCESS["not_https"])
        html = render_template("login.html", wanted=wanted, trouble=sentence, may_send=may_send, texts=ACCESS)
        return Response(html, status)

    def enter(self, wanted: str) -> ResponseReturnValue:
        """Check a token and set the cookie."""
        if self._access.no_key is not None:
            return self.page(wanted, 503)
        if not self._may_send_token():
            return self.page(wanted, 403)
        if not _from_our_page():
            return self.page(wanted, 403, ACCESS["foreign_form"])
        client = self._access.way.client(request)
        if seconds := self._throttle.pause_s(client):
            waiting = self.page(wanted, 429, ACCESS["too_many"].format(seconds=seconds))
            waiting.headers["Retry-After"] = str(seconds)
            return waiting
        # A token holds no blank or quote: such characters around it were added by copying.
        return self._open(bare(request.form.get("token", "")), client, wanted)

    def _may_send_token(self) -> bool:
        return self._access.way.is_https(request) or is_local(request)

    def _open(self, text: str, client: str, wanted: str) -> ResponseReturnValue:
        try:
            bearer = self._access.tokens.open(text, self._clock())
        except InvalidToken:
            self._throttle.note(client)
            log.warning("login_refused")
            return self.page(wanted, 403, ACCESS["wrong_token"])
        except StoreUnavailable:
            return self.page(wanted, 503, ACCESS["unavailable"])
        self._throttle.forgive(client)
        log.info("login", token=bearer.token_id)
        response = redirect(wanted, 303)
        cookies.keep(response, text, bearer.expires_at)
        return response


def _from_our_page() -> bool:
    """Whether the browser says that the form was sent from our page.

    Otherwise another site could log a person in with a token of its own.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or urlsplit(origin).netloc == request.host
