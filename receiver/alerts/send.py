"""Sends messages: each in a process of its own, which is killed soon after its time limit."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from receiver import sentences
from receiver.alerts.message import Message, Tone
from receiver.alerts.send_process import GRACE_S, Outcome
from receiver.config import AlertSettings

SEND_S = 30.0
"""Longer than the time-outs of the libraries (Apprise: 15 s to connect by SMTP)."""

_PASSED_ON = frozenset({"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"})
_DIRECT = ("NO_PROXY", "no_proxy")
LONGEST_ANSWER = 64
_POLL_S = 0.05
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19})://")


class Sending:
    """One message to one address."""

    def __init__(
        self, settings: AlertSettings, address: str, message: Message | None, timeout_s: float = SEND_S
    ) -> None:
        """Start the process. Without a message it only checks whether the address can be used."""
        until = time.monotonic() + timeout_s  # all processes of a machine read the same clock
        self._killed_at = until + GRACE_S
        # By standard input: other users of the machine may read arguments and environments.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "receiver.alerts.send_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(settings, os.environ),
            process_group=0,
        )
        with suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(_order(settings, address, message, until))
                self._process.stdin.close()

    def outcome(self) -> Outcome | None:
        """Return the outcome; None: still running."""
        if self._process.poll() is None:
            if time.monotonic() < self._killed_at:
                return None
            self.give_up()
            return self._answer() or Outcome.TIMEOUT
        return self._answer() or Outcome.FAILED

    def wait(self) -> Outcome:
        """Wait for the end; return the outcome."""
        while (outcome := self.outcome()) is None:
            time.sleep(_POLL_S)
        return outcome

    def give_up(self) -> None:
        """Kill the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answer(self) -> Outcome | None:
        if self._process.stdout is None or self._process.stdout.closed:
            return None
        with self._process.stdout as output:
            text = output.read(LONGEST_ANSWER).decode("ascii", "replace")
        return Outcome(text) if text in set(Outcome) else None


def try_all(settings: AlertSettings, message: Message | None) -> Sequence[Outcome]:
    """Send a message to all addresses in parallel; return each outcome. Without a message, check the addresses."""
    sendings = [Sending(settings, address.value, message) for address in settings.to]
    return [each.wait() for each in sendings]


def scheme(address: str) -> str:
    """Return the scheme of an address: enough for people to recognise it, without a secret."""
    found = _SCHEME.match(address)
    return found[1] if found else "?"


def environment(settings: AlertSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the sending process: none of our secrets, and no proxy but the configured one."""
    passed_on = {name: value for name, value in environ.items() if name in _PASSED_ON}
    if settings.http_proxy:
        passed_on |= {name: value for name, value in environ.items() if name in _DIRECT}
        passed_on |= dict.fromkeys(("http_proxy", "https_proxy"), settings.http_proxy)
    return passed_on


def _order(settings: AlertSettings, address: str, message: Message | None, until: float) -> bytes:
    message = message or Message(Tone.NEWS, "", "")
    order = {
        "app": sentences.ALERT["name"],
        "address": address,
        "authorities": str(settings.ca_file or ""),
        "title": message.title,
        "body": message.body,
        "tone": message.tone,
        "until": until,
    }
    return json.dumps(order).encode()
