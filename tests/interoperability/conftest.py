"""A mock Exchange into which the receiver's own connector has written, and connectors to it."""

from collections.abc import Iterator

import pytest

from connectors.base import Create, Done
from connectors.ews import EwsConnector, EwsSettings
from mock_exchange import MockExchange
from tests.interoperability.entries import WRITTEN

ACCOUNT, AGENT = "svc@departement.example", "agent@departement.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def exchange() -> Iterator[MockExchange]:
    """A server whose service account may impersonate, and whose agent signs in too."""
    users = dict.fromkeys((ACCOUNT, AGENT), PASSWORD)
    with MockExchange([ACCOUNT, AGENT], auth="basic", users=users, impersonators={ACCOUNT: None}) as running:
        yield running


@pytest.fixture(scope="module")
def connector(exchange: MockExchange) -> Iterator[EwsConnector]:
    """The receiver's connector."""
    connector = EwsConnector(
        EwsSettings(
            server=exchange.url,
            version="Exchange2016",
            auth="basic",
            access="impersonation",
            username=ACCOUNT,
            password=PASSWORD,
            installation="interoperability",
        )
    )
    yield connector
    connector.close()


@pytest.fixture(scope="module")
def written(connector: EwsConnector) -> dict[str, str]:
    """Write every entry; return their titles with their items' ids."""
    outcomes = connector.apply(AGENT, [Create(written.entry) for written in WRITTEN])
    ids = [outcome.item_id for outcome in outcomes if isinstance(outcome, Done)]
    return dict(zip((written.entry.title for written in WRITTEN), ids, strict=True))
