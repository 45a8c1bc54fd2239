"""The port for Exchange. No exception of the network or of exchangelib leaves this module."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from connectors.base import Certificate, Change, ConnectorError, Found, Marked, Other, Outcome, Probe
from connectors.ews import certificate
from connectors.ews.errors import CallFailed, Refusal, Ruling, of_request
from connectors.ews.reading import Look
from connectors.ews.services import MailboxAccount, protocol_for
from connectors.ews.settings import EwsSettings
from connectors.ews.silence import silence
from connectors.ews.writing import Batch

T = TypeVar("T")


class EwsConnector:
    """One Exchange server."""

    def __init__(self, settings: EwsSettings) -> None:
        silence()
        self.call_timeout_s = settings.timeout_s
        self._settings = settings
        self._protocol = protocol_for(settings)

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        """Make the changes: one POST a verb."""
        try:
            account = self._account(mailbox)
        except CallFailed as failure:
            return [failure.ruling.outcome() for _ in changes]
        return Batch(account, self._settings.installation, changes).run()

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Find our items: one POST for 50 uids, and two more where the calendar does not have all of them."""
        return _or_connector_error(lambda: self._look(mailbox).find(uids)) if uids else {}

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterator[Marked]:
        """Yield our items that overlap the window; pages are read while they are consumed."""
        items = _or_connector_error(lambda: self._look(mailbox).list_marked(start, end))
        while (item := _or_connector_error(lambda: next(items, None))) is not None:
            yield item

    def list_others(self, mailbox: str, after: datetime) -> Iterator[Other]:
        """Yield the items of other installations: two POSTs, and one more for 500 items and for 100 series."""
        items = _or_connector_error(lambda: self._look(mailbox).list_others(after), Ruling.of_mailbox)
        while (item := _or_connector_error(lambda: next(items, None), Ruling.of_mailbox)) is not None:
            yield item

    def probe(self, mailbox: str) -> Probe:
        """Reach the calendar: two POSTs."""
        return _or_connector_error(lambda: self._look(mailbox).probe())

    def identify(self, mailbox: str) -> str:
        """Ask for the calendar's id, then whose it is: two POSTs."""
        return _or_connector_error(lambda: self._look(mailbox).identify(), Ruling.of_mailbox)

    def certificate(self) -> Certificate | None:
        """Check the server's certificate: two or three handshakes, no POST."""
        return certificate.check(self._settings.server, self._settings.ca_file)

    def close(self) -> None:
        """Close the connections."""
        self._protocol.wire.close()

    def _look(self, mailbox: str) -> Look:
        return Look(self._account(mailbox), self._settings.installation)

    def _account(self, mailbox: str) -> MailboxAccount:
        return MailboxAccount(mailbox, self._protocol, self._settings.access)


def _or_connector_error(read: Callable[[], T], seen_as: Callable[[Ruling], Ruling] = lambda ruling: ruling) -> T:
    """Return what was read; raise the port's error for a failure."""
    error: ConnectorError
    try:
        return read()
    except CallFailed as failure:
        error = seen_as(failure.ruling).error()
    except Refusal as refusal:
        error = seen_as(of_request(refusal)).error()
    # Outside the handlers, so that the failure does not become the error's context.
    raise error
