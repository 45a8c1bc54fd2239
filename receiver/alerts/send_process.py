"""Sends one message to one address: the only module that knows Apprise. Run as a process of its own for each message.

It reads an order from standard input, and writes one word about it to standard output; nothing else leaves it. Apart
from the rest for four reasons: a server that never answers can be ended with it; its environment, where the libraries
look for proxies and authorities, is nobody else's; what libraries log of addresses and passwords goes nowhere; and
nobody else carries their weight.
"""

import json
import logging
import os
import re
import resource
import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

from connectors import deadline
from receiver.regular_files import open_regular

DEFAULT_S = 30.0
GRACE_S = 1.0
"""From the deadline, when connections are cut, until the process is killed: what arrived before it is still judged."""
MOST_MEMORY = 256 * 1024 * 1024
"""Of this process: three times what the libraries take."""


class Outcome(StrEnum):
    """What came of an order."""

    SENT = "sent"
    PARTLY_SENT = "partly_sent"
    """Some of the people behind the address got it; sending it again would reach them twice."""
    READABLE = "readable"
    """There was no message, only the question whether the address can be used."""
    ADDRESS_UNREADABLE = "address_unreadable"
    ADDRESS_UNVERIFIED = "address_unverified"
    TLS_FAILED = "tls_failed"
    LOGIN_REFUSED = "login_refused"
    NAME_UNKNOWN = "name_unknown"
    PROXY_FAILED = "proxy_failed"
    CONNECTION_FAILED = "connection_failed"
    TIMEOUT = "timeout"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    FAILED = "failed"


_SIGNS = (
    (Outcome.PROXY_FAILED, r"ProxyError|Tunnel connection failed"),
    (Outcome.TLS_FAILED, r"CERTIFICATE_VERIFY_FAILED|\[SSL|SSLError|STARTTLS"),
    (Outcome.NAME_UNKNOWN, r"NameResolutionError|Name or service not known|\[Errno -[235]\]"),
    (Outcome.LOGIN_REFUSED, r"\(53[0-9], |error=(?:401|403)\b"),
    (Outcome.TIMEOUT, r"timed out|Timeout"),
    (Outcome.CONNECTION_FAILED, r"Connection refused|unreachable|No route to host|Connection aborted|unexpectedly"),
    (Outcome.REDIRECTED, r"error=30[0-9]\b"),
    (Outcome.REFUSED, r"error=[0-9]{3}\b|was refused: |Socket Exception: \([45][0-9]{2}, |Socket Exception: \{"),
)
"""How Apprise's log tells what went wrong: its results say no more than that something did. The first that fits."""


class _Cause(logging.Handler):
    """Keeps the code of what went wrong, and no word of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.outcome = Outcome.FAILED

    def emit(self, record: logging.LogRecord) -> None:
        """Look for a sign of a cause, once."""
        text = record.getMessage()
        if self.outcome is Outcome.FAILED and ("Socket Exception" in text or record.levelno >= logging.WARNING):
            self.outcome = next((code for code, sign in _SIGNS if re.search(sign, text)), Outcome.FAILED)


def carry_out(order: dict[str, str]) -> Outcome:
    """Send a message.

    Args:
        order: `address`; `authorities` (a PEM file to trust beside the public ones, or empty); `title`, `body` and
            `tone`, or no title to ask only whether the address can be used.

    """
    if order["authorities"]:
        _trust(order["authorities"])
    _bound_answers()
    import apprise  # noqa: PLC0415 -- it must find the environment made ready

    cause = _Cause()
    logger = logging.getLogger("apprise")
    logger.handlers[:], logger.propagate = [cause], False
    logger.setLevel(logging.DEBUG)
    # A redirected POST becomes a GET that succeeds: the message would be lost and count as sent.
    asset = apprise.AppriseAsset(storage_mode="memory", http_redirects=False, async_mode=False, image_url_mask=False)
    asset.app_id, asset.app_desc, asset.app_url = order["app"], order["app"], ""
    service = apprise.Apprise.instantiate(order["address"], asset=asset)
    if service is None:
        return Outcome.ADDRESS_UNREADABLE
    if not service.verify_certificate:
        return Outcome.ADDRESS_UNVERIFIED
    return _send(apprise, service, order, cause) if order["title"] else Outcome.READABLE


def _send(apprise: Any, service: Any, order: dict[str, str], cause: _Cause) -> Outcome:
    reached: list[object] = []
    # Called for each recipient of an address that has several.
    service.mark_delivered = lambda key, per_message=False: reached.append((key, per_message))
    sent = service.notify(
        body=order["body"],
        title=order["title"],
        notify_type=apprise.NotifyType(order["tone"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    if sent:
        return Outcome.SENT
    return Outcome.PARTLY_SENT if reached else cause.outcome


def _trust(authorities: str) -> None:
    """Have TLS, of HTTP as of SMTP, trust these authorities and the public ones: both libraries take but one file.

    It is a file in memory, gone with this process however that ends.
    """
    import certifi  # noqa: PLC0415

    handle = os.memfd_create("authorities")
    with open(handle, "wb", closefd=False) as together:
        for path in (certifi.where(), authorities):
            with open_regular(Path(path)) as file:
                together.write(file.read() + b"\n")
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = f"/proc/self/fd/{handle}"


def _bound_answers() -> None:
    """Have little of an answer read, and none of it inflated: its status tells whether the message was taken."""
    import requests  # noqa: PLC0415 -- as above

    from connectors import bounded_http  # noqa: PLC0415 -- it needs requests

    class Adapter(bounded_http.Adapter):
        def __init__(self) -> None:
            super().__init__(wanted=frozenset())

        def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            request.headers["Accept-Encoding"] = "identity"
            response = super().send(request, *args, **kwargs)
            response.headers.pop("Content-Encoding", None)
            return response

    requests.sessions.HTTPAdapter = Adapter  # type: ignore[assignment]  # what each session of Apprise makes for itself


def _bound_process(seconds: float) -> None:
    """End this process after a time, also where nobody is left to end it; and leave the machine its memory."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    for limit in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        most = MOST_MEMORY if limit == resource.RLIMIT_DATA else 4 * MOST_MEMORY  # which counts what is but reserved
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Carry out the order on standard input, and say what came of it."""
    order = json.load(sys.stdin)
    until = float(order.pop("until", time.monotonic() + DEFAULT_S))
    # A little later than the killing by who waits for it.
    _bound_process(max(until - time.monotonic(), 0) + GRACE_S + 1)
    answer = os.dup(sys.stdout.fileno())
    # What a library might print is nobody's business.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    try:
        with deadline.until(until) as call:
            outcome = carry_out(order)
        if call.over and outcome in {Outcome.FAILED, Outcome.CONNECTION_FAILED}:
            outcome = Outcome.TIMEOUT  # the connection was cut by ourselves
    except Exception:  # noqa: BLE001 -- a library's mistake is one more way in which a message does not arrive
        outcome = Outcome.FAILED
    os.write(answer, outcome.encode())
    os.close(answer)


if __name__ == "__main__":
    main()
