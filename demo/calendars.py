"""Reads calendars back over EWS, with exchangelib as any other client would use it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from exchangelib import (
    IMPERSONATION,
    NTLM,
    Account,
    Build,
    Configuration,
    Credentials,
    EWSDateTime,
    FailFast,
    Version,
)
from exchangelib.protocol import close_connections

from demo.processes import ACCOUNT, Secrets
from emitter.scenarios import ExpectedEntry

WINDOW = timedelta(days=365)


def read(server: str, secrets: Secrets, addresses: Sequence[str]) -> dict[str, tuple[ExpectedEntry, ...]]:
    """Return what each mailbox shows within a year of now, in order of time."""
    configuration = Configuration(
        service_endpoint=server,
        credentials=Credentials(ACCOUNT, secrets.exchange),
        auth_type=NTLM,
        version=Version(build=Build(15, 1)),
        retry_policy=FailFast(),
    )
    try:
        return {address: tuple(_entries(configuration, address)) for address in addresses}
    finally:
        close_connections()


def _entries(configuration: Configuration, address: str) -> list[ExpectedEntry]:
    account = Account(address, config=configuration, access_type=IMPERSONATION, autodiscover=False)
    now = datetime.now(UTC)
    start, end = EWSDateTime.from_datetime(now - WINDOW), EWSDateTime.from_datetime(now + WINDOW)
    shown = account.calendar.view(start, end).only("subject", "location", "start", "end")
    entries = [_entry(item) for item in shown]
    return sorted(entries, key=lambda entry: (entry.start, entry.title))


def _entry(item: Any) -> ExpectedEntry:
    start, end = (datetime.fromtimestamp(moment.timestamp(), UTC) for moment in (item.start, item.end))
    return ExpectedEntry(item.subject, item.location or "", start, end)
