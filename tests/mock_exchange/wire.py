"""A client that sends EWS requests as they are written, for what no library would send."""

from collections.abc import Callable
from dataclasses import dataclass

import requests
from lxml import etree

from mock_exchange import MockExchange

NAMES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
GUID = "38cdcc78-53ad-4f70-b322-95efa82260e4"
UID_URI = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="RdvUid" PropertyType="String"/>'
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
TIMES = "<t:Start>2026-12-07T09:00:00Z</t:Start><t:End>2026-12-07T10:00:00Z</t:End>"

Factory = Callable[..., MockExchange]


@dataclass(frozen=True)
class Reply:
    status: int
    root: etree._Element
    headers: dict[str, str]

    @property
    def codes(self) -> list[str]:
        """The response codes, one for each message; the fault's where it is one."""
        return self.texts("//m:ResponseCode") + self.texts("//e:ResponseCode")

    def texts(self, path: str) -> list[str]:
        return [found.text or "" for found in self.all(path)]

    def all(self, path: str) -> list[etree._Element]:
        return self.root.xpath(path, namespaces=NAMES)

    def ids(self) -> list[str]:
        return [found.get("Id") for found in self.all("//t:ItemId")]

    def names(self, path: str) -> list[str]:
        """The names of an element's children, in order."""
        return [etree.QName(child).localname for child in self.all(path)[0]]


def envelope(body: str, header: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items() if prefix != "e")
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {spaces}>'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def acting_as(mailbox: str, kind: str = "SmtpAddress") -> str:
    sid = f"<t:ConnectingSID><t:{kind}>{mailbox}</t:{kind}></t:ConnectingSID>"
    return f"<t:ExchangeImpersonation>{sid}</t:ExchangeImpersonation>"


def post(exchange: MockExchange, body: str, header: str = "", auth: tuple[str, str] | None = None) -> Reply:
    answer = requests.post(exchange.url, data=envelope(body, header), auth=auth, timeout=10)
    return Reply(answer.status_code, etree.fromstring(answer.content), dict(answer.headers))


def event(subject: str = "", inner: str = TIMES, uid: str = "") -> str:
    """A calendar item; `inner` stands in schema order after the extended property."""
    marked = f"<t:ExtendedProperty>{UID_URI}<t:Value>{uid}</t:Value></t:ExtendedProperty>" if uid else ""
    return f"<t:CalendarItem><t:Subject>{subject}</t:Subject>{marked}{inner}</t:CalendarItem>"


def create(*events: str, folder: str = CALENDAR, send: str = ' SendMeetingInvitations="SendToNone"') -> str:
    saved = f"<m:SavedItemFolderId>{folder}</m:SavedItemFolderId>" if folder else ""
    return f"<m:CreateItem{send}>{saved}<m:Items>{''.join(events)}</m:Items></m:CreateItem>"


def update(item_id: str, *changes: str, key: str = "", resolution: str = "AlwaysOverwrite") -> str:
    change_key = f' ChangeKey="{key}"' if key else ""
    return (
        f'<m:UpdateItem ConflictResolution="{resolution}" SendMeetingInvitationsOrCancellations="SendToNone">'
        f'<m:ItemChanges><t:ItemChange><t:ItemId Id="{item_id}"{change_key}/>'
        f"<t:Updates>{''.join(changes)}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )


def set_field(uri: str, inner: str) -> str:
    path = uri if uri.startswith("<") else f'<t:FieldURI FieldURI="{uri}"/>'
    return f"<t:SetItemField>{path}<t:CalendarItem>{inner}</t:CalendarItem></t:SetItemField>"


def get(*item_ids: str, shape: str = "IdOnly", more: str = "", options: str = "") -> str:
    asked = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    ids = "".join(f'<t:ItemId Id="{item_id}"/>' for item_id in item_ids)
    return (
        f"<m:GetItem><m:ItemShape><t:BaseShape>{shape}</t:BaseShape>{options}{asked}</m:ItemShape>"
        f"<m:ItemIds>{ids}</m:ItemIds></m:GetItem>"
    )


def delete(*item_ids: str, how: str = "HardDelete", send: str = ' SendMeetingCancellations="SendToNone"') -> str:
    ids = "".join(f'<t:ItemId Id="{item_id}"/>' for item_id in item_ids)
    return f'<m:DeleteItem DeleteType="{how}"{send}><m:ItemIds>{ids}</m:ItemIds></m:DeleteItem>'


def find(
    restriction: str = "",
    view: str = "",
    folders: str = CALENDAR,
    shape: str = "IdOnly",
    more: str = "",
    sort: str = "",
) -> str:
    asked = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    limited = f"<m:Restriction>{restriction}</m:Restriction>" if restriction else ""
    return (
        f'<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>{shape}</t:BaseShape>{asked}</m:ItemShape>'
        f"{view}{limited}{sort}<m:ParentFolderIds>{folders}</m:ParentFolderIds></m:FindItem>"
    )
