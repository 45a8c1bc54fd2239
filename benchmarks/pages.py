"""The status pages and `/metrics` over two years of use: how long each takes, in the middle of an outage.

The real application answers over a real store on a real disk: SQLite, and PostgreSQL where its server is installed. The
baseline, in the same run, is one empty query.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import text
from werkzeug.test import Client

from benchmarks.ews_storm import refuse_memory
from benchmarks.figures import Direction, Directions, add_options, report
from benchmarks.million import CALENDARS, SOURCES, Size, fill
from receiver.config import IcsFolder, Secret, Settings, SigningSecret, Source, StoreSettings, WebSettings
from receiver.core.facts import Emitter
from receiver.core.mailboxes import MailboxMap
from receiver.core.roles import Role
from receiver.operations.access.tokens import Tokens
from receiver.store import Store
from receiver.store.database.engine import open_engine, reading
from receiver.web.app import create_app
from tests.databases import new_database, postgres_binaries, postgres_cluster, sqlalchemy_url

GOAL_MS = 100
DIRECTIONS: Directions = {
    "*_median_ms": Direction.LESS,
    "baseline_select_1_ms": Direction.NEUTRAL,
    "fill_s": Direction.NEUTRAL,
}
EVENT = 777
"""The number of some event."""
PATHS: Mapping[str, str] = {
    "metrics": "/metrics",
    "page_overview": "/status",
    "page_failures": "/status/failures",
    "page_mailboxes": "/status/mailboxes?after=agent3",
    "page_failing_mailboxes": "/status/mailboxes?failing=1",
    "page_unmapped": "/status/unmapped",
    "page_event": f"/status/event?id={EVENT}",
    "page_refused": "/status/refused",
    "page_held": "/status/held",
    "api_overview": "/api/v1/overview",
    "api_event": f"/api/v1/events/{EVENT}",
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=20)
    add_options(options)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rdv-bench-", dir=arguments.folder) as folder:
        refuse_memory(Path(folder).resolve())
        figures = measure(f"sqlite:///{Path(folder).resolve() / 'store.db'}", Size(arguments.events), arguments.rounds)
    if postgres_binaries():
        with postgres_cluster() as cluster:
            url = sqlalchemy_url(new_database(cluster))
            found = measure(url, Size(arguments.events), arguments.rounds)
        figures |= {f"postgresql_{name}": value for name, value in found.items()}
    report(figures, arguments.json, DIRECTIONS)


def measure(url: str, size: Size, rounds: int) -> dict[str, float]:
    """Fill a fresh store; return how long each page takes, in the median, and an empty query."""
    with closing(Store(url)) as empty:
        empty.migrate()
    begun = time.perf_counter()
    fill(url, size, datetime.now(UTC))
    filled_s = time.perf_counter() - begun
    with closing(Store(url)) as store:
        reader = Reader(store)
        pages = {name: median_ms(partial(reader.get, path), rounds) for name, path in PATHS.items()}
    medians = {f"{name}_median_ms": value for name, value in pages.items()}
    return medians | {"baseline_select_1_ms": _select_1_ms(url, rounds), "fill_s": filled_s}


def median_ms(block: Callable[[], object], rounds: int) -> float:
    """Return how long it takes once it is warm."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        block()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:]) * 1000


def _select_1_ms(url: str, rounds: int) -> float:
    engine = open_engine(url)

    def ask() -> None:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))

    try:
        return median_ms(ask, rounds)
    finally:
        engine.dispose()


@dataclass
class Reader:
    """A client with a token, and the application over a store."""

    store: Store
    client: Client = field(init=False)
    _token: str = field(init=False)

    def __post_init__(self) -> None:
        self._token, _ = Tokens.of(settings(), self.store).issue(
            Role.READ, timedelta(days=1), "benchmark", datetime.now(UTC)
        )
        self.client = create_app(settings(), self.store, flush_after_s=None).test_client()
        entered = self.client.post("/status/login", data={"token": self._token}, base_url="https://localhost")
        assert entered.status_code == 303, entered.status_code

    def get(self, path: str) -> str:
        """Return what stands there."""
        by_token = {} if path.startswith("/status") else {"Authorization": f"Bearer {self._token}"}
        answer = self.client.get(path, headers=by_token, base_url="https://localhost")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


def settings() -> Settings:
    """Return the configuration of the installation whose data `fill` makes."""
    secrets = (SigningSecret(env=Secret("benchmark")),)
    emitter, platform = Emitter.RDV_SERVICE_PUBLIC, "production"
    return Settings(
        store=StoreSettings(url=""),
        sources={name: Source(name=name, emitter=emitter, platform=platform, secrets=secrets) for name in SOURCES},
        calendars={name: IcsFolder(name=name, path=Path(name)) for name in CALENDARS},
        mailboxes=MailboxMap("mairie"),
        web=WebSettings(pages=True, token_key=Secret("what signs the benchmark's tokens")),
    )


if __name__ == "__main__":
    main()
