"""`audit`: its arguments and its report."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import timedelta

from receiver import bootstrap, logs
from receiver.cli import output
from receiver.cli.output import print_table, progress
from receiver.cli.parser import text
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.operations.audit import nightly
from receiver.operations.audit import run as operation
from receiver.operations.audit.compare import Difference
from receiver.operations.audit.run import Audit, MailboxAudit, Window
from receiver.sentences import AUDIT, COMMANDS, LEVELS
from receiver.store import Store

MOST_DAYS = 3660


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=audit)
    parser.add_argument(
        "--mailbox", action="append", default=[], type=text, metavar="ADRESSE", help=COMMANDS["audit mailbox"]
    )
    parser.add_argument("--days-back", type=days, default=30, metavar="JOURS", help=COMMANDS["audit days-back"])
    parser.add_argument("--days-ahead", type=days, default=365, metavar="JOURS", help=COMMANDS["audit days-ahead"])
    parser.add_argument("--repair", action="store_true", help=COMMANDS["audit repair"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def days(text: str) -> int:
    """Parse a number of days within what calendars accept."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= MOST_DAYS):
        raise argparse.ArgumentTypeError(AUDIT["days"].format(most=MOST_DAYS))
    return int(text)


def audit(args: Namespace, settings: Settings) -> int:
    """Compare calendars with the record; 1 if they differ or could not be read, 2 if there is nothing to compare."""
    logs.configure("ERROR")
    return with_current_store(settings, lambda store: _audit(args, settings, store))


def _audit(args: Namespace, settings: Settings, store: Store) -> int:
    mailboxes, unknown = operation.choose(store, settings, args.mailbox)
    if unknown or not mailboxes:
        message = AUDIT["unknown"].format(addresses=", ".join(unknown)) if unknown else AUDIT["none"]
        print(output.printable(message), file=sys.stderr)
        return 2
    found = _run(args, settings, store, mailboxes)
    if args.json:
        print(json.dumps(_json(found, repair=args.repair), indent=2))
    else:
        _print(found, repair=args.repair)
    return 0 if found.ok else 1


def _run(args: Namespace, settings: Settings, store: Store, mailboxes: Sequence[Mailbox]) -> Audit:
    now = store.now()
    window = Window(now - timedelta(days=args.days_back), now + timedelta(days=args.days_ahead))
    connectors = bootstrap.connectors(settings, store.installation().id)
    try:
        with progress(AUDIT["progress"], len(mailboxes)) as done:
            found = operation.run(store, settings, mailboxes, connectors, window, done, repair=args.repair)
    finally:
        for connector in connectors.values():
            connector.close()
    if not args.mailbox and (night := nightly.of(found, window)):
        nightly.remember(store, night)
    return found


def _print(found: Audit, *, repair: bool) -> None:
    for calendar, code in found.servers.items():
        print(output.printable(f"{LEVELS['trouble']}  calendars.{calendar}  {output.calendar_sentence(code)}"))
    if rows := [row for each in found.mailboxes for row in _rows(each)]:
        print_table([AUDIT[column] for column in ("mailbox", "finding", "event", "details")], rows)
    print(
        AUDIT["result"].format(
            mailboxes=len(found.mailboxes),
            **{kind.value: count for kind, count in found.counts.items()},
            untried=found.untried,
        )
    )
    repairs, busy = sum(each.repairs for each in found.mailboxes), sum(each.busy for each in found.mailboxes)
    if repair:
        print(AUDIT["repaired"].format(count=repairs))
    if busy:
        print(AUDIT["busy"].format(count=busy))


def _rows(found: MailboxAudit) -> Iterator[tuple[str, ...]]:
    address = found.mailbox.address
    if found.trouble is not None:
        yield address, LEVELS["trouble"], "", output.calendar_sentence(found.trouble)
    for each in found.differences:
        yield address, AUDIT[each.kind], each.uid, _details(each)


def _details(difference: Difference) -> str:
    if difference.fields:
        return ", ".join(AUDIT[f"field {name}"] for name in difference.fields)
    return AUDIT["items"].format(count=len(difference.items)) if len(difference.items) > 1 else ""


def _json(found: Audit, *, repair: bool) -> dict[str, object]:
    return {
        "ok": found.ok,
        "repair": repair,
        "counts": {kind.value: count for kind, count in found.counts.items()},
        "servers": dict(found.servers),
        "untried": found.untried,
        "mailboxes": [_mailbox(each) for each in found.mailboxes],
    }


def _mailbox(found: MailboxAudit) -> dict[str, object]:
    return {
        "calendar": found.mailbox.calendar,
        "address": found.mailbox.address,
        "ok": found.ok,
        "trouble": found.trouble,
        "judged": found.judged,
        "listed": found.listed,
        "differences": [
            {"kind": each.kind.value, "uid": each.uid, "items": list(each.items), "fields": list(each.fields)}
            for each in found.differences
        ],
        "repairs": found.repairs,
        "busy": found.busy,
    }
