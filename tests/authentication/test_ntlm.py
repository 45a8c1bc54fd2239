"""NTLM with a true acceptor: names, passwords, and the binding to the TLS channel."""

import pytest

from connectors.base import Create, Failed, Outcome
from connectors.ews import EwsConnector
from connectors.ews.authentication import _NtlmAuth
from mock_exchange import MockExchange
from tests.authentication.certificates import Authority
from tests.connectors.conformance import entry
from tests.connectors.ews import MAILBOX, connected, done, settings_for


def create(connector: EwsConnector, uid: str = "a") -> Outcome:
    return connector.apply(MAILBOX, [Create(entry(uid))])[0]


def ntlm_exchange(user: str, password: str, **options: object) -> MockExchange:
    return MockExchange([MAILBOX], auth="ntlm", users={user: password}, impersonators={user: None}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["DEPT\\svc-rdv", "svc-rdv@dept.example", "svc-rdv"])
@pytest.mark.parametrize("password", ["correct horse", "Été à l'œuvre ! €", "пароль"])
def test_the_first_request_of_a_connection_is_three_and_the_others_one(user: str, password: str) -> None:
    with ntlm_exchange(user, password) as exchange:
        settings = settings_for(exchange, username=user, password=password, connections=1)
        with connected(settings) as connector:
            done(create(connector, "a"))
            done(create(connector, "b"))
        assert [recorded.status for recorded in exchange.requests] == [401, 401, 200, 200]


@pytest.mark.threat(id="relayed-proofs")
@pytest.mark.parametrize("protected", [False, True])
def test_a_proof_is_bound_to_the_channel_whether_or_not_the_server_asks_for_it(
    authority: Authority, protected: bool
) -> None:
    exchange = ntlm_exchange("DEPT\\svc", "pw", tls=authority.server(), extended_protection=protected)
    with (
        exchange,
        connected(settings_for(exchange, username="DEPT\\svc", password="pw", ca_file=authority.ca_file)) as connector,
    ):
        done(create(connector))


@pytest.mark.parametrize("binding", [None, b"\0" * 32])
def test_a_proof_bound_to_no_channel_or_another_is_refused_under_extended_protection(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, binding: bytes | None
) -> None:
    """As that of somebody in between, whose certificate is another."""
    monkeypatch.setattr(_NtlmAuth, "_get_server_cert", lambda *_: binding)
    exchange = ntlm_exchange("DEPT\\svc", "pw", tls=authority.server(), extended_protection=True)
    with (
        exchange,
        connected(settings_for(exchange, username="DEPT\\svc", password="pw", ca_file=authority.ca_file)) as connector,
    ):
        outcome = create(connector)
        assert isinstance(outcome, Failed)
        assert outcome.error.code == "unauthorized"
        assert [recorded.refused for recorded in exchange.requests] == [False, False, True]


def test_extended_protection_needs_a_channel_to_protect() -> None:
    with pytest.raises(ValueError, match="TLS"):
        ntlm_exchange("svc", "pw", extended_protection=True)
