"""The EWS operations in use: exchangelib builds requests and reads answers; HTTP and parsing are our own.

Each operation is exactly one POST. What exchangelib would do on top is replaced, method by method: it tries ten API
versions after a fault, sends again when the pool has two sessions, gives up a batch at the first error it does not
know, lets answers without an item shift those that follow, and puts the server's own text into its exceptions.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NoReturn, TypeVar

from exchangelib import Account, Version
from exchangelib.account import Identity
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.errors import EWSError
from exchangelib.ewsdatetime import UTC
from exchangelib.folders import Calendar, Root
from exchangelib.properties import DistinguishedFolderId, Mailbox
from exchangelib.services import ConvertId, CreateItem, DeleteItem, FindFolder, FindItem, GetFolder, GetItem, UpdateItem
from exchangelib.services.common import EWSAccountService
from exchangelib.util import ENS, MNS, TNS
from exchangelib.version import VERSIONS

from connectors.base import ADDRESS_LIMIT, ITEM_ID_LIMIT
from connectors.bounded_http import whole_number
from connectors.ews import answers
from connectors.ews.errors import MAILBOX_NOT_FOUND, NOT_EWS, CallFailed, Refusal, of_request, of_status
from connectors.ews.settings import EwsSettings
from connectors.ews.transport import Wire

ADDRESS = re.compile(rf"(?=.{{3,{ADDRESS_LIMIT}}}\Z)[!-~]{{1,320}}@[!-~]{{1,255}}\Z")

UNREADABLE = (EWSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError)
"""What exchangelib, or the parser (SyntaxError), raises over an answer that is not what it expects."""

MOST_PAGES = 250
"""Maximum pages of 500 items: more than can be read in a day."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerProtocol:
    """What exchangelib's services ask of a protocol, beside sending."""

    wire: Wire
    version: Any
    credentials: None = None


class MailboxAccount(Account):  # type: ignore[misc]  # exchangelib ships no annotations
    """One mailbox for exchangelib's services. Cheap: made for each call.

    Raises:
        CallFailed: this is no address.

    """

    def __init__(self, address: str, protocol: ServerProtocol, access: str) -> None:
        # Not the base class's `__init__`: it would search a cache of the process for its protocol, by the password.
        if not ADDRESS.match(address):  # nor would it be a valid X-AnchorMailbox
            raise CallFailed(MAILBOX_NOT_FOUND)
        self.address = address
        self.protocol = protocol
        self.access_type = {"impersonation": IMPERSONATION, "delegate": DELEGATE}[access]
        # An alias serves too, where PrimarySmtpAddress would ask for the primary address.
        self.identity = Identity(smtp_address=address)
        self.default_timezone = UTC
        self.fullname = self.locale = self.ad_response = self.affinity_cookie = None
        self._version, self._version_lock = protocol.version, Lock()

    @property
    def primary_smtp_address(self) -> str:
        """Return the address by which requests are routed."""
        return self.address

    def __str__(self) -> str:
        return "mailbox"

    def calendar_folder(self) -> Any:
        """Return the calendar without asking the server for it."""
        calendar_id = DistinguishedFolderId(id="calendar", mailbox=Mailbox(email_address=self.address))
        return Calendar(root=Root(account=self), _distinguished_id=calendar_id)


def protocol_for(settings: EwsSettings) -> ServerProtocol:
    """Return the connections and the version to speak to one server."""
    builds = [build for build, api_version, _ in reversed(VERSIONS) if api_version == settings.version]
    if not builds:
        raise ValueError("version")
    return ServerProtocol(Wire(settings), Version(build=builds[0], api_version=settings.version))


class _OnePost:
    """Mixed into exchangelib's services: one request, one answer, our own errors.

    A subclass of ours calls `send` or `search`, never exchangelib's own `call`.
    """

    ERRORS_TO_CATCH_IN_RESPONSE = (Refusal,)
    WARNINGS_TO_CATCH_IN_RESPONSE = (Refusal,)

    account: Any
    protocol: ServerProtocol
    element_container_name: str | None
    server_version: str | None = None
    clock_ahead_s: float | None = None

    def send(self, read: Callable[[Any], Any] = lambda element: element, **arguments: Any) -> list[Any]:
        """Send one request; return one result for each thing it names, as far as the answer goes.

        A result is what `read` makes of the element that holds what was asked for; or the Refusal; or None, where the
        element cannot be read.

        Raises:
            CallFailed: there are no such results.

        """

        def result(message: Any) -> Any:
            try:
                element = self._get_element_container(message=message, name=self.element_container_name)  # type: ignore[attr-defined]
            except UNREADABLE:
                return None
            return element if isinstance(element, Refusal) else read(element)

        payload = self.get_payload(**arguments)  # type: ignore[attr-defined]
        return self._asked(payload, lambda messages: [result(message) for message in messages])

    def _asked(self, payload: Any, use: Callable[[list[Any]], T]) -> T:
        """Send one request; return what `use` returns for the messages of its answer, which it must not keep.

        In place of the base class's tour through all API versions.
        """
        body = self.wrap(payload, api_version=self.protocol.version.api_version)  # type: ignore[attr-defined]
        # exchangelib's: X-AnchorMailbox. Constant headers are set on each session, in `transport`.
        headers = self._extra_headers()  # type: ignore[attr-defined]
        answer = self.protocol.wire.post(body, headers)
        self.clock_ahead_s = answer.clock_ahead_s
        if answer.status not in {200, 500}:
            raise CallFailed(of_status(answer.status, answer.retry_after_s))
        try:
            return answers.read(answer, lambda header, content: use(self._messages(header, content)))
        except UNREADABLE:
            raise CallFailed(of_status(answer.status, answer.retry_after_s)) from None

    def _messages(self, header: Any, body: Any) -> list[Any]:
        if header is not None:
            self.server_version = _server_version(header)
        try:
            return list(self._get_soap_messages(body=body))  # type: ignore[attr-defined]
        except Refusal as refusal:
            raise CallFailed(of_request(refusal)) from None

    @classmethod
    def _raise_soap_errors(cls, fault: Any) -> NoReturn:
        """Keep only the fault's code and its back-off time."""
        code = (fault.findtext(f"detail/{{{ENS}}}ResponseCode") or "").strip()
        if not code:
            code = (fault.findtext("faultcode") or "").rpartition(":")[2].strip()
        raise Refusal(code, _back_off_s(fault))

    @staticmethod
    def _get_exception(code: str, text: str, msg_xml: Any = None, rule_errors: Any = None) -> Refusal:  # noqa: ARG004
        """Keep only the code; of an internal error, the code of its cause if the server names it."""
        inner = None
        if msg_xml is not None:
            inner = msg_xml.findtext(f"{{{TNS}}}Value[@Name='InnerErrorResponseCode']")
        return Refusal(inner or code or "")


def _back_off_s(fault: Any) -> float | None:
    value = fault.findtext(f"detail/{{{TNS}}}MessageXml/{{{TNS}}}Value[@Name='BackOffMilliseconds']") or ""
    milliseconds = whole_number(value.strip())
    return None if milliseconds is None else milliseconds / 1000


def _server_version(header: Any) -> str | None:
    try:
        return str(Version.from_soap_header(requested_api_version="", header=header).build)
    except UNREADABLE:
        return None


class Create(_OnePost, CreateItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """CreateItem, of items that are elements already."""

    def get_payload(self, items: Sequence[Any], **arguments: Any) -> Any:
        """Return the request."""
        payload = super().get_payload(items=[], **arguments)
        payload.find(f"{{{MNS}}}Items").extend(items)
        return payload


class Update(_OnePost, UpdateItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """UpdateItem, of changes that are elements already."""

    def get_payload(self, items: Sequence[Any], **arguments: Any) -> Any:
        """Return the request."""
        payload = super().get_payload(items=[], **arguments)
        payload.find(f"{{{MNS}}}ItemChanges").extend(items)
        return payload


class Remove(_OnePost, DeleteItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """DeleteItem."""


class Get(_OnePost, GetItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """GetItem."""


class LookAtFolder(_OnePost, GetFolder):  # type: ignore[misc]  # exchangelib ships no annotations
    """GetFolder."""


class NameOwner(_OnePost, EWSAccountService, ConvertId):  # type: ignore[misc]  # exchangelib ships no annotations
    """ConvertId, as the mailbox: the answer names the primary address of the mailbox an id belongs to."""


def item_id_in(result: Any) -> str | None:
    """Return the item's id from a result of `send`, if it has one that can be stored."""
    element = next(result.iter(f"{{{TNS}}}ItemId"), None) if hasattr(result, "iter") else None
    item_id: str | None = None if element is None else element.get("Id")
    return item_id if item_id and item_id.isascii() and len(item_id) <= ITEM_ID_LIMIT else None


class _Paged(_OnePost):
    """A search page by page, one POST a page. An incomplete search raises.

    exchangelib's own paging takes a boolean ``1`` for false, and an unreadable page for the last one.
    """

    paging_container_name: str

    def search(self, read: Callable[[Any], T], folders: Sequence[Any], page_size: int, **arguments: Any) -> Iterator[T]:
        """Yield what `read` makes of every element of the folders' results.

        Raises:
            CallFailed: not all of them could be had; or there are more pages than a mailbox can have.
            Refusal: the server will not search one of the folders.

        """
        offsets = dict.fromkeys(range(len(folders)), 0)
        for _ in range(MOST_PAGES):
            if not offsets:
                return
            offset = min(offsets.values())
            asked = [index for index, reached in offsets.items() if reached == offset]
            payload = self.get_payload(  # type: ignore[attr-defined]
                folders=[folders[index] for index in asked], page_size=page_size, offset=offset, **arguments
            )
            pages = self._asked(payload, lambda messages: [self._page(message, read) for message in messages])
            if len(pages) != len(asked):
                raise CallFailed(NOT_EWS)
            for index, (elements, next_offset) in zip(asked, pages, strict=True):
                yield from elements
                if next_offset is None:
                    del offsets[index]
                elif not offset < next_offset < MOST_PAGES * page_size * 2:
                    raise CallFailed(NOT_EWS)
                else:
                    offsets[index] = next_offset
        raise CallFailed(NOT_EWS)

    def _page(self, message: Any, read: Callable[[Any], T]) -> tuple[list[T], int | None]:
        try:
            root = self._get_element_container(message=message, name=self.paging_container_name)  # type: ignore[attr-defined]
            if isinstance(root, Refusal):
                raise root
            elements = [read(element) for element in root.find(self.element_container_name)]
            last = {"true": True, "1": True, "false": False, "0": False}[root.get("IncludesLastItemInRange")]
            return elements, None if last else int(root.get("IndexedPagingOffset"))
        except UNREADABLE:
            raise CallFailed(NOT_EWS) from None


class Search(_Paged, FindItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """FindItem."""


class SearchFolders(_Paged, FindFolder):  # type: ignore[misc]  # exchangelib ships no annotations
    """FindFolder."""
