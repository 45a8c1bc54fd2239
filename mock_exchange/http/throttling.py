"""Exchange's throttling: so many calls at once, and so many in a time, for each account."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mock_exchange.errors import SoapFault

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may do; nothing is limited by default."""

    concurrency: int | None = None
    """Calls being answered at once, as EWSMaxConcurrency counts them."""
    calls: int | None = None
    """Calls that a full budget allows, as EWSMaxBurst."""
    recharge_per_s: float = 1.0
    """So many calls are added to the budget each second, as EWSRechargeRate."""
    by_mailbox: bool = False
    """Each mailbox that the account acts on has limits of its own, as impersonated ones do since Exchange 2013."""


class Throttle:
    """The budgets of one server. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits = Limits()
        self._under_way: Counter[Key] = Counter()
        self._budgets: dict[Key, tuple[float, float]] = {}
        """Calls left, and when they were counted."""

    def limit(self, limits: Limits) -> None:
        """Set the limits; every budget is full again."""
        with self._lock:
            self._limits = limits
            self._budgets.clear()

    @contextmanager
    def admit(self, account: str, mailbox: str | None) -> Iterator[None]:
        """Hold a place for a call while it is answered.

        Raises:
            SoapFault: the account has no place, or no budget, left.

        """
        with self._lock:
            key = (account, mailbox or "" if self._limits.by_mailbox else "")
            self._charge(key)
            self._under_way[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[key] -= 1

    def _charge(self, key: Key) -> None:
        limits = self._limits
        if limits.concurrency is not None and self._under_way[key] >= limits.concurrency:
            raise SoapFault(
                "ErrorExceededConnectionCount",
                "You have exceeded the available concurrent connections for your account. "
                "Try again once your other requests have completed.",
            )
        if limits.calls is None:
            return
        now = self._clock()
        left, counted = self._budgets.get(key, (float(limits.calls), now))
        left = min(float(limits.calls), left + (now - counted) * limits.recharge_per_s)
        if left < 1:
            text = "The server cannot service this request right now. Try again later."
            back_off_ms = math.ceil((1 - left) / limits.recharge_per_s * 1000)
            raise SoapFault("ErrorServerBusy", text, back_off_ms)
        self._budgets[key] = (left - 1, now)
