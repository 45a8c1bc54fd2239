"""Held webhooks, as pages and the API show them, and the decisions on them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from receiver.operations import held as operation
from receiver.operations.held import Decision, Held, Places
from receiver.store.database.records import Reason
from receiver.store.intake import set_aside
from receiver.store.intake.set_aside import MOST as MOST_SET_ASIDE
from receiver.store.intake.set_aside import Wanted
from receiver.web.context import WebContext
from receiver.web.views import query
from receiver.web.views.query import BadQuestion

PAGE = 50
MOST_AT_ONCE = 500
"""The most webhooks that one request decides, as it must end within a request's time."""

SIGNED_BY = re.compile(r"[0-9a-f]{8}(,[0-9a-f]{8})*|", re.ASCII)
MODEL = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
LONGEST_SIGNED_BY = 80


@dataclass(frozen=True, slots=True)
class GroupLine:
    """The webhooks that wait for one reason, of one model, source and signature."""

    reason: str
    source: str
    signed_by: str
    places: tuple[str, ...]
    model: str
    count: int
    entries: int
    since: datetime
    full: bool
    """The limit is reached: later webhooks were dropped."""
    up_to: int
    """The highest number in the group; a decision on the group sends it back."""


@dataclass(frozen=True, slots=True)
class HeldPage:
    """A page of waiting webhooks, all groups, and where the next page begins."""

    groups: tuple[GroupLine, ...]
    held: tuple[Held, ...]
    next_after: int | None
    """The last number on this page; None: there are no more."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision."""

    count: int
    left: int
    """How many of the group still wait; 0 if numbers were given."""


def read(context: WebContext, wanted: Wanted, after: int, limit: int = PAGE) -> HeldPage:
    """Return the webhooks that wait after a number, and all groups."""
    store = context.store
    known = operation.places(context.settings, context.digest_key)
    found = store.read(set_aside.waiting, limit + 1, after, wanted)
    shown = tuple(operation.describe(each, known) for each in found[:limit])
    return HeldPage(_groups(context, known), shown, shown[-1].number if len(found) > limit else None)


def _groups(context: WebContext, known: Places) -> tuple[GroupLine, ...]:
    groups = context.store.read(set_aside.groups, context.clock())
    of_secret: dict[tuple[str, str], int] = {}
    for each in groups:
        if each.reason is Reason.SCOPE:
            key = each.source, each.signed_by
            of_secret[key] = of_secret.get(key, 0) + each.count
    return tuple(
        GroupLine(
            reason=each.reason,
            source=each.source,
            signed_by=each.signed_by,
            places=known.of(each.source, each.signed_by),
            model=each.model,
            count=each.count,
            entries=each.entries,
            since=each.since,
            full=each.reason is Reason.SCOPE and of_secret[each.source, each.signed_by] >= MOST_SET_ASIDE,
            up_to=each.last,
        )
        for each in groups
    )


def filtered(values: Mapping[str, str]) -> Wanted:
    """Return the filter that the query asks for.

    Raises:
        BadQuestion: a value is unknown.

    """
    reason, source = values.get("reason", ""), values.get("source", "")
    if reason and reason not in set(Reason):
        raise BadQuestion("reason")
    if source and query.CALENDAR.fullmatch(source) is None:
        raise BadQuestion("source")
    return Wanted(reason or None, source or None)


def group(values: Mapping[str, str]) -> Wanted:
    """Return the group in the form. Each part is required: without one, more would match than was shown.

    Raises:
        BadQuestion: a part of it is missing, or is none that exists.

    """
    found = filtered(values)
    if found.reason is None:
        raise BadQuestion("reason")
    if found.source is None:
        raise BadQuestion("source")
    signed_by, model = values.get("signed_by"), values.get("model", "")
    if signed_by is None or len(signed_by) > LONGEST_SIGNED_BY or SIGNED_BY.fullmatch(signed_by) is None:
        raise BadQuestion("signed_by")
    if MODEL.fullmatch(model) is None:
        raise BadQuestion("model")
    up_to = query.number(values, "up_to", query.LARGEST_ID)
    if up_to is None:
        raise BadQuestion("up_to")
    return Wanted(found.reason, found.source, signed_by, model, up_to)


def decide(context: WebContext, decision: Decision, meant: Wanted | list[int], by: str) -> Decided:
    """Apply or drop a group, up to `MOST_AT_ONCE` of it, or some numbers."""
    if isinstance(meant, list):
        return Decided(operation.decide(context.store, decision, meant, by), 0)
    numbers = [each.id for each in context.store.read(set_aside.waiting, MOST_AT_ONCE, wanted=meant)]
    count = operation.decide(context.store, decision, numbers, by)
    return Decided(count, context.store.read(set_aside.count, meant))
