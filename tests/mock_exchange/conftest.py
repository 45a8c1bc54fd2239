"""Mock servers for tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from exchangelib import (
    IMPERSONATION,
    Account,
    Configuration,
    Credentials,
    EWSTimeZone,
    FailFast,
    Version,
)
from exchangelib.version import EXCHANGE_2016

from mock_exchange import MockExchange
from tests.mock_exchange.wire import Factory

AGENT = "agent@departement.example"
OTHER = "autre@departement.example"
SVC, PASSWORD = "DOMAINE\\svc", "mot de passe"
PARIS = EWSTimeZone("Europe/Paris")
SCHEMES = {"none": "no authentication", "basic": "basic", "ntlm": "NTLM"}
Open = Callable[..., Account]


@pytest.fixture
def start() -> Iterator[Factory]:
    """Start servers that are stopped at the end."""
    with ExitStack() as stack:

        def begin(*mailboxes: str, **options: Any) -> MockExchange:
            return stack.enter_context(MockExchange(mailboxes or (AGENT, OTHER), **options))

        yield begin


@pytest.fixture
def exchange(start: Factory) -> MockExchange:
    """A server without authentication and with two mailboxes."""
    return start()


@pytest.fixture
def account() -> Iterator[Open]:
    """Open accounts, and close their connections at the end."""
    opened: list[Account] = []

    def open_account(exchange: MockExchange, address: str = AGENT, access: str = IMPERSONATION) -> Account:
        scheme = exchange.authenticator.scheme
        configuration = Configuration(
            service_endpoint=exchange.url,
            credentials=None if scheme == "none" else Credentials(SVC, PASSWORD),
            auth_type=SCHEMES[scheme],
            version=Version(EXCHANGE_2016),
            retry_policy=FailFast(),
        )
        opened.append(Account(address, config=configuration, access_type=access, default_timezone=PARIS))
        return opened[-1]

    yield open_account
    for one in opened:
        one.protocol.close()
