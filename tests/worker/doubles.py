"""Connectors that behave as no time-out foresees."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.base import Change, Done, Found, Other, Outcome


@dataclass
class Deaf:
    """Calls for some mailboxes block until somebody lets them go; others are done at once."""

    call_timeout_s: float
    deaf: frozenset[str] | None = None
    """The mailboxes whose calls block; None: all."""
    go: threading.Event = field(default_factory=threading.Event)
    blocked: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    closed: bool = False

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        if self.deaf is None or mailbox in self.deaf:
            self.blocked.append(mailbox)
            self.go.wait()
        self.done.append(mailbox)
        return [Done(f"item {number}") for number, _ in enumerate(changes)]

    def find(self, _mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        return {uid: [] for uid in uids}

    def list_others(self, _mailbox: str, _after: datetime) -> list[Other]:
        return []

    def identify(self, mailbox: str) -> str:
        return mailbox

    def close(self) -> None:
        self.closed = True
