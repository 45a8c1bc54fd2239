"""The command line: which commands there are, and exit codes. 0 fine, 1 trouble found, 2 usage or configuration."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

from receiver import __version__
from receiver.cli import output, streams
from receiver.cli.parser import LateParser, Parser
from receiver.config import ConfigurationErrors, Settings, load
from receiver.sentences import COMMANDS, HELD_HELP, RECOVERY_HELP, TOKEN_HELP, WATCH

DEFAULT_CONFIG = "/etc/rdv-receiver/config.yaml"
CONFIG_VARIABLE = "RDV_RECEIVER_CONFIG"

Command = Callable[[argparse.Namespace, Settings], int]

LAYERS = {
    "run": "run:add_arguments",
    "serve": "parts:add_serve",
    "worker": "parts:add_worker",
    "migrate": "commands:add_migrate",
    "apply-policies": "commands:add_apply_policies",
    "mailboxes": "mailboxes:add_arguments",
    "audit": "audit:add_arguments",
    "failures": "failures:add_failures",
    "retry": "failures:add_retry",
    "purge": "purge:add_arguments",
    "backup": "backup:add_backup",
    "migrate-store": "backup:add_migrate_store",
    "diagnose": "diagnose:add_arguments",
    "forget": "failures:add_forget",
    "held": "held:add_arguments",
    "watch": "watch:add_arguments",
    "adopt": "adopt:add_arguments",
    "uninstall": "uninstall:add_arguments",
    "status": "status:add_arguments",
    "token": "token:add_arguments",
    "resync": "resync:add_arguments",
    "secrets": "secrets:add_arguments",
    "check": "commands:add_check",
}
"""Each command, and the function that adds its arguments, by name. Imports would load the modules of all commands into
the processes of the service, which run for months."""

_HELP = {**WATCH, **TOKEN_HELP, **RECOVERY_HELP, **HELD_HELP, **COMMANDS}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (argparse itself exits after help and errors)."""
    streams.settle()
    status = _carry_out(argv)
    if streams.lost_output():
        print(COMMANDS["output_lost"], file=sys.stderr)
        return status or 1
    return status


def _carry_out(argv: Sequence[str] | None) -> int:
    args = build_parser().parse_args(argv)
    args.config = args.config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)
    try:
        settings = load(args.config, os.environ)
    except ConfigurationErrors as errors:
        if getattr(args, "json", False):
            output.print_problems_json(errors)
        else:
            output.print_problems(args.config, errors)
        return 2
    command: Command = args.command
    return command(args, settings)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = Parser(prog="rdv-receiver", description=COMMANDS["program"])
    parser.add_argument(
        "--config", type=Path, metavar="FICHIER", help=COMMANDS["config"].format(default=DEFAULT_CONFIG)
    )
    parser.add_argument("--version", action="version", version=__version__, help=COMMANDS["version"])
    choices = parser.add_subparsers(
        title=COMMANDS["commands"], metavar="COMMANDE", required=True, parser_class=LateParser
    )
    for name, layer in LAYERS.items():
        choices.add_parser(name, help=_HELP[name], description=_HELP[name], lay=partial(_lay, layer))
    return parser


def _lay(layer: str, parser: argparse.ArgumentParser) -> None:
    resolve_name(f"receiver.cli.{layer}")(parser)
