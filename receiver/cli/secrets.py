"""`secrets`: its arguments and its report. A configured secret is named by its place, and never shown."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta

from receiver import logs
from receiver.cli.output import print_table
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.operations.access import secrets as operation
from receiver.operations.access.secrets import SecretSight, State
from receiver.sentences import COMMANDS, SECRETS
from receiver.sentences.phrases import local
from receiver.store import Store

MOST_DAYS = 3650


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to its parser."""
    parser.set_defaults(command=secrets)
    actions = parser.add_argument_group(COMMANDS["commands"])
    actions.add_argument("action", nargs="?", choices=["new"], metavar="new", help=SECRETS["action"])
    parser.add_argument("--source", metavar="NOM", help=SECRETS["source"])
    parser.add_argument("--unused-days", type=_days, default=30, metavar="JOURS", help=SECRETS["unused-days"])
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_DAYS):
        raise argparse.ArgumentTypeError(SECRETS["days"])
    return int(text)


def secrets(args: Namespace, settings: Settings) -> int:
    """Print when each secret was last used; 1 if one can be removed, 2 if the source is unknown."""
    if args.action == "new":
        print(operation.fresh())
        return 0
    if args.source is not None and args.source not in settings.sources:
        print(SECRETS["source_unknown"], file=sys.stderr)
        return 2
    logs.configure("ERROR")
    return with_current_store(settings, lambda store: _show(args, settings, store))


def _show(args: Namespace, settings: Settings, store: Store) -> int:
    found = operation.secret_uses(settings, store, args.source, timedelta(days=args.unused_days))
    unused = sum(each.state is State.UNUSED for each in found)
    if args.json:
        print(json.dumps({"ok": not unused, "secrets": [_json(each) for each in found]}, indent=2))
    else:
        _print(found, unused)
    return 1 if unused else 0


def _json(each: SecretSight) -> dict[str, object]:
    return {
        "source": each.source,
        "place": each.place,
        "tag": each.tag,
        "organisations": list(each.organisations) if each.organisations is not None else None,
        "used_at": each.used_at.isoformat() if each.used_at else None,
        "state": each.state.value,
        "edges": [edge.value for edge in each.edges],
        "form": each.form.value if each.form else None,
    }


def _print(found: Sequence[SecretSight], unused: int) -> None:
    columns = [SECRETS[f"column {name}"] for name in ("place", "organisations", "used_at", "state")]
    print_table(columns, map(_cells, found))
    print(SECRETS["trouble" if unused else "ok"].format(count=unused))


def _cells(each: SecretSight) -> tuple[str, str, str, str]:
    bound = SECRETS["every"] if each.organisations is None else ", ".join(map(str, each.organisations))
    used_at = local(each.used_at) if each.used_at else SECRETS["never_at"]
    return each.place, bound, used_at, SECRETS[each.state] + (SECRETS[f"form {each.form}"] if each.edges else "")
