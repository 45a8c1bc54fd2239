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
from receiver.config import AlertSettings, Reloadable, Settings, load
from receiver.core.alert_rules import AlertTimings
from receiver.core.thresholds import Thresholds

PACE = Pace(check_every_s=0.2, retry_s=0.2)


class ShortAlerts(AlertSettings):
    """A trouble is told once it lasts so long, and a worker is dead that is silent so long."""

    hold_s: float = 0.5
    worker_silent_s: float = 0.5

    @property
    def thresholds(self) -> Thresholds:
        return replace(super().thresholds, worker_silent=timedelta(seconds=self.worker_silent_s))

    @property
    def timings(self) -> AlertTimings:
        hold = timedelta(seconds=self.hold_s)
        return replace(super().timings, hold=hold, calm=hold)


def hastened(settings: Settings, **seconds: float) -> Settings:
    """Return settings with short alerts."""
    return settings.replace(alerts=ShortAlerts(**dict(settings.alerts), **seconds))


def main(config: Path) -> None:
    logs.configure()
    settings = Reloadable(config, os.environ, hastened(load(config, os.environ)))
    loop.run(settings, open_store, PACE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
