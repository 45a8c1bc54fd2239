"""GetFolder and FindFolder."""

from functools import partial

from lxml import etree

from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.operations.paging import page
from mock_exchange.ews.restriction import compile_restriction
from mock_exchange.ews.shapes import folder_element, shape_of
from mock_exchange.ews.views import FolderView
from mock_exchange.xml.elements import MESSAGES, Element, add, m, t


def get_folder(context: Context) -> list[Element]:
    """Answer folders in the shape asked for."""

    def get(reference: Element) -> list[Element]:
        folder = context.folder(reference)
        shape = shape_of(context.part("FolderShape"))
        return [_folders(folder_element(context.store, folder, shape, context.level(folder.mailbox)))]

    return context.each(context.parts("FolderIds"), get, _no_folders)


def find_folder(context: Context) -> list[Element]:
    """Search below folders, each with a message of its own."""
    return context.each(context.parts("ParentFolderIds"), partial(_search, context))


def _search(context: Context, reference: Element) -> list[Element]:
    if context.part("FractionalPageFolderView") is not None:
        raise EwsError("ErrorInvalidRequest", "The mock does not support this kind of paging.")
    store, parent = context.store, context.folder(reference)
    passes = compile_restriction(context.part("Restriction"))
    below = (
        []
        if context.option("Traversal") == "SoftDeleted"
        else store.subfolders(parent.id, deep=context.option("Traversal") == "Deep")
    )
    found = page(
        [folder for folder in below if passes(FolderView(store, folder))], context.part("IndexedPageFolderView")
    )
    shape = shape_of(context.part("FolderShape"))
    root = etree.Element(m("RootFolder"), nsmap={"m": MESSAGES}, attrib=found.attributes)
    level = context.level(parent.mailbox)
    add(root, t("Folders")).extend(folder_element(store, folder, shape, level) for folder in found.results)
    return [root]


def _folders(*elements: Element) -> Element:
    holder = etree.Element(m("Folders"), nsmap={"m": MESSAGES})
    holder.extend(elements)
    return holder


def _no_folders() -> list[Element]:
    return [_folders()]
