"""The receiver's own processes with seconds for minutes: ``python -m tests.drill.hastened PART CONFIG``.

How patient each is stands in the environment, as seconds; what is not named there is as in production.
"""

import argparse
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from receiver import bootstrap, logs
from receiver.cli import status
from receiver.config import Reloadable, Settings, load
from receiver.watch import loop as watch
from receiver.watch.recipient import Pace
from receiver.web import pressure
from receiver.web.app import create_app
from receiver.web.server import serve
from receiver.worker import lookout
from receiver.worker import loop as worker

HOLD, CALM = timedelta(seconds=1), timedelta(seconds=2)
PACE = Pace(look_every_s=0.2, retry_s=0.5)
FLUSH_AFTER_S = 0.5
BEAT_EVERY = timedelta(seconds=0.5)
PRESSURE_LOOK = timedelta(seconds=0.5)
WORKER_SILENT, CHANGE_LATE, LOOK = "DRILL_WORKER_SILENT_S", "DRILL_CHANGE_LATE_S", "DRILL_LOOK_S"


def seconds(name: str, usual: timedelta) -> timedelta:
    """Return what the environment says, else what is usual."""
    return timedelta(seconds=float(os.environ[name])) if name in os.environ else usual


def hastened(settings: Settings) -> Settings:
    """Return settings that are as patient as the environment says."""
    alerts = settings.alerts
    thresholds = replace(
        alerts.thresholds,
        worker_silent=seconds(WORKER_SILENT, alerts.thresholds.worker_silent),
        change_late=seconds(CHANGE_LATE, alerts.thresholds.change_late),
    )
    timings = replace(alerts.timings, hold=HOLD, calm=CALM)
    return replace(settings, alerts=replace(alerts, thresholds=thresholds, timings=timings))


class Hastened(Reloadable):
    """Settings that a reload does not make patient again."""

    @property
    def current(self) -> Settings:
        """The last settings that were right, in a hurry."""
        return hastened(super().current)


def run(part: str, settings: Hastened) -> int:
    """Be one part of the receiver until asked to stop, or answer `status`."""
    match part:
        case "serve":
            pressure.LOOK_EVERY = PRESSURE_LOOK
            serve(
                settings,
                lambda: create_app(
                    settings.current, bootstrap.open_store(settings.current), flush_after_s=FLUSH_AFTER_S
                ),
            )
        case "worker":
            worker.BEAT_EVERY = BEAT_EVERY
            for name in ("LOOK_EVERY", "LOOK_AGAIN", "BUSY"):
                setattr(lookout, name, seconds(LOOK, getattr(lookout, name)))
            bootstrap.run_worker(settings)
        case "watch":
            watch.run(settings, bootstrap.open_store, PACE)
        case "status":
            return status.show(argparse.Namespace(json=True), settings.current)
    return 0


def main(part: str, config: Path) -> int:
    """Start as the command line does."""
    logs.configure()
    return run(part, Hastened(config, os.environ, load(config, os.environ)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
