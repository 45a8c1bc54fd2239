"""The mock as a process of its own: prints one JSON line with its address when it is ready."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence

from mock_exchange.ews.rights import Level
from mock_exchange.exchange import SCHEMAS_VARIABLE, MockExchange
from mock_exchange.http.auth import Auth

LEVELS = ", ".join(level for level in Level if level != Level.OWNER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 1 if a message was not what the schemas say, or made the server fail."""
    exchange = build(parser().parse_args(arguments))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with exchange:
        print(json.dumps({"url": exchange.url}), flush=True)
        stop.wait()
    for complaint in exchange.complaints:
        print(complaint, file=sys.stderr)
    return 1 if exchange.complaints else 0


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = argparse.ArgumentParser(prog="python -m mock_exchange", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options.add_argument("--mailbox", action="append", default=[], help="ADDRESS or ADDRESS=ALIAS,ALIAS; repeatable")
    options.add_argument("--auth", choices=[scheme.value for scheme in Auth], default="none")
    options.add_argument("--user", action="append", default=[], help="DOMAIN\\name or name@domain; repeatable")
    options.add_argument("--password-env", action="append", default=[], help="variable with the user's password")
    options.add_argument("--keytab", help="the service's keytab, for --auth negotiate")
    options.add_argument(
        "--extended-protection", action="store_true", help="over TLS, refuse proofs that are not bound to the channel"
    )
    options.add_argument("--no-impersonation", action="store_true", help="users may impersonate nobody")
    options.add_argument(
        "--impersonate-only", action="append", metavar="MAILBOX", help="a mailbox users may impersonate"
    )
    options.add_argument("--delegate", action="append", default=[], metavar="MAILBOX=LEVEL", help=LEVELS)
    options.add_argument("--tls-cert")
    options.add_argument("--tls-key")
    options.add_argument("--concurrency", type=int, help="calls of one account that are answered at once")
    options.add_argument("--budget", type=int, help="calls that one account may make before it is sent away")
    options.add_argument("--recharge-per-s", type=float, default=1.0, help="calls added to the budget each second")
    options.add_argument("--quota", action="append", default=[], metavar="MAILBOX=BYTES")
    options.add_argument("--latency-ms", type=float, default=0.0)
    options.add_argument(
        "--schemas", help=f"folder of messages.xsd and types.xsd, to validate all that passes (${SCHEMAS_VARIABLE})"
    )
    options.add_argument(
        "--no-schemas", action="store_true", help=f"validate nothing, whatever ${SCHEMAS_VARIABLE} says"
    )
    return options


def build(options: argparse.Namespace) -> MockExchange:
    """Make the server that the options describe, not yet started."""
    mailboxes = dict(_split(mailbox) for mailbox in options.mailbox)
    users = _users(options)
    principals = list(users) or [""]
    scope = options.impersonate_only
    delegations = dict(_split(delegation) for delegation in options.delegate)
    exchange = MockExchange(
        mailboxes,
        auth=options.auth,
        users=users,
        keytab=options.keytab,
        extended_protection=options.extended_protection,
        impersonators={} if options.no_impersonation else dict.fromkeys(principals, scope),
        delegates={name: {box: level or "editor" for box, level in delegations.items()} for name in principals},
        aliases={address: [alias for alias in text.split(",") if alias] for address, text in mailboxes.items()},
        tls=(options.tls_cert, options.tls_key or options.tls_cert) if options.tls_cert else None,
        latency_s=options.latency_ms / 1000,
        schema_dir=options.schemas,
        validate=not options.no_schemas,
        host=options.host,
        port=options.port,
    )
    exchange.limit(options.concurrency, options.budget, options.recharge_per_s)
    for mailbox, size_bytes in map(_split, options.quota):
        exchange.set_quota(mailbox, int(size_bytes))
    return exchange


def _users(options: argparse.Namespace) -> dict[str, str]:
    if options.auth == Auth.NEGOTIATE:  # whose passwords only the KDC knows
        return dict.fromkeys(options.user, "")
    return {name: os.environ[variable] for name, variable in zip(options.user, options.password_env, strict=True)}


def _split(text: str) -> tuple[str, str]:
    name, _, rest = text.partition("=")
    return name, rest


if __name__ == "__main__":
    sys.exit(main())
