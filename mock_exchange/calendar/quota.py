"""How much a mailbox holds, and when it is full."""

from collections.abc import Mapping

from lxml import etree

from mock_exchange.calendar.store import Store
from mock_exchange.errors import EwsError
from mock_exchange.xml.elements import Element


def size_of(values: Mapping[str, Element]) -> int:
    """Return the size of an item in bytes."""
    return sum(len(etree.tostring(value)) for value in values.values())


def check_quota(store: Store, mailbox: str, more_bytes: int) -> None:
    """Let something be saved that makes a mailbox grow by so much; nothing is saved once it is over its quota.

    Raises:
        EwsError: the mailbox would hold more than it may.

    """
    quota = store.mailbox(mailbox).quota_bytes
    if quota is None:
        return
    held = sum(size_of(item.values) for item in store.items.values() if item.mailbox == mailbox)
    if held + more_bytes > quota:
        raise EwsError("ErrorQuotaExceeded", "The mailbox has exceeded its size limit.")
