"""What is wrong between us and a server, told apart without a word of ours."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.base import Certificate
from connectors.ews.certificate import check
from mock_exchange import MockExchange
from tests.connectors.ews import MAILBOX

AUTHORITY = trustme.CA(organization_name="Departement", organization_unit_name="Racine")


@contextmanager
def server(folder: Path, name: str = "localhost", **options: Any) -> Iterator[MockExchange]:
    issued = AUTHORITY.issue_cert(name, **options)
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    with MockExchange([MAILBOX], tls=(certificate, key)) as running:
        yield running
        assert running.requests == []  # no credential and no data


def ca_file(folder: Path, authority: trustme.CA = AUTHORITY) -> Path:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def told(shown: Certificate | None) -> Certificate:
    assert shown is not None
    return shown


def test_a_trusted_certificate_is_described(tmp_path: Path) -> None:
    with server(tmp_path) as running:
        shown = told(check(running.url, ca_file(tmp_path)))
    assert (shown.code, shown.names) == (None, ("localhost",))
    assert "Racine" in shown.issuer
    assert shown.expires_at is not None
    assert shown.expires_at > datetime.now(UTC)


def test_another_authority_is_named(tmp_path: Path) -> None:
    with server(tmp_path) as running:
        shown = told(check(running.url, ca_file(tmp_path, trustme.CA())))
        public = told(check(running.url, None))
    assert (shown.code, public.code) == ("tls_untrusted", "tls_untrusted")
    assert "Racine" in shown.issuer


def test_a_certificate_for_another_host_tells_its_names(tmp_path: Path) -> None:
    with server(tmp_path, "mail.departement.example") as running:
        shown = told(check(running.url, ca_file(tmp_path)))
    assert (shown.code, shown.names) == ("tls_name_mismatch", ("mail.departement.example",))


def test_an_expired_certificate_tells_since_when(tmp_path: Path) -> None:
    ended = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    with server(tmp_path, not_before=ended - timedelta(days=90), not_after=ended) as running:
        shown = told(check(running.url, ca_file(tmp_path)))
    assert (shown.code, shown.expires_at) == ("tls_expired", ended)


def test_a_certificate_that_signs_itself(tmp_path: Path) -> None:
    alone = trustme.CA()
    certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
    alone.cert_pem.write_to_path(str(certificate))
    alone.private_key_pem.write_to_path(str(key))
    with MockExchange([MAILBOX], tls=(certificate, key)) as running:
        shown = told(check(running.url, ca_file(tmp_path)))
    assert shown.code == "tls_self_signed"


def test_a_port_without_tls(tmp_path: Path) -> None:
    with MockExchange([MAILBOX]) as running:
        shown = told(check(running.url.replace("http://", "https://"), ca_file(tmp_path)))
        assert check(running.url, None) is None
    assert shown.code == "tls_absent"


def test_a_port_that_hangs_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def hang_up() -> None:
            for _ in range(3):
                listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        shown = told(check(f"https://127.0.0.1:{listener.getsockname()[1]}/EWS/Exchange.asmx", ca_file(tmp_path)))
        thread.join()
    assert shown.code == "tls_absent"


def test_a_closed_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert told(check(f"https://127.0.0.1:{port}/", ca_file(tmp_path))).code == "port_closed"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid"])
def test_an_unknown_host(host: str, tmp_path: Path) -> None:
    assert told(check(f"https://{host}/", ca_file(tmp_path))).code == "host_unknown"


def test_an_authority_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert told(check("https://localhost:1/", tmp_path / "pipe")).code == "tls_ca_file_unreadable"


def test_an_authority_file_that_is_gone(tmp_path: Path) -> None:
    assert told(check("https://localhost:1/", tmp_path / "none.pem")).code == "tls_ca_file_unreadable"
