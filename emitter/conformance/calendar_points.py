"""What the calendars must show after the stories: one point a story, and some for all of them.

All stories are sent before anything is judged, each shifted by different minutes, so that a missing or extra entry
shows which story it belongs to. Only times are compared, not texts, unless exact texts are asked for.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from emitter.conformance import canaries
from emitter.conformance.bench import Bench
from emitter.conformance.calendar_reader import CalendarCommand, Reading
from emitter.conformance.touched import Key, touched
from emitter.conformance.verdicts import Finding, Result, failed, not_judged, passed
from emitter.occurrences import Window, year_from
from emitter.payloads import Generation
from emitter.scenarios import CALENDAR_SCENARIOS, SCENARIOS, ExpectedEntry, Scenario, build, cast
from emitter.scenarios.stage import Story

MINUTE_CLASSES = 15  # stories plan in quarters of an hour: so many can be told apart by minutes alone
QUIET_S = 1.0
"""How long the calendars must stay right: entries that arrive late are found."""


@dataclass(frozen=True, slots=True)
class Played:
    """One story as it was sent."""

    scenario: Scenario
    expected: Counter[Key]
    touched: frozenset[Key]
    """All entries that any of its states would show."""
    entries: Mapping[Key, ExpectedEntry]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The calendars at the end, without what stood there before."""

    shown: Counter[Key]
    words: Mapping[Key, Counter[tuple[str, str]]]
    printed: str
    printed_before: str

    def missing(self, expected: Counter[Key]) -> Counter[Key]:
        """Expected entries that are missing."""
        return expected - self.shown

    def extra(self, expected: Counter[Key]) -> Counter[Key]:
        """Entries that are not expected."""
        return self.shown - expected


def stories(generation: Generation, *, with_slots: bool) -> list[Scenario]:
    """The stories that apply to any receiver with one source in Paris."""
    scenarios = [*SCENARIOS.values(), *(CALENDAR_SCENARIOS.values() if with_slots else ())]
    return [scenario for scenario in scenarios if scenario.tellable_in(generation) and _plain(scenario)]


def _plain(scenario: Scenario) -> bool:
    """Whether it needs no special configuration and no third mailbox."""
    owners = set(cast.MAILBOX_OWNERS.values())
    return scenario.needs.nothing and set(build(scenario.name, datetime.now(UTC)).expected) == owners


def judge_nothing(scenarios: Sequence[Scenario]) -> list[Result]:
    """The same rows if no calendar can be read."""
    finding = not_judged("no --calendar-command")
    return [Result(name, sentence, finding) for name, sentence in [*map(_row, scenarios), *COMMON]]


def judge_calendars(
    bench: Bench, command: CalendarCommand, scenarios: Sequence[Scenario], settle_s: float, *, exact_texts: bool
) -> list[Result]:
    """Send all stories, wait until the calendars are right or the timeout, and judge.

    Raises:
        UnreadableError: the command does not show calendars.

    """
    at = datetime.now(UTC)
    reader = _Reader(bench, command, year_from(at))
    before = reader.read()
    told = told_apart(scenarios, at, bench.generation)
    played = [_play(bench, scenario, story) for scenario, story in zip(scenarios, told, strict=True)]
    expected = sum((one.expected for one in played), Counter[Key]())
    outcome = _settled(lambda: reader.since(before), expected, settle_s)
    own = [Result(*_row(one.scenario), _story(one, outcome, expected)) for one in played]
    words = _words(played, outcome, exact_texts=exact_texts)
    findings = (_doubles(outcome, expected), _strays(outcome, played), _personal(outcome), words)
    common = [Result(*row, finding) for row, finding in zip(COMMON, findings, strict=True)]
    return [*own, *common]


COMMON = (
    ("calendar.one_each", "one entry for each event and agent"),
    ("calendar.nothing_else", "nothing that no story tells of"),
    ("calendar.nothing_personal", "nothing personal in what is shown"),
    ("calendar.words", "titles and places in the words of the stories (optional)"),
)


def _row(scenario: Scenario) -> tuple[str, str]:
    return f"calendar.{scenario.name}", scenario.summary.rstrip(".")


class _Reader:
    """All agents' calendars, as the command prints them."""

    def __init__(self, bench: Bench, command: CalendarCommand, window: Window) -> None:
        self._command = command
        self._window = window
        self._agents = {told: bench.mailboxes.get(told, told) for told in cast.MAILBOX_OWNERS.values()}

    def read(self) -> dict[str, Reading]:
        return {told: self._command.read(known, self._window) for told, known in self._agents.items()}

    def since(self, before: Mapping[str, Reading]) -> Outcome:
        now = self.read()
        words: dict[Key, Counter[tuple[str, str]]] = {}
        for agent, reading in now.items():
            for entry in (Counter(reading.entries) - Counter(before[agent].entries)).elements():
                words.setdefault(_key(agent, entry), Counter())[entry.title, entry.place] += 1
        return Outcome(
            Counter({key: told.total() for key, told in words.items()}),
            words,
            "".join(reading.text for reading in now.values()),
            "".join(reading.text for reading in before.values()),
        )


def _key(agent: str, entry: ExpectedEntry) -> Key:
    return Key(agent, entry.start.astimezone(UTC), entry.end.astimezone(UTC))


def told_apart(scenarios: Sequence[Scenario], at: datetime, generation: Generation) -> Iterator[Story]:
    """Yield each scenario's story as of a moment, each with times that no other story has."""
    taken: set[Key] = set()
    for own, scenario in enumerate(scenarios):
        # An occurrence of a weekly series may coincide with another story, depending on the weekday.
        for number in count(own):
            story = _retold(scenario, at, generation, *divmod(number, MINUTE_CLASSES))
            times = touched(story).union(_expected(story))
            if taken.isdisjoint(times):
                break
        taken |= times
        yield story


def _expected(story: Story) -> list[Key]:
    """Return the entries that must be shown at the end, with repetitions."""
    return [_key(agent, entry) for agent, told in story.expected.items() for entry in told]


def _play(bench: Bench, scenario: Scenario, story: Story) -> Played:
    bench.deliver([step.body for step in story.steps], ordered=scenario.ordered)
    entries = {_key(agent, entry): entry for agent, told in story.expected.items() for entry in told}
    return Played(scenario, Counter(_expected(story)), touched(story), entries)


def _retold(scenario: Scenario, at: datetime, usual: Generation, days: int, minutes: int) -> Story:
    """In the platform's current generation, or in a later one that the story needs."""
    generation = usual if usual is Generation.RDV_INSERTION else scenario.generation
    return build(scenario.name, at, generation, days_later=days, minutes_later=minutes)


def _settled(look: Callable[[], Outcome], expected: Counter[Key], settle_s: float) -> Outcome:
    """Poll until the calendars are right and stay so, or until the timeout."""
    deadline_s = time.monotonic() + settle_s
    pause_s = min(QUIET_S, settle_s / 10)
    right_before = False
    while True:
        outcome = look()
        right = outcome.shown == expected
        if (right and right_before) or time.monotonic() >= deadline_s:
            return outcome
        right_before = right
        time.sleep(pause_s)


def _story(one: Played, outcome: Outcome, expected: Counter[Key]) -> Finding:
    missing, extra = outcome.missing(expected), outcome.extra(expected)
    told = [*_listed("missing", missing, one.expected.keys()), *_listed("too much", extra, one.touched)]
    return failed("; ".join(told)) if told else passed(f"entries: {one.expected.total()}")


def _listed(what: str, found: Counter[Key], own: Set[Key]) -> Iterator[str]:
    """One line with some of them; the others are counted."""
    mine = sorted(key for key in found if key in own)
    if mine:
        first = mine[0]
        more = f" and {len(mine) - 1} more" if len(mine) > 1 else ""
        yield f"{what}: {first.agent} {first.start:%Y-%m-%d %H:%M}-{first.end:%H:%M} UTC{more}"


def _doubles(outcome: Outcome, expected: Counter[Key]) -> Finding:
    doubles = Counter({key: more for key, more in outcome.extra(expected).items() if key in expected})
    told = list(_listed("more than once", doubles, doubles.keys()))
    return failed(told[0]) if told else passed()


def _strays(outcome: Outcome, played: Sequence[Played]) -> Finding:
    known = {key for one in played for key in one.touched | one.expected.keys()}
    strays = Counter({key: count for key, count in outcome.shown.items() if key not in known})
    told = list(_listed("unexplained", strays, strays.keys()))
    return failed(told[0]) if told else passed()


def _personal(outcome: Outcome) -> Finding:
    """Entries that existed before do not count."""
    before = set(canaries.found_in(outcome.printed_before))
    found = [word for word in canaries.found_in(outcome.printed) if word not in before]
    return failed("shown: " + ", ".join(found)) if found else passed()


def _words(played: Sequence[Played], outcome: Outcome, *, exact_texts: bool) -> Finding:
    """Other texts are accepted unless exact texts are asked for."""
    wanted = {key: entry for one in played for key, entry in one.entries.items()}
    for key, entry in wanted.items():
        for title, place in outcome.words.get(key, ()):
            if (title, place) != (entry.title, entry.place):
                found = f"{title!r} at {place!r} for {entry.title!r} at {entry.place!r}"
                return failed(found) if exact_texts else not_judged(found)
    return passed()
