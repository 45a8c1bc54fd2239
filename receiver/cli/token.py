"""`token issue`, `token list`, `token revoke`."""

import argparse
import json
import sys
from argparse import Namespace
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from receiver import logs
from receiver.cli import output
from receiver.cli.output import print_table
from receiver.cli.stores import with_current_store
from receiver.config import Settings
from receiver.core.roles import Role
from receiver.core.tokens import LONGEST
from receiver.operations.access import token_key, tokens
from receiver.operations.access.token_key import KeyUnavailable
from receiver.operations.access.tokens import LABEL_LENGTH, NotOne, Tokens
from receiver.sentences import COMMANDS, TOKEN, TOKEN_COLUMNS, TOKEN_HELP, TOKEN_KEY, TOKEN_STATES
from receiver.sentences.phrases import local
from receiver.store import Store
from receiver.store.tools import tokens as stored_tokens
from receiver.store.tools.tokens import TokenRecord

USUAL_DAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands to their parser."""
    verbs = parser.add_subparsers(title=COMMANDS["commands"], metavar="COMMANDE", required=True)
    issuing = verbs.add_parser("issue", help=TOKEN_HELP["issue"], description=TOKEN_HELP["issue"])
    issuing.set_defaults(command=issue)
    issuing.add_argument("--role", choices=[role.value for role in Role], default="read", help=TOKEN_HELP["role"])
    issuing.add_argument("--days", type=_days, default=USUAL_DAYS, metavar="JOURS", help=TOKEN_HELP["days"])
    issuing.add_argument("--label", type=_label, default="", metavar="LIBELLE", help=TOKEN_HELP["label"])
    listing = verbs.add_parser("list", help=TOKEN_HELP["list"], description=TOKEN_HELP["list"])
    listing.set_defaults(command=list_all)
    for verb in (issuing, listing):
        verb.add_argument("--json", action="store_true", help=COMMANDS["json"])
    revoking = verbs.add_parser("revoke", help=TOKEN_HELP["revoke"], description=TOKEN_HELP["revoke"])
    revoking.set_defaults(command=revoke)
    revoking.add_argument("id", metavar="JETON", help=TOKEN_HELP["id"])


def issue(args: Namespace, settings: Settings) -> int:
    """Make a token. Only the token is printed on standard output, so that it can be piped.

    Returns:
        2 if there is no key to sign it with.

    """
    logs.configure("ERROR")

    def use(store: Store) -> int:
        lifetime = timedelta(days=args.days)
        has_lost_key = token_key.is_lost(settings, store, store.now())
        try:
            text, record = Tokens.of(settings, store).issue(Role(args.role), lifetime, args.label, store.now())
        except KeyUnavailable as error:
            print(TOKEN_KEY[error.code], file=sys.stderr)
            return 2
        if has_lost_key:
            print(TOKEN["new_key"], file=sys.stderr)
        if args.json:
            print(json.dumps(asdict(record) | {"token": text}, indent=2, default=_iso))
            return 0
        fields = {"id": record.id, "role": record.role, "expires": local(record.expires_at)}
        print(TOKEN["issued"].format(**fields), file=sys.stderr)
        if not settings.web.pages:
            print(TOKEN["no_pages"], file=sys.stderr)
        print(text)
        return 0

    return with_current_store(settings, use)


def list_all(args: Namespace, settings: Settings) -> int:
    """List the tokens that were issued, and their states."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        now, records, tag = store.now(), store.read(stored_tokens.listed), tokens.tag_in_force(settings)
        if args.json:
            listed = [asdict(record) | {"state": tokens.listed_state(record, now, tag)} for record in records]
            print(json.dumps({"tokens": listed}, indent=2, default=_iso))
        elif records:
            print_table(TOKEN_COLUMNS, [_cells(record, now, tag) for record in records])
        else:
            print(TOKEN["none"])
        return 0

    return with_current_store(settings, use)


def revoke(args: Namespace, settings: Settings) -> int:
    """Revoke a token; 1 if none or several match."""
    logs.configure("ERROR")

    def use(store: Store) -> int:
        try:
            record = tokens.revoke(store, args.id, store.now())
        except NotOne:
            print(output.printable(TOKEN["not_one"].format(id=args.id)), file=sys.stderr)
            return 1
        print(TOKEN["revoked"].format(id=record.id))
        return 0

    return with_current_store(settings, use)


def _days(text: str) -> int:
    try:
        days = int(text)
    except ValueError:
        days = 0
    if not 1 <= days <= LONGEST.days:
        raise argparse.ArgumentTypeError(TOKEN["bad_days"].format(longest=LONGEST.days))
    return days


def _label(text: str) -> str:
    if len(text) > LABEL_LENGTH or not text.isprintable():
        raise argparse.ArgumentTypeError(TOKEN["bad_label"].format(longest=LABEL_LENGTH))
    return text.strip()


def _cells(record: TokenRecord, now: datetime, tag: str | None) -> list[str]:
    moments = local(record.created_at), local(record.expires_at)
    return [record.id, record.role, record.label, *moments, TOKEN_STATES[tokens.listed_state(record, now, tag)]]


def _iso(value: Any) -> str:
    moment: datetime = value
    return moment.isoformat()
