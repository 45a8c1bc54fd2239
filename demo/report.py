"""What the demo prints."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from emitter.delivery import DeliveryReport
from emitter.scenarios import Calendars, ExpectedEntry

PARIS = ZoneInfo("Europe/Paris")


def opening(server: str, port: int, folder: Path) -> str:
    """Print what runs where."""
    return (
        "A Maison des solidarités with two agents, its receiver and its Exchange, all on this machine.\n\n"
        f"  Exchange (mock, NTLM)  {server}\n"
        f"  webhook endpoint       http://127.0.0.1:{port}/webhooks/mds\n"
        f"  logs and database      {folder}\n"
    )


def sending(sent: DeliveryReport) -> str:
    """Print how the receiver answered the emitter."""
    answers = Counter(f"{attempt.status} {attempt.answer}" for attempt in sent.attempts)
    slowest_ms = max(attempt.latency_s for attempt in sent.attempts) * 1000
    lines = [f"{len(sent.deliveries)} signed webhooks, up to 4 at once, some late, some twice:"]
    lines += [f"  {count:3} x {answer}" for answer, count in sorted(answers.items())]
    return "\n".join([*lines, f"  slowest answer: {slowest_ms:.0f} ms", ""])


def judging(lines: Iterable[str]) -> str:
    """Print what the worker did, according to its log."""
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    verdicts = Counter(line["status"] for line in logged if line["event"] == "judged")
    return "\n".join(
        ["judged by the worker:", *(f"  {count:3} x {name}" for name, count in sorted(verdicts.items())), ""]
    )


def comparison(expected: Calendars, found: Calendars, waited_s: float) -> str:
    """Print each calendar beside the expected one."""
    right = sum(found[email] == entries for email, entries in expected.items())
    lines = [line for email in expected for line in _calendar(email, expected[email], found[email])]
    verdict = "as expected" if right == len(expected) else "NOT as expected"
    return "\n".join(
        [*lines, f"{right} of {len(expected)} calendars {verdict}, {waited_s:.1f} s after the last webhook."]
    )


def _calendar(email: str, expected: tuple[ExpectedEntry, ...], found: tuple[ExpectedEntry, ...]) -> list[str]:
    rows = [*((entry, "found" if entry in found else "MISSING") for entry in expected)]
    rows += [(entry, "UNEXPECTED") for entry in found if entry not in expected]
    if len(found) > len(set(found)):
        rows += [(entry, "TWICE") for entry in set(found) if found.count(entry) > 1]
    rows.sort(key=lambda row: (row[0].start, row[0].title))
    lines = [f"{email}: {len(expected)} entries expected, {len(found)} read back over EWS"]
    return [*lines, *(f"  {mark:>10} {_line(entry)}" for entry, mark in rows), ""]


def _line(entry: ExpectedEntry) -> str:
    start, end = entry.start.astimezone(PARIS), entry.end.astimezone(PARIS)
    return f"{start:%a %d %b %H:%M}-{end:%H:%M}  {entry.title:<34.34}  {entry.place}"
