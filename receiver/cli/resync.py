"""`resync`: makes the platform send everything again, removes what is gone, and prints a report."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from receiver import logs
from receiver.cli import output
from receiver.cli.output import print_table
from receiver.cli.output import progress as progress_bar
from receiver.cli.stores import with_current_store
from receiver.config import ApiSettings, Settings, Source
from receiver.core.facts import Model
from receiver.operations.resync import missing, progress
from receiver.operations.resync import start as operation
from receiver.operations.resync.missing import Finding, Judged, Removal
from receiver.operations.resync.platform_api import Api
from receiver.operations.resync.platform_http import RestError
from receiver.operations.resync.progress import End, PollTimings
from receiver.operations.resync.start import SUBSCRIPTIONS, OrganisationReport, Refused, ResyncRequest, Step
from receiver.sentences import COMMANDS, LEVELS, RESYNC
from receiver.store import Store
from receiver.store.tools import resync as stored_resync
from receiver.store.tools.resync import Scope

TIMINGS = PollTimings()
SENT = {Step.TRIGGERED, Step.CREATED}
MOST_LINES = 50
SETTLED = {Finding.EXISTS, Finding.GONE}


@dataclass(frozen=True, slots=True)
class ResyncReport:
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
        """Whether an operator has nothing to do."""
        sent = bool(self.organisations) and all(each.ok for each in self.organisations)
        came = not self.interrupted and self.end not in {End.NOTHING_CAME, End.TOO_LONG}
        held = self.removal is not None and self.removal.held
        return self.trouble is None and sent and came and not held and not self.undecided

    @property
    def undecided(self) -> int:
        """Events of which the platform did not say whether they exist."""
        return sum(each.finding not in SETTLED for each in self.judged or ())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=resync)
    parser.add_argument("--source", metavar="NOM", help=RESYNC["source"])
    parser.add_argument(
        "--organisation", action="append", default=[], type=int, metavar="NUMERO", help=RESYNC["organisation"]
    )
    parser.add_argument("--models", type=_models, metavar="LISTE", help=RESYNC["models"])
    parser.add_argument("--create-endpoint", action="store_true", help=RESYNC["create-endpoint"])
    checking = parser.add_mutually_exclusive_group()
    checking.add_argument("--verify-only", action="store_true", help=RESYNC["verify-only"])
    checking.add_argument("--no-verify", action="store_true", help=RESYNC["no-verify"])
    parser.add_argument("--all", action="store_true", help=RESYNC["all"])
    parser.add_argument("--force", action="store_true", help=RESYNC["force"])
    parser.add_argument("--dry-run", action="store_true", help=RESYNC["dry-run"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def _models(text: str) -> frozenset[Model]:
    known = {name: model for model, name in SUBSCRIPTIONS.items()}
    if not set(text.split(",")) <= set(known):
        raise argparse.ArgumentTypeError(RESYNC["unknown model"].format(known=", ".join(known)))
    return frozenset(known[name] for name in text.split(","))


def resync(args: Namespace, settings: Settings) -> int:
    """Make the platform send all again and remove what is gone; 1 if an operator must act, 2 if it cannot be begun."""
    logs.configure("ERROR")
    try:
        source = operation.choose_source(settings, args.source)
        asked = operation.resync_request(
            source,
            args.models or _shown(source),
            args.organisation,
            create=args.create_endpoint and not args.verify_only,
            dry_run=args.dry_run or args.verify_only,
        )
    except Refused as refusal:
        print(RESYNC[refusal.code], file=sys.stderr)
        return 2
    return with_current_store(settings, lambda store: _with_api(args, asked, store))


def _shown(source: Source) -> frozenset[Model]:
    """Return the kinds of event that the source's policies show in calendars."""
    shown = {
        Model.RDV: True,
        Model.ABSENCE: source.policies.absences,
        Model.PLAGE_OUVERTURE: source.policies.plages_ouverture,
    }
    return frozenset(model for model in Model if shown[model])


def _with_api(args: Namespace, asked: ResyncRequest, store: Store) -> int:
    if args.verify_only and progress.last_start(store, asked.source.name) is None:
        print(RESYNC["never_resynced"], file=sys.stderr)
        return 2
    api = Api(_api_settings(asked.source))
    try:
        report = _Run(args, asked, store, api).run()
    except RestError as error:
        report = ResyncReport(asked.source.name, trouble=error.code)
    finally:
        api.close()
    show = print_json if args.json else print_report
    show(report)
    return 0 if report.ok else 1


def _api_settings(source: Source) -> ApiSettings:
    if source.api is None:
        raise AssertionError("a source without an API was refused")
    return source.api


@dataclass(frozen=True, slots=True)
class _Run:
    """One re-sync, step by step."""

    args: Namespace
    asked: ResyncRequest
    store: Store
    api: Api

    def run(self) -> ResyncReport:
        name = self.asked.source.name
        now = self.store.now()
        known = progress.last_start(self.store, name) if self.args.verify_only else None
        since = known or progress.since(now)
        reports = operation.trigger(self.api, self.asked, lambda: progress.note_start(self.store, name, now))
        report = ResyncReport(name, tuple(reports), dry_run=self.args.dry_run)
        if not any(each.step in SENT or self.args.verify_only for each in reports):
            return report
        if not self.args.verify_only:
            report = self._watched(report, since)
        if report.interrupted or self.args.no_verify:
            return report
        return self._verified(report, since)

    def _watched(self, report: ResyncReport, since: datetime) -> ResyncReport:
        organisations = [each.organisation for each in report.organisations if each.step in SENT]
        counted: Mapping[Model, int] = {}
        expected = progress.totals(self.api, self.asked.models, organisations)
        with _bar(sum(expected.values())) as draw:

            def show(counts: Mapping[Model, int]) -> None:
                nonlocal counted
                counted = counts
                draw(sum(counts.values()))

            try:
                end = progress.follow(lambda: self._count_sent(since), expected, self.asked.models, show, TIMINGS)
            except KeyboardInterrupt:
                return replace(report, received=counted, expected=expected, interrupted=True)
        return replace(report, received=counted, expected=expected, end=end)

    def _count_sent(self, since: datetime) -> Mapping[Model, int]:
        self.store.judge_all(self.store.now())  # whether or not a worker runs
        return self.store.read(stored_resync.count_sent, self.asked.source.name, since)

    def _verified(self, report: ResyncReport, since: datetime) -> ResyncReport:
        source = self.asked.source
        reached = {Step.READY, *SENT}
        organisations = frozenset(each.organisation for each in report.organisations if each.step in reached)
        scope = Scope(source.name, self.asked.models, organisations, None if self.args.all else self.store.now())
        not_sent = self.store.read(stored_resync.not_sent, scope, since)
        try:
            with progress_bar(RESYNC["progress"], len(not_sent)) as done:
                judged = missing.judge(self.api, self.store, source.name, not_sent, since, done)
        except KeyboardInterrupt:
            return replace(report, interrupted=True)
        report = replace(report, judged=tuple(judged))
        if self.args.dry_run:
            return report
        removal = missing.remove(self.store, source, judged, scope, since, force=self.args.force)
        return replace(report, removal=removal)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number that has come. Drawn on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    # Imported where it is drawn: it costs what no service needs.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(RESYNC["bar"], total=total or None)
        yield lambda count: drawn.update(task, completed=count)


def print_json(report: ResyncReport) -> None:
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


def _verification(report: ResyncReport) -> dict[str, object] | None:
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


def print_report(report: ResyncReport) -> None:
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


def _lines_of_the_beginning(report: ResyncReport) -> Iterator[str]:
    if report.trouble is not None:
        yield f"{LEVELS['trouble']}  {RESYNC[report.trouble]}"
    elif not report.organisations:
        yield RESYNC["no_organisation"]


def _organisation_cells(each: OrganisationReport) -> tuple[str, str, str]:
    details = [RESYNC[each.trouble]] if each.trouble else []
    if each.unsubscribed:
        details.append(RESYNC["unsubscribed"].format(models=", ".join(each.unsubscribed)))
    return str(each.organisation), RESYNC[each.step], " ".join(details)


def _lines_of_watching(report: ResyncReport) -> Iterator[str]:
    if report.end or report.received:
        counts = ", ".join(_count(report, model) for model in Model if model in {**report.received, **report.expected})
        yield RESYNC["received"].format(counts=counts or RESYNC["nothing"])
    if report.end:
        yield RESYNC[report.end]
    if report.interrupted:
        yield RESYNC["interrupted"]
    if report.dry_run and report.judged is None:
        yield RESYNC["would"]


def _count(report: ResyncReport, model: Model) -> str:
    sentence = RESYNC["count of" if model in report.expected else "count"]
    return sentence.format(
        count=report.received.get(model, 0), model=SUBSCRIPTIONS[model], total=report.expected.get(model, "")
    )


def _print_verification(report: ResyncReport, judged: tuple[Judged, ...]) -> None:
    shown = [each for each in judged if each.finding is not Finding.EXISTS]
    if shown:
        columns = [RESYNC["column event"], RESYNC["column finding"]]
        print_table(columns, [(each.event.uid, _finding(each)) for each in shown[:MOST_LINES]])
    if len(shown) > MOST_LINES:
        print(RESYNC["more"].format(count=len(shown) - MOST_LINES))
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
