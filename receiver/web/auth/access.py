"""Access control: by a token (pages: in a cookie; programs: with each request), or by a trusted proxy.

Pages accept no `Authorization` header, and the API accepts no cookie. So what a browser sends by itself never acts on
the API, and what a proxy passes on of its own login never opens a page.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from flask import Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from receiver import logs
from receiver.core.roles import Role
from receiver.core.tokens import InvalidToken
from receiver.core.troubles import Code, Severity, Trouble
from receiver.operations.access.token_key import KeyUnavailable
from receiver.operations.access.tokens import Tokens
from receiver.sentences import ACCESS, TOKEN_KEY
from receiver.sentences.phrases import words
from receiver.store import StoreUnavailable, StoreVanished
from receiver.web.auth import cookies
from receiver.web.auth.proxy_headers import Way, is_for_machines
from receiver.web.context import WebContext

log = logs.get("access")

CSRF_FIELD = "csrf"
"""Name of the hidden input in each form of the pages."""
NAME_LENGTH = 200
_SAFE_METHODS = {"GET", "HEAD"}

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person or program that sends a request."""

    name: str
    """For display: a token's label, or the name from the proxy. The text comes from outside."""
    role: Role
    token_id: str | None
    """None: the proxy authenticated the person."""

    @property
    def subject(self) -> str:
        """The identity that forms are bound to. A name from a proxy gets a prefix, unlike a token's id."""
        return self.token_id or f"proxy:{self.name}"


class Access:
    """Decides who may do what. There is one for each application."""

    def __init__(self, context: WebContext) -> None:
        self._proxy = context.settings.web.proxy
        self._clock = context.clock
        self._context = context
        self.way = Way(self._proxy)
        self._why: str | None = None
        self._known: Tokens | None = None
        if self.no_key is not None:
            log.error("token_key_unavailable", code=self.no_key)

    @property
    def no_key(self) -> str | None:
        """Code of the sentence on why no tokens or forms are accepted; None: they are."""
        return self._why if self._tokens is None else None

    @property
    def _tokens(self) -> Tokens | None:
        """The installation's tokens; None: there is no key yet."""
        if self._known is None:
            try:
                self._known = Tokens.of(self._context.settings, self._context.store)
            except KeyUnavailable as error:
                self._why = error.code
        return self._known

    @property
    def tokens(self) -> Tokens:
        """The installation's tokens.

        Raises:
            KeyUnavailable: there is no key to recognise them by.

        """
        known = self._tokens
        if known is None:
            raise KeyUnavailable(self._why)
        return known

    def visitor(self) -> Visitor | None:
        """Return who sends the request; None: unknown. Determined once for each request.

        Raises:
            StoreUnavailable: it cannot be determined now.
            KeyUnavailable: a program sent a token, and no token can be verified.

        """
        if "visitor" not in g:
            g.visitor = self._visitor()
        found: Visitor | None = g.visitor
        return found

    def guard(self, role: Role) -> Callable[[View], View]:
        """Return a decorator for views: it admits requests of the role, and only forms of ours."""

        def decorate(view: View) -> View:
            @wraps(view)
            def guarded(*args: object, **kwargs: object) -> ResponseReturnValue:
                try:
                    refusal = self._refusal(role)
                    return view(*args, **kwargs) if refusal is None else refusal
                except StoreVanished as error:
                    return refused(503, str(error), error.cause)
                except StoreUnavailable as error:
                    return refused(503, "unavailable", error.refusal.cause)
                except KeyUnavailable as error:
                    return refused(503, error.code)

            return guarded

        return decorate

    def csrf_field(self, visitor: Visitor) -> str:
        """Return the CSRF token for this visitor's forms, under `CSRF_FIELD`; empty if there is no key."""
        known = self._tokens
        return known.form_word(visitor.subject) if known else ""

    def check_csrf(self, visitor: Visitor) -> bool:
        """Whether the submitted form was made by us for this visitor, and sent from our page.

        Raises:
            KeyUnavailable: it cannot be determined.

        """
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return False
        sent = request.form.get(CSRF_FIELD, "")
        return hmac.compare_digest(sent.encode(), self.tokens.form_word(visitor.subject).encode())

    def _visitor(self) -> Visitor | None:
        if is_for_machines(request.path):
            return self._bearer(_sent_token())
        # A token first: it was given on purpose, and may allow more than the proxy's role.
        return (self._bearer(cookies.read()) if self._tokens else None) or self._proxys()

    def _bearer(self, text: str) -> Visitor | None:
        if not text:
            return None
        try:
            bearer = self.tokens.open(text, self._clock())
        except InvalidToken:
            return None
        return Visitor(bearer.label or bearer.token_id, bearer.role, bearer.token_id)

    def _proxys(self) -> Visitor | None:
        """Return the person named by the proxy; several such headers arrive joined by commas."""
        if self._proxy is None or not self.way.is_proxy(request):
            return None
        name = _decoded(request.headers.get(self._proxy.user_header, "")).strip()
        is_one = name.isprintable() and 0 < len(name) <= NAME_LENGTH and "," not in name
        return Visitor(name, self._proxy.role, None) if is_one else None

    def _refusal(self, role: Role) -> ResponseReturnValue | None:
        visitor = self.visitor()
        if visitor is None:
            return refused(401, "unauthorized") if is_for_machines(request.path) else _to_login()
        if not visitor.role.may(role):
            return refused(403, "role")
        if is_for_machines(request.path) or request.method in _SAFE_METHODS or self.check_csrf(visitor):
            return None
        return refused(403, "foreign_form")


def _sent_token() -> str:
    sent = request.authorization
    return sent.token or "" if sent is not None and sent.type == "bearer" else ""


def _decoded(header: str) -> str:
    """Return a header's text: WSGI decodes it as Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


_STORE_TROUBLES = {"unavailable": Code.STORE_UNREACHABLE, Code.STORE_VANISHED: Code.STORE_VANISHED}
_STATUS_WORDS = {401: "unauthorized", 403: "forbidden", 503: "unavailable"}


def refused(status: int, reason: str, cause: str = "") -> Response:
    """Return the answer to a refused request: JSON for programs, a page for people.

    Args:
        status: the HTTP status.
        reason: the code of a sentence.
        cause: why the store cannot be used; the answer leaves out the file and the command, as it needs no login.

    """
    if is_for_machines(request.path):
        response = jsonify(status=_STATUS_WORDS[status])
    else:
        title, sentence = ACCESS["refused_title"], ACCESS.get(reason) or TOKEN_KEY.get(reason, "")
        if code := _STORE_TROUBLES.get(reason):
            texts = words(Trouble(code, Severity.ALARM, cause=cause))
            title, sentence = texts.title, texts.cure
        response = Response(render_template("refused.html", title=title, sentence=sentence, texts=ACCESS))
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="rdv-receiver"'
    return response


def _to_login() -> ResponseReturnValue:
    wanted = request.full_path.rstrip("?") if request.method in _SAFE_METHODS else None
    return redirect(url_for("session.login", next=wanted), 303)
