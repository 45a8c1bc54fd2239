"""``python -m emitter conformance``: arguments in, table out."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import requests

from emitter.conformance import calendar_points, report, webhook_points
from emitter.conformance.bench import Bench
from emitter.conformance.calendar_reader import CalendarCommand, UnreadableError
from emitter.conformance.verdicts import Result
from emitter.platforms import Platform, signer
from emitter.scenarios import cast

CONFORMS, FAILS = 0, 1


class UnusableError(Exception):
    """The check cannot run: the command line, the address or the calendar command is wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret-env", required=True, metavar="NAME", help="environment variable of the secret")
    parser.add_argument(
        "--emitter", choices=[platform.value for platform in Platform], default=Platform.RDV_SERVICE_PUBLIC.value
    )
    parser.add_argument("--signature", choices=["hmac", "jwt"], help="jwt: rdv_insertion only")
    parser.add_argument("--ca-file", help="certificate authority of the receiver under test")
    parser.add_argument(
        "--calendar-command",
        metavar="CMD",
        help="prints an agent's entries as a JSON list of {title, place, start, end}, each occurrence of a series for "
        "itself; {agent} becomes the e-mail, {start} and {end} the window; run without a shell",
    )
    parser.add_argument(
        "--settle-seconds", type=float, default=30.0, metavar="S", help="longest wait for the calendars (default: 30)"
    )
    parser.add_argument(
        "--agents",
        nargs=2,
        metavar="EMAIL",
        help="two mailboxes in the place of Martine's and Karim's (of departement.example)",
    )
    parser.add_argument("--stories", choices=["all", "rdvs"], default="all", help="rdvs: no absences (default: all)")
    parser.add_argument("--exact-texts", action="store_true", help="titles and places that differ fail")
    parser.add_argument("--keep", action="store_true", help="do not delete at the end what was made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there, too")


def run(options: argparse.Namespace, secret: str) -> int:
    """Judge one receiver; 0 where nothing FAILs.

    Raises:
        UnusableError: nothing can be judged.

    """
    at = datetime.now(UTC)
    bench = _bench(options, secret)
    try:
        results = _judge(bench, options)
    except UnreadableError as error:
        raise UnusableError(error) from None
    print(report.table(results))
    if options.json:
        options.json.write_text(report.as_json(results, options.url, options.emitter, at), encoding="utf-8")
    return FAILS if report.failures(results) else CONFORMS


def _bench(options: argparse.Namespace, secret: str) -> Bench:
    platform = Platform(options.emitter)
    try:
        signer(platform, secret, options.signature)
    except ValueError as error:
        raise UnusableError(error) from None
    mailboxes = dict(zip(cast.MAILBOX_OWNERS.values(), options.agents or (), strict=False))
    bench = Bench(options.url, secret, platform, options.signature, options.ca_file, mailboxes=mailboxes)
    _reach(bench)
    return bench


def _reach(bench: Bench) -> None:
    """Check that something answers; the answer to a GET does not matter."""
    try:
        requests.get(bench.url, verify=bench.ca_file or True, timeout=bench.patience_s, allow_redirects=False)
    except requests.RequestException as error:  # also for an invalid URL
        raise UnusableError(f"{bench.url} cannot be reached: {type(error).__name__}") from None


def _judge(bench: Bench, options: argparse.Namespace) -> list[Result]:
    """Run the calendar points first, before anything else is sent; the table has them last."""
    scenarios = calendar_points.stories(bench.generation, with_slots=options.stories == "all")
    try:
        if options.calendar_command:
            command = CalendarCommand(options.calendar_command)
            calendars = calendar_points.judge_calendars(
                bench, command, scenarios, options.settle_seconds, exact_texts=options.exact_texts
            )
        else:
            calendars = calendar_points.judge_nothing(scenarios)
        return [*webhook_points.judge_all(bench), *calendars]
    finally:
        if not options.keep:
            print(f"deleted again: {bench.sweep()} entries", file=sys.stderr)
