"""Fixtures of the EWS connector's tests."""

from collections.abc import Iterator

import pytest

from connectors.ews import EwsConnector
from mock_exchange import MockExchange
from tests.connectors.conformance import Bench, Names
from tests.connectors.ews import ALIAS, bench_for, check_clean, connected, exchange_for, settings_for


@pytest.fixture
def exchange() -> Iterator[MockExchange]:
    """A server with NTLM whose service account may impersonate everybody; clean at the end."""
    with exchange_for("ntlm", "impersonation") as running:
        yield running
        check_clean(running)


@pytest.fixture
def connector(exchange: MockExchange) -> Iterator[EwsConnector]:
    """A connector whose one connection stands, so that no handshake is counted."""
    with connected(settings_for(exchange, connections=1)) as connector:
        connector.probe(next(iter(exchange.store.mailboxes)))
        exchange.forget_requests()
        yield connector


# The port's suite


@pytest.fixture
def server(way: tuple[str, str]) -> Iterator[MockExchange]:
    """The suite's server, by the module's ways of signing in and reaching mailboxes; clean at the end."""
    with exchange_for(*way) as running:
        yield running
        check_clean(running)


@pytest.fixture
def bench(server: MockExchange, way: tuple[str, str]) -> Iterator[Bench]:
    """The suite's bench: our connector, and one of another installation."""
    own = settings_for(server, *way)
    stranger = settings_for(server, *way, installation="another")
    with connected(own) as connector, connected(stranger) as other:
        yield bench_for(server, connector, other)


@pytest.fixture
def names(server: MockExchange) -> Names:
    """The other names of the suite's mailbox."""
    return Names(alias=ALIAS, rename=server.rename_mailbox)
