"""Calendars as a command prints them: for any server and any tool that prints JSON."""

import json
import shlex
import subprocess
from dataclasses import dataclass
from datetime import datetime

from emitter.occurrences import Window
from emitter.scenarios import ExpectedEntry

COMMANDS_PATIENCE_S = 120.0


class UnreadableError(Exception):
    """The command does not print calendars, so the receiver cannot be judged."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one agent's calendar shows, and all that was printed, which must hold nothing personal."""

    entries: tuple[ExpectedEntry, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CalendarCommand:
    """Prints an agent's entries: a list of ``{title, place, start, end}``; of a series, each occurrence.

    ``{agent}`` stands for the address, ``{start}`` and ``{end}`` for the window's ends where the tool wants them.
    """

    words: str

    def read(self, agent: str, window: Window) -> Reading:
        """Run the command, without a shell; keep the entries that begin in the window.

        Raises:
            UnreadableError: it fails, or prints something else.

        """
        text = self._run(agent, window)
        try:
            items = json.loads(text)
            entries = tuple(entry for item in items if (entry := _entry(item)).start in window)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableError(f"the calendar command prints no list of entries: {error!r}") from None
        return Reading(entries, text + json.dumps(items, ensure_ascii=False))

    def _run(self, agent: str, window: Window) -> str:
        values = {"{agent}": agent, "{start}": window.start.isoformat(), "{end}": window.end.isoformat()}
        words = [_filled(word, values) for word in shlex.split(self.words)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=COMMANDS_PATIENCE_S, check=True)
        except (OSError, IndexError, subprocess.SubprocessError) as error:
            raise UnreadableError(f"the calendar command fails: {error}") from None
        return done.stdout


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


def _entry(item: dict[str, str]) -> ExpectedEntry:
    start, end = datetime.fromisoformat(item["start"]), datetime.fromisoformat(item["end"])
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("times need an offset")
    return ExpectedEntry(str(item["title"]), str(item["place"] or ""), start, end)
