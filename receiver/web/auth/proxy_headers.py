"""Headers of proxies, as far as they are trusted; and the security headers of every page."""

import ipaddress
from dataclasses import dataclass

from flask import Flask, Request, Response, request

from receiver.config import ProxySettings

PAGES = "/status"
MACHINES = ("/api/", "/metrics")
"""The paths for programs: these send a token with each request, and read JSON."""
STATIC = "/status/static/"
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}

_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"


def is_for_machines(path: str) -> bool:
    """Whether a path is for programs and not for people."""
    return path.startswith(MACHINES)


def is_guarded(path: str) -> bool:
    """Whether a path is under those of pages, API or metrics, existing or not."""
    return is_for_machines(path) or path == PAGES or path.startswith(f"{PAGES}/")


@dataclass(frozen=True, slots=True)
class Way:
    """How a request reached this program: through a proxy or not, by TLS or not."""

    proxy: ProxySettings | None

    def is_proxy(self, request: Request) -> bool:
        """Whether the configured proxy itself is at the other end of the connection."""
        peer = _address(request.environ.get("REMOTE_ADDR"))
        return peer is not None and self.proxy is not None and peer in ipaddress.ip_network(self.proxy.address)

    def client(self, request: Request) -> str:
        """Return the client that a wrong token counts for: an address, or the network that a customer gets in IPv6."""
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        direct = request.environ.get("REMOTE_ADDR")
        client = (_address(forwarded) if self._forwards(request) else None) or _address(direct)
        if isinstance(client, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((client, 64), strict=False))
        return str(client)

    def is_https(self, request: Request) -> bool:
        """Whether the browser speaks TLS, to us or to a proxy of ours."""
        scheme = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        return request.scheme == "https" or (scheme == "https" and self._forwards(request))

    def _forwards(self, request: Request) -> bool:
        peer = _address(request.environ.get("REMOTE_ADDR"))
        return self.is_proxy(request) or (peer is not None and peer.is_loopback)


def is_local(request: Request) -> bool:
    """Whether the browser names its own machine, for instance through an SSH tunnel. No other site can fake that."""
    host = request.host
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in LOCAL_HOSTS


def _address(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def protect(app: Flask, way: Way) -> None:
    """Add the security headers to every answer under the pages' paths, whatever its status."""

    def add(response: Response) -> Response:
        if is_guarded(request.path):
            response.headers.update(_ALWAYS)
            if not (request.path.startswith(STATIC) and response.status_code in {200, 304}):
                response.headers["Cache-Control"] = "no-store"
            if way.is_https(request):
                response.headers["Strict-Transport-Security"] = _HSTS
        return response

    app.after_request(add)
