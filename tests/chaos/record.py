"""docs/chaos.md: one line for each drill that was held, good or bad."""

import fcntl
import re
from pathlib import Path

from tests.chaos.drill import Order, Result

DOCUMENT = Path(__file__).parents[2] / "docs" / "chaos.md"
WEBHOOKS, KILLS, VERDICT = 4, 8, 13
"""Columns of the table."""


def line(result: Result) -> str:
    """Return a drill as one line of a Markdown table."""
    order = result.order
    cells = (
        order.seed,
        order.store,
        f"{order.minutes:g}",
        f"{order.pace_s:g}",
        result.webhooks,
        result.acknowledged,
        result.retries,
        f"{result.webhooks / result.seconds:.0f}" if result.seconds else "-",
        sum(result.kills.values()),
        ", ".join(f"{what} {times}" for what, times in result.kills.items()),
        sum(result.blows.values()) - sum(times for kind, times in result.blows.items() if "killed" in kind),
        result.entries,
        f"{result.peace_s:.0f}",
        "pass" if result.passed else f"**FAIL** ({len(result.violations)})",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def append(document: Path, result: Result) -> None:
    """Write a drill down at the end of the page, and count anew. Drills may end at the same time."""
    with document.open("r+", encoding="utf-8") as page:
        fcntl.flock(page, fcntl.LOCK_EX)
        text = counted(page.read() + line(result) + "\n")
        page.seek(0)
        page.write(text)
        page.truncate()


def counted(text: str) -> str:
    """Return the page with its sums put right."""
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| \d.*\|$", text, re.MULTILINE)]
    drills, passed = len(rows), sum(row[VERDICT] == "pass" for row in rows)
    kills, webhooks = (sum(int(row[column]) for row in rows) for column in (KILLS, WEBHOOKS))
    sums = f"**{drills} drills, {passed} passed: {kills} kills, {webhooks} webhooks.**"
    return re.sub(r"^\*\*\d+ drills.*\*\*$", sums, text, flags=re.MULTILINE)


def again(order: Order) -> str:
    """Return the command that draws the same workload and the same blows."""
    words = f"--seed {order.seed} --minutes {order.minutes:g} --store {order.store}"
    return f"python -m tests.chaos {words} --rate {order.rate:g} --pace {order.pace_s:g}"
