"""The page docs/drill.md: one row for each breakage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.drill.breakage import Breakage
from tests.drill.breakages import KINDS
from tests.drill.play import Played
from tests.drill.screens import Noted, Screen

DOCUMENT = Path(__file__).parents[2] / "docs" / "drill.md"

HEAD = """\
# The trouble drill

Written by `python -m tests.drill`, which breaks a whole receiver in each of these ways and repairs it again; it fails
where anybody was not told, told twice, or told wrongly. Do not edit: a test plays some of the breakages anew and
compares this page with what the code declares. The seconds are those of a busy machine;
rows may be of several runs.

Each drill has the receiver's own processes (web, worker, watch), a mock Exchange over TLS with NTLM and an authority of
its own, and two who are alerted: one by HTTP, one by mail. An appointment is booked and seen in the agent's calendar;
nothing is wrong. Then something breaks, and where the breakage leaves that possible an appointment is booked meanwhile.
It is then checked that

- `rdv-receiver status`, the page, `/readyz` and the alerts all tell of it by its code, and that none of them which has
  told is green again while it lasts;
- **one** alert came for it, at both addresses, and no other that is not named here; its cause is the expected one; none
  came where nothing is left to send it;
- `status` and the page have its sentence and its cure, and the runbook ([fr/depannage.md](fr/depannage.md)) a chapter;
- after the repair all four are green again within a minute (what stays longer by its nature is named, with the reason),
  **one** message told the end, what was refused meanwhile was taken when the emitter sent it again, and the calendar
  shows **each appointment once**; one more is booked and seen.

What takes minutes in production takes seconds here: a trouble that may pass by itself is told after 1 s (5 min), is
over after 2 s without it (5 min), and the watch looks every 0.2 s (15 s); the web looks every 0.5 s (5 s). Where a row
needs a worker to count as silent it does so after 5 s (1 min). No other threshold differs, unless the row says so.
Seconds are counted from the break until a screen told of it, and from the repair until it was green again; a look at
`status` is a process of its own, and takes about a second. An alert is green when its end has been told.
"""
COLUMNS = (
    "breakage",
    "how it is made",
    "code / cause",
    "what the alert says",
    *(f"{each}, after" for each in Screen),
    "the page's sentence and cure",
    "repair",
    "green again: " + ", ".join(Screen),
    "counted",
)
DECLARED = {"breakage": 0, "how it is made": 1, "code / cause": 2, "repair": COLUMNS.index("repair")}
"""The columns that a run does not change."""


def cells(breakage: Breakage, played: Played) -> list[str]:
    """Return a row."""
    name, made, codes, cure = declared_cells(breakage)
    told = [_told(played.told[screen]) for screen in Screen]
    green = ", ".join(f"{played.green[screen].after_s:.1f}" for screen in Screen) + " s"
    if played.until_when:
        green = f"{played.until_when}; that time over: {green}"
    alert = f"« {played.alert} »" if played.alert else ""
    return [name, made, codes, alert, *told, f"« {played.sentence} »", cure, green, played.remark]


def _told(noted: Noted) -> str:
    return f"{noted.said}, {noted.after_s:.1f} s"


def declared_cells(breakage: Breakage) -> tuple[str, ...]:
    """Return what a row holds that is known before it is played."""
    code = f"`{breakage.code}`" + (f" / `{breakage.cause}`" if breakage.cause else "")
    beside = "".join(f", and `{each}`" for each in sorted(breakage.along))
    return breakage.name, breakage.made, code + beside, breakage.cure


def document(played: Mapping[str, Played]) -> str:
    """Return the whole page."""
    tables = []
    for kind, rows in KINDS.items():
        lines = [COLUMNS, ["---"] * len(COLUMNS), *(cells(each, played[each.name]) for each in rows)]
        tables.append(f"## {kind}\n\n" + "\n".join(_line(line) for line in lines) + "\n")
    return HEAD + "\n" + "\n".join(tables)


def declared(page: str) -> list[tuple[str, ...]]:
    """Return what the rows of a page hold that was known before."""
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    told = [tuple(row[column].strip() for column in DECLARED.values()) for row in rows]
    return [row for row in told if row[0] not in {COLUMNS[0], "---"}]


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"
