"""`purge`: its arguments and its reports."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from receiver import logs
from receiver.cli import output
from receiver.cli.output import progress
from receiver.cli.own_files import is_refused
from receiver.cli.parser import LONGEST_TEXT
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.text import has_half_letters
from receiver.operations import erasure as operation
from receiver.operations.erasure import ErasureReport
from receiver.sentences import COMMANDS, PURGE
from receiver.sentences.phrases import local
from receiver.store import Store

WAIT_S = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=purge)
    parser.add_argument("--retention", action="store_true", help=COMMANDS["purge retention"])
    parser.add_argument("--agent", metavar="ADRESSE", type=_address, help=COMMANDS["purge agent"])
    parser.add_argument("--with-entries", action="store_true", help=COMMANDS["purge with-entries"])
    parser.add_argument("--report", metavar="FICHIER", type=Path, help=COMMANDS["purge report"])
    parser.add_argument("--wait", metavar="SECONDES", type=int, default=WAIT_S, help=COMMANDS["purge wait"])
    parser.add_argument("--dry-run", action="store_true", help=COMMANDS["dry-run"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def _address(text: str) -> str:
    before, _, after = text.strip().partition("@")
    unusual = any(character.isspace() or character in '"@' for character in before + after)
    if not before or not after or unusual or len(text) > LONGEST_TEXT or has_half_letters(text):
        raise argparse.ArgumentTypeError(PURGE["agent"])
    return text.strip().lower()


def purge(args: Namespace, settings: Settings) -> int:
    """Drop what is old, or erase an agent; 1 if that is not finished, 2 if the arguments do not say what to do."""
    logs.configure("ERROR")
    if code := _mistake(args):
        print(PURGE[code], file=sys.stderr)
        return 2
    if is_refused(args.report, settings, args.config):
        return 2
    if args.agent is None:
        return with_current_store(settings, lambda store: _retention(args, settings, store))
    return with_current_store(settings, lambda store: _agent(args, settings, store))


def _mistake(args: Namespace) -> str | None:
    if args.retention == (args.agent is not None):
        return "which"
    if args.retention:
        return "agent_only" if args.report or args.with_entries else None
    return None if args.report or args.dry_run else "report"


def _retention(args: Namespace, settings: Settings, store: Store) -> int:
    counts = operation.retention(store, settings, dry_run=args.dry_run)
    if args.json:
        print(json.dumps({"dry_run": args.dry_run, "rows": counts}, indent=2))
        return 0
    print(PURGE["retention_dry_run" if args.dry_run else "retention"])
    for line in _counts(counts):
        print(line)
    return 0


def _agent(args: Namespace, settings: Settings, store: Store) -> int:
    try:
        with _reserved(args.report) as write:
            report = operation.erase_agent(
                store,
                settings,
                args.agent,
                partial(progress, PURGE["progress"]),
                args.wait,
                with_entries=args.with_entries,
                dry_run=args.dry_run,
            )
            text = json.dumps(_json(report), indent=2) if args.json else "\n".join(_lines(report))
            write(text + "\n")
    except OSError:
        print(output.printable(PURGE["report_failed"].format(path=args.report)), file=sys.stderr)
        return 2
    print(text)
    return 1 if report.unfinished else 0


@contextmanager
def _reserved(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Create the report's file before anything is erased: the report is the proof of the erasure."""
    if path is None:
        yield lambda _: None
        return
    path.touch(0o600, exist_ok=False)
    try:
        yield lambda text: path.write_text(text, "utf-8")
    except BaseException:
        path.unlink()
        raise


def _lines(report: ErasureReport) -> Iterator[str]:
    yield PURGE["title_dry_run" if report.dry_run else "title"]
    yield ""
    yield output.printable(PURGE["looked_for"].format(email=report.email))
    yield PURGE["at"].format(at=local(report.at))
    yield PURGE["by"].format(version=report.version, installation=report.installation)
    yield PURGE["mode entries" if report.with_entries else "mode keep"]
    yield ""
    yield PURGE["erased"]
    counted = list(_counts({table: count for table, count in report.erased.counts.items() if count}))
    yield from counted or [PURGE["nothing"]]
    for heading, codes in (("unfinished", report.unfinished), ("remains", report.remains)):
        if codes:
            yield ""
            yield PURGE[heading]
            for code in codes:
                yield PURGE["item"].format(text=PURGE[code].format(removals=report.erased.removals))


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    for table, count in counts.items():
        yield PURGE["line"].format(what=PURGE[f"table {table}"], count=count)


def _json(report: ErasureReport) -> dict[str, object]:
    return {
        "email": report.email,
        "at": report.at.isoformat(),
        "version": report.version,
        "installation": report.installation,
        "with_entries": report.with_entries,
        "dry_run": report.dry_run,
        "erased": {table: count for table, count in report.erased.counts.items() if count},
        "removals": report.erased.removals,
        "unfinished": report.unfinished,
        "remains": report.remains,
    }
