"""The four places where people and machines see whether something is wrong, and how soon each of them says so."""

import html
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import requests

from receiver import sentences
from receiver.core.troubles import Code, Colour, Severity, Trouble, colour
from receiver.web.auth.cookies import NAME as COOKIE
from tests.drill.hastened import MISCONFIGURED
from tests.drill.letters import still_open
from tests.drill.system import PATIENCE_S, DrillSystem

NO_ANSWER, NOBODY_IN, NO_ALERT = "no answer", "lets nobody in", "none"
ANSWER_S = 10.0


class Screen(StrEnum):
    """Where to look."""

    STATUS = "status"
    PAGE = "page"
    READYZ = "/readyz"
    ALERT = "alert"


PAUSES_S: Mapping[Screen, float] = {Screen.STATUS: 1.0, Screen.PAGE: 0.7, Screen.READYZ: 0.5, Screen.ALERT: 0.2}
"""Between two looks."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one of them showed."""

    said: str
    """In its own words: a colour, a status."""
    is_green: bool
    codes: frozenset[str] = frozenset()
    """Which troubles it named."""

    def tells(self, code: Code, *, is_blind: bool = False) -> bool:
        """Whether it names a trouble; of one that the break takes away: whether nothing is to be seen there."""
        return self.said in {NO_ANSWER, NOBODY_IN, NO_ALERT} if is_blind else code in self.codes and not self.is_green


@dataclass(frozen=True, slots=True)
class Noted:
    """What a screen came to show, and when."""

    said: str
    after_s: float


def look(screen: Screen, system: DrillSystem) -> Shown:
    """Look once."""
    return _LOOKS[screen](system)


def until_told(system: DrillSystem, code: Code, since: float, blind: frozenset[Screen]) -> dict[Screen, Noted]:
    """Wait until each of them tells of a trouble; none that has told is green again before all have.

    Args:
        system: where to look.
        code: the trouble.
        since: the moment of the break, of the monotonic clock.
        blind: those that the break takes away.

    Raises:
        AssertionError: one of them did not tell, or was green again.

    """
    told: dict[Screen, Noted] = {}

    def is_done(screen: Screen, shown: Shown) -> bool:
        have_all_told = len(told) == len(Screen)
        tells = shown.tells(code, is_blind=screen in blind)
        if screen in told:
            assert tells, f"{screen} told of {code}, and showed then: {shown}"
        elif tells:
            told[screen] = Noted(shown.said, time.monotonic() - since)
        return have_all_told  # and has been looked at once more

    _follow(system, is_done, f"to tell of {code}")
    return told


def until_green(system: DrillSystem, since: float) -> dict[Screen, Noted]:
    """Wait until all of them are green at the same time; one that is green counts from then on.

    Raises:
        AssertionError: one of them was not, in time.

    """
    green: dict[Screen, Noted] = {}

    def is_done(screen: Screen, shown: Shown) -> bool:
        if not shown.is_green:
            green.pop(screen, None)
        elif screen not in green:
            green[screen] = Noted(shown.said, time.monotonic() - since)
        return len(green) == len(Screen)

    _follow(system, is_done, "to be green again")
    return green


def _follow(system: DrillSystem, is_done: Callable[[Screen, Shown], bool], what: str) -> None:
    """Look at all of them at once, until each is done."""
    failed = threading.Event()
    last: dict[Screen, Shown] = {}

    def follow(screen: Screen) -> None:
        start = time.monotonic()
        try:
            while not failed.is_set():
                last[screen] = look(screen, system)
                if is_done(screen, last[screen]):
                    return
                assert time.monotonic() - start < PATIENCE_S, f"waited in vain for {screen} {what}: {last}"
                time.sleep(PAUSES_S[screen])  # as often as people look
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(len(Screen)) as eyes:
        for each in [eyes.submit(follow, screen) for screen in Screen]:
            each.result()


def _status(system: DrillSystem) -> Shown:
    exit_status, text = system.status()
    if exit_status == MISCONFIGURED:  # it then names each fault, by its line, and reads nothing more
        return Shown(f"exit {exit_status}, each fault", is_green=False, codes=frozenset({Code.CONFIGURATION_REFUSED}))
    report = json.loads(text)
    troubles = report["troubles"]
    assert exit_status == (1 if troubles else 0)
    assert report["ok"] is (not troubles)
    assert report["colour"] == _worst({each["colour"] for each in troubles})
    said = f"{report['colour']}, exit {exit_status}"
    return Shown(said, report["colour"] == Colour.OK, frozenset(each["code"] for each in troubles))


def page_text(system: DrillSystem) -> str | None:
    """Return the page that the staff look at, as a browser would show it; None: nobody answers."""
    cookies = {"Cookie": f"{COOKIE}={system.token}"}
    answer = _ask(f"{system.address}/status", cookies)
    return None if answer is None else html.unescape(answer.text)


def _ask(url: str, headers: Mapping[str, str] | None = None) -> requests.Response | None:
    """Return what a web server answers; None: nobody does, or it is not ours."""
    try:
        answer = requests.get(url, headers=headers, timeout=ANSWER_S, allow_redirects=False)
    except requests.RequestException:
        return None
    return answer


def _page(system: DrillSystem) -> Shown:
    text = page_text(system)
    if text is None:
        return Shown(NO_ANSWER, is_green=False)
    codes = frozenset(re.findall(r"Guide de dépannage : <code>(\w+)</code>", text))
    verdict = re.search(r'id="verdict" class="verdict (\w+)"', text)
    if verdict is None:  # the page of an error, which stands for the whole
        named = frozenset(code for code, advice in sentences.TROUBLES.items() if advice.title in text)
        return Shown(Colour.ALARM if named else NOBODY_IN, is_green=False, codes=named)
    is_green = verdict[1] == "good"
    assert is_green is (not codes), f"the page's verdict is {verdict[1]}, its troubles are {codes}"
    shown = _worst(set(re.findall(r'<li class="card split (\w+)">', text)))
    return Shown(shown, is_green, codes)


def _readyz(system: DrillSystem) -> Shown:
    answer = _ask(f"{system.address}/readyz")
    if answer is None:
        return Shown(NO_ANSWER, is_green=False)
    told = answer.json()
    codes = frozenset(told["codes"])
    is_green = (answer.status_code, told["status"]) == (200, "ready")
    assert is_green is (not codes), told
    return Shown(f"{answer.status_code} `{told['status']}`", is_green, codes)


def _alert(system: DrillSystem) -> Shown:
    """What a recipient must take as true who trusts the messages; both are told the same."""
    is_told = system.mailed == system.posted or not system.is_mail_heard
    letters = still_open(system.letters) if is_told else []
    said = _worst({each.colour for each in letters}) if letters else NO_ALERT
    return Shown(said, not letters, frozenset(each.code for each in letters))


def _worst(colours: Iterable[str]) -> Colour:
    return colour(Trouble(Code.CLOCK_OFF, _SEVERITIES[each]) for each in colours)


_SEVERITIES = {"alarm": Severity.ALARM, "attention": Severity.WARNING, "warning": Severity.WARNING}


_LOOKS: Mapping[Screen, Callable[[DrillSystem], Shown]] = {
    Screen.STATUS: _status,
    Screen.PAGE: _page,
    Screen.READYZ: _readyz,
    Screen.ALERT: _alert,
}
