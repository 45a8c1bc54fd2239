"""The checks of this host besides store and calendars: web address, disk space, state of the service."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException
from ipaddress import IPv6Address, ip_address

from receiver.config import Settings
from receiver.core.room import MIB, Room
from receiver.core.troubles import is_well
from receiver.operations.status import disk, status
from receiver.operations.support import check_port
from receiver.operations.support.check import STORE_ERRORS, Finding, Level, OpenStore
from receiver.store import heartbeats
from receiver.store.heartbeats import SERVES

ANSWERS_WITHIN_S = 5.0
HEARD_LATELY = timedelta(minutes=1)


def host_findings(settings: Settings, open_store: OpenStore) -> list[Finding]:
    """Check this host. Writes nothing; opens the web address for a moment if it is free."""
    found = disk(settings)
    findings = []
    if found is not None and found.room is not Room.ENOUGH:
        lacks = found.room is Room.LACKING
        details = {"percent": round(found.share * 100), "mib": found.free // MIB}
        code, level = ("store_room_lacking", Level.TROUBLE) if lacks else ("store_room_low", Level.WARNING)
        findings.append(Finding(code, "store", level, details))
    return [*findings, *_of_service(settings, open_store)]


def _of_service(settings: Settings, open_store: OpenStore) -> Iterator[Finding]:
    runs: bool | None = None
    try:
        store = open_store(settings)
        try:
            if store.standing().usable:
                now = store.now()
                beat_at = store.read(heartbeats.last_beat, SERVES)
                runs = beat_at is not None and now - beat_at < HEARD_LATELY
                found = status(settings, store, now).troubles
                if not is_well(found):
                    codes = ", ".join(dict.fromkeys(each.code for each in found))
                    yield Finding("service_troubled", "service", Level.WARNING, {"codes": codes})
        finally:
            store.close()
    except STORE_ERRORS:
        pass  # another finding reports it
    yield _address(settings.web.listen, runs=runs)


def _address(address: str, *, runs: bool | None) -> Finding:
    """Check the web address; `runs`: whether this installation has recent heartbeats, None: the store cannot be read.

    A service that has a removed store open loses it when stopped. If it may be such a one, the finding does not advise
    to stop it.
    """
    found = check_port.unusable(address)
    if found is None:
        return Finding("listen_ready", "web.listen", Level.OK, {"address": address})
    if found.code == check_port.TAKEN and runs is not False and _answers(address):
        code, level = ("listen_ours", Level.OK) if runs else ("listen_perhaps_ours", Level.WARNING)
        return Finding(code, "web.listen", level, {"address": address})
    return Finding(found.code, "web.listen", Level.TROUBLE, dict(found.details))


def _answers(address: str) -> bool:
    """Whether a receiver answers there. If this installation has recent heartbeats, it is that one."""
    host, port = check_port.split(address)
    host = {str(ip_address(0)): "127.0.0.1", str(IPv6Address(0)): "::1"}.get(host, host)  # all addresses
    url = f"http://[{host}]:{port}/healthz" if ":" in host else f"http://{host}:{port}/healthz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWERS_WITHIN_S) as answer:
            return bool(json.loads(answer.read(1000)) == {"status": "ok"})
    except (OSError, ValueError, RecursionError, HTTPException):
        return False
