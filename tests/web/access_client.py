"""An application with pages, two small guarded views of each kind, and the means to forge tokens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from receiver.config import ProxySettings, WebSettings
from receiver.core.roles import Role
from receiver.operations.access.tokens import Tokens
from receiver.store import Store
from receiver.store.tools.tokens import TokenRecord
from receiver.web.app import create_app
from receiver.web.auth.access import Access
from tests.makers import NOW
from tests.web.receiver_client import SOURCES, TOKEN_KEY, settings_of

HTTPS = {"base_url": "https://rdv.departement.example"}
NEAR = {"environ_base": {"REMOTE_ADDR": "127.0.0.1"}}
PAGE, ACTION = "/status/probe", "/status/probe/act"
API, API_ACTION, METRICS = "/api/v1/probe", "/api/v1/probe/act", "/metrics/probe"


@dataclass
class AccessHarness:
    """Somebody before the pages, with a browser that keeps cookies."""

    store: Store
    proxy: ProxySettings | None = None
    now: datetime = NOW
    app: Flask = field(init=False)
    browser: Client = field(init=False)
    tokens: Tokens = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        web = WebSettings(pages=True, proxy=self.proxy, token_key=TOKEN_KEY)
        settings = settings_of(*SOURCES).replace(web=web)
        self.app = create_app(settings, self.store, lambda: self.now, flush_after_s=None)
        self.access = Access(self.app.extensions["receiver"])
        self.tokens = Tokens.of(settings, self.store)
        self._add_views()
        self.browser = self.app.test_client()

    def _add_views(self) -> None:
        @self.access.guard(Role.READ)
        def look() -> str:
            visitor = self.access.visitor()
            assert visitor is not None
            return f"{visitor.name} {visitor.role} {self.access.csrf_field(visitor)}"

        @self.access.guard(Role.OPERATE)
        def act() -> str:
            return "done"

        for path in (PAGE, API, METRICS):
            self.app.add_url_rule(path, f"look {path}", look)
        for path in (ACTION, API_ACTION):
            self.app.add_url_rule(path, f"act {path}", act, methods=["POST"])

    def issue(self, role: Role = Role.READ, days: float = 30, label: str = "") -> tuple[str, TokenRecord]:
        return self.tokens.issue(role, timedelta(days=days), label, self.now)

    def login(self, text: str, **more: Any) -> TestResponse:
        form = {"token": text} | more.pop("form", {})
        return self.browser.post("/status/login", data=form, **(HTTPS | more))

    def get(self, path: str = PAGE, **more: Any) -> TestResponse:
        return self.browser.get(path, **(HTTPS | more))

    def act(self, word: str | None, path: str = ACTION, **more: Any) -> TestResponse:
        return self.browser.post(path, data={} if word is None else {"csrf": word}, **(HTTPS | more))

    def api(self, text: str, path: str = API, method: str = "GET", scheme: str = "Bearer") -> TestResponse:
        stranger = self.app.test_client()
        return stranger.open(path, method=method, headers={"Authorization": f"{scheme} {text}"}, **HTTPS)

    def word(self) -> str:
        """The CSRF word of whoever the browser is let in as."""
        return self.get().text.split()[-1]
