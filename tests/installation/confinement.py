"""What the systemd unit says, read for a run without systemd (`confined.py` puts it in force)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

LAUNCHER = Path(__file__).with_name("confined.py")
UNIT = Path(__file__).parents[2] / "deploy/systemd/rdv-receiver.service"


def settings(unit: str) -> list[tuple[str, str]]:
    """Return the unit's assignments in their order."""
    lines = (line.strip() for line in unit.splitlines())
    return [(name, value) for name, _, value in (line.partition("=") for line in lines if line[:1].isalpha())]


def setting(unit: str, name: str) -> str:
    """Return the last value of a setting."""
    return [value for key, value in settings(unit) if key == name][-1]


def allowed_calls(unit: str) -> set[str]:
    """Return the system calls that the unit's SystemCallFilter leaves: its first line allows, `~` takes away."""
    first, *others = (value for name, value in settings(unit) if name == "SystemCallFilter")
    assert all(value.startswith("~") for value in others)
    taken = set(_calls(" ".join(value[1:] for value in others)))
    return set(_calls(first)) - taken


def _calls(words: str) -> Iterator[str]:
    for word in words.split():
        if not word.startswith("@"):
            yield word
            continue
        shown = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
        for line in shown.stdout.splitlines()[1:]:
            name = line.strip()
            if name and not name.startswith("#"):
                yield from _calls(name)
