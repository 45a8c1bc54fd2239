"""nginx and Caddy as we ship them, in front of the real receiver, over TLS."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from demo import configuration, processes
from demo.processes import Secrets, free_port
from emitter.platforms import Platform, signer
from emitter.scenarios import build
from receiver.web.bodies import MAX_BODY_BYTES
from tests.installation.proxies import HOST, INNER_HOST, Place, Proxy, caddy_file, nginx_files, running
from tests.requirements import require

KEYS = Secrets(webhook="un secret assez long", exchange="unused")
MEBIBYTE = 1 << 20


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: str


@pytest.fixture(scope="module")
def receiver_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("receiver"), free_port()
    config = configuration.write(folder, "https://mail.departement.example/EWS/Exchange.asmx", port)
    # With pages, so that it is the proxy that does not publish them.
    config.write_text(config.read_text().replace("web:\n", "web:\n  pages: true\n", 1) + "dry_run: true\n")
    with processes.receiver(config, port, KEYS, folder / "log"):
        yield port


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, receiver_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    place = Place(tmp_path_factory.mktemp(request.param), free_port(), receiver_port)
    ca_file = place.certificate()
    with running(command(request.param, place), place, ca_file) as up:
        yield up


def command(name: str, place: Place, emitters: str = "", inside: str = "127.0.0.0/8") -> list[str]:
    program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    require(program, f"{name} is not installed")
    if name == "caddy":
        files = caddy_file(place, emitters, inside)
        return [str(program), "run", "--adapter", "caddyfile", "--config", str(files)]
    return [str(program), "-c", str(nginx_files(place, emitters, inside))]


def exchange(proxy: Proxy, request: bytes, patience_s: float = 20, host: str = HOST) -> Answer:
    """Send raw bytes over verified TLS and read until the end."""
    context = ssl.create_default_context(cafile=str(proxy.ca_file))
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=patience_s) as plain,
        context.wrap_socket(plain, server_hostname=host) as stream,
    ):
        with suppress(OSError):  # it may answer before it has read everything
            stream.sendall(request)
        received = b""
        with suppress(ConnectionError, TimeoutError, ssl.SSLError):
            while block := stream.recv(65536):
                received += block
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]) if head else 0, body, head.decode("latin-1"))


def request(body: bytes, *more: str, path: str = "/webhooks/mds", method: str = "POST", signed: bool = True) -> bytes:
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    headers = signer(Platform.RDV_SERVICE_PUBLIC, KEYS.webhook)(body) if signed else json_type
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, *more, "", ""]).encode() + body


def a_webhook() -> bytes:
    return build("working_day", datetime.now(UTC)).steps[0].delivery.body


def test_a_signed_webhook_arrives_byte_for_byte(proxy: Proxy) -> None:
    """The signature holds only if not one byte of the body was touched: spaces, accents and escapes included."""
    body = a_webhook().replace(b'{"', b'{ \t"', 1) + b"\n  "
    answer = exchange(proxy, request(body))
    assert (answer.status, json.loads(answer.body)["status"]) == (202, "accepted")


def test_a_chunked_body_arrives_whole(proxy: Proxy) -> None:
    body = a_webhook() + b" "
    sent = request(body, "Transfer-Encoding: chunked").replace(f"Content-Length: {len(body)}\r\n".encode(), b"")
    head, _, _ = sent.partition(b"\r\n\r\n")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:700], body[700:]))
    assert exchange(proxy, head + b"\r\n\r\n" + chunks + b"0\r\n\r\n").status == 202


def test_a_wrong_signature_is_refused_by_the_receiver_itself(proxy: Proxy) -> None:
    answer = exchange(proxy, request(a_webhook(), "X-Lapin-Signature: 00", signed=False))
    assert (answer.status, json.loads(answer.body)["status"]) == (401, "unauthorized")


def test_more_than_the_receiver_takes_is_refused(proxy: Proxy) -> None:
    answer = exchange(proxy, request(b" " * (MAX_BODY_BYTES + MEBIBYTE)))
    assert answer.status == 413
    assert b"<html" not in answer.body.lower()


def test_a_body_as_long_as_it_may_be_passes_to_the_receiver(proxy: Proxy) -> None:
    """The limit is the receiver's own: the proxy takes nothing away that it would accept."""
    answer = exchange(proxy, request(b'{"data": {}, "meta": {}}'.ljust(MAX_BODY_BYTES)))
    assert answer.status == 422


PRIVATE = ["/status", "/status/", "/status/login", "/status/static/pages.css", "/api/v1/status", "/metrics", "/readyz"]


@pytest.mark.parametrize("path", ["/", *PRIVATE, "/webhooks", "/healthz/"])
def test_nothing_else_is_published(proxy: Proxy, path: str) -> None:
    answer = exchange(proxy, request(b"", path=path, method="GET", signed=False))
    assert answer.status in {301, 404}
    assert b"<html" not in answer.body.lower() or answer.status == 301


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("host", [INNER_HOST, "localhost", "127.0.0.1"])
def test_no_name_of_the_inside_opens_it_from_the_outside(proxy: Proxy, path: str, host: str) -> None:
    sent = request(b"", path=path, method="GET", signed=False).replace(HOST.encode(), host.encode())
    answer = exchange(proxy, sent)
    assert answer.status in {404, 421} or not answer.body  # Caddy says nothing to whom it does not know
    assert b"Content-Security-Policy" not in answer.headers.encode()


def test_the_pages_cannot_be_reached_through_a_webhooks_path(proxy: Proxy) -> None:
    for path in ("/webhooks/../status/login", "/webhooks/..%2fstatus/login", "/webhooks/%2e%2e/status/login"):
        answer = exchange(proxy, request(b"", path=path, method="GET", signed=False))
        assert answer.status in {400, 403, 404, 405}
        assert b"<form" not in answer.body


@pytest.mark.threat(id="path-confusion")
@pytest.mark.parametrize(
    "path", ["/webhooks/../readyz", "/webhooks/%2e%2e/readyz", "//readyz", "/webhooks/..%2freadyz"]
)
def test_no_path_leads_around_that(proxy: Proxy, path: str) -> None:
    answer = exchange(proxy, request(b"", path=path, method="GET", signed=False))
    assert answer.status in {400, 403, 404, 405}
    assert b"worker" not in answer.body


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "SCRIPT-NAME", "PATH_INFO", "X-Forwarded-Prefix", "X-Script-Name"])
@pytest.mark.parametrize("path", ["/readyz", "/status/login"])
def test_no_header_makes_another_path_of_a_published_one(proxy: Proxy, path: str, name: str) -> None:
    """A WSGI server may let a proxy on its own machine say where the program is mounted: /webhooks/readyz, /readyz."""
    value = path if name == "PATH_INFO" else "/webhooks"
    sent = request(b"", f"{name}: {value}", path=f"/webhooks{path}", method="GET", signed=False)
    answer = exchange(proxy, sent)
    assert answer.status in {400, 404, 405}
    assert b"worker" not in answer.body
    assert b"<form" not in answer.body


def test_the_health_of_the_web_is_published(proxy: Proxy) -> None:
    assert exchange(proxy, request(b"", path="/healthz", method="GET", signed=False)).status == 200


@pytest.mark.threat(id="request-smuggling")
def test_two_lengths_or_a_length_and_chunks_never_make_two_requests(proxy: Proxy) -> None:
    """Request smuggling: what the proxy takes for a body must not be a request to the receiver."""
    hidden = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    for head in (
        f"Content-Length: {len(hidden)}\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nContent-Length: 4",
    ):
        sent = (
            f"POST /webhooks/mds HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{head}\r\n\r\n".encode()
            + b"0\r\n\r\n"
            + hidden
        )
        answer = exchange(proxy, sent)
        assert answer.status in {400, 401, 413, 415}
        assert answer.body.count(b"HTTP/1.1 ") == 0
        assert b"store" not in answer.body


def test_plain_http_on_the_port_is_refused(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 400 " in plain.recv(65536).partition(b"\r\n")[0]


def test_old_tls_is_refused(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as stream,
    ):
        assert stream.version() in {"TLSv1.2", "TLSv1.3"}
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert b"Cipher is (NONE)" in done.stdout


@pytest.fixture
def listener() -> Iterator["Listener"]:
    """A server behind the proxy that keeps the one request it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        server.settimeout(20)
        yield Listener(server.getsockname()[1], pool.submit(heard, server))


class Listener(NamedTuple):
    port: int
    request: "Future[bytes]"


def heard(server: socket.socket) -> bytes:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(20)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
        while len(body) < length:
            body += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_what_a_client_says_of_itself_does_not_reach_the_receiver(
    name: str, listener: Listener, tmp_path: Path
) -> None:
    """Else anybody could be any address, or any person (`web.proxy`)."""
    place = Place(tmp_path, free_port(), listener.port)
    lies = ("X-Forwarded-For: 6.6.6.6", "X-Remote-User: admin", "Forwarded: for=6.6.6.6", "X-Forwarded-Proto: gopher")
    body = bytes(range(256)) * 40
    ca_file = place.certificate()
    with running(command(name, place), place, ca_file) as up:
        assert exchange(up, request(body, *lies)).status == 202
    head, _, arrived = listener.request.result(20).partition(b"\r\n\r\n")
    assert arrived == body
    headers = [line.lower() for line in head.decode("latin-1").split("\r\n")[1:]]
    assert [line for line in headers if line.startswith("x-forwarded-for")] == ["x-forwarded-for: 127.0.0.1"]
    assert [line for line in headers if line.startswith("x-forwarded-proto")] == ["x-forwarded-proto: https"]
    assert not [line for line in headers if line.startswith(("x-remote-user", "forwarded:"))]


@pytest.mark.parametrize(
    ("name", "rule", "status"),
    [
        ("nginx", "allow 127.0.0.0/8;\ndeny all;\n", 401),
        ("nginx", "allow 192.0.2.0/24;\ndeny all;\n", 403),
        ("caddy", "127.0.0.0/8", 401),
        ("caddy", "192.0.2.0/24", 403),
    ],
)
def test_the_emitters_addresses_can_be_the_only_ones(
    name: str, rule: str, status: int, receiver_port: int, tmp_path: Path
) -> None:
    place = Place(tmp_path, free_port(), receiver_port)
    ca_file = place.certificate()
    with running(command(name, place, rule), place, ca_file) as up:
        answer = exchange(up, request(b"{}", "X-Lapin-Signature: 00", signed=False))
        assert answer.status == status
        assert b"<html" not in answer.body.lower()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_receiver_that_is_down_is_said_in_json(name: str, tmp_path: Path) -> None:
    """The emitter takes a page for a firewall's; it keeps what gets 502 and sends it again."""
    place = Place(tmp_path, free_port(), free_port())
    ca_file = place.certificate()
    with running(command(name, place), place, ca_file) as up:
        answer = exchange(up, request(b"{}"))
    assert (answer.status, json.loads(answer.body)) == (502, {"status": "refused"})


def test_a_client_that_says_nothing_is_let_go(proxy: Proxy) -> None:
    """A held place costs the sender nothing; the proxy has not many."""
    assert exchange(proxy, b"POST /webhooks/mds HTTP/1.1\r\n").status in {0, 400, 408}


def test_a_body_that_stops_halfway_is_never_said_to_be_received(proxy: Proxy) -> None:
    """The emitter would take the webhook for delivered. nginx lets go; Caddy waits for the client to."""
    whole = request(b"{}").replace(b"Content-Length: 2", b"Content-Length: 100")
    assert exchange(proxy, whole, patience_s=8).status in {0, 400, 408}
