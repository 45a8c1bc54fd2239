"""FindItem: restrictions, paging, calendar views, sorting."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from lxml import etree

from mock_exchange.calendar.model import Item
from mock_exchange.calendar.series import shown
from mock_exchange.calendar.times import parse
from mock_exchange.errors import EwsError
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.operations.paging import MAX_RESULTS, Page, page
from mock_exchange.ews.restriction import Value, coercion, compile_restriction
from mock_exchange.ews.rights import Level
from mock_exchange.ews.shapes import item_element, shape_of
from mock_exchange.ews.views import ItemView, texts
from mock_exchange.xml.elements import MESSAGES, Element, add, children, m, t
from mock_exchange.xml.paths import PropertyKey, key_of

UNSUPPORTED = (
    *("FractionalPageItemView", "SeekToConditionPageItemView", "ContactsView"),
    *("GroupBy", "DistinguishedGroupBy", "QueryString"),
)
WIDEST_VIEW = timedelta(days=2 * 366)


def find_item(context: Context) -> list[Element]:
    """Search folders, each with a message of its own."""
    return context.each(context.parts("ParentFolderIds"), partial(_search, context))


def _search(context: Context, reference: Element) -> list[Element]:
    if any(context.part(name) is not None for name in UNSUPPORTED):
        raise EwsError("ErrorInvalidRequest", "The mock does not support this kind of search.")
    folder = context.folder(reference)
    # Associated items do not exist here, and what was soft-deleted lies in Recoverable Items.
    items = context.store.items_in(folder.id) if context.option("Traversal") == "Shallow" else []
    seen = [item for item in items if context.sees(item)]
    return [_root_folder(context, _selected(context, seen), context.level(folder.mailbox))]


def _selected(context: Context, items: list[Item]) -> Page[Item]:
    view = context.part("CalendarView")
    if view is not None:
        return _calendar_view(context, view, items)
    passes = compile_restriction(context.part("Restriction"))
    found = [item for item in items if passes(ItemView(context.store, item))]
    return page(_sorted(context, found), context.part("IndexedPageItemView"))


def _calendar_view(context: Context, view: Element, items: list[Item]) -> Page[Item]:
    if context.part("Restriction") is not None or context.part("SortOrder") is not None:
        raise EwsError("ErrorInvalidRequest", "Restrictions and sort order may not be given for a CalendarView.")
    start, end = (parse(str(view.get(name)), context.zone) for name in ("StartDate", "EndDate"))
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")
    if end - start > WIDEST_VIEW:
        raise EwsError("ErrorCalendarViewRangeTooBig", "The calendar view spans more than two years.")
    ordered = shown(items, start, end)
    first = ordered[: int(view.get("MaxEntriesReturned", str(MAX_RESULTS)))]
    whole = "true" if len(first) == len(ordered) else "false"
    return Page(first, {"TotalItemsInView": str(len(first)), "IncludesLastItemInRange": whole})


def _sorted(context: Context, items: list[Item]) -> list[Item]:
    """Sort by the last field first: Python's sort keeps what was equal in order."""
    ordered = items
    for field in reversed(context.parts("SortOrder")):
        path = children(field)[0]
        rank = partial(_rank, context, key_of(path), coercion(path))
        ordered = sorted(ordered, key=rank, reverse=field.get("Order") == "Descending")
    return ordered


def _rank(context: Context, key: PropertyKey, coerce: Callable[[str], Value], item: Item) -> Any:
    return [coerce(text) for text in texts(ItemView(context.store, item), key)]


def _root_folder(context: Context, found: Page[Item], level: Level) -> Element:
    shape_element = context.part("ItemShape")
    root = etree.Element(m("RootFolder"), nsmap={"m": MESSAGES}, attrib=found.attributes)
    holder = add(root, t("Items"))
    shape = shape_of(shape_element)
    holder.extend(item_element(context.store, item, shape, listing=True, level=level) for item in found.results)
    return root
