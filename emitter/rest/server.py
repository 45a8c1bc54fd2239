"""The API over HTTP, as the platform's Rails application speaks it."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from emitter.rest.accounts import Account
from emitter.rest.platform import Endpoint, RestPlatform

Json = dict[str, Any]
Query = dict[str, list[str]]
PER_PAGE = 100
NO_ROUTE = b"<!DOCTYPE html><html><body>The page you were looking for doesn't exist.</body></html>"


class HttpError(Exception):
    """An answer that is none of the good ones."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


FORBIDDEN = HttpError(403, {"errors": [{"base": "forbidden"}], "error_messages": ["default"]})


class RestServer:
    """Serves a platform on a free port of this machine, until the block ends."""

    def __init__(self, platform: RestPlatform, certificate: Path | None = None, key: Path | None = None) -> None:
        self.platform = platform
        self._server = _Server(platform)
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{self._scheme}://localhost:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path, with its query, of each request so far."""
        return self._server.requests

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.platform.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, platform: RestPlatform) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.platform = platform
        self.requests: list[tuple[str, str]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close the connection or do not trust the certificate."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.requests.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.platform.next_fault(self.path)
        if fault is not None:
            wait = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
            self._send(fault.status, fault.body, wait)
            return
        try:
            status, answer, headers = self._dispatch(json.loads(body) if body else {})
        except HttpError as error:
            status, answer, headers = error.status, error.body, {}
        if answer is None:
            self._send(status, NO_ROUTE, {"Content-Type": "text/html"})
        else:
            self._send(status, json.dumps(answer).encode(), headers)

    def _dispatch(self, body: Json) -> tuple[int, Json | None, dict[str, str]]:
        platform, parts = self.server.platform, urlsplit(self.path)
        if (self.command, parts.path) == ("POST", "/api/v1/auth/sign_in"):
            token = platform.accounts.sign_in(str(body.get("email", "")), str(body.get("password", "")))
            return (200, {"data": {"id": 1}}, token) if token else (401, {"success": False, "errors": []}, {})
        for method, pattern, route in ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if method == self.command and found:
                account = platform.accounts.of({name.lower(): value for name, value in self.headers.items()})
                if account is None:
                    return 401, {"errors": ["Vous devez vous connecter."]}, {}
                answer = route(platform, account, tuple(map(int, found.groups())), parse_qs(parts.query), body)
                return 200, answer, platform.accounts.renew(account) if platform.renews_tokens else {}
        return 404, None, {}

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json; charset=utf-8"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


def _page(name: str, rows: Sequence[Any], show: Callable[[Any], Json], query: Query) -> Json:
    number = int(query.get("page", ["1"])[0])
    pages = -(-len(rows) // PER_PAGE)
    shown = rows[(number - 1) * PER_PAGE : number * PER_PAGE]
    meta = {
        "current_page": number,
        "next_page": number + 1 if number < pages else None,
        "prev_page": number - 1 if number > 1 else None,
        "total_pages": pages,
        "total_count": len(rows),
    }
    return {name: [show(row) for row in shown], "meta": meta}


def _organisations(platform: RestPlatform, account: Account, _ids: tuple[int, ...], query: Query, _body: Json) -> Json:
    mine = [platform.organisations[ident] for ident in sorted(account.organisations)]
    return _page(
        "organisations", mine, lambda each: {"id": each.id, "name": each.name, "phone_number": each.phone_number}, query
    )


def _rdvs(platform: RestPlatform, account: Account, ids: tuple[int, ...], query: Query, _body: Json) -> Json:
    inside = [*ids, *map(int, query.get("organisation_id", []))]
    asked = [int(each) for each in [*query.get("id[]", []), *query.get("id", [])]] or None
    rows = platform.rdvs(account, inside[0] if inside else None, asked)
    return _page("rdvs", rows, platform.data, query)


def _absences(platform: RestPlatform, account: Account, _ids: tuple[int, ...], query: Query, _body: Json) -> Json:
    return _page("absences", platform.absences(account), platform.data, query)


def _absence(platform: RestPlatform, account: Account, ids: tuple[int, ...], _query: Query, _body: Json) -> Json:
    found = platform.absence(ids[0])
    if found is None:
        raise HttpError(404, {"not_found": "absence"})
    if not platform.manages(account, found):
        raise FORBIDDEN
    return {"absence": platform.data(found)}


def _endpoints(platform: RestPlatform, account: Account, ids: tuple[int, ...], query: Query, _body: Json) -> Json:
    mine = [each for each in platform.endpoints.values() if each.organisation in account.organisations & set(ids)]
    return _page("webhook_endpoints", sorted(mine, key=lambda each: each.id), _endpoint_data, query)


def _create(platform: RestPlatform, account: Account, ids: tuple[int, ...], _query: Query, body: Json) -> Json:
    _authorize(account, ids[0])
    secret, subscriptions = str(body.get("secret", "")), list(body.get("subscriptions", []))
    try:
        endpoint = platform.create_endpoint(ids[0], str(body.get("target_url", "")), secret, subscriptions)
    except ValueError as error:
        raise HttpError(422, {"errors": {str(error): [{"error": "invalid"}]}}) from None
    return {"webhook_endpoint": _endpoint_data(endpoint)}


def _change(platform: RestPlatform, account: Account, ids: tuple[int, ...], _query: Query, body: Json) -> Json:
    known = platform.endpoints.get(ids[1])
    if known is None or known.organisation not in account.organisations:
        raise HttpError(404, {"errors": ["Couldn't find WebhookEndpoint"]})
    _authorize(account, known.organisation)
    changes = {name: body[name] for name in ("target_url", "secret", "subscriptions") if name in body}
    return {"webhook_endpoint": _endpoint_data(platform.change_endpoint(ids[1], **changes))}


def _authorize(account: Account, organisation: int) -> None:
    if not account.territory_admin or organisation not in account.organisations:
        raise FORBIDDEN


def _endpoint_data(endpoint: Endpoint) -> Json:
    return {
        "id": endpoint.id,
        "target_url": endpoint.target_url,
        "organisation_id": endpoint.organisation,
        "subscriptions": list(endpoint.subscriptions),
    }


Route = Callable[[RestPlatform, Account, tuple[int, ...], Query, Json], Json]
ROUTES: list[tuple[str, str, Route]] = [
    ("GET", r"/api/v1/organisations", _organisations),
    ("GET", r"/api/v1/organisations/(\d+)/webhook_endpoints", _endpoints),
    ("POST", r"/api/v1/organisations/(\d+)/webhook_endpoints", _create),
    ("PATCH", r"/api/v1/organisations/(\d+)/webhook_endpoints/(\d+)", _change),
    ("GET", r"/api/v1/organisations/(\d+)/rdvs", _rdvs),
    ("GET", r"/api/v1/rdvs", _rdvs),
    ("GET", r"/api/v1/absences", _absences),
    ("GET", r"/api/v1/absences/(\d+)", _absence),
]
"""Method, path, and what answers."""
