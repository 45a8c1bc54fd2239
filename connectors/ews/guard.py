"""Prevents a wrong password from locking the account: after a refusal, nothing is sent for a while.

An Active Directory counts each failed attempt of each connection, and locks an account after five or ten of them.
"""

import threading
import time
from dataclasses import replace

from connectors.ews.errors import NOT_SENT_IN_TIME, CallFailed, Ruling

PROOF_TIMEOUT_S = 2.0
"""How long a handshake waits for another one after the account was accepted once.

A refusal arrives at once, before any work. A slower answer comes from a mailbox that hangs, and such a mailbox
must not block the others.
"""


class Guard:
    """Whether one server accepts the account, as far as is known. Thread-safe."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._turn = threading.Lock()
        self._accepted = False
        self._refused: tuple[Ruling, float] | None = None
        """The refusal, and until when (monotonic) nothing is sent."""

    def check(self) -> None:
        """Return if requests may be sent.

        Raises:
            CallFailed: the account was refused recently; the ruling says how long to wait.

        """
        if self._refused is None:
            return
        ruling, until = self._refused
        left_s = until - time.monotonic()
        if left_s > 0:
            raise CallFailed(replace(ruling, retry_after_s=left_s))

    def acquire(self, deadline: float) -> bool:
        """Wait until no other handshake is under way; return whether `release` must be called.

        Raises:
            CallFailed: the deadline passed, or the account was refused meanwhile; nothing was sent.

        """
        wait_s = max(deadline - time.monotonic(), 0.0)
        timeout_s = min(wait_s, PROOF_TIMEOUT_S) if self._accepted else wait_s
        taken = self._turn.acquire(timeout=timeout_s)
        if not taken and not self._accepted:
            raise CallFailed(NOT_SENT_IN_TIME)
        return taken

    def release(self) -> None:
        """Let the next handshake begin."""
        self._turn.release()

    def accept(self) -> None:
        """Record that the account was accepted."""
        self._accepted = True

    def refuse(self, ruling: Ruling) -> Ruling:
        """Record that the account was refused; return the ruling with the time to wait."""
        self._accepted = False
        if self._pause_s <= 0:
            return ruling
        self._refused = ruling, time.monotonic() + self._pause_s
        return replace(ruling, retry_after_s=self._pause_s)
