"""Filters of the templates: times of Paris, French numbers, codes in words."""

from datetime import date, datetime, timedelta

from flask import Flask
from jinja2 import StrictUndefined
from markupsafe import Markup

from receiver import __version__, sentences
from receiver.core.addresses import is_formula
from receiver.core.troubles import Code, Colour
from receiver.sentences.phrases import PARIS, cause_sentence, held_organisation, held_subject, local
from receiver.store.reports.status import COUNTED
from receiver.web.pages import chart
from receiver.web.views.query import stamp

THIN = "\N{NARROW NO-BREAK SPACE}"
APART = "\N{NO-BREAK SPACE}"
NOTHING = "—"
DETAILS = {
    Code.MAILBOXES_FAILING: "failures",
    Code.OTHER_INSTALLATION: "failures",
    Code.ENTRIES_FAILING: "failures",
    Code.EVENTS_FAILING: "failures",
    Code.OUT_OF_SCOPE: "held",
    Code.WEBHOOKS_HELD: "held",
    Code.CANCELLATIONS_MARKED: "held",
    Code.AGENTS_UNMAPPED: "unmapped",
    Code.SIGNATURES_REFUSED: "refusals",
    Code.WEBHOOKS_REFUSED: "refusals",
}
"""The page that shows more of a trouble."""
LOOKS = {Colour.OK: "good", Colour.ATTENTION: "attention", Colour.ALARM: "bad"}
"""The style sheet's classes for a colour."""


def prepare(app: Flask) -> None:
    """Add the filters to the templates' environment. An unknown name in a template is an error, not an empty text."""
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    words = {"word": word, "many": many, "cause": cause_sentence, "number": number, "percent": percent}
    environment.filters |= words | {"time": time, "hour": hour, "ago": ago, "day": day, "cell_text": cell_text}
    environment.globals |= {"version": __version__, "panel": chart.panel, "most": COUNTED}
    environment.globals |= {"scopes": sentences.SCOPES, "details": DETAILS}
    environment.globals |= {"looks": LOOKS}
    environment.globals |= {"reasons": sentences.HELD_REASONS, "meanings": sentences.HELD_MEANINGS}
    environment.globals |= {"subject": held_subject, "organisation": held_organisation}


def time(moment: datetime | None) -> Markup | str:
    """Return a moment by the clock of Paris."""
    if moment is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(stamp(moment), local(moment))


def hour(start: datetime) -> Markup:
    """Return an hour as a range, for a moment that is only known by its hour."""
    text = f"{start.astimezone(PARIS):%d/%m/%Y, entre %H h et} {(start + timedelta(hours=1)).astimezone(PARIS):%H h}"
    return Markup('<time datetime="{}">{}</time>').format(stamp(start), text)


def ago(moment: datetime, now: datetime) -> str:
    """Return roughly how long ago a moment was."""
    passed = max(now - moment, timedelta())
    if passed < timedelta(minutes=1):
        return "à l'instant"
    if passed < timedelta(hours=1):
        return f"il y a{APART}{passed // timedelta(minutes=1)}{APART}min"
    if passed < timedelta(days=2):
        return f"il y a{APART}{passed // timedelta(hours=1)}{APART}h"
    return f"il y a{APART}{passed.days}{APART}jours"


def cell_text(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if is_formula(text) else text


def number(count: int) -> str:
    """Return a whole number with separated thousands."""
    return f"{count:,}".replace(",", THIN)


def percent(share: float) -> str:
    """Return a share from 0 to 1 as a percentage; 100 % only if nothing is missing."""
    rounded = int(share * 1000) / 10
    return f"{rounded:.1f}".removesuffix(".0").replace(".", ",") + f"{THIN}%"


def word(code: str, kind: str) -> str:
    """Return the French word of a code; an unknown code stays unchanged."""
    return sentences.PAGE_WORDS[kind].get(code, code)


def many(count: int, scope: str) -> str:
    """Return a number of mailboxes, entries or events as text."""
    one, several = sentences.SCOPE_NOUNS[scope]
    return f"{number(count)} {several if count > 1 else one}"


def day(moment: date) -> str:
    """Return a day as a chart names it: ``lun. 23``."""
    return f"{sentences.WEEKDAYS[moment.weekday()]} {moment.day}"
