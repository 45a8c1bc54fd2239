"""The receiver's own processes with seconds for minutes: ``python -m tests.drill.hastened PART CONFIG``.

How patient each is stands in the environment, as seconds; what is not named there is as in production.
"""

import argparse
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from connectors.ews import transport
from connectors.ews.guard import Guard
from receiver import bootstrap, logs
from receiver.alerts import beat as watch_beat
from receiver.alerts import loop as watch
from receiver.alerts.recipient import Pace
from receiver.cli import run as whole
from receiver.cli import status, supervise
from receiver.config import AlertSettings, ConfigurationErrors, Reloadable, Settings, load
from receiver.core import servers
from receiver.core.alert_rules import AlertTimings
from receiver.core.thresholds import Thresholds
from receiver.operations import refused_requests
from receiver.operations import status as looking
from receiver.store import heartbeats
from receiver.store.database import presence
from receiver.web import beat, health, overload
from receiver.web.app import create_app
from receiver.web.server import serve
from receiver.worker import periodic, server_gate

HOLD, CALM = timedelta(seconds=1), timedelta(seconds=2)
PACE = Pace(check_every_s=0.5, retry_s=0.5)
FLUSH_AFTER_S = 0.5
BEAT_EVERY = timedelta(seconds=0.5)
LATELY = timedelta(seconds=12)
COUNT_EVERY = timedelta(seconds=1)
THROTTLED_TOLD = timedelta(seconds=5)
WEB_LOOK = timedelta(seconds=0.5)
FILE_AT_REST_S = 0.2
SUPERVISION = supervise.Waits(pause_s=0.2, longest_pause_s=1.0)
MISCONFIGURED, UNFORESEEN = 2, 70
"""Exit statuses, as the command line has them."""
LOOKS = "looks"
PROGRAM = "tests.drill.hastened"
HOSTS = "DRILL_HOSTS"
"""A file of names that nobody knows, one a line: the DNS as this machine sees it."""
WORKER_SILENT, WEB_SILENT = "DRILL_WORKER_SILENT_S", "DRILL_WEB_SILENT_S"
ACCOUNT_PAUSE = "DRILL_ACCOUNT_PAUSE_S"
CHANGE_LATE, LOOK, DEAD_AFTER = "DRILL_CHANGE_LATE_S", "DRILL_LOOK_S", "DRILL_DEAD_AFTER_S"
HEARD_WITHIN = "DRILL_HEARD_WITHIN_S"


def seconds(name: str, usual: timedelta) -> timedelta:
    """Return what the environment says, else what is usual."""
    return timedelta(seconds=float(os.environ[name])) if name in os.environ else usual


class HastenedAlerts(AlertSettings):
    """Alerts that are as patient as the environment says."""

    @property
    def thresholds(self) -> Thresholds:
        """The limits beyond which something is a trouble."""
        usual = super().thresholds
        return replace(
            usual,
            web_silent=seconds(WEB_SILENT, usual.web_silent),
            worker_silent=seconds(WORKER_SILENT, usual.worker_silent),
            change_late=seconds(CHANGE_LATE, usual.change_late),
        )

    @property
    def timings(self) -> AlertTimings:
        """When alerts are due."""
        return replace(super().timings, hold=HOLD, calm=CALM)


def hastened(settings: Settings) -> Settings:
    """Return settings whose alerts are as patient as the environment says."""
    return settings.replace(alerts=HastenedAlerts(**dict(settings.alerts)))


class Hastened(Reloadable):
    """Settings that a reload does not make patient again."""

    @property
    def current(self) -> Settings:
        """The last settings that were right, in a hurry."""
        return hastened(super().current)


def run(part: str, config: Path, settings: Hastened) -> int:
    """Be one part of the receiver until asked to stop, or answer `status`."""
    refused_requests.LATELY = LATELY
    looking.THROTTLED_TOLD = THROTTLED_TOLD
    presence.AT_REST_S = FILE_AT_REST_S
    heartbeats.DEAD_AFTER = seconds(DEAD_AFTER, heartbeats.DEAD_AFTER)
    beat.BEAT_EVERY_S = whole.NOTICE_EVERY_S = WEB_LOOK.total_seconds()
    match part:
        case "serve":
            overload.LOOK_EVERY = health.PROBE_EVERY = WEB_LOOK
            serve(
                settings,
                lambda: create_app(
                    settings.current, bootstrap.open_store(settings.current), flush_after_s=FLUSH_AFTER_S
                ),
            )
        case "worker":
            periodic.BEAT_EVERY = BEAT_EVERY
            pause = server_gate.ACCOUNT_PAUSE = servers.ACCOUNT_PAUSE = seconds(ACCOUNT_PAUSE, servers.ACCOUNT_PAUSE)
            transport.Guard = lambda pause_s: Guard(min(pause_s, pause.total_seconds()))  # type: ignore[assignment]
            periodic.COUNT_EVERY = COUNT_EVERY
            periodic.HEARD_WITHIN = seconds(HEARD_WITHIN, periodic.HEARD_WITHIN)
            for name in ("LOOK_EVERY", "LOOK_AGAIN", "BUSY"):
                setattr(periodic, name, seconds(LOOK, getattr(periodic, name)))
            bootstrap.run_worker(settings)
        case "watch":
            watch_beat.BEAT_EVERY_S = BEAT_EVERY.total_seconds()
            watch.run(settings, bootstrap.open_store, PACE)
        case "status":
            return status.show(argparse.Namespace(json=True), settings.current)
        case "run":
            return _run(config, settings.current)
    return 0


def serve_looks(config: Path) -> None:
    """Answer `status` for each name of a file on standard input: the report goes there, its exit status to the output.

    Each answer is given by a process that begins as the command does; that Python has been loaded already is all that
    it has before it.
    """
    for name in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_look(Path(name.strip()), config))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _look(report: Path, config: Path) -> int:
    """Return the exit status of `status`; whatever happens, the process goes no further."""
    try:
        with report.open("w", encoding="utf-8") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            status = main("status", config)
            sys.stdout.flush()
            return status
    except ConfigurationErrors:
        return MISCONFIGURED
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        return UNFORESEEN


def _run(config: Path, settings: Settings) -> int:
    """Supervise as `run` does, parts that are in a hurry as well."""
    usual = whole.child_commands

    def children(config: Path, settings: Settings) -> Mapping[str, list[str]]:
        return {name: [sys.executable, "-m", PROGRAM, name, str(config)] for name in usual(config, settings)}

    whole.child_commands = children  # type: ignore[assignment]
    whole.supervise = partial(supervise.supervise, waits=SUPERVISION)  # type: ignore[attr-defined]
    return whole.run(argparse.Namespace(config=config), settings)


def _forget_names() -> None:
    """Have name resolution fail for what the file of names holds."""
    usual: Callable[..., object] = socket.getaddrinfo

    def look_up(host: object, *more: object, **named: object) -> object:
        file = Path(os.environ[HOSTS])
        if file.exists() and host in file.read_text().split():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return usual(host, *more, **named)

    socket.getaddrinfo = look_up  # type: ignore[assignment]


def main(part: str, config: Path) -> int:
    """Start as the command line does."""
    logs.configure()
    if HOSTS in os.environ:
        _forget_names()
    return run(part, config, Hastened(config, os.environ, load(config, os.environ)))


if __name__ == "__main__":
    if sys.argv[1] == LOOKS:
        serve_looks(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1], Path(sys.argv[2])))
