"""The page docs/drill.md: one row for each breakage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.drill.breakages import BREAKAGES, Breakage
from tests.drill.play import Played

DOCUMENT = Path(__file__).parents[2] / "docs" / "drill.md"

HEAD = """\
# The trouble drill

Written by `python -m tests.drill`, which breaks a whole receiver in each of these ways and repairs it again; it fails
where anybody was not told, told twice, or told wrongly. Do not edit: a test plays some of the breakages anew and
compares this page with what the code declares. The seconds are those of one run on a busy machine.

Each drill has the receiver's own processes (web, worker, watch), a mock Exchange over TLS with NTLM and an authority of
its own, and two who are alerted: one by HTTP, one by mail. An appointment is booked and seen in the agent's calendar;
nothing is wrong. Then something breaks, and an appointment is booked meanwhile. It is then checked that

- **one** alert came for it, of the expected code and cause, at both addresses, and no other that is not named here;
- `rdv-receiver status` and the page show that trouble with its sentence and its cure, and the runbook
  ([fr/depannage.md](fr/depannage.md)) has a chapter;
- after the repair **one** message told its end, `status` finds nothing wrong, what was refused meanwhile was taken when
  the emitter sent it again, and the calendar shows **each appointment once**; one more is booked and seen.

What takes minutes in production takes seconds here: a trouble that may pass by itself is told after 1 s (5 min), is
over after 2 s without it (5 min), and the watch looks every 0.2 s (15 s). Where a row needs a worker to count as
silent it does so after 5 s (1 min). No other threshold differs, unless the row says so. Seconds are counted from the
break to the alert, and from the repair to the message of the end.
"""
COLUMNS = (
    "breakage",
    "how it is made",
    "code / cause",
    "alert",
    "after",
    "the page's sentence and cure",
    "repair",
    "message of the end",
    "after the repair",
    "counted",
)
DECLARED = (0, 1, 2, 6)
"""The columns that a run does not change."""


def cells(breakage: Breakage, played: Played) -> list[str]:
    """Return a row."""
    name, made, codes, cure = declared_cells(breakage)
    begun = [f"« {played.alert} »", f"{played.alert_after_s:.1f} s", f"« {played.sentence} »"]
    return [name, made, codes, *begun, cure, f"« {played.end} »", f"{played.end_after_s:.1f} s", played.remark]


def declared_cells(breakage: Breakage) -> tuple[str, ...]:
    """Return what a row holds that is known before it is played."""
    code = f"`{breakage.code}`" + (f" / `{breakage.cause}`" if breakage.cause else "")
    beside = "".join(f", and `{each}`" for each in sorted(breakage.along))
    return breakage.name, breakage.made, code + beside, breakage.cure


def document(played: Mapping[str, Played]) -> str:
    """Return the whole page."""
    rows = [cells(each, played[each.name]) for each in BREAKAGES]
    return HEAD + "\n" + "\n".join(_line(row) for row in [COLUMNS, ["---"] * len(COLUMNS), *rows]) + "\n"


def declared(page: str) -> list[tuple[str, ...]]:
    """Return what the rows of a page hold that was known before."""
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [tuple(row[column].strip() for column in DECLARED) for row in rows[2:]]


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"
