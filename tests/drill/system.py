"""One receiver, whole, with everything around it: what the emitter, the administrators and the alerted see and do."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Connection, func, make_url, select

from demo import configuration, processes
from emitter.platforms import Platform, signer
from emitter.scenarios import ExpectedEntry, Story, build
from receiver.config import load
from receiver.core.roles import Role
from receiver.core.troubles import Code
from receiver.operations.access.tokens import Tokens
from receiver.store import Store
from receiver.store.database.engine import writing
from receiver.store.database.tables import mailboxes
from tests.alerts.sinks import HttpSink, SmtpSink
from tests.chaos.clocks import Clock
from tests.drill.exchange import MARTINE, DrillExchange
from tests.drill.hastened import LOOKS
from tests.drill.letters import Kind, Letter, counted, read, without_numbers
from tests.drill.unit import Unit, unit
from tests.lab.database import engine_of
from tests.lab.waiting import wait_until

PARTS = ("serve", "worker", "watch")
PATIENCE_S = 60.0
ACCEPTED = frozenset({200, 202})
_MIGRATING = threading.Lock()
"""Alembic bears one migration at a time in a process."""
EXTRA = """\
  pages: true
  token_key: {file: token.key}
  processes: 1
  threads: 4
alerts:
  to: [{env: DRILL_HTTP}, {env: DRILL_MAIL}]
  digest_at: null
"""


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait; return the seconds it took.

    Raises:
        AssertionError: it took too long.

    """
    start = time.monotonic()
    wait_until(condition, what, patience_s, every_s=0.05)
    return time.monotonic() - start


@dataclass
class DrillSystem:
    """Everything of one drill."""

    folder: Path
    exchange: DrillExchange
    store_url: str
    http: HttpSink
    mail: SmtpSink
    environ: Mapping[str, str]
    port: int
    clock: Clock | None = None
    """The receiver's, where it may go wrong."""
    secret: str = "a webhook secret for the drill"
    """What the emitter signs with."""
    token: str = ""
    is_whole: bool = False
    """Whether `run` starts the parts."""
    is_mail_heard: bool = True
    """Whether mail arrives: both recipients are then told the same."""
    unit: Unit | None = None
    """What starts `run`, where it does."""
    expected: Counter[ExpectedEntry] = field(default_factory=Counter)
    """What Martine's calendar must show."""
    refused: list[bytes] = field(default_factory=list)
    """What the emitter keeps and sends again."""
    later: list[bytes] = field(default_factory=list)
    """Webhooks that the emitter will send."""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _open: ExitStack = field(default_factory=ExitStack)
    _told: int = 0

    # The receiver's machine

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def log(self) -> str:
        return (self.folder / "receiver.log").read_text("utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file that is ours alone, at once: whoever reads it meanwhile finds the old one or the new one."""
        new = self.folder / f"{name}.new"
        new.write_text(text, "utf-8")
        new.chmod(0o600)
        new.replace(self.folder / name)

    def edit(self, *changes: tuple[str, str]) -> None:
        """Change the configuration, by what stands there now and what is to stand there."""
        text = self.config.read_text("utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.write("config.yaml", text)

    def start(self, part: str) -> None:
        """Start a part of the receiver, or `run`, which starts all of them."""
        self.processes[part] = self._open.enter_context(processes.running(self._program(part), self.environ, self._log))

    def stop(self, part: str) -> None:
        """Stop a part that was started by itself."""
        processes.stop(self.processes[part])

    def start_all(self) -> None:
        """Start every part. The watch comes last: it has less patience here than the others may need to come up."""
        self.start(LOOKS)
        if self.is_whole:
            self.unit = self._open.enter_context(unit(self._program("run"), self.environ, self._log))
            until(self.ready, "the receiver to be ready")
            self.book_and_see()
        else:
            self.start("serve")
            self.start("worker")
            until(self.ready, "the receiver to be ready")
            self.book_and_see()
            self.start("watch")
        until(lambda: '"watch_started"' in self.log, "the watch to look")

    @property
    def _log(self) -> Path:
        return self.folder / "receiver.log"

    def _program(self, part: str) -> list[str]:
        return ["tests.drill.hastened", part, str(self.config)]

    def signal(self, part: str, number: signal.Signals) -> None:
        """Send a signal to a part."""
        if self.unit:
            os.kill(self.unit.child(part), number)
        else:
            self.processes[part].send_signal(number)

    def reload(self) -> None:
        """`systemctl reload`."""
        if self.unit:
            self.unit.signal(signal.SIGHUP)
            return
        for part in PARTS:
            self.signal(part, signal.SIGHUP)

    def command(self, *words: str, status: int = 0) -> str:
        """Have an administrator run `rdv-receiver`; return what it prints.

        Raises:
            AssertionError: it ended otherwise than it should.

        """
        whole = [sys.executable, "-m", "receiver", "--config", str(self.config), *words]
        environ = {**os.environ, **self.environ}
        done = subprocess.run(whole, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def status(self) -> tuple[int, str]:
        """Have an administrator run `rdv-receiver status`; return its exit status and the report."""
        with self._asking:
            looks = self.processes[LOOKS]
            assert looks.stdin
            assert looks.stdout
            report = self.folder / "status.json"
            looks.stdin.write(f"{report}\n")
            looks.stdin.flush()
            return int(looks.stdout.readline()), report.read_text("utf-8")

    def overview(self) -> dict[str, Any]:
        """Return what the API says of the whole."""
        bearer = {"Authorization": f"Bearer {self.token}"}
        report: dict[str, Any] = requests.get(f"{self.address}/api/v1/overview", headers=bearer, timeout=30).json()
        return report

    def set_clock(self, ahead: timedelta) -> None:
        """Set the clock of the receiver's machine; that of the world goes on as before."""
        assert self.clock, "this drill has no clock of its own"
        self.clock.set(int(ahead.total_seconds()))

    def skip(self, time_passed: timedelta) -> None:
        """Have so much time pass for the whole world since the drill began."""
        self.exchange.mock.clock_ahead_s = time_passed.total_seconds()
        self.set_clock(time_passed)

    @property
    def address(self) -> str:
        """Where the web answers."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        return processes.is_ready(self.address)

    def is_up(self) -> bool:
        """Whether the web answers."""
        try:
            return requests.get(f"{self.address}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def store(self) -> Store:
        return Store(self.store_url)

    def in_the_database(self, do: Callable[[Connection], object]) -> None:
        """Have somebody do something in the database by hand, and commit it."""
        store = self.store()
        try:
            with writing(engine_of(store)) as connection:
                do(connection)
        finally:
            store.close()

    def rest(self) -> None:
        """Wait until no mailbox is leased: it would stay so for as long as a call may take, whoever held it."""

        def leased() -> int:
            found: list[int] = []
            count = select(func.count()).where(mailboxes.c.lease.is_not(None))
            self.in_the_database(lambda connection: found.append(connection.scalar(count)))
            return found[0]

        until(lambda: not leased(), "the worker's rest")

    # The emitter

    def book(self) -> int | None:
        """An agent gets an appointment; return the receiver's answer to the webhook."""
        [step] = self.tell("create").steps
        return self._send(step.body)

    def tell(self, name: str) -> Story:
        """Return a story that ends as the calendars are expected to from now on. Nothing of it is sent."""
        self._told += 1
        story = build(name, datetime.now(UTC), minutes_later=60 * self._told)
        for agent, entries in story.expected.items():
            assert agent == MARTINE or not entries
            self.expected.update(entries)
        return story

    def book_and_see(self) -> None:
        """An agent gets an appointment, and finds it in the calendar."""
        assert self.book() in ACCEPTED
        self.wait_for_calendar()

    def send_again(self) -> None:
        """Send what was refused until it is taken, as the emitter does for days."""

        def taken() -> bool:
            waiting, self.refused = self.refused, []
            answers = [self._send(body) for body in waiting]
            return set(answers) <= ACCEPTED

        until(taken, "the refused webhooks to be taken")

    def _send(self, body: bytes) -> int | None:
        status = self.post(body, self.secret)
        if status not in ACCEPTED:
            self.refused.append(body)
        return status

    def post(
        self, body: bytes, secret: str, path: str = "/webhooks/mds", headers: Mapping[str, str] | None = None
    ) -> int | None:
        """Send a webhook once; return the status of the answer."""
        signed = signer(Platform.RDV_SERVICE_PUBLIC, secret)(body)
        try:
            return requests.post(
                self.address + path, body, headers={**signed, **(headers or {})}, timeout=15
            ).status_code
        except requests.RequestException:
            return None

    # The agent

    def wait_for_calendar(self) -> None:
        until(lambda: self.exchange.calendar(MARTINE) == self.expected, "the calendar to be right")

    # Who is told, and who looks

    @property
    def posted(self) -> Counter[str]:
        """The titles of what one recipient was told."""
        return Counter(without_numbers(body["title"]) for _, body in list(self.http.posted))

    @property
    def mailed(self) -> Counter[str]:
        """The same of the other."""
        return Counter(without_numbers(subject) for subject in list(self.mail.subjects))

    @property
    def letters(self) -> list[Letter]:
        return read([(body["title"], body["message"]) for _, body in list(self.http.posted)])

    def came(self, kind: Kind, code: Code) -> bool:
        """Whether both recipients have been told that a trouble began or ended."""
        told = counted(self.letters, kind)[code] > 0
        return told and (self.mailed == self.posted or not self.is_mail_heard)


def _write_config(system: DrillSystem, timeout_s: int, password: str, changes: Mapping[str, str]) -> None:
    configuration.write(system.folder, system.exchange.mock.url, system.port, timeout_s)
    url = make_url(system.store_url)
    shown = url._replace(drivername=url.get_backend_name(), password=None).render_as_string()
    secret = "\n  password: {file: base}" if url.password else ""
    system.write("base", url.password or "-")
    system.write("password", password)
    system.write("secret", system.secret)
    system.write("token.key", secrets.token_hex(32))
    system.edit(
        (f"sqlite:///{system.folder}/store.db", shown + secret),
        ("    kind: ews\n", "    kind: ews\n    ca_file: autorite.pem\n    connections: 2\n"),
        ("{env: RDV_EXCHANGE_PASSWORD}", "{file: password}"),
        ("{env: RDV_WEBHOOK_SECRET}", "{file: secret}"),
    )
    system.write("config.yaml", system.config.read_text("utf-8") + EXTRA)
    system.edit(*changes.items())


@contextmanager
def open_ground(
    folder: Path,
    http: HttpSink,
    mail: SmtpSink,
    *,
    store_url: str = "",
    timeout_s: int = 10,
    clock: Clock | None = None,
    patience: Mapping[str, float] | None = None,
    is_whole: bool = False,
    files: Mapping[str, str] | None = None,
    changes: Mapping[str, str] | None = None,
) -> Iterator[DrillSystem]:
    """Start a system in which all is well; everything ends with the block."""
    password = "an Exchange password for the drill"
    exchange = DrillExchange(folder, password)
    environ = {name: str(value) for name, value in (patience or {}).items()}
    environ |= {
        "DRILL_HTTP": f"json://127.0.0.1:{http.port}",
        "DRILL_MAIL": f"mailto://127.0.0.1:{mail.port}?from=rdv@ville.example&to=dsi@ville.example",
        "DRILL_HOSTS": str(folder / "hosts"),
        "STATE_DIRECTORY": str(folder),
    }
    environ |= clock.environment if clock else {}
    url = store_url or f"sqlite:///{folder}/store.db"
    with exchange.mock:
        system = DrillSystem(
            folder, exchange, url, http, mail, environ, processes.free_port(), clock, is_whole=is_whole
        )
        for name, text in (files or {}).items():
            system.write(name, text)
        _write_config(system, timeout_s, password, changes or {})
        store = system.store()
        with _MIGRATING:
            store.migrate()
        system.token, _ = Tokens.of(load(system.config, environ), store).issue(
            Role.READ, timedelta(days=30), "drill", store.now()
        )
        store.close()
        with system._open:
            system.start_all()
            yield system
    assert exchange.mock.complaints == []
    assert exchange.mock.mails_sent == 0
