"""`watch`: notifies people of troubles; `--test` tries the addresses."""

import os
import signal
import socket
from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver import bootstrap, logs, sentences
from receiver.alerts.message import Message, Sender, trial_message
from receiver.alerts.recipient import ARRIVED
from receiver.alerts.send import scheme, try_all
from receiver.alerts.send_process import Outcome
from receiver.alerts.sent import default_path
from receiver.config import Reloadable, Settings
from receiver.config.store_url import sqlite_file
from receiver.operations.support.check import Finding, Level, file_findings

log = logs.get("cli")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=watch)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--test", action="store_true", help=sentences.WATCH["test"])
    choice.add_argument("--once", action="store_true", help=sentences.WATCH["once"])


def watch(args: Namespace, settings: Settings) -> int:
    """Send alerts until asked to stop. It starts even if the store cannot be used."""
    if args.test:
        logs.configure("ERROR")
        return _report(settings, trial_message(Sender(socket.gethostname())))
    if args.once:
        logs.configure("WARNING")  # cron, for instance, mails all output
        check_once(args.config, settings)
        return 0
    logs.configure()
    # A SIGHUP before the handler is installed must not end the process; there is nothing to reload yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    bootstrap.run_watch(Reloadable(args.config, os.environ, settings))
    return 0


def check_once(config: Path, settings: Settings) -> None:
    """Check once, and notify the recipients, if there are any."""
    if settings.alerts.to:
        bootstrap.run_watch(Reloadable(config, os.environ, settings), once=True)


def address_findings(settings: Settings) -> list[Finding]:
    """Return findings on whether each address can be used. Sends nothing."""
    outcomes = try_all(settings.alerts, None)
    return [
        _address_finding(place, address.value, outcome)
        for place, (address, outcome) in enumerate(zip(settings.alerts.to, outcomes, strict=True))
    ]


def memory_findings(settings: Settings) -> list[Finding]:
    """Return what is wrong with the rights of the file that remembers what was sent."""
    return list(file_findings([default_path(sqlite_file(settings.store.address), os.environ)]))


def _address_finding(place: int, address: str, outcome: Outcome) -> Finding:
    subject, details = f"alerts.to[{place}]", {"scheme": scheme(address)}
    if outcome is Outcome.READABLE:
        return Finding("alert_address_ready", subject, Level.OK, details)
    return Finding("alert_address_unusable", subject, Level.TROUBLE, details)


def _report(settings: Settings, message: Message) -> int:
    """Send a message to every address and print a line about each, which shows only its scheme."""
    if not settings.alerts.to:
        print(sentences.WATCH["nobody"])
        return 1
    outcomes = try_all(settings.alerts, message)
    for place, (address, outcome) in enumerate(zip(settings.alerts.to, outcomes, strict=True)):
        text = sentences.DELIVERY[outcome]
        print(sentences.WATCH["line"].format(place=place, scheme=scheme(address.value), text=text))
    return 0 if set(outcomes) <= ARRIVED else 1
