"""Says which files a `.dockerignore` lets into a build, by the rules of Docker's documentation."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    """Matches a path, or a folder above it."""
    keeps: bool
    start: str
    """A kept path begins so: its folder must be looked into, ignored as it is."""


def files(folder: Path) -> list[str]:
    """Return the files that a build of the folder sees, relative to it."""
    rules = [_rule(line) for line in (folder / ".dockerignore").read_text().splitlines() if _says_something(line)]
    return sorted(_walk(folder, "", rules))


def _walk(folder: Path, prefix: str, rules: list[_Rule]) -> Iterator[str]:
    for entry in os.scandir(folder / prefix):
        path = f"{prefix}{entry.name}"
        if not entry.is_dir(follow_symlinks=False):
            if _kept(path, rules):
                yield path
        elif _kept(path, rules) or any(rule.keeps and rule.start.startswith(f"{path}/") for rule in rules):
            yield from _walk(folder, f"{path}/", rules)


def _kept(path: str, rules: list[_Rule]) -> bool:
    """The last rule that matches decides."""
    return next((rule.keeps for rule in reversed(rules) if rule.pattern.match(path)), True)


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _rule(line: str) -> _Rule:
    text = line.strip().removeprefix("!").strip("/")
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    pattern = "".join(_WILD.get(part, re.escape(part)) for part in parts)
    return _Rule(re.compile(f"{pattern}(?:/.*)?$"), line.startswith("!"), text)
