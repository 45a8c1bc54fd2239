"""A configured receiver that writes into a folder, and an operator at its command line."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from receiver import bootstrap
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.facts import News
from receiver.operations import rules
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.worker.server_threads import ServerThreads
from tests.lab.configuration import a_configuration, a_source
from tests.makers import KARIM, MARTINE, NOW, incoming

HERS, HIS = MARTINE.email or "", KARIM.email or ""
SECRET = "a-signing-secret"


@dataclass
class Operator:
    """Runs commands against a store of its own and reads what they print."""

    folder: Path
    url: str
    capsys: pytest.CaptureFixture[str]
    clock: dict[str, datetime]
    tree: dict[str, Any] = field(default_factory=dict)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        calendars = self.folder / "calendars"
        calendars.mkdir(exist_ok=True)
        ordinary = a_configuration(
            self.url,
            sources={"mds": a_source()},
            calendars={"dossier": {"kind": "ics_folder", "path": str(calendars)}},
            mailboxes={"map": {HERS: HERS, HIS: HIS}},
            web={"listen": "127.0.0.1:0"},
        )
        self.tree = ordinary | self.tree
        self.write()
        self.store = Store(self.url)
        self.store.migrate()

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def write(self) -> None:
        self.config.write_text(json.dumps(self.tree), "utf-8")

    def run(self, *words: str) -> tuple[int, str, str]:
        status = cli.main(["--config", str(self.config), *words])
        captured = self.capsys.readouterr()
        return status, captured.out, captured.err

    def report(self, *words: str) -> tuple[int, Any]:
        status, out, err = self.run(*words, "--json")
        return status, json.loads(out or err)

    def hear(self, *news: News) -> None:
        """Webhooks come in."""
        self.store.write(judge_batch.take, [incoming(each) for each in news], self.store.now())

    def work(self) -> None:
        """A worker does all that is due."""
        settings = load(self.config, {"RDV_SECRET": SECRET})
        rules.propose(self.store, settings.ruleset(), self.store.now(), confirmed=True)
        ruleset = settings.ruleset()
        connectors = bootstrap.connectors(settings, self.store.installation().id)
        crew = ServerThreads("dossier", connectors["dossier"], 1, self.store, ruleset, served=settings.served)
        try:
            going_on = True
            while going_on:
                settled = self.store.settle(
                    lambda view: ruleset.compute_desired(view, self.store.now()), self.store.now()
                )
                going_on = bool(settled) or crew.work_once()
        finally:
            connectors["dossier"].close()

    def entries(self, address: str) -> int:
        """How many entries stand in a mailbox."""
        return len(list((self.folder / "calendars").glob(f"{address}/*.ics")))


def make(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    """Return an operator whose store's clock stands at `NOW`."""
    monkeypatch.setenv("RDV_SECRET", SECRET)
    clock = {"now": NOW}
    monkeypatch.setattr(Store, "now", lambda _: clock["now"])
    return Operator(tmp_path, url, capsys, clock)
