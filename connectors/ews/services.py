"""The EWS operations in use: exchangelib builds requests and reads answers; HTTP and parsing are our own.

Each operation is exactly one POST. What exchangelib would do on top is replaced, method by method: it tries ten API
versions after a fault, sends again when the pool has two sessions, gives up a batch at the first error it does not
know, lets answers without an item shift those that follow, and puts the server's own text into its exceptions.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from exchangelib import Account, Version
from exchangelib.account import Identity
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.errors import EWSError
from exchangelib.ewsdatetime import UTC
from exchangelib.folders import Calendar, Root
from exchangelib.properties import DistinguishedFolderId, FolderId, Mailbox
from exchangelib.services import ConvertId, CreateItem, DeleteItem, FindFolder, FindItem, GetFolder, GetItem, UpdateItem
from exchangelib.services.common import EWSAccountService
from exchangelib.util import ENS, MNS, TNS
from exchangelib.version import VERSIONS

from connectors.base import ADDRESS_LIMIT, ITEM_ID_LIMIT
from connectors.bounded_http import whole_number
from connectors.ews import answers
from connectors.ews.errors import (
    MAILBOX_NOT_FOUND,
    NOT_EWS,
    RULINGS,
    CallFailed,
    CutShort,
    NamedOtherwise,
    Refusal,
    of_request,
    of_status,
)
from connectors.ews.settings import EwsSettings
from connectors.ews.transport import Wire

ADDRESS = re.compile(rf"(?=.{{3,{ADDRESS_LIMIT}}}\Z)[!-~]{{1,320}}@[!-~]{{1,255}}\Z")

UNREADABLE = (EWSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError)
"""What exchangelib, or the parser (SyntaxError), raises over an answer that is not what it expects."""

NON_PRIMARY = "ErrorNonPrimarySmtpAddress"

MOST_PAGES = 250
"""Maximum pages of 500 items: more than can be read in a day."""

SEARCH_LIMIT = 250
"""Results after which Exchange ends a search with a restriction since 2013 (ews-managed-api#284). One that ends exactly
there may have been cut, whatever total it names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerProtocol:
    """What exchangelib's services ask of a protocol, beside sending."""

    wire: Wire
    version: Any
    credentials: None = None
    needs_change_keys: threading.Event = field(default_factory=threading.Event)
    """Set once the server refused an update without a change key."""


class _OwnFolderId(DistinguishedFolderId):  # type: ignore[misc]  # exchangelib ships no annotations
    """A folder of the mailbox that is impersonated. It is not named: by an alias it may be refused."""

    def to_xml(self, version: Any) -> Any:
        """Leave out the mailbox, which exchangelib insists on."""
        element = super().to_xml(version)
        for mailbox in list(element):
            element.remove(mailbox)
        return element


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
        self._aliased = False
        self.protocol = protocol
        self.access_type = {"impersonation": IMPERSONATION, "delegate": DELEGATE}[access]
        # An alias serves too, where PrimarySmtpAddress would ask for the primary address.
        self.identity = Identity(smtp_address=address)
        self.default_timezone = UTC
        self.fullname = self.locale = self.ad_response = self.affinity_cookie = None
        self._version, self._version_lock = protocol.version, threading.Lock()
        id_class = DistinguishedFolderId if self.access_type == DELEGATE else _OwnFolderId
        self._calendar_id = id_class(id="calendar", mailbox=Mailbox(email_address=address))

    @property
    def primary_smtp_address(self) -> str:
        """Return the address by which requests are routed."""
        return self.address

    def __str__(self) -> str:
        return "mailbox"

    def calendar_folder(self) -> Any:
        """Return the calendar without asking the server for it."""
        return Calendar(root=Root(account=self), _distinguished_id=self._calendar_id)

    def rename(self, primary: str) -> bool:
        """Use the primary address that the server gave for an alias; return whether that is worth another request.

        Only for the calls of this account: addresses change, and are given to others.
        """
        if self._aliased or self.access_type != DELEGATE or not ADDRESS.match(primary):
            return False
        self._aliased, self.address = True, primary
        self._calendar_id.mailbox = Mailbox(email_address=primary)
        return True


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
            return _followed(element) if isinstance(element, Refusal) else read(element)

        return self._asked(arguments, lambda messages: [result(message) for message in messages])

    def _asked(self, arguments: Mapping[str, Any], use: Callable[[list[Any]], T]) -> T:
        """Send one request; return what `use` returns for the messages of its answer, which it must not keep.

        A server that insists on a mailbox's primary address is asked once more, by that address.
        """
        try:
            return self._asked_once(self.get_payload(**arguments), use)  # type: ignore[attr-defined]
        except NamedOtherwise as failure:
            if not self.account.rename(failure.primary):
                raise
        return self._asked_once(self.get_payload(**arguments), use)  # type: ignore[attr-defined]

    def _asked_once(self, payload: Any, use: Callable[[list[Any]], T]) -> T:
        """In place of the base class's tour through all API versions."""
        body = self.wrap(payload, api_version=self.protocol.version.api_version)  # type: ignore[attr-defined]
        # exchangelib's: X-AnchorMailbox. Constant headers are set on each session, in `transport`.
        headers = self._extra_headers()  # type: ignore[attr-defined]
        answer = self.protocol.wire.post(body, headers)
        self.clock_ahead_s = answer.clock_ahead_s
        if answer.status not in {200, 500}:
            raise CallFailed(of_status(answer.status, answer.retry_after_s, answer.location))
        try:
            return answers.read(answer, lambda header, content: use(self._messages(header, content)))
        except UNREADABLE:
            raise CallFailed(of_status(answer.status, answer.retry_after_s)) from None

    def _messages(self, header: Any, body: Any) -> list[Any]:
        if header is not None:
            self.server_version = _server_version(header)
        try:
            messages = list(self._get_soap_messages(body=body))  # type: ignore[attr-defined]
        except Refusal as refusal:
            raise CallFailed(of_request(_followed(refusal))) from None
        # exchangelib takes an answer without messages for one message, whose missing code would be a refusal.
        if any(message.get("ResponseClass") is None for message in messages):
            raise ValueError("messages")
        return messages

    @classmethod
    def _raise_soap_errors(cls, fault: Any) -> NoReturn:
        """Keep only the fault's code, its back-off time and the address that it names."""
        code = (fault.findtext(f"detail/{{{ENS}}}ResponseCode") or "").strip()
        if not code:
            code = (fault.findtext("faultcode") or "").rpartition(":")[2].strip()
        more = fault.find("detail/{*}MessageXml")  # seen in the namespaces of types and of errors
        raise Refusal(code, _back_off_s(more), _primary(code, more))

    @staticmethod
    def _get_exception(code: str, text: str, msg_xml: Any = None, rule_errors: Any = None) -> Refusal:  # noqa: ARG004
        """Keep only the code, the back-off time and the address that it names.

        Of an error behind the code, which the server may name, only what is known here: it tells more.
        """
        inner = _value(msg_xml, "InnerErrorResponseCode")
        known = inner if inner in RULINGS or code not in RULINGS else ""
        return Refusal(known or code or "", _back_off_s(msg_xml), _primary(code, msg_xml))


def _followed(refusal: Refusal) -> Refusal:
    """Return a refusal, unless it says by which address to ask again.

    Raises:
        NamedOtherwise: it does.

    """
    if refusal.primary:
        raise NamedOtherwise(refusal.primary)
    return refusal


def _value(message_xml: Any, name: str) -> str:
    """Return a named value of a MessageXml; empty: it has none."""
    if message_xml is None:
        return ""
    return (message_xml.findtext(f"{{{TNS}}}Value[@Name='{name}']") or "").strip()


def _back_off_s(message_xml: Any) -> float | None:
    milliseconds = whole_number(_value(message_xml, "BackOffMilliseconds"))
    return None if milliseconds is None else milliseconds / 1000


def _primary(code: str, message_xml: Any) -> str | None:
    return _value(message_xml, "Primary")[: ADDRESS_LIMIT + 1] or None if code == NON_PRIMARY else None


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


def change_key_in(result: Any) -> str:
    """Return an item's change key from the element of a Get; empty: it has none."""
    element = next(result.iter(f"{{{TNS}}}ItemId"), None)
    return "" if element is None else element.get("ChangeKey") or ""


def item_id_in(result: Any) -> str | None:
    """Return the item's id from a result of `send`, if it has one that can be stored."""
    element = next(result.iter(f"{{{TNS}}}ItemId"), None) if hasattr(result, "iter") else None
    item_id: str | None = None if element is None else element.get("Id")
    return item_id if item_id and item_id.isascii() and len(item_id) <= ITEM_ID_LIMIT else None


class _Page(NamedTuple, Generic[T]):
    """Some of a folder's results."""

    elements: list[T]
    next_offset: int | None
    """None: these are the last."""
    total: int = 0
    """How many results there are in the folder, as far as the server says."""


@dataclass
class _Progress:
    """How far one folder's results have been read."""

    folder: Any
    offset: Any = 0
    """Of the next page; None: there is none."""
    seen: int = 0
    total: int = 0

    @property
    def may_be_cut(self) -> bool:
        return self.seen < self.total or self.seen == SEARCH_LIMIT

    def advance(self, page: _Page[Any], furthest: int) -> None:
        """Count a page.

        Raises:
            CallFailed: the next one is not behind it.

        """
        self.seen += len(page.elements)
        self.total = max(self.total, page.total)
        if page.next_offset is not None and not self.offset < page.next_offset < furthest:
            raise CallFailed(NOT_EWS)
        self.offset = page.next_offset


class _Paged(_OnePost):
    """A search page by page, one POST a page. An incomplete search raises.

    exchangelib's own paging takes a boolean ``1`` for false, and an unreadable page for the last one.
    """

    paging_container_name: str
    may_be_cut = False
    """The server may end before the last result and not say so."""
    may_be_left_out = False
    """An answer without the element of the results is one without results."""

    def search(self, read: Callable[[Any], T], folders: Sequence[Any], page_size: int, **arguments: Any) -> Iterator[T]:
        """Yield what `read` makes of every element of the folders' results.

        Raises:
            CallFailed: not all of them could be had; or there are more pages than a mailbox can have.
            CutShort: after the results, if the server ended before the last one.
            Refusal: the server will not search one of the folders.

        """
        progress = [_Progress(folder) for folder in folders]
        for _ in range(MOST_PAGES):
            going = [each for each in progress if each.offset is not None]
            if not going:
                break
            offset = min(each.offset for each in going)
            asked = [each for each in going if each.offset == offset]
            wanted = {"folders": [each.folder for each in asked], "page_size": page_size, "offset": offset}
            pages = self._asked(wanted | arguments, lambda messages: [self._page(each, read) for each in messages])
            if len(pages) != len(asked):
                raise CallFailed(NOT_EWS)
            for each, page in zip(asked, pages, strict=True):
                opened = self._opened(each.folder, page)
                yield from opened.elements
                each.advance(opened, MOST_PAGES * page_size * 2)
        else:
            raise CallFailed(NOT_EWS)
        if self.may_be_cut and (cut := [each.folder for each in progress if each.may_be_cut]):
            raise CutShort(cut)

    def _opened(self, folder: Any, page: "_Page[T] | Refusal") -> "_Page[T]":
        """Return a page; an empty one for a folder below the calendar that is closed to a delegate.

        Rights on the calendar do not reach folders that were made before they were granted. Nothing was written there;
        what the agent moved there is out of reach.
        """
        if not isinstance(page, Refusal):
            return page
        is_below = isinstance(folder, FolderId) and not isinstance(folder, DistinguishedFolderId)
        if is_below and self.account.access_type == DELEGATE and page.response_code == "ErrorAccessDenied":
            return _Page([], None)
        raise page

    def _page(self, message: Any, read: Callable[[Any], T]) -> "_Page[T] | Refusal":
        left_out = message.get("ResponseClass") == "Success" and message.find(self.paging_container_name) is None
        if left_out and self.may_be_left_out:
            return _Page([], None)
        try:
            root = self._get_element_container(message=message, name=self.paging_container_name)  # type: ignore[attr-defined]
            if isinstance(root, Refusal):
                return _followed(root)
            elements = [read(element) for element in root.find(self.element_container_name)]
            last = {"true": True, "1": True, "false": False, "0": False}[root.get("IncludesLastItemInRange")]
            next_offset = None if last else int(root.get("IndexedPagingOffset"))
            return _Page(elements, next_offset, whole_number(root.get("TotalItemsInView") or "") or 0)
        except UNREADABLE:
            raise CallFailed(NOT_EWS) from None


class Search(_Paged, FindItem):  # type: ignore[misc]  # exchangelib ships no annotations
    """FindItem."""

    may_be_cut = True


class SearchFolders(_Paged, FindFolder):  # type: ignore[misc]  # exchangelib ships no annotations
    """FindFolder."""

    may_be_left_out = True  # minOccurs=0 in the schema: gromox leaves it out where there is no folder
