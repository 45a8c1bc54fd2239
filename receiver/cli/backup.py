"""`backup` and `migrate-store`: their arguments and reports."""

import argparse
import json
import os
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

from receiver import logs
from receiver.cli import output
from receiver.cli.output import progress
from receiver.cli.own_files import is_refused
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.config.store_url import UnusableAddress, address_of, sqlite_file
from receiver.operations import backup as operation
from receiver.operations.backup import Backup
from receiver.sentences import BACKUP, COMMANDS, CONFIGURATION
from receiver.sentences.phrases import store_words
from receiver.store import Store
from receiver.store.tools.backup import CopyFailed

MISTAKES = {"exists", "is_store"}


def add_backup(parser: argparse.ArgumentParser) -> None:
    """Describe `backup` to its parser."""
    parser.set_defaults(command=backup)
    parser.add_argument("file", metavar="FICHIER", type=Path, help=COMMANDS["backup file"])
    parser.add_argument("--force", action="store_true", help=COMMANDS["backup force"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def add_migrate_store(parser: argparse.ArgumentParser) -> None:
    """Describe `migrate-store` to its parser."""
    parser.set_defaults(command=migrate_store)
    parser.add_argument("--to", metavar="ADRESSE", required=True, help=COMMANDS["migrate-store to"])
    parser.add_argument("--password-env", metavar="NOM", help=COMMANDS["migrate-store password-env"])
    parser.add_argument("--force", action="store_true", help=COMMANDS["migrate-store force"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def backup(args: Namespace, settings: Settings) -> int:
    """Copy the store into a file; 1 if that failed, 2 if the file exists."""
    logs.configure("ERROR")
    if is_refused(args.file, settings, args.config):
        return 2

    def use(store: Store) -> int:
        watch = partial(progress, BACKUP["progress"])
        try:
            made = operation.back_up(store, settings, args.file, watch, force=args.force)
        except CopyFailed as error:
            return _failed(str(error), args.file)
        _print_backup(made, as_json=args.json)
        return 0

    return with_current_store(settings, use)


def _print_backup(made: Backup, *, as_json: bool) -> None:
    if as_json:
        report = {"file": str(made.path), "size": made.size, "must_adopt": True, "rows": made.rows}
        print(json.dumps(report, indent=2))
        return
    size = f"{made.size / 2**20:.1f}".replace(".", ",")
    print(output.printable(BACKUP["made"].format(path=made.path, size=size, rows=sum(made.rows.values()))))
    print(BACKUP["then"])


def migrate_store(args: Namespace, settings: Settings) -> int:
    """Copy the store into another database; 1 if that failed or the service runs, 2 if the address is invalid."""
    logs.configure("ERROR")
    password = os.environ.get(args.password_env) if args.password_env else None
    if args.password_env and not password:
        print(output.printable(BACKUP["no_password"].format(name=args.password_env)), file=sys.stderr)
        return 2
    try:
        address = address_of(args.to, password)
    except UnusableAddress as error:
        for code, details in error.troubles:
            print(output.printable(f"--to : {CONFIGURATION[code].format_map(details)}"), file=sys.stderr)
        return 2
    if is_refused(sqlite_file(address), settings, args.config):
        return 2
    return with_current_store(settings, lambda store: _move(args, address, store))


def _move(args: Namespace, address: str, store: Store) -> int:
    if (names := operation.running(store)) and not args.force:
        print(output.printable(BACKUP["running"].format(names=", ".join(names))), file=sys.stderr)
        return 1
    try:
        rows = operation.move(store, address, partial(progress, BACKUP["progress"]))
    except CopyFailed as error:
        return _failed(str(error), None)
    except operation.TargetUnavailable as error:
        words = store_words(error.refusal.cause, error.refusal.details)
        print(output.printable(BACKUP["target"].format(cause=words.title, cure=words.cure)), file=sys.stderr)
        return 1
    reference = f"{{env: {args.password_env}}}" if args.password_env else None
    if args.json:
        print(json.dumps({"url": args.to, "rows": rows}, indent=2))
        return 0
    print(BACKUP["moved"].format(rows=sum(rows.values())))
    print(output.printable(f"  url: {args.to}"))
    if reference:
        print(output.printable(f"  password: {reference}"))
    print(BACKUP["moved then"])
    return 0


def _failed(code: str, path: Path | None) -> int:
    print(output.printable(BACKUP[code].format(path=path)), file=sys.stderr)
    return 2 if code in MISTAKES else 1
