"""docs/power-loss.md: one line for each drill that was held, good or bad."""

import re
from pathlib import Path

from tests.power_loss.drill import Examined, Result

DOCUMENT = Path(__file__).parents[2] / "docs" / "power-loss.md"
HEADER = (
    "| seed | store | lives | acknowledged | writes, flushes | cuts | under way | KiB gone "
    "| looked for | lost | doubled | trouble | careless | seen | verdict |"
)
CUTS, LOOKED_FOR, VERDICT = 5, 8, 14
"""Columns of the table."""


def line(result: Result) -> str:
    """Return a drill as one line of a Markdown table."""
    order, careful = result.order, result.careful
    cells = (
        order.seed,
        order.store,
        order.lives,
        result.acknowledged,
        result.records,
        len(careful),
        sum(each.fate.pending > 0 for each in careful),
        sum(each.fate.lost for each in careful) // 1024,
        sum(each.verdict.required for each in careful),
        sum(each.verdict.lost for each in careful),
        sum(each.verdict.doubled for each in careful),
        sum(bool(each.verdict.troubles) for each in careful),
        f"`{result.careless_by}`" if result.careless else "-",
        f"{len(result.seen)} of {len(result.careless)}, up to {_most_lost(result.careless)} gone",
        "pass" if result.passed else "**FAIL**",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _most_lost(examined: list[Examined]) -> int:
    return max((each.verdict.lost for each in examined), default=0)


def append(document: Path, result: Result) -> None:
    """Write a drill down at the end of the page, and count anew."""
    document.write_text(counted(document.read_text("utf-8") + line(result) + "\n"), "utf-8")


def counted(text: str) -> str:
    """Return the page with its sums put right."""
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| \d.*\|$", text, re.MULTILINE)]
    passed = sum(row[VERDICT] == "pass" for row in rows)
    cuts, looked_for = (sum(int(row[column]) for row in rows) for column in (CUTS, LOOKED_FOR))
    sums = f"**{len(rows)} drills, {passed} passed: {cuts} cuts, {looked_for} acknowledged webhooks looked for.**"
    return re.sub(r"^\*\*\d+ drills.*\*\*$", sums, text, flags=re.MULTILINE)
