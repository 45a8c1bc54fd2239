"""`migrate`, `check`, `apply-policies`: their arguments, and what they do."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from receiver import bootstrap, logs, sentences
from receiver.cli import output, watch
from receiver.cli.parser import text
from receiver.cli.stores import migrated, with_current_store, with_store
from receiver.config import Settings
from receiver.operations import rules
from receiver.operations.support import check as operation
from receiver.operations.support.check_exposure import exposure_findings
from receiver.operations.support.check_host import host_findings
from receiver.operations.support.check_names import name_findings
from receiver.operations.support.check_secrets import secret_findings
from receiver.store import Standing, Store, StoreOccupied
from receiver.store.work import rulesets


def add_migrate(parser: ArgumentParser) -> None:
    """Describe `migrate` to its parser."""
    parser.set_defaults(command=migrate)
    parser.add_argument("--recover", action="store_true", help=sentences.RECOVERY_HELP["migrate recover"])


def add_check(parser: ArgumentParser) -> None:
    """Describe `check` to its parser."""
    parser.set_defaults(command=check)
    parser.add_argument(
        "--mailbox", action="append", default=[], type=text, metavar="ADRESSE", help=sentences.COMMANDS["mailbox"]
    )
    parser.add_argument("--json", action="store_true", help=sentences.COMMANDS["json"])


def add_apply_policies(parser: ArgumentParser) -> None:
    """Describe `apply-policies` to its parser."""
    parser.set_defaults(command=apply_policies)
    parser.add_argument("--dry-run", action="store_true", help=sentences.COMMANDS["dry-run"])
    parser.add_argument("--json", action="store_true", help=sentences.COMMANDS["json"])


def migrate(args: Namespace, settings: Settings) -> int:
    """Create the store or migrate it to this version; or replace a lost one by a new one."""
    logs.configure()

    def use(store: Store) -> int:
        if args.recover:
            return _recover(store)
        status = migrated(store)
        if status == 0:
            left = "migrated_by_newer" if store.standing() is Standing.NEWER else "migrated"
            print(sentences.COMMANDS[left])
        return status

    return with_store(settings, use)


def _recover(store: Store) -> int:
    try:
        name = store.recover(datetime.now(UTC))
    except LookupError:
        print(sentences.RECOVER["unknown"], file=sys.stderr)
        return 2
    except StoreOccupied:
        print(sentences.RECOVER["occupied"], file=sys.stderr)
        return 2
    print(sentences.RECOVER["made"].format(installation=name))
    return 0


def check(args: Namespace, settings: Settings) -> int:
    """Report whether all that is configured can be used."""
    logs.configure("ERROR")
    findings = operation.check(settings, args.mailbox, bootstrap.open_store, bootstrap.connectors)
    findings += host_findings(settings, bootstrap.open_store)
    findings += name_findings(settings, bootstrap.open_store)
    findings += [*exposure_findings(settings), *secret_findings(settings, bootstrap.open_store)]
    findings += [*watch.address_findings(settings), *watch.memory_findings(settings)]
    show = output.print_findings_json if args.json else output.print_findings
    show(findings)
    return 0 if all(finding.ok for finding in findings) else 1


def apply_policies(args: Namespace, settings: Settings) -> int:
    """Put the file's mapping and policies in force, or count what that would change."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        now, ruleset = store.now(), settings.ruleset()
        if args.dry_run:
            found = rules.effects(store, rules.completed(store, ruleset), now, settings.calendars)
            output.print_effects("preview", found, as_json=args.json)
            output.print_held(store.read(rulesets.held_removals), as_json=args.json)
        else:
            proposal = rules.propose(store, ruleset, now, confirmed=True, calendars=settings.calendars)
            output.print_effects(proposal.standing, proposal.effects, as_json=args.json)
        return 0

    return with_current_store(settings, use)
