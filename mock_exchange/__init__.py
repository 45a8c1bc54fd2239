"""An Exchange Web Services server for tests and demonstrations: mailboxes in memory, faults on demand."""

from mock_exchange.ews.schema import SchemaError
from mock_exchange.exchange import MockExchange
from mock_exchange.http.faults import Fault, FaultKind
from mock_exchange.http.recording import Recorded, StoredItem

__all__ = ["Fault", "FaultKind", "MockExchange", "Recorded", "SchemaError", "StoredItem"]
