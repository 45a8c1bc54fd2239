"""Keeps a wrong password from locking the account: refused once, it is not shown again for a while.

An Active Directory counts each failed attempt of each connection, and locks an account after five or ten of them.
"""

import threading
import time
from dataclasses import replace

from connectors.ews.errors import NOT_SENT_IN_TIME, CallFailed, Ruling

PATIENCE_S = 2.0
"""How long a proof waits for another's answer once the account was believed.

A refusal comes before any work, and so at once; an answer that takes longer comes from a mailbox that hangs, and that
must not hold up the others.
"""


class Guard:
    """What is known of one server's opinion of the account. Thread-safe."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._turn = threading.Lock()
        self._believed = False
        self._refused: tuple[Ruling, float] | None = None
        """What was answered, and until when (monotonic) nothing is sent."""

    def check(self) -> None:
        """Let pass what may be sent.

        Raises:
            CallFailed: the account was refused lately; the ruling says how long to wait.

        """
        if self._refused is None:
            return
        ruling, until = self._refused
        left_s = until - time.monotonic()
        if left_s > 0:
            raise CallFailed(replace(ruling, retry_after_s=left_s))

    def take_turn(self, deadline: float) -> bool:
        """Wait until no other proof is being judged; say whether the turn must be given back.

        Raises:
            CallFailed: not in time, or the account was refused meanwhile; nothing was sent.

        """
        wait_s = max(deadline - time.monotonic(), 0.0)
        patience_s = min(wait_s, PATIENCE_S) if self._believed else wait_s
        taken = self._turn.acquire(timeout=patience_s)
        if not taken and not self._believed:
            raise CallFailed(NOT_SENT_IN_TIME)
        return taken

    def give_turn_back(self) -> None:
        """Let the next proof go."""
        self._turn.release()

    def believe(self) -> None:
        """Note that the account was accepted."""
        self._believed = True

    def refuse(self, ruling: Ruling) -> Ruling:
        """Note that the account was refused; return the ruling with the time to wait."""
        self._believed = False
        if self._pause_s <= 0:
            return ruling
        self._refused = ruling, time.monotonic() + self._pause_s
        return replace(ruling, retry_after_s=self._pause_s)
