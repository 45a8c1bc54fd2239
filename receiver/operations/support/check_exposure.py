"""Configurations that work, but give access too widely."""

from collections.abc import Iterator
from ipaddress import ip_network

from receiver.config import Settings
from receiver.config.store_url import unverified_host
from receiver.operations.support.check import Finding, Level

_LOOPBACK = ip_network("127.0.0.0/8"), ip_network("::1/128")


def exposure_findings(settings: Settings) -> Iterator[Finding]:
    """Yield the settings that give too wide access."""
    proxy = settings.web.proxy
    if settings.web.pages and proxy is not None and _is_on_this_machine(proxy.address):
        yield Finding("proxy_on_loopback", "web.proxy", Level.WARNING, {"address": proxy.address, "role": proxy.role})
    if host := unverified_host(settings.store.address):
        yield Finding("store_server_unverified", "store.url", Level.WARNING, {"host": host})


def _is_on_this_machine(network: str) -> bool:
    trusted = ip_network(network)
    return any(own.version == trusted.version and own.overlaps(trusted) for own in _LOOPBACK)
