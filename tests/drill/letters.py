"""What came in at the other end of the alerts."""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from receiver import sentences
from receiver.core.troubles import Code, Colour

_BEGUN = {colour: sentences.ALERT[colour].partition("{")[0] for colour in (Colour.ALARM, Colour.ATTENTION)}
_ENDED = sentences.ALERT["ended"].partition("{")[0]
_CHAPTER = re.compile(r"chapitre « (\w+) »")


class Kind(StrEnum):
    """What a letter says of its trouble."""

    BEGUN = "begun"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Letter:
    """One alert as it arrived."""

    kind: Kind
    code: Code
    colour: Colour
    """Of an end: that of what ended."""
    title: str
    """Without the kind before it."""


def read(posted: list[tuple[str, str]]) -> list[Letter]:
    """Return letters from their titles and bodies, in order. One that ends is known by what one before began with.

    Raises:
        AssertionError: a letter is none that is known, or ends what never began.

    """
    letters: list[Letter] = []
    for whole, body in posted:
        if whole.startswith(_ENDED):
            title = whole.removeprefix(_ENDED)
            begun = _begun_as(letters, title)
            letters.append(Letter(Kind.ENDED, begun.code, begun.colour, title))
            continue
        chapter = _CHAPTER.search(body)
        assert chapter, "a letter names its chapter of the runbook"
        kind, colour, title = _told(whole)
        letters.append(Letter(kind, Code(chapter[1]), colour, title))
    return letters


def _told(whole: str) -> tuple[Kind, Colour, str]:
    """Return what a title says of a trouble that lasts."""
    for colour, prefix in _BEGUN.items():
        changed = sentences.ALERT["changed"].format(label=sentences.COLOURS[colour], title="")
        for kind, begin in ((Kind.BEGUN, prefix), (Kind.CHANGED, changed)):
            if whole.startswith(begin):
                return kind, colour, whole.removeprefix(begin)
    raise AssertionError(f"no letter of ours: {whole}")


def counted(letters: list[Letter], kind: Kind) -> Counter[str]:
    """Return how many letters of a kind came, by code."""
    return Counter(letter.code.value for letter in letters if letter.kind is kind)


def still_open(letters: list[Letter]) -> list[Letter]:
    """Return those that told of a trouble whose end has not been told."""
    ended = counted(letters, Kind.ENDED)
    open_: list[Letter] = []
    for letter in reversed(letters):
        if letter.kind is Kind.BEGUN:
            if ended[letter.code] > 0:
                ended[letter.code] -= 1
            else:
                open_.append(letter)
    return open_[::-1]


def _begun_as(letters: list[Letter], title: str) -> Letter:
    """Return the newest trouble with that title; counts in it may have grown."""
    wanted = without_numbers(title)
    found = [each for each in letters if each.kind is not Kind.ENDED and without_numbers(each.title) == wanted]
    assert found, f"nothing began as « {title} »"
    return found[-1]


def without_numbers(text: str) -> str:
    """Return a title as it is whatever is counted in it: that may grow between two looks, or two recipients.

    A plural goes with its number.
    """
    return re.sub(r"s\b", "", re.sub(r"\d+", "#", text))
