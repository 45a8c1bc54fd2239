"""The mock as a process of its own: prints one JSON line with its address when it is ready."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence

from mock_exchange.auth import Auth
from mock_exchange.exchange import MockExchange


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    exchange = build(parser().parse_args(arguments))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with exchange:
        print(json.dumps({"url": exchange.url}), flush=True)
        stop.wait()
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = argparse.ArgumentParser(prog="python -m mock_exchange", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options.add_argument("--mailbox", action="append", default=[], help="ADDRESS or ADDRESS=ALIAS,ALIAS; repeatable")
    options.add_argument("--auth", choices=[scheme.value for scheme in Auth], default="none")
    options.add_argument("--user", action="append", default=[], help="DOMAIN\\name or name@domain; repeatable")
    options.add_argument("--password-env", action="append", default=[], help="variable with the user's password")
    options.add_argument("--no-impersonation", action="store_true", help="users may impersonate nobody")
    options.add_argument(
        "--impersonate-only", action="append", metavar="MAILBOX", help="a mailbox users may impersonate"
    )
    options.add_argument("--delegate", action="append", default=[], metavar="MAILBOX=editor|reviewer")
    options.add_argument("--tls-cert")
    options.add_argument("--tls-key")
    options.add_argument("--latency-ms", type=float, default=0.0)
    options.add_argument("--schemas", help="folder of messages.xsd and types.xsd, to validate all that passes")
    return options


def build(options: argparse.Namespace) -> MockExchange:
    """Make the server that the options describe, not yet started."""
    mailboxes = dict(_split(mailbox) for mailbox in options.mailbox)
    users = {name: os.environ[variable] for name, variable in zip(options.user, options.password_env, strict=True)}
    principals = list(users) or [""]
    scope = options.impersonate_only
    delegations = dict(_split(delegation) for delegation in options.delegate)
    return MockExchange(
        mailboxes,
        auth=options.auth,
        users=users,
        impersonators={} if options.no_impersonation else dict.fromkeys(principals, scope),
        delegates={name: {box: level or "editor" for box, level in delegations.items()} for name in principals},
        aliases={address: [alias for alias in text.split(",") if alias] for address, text in mailboxes.items()},
        tls=(options.tls_cert, options.tls_key or options.tls_cert) if options.tls_cert else None,
        latency_s=options.latency_ms / 1000,
        schema_dir=options.schemas,
        host=options.host,
        port=options.port,
    )


def _split(text: str) -> tuple[str, str]:
    name, _, rest = text.partition("=")
    return name, rest


if __name__ == "__main__":
    sys.exit(main())
