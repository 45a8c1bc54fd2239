"""Fixtures of the EWS connector's tests."""

from collections.abc import Iterator

import pytest

from connectors.ews import EwsConnector
from mock_exchange import MockExchange
from tests.connectors.ews import check_clean, connected, exchange_for, settings_for


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
