"""Search filters of FindItem and FindFolder, compiled to predicates."""

import operator
from collections.abc import Callable
from datetime import datetime
from functools import partial

from mock_exchange.calendar.times import parse
from mock_exchange.errors import EwsError
from mock_exchange.ews.views import Readable, texts
from mock_exchange.xml.elements import Element, children, local
from mock_exchange.xml.paths import ExtendedKey, PropertyKey, key_of

Predicate = Callable[[Readable], bool]
Value = str | int | datetime

COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}

TIMES = frozenset({"DateTimeReceived", "DateTimeSent", "DateTimeCreated", "LastModifiedTime", "Start", "End"})
NUMBERS = frozenset({"Size", "ReminderMinutesBeforeStart", "TotalCount", "ChildFolderCount", "UnreadCount"})
UNSEARCHABLE = frozenset({"UID", "MimeContent", "Attachments", "ItemId", "ParentFolderId", "EffectiveRights"})
MAX_DEPTH = 64


def compile_restriction(restriction: Element | None) -> Predicate:
    """Return the predicate of a Restriction; everything passes where there is none.

    Raises:
        EwsError: the filter is not one this server knows.

    """
    if restriction is None:
        return lambda _thing: True
    return _compile(children(restriction)[0], 0)


def _compile(node: Element, depth: int) -> Predicate:
    if depth > MAX_DEPTH:
        raise EwsError("ErrorInvalidRestriction", "The restriction is nested too deeply.")
    kind = local(node)
    if kind in {"And", "Or"}:
        return _junction(all if kind == "And" else any, [_compile(child, depth + 1) for child in children(node)])
    if kind == "Not":
        inner = _compile(children(node)[0], depth + 1)
        return lambda thing: not inner(thing)
    if kind == "Exists":
        key = _key(children(node)[0])
        return lambda thing: bool(texts(thing, key))
    if kind == "Contains":
        return _contains(node)
    if kind == "Excludes":
        return _excludes(node)
    if kind in COMPARISONS:
        return _comparison(kind, node)
    raise EwsError("ErrorUnsupportedQueryFilter", f"The filter {kind} is not supported.")


def _junction(combine: Callable[[list[bool]], bool], parts: list[Predicate]) -> Predicate:
    return lambda thing: combine([part(thing) for part in parts])


def _key(path: Element) -> PropertyKey:
    key = key_of(path)
    if key in UNSEARCHABLE:
        raise EwsError("ErrorUnsupportedPathForQuery", "The property cannot be searched.")
    return key


def _comparison(kind: str, node: Element) -> Predicate:
    path, against = children(node)
    key, coerce = _key(path), coercion(path)
    operand = children(against)[0]
    if local(operand) == "Constant":
        wanted = coerce(operand.get("Value", ""))
        return partial(_compare, kind, key, coerce, lambda _thing: [wanted])
    other = _key(operand)
    return partial(_compare, kind, key, coerce, lambda thing: [coerce(text) for text in texts(thing, other)])


def _compare(
    kind: str,
    key: PropertyKey,
    coerce: Callable[[str], Value],
    wanted: Callable[[Readable], list[Value]],
    thing: Readable,
) -> bool:
    """Compare any value with any wanted one; a property that is not set differs from everything ([MS-OXCDATA])."""
    found = [coerce(text) for text in texts(thing, key)]
    if kind == "IsNotEqualTo":
        return not any(value == other for value in found for other in wanted(thing))
    return any(COMPARISONS[kind](value, other) for value in found for other in wanted(thing))


def coercion(path: Element) -> Callable[[str], Value]:
    """Return how texts of a property compare: as times, as numbers, or as texts."""
    key = key_of(path)
    kind = path.get("PropertyType") if isinstance(key, ExtendedKey) else None
    if kind == "SystemTime" or key in TIMES:
        return parse
    if kind in {"Integer", "Short", "Long"} or key in NUMBERS:
        return _number
    # Exchange ignores case when it compares texts: a client must check what it found.
    return str.casefold


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise EwsError("ErrorInvalidRestriction", "A constant is no number.") from error


def _contains(node: Element) -> Predicate:
    path, constant = children(node)
    key, wanted = _key(path), str(constant.get("Value", ""))
    mode = node.get("ContainmentMode", "FullString")
    fold = (
        str if node.get("ContainmentComparison", "Exact") in {"Exact", "IgnoreNonSpacingCharacters"} else str.casefold
    )
    return lambda thing: any(_holds(mode, fold(text), fold(wanted)) for text in texts(thing, key))


def _holds(mode: str, text: str, wanted: str) -> bool:
    if mode == "FullString":
        return text == wanted
    if mode == "Prefixed":
        return text.startswith(wanted)
    if mode in {"PrefixOnWords", "ExactPhrase"}:
        words, phrase = f" {text} ", f" {wanted}" + (" " if mode == "ExactPhrase" else "")
        return phrase in words
    return wanted in text


def _excludes(node: Element) -> Predicate:
    path, mask = children(node)
    key, bits = _key(path), int(mask.get("Value", "0"), 0)
    return lambda thing: all(_number(text) & bits == 0 for text in texts(thing, key))
