"""A watch process whose patience is counted in seconds: run by itself, with its configuration as argument."""

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from receiver import logs
from receiver.alerts import loop
from receiver.alerts.recipient import Pace
from receiver.bootstrap import open_store
from receiver.config import Reloadable, Settings, load

PACE = Pace(check_every_s=0.2, retry_s=0.2)


def hastened(settings: Settings, seconds: float = 0.5) -> Settings:
    """Return settings by which a trouble that lasts so long is told, and a worker as long silent is dead."""
    short = timedelta(seconds=seconds)
    alerts = settings.alerts
    return replace(
        settings,
        alerts=replace(
            alerts,
            thresholds=replace(alerts.thresholds, worker_silent=short),
            timings=replace(alerts.timings, hold=short, calm=short),
        ),
    )


def main(config: Path) -> None:
    logs.configure()
    settings = Reloadable(config, os.environ, hastened(load(config, os.environ)))
    loop.run(settings, open_store, PACE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
