"""The command line: parsing, help, exit codes. 0 fine, 1 trouble found, 2 usage or configuration."""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from receiver import __version__
from receiver.cli import adopt as adopt_report
from receiver.cli import audit as audit_report
from receiver.cli import backup as backup_report
from receiver.cli import commands, output
from receiver.cli import diagnose as diagnose_report
from receiver.cli import failures as failures_report
from receiver.cli import mailboxes as mailboxes_check
from receiver.cli import purge as purge_report
from receiver.cli import resync as resync_command
from receiver.cli import secrets as secrets_report
from receiver.cli import status as status_report
from receiver.cli import token as token_commands
from receiver.cli import uninstall as uninstall_report
from receiver.cli import watch as watch_commands
from receiver.config import ConfigurationErrors, Settings, load
from receiver.sentences import COMMANDS, RECOVERY_HELP, TOKEN_HELP, USAGE, WATCH

DEFAULT_CONFIG = "/etc/rdv-receiver/config.yaml"
CONFIG_VARIABLE = "RDV_RECEIVER_CONFIG"

Command = Callable[[argparse.Namespace, Settings], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code (argparse leaves by itself for help and for mistakes)."""
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
    parser = _Parser(prog="rdv-receiver", description=COMMANDS["program"])
    parser.add_argument(
        "--config", type=Path, metavar="FICHIER", help=COMMANDS["config"].format(default=DEFAULT_CONFIG)
    )
    parser.add_argument("--version", action="version", version=__version__, help=COMMANDS["version"])
    choices = parser.add_subparsers(title=COMMANDS["commands"], metavar="COMMANDE", required=True)
    _add(choices, "run", commands.run)
    _add(choices, "serve", commands.serve)
    _add(choices, "worker", commands.worker)
    _add(choices, "migrate", commands.migrate)
    apply_policies = _add(choices, "apply-policies", commands.apply_policies)
    apply_policies.add_argument("--dry-run", action="store_true", help=COMMANDS["dry-run"])
    apply_policies.add_argument("--json", action="store_true", help=COMMANDS["json"])
    _add_mailboxes(choices)
    audit_report.add_arguments(_add(choices, "audit", audit_report.audit))
    failures_report.add_failures(_add(choices, "failures", failures_report.failures))
    failures_report.add_retry(_add(choices, "retry", failures_report.retry))
    purge_report.add_arguments(_add(choices, "purge", purge_report.purge))
    backup_report.add_backup(_add(choices, "backup", backup_report.backup))
    backup_report.add_migrate_store(_add(choices, "migrate-store", backup_report.migrate_store))
    diagnose_report.add_arguments(_add(choices, "diagnose", diagnose_report.diagnose))
    failures_report.add_forget(_add(choices, "forget", failures_report.forget))
    watch_commands.add_arguments(choices.add_parser("watch", help=WATCH["watch"], description=WATCH["watch"]))
    _add_recovery(choices)
    status = _add(choices, "status", status_report.show)
    status.add_argument("--json", action="store_true", help=COMMANDS["json"])
    sentence = TOKEN_HELP["token"]
    token_commands.add_arguments(choices.add_parser("token", help=sentence, description=sentence))
    resync_command.add_arguments(_add(choices, "resync", resync_command.resync))
    secrets_report.add_arguments(_add(choices, "secrets", secrets_report.secrets))
    check = _add(choices, "check", commands.check)
    check.add_argument("--mailbox", action="append", default=[], metavar="ADRESSE", help=COMMANDS["mailbox"])
    check.add_argument("--json", action="store_true", help=COMMANDS["json"])
    return parser


def _add_mailboxes(choices: "argparse._SubParsersAction[_Parser]") -> None:
    mailboxes = choices.add_parser("mailboxes", help=COMMANDS["mailboxes"], description=COMMANDS["mailboxes"])
    questions = mailboxes.add_subparsers(title=COMMANDS["commands"], metavar="COMMANDE", required=True)
    sentence = COMMANDS["mailboxes unmapped"]
    unmapped = questions.add_parser("unmapped", help=sentence, description=sentence)
    unmapped.set_defaults(command=commands.unmapped)
    unmapped.add_argument("--json", action="store_true", help=COMMANDS["json"])
    sentence = COMMANDS["mailboxes check"]
    mailboxes_check.add_arguments(questions.add_parser("check", help=sentence, description=sentence))


def _add_recovery(choices: "argparse._SubParsersAction[_Parser]") -> None:
    for name, module, command in (
        ("adopt", adopt_report, adopt_report.adopt),
        ("uninstall", uninstall_report, uninstall_report.uninstall),
    ):
        parser = choices.add_parser(name, help=RECOVERY_HELP[name], description=RECOVERY_HELP[name])
        parser.set_defaults(command=command)
        module.add_arguments(parser)


class _Parser(argparse.ArgumentParser):
    """argparse, in French where it speaks."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs, add_help=False, allow_abbrev=False)  # type: ignore[arg-type]
        self._optionals.title = COMMANDS["options"]
        self._positionals.title = COMMANDS["arguments"]
        self.add_argument("-h", "--help", action="help", help=COMMANDS["help"])

    def format_usage(self) -> str:
        return super().format_usage().replace("usage: ", COMMANDS["usage"], 1)

    def format_help(self) -> str:
        return super().format_help().replace("usage: ", COMMANDS["usage"], 1)

    def error(self, message: str) -> NoReturn:
        for pattern, sentence in USAGE.items():
            if found := re.fullmatch(pattern, message, re.DOTALL):
                message = found.expand(sentence)
                break
        self.exit(2, output.printable(f"{self.prog} : {message}") + f"\n{self.format_usage()}")


def _add(choices: "argparse._SubParsersAction[_Parser]", name: str, command: Command) -> argparse.ArgumentParser:
    sub = choices.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
    sub.set_defaults(command=command)
    return sub
