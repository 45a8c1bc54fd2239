"""A receiver whose database is lost, or set back to an older copy, beside the mock Exchange that remembers all."""

import json
import shutil
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.base import Connector
from mock_exchange import MockExchange, StoredItem
from receiver import bootstrap
from receiver.cli import main as cli
from receiver.config import Settings, load
from receiver.core.facts import News
from receiver.core.other_installations import NOTHING_SERVED
from receiver.core.plan import Placement
from receiver.core.ruleset import Ruleset
from receiver.operations import rules
from receiver.store import Store
from receiver.store.intake import judge_batch
from receiver.store.tools import audit
from receiver.store.work import mailbox_identity
from receiver.worker.server_threads import ServerThreads
from tests.cli.exchange_config import ACCOUNT, PASSWORD, exchange_calendar
from tests.lab.configuration import a_source
from tests.makers import KARIM, MARTINE, NOW, a_delivery, incoming

HERS, HIS = MARTINE.email or "", KARIM.email or ""
CALENDAR = "exchange"


@dataclass
class Place:
    """A configured receiver, its calendars, and somebody who types commands."""

    migrated: Path
    """An empty database of the current schema, to make copies of."""
    folder: Path
    exchange: MockExchange
    capsys: pytest.CaptureFixture[str]
    clock: dict[str, datetime]
    heard: list[News] = field(default_factory=list)
    """Everything that the emitter ever sent, and may send again."""
    number: int = 1
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.configure()
        self.open()

    @property
    def file(self) -> Path:
        return self.folder / f"rdv{self.number}.db"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def settings(self) -> Settings:
        return load(self.config, {"RDV_SECRET": PASSWORD})

    @property
    def name(self) -> str:
        return self.store.installation().id

    def configure(self, mapped: Mapping[str, str] | None = None, **top: Any) -> None:
        exchange = exchange_calendar(self.exchange.url, self.folder)
        source = a_source()
        tree = {
            "store": {"url": f"sqlite:///{self.file}"},
            "sources": {"mds": source},
            "calendars": {CALENDAR: exchange},
            "mailboxes": {"map": mapped or {HERS: HERS, HIS: HIS}},
        }
        self.config.write_text(json.dumps(tree | top), "utf-8")

    def open(self) -> None:
        """Open a new database, of an installation of its own."""
        shutil.copy(self.migrated, self.file)
        with closing(sqlite3.connect(self.file)) as made:
            made.execute("UPDATE installation SET id = ?", [str(uuid.uuid4())])
            made.commit()
        self.store = Store(f"sqlite:///{self.file}")

    # What happens to databases

    def lose(self) -> str:
        """The database is gone, a new one is made; return the name of the installation that is gone with it."""
        name = self.name
        self.store.close()
        self.number += 1
        self.configure()
        self.open()
        return name

    def back_up(self) -> Path:
        copy = self.folder / f"copy{self.number}.db"
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("UPDATE installation SET must_adopt = 1")
            target.commit()
        return copy

    def restore(self, copy: Path) -> None:
        self.store.close()
        self.number += 1
        self.configure()
        shutil.copy(copy, self.file)
        self.store = Store(f"sqlite:///{self.file}")

    # What comes in, and what a worker makes of it

    def hear(self, *news: News) -> None:
        self.heard += news
        self.store.write(judge_batch.take, [incoming(each) for each in news], self.store.now())

    def tell(self, number: int, **changes: Any) -> None:
        """A state of RDV `number` comes in, and is worked on."""
        told = {"agents": (MARTINE, KARIM), "wire_id": number, "uuid": None, "now": self.store.now()} | changes
        self.hear(a_delivery(**told))
        self.work()

    def hear_all_again(self) -> None:
        """As a re-synchronisation tells it: every state anew, old ones too."""
        self.store.write(judge_batch.take, [incoming(each) for each in self.heard], self.store.now())

    def work(self, *, asks: bool = True) -> Counter[str]:
        """Do all that is due; return the POSTs. A version that does not ask writes whatever others have there."""
        rules.propose(self.store, self.settings.ruleset(), self.store.now(), confirmed=True)
        ruleset = self.settings.ruleset()
        self.exchange.forget_requests()
        with self.connector() as connector:
            crew = ServerThreads(
                CALENDAR, connector, 1, self.store, ruleset, served=self.settings.served if asks else NOTHING_SERVED
            )
            self._settle(ruleset)
            while crew.work_once():
                self._settle(ruleset)
        return Counter(each.verb for each in self.exchange.requests)

    def _settle(self, ruleset: Ruleset) -> None:
        while self.store.settle(lambda view: ruleset.compute_desired(view, self.store.now()), self.store.now()):
            pass

    @contextmanager
    def connector(self, installation: str | None = None) -> Iterator[Connector]:
        made = bootstrap.connectors(self.settings, installation or self.name)[CALENDAR]
        try:
            yield made
        finally:
            made.close()

    # What people type and see

    def run(self, *words: str) -> tuple[int, str, str]:
        self.exchange.forget_requests()
        self.capsys.readouterr()
        status = cli.main(["--config", str(self.config), *words])
        captured = self.capsys.readouterr()
        return status, captured.out, captured.err

    def report(self, *words: str) -> dict[str, Any]:
        status, out, _ = self.run(*words, "--json")
        report: dict[str, Any] = json.loads(out)
        assert status == (0 if report["ok"] else 1)
        return report

    def items(self, mailbox: str = HERS) -> list[StoredItem]:
        return self.exchange.items(mailbox)

    def shown(self) -> dict[str, list[tuple[str, str, datetime]]]:
        """Id, title and time of every item."""
        return {box: sorted((i.item_id, i.subject, i.start) for i in self.items(box)) for box in (HERS, HIS)}

    def placements(self) -> list[Placement]:
        return [
            each.placement
            for box in self.store.read(mailbox_identity.in_use)
            for each in self.store.read(audit.recorded, box)
        ]

    def dump(self) -> list[str]:
        """All that the database holds."""
        with closing(sqlite3.connect(self.file)) as connection:
            return [line for line in connection.iterdump() if "heartbeats" not in line]


@contextmanager
def open_place(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    authority = trustme.CA()
    server = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("RDV_SECRET", PASSWORD)
    clock = {"now": NOW}
    monkeypatch.setattr(Store, "now", lambda _: clock["now"])
    mock = MockExchange(
        [HERS, HIS], auth="basic", users={ACCOUNT: PASSWORD}, impersonators={ACCOUNT: None}, tls=(server, server)
    )
    with mock:
        made = Place(migrated, tmp_path, mock, capsys, clock)
        yield made
        made.store.close()
        mock.settle()
        assert mock.mails_sent == 0
