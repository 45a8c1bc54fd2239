"""Mock servers for tests: all that passes is validated where the schemas are, and nothing may crash."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mock_exchange import MockExchange
from tests.mock_exchange.wire import Factory

AGENT = "agent@departement.example"
OTHER = "autre@departement.example"


@pytest.fixture
def start() -> Iterator[Factory]:
    """Start servers that are checked and stopped at the end."""
    with ExitStack() as stack:
        started: list[MockExchange] = []

        def begin(*mailboxes: str, **options: Any) -> MockExchange:
            options.setdefault("schema_dir", os.environ.get("RDV_EWS_SCHEMAS"))
            started.append(stack.enter_context(MockExchange(mailboxes or (AGENT, OTHER), **options)))
            return started[-1]

        yield begin
        for exchange in started:
            assert exchange.schema_errors == []
            assert exchange.crashes == []


@pytest.fixture
def exchange(start: Factory) -> MockExchange:
    """A server without authentication and with two mailboxes."""
    return start()
