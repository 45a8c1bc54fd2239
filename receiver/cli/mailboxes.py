"""`mailboxes unmapped`, `mailboxes check`: their arguments and their reports."""

import argparse
import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from receiver import bootstrap, logs
from receiver.cli import output, stores
from receiver.cli.output import print_table, progress
from receiver.cli.parser import text
from receiver.config import Settings
from receiver.core.mailboxes import Mailbox
from receiver.operations.mailboxes import check as operation
from receiver.operations.mailboxes.check import MailboxResult, ServerResult
from receiver.operations.support.check import Finding, Level
from receiver.operations.unmapped import unmapped as find_unmapped
from receiver.sentences import COMMANDS, LEVELS, MAILBOXES_TABLE
from receiver.store import Store

_WORST_LAST = (Level.OK, Level.WARNING, Level.TROUBLE)  # of 800 lines, people read the last ones


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe both commands to their parser."""
    questions = parser.add_subparsers(title=COMMANDS["commands"], metavar="COMMANDE", required=True)
    sentence = COMMANDS["mailboxes unmapped"]
    unmapping = questions.add_parser("unmapped", help=sentence, description=sentence)
    unmapping.set_defaults(command=unmapped)
    unmapping.add_argument("--json", action="store_true", help=COMMANDS["json"])
    sentence = COMMANDS["mailboxes check"]
    _add_check(questions.add_parser("check", help=sentence, description=sentence))


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=check)
    parser.add_argument("mailbox", nargs="*", type=text, metavar="BOITE", help=COMMANDS["mailboxes check addresses"])
    parser.add_argument("--all", action="store_true", help=COMMANDS["mailboxes check all"])
    parser.add_argument("--read-only", action="store_true", help=COMMANDS["mailboxes check read-only"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def unmapped(args: Namespace, settings: Settings) -> int:
    """List the agents who have events to come and no mailbox; 1 if there are any."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        found = find_unmapped(store, settings.mailboxes, store.now())
        output.print_unmapped(found, as_json=args.json)
        return 1 if found else 0

    return stores.with_current_store(settings, use)


def check(args: Namespace, settings: Settings) -> int:
    """Try the mailboxes; 1 if one of them, or a server, cannot be used, 2 if none are named."""
    logs.configure("ERROR")
    if bool(args.mailbox) == args.all:
        print(COMMANDS["mailboxes check which"], file=sys.stderr)
        return 2
    return stores.with_current_store(settings, lambda store: _check(args, settings, store))


def _check(args: Namespace, settings: Settings, store: Store) -> int:
    now = store.now()
    if args.all:
        mailboxes = operation.known_mailboxes(settings, store, now)
    else:
        mailboxes = operation.named_mailboxes(settings, args.mailbox)
    if not mailboxes:
        print(MAILBOXES_TABLE["none"], file=sys.stderr)
        return 2
    connectors = bootstrap.connectors(settings, store.installation().id)
    write = not (args.read_only or settings.dry_run)
    try:
        with progress(MAILBOXES_TABLE["progress"], len(mailboxes)) as tried:
            results = operation.check_mailboxes(
                settings, mailboxes, connectors, now, MAILBOXES_TABLE["title"], tried, write=write
            )
    finally:
        for connector in connectors.values():
            connector.close()
    ok = all(result.ok for result in results)
    if args.json:
        print(json.dumps({"ok": ok, "wrote": write, "servers": [_json(each) for each in results]}))
    else:
        _print(results, unwritten=settings.dry_run and not args.read_only)
    return 0 if ok else 1


def _print(results: Sequence[ServerResult], *, unwritten: bool) -> None:
    if unwritten:
        _print_finding(Finding("dry_run_read_only", "dry_run", Level.WARNING))
    for result in results:
        for finding in result.findings:
            _print_finding(finding)
    tried = [mailbox for result in results for mailbox in result.mailboxes]
    if tried:
        _print_table(tried)
    counts = Counter(each.level.value for each in tried)
    numbers = {level.value: counts[level.value] for level in Level}
    print(MAILBOXES_TABLE["result"].format(**numbers, untried=sum(result.untried for result in results)))


def _print_finding(finding: Finding) -> None:
    print(output.printable(f"{LEVELS[finding.level]}  {finding.subject}  {output.finding_sentence(finding)}"))


def _print_table(results: Sequence[MailboxResult]) -> None:
    columns = ("level", "mailbox", "identity", "version", "latency", "findings")
    ordered = sorted(results, key=lambda each: (_WORST_LAST.index(each.level), each.mailbox))
    print_table([MAILBOXES_TABLE[column] for column in columns], map(_cells, ordered))


def _cells(result: MailboxResult) -> list[str]:
    shown = (
        result.findings
        if result.level is Level.OK
        else [each for each in result.findings if each.level is not Level.OK]
    )
    return [
        LEVELS[result.level],
        result.mailbox.address,
        result.identity or "",
        result.server_version or "",
        "" if result.latency_ms is None else str(result.latency_ms),
        " ".join(output.finding_sentence(finding) for finding in shown),
    ]


def _json(result: ServerResult) -> dict[str, object]:
    return {
        "calendar": result.calendar,
        "ok": result.ok,
        "findings": [_finding(each) for each in result.findings],
        "untried": result.untried,
        "mailboxes": [_mailbox(each) for each in result.mailboxes],
    }


def _mailbox(result: MailboxResult) -> dict[str, object]:
    mailbox: Mailbox = result.mailbox
    return {
        "address": mailbox.address,
        "level": result.level.value,
        "identity": result.identity,
        "server_version": result.server_version,
        "clock_ahead_s": None if result.clock_ahead_s is None else round(result.clock_ahead_s),
        "latency_ms": result.latency_ms,
        "throttled": result.throttled,
        "findings": [_finding(each) for each in result.findings],
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {"code": finding.code, "level": finding.level.value, "details": dict(finding.details)}
