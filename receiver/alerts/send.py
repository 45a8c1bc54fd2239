"""Letters on their way: a process for each, which is ended when it takes too long."""

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
from receiver.alerts.message import Letter, Tone
from receiver.alerts.send_process import Outcome
from receiver.config.settings import AlertSettings

SEND_S = 30.0
"""Longer than any library's own patience with a server (Apprise: 15 s to connect by SMTP)."""

_PASSED_ON = frozenset({"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"})
_DIRECT = ("NO_PROXY", "no_proxy")
LONGEST_WORD = 64
_POLL_S = 0.05
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19})://")


class Sending:
    """One letter to one address."""

    def __init__(
        self, settings: AlertSettings, address: str, letter: Letter | None, patience_s: float = SEND_S
    ) -> None:
        """Set off. Without a letter, only ask whether the address can be used."""
        self._deadline = time.monotonic() + patience_s
        # By standard input: what stands in arguments and environments, others on the machine may read.
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
                self._process.stdin.write(_order(settings, address, letter, patience_s))
                self._process.stdin.close()

    def outcome(self) -> Outcome | None:
        """Return what came of it; None: it is still on its way."""
        if self._process.poll() is None:
            if time.monotonic() < self._deadline:
                return None
            self.give_up()
            return self._told() or Outcome.TIMEOUT
        return self._told() or Outcome.FAILED

    def wait(self) -> Outcome:
        """Return what came of it, once that is known."""
        while (outcome := self.outcome()) is None:
            time.sleep(_POLL_S)
        return outcome

    def give_up(self) -> None:
        """End it, and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _told(self) -> Outcome | None:
        if self._process.stdout is None or self._process.stdout.closed:
            return None
        with self._process.stdout as answer:
            word = answer.read(LONGEST_WORD).decode("ascii", "replace")
        return Outcome(word) if word in set(Outcome) else None


def try_all(settings: AlertSettings, letter: Letter | None) -> Sequence[Outcome]:
    """Send a letter to every address, all at once, and return what came of each; without one, ask of each address."""
    on_their_way = [Sending(settings, address.value, letter) for address in settings.to]
    return [each.wait() for each in on_their_way]


def scheme(address: str) -> str:
    """Return how an address begins, which tells people which one it is, and nobody anything more."""
    found = _SCHEME.match(address)
    return found[1] if found else "?"


def environment(settings: AlertSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the sending process finds around it: no secret of ours, and the proxy of the configuration only."""
    passed_on = {name: value for name, value in environ.items() if name in _PASSED_ON}
    if settings.http_proxy:
        passed_on |= {name: value for name, value in environ.items() if name in _DIRECT}
        passed_on |= dict.fromkeys(("http_proxy", "https_proxy"), settings.http_proxy)
    return passed_on


def _order(settings: AlertSettings, address: str, letter: Letter | None, patience_s: float) -> bytes:
    letter = letter or Letter(Tone.NEWS, "", "")
    order = {
        "app": sentences.ALERT["name"],
        "address": address,
        "authorities": str(settings.ca_file or ""),
        "title": letter.title,
        "body": letter.body,
        "tone": letter.tone,
        "seconds": patience_s,
    }
    return json.dumps(order).encode()
