"""HTTP for hostile servers: one deadline for a call, a size limit for every head and every body.

Timeouts of requests and urllib3 start anew with each byte. They read bodies to the end where they need the connection
again (at a 401, at a redirect that is not followed), and inflate them. This module does all that itself, with limits.
"""

import errno
import http.client
import socket
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from ssl import SSLSocket
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from connectors import deadline
from connectors.deadline import Deadline

CONNECT_S = 10.0
"""Timeout for connecting, over all addresses of a host."""
LARGEST_HEAD = 64 * 1024
"""Bytes of the status lines and headers of an answer, including all 1xx before it."""
LARGEST_REFUSAL = 64 * 1024
"""Bytes of the body of an unwanted answer that are read."""
PIECE = 64 * 1024
LARGEST_NUMBER = 12
"""Digits of a number in a header; the others are ignored, as such a number is too large in any case."""

_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLarge(Exception):
    """A body exceeds the limit, before or after inflating."""


class BodyBroken(Exception):
    """A compressed body is incomplete or damaged."""


def check_authorities(path: Path) -> None:
    """See that the authorities' file is one before a library opens it.

    Raises:
        OSError: it is gone, or is no regular file: a pipe would be waited for.

    """
    if not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")


class Adapter(HTTPAdapter):
    """Sends requests of a thread that is in a call of `deadline.until`.

    A body with a status of `wanted` is left for `read`. Every other one is read here up to a bound; what is beyond is
    cut off, and is not inflated.
    """

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted
        self.certificate: bytes | None = None
        """The certificate (DER) of the connection of the last unwanted answer; None: no TLS."""
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make all connections bounded."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make all connections through a proxy bounded."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self.pools()
        return manager

    def pools(self) -> dict[str, type[urllib3.HTTPConnectionPool]]:
        """Return the kinds of connections by scheme."""
        return {"http": PlainPool, "https": TlsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request."""
        response = super().send(request, *args, **kwargs)
        if response.status_code not in self._wanted:
            self.certificate = _shown(response)  # a handshake needs it; it cannot be read later
            self._take(response)
        return response

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Choose the certificate authorities.

        Raises:
            OSError: their file is gone, or is no file.

        """
        if isinstance(verify, str):
            check_authorities(Path(verify))
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]  # so in types-requests

    def _take(self, response: requests.Response) -> None:
        """Read the body, and store it where requests expects a body that was read, so that nothing else reads it."""
        try:
            body, whole = _first(response, LARGEST_REFUSAL)
        except (HTTPError, OSError, http.client.HTTPException, ValueError):  # the status is enough
            body, whole = b"", False
        response._content = body  # noqa: SLF001  # `content` returns it
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        if not whole:
            response.raw.close()


def certificate_of(response: requests.Response) -> bytes | None:
    """Return the certificate (DER) of the connection that a refusal arrived on; None: no TLS."""
    adapter = response.connection
    if not isinstance(adapter, Adapter):
        raise TypeError("adapter")
    return adapter.certificate


def _shown(response: requests.Response) -> bytes | None:
    line = getattr(getattr(response.raw, "connection", None), "sock", None)
    return line.getpeercert(binary_form=True) if isinstance(line, SSLSocket) else None


def read(response: requests.Response, largest: int) -> bytes:
    """Return the body as received, not inflated.

    Raises:
        BodyTooLarge: it is larger.
        TimeoutError: the deadline has passed.
        OSError, urllib3.exceptions.HTTPError: it is incomplete.

    """
    body, whole = _first(response, largest)
    if _is_cut():  # the body may have ended because the connection was shut down
        raise TimeoutError
    if not whole:
        raise BodyTooLarge
    return body


def _first(response: requests.Response, largest: int) -> tuple[bytes, bool]:
    """Return at most so many bytes of a body, and whether that is all."""
    if response._content_consumed:  # type: ignore[attr-defined]  # noqa: SLF001
        return response.content, True
    body = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=False):
        body += piece
        if len(body) > largest:
            return bytes(body[:largest]), False
    return bytes(body), True


def inflated(body: bytes, encoding: str, largest: int) -> bytes:
    """Return a body decoded by its `Content-Encoding`: none, or one of those that were asked for, applied once.

    Raises:
        BodyTooLarge: it exceeds the limit.
        BodyBroken: it is incomplete or damaged.
        ValueError: the encoding was not asked for.

    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise ValueError("encoding")
    inflating = zlib.decompressobj(_GZIP)
    try:
        plain = inflating.decompress(body, largest)
        more = inflating.decompress(inflating.unconsumed_tail, 1) if inflating.unconsumed_tail else b""
    except zlib.error:
        raise BodyBroken from None
    if more:
        raise BodyTooLarge
    if not inflating.eof:
        raise BodyBroken
    return plain


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Parse Retry-After (RFC 9110, 10.2.3): seconds or a date; None: absent or invalid.

    The value is returned as it was sent; the caller must cap it.
    """
    value = headers.get("Retry-After", "").strip()
    if (seconds := whole_number(value)) is not None:
        return float(seconds)
    moment = http_date(value)
    return None if moment is None else max((moment - now).total_seconds(), 0.0)


def whole_number(text: str) -> int | None:
    """Return a number of ASCII digits, read up to `LARGEST_NUMBER` digits; None: it is not a number."""
    return int(text[:LARGEST_NUMBER]) if text.isascii() and text.isdigit() else None


def http_date(text: str) -> datetime | None:
    """Return the moment of a header; None: invalid."""
    try:
        moment = parsedate_to_datetime(text[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _is_cut() -> bool:
    """Whether the deadline of this thread's call has passed: its connections were shut down."""
    call = deadline.current()
    return call is not None and call.over


class _Head:
    """A file from which a head is read, with a size limit."""

    def __init__(self, lines: Any) -> None:
        self.lines = lines
        self._left = LARGEST_HEAD

    def readline(self, limit: int = -1) -> bytes:
        most = self._left + 1
        line: bytes = self.lines.readline(most if limit < 0 else min(limit, most))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        if not line.endswith(b"\n") and _is_cut():
            raise TimeoutError  # the standard library would take the head for a whole one
        return line

    def close(self) -> None:
        self.lines.close()


class _Response(http.client.HTTPResponse):
    def begin(self) -> None:
        if self.headers is not None:
            return
        head = _Head(self.fp)
        self.fp = head  # it has the methods of a file that reading a head uses
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = head.lines


class _Bounded(HTTPConnection):
    """A connection that is shut down at the call's deadline."""

    response_class = _Response

    def _new_conn(self) -> Any:
        call = deadline.current() or Deadline(float("inf"))
        try:
            line = deadline.connect(self._dns_host, self.port, call, CONNECT_S)
        except (OSError, UnicodeError) as error:
            raise _as_urllib3(self, error) from error
        for option in self.socket_options or ():
            line.setsockopt(*option)
        return line

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; the connection may be open since an earlier call."""
        call = deadline.current()
        if call is not None and self.sock is not None:
            call.watch(self.sock)
        super().request(*args, **kwargs)


def _as_urllib3(connection: HTTPConnection, error: OSError | UnicodeError) -> HTTPError:
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError(connection, "timed out")
    if isinstance(error, socket.gaierror):
        return NameResolutionError(connection.host, connection, error)
    return NewConnectionError(connection, str(error))


class PlainConnection(_Bounded):
    """Without TLS."""


class TlsConnection(_Bounded, HTTPSConnection):
    """With TLS."""

    def _tunnel(self) -> None:
        """Ask a proxy for a tunnel. To the standard library a connection that was shut down is an answer's end."""
        super()._tunnel()
        if _is_cut():
            raise ConnectTimeoutError(self, "timed out")


class PlainPool(urllib3.HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = PlainConnection


class TlsPool(urllib3.HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = TlsConnection
