"""`rdv-receiver check` against what an administrator meets: one clear French sentence each, and exit status 1."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from demo import configuration
from demo.processes import ACCOUNT
from mock_exchange import MockExchange
from tests.lab.running_receiver import KARIM, KEYS, MARTINE, RunningReceiver

Sentence = str


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path]:
    """The server's chain and key in one file, and its authority."""
    authority = trustme.CA()
    server, ca_file = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(ca_file))
    return server, ca_file


def exchange(server: Path, impersonated: list[str] | None = None) -> MockExchange:
    return MockExchange(
        [MARTINE, KARIM],
        auth="ntlm",
        users={ACCOUNT: KEYS.exchange},
        impersonators={ACCOUNT: impersonated},
        tls=(server, server),
    )


def receiver(folder: Path, mock: MockExchange, ca_file: Path, edit: Callable[[str], str] = str) -> RunningReceiver:
    config = configuration.write(folder, mock.url, 1, timeout_s=5)
    text = config.read_text("utf-8").replace("    kind: ews\n", f"    kind: ews\n    ca_file: {ca_file}\n")
    config.write_text(edit(text), "utf-8")
    there = RunningReceiver(folder, mock, 1, config)
    assert there.command("migrate").returncode == 0
    return there


def findings(there: RunningReceiver, *mailboxes: str) -> tuple[int, list[dict[str, object]], Sentence]:
    """Exit status, what JSON says, and what people read."""
    asked = [word for mailbox in mailboxes for word in ("--mailbox", mailbox)]
    machine = there.command("check", *asked, "--json")
    people = there.command("check", *asked)
    assert machine.returncode == people.returncode
    assert people.stderr == ""
    return people.returncode, json.loads(machine.stdout)["findings"], people.stdout


def troubles(found: list[dict[str, object]]) -> list[object]:
    return [finding["code"] for finding in found if finding["level"] == "trouble"]


def test_all_is_well(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, ca_file = certificates
    with exchange(server) as mock:
        status, found, text = findings(receiver(tmp_path, mock, ca_file), MARTINE, KARIM)
    assert (status, troubles(found)) == (0, [])
    assert MARTINE in text


def test_a_stopped_server(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, ca_file = certificates
    with exchange(server) as mock:
        there = receiver(tmp_path, mock, ca_file)
        mock.stop()
        status, found, text = findings(there, MARTINE, KARIM)
        mock.start()
    assert (status, troubles(found)) == (1, ["connection_failed"]), "once for the server, not for each mailbox"
    assert "ne répond" in text or "connexion" in text.lower()


def test_a_wrong_password(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, ca_file = certificates
    with exchange(server) as mock:
        (tmp_path / "password").write_text("something else", "utf-8")
        (tmp_path / "password").chmod(0o600)
        wrong = receiver(
            tmp_path, mock, ca_file, lambda text: text.replace("{env: RDV_EXCHANGE_PASSWORD}", "{file: password}")
        )
        status, found, text = findings(wrong, MARTINE, KARIM)
    assert (status, troubles(found)) == (1, ["unauthorized"])
    assert "mot de passe" in text


def test_an_authority_that_is_not_the_servers(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, _ = certificates
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with exchange(server) as mock:
        status, found, text = findings(receiver(tmp_path, mock, other), MARTINE, KARIM)
    assert (status, troubles(found)) == (1, ["tls_failed"])
    assert "certificat" in text.lower()


def test_a_mailbox_that_may_not_be_impersonated(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, ca_file = certificates
    with exchange(server, impersonated=[MARTINE]) as mock:
        status, found, text = findings(receiver(tmp_path, mock, ca_file), MARTINE, KARIM)
    assert (status, troubles(found)) == (1, ["impersonation_denied"])
    assert KARIM in text
    assert "ApplicationImpersonation" in text


def test_a_mailbox_that_does_not_exist(tmp_path: Path, certificates: tuple[Path, Path]) -> None:
    server, ca_file = certificates
    with exchange(server) as mock:
        status, found, _ = findings(receiver(tmp_path, mock, ca_file), "nobody@departement.example")
    assert (status, troubles(found)) == (1, ["mailbox_not_found"])


def test_a_wrong_configuration_is_told_whole_with_status_2(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("store: {}\nsurces: {}\nweb: {listen: nowhere}\n", "utf-8")
    there = RunningReceiver(tmp_path, MockExchange(), 1, config)
    told = there.command("check")
    assert told.returncode == 2
    assert "store.url" in told.stderr
    assert "sources" in told.stderr, "the key that was meant"
    assert "web.listen" in told.stderr
