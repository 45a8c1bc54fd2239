"""What goes wrong: one row of the table each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mock_exchange import Fault, FaultKind
from tests.faults.system import CALL_TIMEOUT_S, SteppedSystem
from tests.lab.worker_harness import HERS, HIS

BEFORE_LOOK_UP_S = CALL_TIMEOUT_S * 3
AFTER_LOOK_UP_S = CALL_TIMEOUT_S * 15
HEALS_AFTER = timedelta(minutes=5)
BATCH_VERBS = frozenset({"CreateItem", "UpdateItem", "DeleteItem"})


@dataclass(frozen=True)
class Trouble:
    """One fault of one call."""

    name: str
    kind: FaultKind
    short: str = ""
    """Its name in a matrix of pairs; empty: it is in none, as another one of them stands for it there."""
    details: dict[str, Any] = field(default_factory=dict)
    for_good: bool = False
    """The content is refused for good: it is not sent again, and its failure stays on show, until there is other."""

    def strike(self, system: SteppedSystem, verb: str | None, after: int = 0) -> None:
        """Have a call meet it: the next one of the verb, or of any; `after` so many more."""
        details = dict(self.details)
        if self.kind is FaultKind.ITEM_ERROR:
            details["index"] = 1 if verb in BATCH_VERBS else 0
        system.exchange.inject(Fault(self.kind, verb=verb, after=after, **details))


@dataclass(frozen=True)
class Plight:
    """A state that Exchange is in for a while, whatever is called."""

    name: str
    begin: Callable[[SteppedSystem], None]
    end: Callable[[SteppedSystem], None]
    for_good: bool = False

    def strike(self, system: SteppedSystem, _verb: str | None, _after: int = 0) -> None:
        """Have it begin now and end by itself."""
        self.begin(system)
        system.later(HEALS_AFTER, lambda: self.end(system))


def _item(code: str, words: str, short: str = "", *, for_good: bool = False) -> Trouble:
    return Trouble(f"one of the batch: {words} (`{code}`)", FaultKind.ITEM_ERROR, short, {"code": code}, for_good)


def _call(code: str, words: str, short: str = "", *, for_good: bool = False) -> Trouble:
    return Trouble(f"whole call: {words} (`{code}`)", FaultKind.ERROR, short, {"code": code}, for_good)


TROUBLES: tuple[Trouble, ...] = (
    Trouble("connection cut, nothing done", FaultKind.DROP_BEFORE, "cut"),
    Trouble("connection cut, done all the same", FaultKind.DROP_AFTER, "cut, done"),
    Trouble("connection cut, done before the look-up", FaultKind.LATE_COMMIT, details={"delay_s": BEFORE_LOOK_UP_S}),
    Trouble("connection cut, done after the look-up", FaultKind.LATE_COMMIT, "cut, late", {"delay_s": AFTER_LOOK_UP_S}),
    Trouble("no answer in time, done before the look-up", FaultKind.HANG, details={"delay_s": BEFORE_LOOK_UP_S}),
    Trouble("no answer in time, done after the look-up", FaultKind.HANG, "hang, late", {"delay_s": AFTER_LOOK_UP_S}),
    Trouble("done at once, answered too late", FaultKind.SLOW_ANSWER, "slow", {"delay_s": BEFORE_LOOK_UP_S}),
    Trouble("401", FaultKind.UNAUTHORIZED, "401"),
    Trouble("503, come back in 2 minutes", FaultKind.UNAVAILABLE, "503", {"retry_after_s": 120}),
    Trouble("server busy, back off for 90 s", FaultKind.SERVER_BUSY, "busy", {"back_off_ms": 90_000}),
    Trouble("login page of a proxy, status 200", FaultKind.LOGIN_PAGE, "login page"),
    Trouble("empty answer, status 200", FaultKind.EMPTY, "empty"),
    Trouble("all done, the last item's answer is missing", FaultKind.SHORT, "short"),
    _item("ErrorIrresolvableConflict", "busy", "item busy"),
    _item("ErrorItemNotFound", "not found", "item lost"),
    _item("ErrorCorruptData", "refused for good", "item refused", for_good=True),
    _item("ErrorInternalServerError", "in doubt", "item in doubt"),
    _item("ErrorQuotaExceeded", "mailbox full"),
    _item("ErrorAccessDenied", "no right"),
    _call("ErrorInternalServerError", "in doubt", "error"),
    _call("ErrorMailboxMoveInProgress", "mailbox on the move", "moving"),
    _call("ErrorMailboxStoreUnavailable", "database gone in the middle"),
    _call("ErrorNonExistentMailbox", "no such mailbox"),
    _call("ErrorImpersonateUserDenied", "impersonation denied"),
    _call("ErrorTimeoutExpired", "Exchange's own time-out"),
    _call("ErrorInvalidRequest", "the request refused"),
)

IN_PAIRS = tuple(trouble for trouble in TROUBLES if trouble.short)


def _each(act: Callable[[SteppedSystem, str], None]) -> Callable[[SteppedSystem], None]:
    def on_both(system: SteppedSystem) -> None:
        for mailbox in (HERS, HIS):
            act(system, mailbox)

    return on_both


PLIGHTS: tuple[Plight, ...] = (
    Plight(
        "mailboxes full for 5 minutes",
        _each(lambda system, mailbox: system.exchange.set_quota(mailbox, 0)),
        _each(lambda system, mailbox: system.exchange.set_quota(mailbox, None)),
    ),
    Plight(
        "mailboxes move to another database for 5 minutes: new ids",
        _each(lambda system, mailbox: system.exchange.begin_move(mailbox)),
        _each(lambda system, mailbox: system.exchange.finish_move(mailbox)),
    ),
    Plight(
        "throttled to one call in 30 s for 5 minutes",
        lambda system: system.exchange.limit(calls=1, recharge_per_s=1 / 30),
        lambda system: system.exchange.limit(),
    ),
)
