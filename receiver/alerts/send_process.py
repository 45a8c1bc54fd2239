"""Sends one message to one address: the only module that knows Apprise. Run as a process of its own for each message.

It reads an order from standard input and writes one code as the outcome to standard output, and nothing else. It is a
process of its own for four reasons: it can be killed when a server never answers; it has an environment of its own,
where the libraries look for proxies and authorities; what libraries log of addresses and passwords is discarded; and no
other process spends memory on them.
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
"""From the deadline, at which connections are cut, until the process is killed. An answer that came before is still
read."""
MOST_MEMORY = 256 * 1024 * 1024
"""The memory limit of this process: three times what the libraries take."""


class Outcome(StrEnum):
    """The outcome of an order."""

    SENT = "sent"
    PARTLY_SENT = "partly_sent"
    """Some of the people behind the address received it. Sending it again would reach them twice."""
    READABLE = "readable"
    """No message was given, and the address can be used."""
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
"""The causes of failures by words in Apprise's log, as its results give no cause. The first match counts."""


class _Cause(logging.Handler):
    """Keeps the code of what went wrong, and no text of the log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.outcome = Outcome.FAILED

    def emit(self, record: logging.LogRecord) -> None:
        """Find the cause in a record, unless one was found."""
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
    import apprise  # noqa: PLC0415 -- it reads the environment, which must be set before

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
    """Make TLS trust these authorities and the public ones, for HTTP and SMTP. Both libraries take only one file.

    It is a file in memory, which ends with this process.
    """
    import certifi  # noqa: PLC0415

    handle = os.memfd_create("authorities")
    with open(handle, "wb", closefd=False) as together:
        for path in (certifi.where(), authorities):
            with open_regular(Path(path)) as file:
                together.write(file.read() + b"\n")
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = f"/proc/self/fd/{handle}"


def _bound_answers() -> None:
    """Limit what is read of an answer, and decompress nothing: only its status is needed."""
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
    """Limit the time of this process, even if its parent has died, and its memory."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    for limit in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        most = MOST_MEMORY if limit == resource.RLIMIT_DATA else 4 * MOST_MEMORY  # which also counts reserved memory
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Carry out the order on standard input, and write the outcome."""
    order = json.load(sys.stdin)
    until = float(order.pop("until", time.monotonic() + DEFAULT_S))
    # A little later than the parent process kills it.
    _bound_process(max(until - time.monotonic(), 0) + GRACE_S + 1)
    answer = os.dup(sys.stdout.fileno())
    # Discard what a library prints: it may hold secrets.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    try:
        with deadline.until(until) as call:
            outcome = carry_out(order)
        if call.over and outcome in {Outcome.FAILED, Outcome.CONNECTION_FAILED}:
            outcome = Outcome.TIMEOUT  # the connection was cut by ourselves
    except Exception:  # noqa: BLE001 -- a defect of a library counts as a failure to send
        outcome = Outcome.FAILED
    os.write(answer, outcome.encode())
    os.close(answer)


if __name__ == "__main__":
    main()
