"""The page docs/drill.md: one row for each breakage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.drill.breakages import BREAKAGES, Breakage
from tests.drill.play import Played

DOCUMENT = Path(__file__).parents[2] / "docs" / "drill.md"

HEAD = """\
# The trouble drill

Written by `python -m tests.drill`, which breaks a whole receiver in each of these ways and repairs it again; it fails
where anybody was not told, told twice, or told wrongly. Do not edit: a test plays breakages and compares this page with
what the code declares. The seconds are those of one run.

Each drill has the receiver's own processes (web, worker, watch), a mock Exchange over TLS with NTLM and an authority of
its own, and two who are alerted: one by HTTP, one by mail. An appointment is booked and seen in the agent's calendar;
nothing is wrong. Then something breaks, and an appointment is booked meanwhile. It is then checked that

- **one** alert came for it, of the expected code and cause, at both addresses, and no other that is not named here;
- `rdv-receiver status` and the page show that trouble with its sentence and its cure, and the runbook has a chapter;
- after the repair **one** message told its end, `status` finds nothing wrong, what was refused meanwhile was taken when
  the emitter sent it again, and the calendar shows **each appointment once**; one more is booked and seen.

What takes minutes in production takes seconds here: a trouble that may pass by itself is told after 1 s (5 min), is
over after 2 s without it (5 min), and the watch looks every 0.2 s (15 s). Where a row needs a worker to count as
silent it does so after 3 s (1 min). No other threshold differs, unless a note says so.
"""


def cells(breakage: Breakage, played: Played) -> list[str]:
    """Return a row."""
    code = f"`{breakage.code}`" + (f" / `{breakage.cause}`" if breakage.cause else "")
    beside = "".join(f", and `{each}`" for each in sorted(breakage.along))
    note = " ".join(each for each in (breakage.note, _sentence(played.remark)) if each)
    told = f"« {played.alert} »"
    return [
        breakage.name,
        code + beside,
        told,
        f"{played.alert_after_s:.1f} s",
        f"« {played.sentence} »",
        f"« {played.end} »",
        f"{played.end_after_s:.1f} s",
        note,
    ]


def document(played: Mapping[str, Played]) -> str:
    """Return the whole page."""
    head = ["breakage", "code / cause", "alert", "after", "page", "message at the end", "after the repair", "notes"]
    rows = [cells(each, played[each.name]) for each in BREAKAGES]
    return HEAD + "\n" + "\n".join(_line(row) for row in [head, ["---"] * len(head), *rows]) + "\n"


def declared(page: str) -> list[tuple[str, str]]:
    """Return the name and the codes of each row of a page."""
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[1]) for row in rows[2:]]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"
