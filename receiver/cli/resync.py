"""`resync`: its arguments, and what happens between them and its report."""

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from receiver import logs
from receiver.cli import resync_report
from receiver.cli.progress import progress as progress_bar
from receiver.cli.resync_report import Report
from receiver.cli.stores import with_current_store
from receiver.config import ApiSettings, Settings, Source
from receiver.core.facts import Model
from receiver.operations.resync import missing, progress
from receiver.operations.resync import start as operation
from receiver.operations.resync.platform_api import Api
from receiver.operations.resync.platform_http import RestError
from receiver.operations.resync.progress import Timings
from receiver.operations.resync.start import SUBSCRIPTIONS, Refused, Step, Wish
from receiver.sentences import COMMANDS, RESYNC
from receiver.store import Store
from receiver.store.tools import resync as stored_resync
from receiver.store.tools.resync import Scope

TIMINGS = Timings()
SENT = {Step.TRIGGERED, Step.CREATED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=resync)
    parser.add_argument("--source", metavar="NOM", help=RESYNC["source"])
    parser.add_argument(
        "--organisation", action="append", default=[], type=int, metavar="NUMERO", help=RESYNC["organisation"]
    )
    parser.add_argument("--models", type=_models, metavar="LISTE", help=RESYNC["models"])
    parser.add_argument("--endpoint-url", metavar="ADRESSE", help=RESYNC["endpoint-url"])
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
    """Have all sent again and take out what is gone; 1 if something is to be seen to, 2 if it cannot be begun."""
    logs.configure("ERROR")
    try:
        source = operation.choose_source(settings, args.source)
        asked = operation.wish(
            source,
            args.models or _shown(source),
            args.organisation,
            args.endpoint_url,
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


def _with_api(args: Namespace, asked: Wish, store: Store) -> int:
    if args.verify_only and progress.last_start(store, asked.source.name) is None:
        print(RESYNC["never_resynced"], file=sys.stderr)
        return 2
    api = Api(_api_settings(asked.source))
    try:
        report = _Run(args, asked, store, api).run()
    except RestError as error:
        report = Report(asked.source.name, trouble=error.code)
    finally:
        api.close()
    show = resync_report.print_json if args.json else resync_report.print_report
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
    asked: Wish
    store: Store
    api: Api

    def run(self) -> Report:
        name = self.asked.source.name
        now = self.store.now()
        known = progress.last_start(self.store, name) if self.args.verify_only else None
        since = known or progress.since(now)
        reports = operation.trigger(self.api, self.asked, lambda: progress.note_start(self.store, name, now))
        report = Report(name, tuple(reports), dry_run=self.args.dry_run)
        if not any(each.step in SENT or self.args.verify_only for each in reports):
            return report
        if not self.args.verify_only:
            report = self._watched(report, since)
        if report.interrupted or self.args.no_verify:
            return report
        return self._verified(report, since)

    def _watched(self, report: Report, since: datetime) -> Report:
        organisations = [each.organisation for each in report.organisations if each.step in SENT]
        counted: Mapping[Model, int] = {}
        expected = progress.totals(self.api, self.asked.models, organisations)
        with _bar(sum(expected.values())) as draw:

            def show(counts: Mapping[Model, int]) -> None:
                nonlocal counted
                counted = counts
                draw(sum(counts.values()))

            try:
                end = progress.follow(lambda: self._told(since), expected, self.asked.models, show, TIMINGS)
            except KeyboardInterrupt:
                return replace(report, received=counted, expected=expected, interrupted=True)
        return replace(report, received=counted, expected=expected, end=end)

    def _told(self, since: datetime) -> Mapping[Model, int]:
        self.store.judge_all(self.store.now())  # whether or not a worker runs
        return self.store.read(stored_resync.told, self.asked.source.name, since)

    def _verified(self, report: Report, since: datetime) -> Report:
        source = self.asked.source
        reached = {Step.READY, *SENT}
        organisations = frozenset(each.organisation for each in report.organisations if each.step in reached)
        scope = Scope(source.name, self.asked.models, organisations, None if self.args.all else self.store.now())
        untold = self.store.read(stored_resync.untold, scope, since)
        try:
            with progress_bar(RESYNC["progress"], len(untold)) as done:
                judged = missing.judge(self.api, self.store, source.name, untold, since, done)
        except KeyboardInterrupt:
            return replace(report, interrupted=True)
        report = replace(report, judged=tuple(judged))
        if self.args.dry_run:
            return report
        removal = missing.remove(self.store, source, judged, scope, since, force=self.args.force)
        return replace(report, removal=removal)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Yield what is told how many have come. Drawn on standard error, where somebody watches."""
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
