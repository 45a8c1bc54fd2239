"""What has been played, in a file: a run that failed at the last breakage need not begin anew."""

import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from tests.drill.breakage import Breakage
from tests.drill.play import Played
from tests.drill.screens import Noted, Screen


class Record:
    """By name; what a row declares is kept beside, so that a row which was changed is played anew."""

    def __init__(self, file: Path | None) -> None:
        """Read the file; None: nothing is kept."""
        self._file = file
        self._lock = Lock()
        self._played: dict[str, Any] = json.loads(file.read_text("utf-8")) if file and file.exists() else {}

    def of(self, breakage: Breakage) -> Played | None:
        """Return what was played, where it was as the row declares it now."""
        found = self._played.get(breakage.name)
        if found is None or found["declared"] != _declared(breakage):
            return None
        fields = dict(found["played"])
        for key in ("told", "green"):
            fields[key] = {Screen(name): Noted(**noted) for name, noted in fields[key].items()}
        return Played(**fields)

    def add(self, breakage: Breakage, played: Played) -> None:
        """Keep one more."""
        with self._lock:
            self._played[breakage.name] = {"declared": _declared(breakage), "played": asdict(played)}
            if self._file:
                self._file.write_text(json.dumps(self._played, ensure_ascii=False, indent=1), encoding="utf-8")


def _declared(breakage: Breakage) -> list[str]:
    return [breakage.name, breakage.made, breakage.cure, breakage.code, breakage.cause, *sorted(breakage.along)]
