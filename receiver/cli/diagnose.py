"""`diagnose`: its argument, and the list of what the archive holds."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from receiver import bootstrap, logs
from receiver.cli import output
from receiver.cli.own_files import is_refused
from receiver.config import Settings
from receiver.operations.support import check
from receiver.operations.support import diagnose as operation
from receiver.sentences import COMMANDS, DIAGNOSE
from receiver.sentences.phrases import PARIS, local

MANIFEST = "LISEZMOI.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=diagnose)
    parser.add_argument("file", metavar="FICHIER.zip", type=Path, nargs="?", help=COMMANDS["diagnose file"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def diagnose(args: Namespace, settings: Settings) -> int:
    """Write an archive for support; 1 if it cannot be written, 2 if the path is a file of the service."""
    logs.configure("ERROR")
    now = datetime.now(PARIS)
    path = args.file or Path(f"rdv-diagnostic-{now:%Y%m%d-%H%M%S}.zip")
    if is_refused(path, settings, args.config):
        return 2
    files = _collect(args, settings)
    manifest = _manifest(files, now)
    try:
        operation.write(path, {MANIFEST: manifest} | files)
    except OSError:
        print(output.printable(DIAGNOSE["unwritable"].format(path=path)), file=sys.stderr)
        return 1
    if args.json:
        sizes = {name: len(text.encode()) for name, text in files.items()}
        print(json.dumps({"file": str(path), "files": sizes}, indent=2))
        return 0
    print(manifest)
    print(output.printable(DIAGNOSE["made"].format(path=path)))
    return 0


def _collect(args: Namespace, settings: Settings) -> dict[str, str]:
    """Collect with the store if it can be used, else without: help is most needed then."""
    try:
        store = bootstrap.open_store(settings)
        try:
            return operation.collect(settings, args.config, store, store.now(), operation.run_program)
        finally:
            store.close()
    except check.STORE_ERRORS:
        return operation.collect(settings, args.config, None, datetime.now(PARIS), operation.run_program)


def _manifest(files: Mapping[str, str], now: datetime) -> str:
    lines = [DIAGNOSE["title"].format(at=local(now)), "", *(f"  {name} : {DIAGNOSE[name]}" for name in files)]
    return "\n".join([*lines, "", DIAGNOSE["without"], DIAGNOSE["read"], ""])
