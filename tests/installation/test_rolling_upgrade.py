"""Old and new version side by side on one database, host by host, there and back: nothing is lost, doubled, refused."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from demo import configuration, processes
from demo.processes import ACCOUNT
from emitter.scenarios import SCENARIOS, ExpectedEntry, build
from mock_exchange import MockExchange
from receiver import sentences
from tests.databases import new_database, sqlalchemy_url
from tests.installation.versions import MARK, Version, this_version, version_after
from tests.lab.running_receiver import KARIM, KEYS, MARTINE, RunningReceiver

OLD = this_version()
OLD_SCHEMA = int(OLD.revision)
HOSTS = ("a", "b")

Calendars = dict[str, Counter[ExpectedEntry]]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """The next version, which only adds."""
    return version_after(OLD, tmp_path_factory.mktemp("new"), oldest=OLD_SCHEMA)


@pytest.fixture(scope="module")
def breaking(new: Version, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """The one after it, with which the present program works no more."""
    return version_after(new, tmp_path_factory.mktemp("breaking"), oldest=OLD_SCHEMA + 1)


@dataclass
class Hosts:
    """One installation on several hosts, whose programs may be of different versions."""

    folder: Path
    url: str
    exchange: MockExchange
    receivers: dict[str, RunningReceiver]
    """By host: its configuration and port."""
    started: ExitStack = field(default_factory=ExitStack)
    running: dict[tuple[str, str], subprocess.Popen[str]] = field(default_factory=dict)
    """By command and host."""

    @property
    def log(self) -> Path:
        return self.folder / "receiver.log"

    def start(self, version: Version, command: str, host: str) -> None:
        words = ["receiver", "--config", str(self.receivers[host].config), command]
        environment = KEYS.environment | version.environment
        self.running[command, host] = self.started.enter_context(processes.running(words, environment, self.log))

    def start_worker(self, version: Version, host: str) -> None:
        before = len(self.events("worker_started"))
        self.start(version, "worker", host)
        self.wait_for(lambda: len(self.events("worker_started")) > before)

    def stop(self, command: str, host: str) -> None:
        assert processes.stop(self.running.pop((command, host))) == 0

    def exchange_web(self, version: Version, host: str) -> None:
        """Have a host's web process be of another version."""
        self.stop("serve", host)
        self.start(version, "serve", host)
        self.wait_until_ready(host)

    def command(self, version: Version, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "receiver", "--config", str(self.receivers["a"].config), command],
            env={**os.environ, **KEYS.environment, **version.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def migrate(self, version: Version) -> None:
        done = self.command(version, "migrate")
        assert (done.returncode, done.stdout.strip()) == (0, sentences.COMMANDS["migrated"]), done.stderr

    def revision(self) -> str:
        return str(self.rows("SELECT version_num FROM alembic_version")[0][0])

    def rows(self, question: str) -> list[tuple[object, ...]]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(question))]
        engine.dispose()
        return found

    def ready(self, host: str) -> tuple[int, dict[str, str]]:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.receivers[host].port}/readyz", timeout=5)
        except requests.ConnectionError:
            return 0, {}
        return answer.status_code, answer.json()["checks"]

    def wait_until_ready(self, host: str) -> None:
        self.wait_for(lambda: self.ready(host)[1].get("worker") == "ok")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        self.receivers["a"].wait_for(condition, "the hosts")

    def events(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.lines() if line["event"] == event]

    def lines(self) -> list[dict[str, object]]:
        text = self.log.read_text("utf-8") if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextmanager
def installed_hosts(folder: Path, url: str) -> Iterator[Hosts]:
    """Install the present version, without starting anything; everything ends with the block."""
    account = {"users": {ACCOUNT: KEYS.exchange}, "impersonators": {ACCOUNT: None}}
    with MockExchange([MARTINE, KARIM], auth="ntlm", **account) as exchange:
        receivers = {host: receiver(folder / host, url, exchange) for host in HOSTS}
        hosts = Hosts(folder, url, exchange, receivers)
        for each in receivers.values():
            (each.folder / "receiver.log").symlink_to(hosts.log)
        hosts.migrate(OLD)
        with hosts.started:
            yield hosts
        assert exchange.schema_errors == []


def receiver(folder: Path, url: str, exchange: MockExchange) -> RunningReceiver:
    folder.mkdir()
    port = processes.free_port()
    config = configuration.write(folder, exchange.url, port)
    text = config.read_text("utf-8").replace(f"sqlite:///{folder}/store.db", url.replace("+psycopg", ""))
    config.write_text(text.replace("web:\n", "web:\n  processes: 1\n"), "utf-8")
    return RunningReceiver(folder, exchange, port, config)


@dataclass
class Emitter:
    """Tells every story, some of its webhooks in each wave, to all hosts in turn."""

    hosts: Hosts
    waves: int
    told: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        """Begin nothing yet."""
        stories = [build(name, self.at) for name in SCENARIOS]
        self._waves: list[list[bytes]] = [[] for _ in range(self.waves)]
        self.expected: Calendars = {MARTINE: Counter(), KARIM: Counter()}
        for number, story in enumerate(stories):
            for place, step in enumerate(story.steps):
                alone = len(story.steps) == 1
                wave = number % self.waves if alone else place * self.waves // len(story.steps)
                self._waves[wave].append(step.body)
            for mailbox, entries in story.expected.items():
                self.expected[mailbox].update(entries)

    def tell(self) -> None:
        """Send the next wave; every webhook is taken the first time, or is no concern of a calendar."""
        bodies, self.told = self._waves[self.told], self.told + 1
        couriers = [receiver.courier() for receiver in self.hosts.receivers.values()]
        answers = [couriers[number % len(couriers)].post(body)[0] for number, body in enumerate(bodies)]
        assert set(answers) <= {200, 202}


def test_an_upgrade_host_by_host_and_the_way_back_lose_double_and_refuse_nothing(
    postgres: str, tmp_path: Path, new: Version
) -> None:
    """In the order of docs/fr/mise-a-jour.md: workers first, and last on the way back."""
    url = sqlalchemy_url(new_database(postgres))
    with installed_hosts(tmp_path, url) as hosts:
        for host in HOSTS:
            hosts.start(OLD, "serve", host)
        hosts.start(OLD, "worker", "a")
        for host in HOSTS:
            hosts.wait_until_ready(host)
        steps: list[Callable[[], None]] = [
            lambda: hosts.migrate(new),
            lambda: hosts.start_worker(new, "b"),
            lambda: hosts.stop("worker", "a"),
            lambda: hosts.exchange_web(new, "a"),
            lambda: hosts.exchange_web(new, "b"),
            # All is new; and back.
            lambda: hosts.exchange_web(OLD, "b"),
            lambda: hosts.exchange_web(OLD, "a"),
            lambda: hosts.start_worker(OLD, "a"),
            lambda: hosts.stop("worker", "b"),
        ]
        emitter = Emitter(hosts, waves=len(steps) + 1)
        emitter.tell()
        for step in steps:
            step()
            emitter.tell()
        hosts.receivers["a"].wait_for_calendars(emitter.expected)
        assert {hosts.ready(host)[0] for host in HOSTS} == {200}
        assert hosts.rows("SELECT count(*) FROM inbox") == [(0,)]
        written_by = {mark for (mark,) in hosts.rows(f"SELECT DISTINCT novelty{new.revision} FROM events")}
        assert written_by == {None, MARK}, "both versions wrote"
        assert [line for line in hosts.lines() if line["level"] == "error"] == []


def test_a_program_on_sqlite_goes_on_while_a_newer_one_migrates(tmp_path: Path, new: Version) -> None:
    with installed_hosts(tmp_path, f"sqlite:///{tmp_path / 'store.db'}") as hosts:
        hosts.start(OLD, "serve", "a")
        hosts.start(OLD, "worker", "a")
        hosts.wait_until_ready("a")
        stories = [build(name, datetime.now(UTC)) for name in ("moved_on_the_31st", "un_cancelled")]
        bodies = [step.body for story in stories for step in story.steps]
        send = hosts.receivers["a"].courier().post
        assert {send(body)[0] for body in bodies[:2]} == {202}
        hosts.migrate(new)
        assert {send(body)[0] for body in bodies[2:]} == {202}
        expected: Calendars = {MARTINE: Counter()}
        for story in stories:
            expected[MARTINE].update(story.expected[MARTINE])
        hosts.receivers["a"].wait_for_calendars(expected)
        assert hosts.ready("a")[0] == 200
        assert [line for line in hosts.lines() if line["level"] == "error"] == []
        back = hosts.command(OLD, "migrate")
        assert (back.returncode, back.stdout.strip()) == (0, sentences.COMMANDS["migrated_by_newer"])
        assert hosts.revision() == new.revision, "`run` of who goes back migrates, and must take nothing away"


def test_a_version_that_takes_something_away_stops_the_programs_that_need_it(
    tmp_path: Path, new: Version, breaking: Version
) -> None:
    """They refuse webhooks, which come again, rather than keep and write them wrongly."""
    with installed_hosts(tmp_path, f"sqlite:///{tmp_path / 'store.db'}") as hosts:
        hosts.start(OLD, "serve", "a")
        hosts.start(OLD, "worker", "a")
        hosts.wait_until_ready("a")
        hosts.migrate(breaking)
        hosts.wait_for(lambda: hosts.ready("a") == (503, {"store": "store_too_new", "worker": "failed"}))
        hosts.wait_for(lambda: refusal(hosts.receivers["a"]) == (503, "store_too_new"))
        assert hosts.running["worker", "a"].wait(30) == 1
        assert hosts.events("store_too_new") != []
        for command in ("migrate", "run"):
            done = hosts.command(OLD, command)
            assert (done.returncode, done.stdout) == (1, "")
            assert sentences.CHECK["store_too_new"] in done.stderr
        assert hosts.revision() == breaking.revision


def refusal(receiver: RunningReceiver) -> tuple[int, str | None]:
    [step] = build("create", datetime.now(UTC)).steps
    status, answer = receiver.courier().post(step.body)
    return status, json.loads(answer).get("reason")
