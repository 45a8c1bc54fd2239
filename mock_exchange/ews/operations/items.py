"""CreateItem, GetItem, UpdateItem, DeleteItem, MoveItem, CopyItem."""

from collections.abc import Callable
from functools import partial

from lxml import etree

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.quota import check_quota, size_of
from mock_exchange.calendar.series import take_out
from mock_exchange.errors import EwsError
from mock_exchange.ews.calendar_item import Draft
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.shapes import ID_ONLY, item_element, shape_of
from mock_exchange.xml.elements import MESSAGES, Element, add, children, local, m, t

DELETED = {"MoveToDeletedItems": "deleteditems", "SoftDelete": "recoverableitemsdeletions"}


def create_item(context: Context) -> list[Element]:
    """Create calendar items in the folder named, else in the caller's calendar."""
    return context.each(context.parts("Items"), partial(_create, context), _no_items)


def get_item(context: Context) -> list[Element]:
    """Answer items in the shape asked for."""
    shape = context.part("ItemShape")

    def get(reference: Element) -> list[Element]:
        item = context.item(reference)
        return [_items(item_element(context.store, item, shape_of(shape), level=context.level(item.mailbox)))]

    return context.each(context.parts("ItemIds"), get, _no_items)


def update_item(context: Context) -> list[Element]:
    """Change single fields of items."""
    return context.each(context.parts("ItemChanges"), partial(_update, context), _no_items)


def delete_item(context: Context) -> list[Element]:
    """Remove items, for ever or into the folder that the delete type means."""
    return context.each(context.parts("ItemIds"), partial(_delete, context))


def move_item(context: Context) -> list[Element]:
    """Move items to another folder; they get new ids."""
    return context.each(context.parts("ItemIds"), partial(_transfer, context, context.store.move), _no_items)


def copy_item(context: Context) -> list[Element]:
    """Copy items to another folder."""
    return context.each(context.parts("ItemIds"), partial(_transfer, context, context.store.copy), _no_items)


def _create(context: Context, element: Element) -> list[Element]:
    if local(element) != "CalendarItem":
        raise EwsError("ErrorInvalidRequest", "Only calendar items are supported.")
    folder = _target(context)
    send = _send_mode(context, "SendMeetingInvitations", "ErrorSendMeetingInvitationsRequired")
    draft = Draft(zone_id=context.zone_id).read(element).checked()
    check_quota(context.store, folder.mailbox, size_of(draft.values))
    item = context.store.insert(folder, draft.values, draft.extended)
    _count_mails(context, send, draft)
    return [_items(item_element(context.store, item, ID_ONLY))]


def _target(context: Context) -> Folder:
    named = context.parts("SavedItemFolderId")
    if named:
        folder = context.folder(named[0], write=True)
    elif context.caller.mailbox is not None:
        context.access.check(context.caller, context.caller.mailbox, write=True)
        folder = context.store.distinguished(context.caller.mailbox, "calendar")
    else:
        raise EwsError("ErrorMissingEmailAddress", "An account without a mailbox must name the folder it means.")
    if not (folder.folder_class or "").startswith("IPF.Appointment"):
        raise EwsError("ErrorCannotCreateCalendarItemInNonCalendarFolder")
    return folder


def _update(context: Context, change: Element) -> list[Element]:
    reference, updates = children(change)[:2]
    item = context.item(reference, write=True)
    if item.original_start is not None:
        raise EwsError("ErrorInvalidOperation", "The mock changes no single occurrence of a series.")
    send = _send_mode(
        context, "SendMeetingInvitationsOrCancellations", "ErrorSendMeetingInvitationsOrCancellationsRequired"
    )
    _check_change_key(reference, item, context.option("ConflictResolution") == "AlwaysOverwrite")
    draft = Draft.of(item.values, item.extended, context.zone_id)
    for description in children(updates):
        draft.change(description)
    draft.checked()
    check_quota(context.store, item.mailbox, size_of(draft.values) - size_of(item.values))
    context.store.rewrite(item, draft.values, draft.extended)
    _count_mails(context, send, draft)
    conflicts = etree.Element(m("ConflictResults"), nsmap={"m": MESSAGES})
    add(conflicts, t("Count"), "0")
    return [_items(item_element(context.store, item, ID_ONLY)), conflicts]


def _check_change_key(reference: Element, item: Item, overwrite: bool) -> None:
    known = reference.get("ChangeKey")
    if overwrite or known == item.change_key:
        return
    if known is None:
        raise EwsError("ErrorChangeKeyRequiredForWriteOperations", "The change key passed in the request is missing.")
    if len(known) != len(item.change_key):
        raise EwsError("ErrorInvalidChangeKey", "The change key is invalid.")
    raise EwsError(
        "ErrorIrresolvableConflict", "The send or update operation could not be performed because of a conflict."
    )


def _delete(context: Context, reference: Element) -> list[Element]:
    item = context.item(reference, write=True)
    send = _send_mode(context, "SendMeetingCancellations", "ErrorSendMeetingCancellationsRequired")
    where = DELETED.get(context.option("DeleteType") or "")
    _count_mails(context, send, Draft.of(item.values, item.extended))
    if item.original_start is not None:
        take_out(context.store, item)  # whatever the delete type: no folder holds an occurrence by itself
    elif where is None:
        context.store.remove(item)
    else:
        context.store.move(item, context.store.distinguished(item.mailbox, where))
    return []


def _transfer(context: Context, act: Callable[[Item, Folder], Item], reference: Element) -> list[Element]:
    folder = context.folder(context.parts("ToFolderId")[0], write=True)
    found = context.item(reference, write=True)
    if found.original_start is not None:
        raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence", "An occurrence cannot be moved or copied.")
    if act == context.store.copy or found.mailbox != folder.mailbox:
        check_quota(context.store, folder.mailbox, size_of(found.values))
    item = act(found, folder)
    # Between mailboxes Exchange tells no new id.
    shown = [item_element(context.store, item, ID_ONLY)] if item.mailbox == context.caller.mailbox else []
    return [_items(*shown)]


def _send_mode(context: Context, attribute: str, required: str) -> str:
    mode = context.option(attribute)
    if mode is None:
        raise EwsError(required, f"{attribute} is required for calendar items.")
    return mode


def _count_mails(context: Context, send: str, draft: Draft) -> None:
    if send != "SendToNone":
        context.mails += draft.attendees()


def _items(*elements: Element) -> Element:
    holder = etree.Element(m("Items"), nsmap={"m": MESSAGES})
    holder.extend(elements)
    return holder


def _no_items() -> list[Element]:
    return [_items()]
