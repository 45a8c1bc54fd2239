"""A configured receiver and somebody who types its commands."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main as cli
from receiver.core.facts import AgentRef
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets
from tests.lab.configuration import a_configuration
from tests.lab.database import execute
from tests.makers import MARTINE, a_delivery, incoming


@dataclass
class Console:
    """A configuration over a migrated store, and somebody who types commands."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.url)
        self.configure()

    @property
    def url(self) -> str:
        """The address of the database."""
        return f"sqlite:///{self.path.parent}/store.db"

    def execute(self, *statements: str) -> None:
        """Change the database as somebody with a database client would."""
        execute(self.url, *statements)

    def configure(self, **changes: Any) -> None:
        tree = a_configuration(self.url, mailboxes={"map": {MARTINE.email: "martine@box.example"}})
        self.path.write_text(json.dumps(tree | changes))

    def run(self, *words: str) -> tuple[int, str]:
        status = cli.main(["--config", str(self.path), *words])
        captured = self.capsys.readouterr()
        assert captured.err == ""
        return status, captured.out

    def report(self, *words: str) -> dict[str, Any]:
        status, out = self.run(*words, "--json")
        assert status == 0
        report: dict[str, Any] = json.loads(out)
        return report

    def expect(self, numbers: Sequence[int], *agents: AgentRef) -> None:
        """So many coming RDVs, settled by the rules in force."""
        now = self.store.now()
        news = [incoming(a_delivery(agents=agents, wire_id=number, uuid=None, now=now)) for number in numbers]
        self.store.write(judge_batch.take, news, now)
        in_force = self.store.read(rulesets.in_force)
        if in_force is not None:
            while self.store.settle(lambda view: in_force.ruleset.compute_desired(view, now), now):
                pass
