"""An Exchange Web Services server for tests and demonstrations: mailboxes in memory, troubles on demand."""

from mock_exchange.exchange import MockExchange
from mock_exchange.faults import Fault, FaultKind
from mock_exchange.recording import Recorded, StoredItem
from mock_exchange.schema import SchemaError

__all__ = ["Fault", "FaultKind", "MockExchange", "Recorded", "SchemaError", "StoredItem"]
