"""`failures`, `retry`, `forget`: their arguments and reports."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from receiver import logs
from receiver.cli import output
from receiver.cli.output import print_table
from receiver.cli.parser import text
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.addresses import canonical
from receiver.core.troubles import Trouble, is_well
from receiver.operations import failures as operation
from receiver.operations.status import status
from receiver.sentences import COMMANDS, FAILURES
from receiver.sentences.phrases import failure_sentence, local
from receiver.store import Store
from receiver.store.reports.overview import FailureGroup
from receiver.store.tools import failures as stored_failures
from receiver.store.tools.failures import Chosen, Failing

EXAMPLES = 5

Members = dict[FailureGroup, list[Failing]]


def add_failures(parser: argparse.ArgumentParser) -> None:
    """Describe `failures` to its parser."""
    parser.set_defaults(command=failures)
    parser.add_argument("--all", action="store_true", help=COMMANDS["failures all"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def add_retry(parser: argparse.ArgumentParser) -> None:
    """Describe `retry` to its parser."""
    parser.set_defaults(command=retry)
    parser.add_argument("--code", type=text, metavar="CODE", help=COMMANDS["retry code"])
    parser.add_argument("--calendar", type=text, metavar="NOM", help=COMMANDS["retry calendar"])
    parser.add_argument("--mailbox", type=text, metavar="ADRESSE", help=COMMANDS["retry mailbox"])
    parser.add_argument("--event", type=text, metavar="NUMÉRO", help=COMMANDS["retry event"])
    parser.add_argument("--all", action="store_true", help=COMMANDS["retry all"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def add_forget(parser: argparse.ArgumentParser) -> None:
    """Describe `forget` to its parser."""
    parser.set_defaults(command=forget)
    parser.add_argument("--event", type=text, metavar="NUMÉRO", required=True, help=COMMANDS["forget event"])
    parser.add_argument("--mailbox", type=text, metavar="ADRESSE", help=COMMANDS["forget mailbox"])
    parser.add_argument("--dry-run", action="store_true", help=COMMANDS["dry-run"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def failures(args: Namespace, settings: Settings) -> int:
    """Show what fails, by cause; 1 if anything does."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        limit = None if args.all else EXAMPLES
        now = store.now()
        groups = operation.groups(store, settings.calendars, now)
        found = {group: operation.members(store, group, limit) for group in groups}
        troubles = status(settings, store, now).troubles
        if args.json:
            _print_failures_json(found, troubles)
        else:
            _print_failures(found, troubles, each=args.all)
        return 0 if is_well(troubles) and not found else 1

    return with_current_store(settings, use)


def retry(args: Namespace, settings: Settings) -> int:
    """Retry what fails at once; 2 if no scope is given, or the event is unknown."""
    logs.configure("ERROR")
    chosen = Chosen(args.code, args.calendar, _lower(args.mailbox), args.event)
    if args.all == (chosen != Chosen()):
        print(FAILURES["which"], file=sys.stderr)
        return 2

    def use(store: Store) -> int:
        if chosen.event is not None and not store.read(stored_failures.meant_events, chosen):
            return _unknown(args.event)
        retried = operation.retry_all(store, chosen)
        counts = asdict(retried)
        sentence = FAILURES["retried" if retried.total else "nothing_to_retry"]
        print(json.dumps(counts, indent=2) if args.json else sentence.format(**counts))
        return 0

    return with_current_store(settings, use)


def forget(args: Namespace, settings: Settings) -> int:
    """Give up what cannot be written; 1 if nothing matches, 2 if the event is unknown or ambiguous."""
    logs.configure("ERROR")
    chosen = Chosen(address=_lower(args.mailbox), event=args.event)

    def use(store: Store) -> int:
        uids = store.read(stored_failures.meant_events, chosen)
        if not uids:
            return _unknown(args.event)
        if len(uids) > 1:
            print(output.printable(FAILURES["several_events"].format(uids=", ".join(uids))), file=sys.stderr)
            return 2
        run = store.rehearse if args.dry_run else store.write
        entries, events = run(stored_failures.dismiss, chosen)
        _print_forgotten(entries, events, args)
        return 0 if entries or events else 1

    return with_current_store(settings, use)


def _lower(address: str | None) -> str | None:
    return None if address is None else canonical(address)


def _unknown(event: str) -> int:
    print(output.printable(FAILURES["unknown_event"].format(event=event)), file=sys.stderr)
    return 2


def _print_forgotten(entries: int, events: int, args: Namespace) -> None:
    if args.json:
        print(json.dumps({"dry_run": args.dry_run, "entries": entries, "events": events}, indent=2))
        return
    done = "would_forget" if args.dry_run else "forgotten"
    key = done if entries or events else "nothing_to_forget"
    print(FAILURES[key].format(entries=entries, events=events))


def _print_failures(found: Members, troubles: Sequence[Trouble], *, each: bool) -> None:
    if not found:
        codes = ", ".join(dict.fromkeys(trouble.code for trouble in troubles))
        print(FAILURES["none" if is_well(troubles) else "not_here"].format(codes=codes))
        return
    columns = [FAILURES[column] for column in ("what", "cause", "calendar", "count", "since", "until", "examples")]
    print_table(columns, [_row(group, members) for group, members in found.items()])
    if each:
        rows = [
            (each.code, each.calendar, each.address, each.event or each.installation)
            for members in found.values()
            for each in members
        ]
        print_table([FAILURES[column] for column in ("cause", "calendar", "mailbox", "event or installation")], rows)
    print(FAILURES["hint"])


def _row(group: FailureGroup, members: Sequence[Failing]) -> tuple[str, ...]:
    examples = [member.event or member.address for member in members[:EXAMPLES]]
    return (
        FAILURES[f"scope {group.scope}"],
        f"{group.code} : {failure_sentence(group.code, group.installations)}",
        group.calendar,
        str(group.count),
        local(group.since) if group.since else "",
        local(group.until) if group.until else "",
        ", ".join(dict.fromkeys(examples)),
    )


def _print_failures_json(found: Members, troubles: Sequence[Trouble]) -> None:
    groups = [asdict(group) | {"members": [asdict(member) for member in members]} for group, members in found.items()]
    codes = list(dict.fromkeys(trouble.code for trouble in troubles))
    report = {"ok": is_well(troubles) and not found, "failures": groups, "troubles": codes}
    print(json.dumps(report, indent=2, default=str))
