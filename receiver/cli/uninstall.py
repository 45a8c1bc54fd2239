"""`uninstall`: its arguments and its report."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

from receiver import bootstrap, logs
from receiver.cli import output
from receiver.cli.adopt import installation_name
from receiver.cli.output import print_table, progress
from receiver.cli.parser import text
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.operations.recovery import uninstall as operation
from receiver.operations.recovery.uninstall import MailboxRemoval, UninstallReport
from receiver.sentences import COMMANDS, LEVELS, RECOVERY_HELP, UNINSTALL
from receiver.store import Store
from receiver.store import installation as stored_installation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=uninstall)
    parser.add_argument(
        "--mailbox", action="append", default=[], type=text, metavar="ADRESSE", help=RECOVERY_HELP["uninstall mailbox"]
    )
    parser.add_argument(
        "--installation", type=installation_name, metavar="ID", help=RECOVERY_HELP["uninstall installation"]
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--yes", action="store_true", help=RECOVERY_HELP["uninstall yes"])
    choice.add_argument("--undo", action="store_true", help=RECOVERY_HELP["uninstall undo"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def uninstall(args: Namespace, settings: Settings) -> int:
    """Remove, count or undo; 1 if something is left or was not checked, 2 if there is nothing to do."""
    logs.configure("ERROR")
    if args.undo and args.installation:
        print(UNINSTALL["undo_of_another"], file=sys.stderr)
        return 2
    act = _undo if args.undo else _uninstall
    return with_current_store(settings, lambda store: act(args, settings, store))


def _undo(args: Namespace, _: Settings, store: Store) -> int:
    if store.installation().uninstalled_at is None:
        print(UNINSTALL["not_uninstalled"], file=sys.stderr)
        return 2
    store.write(stored_installation.undo_uninstalling, store.now())
    if args.json:
        print(json.dumps({"ok": True, "dry_run": False, "undone": True}))
    else:
        print(UNINSTALL["undone"])
    return 0


def _uninstall(args: Namespace, settings: Settings, store: Store) -> int:
    name = store.installation().id
    if args.installation == name:
        print(UNINSTALL["ourselves"], file=sys.stderr)
        return 2
    mailboxes = operation.choose(store, settings, args.mailbox, of_another=args.installation is not None)
    if not mailboxes:
        print(UNINSTALL["none"], file=sys.stderr)
        return 2
    dry_run = not args.yes or settings.dry_run
    report = _run(settings, store, mailboxes, args.installation, dry_run=dry_run)
    if args.json:
        found = {"installation": args.installation or name} | _json(report, dry_run=dry_run)
        print(json.dumps(found, indent=2))
    else:
        if settings.dry_run and args.yes:
            print(UNINSTALL["dry_run"])
        _print(report, args.installation, dry_run=dry_run)
    return 0 if report.ok else 1


def _run(
    settings: Settings, store: Store, mailboxes: Sequence[Mailbox], another: str | None, *, dry_run: bool
) -> UninstallReport:
    connectors = bootstrap.connectors(settings, another or store.installation().id)
    of_another = another is not None
    try:
        with progress(UNINSTALL["progress"], len(mailboxes)) as done:
            return operation.run(store, settings, mailboxes, connectors, done, dry_run=dry_run, of_another=of_another)
    finally:
        for connector in connectors.values():
            connector.close()


def _print(report: UninstallReport, another: str | None, *, dry_run: bool) -> None:
    output.print_servers(report.servers)
    if rows := [row for each in report.mailboxes for row in _rows(each, dry_run=dry_run)]:
        print_table([UNINSTALL[column] for column in ("mailbox", "entries", "finding")], rows)
    if report.unconfigured:
        print(UNINSTALL["unconfigured"].format(count=report.unconfigured))
    of_another = " of another" if another else ""
    result = UNINSTALL[f"counted result{of_another}" if dry_run else "result"]
    counts = {"entries": report.entries, "mailboxes": len(report.mailboxes), "untried": report.untried}
    print(result.format(**counts, installation=another))
    if not dry_run:
        print(UNINSTALL[f"done{of_another}" if report.ok else "again"])


def _rows(each: MailboxRemoval, *, dry_run: bool) -> Iterator[tuple[str, ...]]:
    findings = [UNINSTALL["counted" if dry_run else "emptied"]] if each.ok and each.entries else []
    if each.trouble is not None:
        findings.append(f"{LEVELS['trouble']} : {output.calendar_sentence(each.trouble)}")
    if each.remaining:
        findings.append(UNINSTALL["remaining"].format(count=each.remaining))
    if each.unsure:
        findings.append(UNINSTALL["unsure"])
    if findings:
        yield each.mailbox.address, str(each.entries), " ".join(findings)


def _json(report: UninstallReport, *, dry_run: bool) -> dict[str, object]:
    return {
        "ok": report.ok,
        "dry_run": dry_run,
        "entries": report.entries,
        "servers": dict(report.servers),
        "untried": report.untried,
        "unconfigured": report.unconfigured,
        "mailboxes": [
            {
                "calendar": each.mailbox.calendar,
                "address": each.mailbox.address,
                "ok": each.ok,
                "trouble": each.trouble,
                "entries": each.entries,
                "remaining": each.remaining,
                "unsure": each.unsure,
            }
            for each in report.mailboxes
        ],
    }
