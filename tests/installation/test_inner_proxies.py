"""nginx and Caddy as we ship them for the inside: the pages over TLS, for whom they are meant, and nothing else."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from demo import configuration, processes
from demo.processes import free_port
from receiver.config import load
from receiver.core.roles import Role
from receiver.operations.access.tokens import Tokens
from receiver.store import Store
from tests.installation.proxies import INNER_HOST, Place, Proxy, running, substituted
from tests.installation.test_reverse_proxies import (
    KEYS,
    Answer,
    Listener,
    command,
    exchange,
    listener,  # noqa: F401  # a fixture
)
from tests.web.receiver_client import hex_signature

NAMES = ["nginx", "caddy"]
LIES = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: http", "X-Remote-User: admin", "Forwarded: for=6.6.6.6")


class Inside(NamedTuple):
    """A receiver behind a proxy, and a token for it."""

    proxy: Proxy
    token: str


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A receiver's port, and a token. It would believe what a proxy on this machine says of people."""
    folder, port = tmp_path_factory.mktemp("receiver"), free_port()
    config = configuration.write(folder, "https://mail.departement.example/EWS/Exchange.asmx", port)
    pages = "  pages: true\n  proxy: {address: 127.0.0.1, role: operate}\n"
    config.write_text(f"{config.read_text()}{pages}dry_run: true\n")
    with processes.receiver(config, port, KEYS, folder / "log"):
        store = Store(f"sqlite:///{folder}/store.db")
        text, _ = Tokens.of(load(config, KEYS.environment), store).issue(Role.READ, timedelta(days=1), "", store.now())
        store.close()
        yield port, text


@contextmanager
def inner(name: str, folder: Path, behind: int, inside: str = "127.0.0.0/8") -> Iterator[Proxy]:
    """Run a proxy; yield its side for the inside."""
    port = free_port()
    place = Place(folder, free_port(), behind, port)
    ca_file = place.certificate()
    with running(command(name, place, inside=inside), place, ca_file) as up:
        yield Proxy(port, ca_file, up.log)


@pytest.fixture(scope="module", params=NAMES)
def place(
    request: pytest.FixtureRequest, receiver: tuple[int, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Inside]:
    port, token = receiver
    with inner(request.param, tmp_path_factory.mktemp(request.param), port) as up:
        yield Inside(up, token)


def sent(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {INNER_HOST}", "Connection: close", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def asked(proxy: Proxy, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
    return exchange(proxy, sent(path, *headers, method=method, body=body), host=INNER_HOST)


def login(place: Inside) -> Answer:
    form = "Content-Type: application/x-www-form-urlencoded"
    body = urlencode({"token": place.token}).encode()
    return asked(place.proxy, "/status/login", form, "Sec-Fetch-Site: same-origin", method="POST", body=body)


def test_a_token_opens_the_pages_over_tls(place: Inside) -> None:
    """The receiver sees plain HTTP from the proxy, and must know that the browser speaks TLS."""
    assert b'name="token"' in asked(place.proxy, "/status/login").body
    answer = login(place)
    assert answer.status == 303
    assert re.search(r"(?im)^strict-transport-security: max-age=", answer.headers)
    cookie = re.search(r"(?im)^set-cookie: (__Host-rdv_receiver=[^;]+); .*secure", answer.headers)
    assert cookie
    assert asked(place.proxy, "/status", f"Cookie: {cookie[1]}").status == 200


def test_programs_bring_their_token_through_it(place: Inside) -> None:
    assert asked(place.proxy, "/api/v1/overview", f"Authorization: Bearer {place.token}").status == 200
    assert asked(place.proxy, "/api/v1/overview").status == 401


@pytest.mark.threat(id="proxy-header")
def test_nobody_can_give_himself_a_name(place: Inside) -> None:
    """The receiver trusts this very proxy."""
    answer = asked(place.proxy, "/status", *LIES)
    assert (answer.status, b"admin" in answer.body) == (303, False)


@pytest.mark.parametrize("path", ["/webhooks/mds", "/", "/healthz", "/statusx", "/api/v2/status"])
def test_nothing_else_is_there(place: Inside, path: str) -> None:
    body = b"{}"
    signature = f"X-Lapin-Signature: {hex_signature(body, KEYS.webhook)}"
    for method in ("GET", "POST"):
        answer = asked(place.proxy, path, signature, "Content-Type: application/json", method=method, body=body)
        assert answer.status == 404


@pytest.mark.parametrize("name", NAMES)
def test_others_are_not_let_in(name: str, receiver: tuple[int, str], tmp_path: Path) -> None:
    port, token = receiver
    with inner(name, tmp_path, port, inside="192.0.2.0/24") as proxy:
        answer = asked(proxy, "/api/v1/overview", f"Authorization: Bearer {token}", *LIES)
    assert answer.status in {403, 404}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_client_says_of_itself_does_not_reach_the_receiver(
    name: str,
    listener: Listener,  # noqa: F811  # the fixture
    tmp_path: Path,
) -> None:
    with inner(name, tmp_path, listener.port) as proxy:
        assert asked(proxy, "/status/login", *LIES, method="POST", body=b"token=x").status == 202
    head = listener.request.result(20).partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    headers = head.split("\r\n")[1:]
    told = [line for line in headers if line.startswith(("x-forwarded-for", "x-forwarded-proto"))]
    assert sorted(told) == ["x-forwarded-for: 127.0.0.1", "x-forwarded-proto: https"]
    assert not [line for line in headers if line.startswith(("x-remote-user", "forwarded:"))]


GUIDE = Path(__file__).parents[2] / "docs/fr/acces.md"
PORTAL = "https://portail.departement.example/"


class Portal(BaseHTTPRequestHandler):
    """Knows one person, by a cookie."""

    def do_GET(self) -> None:
        known = self.headers.get("Cookie", "") == "portail=paul"
        self.send_response(200 if known else 401)
        self.send_header(*(("Remote-User", "paul.martin") if known else ("Location", PORTAL)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def portal() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextmanager
def behind_portal(folder: Path, behind: int, portal: int) -> Iterator[Proxy]:
    """Run nginx as the guide says to put it behind a portal."""
    place = Place(folder, free_port(), behind, free_port())
    ca_file = place.certificate()
    words = command("nginx", place)
    block = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[0]
    path = folder / "interne.conf"
    changes = {'    proxy_set_header X-Remote-User "";\n': block.replace("127.0.0.1:9091", f"127.0.0.1:{portal}")}
    text = substituted(path.read_text("utf-8"), changes)
    text, count = re.subn(r"(location (?:/api/v1/|= /metrics|= /readyz) +\{)", r"\1 auth_request off;", text)
    assert count == 3
    path.write_text(text, "utf-8")
    with running(words, place, ca_file) as up:
        yield Proxy(int(place.inner_port or 0), ca_file, up.log)


def test_a_portal_names_the_person_as_the_guide_says(receiver: tuple[int, str], portal: int, tmp_path: Path) -> None:
    port, token = receiver
    with behind_portal(tmp_path, port, portal) as proxy:
        known = asked(proxy, "/status", "Cookie: portail=paul", *LIES)
        assert (known.status, b"paul.martin" in known.body, b"admin" in known.body) == (200, True, False)
        stranger = asked(proxy, "/status", *LIES)
        assert (stranger.status, f"location: {PORTAL}" in stranger.headers.lower()) == (302, True)
        assert asked(proxy, "/api/v1/overview", f"Authorization: Bearer {token}").status == 200
        assert asked(proxy, "/api/v1/overview", "Cookie: portail=paul").status == 401


@pytest.mark.parametrize("name", NAMES)
def test_a_tokens_text_stands_in_no_log_of_the_proxy(name: str, receiver: tuple[int, str], tmp_path: Path) -> None:
    port, token = receiver
    with inner(name, tmp_path, port) as proxy:
        assert login(Inside(proxy, token)).status == 303
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token.encode() not in written
