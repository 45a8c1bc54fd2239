"""exchangelib as others use it: what it costs by itself, and the naive receiver that is built on it."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from exchangelib import (
    IMPERSONATION,
    NTLM,
    Account,
    Build,
    CalendarItem,
    Configuration,
    Credentials,
    EWSDateTime,
    EWSTimeZone,
    ExtendedProperty,
    FailFast,
    HTMLBody,
    Version,
)
from exchangelib.folders import Calendar, Root
from exchangelib.items import ALL_OCCURRENCES, ALWAYS_OVERWRITE, MOVE_TO_DELETED_ITEMS, SAVE_ONLY, SEND_TO_NONE
from exchangelib.properties import DistinguishedFolderId, ItemId, Mailbox
from exchangelib.services import CreateItem, DeleteItem, UpdateItem
from exchangelib.util import DummyResponse

ROUNDS = 7


class Marker(ExtendedProperty):  # type: ignore[misc]  # exchangelib ships no annotations
    """The property by which a receiver finds its items."""

    property_set_id = "9d3c9ba1-2f6c-4a4b-8a35-77f1a0cbe0a4"
    property_name = "Marker"
    property_type = "String"


CalendarItem.register("marker", Marker)

WRITTEN = ("subject", "sensitivity", "body", "reminder_is_set", "marker", "start", "end", "legacy_free_busy_status",
           "location")  # fmt: skip
ANSWER = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    '<s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="39"'
    ' Version="V2017_07_11" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header><s:Body>'
    '<m:{verb}Response xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>{messages}'
    "</m:ResponseMessages></m:{verb}Response></s:Body></s:Envelope>"
)
MESSAGE = (
    '<m:{verb}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{content}'
    "</m:{verb}ResponseMessage>"
)
ITEM = '<m:Items><t:CalendarItem><t:ItemId Id="{number:0152}" ChangeKey="{number:040}"/></t:CalendarItem></m:Items>'


def cpu_ms(created: int, updated: int, deleted: int) -> float:
    """Return the processor time of one change: its request written and its answer read, in batches of these sizes.

    Nothing is sent. The quickest of some rounds counts: the rest is the machine's.
    """
    account = account_of("nobody@departement.example", "https://exchange.invalid/EWS/Exchange.asmx", "", "")
    works: list[Callable[[], object]] = []
    if created:
        works.append(lambda: _create(account, created))
    if updated:
        works.append(lambda: _update(account, updated))
    if deleted:
        works.append(lambda: _delete(account, deleted))
    return min(_round_ms(works) for _ in range(ROUNDS)) / (created + updated + deleted)


def _round_ms(works: Sequence[Callable[[], object]], repeats: int = 5) -> float:
    begun = time.process_time()
    for _ in range(repeats):
        for work in works:
            work()
    return (time.process_time() - begun) * 1000 / repeats


def account_of(address: str, server: str, user: str, password: str) -> Any:
    """Return a mailbox on one connection, without a request to the server."""
    version = Version(build=Build(15, 1), api_version="Exchange2016")
    configuration = Configuration(
        service_endpoint=server,
        credentials=Credentials(user, password),
        auth_type=NTLM,
        version=version,
        retry_policy=FailFast(),
    )
    return Account(
        address, config=configuration, access_type=IMPERSONATION, autodiscover=False,
        default_timezone=EWSTimeZone("Europe/Paris"),
    )  # fmt: skip


def _calendar(account: Any) -> Any:
    named = DistinguishedFolderId(id="calendar", mailbox=Mailbox(email_address=account.primary_smtp_address))
    return Calendar(root=Root(account=account), _distinguished_id=named)


def item(account: Any, number: int, **more: Any) -> Any:
    """Return an appointment as a receiver writes it."""
    zone = EWSTimeZone("Europe/Paris")
    start = EWSDateTime.from_datetime(datetime(2031, 3, 3, 8, tzinfo=UTC) + timedelta(minutes=number)).astimezone(zone)
    link = f"https://rdv.example/agents/rdvs/{number}"
    return CalendarItem(
        account=account,
        subject="Consultation PMI",
        body=HTMLBody(f'<html><body><p>À changer dans RDV.</p><p><a href="{link}">{link}</a></p></body></html>'),
        start=start,
        end=start + timedelta(minutes=30),
        location="Maison du Département Solidarité, 37 rue du Temple, Arras, 62000",
        legacy_free_busy_status="Busy",
        sensitivity="Private",
        reminder_is_set=False,
        marker=f"Rdv/{number}",
        **more,
    )


def _parsed(service: Any, payload: Any, verb: str, contents: Sequence[str]) -> list[Any]:
    service.wrap(payload, api_version="Exchange2016")
    messages = "".join(MESSAGE.format(verb=verb, content=content) for content in contents)
    answer = ANSWER.format(verb=verb, messages=messages).encode()
    if service.returns_elements:
        return list(service.parse(answer))
    _, body = service._get_soap_parts(response=DummyResponse(content=answer))  # noqa: SLF001  # as `parse` does
    return list(service._get_elements_in_response(response=service._get_soap_messages(body=body)))  # noqa: SLF001


def _items(count: int) -> list[str]:
    return [ITEM.format(number=number) for number in range(count)]


def _create(account: Any, count: int) -> list[Any]:
    service = CreateItem(account=account)
    payload = service.get_payload(
        items=[item(account, number) for number in range(count)],
        folder=_calendar(account),
        message_disposition=SAVE_ONLY,
        send_meeting_invitations=SEND_TO_NONE,
    )
    return _parsed(service, payload, "CreateItem", _items(count))


def _update(account: Any, count: int) -> list[Any]:
    service = UpdateItem(account=account)
    payload = service.get_payload(
        items=[(item(account, number, id=f"{number:0152}"), WRITTEN) for number in range(count)],
        conflict_resolution=ALWAYS_OVERWRITE,
        message_disposition=SAVE_ONLY,
        send_meeting_invitations_or_cancellations=SEND_TO_NONE,
        suppress_read_receipts=True,
    )
    return _parsed(service, payload, "UpdateItem", _items(count))


def _delete(account: Any, count: int) -> list[Any]:
    service = DeleteItem(account=account)
    payload = service.get_payload(
        items=[ItemId(id=f"{number:0152}") for number in range(count)],
        delete_type=MOVE_TO_DELETED_ITEMS,
        send_meeting_cancellations=SEND_TO_NONE,
        affected_task_occurrences=ALL_OCCURRENCES,
        suppress_read_receipts=True,
    )
    return _parsed(service, payload, "DeleteItem", [""] * count)


def naive_s(account: Any, created: int, updated: int, deleted: int) -> float:
    """Return the seconds of each change, if each is a search for the item and then a write.

    What stands before, the connection and the folder are not counted.
    """
    calendar = account.calendar
    before = [item(account, number, folder=calendar) for number in range(updated + deleted)]
    account.bulk_create(calendar, before)
    begun = time.monotonic()
    for number in range(updated):
        for found in calendar.filter(marker=f"Rdv/{number}"):
            moved = item(account, number + 1000)
            for name in WRITTEN:
                setattr(found, name, found.marker if name == "marker" else getattr(moved, name))
            found.save(update_fields=list(WRITTEN))
    for number in range(updated, updated + deleted):
        for found in calendar.filter(marker=f"Rdv/{number}"):
            found.move_to_trash()
    for number in range(updated + deleted, updated + deleted + created):
        if not list(calendar.filter(marker=f"Rdv/{number}")):
            item(account, number, folder=calendar).save()
    return (time.monotonic() - begun) / (created + updated + deleted)
