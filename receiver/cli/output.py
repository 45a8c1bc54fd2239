"""How reports are printed: French lines for people, English keys for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from unicodedata import category

from receiver import sentences
from receiver.config import ConfigurationErrors, Problem
from receiver.config.address_fields import key_of
from receiver.core.addresses import display_safe
from receiver.operations.rules import Effects
from receiver.operations.support.check import Finding, Level, worst
from receiver.sentences.phrases import store_words
from receiver.store.database.records import ComingAgent

WIDTH_OF_FILES = 200
"""The width of lines if the output is not a terminal."""


def print_problems(path: Path, errors: ConfigurationErrors) -> None:
    """Print every problem of a configuration on standard error, one line each."""
    for problem in errors.problems:
        print(problem_line(path, problem), file=sys.stderr)
    print(sentences.COMMANDS["configuration_refused"].format(count=len(errors.problems)), file=sys.stderr)


def print_problems_json(errors: ConfigurationErrors) -> None:
    """Print every problem of a configuration as one JSON object."""
    problems = [
        {
            "path": problem.path,
            "code": problem.code,
            "line": problem.line,
            "column": problem.column,
            "file": str(problem.file) if problem.file else None,
            "details": dict(problem.details),
        }
        for problem in errors.problems
    ]
    print(json.dumps({"ok": False, "problems": problems}, indent=2))


def problem_line(path: Path, problem: Problem) -> str:
    """Return ``config.yaml:12: sources.mds.emitter : ...``, as editors and people find places."""
    file = problem.file or path
    place = ":".join(str(part) for part in (file, problem.line, problem.column) if part)
    subject = f"{problem.path} : " if problem.location else ""
    return printable(f"{place}: {subject}{sentence(sentences.CONFIGURATION, problem.code, problem.details)}")


def sentence(table: Mapping[str, str], code: str, details: Mapping[str, str | int]) -> str:
    """Return the table's sentence for a code, or a sentence that says that there is none."""
    return table.get(code, sentences.UNKNOWN).format(**{"code": code, **details})


def calendar_sentence(code: str) -> str:
    """Return what a calendar's failure means and what to do."""
    return sentences.CALENDAR.get(code, sentences.CALENDAR_UNKNOWN.format(code=code))


def print_servers(troubles: Mapping[str, str]) -> None:
    """Print why each calendar server that could not be used failed."""
    for calendar, code in troubles.items():
        print(printable(f"{sentences.LEVELS['trouble']}  calendars.{calendar}  {calendar_sentence(code)}"))


def finding_sentence(finding: Finding) -> str:
    """Return what a finding means and, where it is a trouble, what to do."""
    cause = finding.details.get("cause")
    if isinstance(cause, str) and cause in sentences.STORE_CAUSES:
        words = store_words(cause, finding.details)
        text = sentences.CHECK.get(finding.code, "") if finding.code == "store_unreachable" else "{cause}. {cure}"
        said = text.format(cause=words.title, cure=words.cure)
        return said[0].upper() + said[1:]
    for table in (
        sentences.CHECK,
        sentences.STORE_FILES,
        sentences.MAILBOXES_CHECK,
        sentences.TLS,
        sentences.CALENDAR,
        sentences.CONFIGURATION,
        sentences.TOKEN_KEY,
    ):
        if finding.code in table:
            return sentence(table, finding.code, _in_french(finding.details))
    return calendar_sentence(finding.code)


def _in_french(details: Mapping[str, str | int]) -> dict[str, str | int]:
    """Return the details, with codes replaced by French words."""
    kinds = str(details.get("edges", ""))
    return {**details, "edges": ", ".join(sentences.EDGES.get(kind, kind) for kind in kinds.split(","))}


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a table for people."""
    label_width = max(len(label) for label in sentences.LEVELS.values())
    subject_width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        label = sentences.LEVELS[finding.level]
        line = f"{label:<{label_width}}  {finding.subject:<{subject_width}}  {finding_sentence(finding)}"
        print(printable(line))
    print()
    level = worst(findings)
    must_change = level is Level.WARNING and not all(finding.ok for finding in findings)
    print(sentences.CHECK_RESULT["must_change" if must_change else level])


def print_findings_json(findings: Sequence[Finding]) -> None:
    """Print one JSON object for programs."""
    report = {
        "ok": all(finding.ok for finding in findings),
        "findings": [
            {
                "code": finding.code,
                "subject": finding.subject,
                "level": finding.level.value,
                "ok": finding.ok,
                "details": dict(finding.details),
            }
            for finding in findings
        ],
    }
    print(json.dumps(report, indent=2))


def print_effects(standing: str, effects: Effects, *, as_json: bool) -> None:
    """Print what a ruleset changes, and whether it was put in force."""
    if as_json:
        print(json.dumps({"standing": standing, **asdict(effects)}, indent=2))
        return
    print(sentences.RULES["counts"].format(**asdict(effects)))
    if effects.orphaned:
        print(sentences.RULES["orphaned" if standing == "preview" else "orphaned_left"].format(**asdict(effects)))
    print(sentences.RULES[standing])


def print_held(removals: int | None, *, as_json: bool) -> None:
    """Print that a ruleset waits for a confirmation."""
    if removals is not None and not as_json:
        print(sentences.RULES["held"].format(removals=removals))


def print_unmapped(agents: Sequence[ComingAgent], *, as_json: bool) -> None:
    """Print the agents without a mailbox, the busiest first."""
    if as_json:
        print(json.dumps({"unmapped": [asdict(agent) | _key(agent.email) for agent in agents]}, indent=2))
        return
    print(sentences.UNMAPPED["heading" if agents else "none"])
    shown = [display_safe(agent.email) for agent in agents]
    width = max(map(len, shown), default=0)
    for email, agent in zip(shown, agents, strict=True):
        print(printable(sentences.UNMAPPED["line"].format(email=email.ljust(width), events=agent.events)))
    if any(_key(agent.email) for agent in agents) or shown != [agent.email for agent in agents]:
        print(sentences.UNMAPPED["odd"])


def _key(email: str) -> dict[str, str]:
    """Return the key to map an agent by, if it differs from the e-mail."""
    key = key_of(email)
    return {"key": key} if key != email else {}


def printable(text: str) -> str:
    """Return the text without terminal control characters: keys and server answers come from outside."""
    return "".join(
        "\ufffd" if category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character for character in text
    )


def print_table(columns: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under the names of their columns, without terminal control characters."""
    # Imported where it is drawn: it costs what no service needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES).print(table)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call, from any thread, when one of `total` steps is done. Drawn on standard error."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    # Imported where it is drawn: it costs what no service needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
