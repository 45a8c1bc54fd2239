"""Calls a server as the worker does, in a process of its own, and says how much memory that took at most.

By hand: ``python -m tests.security.hostile_caller ews:ntlm|ews:basic|rest CALLS ADDRESS...``; prints the peak in MiB.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import receiver.worker.loop
from connectors.base import CalendarEntry, ConnectorError, Create
from connectors.ews import EwsConnector, EwsSettings
from receiver.config import ApiSettings, Secret
from receiver.operations.resync import platform_http
from receiver.operations.resync.platform_api import Api
from receiver.operations.resync.platform_http import RestError
from tests.makers import NOW

CONNECTIONS = 4


def call_ews(address: str, calls: int, auth: str) -> None:
    connector = EwsConnector(
        EwsSettings(
            server=f"{address}/EWS/Exchange.asmx",
            version="Exchange2016",
            auth=auth,
            access="impersonation",
            username="DEPT\\svc",
            password="pw",
            installation="i",
            connections=CONNECTIONS,
            timeout_s=5.0,
            authentication_pause_s=0.0,
        )
    )
    entry = CalendarEntry("uid", "Titre", NOW, NOW, "Europe/Paris")

    def once(_: int) -> None:
        with suppress(ConnectorError):
            connector.find("a@b.example", ["uid"])
        connector.apply("a@b.example", [Create(entry)])

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(once, range(calls)))


def call_rest(address: str, calls: int) -> None:
    settings = ApiSettings(url=address, email="a@b.example", password=Secret("pw"))
    platform_http.WHOLE_S, platform_http.ATTEMPTS = 3.0, 1
    for _ in range(calls):
        with suppress(RestError):
            Api(settings, sleep=lambda _: None).organisations()


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    assert receiver.worker.loop, "what a worker has in memory before it calls anybody"
    kind, times, *addresses = sys.argv[1:]
    for each in addresses:
        if kind == "rest":
            call_rest(each, int(times))
        else:
            call_ews(each, int(times), kind.removeprefix("ews:"))
    sys.stdout.write(f"{peak_mib()}\n")
