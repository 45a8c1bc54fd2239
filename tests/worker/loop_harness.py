"""A worker with its configuration, its CSV and a folder of .ics files, for tests that go turn by turn."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connectors.base import Connector
from receiver.bootstrap import connectors
from receiver.config import Reloadable, Settings, load
from receiver.core.ruleset import Ruleset
from receiver.store.work import rulesets
from receiver.worker.loop import Worker
from tests.lab.configuration import a_configuration
from tests.lab.worker_harness import StoreInTime
from tests.makers import MARTINE, a_delivery, incoming

ENVIRON = {"RDV_SECRET": "s"}
CSV = f"agent,mailbox\n{MARTINE.email},martine@box.example\n"


@dataclass
class WorkerLoopHarness:
    """A worker with its configuration, its CSV, its calendars as files, and its log."""

    folder: Path
    store: StoreInTime
    log: io.StringIO
    worker: Worker = field(init=False)
    connected: int = 0

    def __post_init__(self) -> None:
        (self.folder / "ics").mkdir()
        self.csv(CSV)
        self.configure()
        config = self.folder / "config.yaml"
        settings = Reloadable(config, ENVIRON, load(config, ENVIRON))
        self.worker = Worker(settings, self.store, self.connect, name="worker/test/1/a")

    def configure(self, **changes: Any) -> None:
        tree = a_configuration(f"sqlite:///{self.folder}/store.db", mailboxes={"csv": "agents.csv"})
        (self.folder / "config.yaml").write_text(yaml.safe_dump(tree | changes))

    def csv(self, text: str) -> None:
        (self.folder / "agents.csv").write_text(text)

    def connect(self, settings: Settings) -> Mapping[str, Connector]:
        self.connected += 1
        return connectors(settings, self.store.installation().id)

    def hear(self, *numbers: int) -> None:
        """RDVs of both agents."""
        for number in numbers:
            self.store.keep(incoming(a_delivery(wire_id=number, uuid=None)))

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.worker._turn()

    def written(self, mailbox: str = "martine") -> int:
        folder = self.folder / "ics" / f"{mailbox}@box.example"
        return len(list(folder.glob("*.ics")))

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.log.getvalue().splitlines()) if line["event"] == event]

    def in_force(self) -> Ruleset:
        found = self.store.read(rulesets.in_force)
        assert found is not None
        return found.ruleset
