"""The verdicts as a table for people and as JSON for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from emitter.conformance.verdicts import Result, Verdict


def table(results: Sequence[Result]) -> str:
    """One line for each point, and the sums."""
    width = max(len(result.point) for result in results)
    lines = [_line(result, width) for result in results]
    sums = Counter(result.finding.verdict for result in results)
    return "\n".join([*lines, "", ", ".join(f"{sums[verdict]} {verdict}" for verdict in Verdict)])


def _line(result: Result, width: int) -> str:
    detail = f"  [{result.finding.detail}]" if result.finding.detail else ""
    return f"{result.finding.verdict:<10}  {result.point:<{width}}  {result.sentence}{detail}"


def as_json(results: Sequence[Result], url: str, emitter: str, at: datetime) -> str:
    """The same as JSON."""
    points = [
        {
            "point": result.point,
            "sentence": result.sentence,
            "verdict": result.finding.verdict.value,
            "detail": result.finding.detail,
        }
        for result in results
    ]
    report = {"url": url, "emitter": emitter, "at": at.isoformat(), "failed": failures(results), "points": points}
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def failures(results: Sequence[Result]) -> int:
    """How many points FAIL."""
    return sum(result.finding.verdict is Verdict.FAIL for result in results)
