"""CreateFolder and DeleteFolder."""

from functools import partial

from lxml import etree

from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.shapes import ID_ONLY, folder_element
from mock_exchange.xml.elements import MESSAGES, Element, child_text, local, m


def create_folder(context: Context) -> list[Element]:
    """Make calendars below a folder; elsewhere the mock has no use for them."""
    return context.each(context.parts("Folders"), partial(_create, context), _no_folders)


def delete_folder(context: Context) -> list[Element]:
    """Remove folders with all they hold, whatever the delete type."""
    return context.each(context.parts("FolderIds"), partial(_delete, context))


def _create(context: Context, wanted: Element) -> list[Element]:
    if local(wanted) != "CalendarFolder" and child_text(wanted, "t:FolderClass") != "IPF.Appointment":
        raise EwsError("ErrorInvalidRequest", "Only calendar folders are made here.")
    parent = context.folder(context.parts("ParentFolderId")[0], write=True)
    name = child_text(wanted, "t:DisplayName") or ""
    if any(folder.display_name.casefold() == name.casefold() for folder in context.store.subfolders(parent.id)):
        raise EwsError("ErrorFolderExists", "A folder with the specified name already exists.")
    made = context.store.make_folder(parent.mailbox, name, parent.label, "IPF.Appointment")
    holder = _no_folders()[0]
    holder.append(folder_element(context.store, made, ID_ONLY, context.level(made.mailbox)))
    return [holder]


def _delete(context: Context, reference: Element) -> list[Element]:
    folder = context.folder(reference, write=True)
    if folder.distinguished:
        raise EwsError("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
    context.store.remove_folder(folder)
    return []


def _no_folders() -> list[Element]:
    return [etree.Element(m("Folders"), nsmap={"m": MESSAGES})]
