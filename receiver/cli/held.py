"""`held`, `held release`, `held drop`: their arguments and reports."""

import argparse
import json
import os
import pwd
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice

from receiver import logs
from receiver.cli import output
from receiver.cli.output import print_table
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.operations import held as operation
from receiver.operations.held import Decision, Held, Places
from receiver.sentences import COMMANDS, HELD, HELD_HELP, HELD_REASONS, PAGE_WORDS
from receiver.sentences.phrases import held_organisation, held_subject, local
from receiver.store import Store
from receiver.store.database.records import Reason
from receiver.store.intake import set_aside
from receiver.store.intake.set_aside import MOST as MOST_SET_ASIDE
from receiver.store.intake.set_aside import Waiting, Wanted

SHOWN = 50
LARGEST = 2**63 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands to their parser."""
    parser.set_defaults(command=show)
    _add_filters(parser, None)
    parser.add_argument("--json", action="store_true", help=COMMANDS["json"])
    parser.add_argument("--all", dest="each", action="store_true", help=HELD_HELP["each"])
    verbs = parser.add_subparsers(title=COMMANDS["commands"], metavar="COMMANDE")
    for decision in Decision:
        verb = verbs.add_parser(decision, help=HELD_HELP[decision], description=HELD_HELP[decision])
        verb.set_defaults(command=decide, decision=decision)
        verb.add_argument("numbers", nargs="*", type=_number, metavar="NUMÉRO", help=HELD_HELP["numbers"])
        verb.add_argument("--all", action="store_true", help=HELD_HELP["all"])
        # Without a default: it would overwrite an option given before the verb, and more webhooks would be selected.
        _add_filters(verb, argparse.SUPPRESS)
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=COMMANDS["json"])
        verb.add_argument("--dry-run", action="store_true", help=COMMANDS["dry-run"])


def _add_filters(parser: argparse.ArgumentParser, default: str | None) -> None:
    reasons = [reason.value for reason in Reason]
    parser.add_argument("--source", default=default, metavar="NOM", help=HELD_HELP["source"])
    parser.add_argument("--reason", default=default, choices=reasons, metavar="RAISON", help=HELD_HELP["reason"])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and 1 <= int(text) <= LARGEST):
        raise argparse.ArgumentTypeError(HELD["number"])
    return int(text)


def show(args: Namespace, settings: Settings) -> int:
    """List held webhooks; 1 if there are any, 2 if the source is unknown."""
    logs.configure("ERROR")
    wanted = Wanted(args.reason, args.source)

    def use(store: Store) -> int:
        if not _is_source(store, settings, args.source):
            return _mistake(HELD["unknown_source"])
        known = operation.places(settings, store.installation().digest_key)
        some = islice(operation.walk(store, wanted), None if args.each else SHOWN)
        found = [operation.describe(each, known) for each in some]
        count = store.read(set_aside.count, wanted)
        (_print_json if args.json else _print)(found, count, _full(store, known, wanted))
        return 1 if count else 0

    return with_current_store(settings, use)


def decide(args: Namespace, settings: Settings) -> int:
    """Apply or drop held webhooks; 1 if some could not be decided now, 2 if none are named, or one is not held."""
    logs.configure("ERROR" if args.dry_run else "INFO")
    chosen = bool(args.numbers)
    if chosen == args.all or (chosen and (args.source is not None or args.reason is not None)):
        return _mistake(HELD["which"])

    def use(store: Store) -> int:
        if not _is_source(store, settings, args.source):
            return _mistake(HELD["unknown_source"])
        meant = _meant(store, args)
        missing = sorted(set(args.numbers) - {each.id for each in meant})
        if missing:
            return _mistake(HELD["unknown"].format(numbers=", ".join(map(str, missing))))
        if args.dry_run:
            _print_preview(meant, args)
            return 0
        done = operation.decide(store, args.decision, [each.id for each in meant], f"command:{_user()}")
        _print_decided(done, len(meant) - done, args)
        return 1 if done < len(meant) else 0

    return with_current_store(settings, use)


def _meant(store: Store, args: Namespace) -> list[Waiting]:
    if args.all:
        return list(operation.walk(store, Wanted(args.reason, args.source)))
    found = (store.read(set_aside.waiting, 1, number - 1, Wanted(up_to=number)) for number in sorted(set(args.numbers)))
    return [each for some in found for each in some]


def _is_source(store: Store, settings: Settings, name: str | None) -> bool:
    """Whether a source is configured, or was: its webhooks may still be held."""
    return name is None or name in settings.sources or store.read(set_aside.count, Wanted(source=name)) > 0


def _user() -> str:
    """Return the account that runs the command, from the system and not from the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _mistake(sentence: str) -> int:
    print(output.printable(sentence), file=sys.stderr)
    return 2


def _full(store: Store, known: Places, wanted: Wanted) -> list[str]:
    """Return the secrets for which no more webhooks are kept."""
    if wanted.reason not in {None, Reason.SCOPE}:
        return []
    groups = store.read(set_aside.groups, store.now())
    signed = sorted(
        {
            (each.source, each.signed_by)
            for each in groups
            if each.reason is Reason.SCOPE and wanted.source in {None, each.source}
        }
    )
    return [
        ", ".join(known.of(source, signed_by))
        for source, signed_by in signed
        if store.read(set_aside.count, Wanted(Reason.SCOPE, source, signed_by)) >= MOST_SET_ASIDE
    ]


def _print_json(found: Sequence[Held], count: int, full: Iterable[str]) -> None:
    held = [asdict(each) | {"since": each.since.isoformat()} for each in found]
    report = {"ok": not count, "count": count, "full": list(full), "held": held}
    print(json.dumps(report, indent=2))


def _print(found: Sequence[Held], count: int, full: Iterable[str]) -> None:
    if not count:
        print(HELD["none"])
        return
    names = ("number", "since", "reason", "what", "secret", "organisation", "entries")
    print_table([HELD[f"column {name}"] for name in names], map(_row, found))
    print(HELD["count"].format(count=count))
    if count > len(found):
        print(HELD["more"].format(count=count - len(found)))
    for place in full:
        print(output.printable(HELD["full"].format(place=place, most=MOST_SET_ASIDE)))
    print(HELD["hint"])


def _row(each: Held) -> tuple[str, ...]:
    model, kind = PAGE_WORDS["model"].get(each.model, each.model), PAGE_WORDS["kind"][each.kind]
    what = f"{model}, {kind} : {held_subject(each.uid, each.event_number, each.agent, each.email)}"
    whose = held_organisation(each.organisation, each.claimed)
    secret = ", ".join((each.source, *each.places))
    reason = HELD_REASONS[each.reason]
    return str(each.number), local(each.since), reason, what, secret, whose, str(each.entries)


def _print_preview(meant: Sequence[Waiting], args: Namespace) -> None:
    entries = sum(each.entries for each in meant)
    if args.json:
        print(json.dumps({"dry_run": True, "count": len(meant), "entries": entries}, indent=2))
        return
    print(HELD[f"would {args.decision}"].format(count=len(meant), entries=entries))


def _print_decided(done: int, left: int, args: Namespace) -> None:
    if args.json:
        print(json.dumps({"dry_run": False, "count": done, "left": left}, indent=2))
        return
    if not done and not left:
        print(HELD["none"])
        return
    print(HELD["released" if args.decision is Decision.RELEASE else "dropped"].format(done=done))
    if left:
        print(HELD["left"].format(count=left))
