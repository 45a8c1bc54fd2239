"""What can be wrong in a configuration: a place, a code, and details that are never a secret's text."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Location = tuple[str | int, ...]
"""Keys and list positions that lead to a value, from the root of the file."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def path_of(location: Location) -> str:
    """Write a location as ``sources.mds.secrets[0].env``; unusual keys are quoted and their controls escaped."""
    return "".join(_step(part) for part in location).removeprefix(".")


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.match(part) else f"[{json.dumps(part, ensure_ascii=False)}]"


@dataclass(frozen=True, slots=True)
class Problem:
    """One trouble with the configuration."""

    location: Location
    code: str
    details: Mapping[str, str | int] = field(default_factory=dict)
    line: int | None = None
    file: Path | None = None
    """The file meant, where it is not the configuration itself (a CSV of mailboxes)."""
    column: int | None = None
    """Where in the line, from 1 on; None: not known."""

    @property
    def path(self) -> str:
        """The place as people write it."""
        return path_of(self.location)

    @property
    def log_path(self) -> str:
        """The place as logs may hold it: a quoted key can be an agent's address, so it is left out."""
        shown = [part if isinstance(part, int) or _PLAIN_KEY.match(part) else "…" for part in self.location]
        return path_of(tuple(shown)).replace('["…"]', "[…]")


class ConfigurationErrors(Exception):
    """The configuration cannot be used. Holds every problem; its text holds codes and places only."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_reading_order))
        super().__init__(", ".join(f"{problem.log_path or 'file'}: {problem.code}" for problem in self.problems))


def _reading_order(problem: Problem) -> tuple[bool, str, int, str]:
    return problem.file is not None, str(problem.file or ""), problem.line or 0, problem.path
