"""What the tests of the EWS connector share: a mock Exchange, connectors to it, and what it saw."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from connectors.base import Done, Outcome
from connectors.ews import EwsConnector, EwsSettings
from mock_exchange import MockExchange
from tests.connectors.conformance import Bench

MAILBOX = "agent.un@departement.example"
OTHER = "agent.deux@departement.example"
ALIAS = "a.un@departement.example"
ACCOUNT = "DEPT\\svc-rdv"
PASSWORD = "correct horse battery staple"
INSTALLATION = "5a2f8c1e-installation"

NTLM_IMPERSONATION = ("ntlm", "impersonation")
BASIC_DELEGATE = ("basic", "delegate")


def exchange_for(auth: str, access: str, **options: Any) -> MockExchange:
    rights: dict[str, Any] = {"impersonators": {ACCOUNT: None}}
    if access == "delegate":
        rights = {"impersonators": {}, "delegates": {ACCOUNT: {MAILBOX: "editor", OTHER: "editor"}}}
    rights |= {"users": {ACCOUNT: PASSWORD}, "aliases": {MAILBOX: [ALIAS]}}
    return MockExchange([MAILBOX, OTHER], auth=auth, **rights | options)


def settings_for(
    exchange: MockExchange, auth: str = "ntlm", access: str = "impersonation", **options: Any
) -> EwsSettings:
    plain = EwsSettings(
        server=exchange.url,
        version="Exchange2016",
        auth=auth,
        access=access,
        username=ACCOUNT,
        password=PASSWORD,
        installation=INSTALLATION,
        timeout_s=10.0,
        authentication_pause_s=0.0,
    )
    return replace(plain, **options)


@contextmanager
def connected(settings: EwsSettings) -> Iterator[EwsConnector]:
    connector = EwsConnector(settings)
    try:
        yield connector
    finally:
        connector.close()


def bench_for(exchange: MockExchange, own: EwsConnector, stranger: EwsConnector) -> Bench:
    exchange.make_folder(MAILBOX, "Archives")
    exchange.make_folder(MAILBOX, "2026", "Archives")
    return Bench(
        connector=own,
        stranger=stranger,
        mailbox=MAILBOX,
        other_mailbox=OTHER,
        nobodys="personne@departement.example",
        move_to_subfolder=lambda item_id: exchange.move_item(item_id, "2026"),
        copy=exchange.copy_item,  # type: ignore[arg-type]
        exact_zones=False,
    )


def verbs(exchange: MockExchange) -> list[str]:
    """Every POST so far, handshakes among them."""
    return [recorded.verb for recorded in exchange.requests]


def count(exchange: MockExchange, act: Callable[[], object]) -> Counter[str]:
    """Count the POSTs that something costs on connections that stand."""
    exchange.forget_requests()
    act()
    return Counter(verbs(exchange))


def done(outcome: Outcome) -> str:
    assert isinstance(outcome, Done), outcome
    return outcome.item_id


def check_clean(exchange: MockExchange) -> None:
    """Nobody was mailed, the schemas accept every message, and every call named itself as one that mails nobody."""
    exchange.settle()
    assert exchange.mails_sent == 0
    assert exchange.schema_errors == []
    assert exchange.crashes == []
    assert {recorded.send_mode for recorded in exchange.requests} <= {None, "SendToNone"}
