"""One receiver, whole, with everything around it: what the emitter, the administrators and the alerted see and do."""

import html
import json
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

from demo import configuration, processes
from emitter.platforms import Platform, signer
from emitter.scenarios import ExpectedEntry, build
from receiver.config import load
from receiver.core.health import Code, Severity, Trouble
from receiver.core.roles import Role
from receiver.operations.tokens import Tokens
from receiver.store import Store
from receiver.web.cookies import NAME as COOKIE
from receiver.wording import words
from tests.chaos.clocks import Clock
from tests.drill.exchange import MARTINE, DrillExchange
from tests.drill.letters import Kind, Letter, counted, read, without_numbers
from tests.watch.sinks import HttpSink, SmtpSink

PARTS = ("serve", "worker", "watch")
PATIENCE_S = 60.0
ACCEPTED = frozenset({200, 202})
_MIGRATING = threading.Lock()
"""Alembic bears one migration at a time in a process."""
EXTRA = """\
  pages: true
  token_key: {{file: token.key}}
  processes: 1
  threads: 4
alerts:
  to: [{{env: DRILL_HTTP}}, {{env: DRILL_MAIL}}]
  digest_at: null
"""


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait; return the seconds it took.

    Raises:
        AssertionError: it took too long.

    """
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < patience_s, f"waited in vain for {what}"
        time.sleep(0.05)
    return time.monotonic() - start


@dataclass
class Ground:
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
    expected: Counter[ExpectedEntry] = field(default_factory=Counter)
    """What Martine's calendar must show."""
    refused: list[bytes] = field(default_factory=list)
    """What the emitter keeps and sends again."""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
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

    def start(self, part: str) -> None:
        """Start a part of the receiver."""
        command = ["tests.drill.hastened", part, str(self.config)]
        log = self.folder / "receiver.log"
        self.processes[part] = self._open.enter_context(processes.running(command, self.environ, log))

    def start_all(self) -> None:
        """Start every part. The watch comes last: it has less patience here than the others may need to come up."""
        self.start("serve")
        self.start("worker")
        until(self.ready, "the receiver to be ready")
        self.book_and_see()
        self.start("watch")
        until(lambda: '"watch_started"' in self.log, "the watch to look")

    def signal(self, part: str, number: signal.Signals) -> None:
        self.processes[part].send_signal(number)

    def reload(self) -> None:
        """`systemctl reload`."""
        for part in PARTS:
            self.signal(part, signal.SIGHUP)

    def command(self, *words: str) -> None:
        """Have an administrator run `rdv-receiver`."""
        whole = [sys.executable, "-m", "receiver", "--config", str(self.config), *words]
        subprocess.run(whole, env={**os.environ, **self.environ}, check=True, capture_output=True, timeout=60)

    def set_clock(self, ahead: timedelta) -> None:
        """Set the clock of the receiver's machine; that of the world goes on as before."""
        assert self.clock, "this drill has no clock of its own"
        self.clock.set(int(ahead.total_seconds()))

    def skip(self, time_passed: timedelta) -> None:
        """Have so much time pass for the whole world since the drill began."""
        self.exchange.mock.clock_ahead_s = time_passed.total_seconds()
        self.set_clock(time_passed)

    def ready(self) -> bool:
        return processes.is_ready(f"http://127.0.0.1:{self.port}")

    def store(self) -> Store:
        return Store(self.store_url)

    # The emitter

    def book(self) -> int | None:
        """An agent gets an appointment; return the receiver's answer to the webhook."""
        self._told += 1
        story = build("create", datetime.now(UTC), minutes_later=60 * self._told)
        for agent, entries in story.expected.items():
            assert agent == MARTINE or not entries
            self.expected.update(entries)
        [step] = story.steps
        return self._send(step.body)

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

    def post(self, body: bytes, secret: str) -> int | None:
        """Send a webhook once; return the status of the answer."""
        headers = signer(Platform.RDV_SERVICE_PUBLIC, secret)(body)
        try:
            url = f"http://127.0.0.1:{self.port}/webhooks/mds"
            return requests.post(url, body, headers=headers, timeout=15).status_code
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
        return told and self.mailed == self.posted

    def status(self) -> list[Trouble]:
        """Return what `rdv-receiver status` says is wrong."""
        command = [sys.executable, "-m", "tests.drill.hastened", "status", str(self.config)]
        environ = {**os.environ, **self.environ}
        answer = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert answer.stdout, answer.stderr
        report = json.loads(answer.stdout)
        assert answer.returncode == (1 if report["troubles"] else 0)
        return [_trouble(told) for told in report["troubles"]]

    def page(self) -> str:
        """Return the page that the town hall's staff look at, as the text that a browser would show."""
        cookies = {"Cookie": f"{COOKIE}={self.token}"}
        url = f"http://127.0.0.1:{self.port}/status"
        answer = requests.get(url, headers=cookies, timeout=30, allow_redirects=False)
        assert answer.status_code in {200, 503}
        return html.unescape(answer.text)

    def is_well(self) -> bool:
        """Whether the page's own source says so."""
        bearer = {"Authorization": f"Bearer {self.token}"}
        answer = requests.get(f"http://127.0.0.1:{self.port}/api/v1/overview", headers=bearer, timeout=30)
        return answer.status_code == 200 and answer.json()["troubles"] == []


def _trouble(told: Mapping[str, Any]) -> Trouble:
    count, code, severity = told["count"], Code(told["code"]), Severity(told["severity"])
    return Trouble(code, severity, told["subject"], told["cause"], count=count)


def sentence_on(page: str, trouble: Trouble) -> str:
    """Return the sentence of a trouble and its cure, both of which the page shows."""
    told = words(trouble)
    assert told.title in page
    assert told.cure in page
    return f"{told.title}. {told.cure}"


def _write_config(ground: Ground, timeout_s: int) -> None:
    path = configuration.write(ground.folder, ground.exchange.mock.url, ground.port, timeout_s)
    text = path.read_text("utf-8")
    shown = ground.store_url.replace("+psycopg", "")
    for old, new in (
        (f"sqlite:///{ground.folder}/store.db", shown),
        ("    kind: ews\n", "    kind: ews\n    ca_file: autorite.pem\n    connections: 2\n"),
        ("{env: RDV_EXCHANGE_PASSWORD}", "{file: password}"),
        ("{env: RDV_WEBHOOK_SECRET}", "{file: secret}"),
    ):
        assert old in text
        text = text.replace(old, new)
    ground.write("config.yaml", text + EXTRA.format())


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
) -> Iterator[Ground]:
    """Open a town hall in which all is well; everything ends with the block."""
    password = "an Exchange password for the drill"
    exchange = DrillExchange(folder, password)
    environ = {name: str(value) for name, value in (patience or {}).items()}
    environ |= {
        "DRILL_HTTP": f"json://127.0.0.1:{http.port}",
        "DRILL_MAIL": f"mailto://127.0.0.1:{mail.port}?from=rdv@ville.example&to=dsi@ville.example",
        "STATE_DIRECTORY": str(folder),
    }
    environ |= clock.environment if clock else {}
    url = store_url or f"sqlite:///{folder}/store.db"
    with exchange.mock:
        ground = Ground(folder, exchange, url, http, mail, environ, processes.free_port(), clock)
        ground.write("password", password)
        ground.write("secret", ground.secret)
        ground.write("token.key", secrets.token_hex(32))
        _write_config(ground, timeout_s)
        store = ground.store()
        with _MIGRATING:
            store.migrate()
        ground.token, _ = Tokens.of(load(ground.config, environ), store).issue(
            Role.READ, timedelta(days=30), "drill", store.now()
        )
        store.close()
        with ground._open:
            ground.start_all()
            yield ground
    assert exchange.mock.complaints == []
    assert exchange.mock.mails_sent == 0
