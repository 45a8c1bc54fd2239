"""The network beneath: who is trusted, who we are, how many connections there are, and what never left."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from connectors.base import Create, Failed, Outcome, Scope, Temporary, Unconfirmed
from connectors.ews import EwsConnector, EwsSettings, transport
from mock_exchange import Fault, FaultKind, MockExchange
from tests.connectors.conformance import entry
from tests.connectors.ews import ACCOUNT, MAILBOX, OTHER, connected, done, exchange_for, settings_for, verbs
from tests.connectors.listener import listener
from tests.lab.waiting import wait_until


def create(connector: EwsConnector, uid: str = "a", mailbox: str = MAILBOX) -> Outcome:
    return connector.apply(mailbox, [Create(entry(uid))])[0]


def check_not_done(outcome: Outcome, code: str) -> None:
    assert isinstance(outcome, Failed), outcome
    assert isinstance(outcome.error, Temporary)
    assert (outcome.error.code, outcome.error.scope) == (code, Scope.SERVER)
    assert outcome.error.__context__ is None


# TLS


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and certificates of servers."""

    ca_file: Path
    folder: Path
    authority: trustme.CA

    def server(self, name: str) -> tuple[Path, Path]:
        issued = self.authority.issue_cert(name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key


def new_authority(folder: Path) -> Authority:
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return Authority(folder / "ca.pem", folder, authority)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    folder = tmp_path_factory.mktemp("authorities")
    return new_authority(folder / "one"), new_authority(folder / "two")


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_server_of_the_configured_authority_is_trusted(authorities: tuple[Authority, Authority], auth: str) -> None:
    """With NTLM over TLS the handshake is bound to the certificate."""
    ours, _ = authorities
    with (
        exchange_for(auth, "impersonation", tls=ours.server("localhost")) as exchange,
        connected(settings_for(exchange, auth, ca_file=ours.ca_file)) as connector,
    ):
        done(create(connector))


def test_two_servers_with_two_authorities_do_not_mix(authorities: tuple[Authority, Authority]) -> None:
    one, two = authorities
    with (
        exchange_for("ntlm", "impersonation", tls=one.server("localhost")) as first,
        exchange_for("ntlm", "impersonation", tls=two.server("localhost")) as second,
        connected(settings_for(first, ca_file=one.ca_file)) as to_first,
        connected(settings_for(second, ca_file=two.ca_file)) as to_second,
        connected(settings_for(second, ca_file=one.ca_file)) as mistaken,
    ):
        for connector in (to_first, to_second):
            done(create(connector))
        check_not_done(create(mistaken), "tls_failed")
        assert len(second.items(MAILBOX)) == 1


@pytest.mark.parametrize(
    "case", ["other authority", "no authority", "other name", "authority gone", "a pipe", "not a certificate"]
)
def test_a_server_that_cannot_prove_itself_is_sent_nothing(
    authorities: tuple[Authority, Authority], case: str, tmp_path: Path
) -> None:
    ours, other = authorities
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate", "utf-8")
    os.mkfifo(tmp_path / "pipe")
    ca_file = {
        "other authority": other.ca_file,
        "no authority": None,
        "other name": ours.ca_file,
        "authority gone": tmp_path / "gone.pem",
        "a pipe": tmp_path / "pipe",
        "not a certificate": garbage,
    }[case]
    name = "mail.autre.example" if case == "other name" else "localhost"
    with (
        exchange_for("basic", "impersonation", tls=ours.server(name)) as exchange,
        connected(settings_for(exchange, "basic", ca_file=ca_file)) as connector,
    ):
        check_not_done(create(connector), "tls_failed")
        with pytest.raises(Temporary, match="tls_failed"):
            connector.probe(MAILBOX)
        assert verbs(exchange) == []


def test_the_environment_trusts_nobody_for_us(
    authorities: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests would let these come before what is configured."""
    ours, other = authorities
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ours.ca_file))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with exchange_for("basic", "impersonation", tls=ours.server("localhost")) as exchange:
        with connected(settings_for(exchange, "basic", ca_file=other.ca_file)) as connector:
            check_not_done(create(connector), "tls_failed")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
        with connected(settings_for(exchange, "basic", ca_file=ours.ca_file)) as connector:
            done(create(connector))


def test_a_server_without_tls_where_tls_is_meant_is_sent_nothing(exchange: MockExchange) -> None:
    settings = settings_for(exchange)
    with connected(replace(settings, server=settings.server.replace("http:", "https:"))) as connector:
        check_not_done(create(connector), "tls_failed")
    assert verbs(exchange) == []


# Who we are


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_wrong_password_is_told_after_one_attempt(auth: str) -> None:
    """Each attempt counts towards locking the account."""
    with (
        exchange_for(auth, "impersonation") as exchange,
        connected(settings_for(exchange, auth, password="wrong")) as connector,
    ):
        check_not_done(create(connector), "unauthorized")
        assert {recorded.status for recorded in exchange.requests} == {401}
        assert len(exchange.requests) == (3 if auth == "ntlm" else 1)
        with pytest.raises(Temporary, match="unauthorized"):
            connector.find(MAILBOX, ["a"])


def test_a_server_that_takes_only_another_proof_of_identity_is_told_as_such() -> None:
    for offered, used in (("basic", "ntlm"), ("ntlm", "basic")):
        with (
            exchange_for(offered, "impersonation") as exchange,
            connected(settings_for(exchange, used)) as connector,
        ):
            check_not_done(create(connector), "auth_not_offered")


def test_a_changed_password_is_used_at_once() -> None:
    """exchangelib caches connections for the process, by address and credentials."""
    with exchange_for("basic", "impersonation") as exchange:
        settings = settings_for(exchange, "basic")
        with connected(settings) as before, connected(replace(settings, password="new")) as after:
            done(create(before, "a"))
            check_not_done(create(after, "b"), "unauthorized")
            exchange.authenticator.users[ACCOUNT] = "new"
            check_not_done(create(before, "c"), "unauthorized")
            done(create(after, "d"))


def test_credentials_outside_ascii_are_sent_as_utf_8() -> None:
    with MockExchange(
        [MAILBOX], auth="basic", users={"DEPT\\élu": "pässwörd€"}, impersonators={"DEPT\\élu": None}
    ) as exchange:
        settings = settings_for(exchange, "basic", username="DEPT\\élu", password="pässwörd€")
        with connected(settings) as connector:
            done(create(connector))


def test_impersonation_is_not_granted_beyond_its_scope() -> None:
    with (
        exchange_for("ntlm", "impersonation", impersonators={ACCOUNT: [OTHER]}) as exchange,
        connected(settings_for(exchange)) as connector,
    ):
        done(create(connector, mailbox=OTHER))
        outcome = create(connector)
        assert isinstance(outcome, Failed)
        assert (outcome.error.code, outcome.error.scope) == ("impersonation_denied", Scope.MAILBOX)


def test_a_delegate_without_rights_is_told_by_the_probe() -> None:
    with (
        exchange_for("basic", "delegate", delegates={}) as exchange,
        connected(settings_for(exchange, "basic", "delegate")) as connector,
    ):
        with pytest.raises(Temporary, match="access_denied"):
            connector.probe(MAILBOX)
        outcome = create(connector)
        assert isinstance(outcome, Failed)
        assert (outcome.error.code, outcome.error.scope) == ("access_denied", Scope.MAILBOX)


def test_a_delegate_who_may_only_read_is_told_by_the_probe() -> None:
    with (
        exchange_for("basic", "delegate", delegates={ACCOUNT: {MAILBOX: "reviewer", OTHER: "editor"}}) as exchange,
        connected(settings_for(exchange, "basic", "delegate")) as connector,
    ):
        with pytest.raises(Temporary, match="access_denied") as caught:
            connector.probe(MAILBOX)
        assert caught.value.scope is Scope.MAILBOX
        assert connector.probe(OTHER).address == OTHER


def test_no_secret_shows_in_the_settings() -> None:
    settings = EwsSettings("https://x", "Exchange2016", "ntlm", "delegate", "svc", "hunter2", "i")
    assert "hunter2" not in repr(settings)


# Connections


def test_no_more_connections_than_configured(exchange: MockExchange) -> None:
    exchange.latency_s = 0.03
    with connected(settings_for(exchange, connections=2)) as connector, ThreadPoolExecutor(8) as pool:
        for outcome in pool.map(lambda number: create(connector, str(number)), range(24)):
            done(outcome)
    # Each connection begins with a handshake of two answers 401.
    assert [recorded.status for recorded in exchange.requests].count(401) == 4
    assert len(exchange.items(MAILBOX)) == 24


def test_connections_work_at_the_same_time(exchange: MockExchange) -> None:
    with connected(settings_for(exchange, connections=4)) as connector, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: create(connector, f"warm {number}"), range(8)))
        exchange.latency_s = 0.4
        began = time.monotonic()
        list(pool.map(lambda number: create(connector, str(number)), range(4)))
        assert time.monotonic() - began < 1.5


def test_answers_are_never_mixed_up_between_threads(exchange: MockExchange) -> None:
    with connected(settings_for(exchange, connections=4)) as connector, ThreadPoolExecutor(8) as pool:
        uids = [f"Rdv/{number}" for number in range(40)]
        item_ids = list(pool.map(lambda uid: done(create(connector, uid)), uids))
        found = pool.map(lambda uid: connector.find(MAILBOX, [uid])[uid], uids)
        assert [[each.item_id for each in items] for items in found] == [[item_id] for item_id in item_ids]


def test_an_idle_connection_is_made_anew(exchange: MockExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs up at the moment we write leaves us in doubt."""
    with connected(settings_for(exchange, connections=1)) as connector:
        done(create(connector, "a"))
        exchange.forget_requests()
        monkeypatch.setattr(transport, "IDLE_LIMIT_S", -1.0)
        done(create(connector, "b"))
        assert [recorded.status for recorded in exchange.requests] == [401, 401, 200]


def test_a_connection_works_again_after_each_kind_of_trouble(exchange: MockExchange) -> None:
    kinds = sorted(set(FaultKind) - {FaultKind.HANG, FaultKind.SLOW_ANSWER, FaultKind.ITEM_ERROR})
    with connected(settings_for(exchange, connections=1)) as connector:
        for kind in kinds:
            exchange.inject(Fault(kind=kind, delay_s=0.0))
            create(connector, kind)
            done(create(connector, f"after {kind}"))


@pytest.mark.parametrize("in_use", [False, True])
def test_a_closed_connector_holds_no_connection(exchange: MockExchange, in_use: bool) -> None:
    """The mock has a thread for each connection. A reloaded configuration closes connectors while calls are made."""
    before = threading.active_count()
    with connected(settings_for(exchange)) as connector:
        done(create(connector))
        assert threading.active_count() == before + 1
        if in_use:
            exchange.latency_s = 0.3
            caller = threading.Thread(target=create, args=(connector, "b"))
            caller.start()
            wait_until(lambda: connector._protocol.wire._free.qsize() < 4, "the call to be under way")
            connector.close()
            caller.join()
    wait_until(lambda: threading.active_count() == before, "the connections to be closed")


# Before and after the request left


def test_a_refused_connection_is_certainly_not_done(exchange: MockExchange) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for host in ("127.0.0.1", "nowhere.invalid"):
            with connected(settings_for(exchange, server=f"http://{host}:{port}/EWS/Exchange.asmx")) as connector:
                check_not_done(create(connector), "connection_failed")
                with pytest.raises(Temporary, match="connection_failed"):
                    connector.find(MAILBOX, ["a"])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<s:Envelope", "connection_lost"),
        (b"this is not HTTP\r\n\r\n", "connection_lost"),
    ],
)
def test_an_answer_cut_off_leaves_the_change_in_doubt(exchange: MockExchange, answer: bytes, code: str) -> None:
    with listener(answer) as url, connected(settings_for(exchange, "basic", server=url)) as connector:
        assert create(connector) == Unconfirmed(code, Scope.SERVER)


def test_an_answer_that_trickles_is_given_up_in_time(exchange: MockExchange) -> None:
    """Each piece comes in time; the whole would hold a lease for ever."""
    body = b"<?xml version='1.0'?>" + b" " * 200
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with (
        listener(answer, pause_s=0.05, pieces=len(answer) // 2) as url,
        connected(settings_for(exchange, "basic", server=url, timeout_s=0.5)) as connector,
    ):
        began = time.monotonic()
        assert create(connector) == Unconfirmed("timeout", Scope.MAILBOX)
        assert time.monotonic() - began < 1.5
