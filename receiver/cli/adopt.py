"""`adopt`: its arguments and its report."""

import argparse
import json
import sys
import uuid
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import timedelta

from receiver import bootstrap, logs
from receiver.cli import output
from receiver.cli.audit import days
from receiver.cli.output import print_table, progress
from receiver.cli.parser import text
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.operations.audit.run import Window
from receiver.operations.recovery import adopt as operation
from receiver.operations.recovery import take_from
from receiver.operations.recovery.adopt import AdoptionReport, MailboxAdoption
from receiver.operations.recovery.compare import Adoption
from receiver.operations.recovery.uninstall import EVER
from receiver.sentences import ADOPT, COMMANDS, LEVELS, RECOVERY_HELP
from receiver.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=adopt)
    helped = {name: RECOVERY_HELP[f"adopt {name}"] for name in ("mailbox", "without", "installation")}
    parser.add_argument("--mailbox", action="append", default=[], type=text, metavar="ADRESSE", help=helped["mailbox"])
    parser.add_argument("--without", action="append", default=[], type=text, metavar="ADRESSE", help=helped["without"])
    name = parser.add_mutually_exclusive_group()
    name.add_argument("--installation", type=installation_name, metavar="ID", help=helped["installation"])
    name.add_argument("--from", dest="origin", type=installation_name, metavar="ID", help=RECOVERY_HELP["adopt from"])
    parser.add_argument("--days-back", type=days, default=400, metavar="JOURS", help=RECOVERY_HELP["adopt days-back"])
    parser.add_argument("--days-ahead", type=days, default=800, metavar="JOURS", help=RECOVERY_HELP["adopt days-ahead"])
    parser.add_argument("--dry-run", action="store_true", help=RECOVERY_HELP["adopt dry-run"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def installation_name(text: str) -> str:
    """Read the name of an installation from the command line."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(ADOPT["installation"].format(installation=output.printable(text))) from None


def adopt(args: Namespace, settings: Settings) -> int:
    """Read the calendars back; 1 if some could not be read, 2 if it is not allowed or there are none."""
    logs.configure("ERROR")
    act = _take_from if args.origin else _adopt
    return with_current_store(settings, lambda store: act(args, settings, store))


def _adopt(args: Namespace, settings: Settings, store: Store) -> int:
    refused = _take_installation(args, settings, store)
    mailboxes = operation.choose(store, settings, args.mailbox, args.without)
    if refused or not mailboxes:
        print(ADOPT[refused or "none"], file=sys.stderr)
        return 2
    report = _run(args, settings, store, mailboxes)
    return _tell(args, store, report, _standing(report, store, dry_run=args.dry_run), dry_run=args.dry_run)


def _take_from(args: Namespace, settings: Settings, store: Store) -> int:
    refused = _refused(args.origin, store)
    mailboxes = operation.choose(store, settings, args.mailbox, args.without)
    if refused or not mailboxes:
        print(ADOPT[refused or "none"], file=sys.stderr)
        return 2
    dry_run = args.dry_run or settings.dry_run
    window = Window(store.now() - timedelta(days=args.days_back), EVER[1])
    ours, theirs = (bootstrap.connectors(settings, name) for name in (store.installation().id, args.origin))
    try:
        with progress(ADOPT["progress"], len(mailboxes)) as done:
            report = take_from.run(store, settings, mailboxes, ours, theirs, window, done, dry_run=dry_run)
    finally:
        for connector in (*ours.values(), *theirs.values()):
            connector.close()
    standing = "dry-run" if dry_run else "taken" if report.ok else "partial"
    return _tell(args, store, report, standing, dry_run=dry_run)


def _refused(origin: str, store: Store) -> str | None:
    """Return why nothing can be taken over; None: it is possible."""
    here = store.installation()
    if here.id == origin:
        return "from_ourselves"
    return "from_unread" if here.must_adopt else None


def _tell(args: Namespace, store: Store, report: AdoptionReport, standing: str, *, dry_run: bool) -> int:
    if args.json:
        print(json.dumps(_json(args, store, report, dry_run=dry_run), indent=2))
    else:
        _print(report, standing)
    return 0 if report.ok else 1


def _take_installation(args: Namespace, settings: Settings, store: Store) -> str | None:
    """Take the identity of another installation if asked for; return the code of why that is refused."""
    if not args.installation or args.dry_run:
        return None
    if settings.store.installation not in {None, args.installation}:
        return "pinned"
    return operation.take_installation(store, args.installation)


def _run(args: Namespace, settings: Settings, store: Store, mailboxes: Sequence[Mailbox]) -> AdoptionReport:
    now = store.now()
    window = Window(now - timedelta(days=args.days_back), now + timedelta(days=args.days_ahead))
    connectors = bootstrap.connectors(settings, args.installation or store.installation().id)
    try:
        with progress(ADOPT["progress"], len(mailboxes)) as done:
            return operation.run(store, settings, mailboxes, connectors, window, done, dry_run=args.dry_run)
    finally:
        for connector in connectors.values():
            connector.close()


def _print(report: AdoptionReport, standing: str) -> None:
    output.print_servers(report.servers)
    if rows := [row for each in report.mailboxes for row in _rows(each)]:
        print_table([ADOPT[column] for column in ("mailbox", "finding", "event", "details")], rows)
    unread = report.untried + sum(not each.ok for each in report.mailboxes)
    print(ADOPT["result"].format(**_counts(report), untried=unread))
    if report.waiting:
        print(ADOPT["waiting"].format(count=len(report.waiting)))
    print(ADOPT[standing])


def _standing(report: AdoptionReport, store: Store, *, dry_run: bool) -> str:
    if dry_run:
        return "dry-run"
    here = store.installation()
    if report.ok:
        return "may_write" if here.may_write else "uninstalled"
    return "must_adopt" if here.must_adopt else "partial"


def _counts(report: AdoptionReport) -> dict[str, int]:
    found = [each.adoption for each in report.mailboxes if each.adoption]
    return {
        "mailboxes": sum(each.ok for each in report.mailboxes),
        "kept": sum(each.kept for each in found),
        "adopted": sum(len(each.adopted) for each in found),
        "lost": sum(len(each.lost) for each in found),
        "changed": sum(len(each.changed) for each in found),
        "doubled": sum(len(each.doubled) for each in found),
        "left": sum(len(each.left) for each in found),
        "beside": sum(len(each.beside) for each in found),
    }


def _rows(each: MailboxAdoption) -> Iterator[tuple[str, ...]]:
    address = each.mailbox.address
    if each.trouble is not None:
        yield address, LEVELS["trouble"], "", output.calendar_sentence(each.trouble)
    if each.same_as is not None:
        yield address, ADOPT["same_as"], "", ADOPT["same_as details"].format(address=each.same_as)
    if each.adoption is not None:
        yield from ((address, ADOPT[kind], uid, detail) for kind, uid, detail in _findings(each.adoption))


def _findings(found: Adoption) -> Iterator[tuple[str, str, str]]:
    for uid, items in found.doubled.items():
        yield "doubled", uid, ADOPT["doubled details"].format(count=len(items))
    for kind, placements in (("lost", found.lost), ("changed", found.changed)):
        yield from ((kind, each.uid, ADOPT[f"{kind} details"]) for each in placements)
    yield from (("left", uid, ADOPT["left details"]) for uid in found.left)
    yield from (("beside", uid, ADOPT["beside details"]) for uid in found.beside)


def _json(args: Namespace, store: Store, report: AdoptionReport, *, dry_run: bool) -> dict[str, object]:
    installation = store.installation()
    return {
        "ok": report.ok,
        "dry_run": dry_run,
        "installation": args.installation or installation.id,
        "from": args.origin,
        "must_adopt": installation.must_adopt,
        "counts": _counts(report),
        "servers": dict(report.servers),
        "untried": report.untried,
        "waiting": [
            {"calendar": mailbox.calendar, "address": mailbox.address, "uid": uid} for mailbox, uid in report.waiting
        ],
        "mailboxes": [_mailbox(each) for each in report.mailboxes],
    }


def _mailbox(each: MailboxAdoption) -> dict[str, object]:
    found = each.adoption or Adoption({}, frozenset())
    return {
        "calendar": each.mailbox.calendar,
        "address": each.mailbox.address,
        "ok": each.ok,
        "trouble": each.trouble,
        "same_as": each.same_as,
        "kept": found.kept,
        "adopted": sorted(found.adopted),
        "waiting": sorted(found.waiting),
        "lost": [placement.uid for placement in found.lost],
        "changed": [placement.uid for placement in found.changed],
        "doubled": {uid: list(items) for uid, items in found.doubled.items()},
        "left": list(found.left),
        "beside": list(found.beside),
    }
