"""Which properties an answer shows, in schema order."""

from collections.abc import Collection
from dataclasses import dataclass

from mock_exchange.calendar.model import Folder, Item
from mock_exchange.calendar.store import Store
from mock_exchange.ews import schema_order
from mock_exchange.ews.rights import Level
from mock_exchange.ews.views import FolderView, ItemView, Readable, as_text, kind_of
from mock_exchange.xml.elements import Element, add, child_text, local, make, own_copy, t
from mock_exchange.xml.paths import ExtendedKey, extended_key, key_of, requested


@dataclass(frozen=True, slots=True)
class Shape:
    """A base shape and what was asked for beside."""

    base: str
    names: frozenset[str]
    extended: tuple[Element, ...]
    text_bodies: bool = False


ID_ONLY = Shape("IdOnly", frozenset(), ())


def shape_of(element: Element) -> Shape:
    """Read an ItemShape or a FolderShape.

    Raises:
        EwsError: it asks for what is no property.

    """
    paths = requested(element)
    names = {key for key in map(key_of, paths) if isinstance(key, str)}
    if child_text(element, "t:IncludeMimeContent") in {"true", "1"}:
        names.add("MimeContent")
    return Shape(
        base=child_text(element, "t:BaseShape") or "IdOnly",
        names=frozenset(names),
        extended=tuple(path for path in paths if local(path) == "ExtendedFieldURI"),
        text_bodies=child_text(element, "t:BodyType") == "Text",
    )


def item_element(store: Store, item: Item, shape: Shape, listing: bool = False, level: Level = Level.OWNER) -> Element:
    """Return a CalendarItem with what the shape asks for; a listing lacks what only GetItem knows."""
    names = _names(shape, "ItemId", schema_order.ITEM_DEFAULT_SHAPE, schema_order.CALENDAR_ITEM)
    if listing:
        names -= schema_order.NOT_IN_FIND_ITEM
    element = make("CalendarItem")
    _fill(element, ItemView(store, item, level), schema_order.CALENDAR_ITEM, names, shape)
    if shape.text_bodies:
        for body in element.findall(t("Body")):
            element.replace(body, as_text(body))
    return element


def folder_element(store: Store, folder: Folder, shape: Shape, level: Level = Level.OWNER) -> Element:
    """Return a folder element of the folder's kind with what the shape asks for."""
    names = _names(shape, "FolderId", schema_order.FOLDER_DEFAULT_SHAPE, schema_order.FOLDER)
    element = make(kind_of(folder))
    _fill(element, FolderView(store, folder, level), schema_order.FOLDER, names, shape)
    return element


def _names(shape: Shape, identity: str, default: Collection[str], everything: Collection[str]) -> set[str]:
    base = {"Default": default, "AllProperties": everything}.get(shape.base, ())
    # MimeContent and TextBody come only when they are asked for by name.
    return ({identity, *base} - {"MimeContent", "TextBody"}) | shape.names


def _fill(element: Element, thing: Readable, order: tuple[str, ...], names: set[str], shape: Shape) -> None:
    for name in order:
        if name == "ExtendedProperty":
            _add_extended(element, thing, shape)
        elif name in names and (value := thing.element(name)) is not None:
            element.append(value)


def _add_extended(element: Element, thing: Readable, shape: Shape) -> None:
    seen: set[ExtendedKey] = set()
    for uri in shape.extended:
        key = extended_key(uri)
        values = [] if key in seen else thing.extended(key)
        seen.add(key)
        if values:
            element.append(_extended_property(uri, values))


def _extended_property(uri: Element, values: list[str]) -> Element:
    """Answer under the very path that was asked for."""
    prop = make("ExtendedProperty")
    prop.append(own_copy(uri))
    if str(uri.get("PropertyType", "")).endswith("Array"):
        holder = add(prop, t("Values"))
        for value in values:
            add(holder, t("Value"), value)
    else:
        add(prop, t("Value"), values[0])
    return prop
