"""The receiver's processes beside a mock Exchange that the test can look into."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests

from demo import configuration, processes
from demo.processes import ACCOUNT, Secrets
from emitter.delivery import Courier, Delivery, DeliveryReport
from emitter.platforms import Platform, signer
from emitter.retries import RetryPolicy
from emitter.scenarios import ExpectedEntry
from mock_exchange import MockExchange
from tests.lab.waiting import happens, wait_until

KEYS = Secrets(webhook="a webhook secret for tests", exchange="an Exchange password for tests")
MARTINE = "martine.agent@departement.example"
KARIM = "karim.agent@departement.example"
INSERTION_SOURCE = """\
  rsa:
    emitter: rdv_insertion
    platform: production
    secrets:
      - {env: RDV_WEBHOOK_SECRET}
"""


@dataclass
class RunningReceiver:
    """One installation: its processes, its configuration, its log, and the mock Exchange."""

    folder: Path
    exchange: MockExchange
    port: int
    config: Path
    started: ExitStack = field(default_factory=ExitStack)
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / "receiver.log"

    def start(self, *commands: str) -> None:
        """Start commands of the receiver, each a process: `run`, or `serve` and `worker`."""
        for command in commands:
            words = ["receiver", "--config", str(self.config), command]
            process = self.started.enter_context(processes.running(words, KEYS.environment, self.log))
            self.running[command] = process

    def wait_until_ready(self) -> None:
        self.wait_for(self.is_ready, "the receiver to be ready")

    def is_ready(self) -> bool:
        """Whether it keeps webhooks, and a worker was heard of a moment ago."""
        return processes.is_ready(f"http://127.0.0.1:{self.port}")

    def get(self, path: str) -> int:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=5).status_code
        except requests.ConnectionError:
            return 0

    def kill(self, command: str) -> None:
        """kill -9, as a power cut or the kernel would."""
        process = self.running.pop(command)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the receiver to its end."""
        return subprocess.run(
            [processes.sys.executable, "-m", "receiver", "--config", str(self.config), *words],
            env={**os.environ, **KEYS.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def courier(self, source: str = "mds", signature: str | None = None, jobs: int = 4) -> Courier:
        platform = Platform.RDV_INSERTION if source == "rsa" else Platform.RDV_SERVICE_PUBLIC
        return Courier(
            url=f"http://127.0.0.1:{self.port}/webhooks/{source}",
            signer=signer(platform, KEYS.webhook, signature),
            policy=RetryPolicy(platform.waits_s[:3], time_scale=0.01),
            jobs=jobs,
        )

    def send(self, *bodies: bytes, source: str = "mds", signature: str | None = None, jobs: int = 1) -> DeliveryReport:
        return self.courier(source, signature, jobs).deliver([Delivery(body) for body in bodies])

    def answers(self, *bodies: bytes, source: str = "mds") -> list[tuple[int | None, str | None]]:
        """Status and word of the answer to each body, each sent once, in order."""
        # Whether an answer comes in the emitter's time is not the subject: a busy machine may take longer.
        courier = replace(self.courier(source, jobs=1), policy=RetryPolicy(()), timeout_s=60.0)
        attempts = courier.deliver([Delivery(body) for body in bodies]).attempts
        return [(attempt.status, attempt.answer) for attempt in attempts]

    def calendar(self, mailbox: str) -> Counter[ExpectedEntry]:
        """What a mailbox shows."""
        items = self.exchange.items(mailbox)
        return Counter(ExpectedEntry(item.subject, item.location, item.start, item.end) for item in items)

    def wait_for_calendars(self, expected: dict[str, Counter[ExpectedEntry]], patience_s: float = 30) -> None:
        def shown() -> dict[str, Counter[ExpectedEntry]]:
            return {mailbox: self.calendar(mailbox) for mailbox in expected}

        happens(lambda: shown() == expected, patience_s, every_s=0.05)
        found = shown()
        missing = {mailbox: entries - found[mailbox] for mailbox, entries in expected.items()}
        surplus = {mailbox: found[mailbox] - entries for mailbox, entries in expected.items()}
        difference = f"missing {missing}\nsurplus {surplus}"
        assert found == expected, f"{difference}\n{self.log.read_text('utf-8')[-3000:]}"

    def wait_for(self, condition: Callable[[], bool], what: str, patience_s: float = 30) -> None:
        wait_until(condition, what, patience_s, 0.05, lambda: self.log.read_text("utf-8")[-3000:])

    def log_lines(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


@contextmanager
def running_receiver(
    folder: Path, commands: Sequence[str] = ("run",), timeout_s: int = 10, extra_policies: str = ""
) -> Iterator[RunningReceiver]:
    """Start the receiver for two agents; everything ends with the block."""
    exchange = MockExchange(
        [MARTINE, KARIM],
        auth="ntlm",
        users={ACCOUNT: KEYS.exchange},
        impersonators={ACCOUNT: None},
    )
    with exchange:
        port = processes.free_port()
        config = configuration.write(folder, exchange.url, port, timeout_s)
        text = config.read_text("utf-8").replace("calendars:", INSERTION_SOURCE + "calendars:", 1)
        config.write_text(text + extra_policies, "utf-8")
        receiver = RunningReceiver(folder, exchange, port, config)
        with receiver.started:
            receiver.start(*commands)
            if commands:
                receiver.wait_until_ready()
            yield receiver
        assert exchange.schema_errors == []
        assert exchange.crashes == []
        assert exchange.mails_sent == 0
