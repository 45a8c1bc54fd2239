"""`status`: its report."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from datetime import datetime

from receiver import bootstrap, logs, sentences
from receiver.cli import output
from receiver.cli.stores import say_only_appends
from receiver.config import Settings
from receiver.core.servers import PAUSED
from receiver.core.troubles import Trouble, colour, is_well
from receiver.operations import status
from receiver.operations.status import Status
from receiver.operations.support import check
from receiver.sentences.phrases import PARIS, local, words


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=show)
    parser.add_argument("--json", action="store_true", help=sentences.COMMANDS["json"])


def show(args: Namespace, settings: Settings) -> int:
    """Print the status; 1 if something is wrong."""
    logs.configure("ERROR")
    found = _read_status(settings)
    if found is None:
        return 1
    if args.json:
        _print_json(found)
    else:
        _print(settings, found)
    return 0 if is_well(found.troubles) else 1


def _read_status(settings: Settings) -> Status | None:
    """Return the status; None if the account may not read it, which was printed."""
    try:
        store = bootstrap.open_store(settings)
        try:
            return status.status(settings, store, store.now())
        finally:
            store.close()
    except check.STORE_ERRORS as error:
        if say_only_appends(settings, error):
            return None
        # Without a store the time is this host's, and is compared with nothing.
        return status.unreadable(settings, error, datetime.now(PARIS))


def _print_json(found: Status) -> None:
    report = {
        "ok": is_well(found.troubles),
        "colour": colour(found.troubles),
        "troubles": [asdict(trouble) | {"colour": trouble.colour} for trouble in found.troubles],
        "servers": [
            {"name": server.name, "failure": server.failure, "waits_until": found.waits_until.get(server.name)}
            for server in found.servers
        ],
        "store": None if found.sight is None else asdict(found.sight),
    }
    print(json.dumps(report, indent=2, default=str))


def _print(settings: Settings, found: Status) -> None:
    texts = sentences.STATUS
    if found.sight is not None:
        print(texts["installation"].format(id=found.sight.installation))
        for name in settings.sources:
            last = found.sight.last_webhook.get(name)
            line = texts["source"] if last else texts["source_never"]
            print(line.format(name=name, at=local(last) if last else ""))
        for server in found.servers:
            at = local(server.succeeded_at) if server.succeeded_at else texts["never"]
            print(texts["server"].format(name=server.name, at=at))
            until = found.waits_until.get(server.name)
            if until is not None:
                code = server.failure or PAUSED
                print(texts["server_waits"].format(name=server.name, at=local(until), code=code))
        print(texts["backlog"].format(due=found.sight.due, unsettled=found.sight.unsettled))
        print()
    for trouble in found.troubles:
        _print_trouble(trouble)
    print(texts[colour(found.troubles)])


def _print_trouble(trouble: Trouble) -> None:
    text = words(trouble)
    since = sentences.STATUS["since"].format(at=local(trouble.since)) if trouble.since else ""
    print(output.printable(f"{sentences.COLOURS[trouble.colour]}  {text.title}{since}"))
    print(output.printable(f"        {text.cure}"))
    if trouble.until is not None:
        print(f"        {sentences.STATUS['until'].format(at=local(trouble.until))}")
    print(f"        {sentences.STATUS['see'].format(code=trouble.code)}")
    print()
