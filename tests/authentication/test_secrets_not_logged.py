"""Passwords, tokens and tickets reach no log, no error and no repr, whatever fails and however much is logged."""

import logging
import re
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import ConnectorError, Create, Failed, Outcome
from connectors.ews import EwsConnector, EwsSettings
from connectors.ews.silence import TALKATIVE
from mock_exchange import Fault, FaultKind
from tests.authentication.certificates import Authority
from tests.connectors.conformance import entry
from tests.connectors.ews import ACCOUNT, MAILBOX, connected, exchange_for, settings_for
from tests.connectors.listener import listener
from tests.kerberos_realm import REALM, Realm

PASSWORD = "Canary-Passw0rd"
TOKEN = re.compile(rb"(?:Negotiate|NTLM|Basic) ([A-Za-z0-9+/=]{12,})")
LIBRARIES = {*TALKATIVE, "http"}


class Ear:
    """Hears all that is logged at DEBUG, and keeps what failures say."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self._told: list[str] = []

    def listen_to(self, connector: EwsConnector) -> str:
        """Write and look up once; return the code of the failure."""
        (outcome,) = connector.apply(MAILBOX, [Create(entry())])
        self._told.append(repr(outcome))
        if isinstance(outcome, Failed):
            self._told += traceback.format_exception(outcome.error)
            assert outcome.error.__context__ is None
        with pytest.raises(ConnectorError) as caught:
            connector.find(MAILBOX, ["a"])
        self._told += traceback.format_exception(caught.value)
        assert caught.value.__context__ is None
        return _code(outcome)

    def heard(self) -> str:
        records = [f"{record.getMessage()} {record.args!r} {record.exc_info!r}" for record in self._caplog.records]
        return "\n".join([*self._told, *records])

    def check(self, *secrets: str) -> None:
        heard = self.heard().lower()
        for secret in secrets:
            assert secret.lower() not in heard
        assert not TOKEN.search(heard.encode())
        assert [record.name for record in self._caplog.records if record.name.partition(".")[0] in LIBRARIES] == []


def _code(outcome: Outcome) -> str:
    return outcome.error.code if isinstance(outcome, Failed) else getattr(outcome, "code", "")


@pytest.fixture
def ear(caplog: pytest.LogCaptureFixture) -> Ear:
    caplog.set_level(logging.DEBUG)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG)
    return Ear(caplog)


@pytest.mark.parametrize("scheme", ["ntlm", "basic"])
@pytest.mark.parametrize("kind", [FaultKind.UNAUTHORIZED, FaultKind.DROP_AFTER, FaultKind.LOGIN_PAGE, FaultKind.EMPTY])
def test_a_failure_tells_no_password(ear: Ear, scheme: str, kind: FaultKind) -> None:
    with exchange_for(scheme, "impersonation", users={ACCOUNT: PASSWORD}) as exchange:
        exchange.inject(Fault(kind=kind, times=None))
        with connected(settings_for(exchange, scheme, password=PASSWORD)) as connector:
            assert ear.listen_to(connector) in {"unauthorized", "connection_lost", "not_ews"}
    ear.check(PASSWORD)


@pytest.mark.parametrize("scheme", ["ntlm", "basic"])
def test_a_refusal_tells_no_password(ear: Ear, scheme: str) -> None:
    with exchange_for(scheme, "impersonation") as exchange:
        settings = settings_for(exchange, scheme, password=PASSWORD, authentication_pause_s=300.0)
        with connected(settings) as connector:
            assert ear.listen_to(connector) == "unauthorized"
    ear.check(PASSWORD)


CHALLENGES = [
    b"NTLM !!!not-base64!!!",
    b"NTLM TlRMTVNTUAACAAAA",
    b"NTLM " + b"QUFB" * 40,
    b"NTLM",
    b"Negotiate",
    b"",
]


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_challenge_that_is_none_is_a_refusal_and_no_exception(ear: Ear, challenge: bytes) -> None:
    """The NTLM library raises builtins of many kinds over them, with what they were over."""
    header = b"WWW-Authenticate: " + challenge + b"\r\n" if challenge else b""
    answer = b"HTTP/1.1 401 Unauthorized\r\n" + header + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    with (
        exchange_for("ntlm", "impersonation") as exchange,
        listener(answer) as url,
        connected(settings_for(exchange, server=url, password=PASSWORD)) as connector,
    ):
        assert ear.listen_to(connector) in {"unauthorized", "auth_not_offered"}
    ear.check(PASSWORD)


def _refused(settings: EwsSettings, realm: Realm) -> EwsSettings:
    realm.change_key("svc-canary")
    return settings


def _not_there(settings: EwsSettings, _: Realm) -> EwsSettings:
    return replace(settings, keytab=settings.keytab and settings.keytab.with_name("canary.keytab"))


def _unknown_host(settings: EwsSettings, _: Realm) -> EwsSettings:
    return replace(settings, server=settings.server.replace("localhost", "127.0.0.1"))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(_refused, "keytab_refused"), (_not_there, "keytab_refused"), (_unknown_host, "service_unknown")],
)
def test_kerberos_tells_no_name_and_no_ticket(
    ear: Ear, realm: Realm, authority: Authority, spoil: Callable[[EwsSettings, Realm], EwsSettings], code: str
) -> None:
    realm.add("HTTP/localhost")
    keytab = realm.add("svc-canary")
    principal = f"svc-canary@{REALM}"
    options: dict[str, Any] = {"users": {principal: ""}, "impersonators": {principal: None}}
    with ExitStack() as stack:
        exchange = stack.enter_context(
            exchange_for("negotiate", "impersonation", keytab=realm.keytab("HTTP/localhost"), **options)
        )
        settings = settings_for(
            exchange,
            "kerberos",
            server=exchange.url.replace("127.0.0.1", "localhost"),
            username=principal,
            password="",
            keytab=keytab,
        )
        connector = stack.enter_context(connected(spoil(settings, realm)))
        assert ear.listen_to(connector) == code
    ear.check("canary", REALM, "keytab.", "127.0.0.1")
