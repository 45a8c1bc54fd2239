"""Plays one breakage: all well, broken, told everywhere, repaired, told again, all well."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.core.troubles import Code, Severity, Trouble
from receiver.sentences.phrases import local, words
from tests.drill.breakage import Breakage
from tests.drill.hastened import MISCONFIGURED
from tests.drill.letters import Kind, counted
from tests.drill.screens import Noted, Screen, look, page_text, until_green, until_told
from tests.drill.system import DrillSystem, until

RUNBOOK = Path(__file__).parents[2] / "docs" / "fr" / "depannage.md"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CALM_S = 2.0
"""For what must not come."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one breakage brought."""

    alert: str
    """Its title; empty: none can leave."""
    told: Mapping[Screen, Noted]
    """From the break."""
    sentence: str
    """The page's, and the cure that it names."""
    until_when: str
    """What was said of how long it may stay after the repair; empty: nothing."""
    green: Mapping[Screen, Noted]
    """From the repair."""
    remark: str
    """What was counted beside."""


def play(breakage: Breakage, system: DrillSystem) -> Played:
    """Play it to its end.

    Raises:
        AssertionError: somebody was not told, or told twice, or wrongly; or a calendar is wrong.

    """
    until(lambda: all(look(screen, system).is_green for screen in Screen), "all to be well before the break")
    assert system.letters == []
    if breakage.prepare:
        breakage.prepare(system)

    broken_at = time.monotonic()
    repair = breakage.strike(system)
    told = until_told(system, breakage.code, broken_at, breakage.blind)
    sentence = _shown(breakage, system)

    repaired_at = time.monotonic()
    remark = repair() or ""
    system.send_again()
    until_when = ""
    if breakage.lasts:
        until_when = _until_when(breakage, system)
        breakage.lasts(system)
        repaired_at = time.monotonic()
    green = until_green(system, repaired_at)
    if Screen.ALERT not in breakage.blind:
        until(lambda: system.came(Kind.ENDED, breakage.code), "the message of the end")
    system.wait_for_calendar()
    system.book_and_see()  # and it goes on as if nothing had been
    time.sleep(CALM_S)  # that nothing else comes up for a while is the subject
    green = until_green_for_good(system, repaired_at, green)
    return Played(_judged(breakage, system), told, sentence, until_when, green, remark)


def until_green_for_good(system: DrillSystem, since: float, green: Mapping[Screen, Noted]) -> Mapping[Screen, Noted]:
    """Return when all were green; where something that was told beside came up since then, when that was over."""
    while not all(look(screen, system).is_green for screen in Screen):
        green = until_green(system, since)
        time.sleep(CALM_S)  # as above
    return green


def _until_when(breakage: Breakage, system: DrillSystem) -> str:
    """Return how long after the repair the trouble may be told, as `status` and the page say."""
    lasting = {breakage.code, *breakage.along}
    until(lambda: {each.code for each in troubles(system) if not each.until} <= set(), "nothing to last for ever")
    ends = [each.until for each in troubles(system) if each.until and each.code in lasting]
    assert ends, f"none of {lasting} lasts"
    text = page_text(system)
    assert text is None or any(local(end) in text for end in ends)
    left = max(ends) - datetime.now(UTC)
    rest = f"{left / HOUR:.0f} h" if left >= HOUR else f"{left / MINUTE:.0f} min"
    return f"says that it may stay for {rest}"


def _shown(breakage: Breakage, system: DrillSystem) -> str:
    """Return the sentence of the trouble and its cure, which `status` and page have; the runbook has a chapter."""
    assert f"\n## {breakage.code}\n" in RUNBOOK.read_text("utf-8")
    [trouble] = [each for each in troubles(system) if each.code is breakage.code]
    assert breakage.has_named_cause or trouble.cause == breakage.cause
    advice = words(replace(trouble, cause=breakage.page_cause) if breakage.page_cause else trouble)
    text = page_text(system)
    assert Screen.PAGE in breakage.blind or (text is not None and advice.title in text and advice.cure in text), text
    return f"{advice.title}. {advice.cure}"


def troubles(system: DrillSystem) -> Iterator[Trouble]:
    """Yield what `rdv-receiver status` says is wrong; the API where the configuration leaves it nothing to say."""
    exit_status, text = system.status()
    report = system.overview() if exit_status == MISCONFIGURED else json.loads(text)
    for told in report["troubles"]:
        code, severity = Code(told["code"]), Severity(told["severity"])
        until_when = datetime.fromisoformat(told["until"]) if told["until"] else None
        yield Trouble(code, severity, told["subject"], told["cause"], count=told["count"], until=until_when)


def _judged(breakage: Breakage, system: DrillSystem) -> str:
    """Return the title of the alert, once all that came is found to be right: each trouble once, each end once."""
    until(lambda: system.mailed == system.posted or not system.is_mail_heard, "both recipients to be sent the same")
    letters, is_sent = system.letters, Screen.ALERT not in breakage.blind
    wanted = Counter[str]([breakage.code, *breakage.along] if is_sent else breakage.along)
    for kind in (Kind.BEGUN, Kind.ENDED):
        came = counted(letters, kind)
        assert wanted <= came <= wanted + Counter(breakage.may_come), letters
    assert counted(letters, Kind.CHANGED).keys() <= breakage.changes, letters
    return next(each.title for each in letters if each.code is breakage.code) if is_sent else ""
