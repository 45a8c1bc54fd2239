"""`make demo`: a working day of a Maison des solidarités, from the emitter to the agents' calendars.

Ends with 0 only if each calendar, read back over EWS, is what the day must have left in it.
"""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo import calendars, configuration, processes, report
from demo.processes import Secrets
from emitter.delivery import Courier, DeliveryReport
from emitter.platforms import Platform, signer
from emitter.retries import RetryPolicy
from emitter.scenarios import Calendars, Story, build

SETTLING_S = 60.0
RETRY_TIME_SCALE = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the day; return 0 when the calendars are right."""
    options = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    options.add_argument("--stay", action="store_true", help="keep everything running until Ctrl-C")
    stay = options.parse_args(arguments).stay
    with tempfile.TemporaryDirectory(prefix="rdv-demo-") as folder:
        try:
            return play(Path(folder), stay=stay)
        except processes.NotStarted as error:
            print(f"A program did not start. Its log:\n{Path(str(error)).read_text('utf-8')}", file=sys.stderr)
            return 1
        except processes.Complained as error:
            print(f"The mock Exchange complained:\n{Path(str(error)).read_text('utf-8')}", file=sys.stderr)
            return 1


def play(folder: Path, *, stay: bool) -> int:
    """Start everything, send the day's webhooks, compare, and print the result."""
    keys = Secrets(webhook=secrets.token_hex(16), exchange=secrets.token_urlsafe(16))
    story = build("working_day", datetime.now(UTC))
    addresses = list(story.expected)
    port = processes.free_port()
    with processes.exchange(addresses, keys, folder / "exchange.log") as server:
        config = configuration.write(folder, server, port)
        with processes.receiver(config, port, keys, folder / "receiver.log"):
            print(report.opening(server, port, folder))
            sent = _send(story, port, keys)
            print(report.sending(sent))
            found, waited_s = _settled(server, keys, story.expected)
            print(report.judging((folder / "receiver.log").read_text("utf-8").splitlines()))
            print(report.comparison(story.expected, found, waited_s))
            if stay:
                _wait_for_interrupt()
            return 0 if found == story.expected and not sent.undelivered else 1


def _send(story: Story, port: int, keys: Secrets) -> DeliveryReport:
    courier = Courier(
        url=f"http://127.0.0.1:{port}/webhooks/mds",
        signer=signer(Platform.RDV_SERVICE_PUBLIC, keys.webhook),
        policy=RetryPolicy(Platform.RDV_SERVICE_PUBLIC.waits_s, time_scale=RETRY_TIME_SCALE),
    )
    return courier.deliver([step.delivery for step in story.steps])


def _settled(server: str, keys: Secrets, expected: Calendars) -> tuple[Calendars, float]:
    """Read the calendars until they are right or the timeout; return what they show and how long it took."""
    begun = time.monotonic()
    while True:
        found = calendars.read(server, keys, list(expected))
        waited_s = time.monotonic() - begun
        if found == expected or waited_s > SETTLING_S:
            return found, waited_s
        time.sleep(0.2)


def _wait_for_interrupt() -> None:
    print("Everything stays up. Ctrl-C ends it.", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    sys.exit(main())
