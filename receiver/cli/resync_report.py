"""`resync`: what it prints."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from receiver.cli import output
from receiver.cli.table import print_table
from receiver.core.facts import Model
from receiver.operations.resync import missing
from receiver.operations.resync.missing import Finding, Judged, Removal
from receiver.operations.resync.progress import End
from receiver.operations.resync.start import SUBSCRIPTIONS, OrganisationReport
from receiver.sentences import LEVELS, RESYNC

MOST_LINES = 50
SETTLED = {Finding.EXISTS, Finding.GONE}


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of the command did and found."""

    source: str
    organisations: tuple[OrganisationReport, ...] = ()
    trouble: str | None = None
    """Why the API could not be asked at all."""
    dry_run: bool = False
    received: Mapping[Model, int] = field(default_factory=dict)
    expected: Mapping[Model, int] = field(default_factory=dict)
    end: End | None = None
    interrupted: bool = False
    judged: tuple[Judged, ...] | None = None
    """None: nothing was verified."""
    removal: Removal | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is to be seen to."""
        sent = bool(self.organisations) and all(each.ok for each in self.organisations)
        came = not self.interrupted and self.end not in {End.NOTHING_CAME, End.TOO_LONG}
        held = self.removal is not None and self.removal.held
        return self.trouble is None and sent and came and not held and not self.undecided

    @property
    def undecided(self) -> int:
        """Events that nobody could judge."""
        return sum(each.finding not in SETTLED for each in self.judged or ())


def print_json(report: Report) -> None:
    """Print one JSON object for programs."""
    content = {
        "ok": report.ok,
        "source": report.source,
        "trouble": report.trouble,
        "dry_run": report.dry_run,
        "organisations": [
            {
                "organisation": each.organisation,
                "step": each.step.value,
                "unsubscribed": list(each.unsubscribed),
                "trouble": each.trouble,
            }
            for each in report.organisations
        ],
        "received": _named(report.received),
        "expected": _named(report.expected),
        "end": report.end.value if report.end else None,
        "interrupted": report.interrupted,
        "verification": _verification(report),
    }
    print(json.dumps(content, indent=2))


def _named(counts: Mapping[Model, int]) -> dict[str, int]:
    return {SUBSCRIPTIONS[model]: count for model, count in counts.items()}


def _verification(report: Report) -> dict[str, object] | None:
    if report.judged is None:
        return None
    removal = report.removal or Removal()
    return {
        "counts": {finding.value: count for finding, count in missing.counts(report.judged).items()},
        "removed": [event.uid for event in removal.removed],
        "held": removal.held,
        "events": [
            {"uid": each.event.uid, "finding": each.finding.value, "trouble": each.trouble} for each in report.judged
        ],
    }


def print_report(report: Report) -> None:
    """Print lines for people."""
    for line in _lines_of_the_beginning(report):
        print(output.printable(line))
    if report.organisations:
        columns = [RESYNC[f"column {name}"] for name in ("organisation", "step", "details")]
        print_table(columns, map(_organisation_cells, report.organisations))
    for line in _lines_of_watching(report):
        print(output.printable(line))
    if report.judged is not None:
        _print_verification(report, report.judged)


def _lines_of_the_beginning(report: Report) -> Iterator[str]:
    if report.trouble is not None:
        yield f"{LEVELS['trouble']}  {RESYNC[report.trouble]}"
    elif not report.organisations:
        yield RESYNC["no_organisation"]


def _organisation_cells(each: OrganisationReport) -> tuple[str, str, str]:
    details = [RESYNC[each.trouble]] if each.trouble else []
    if each.unsubscribed:
        details.append(RESYNC["unsubscribed"].format(models=", ".join(each.unsubscribed)))
    return str(each.organisation), RESYNC[each.step], " ".join(details)


def _lines_of_watching(report: Report) -> Iterator[str]:
    if report.end or report.received:
        counts = ", ".join(_count(report, model) for model in Model if model in {**report.received, **report.expected})
        yield RESYNC["received"].format(counts=counts or RESYNC["nothing"])
    if report.end:
        yield RESYNC[report.end]
    if report.interrupted:
        yield RESYNC["interrupted"]
    if report.dry_run and report.judged is None:
        yield RESYNC["would"]


def _count(report: Report, model: Model) -> str:
    sentence = RESYNC["count of" if model in report.expected else "count"]
    return sentence.format(
        count=report.received.get(model, 0), model=SUBSCRIPTIONS[model], total=report.expected.get(model, "")
    )


def _print_verification(report: Report, judged: tuple[Judged, ...]) -> None:
    told = [each for each in judged if each.finding is not Finding.EXISTS]
    if told:
        columns = [RESYNC["column event"], RESYNC["column finding"]]
        print_table(columns, [(each.event.uid, _finding(each)) for each in told[:MOST_LINES]])
    if len(told) > MOST_LINES:
        print(RESYNC["more"].format(count=len(told) - MOST_LINES))
    counts = missing.counts(judged)
    gone = counts[Finding.GONE]
    print(RESYNC["verified"].format(gone=gone, exists=counts[Finding.EXISTS], undecided=report.undecided))
    if report.removal is None:
        print(RESYNC["would remove"].format(count=gone))
    elif report.removal.held:
        print(RESYNC["held"].format(count=report.removal.held))
    else:
        print(RESYNC["removed"].format(count=len(report.removal.removed)))


def _finding(each: Judged) -> str:
    sentence = RESYNC["finding forbidden" if each.finding is Finding.FORBIDDEN else each.finding]
    return f"{sentence}. {RESYNC[each.trouble]}" if each.trouble else sentence
