"""One address: what was sent there, what is being sent, and when to try again. Addresses do not wait for each other."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from receiver import logs
from receiver.alerts.check import Found
from receiver.alerts.message import Message, Sender, alert_message, digest_message, is_open
from receiver.alerts.send import SEND_S, Sending, scheme
from receiver.alerts.send_process import Outcome
from receiver.config import AlertSettings
from receiver.core import alert_rules
from receiver.core.alert_rules import RecipientState
from receiver.core.backoff import LONGEST_DELAY_S
from receiver.sentences.phrases import PARIS

UNREACHED_AFTER = 3
"""Consecutive failures that count as a trouble."""
ARRIVED = frozenset({Outcome.SENT, Outcome.PARTLY_SENT})

log = logs.get("watch")


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals and limits, in seconds."""

    check_every_s: float = 15.0
    send_s: float = SEND_S
    retry_s: float = 60.0
    """The wait after a first failure. It doubles with each further one, up to a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class _Queued:
    """A message, and what is noted once it was sent."""

    code: str
    message: Message
    note: Callable[[RecipientState], RecipientState]


class Recipient:
    """An address of `alerts.to`."""

    def __init__(self, place: int, address: str, state: RecipientState, pace: Pace) -> None:
        self.state = state
        self._place = place
        self._address = address
        self._pace = pace
        self._queue: deque[_Queued] = deque()
        self._sending: Sending | None = None
        self._failures = 0
        self._failed_at: datetime | None = None
        self._retry_at = 0.0

    @property
    def unreached_since(self) -> datetime | None:
        """Since when all messages fail; None: they arrive.

        One failure alone proves nothing: a server that does not know a sender refuses the first mail, and takes it a
        minute later.
        """
        return self._failed_at if self._failures >= UNREACHED_AFTER else None

    @property
    def failures(self) -> tuple[int, datetime | None]:
        """The number of consecutive messages that failed, and when the first of them failed."""
        return self._failures, self._failed_at

    def continue_from(self, failures: tuple[int, datetime | None]) -> None:
        """Keep the failures from before a reload until a message is sent. What is due is tried at once."""
        self._failures, self._failed_at = failures

    @property
    def busy(self) -> bool:
        """Whether a message is being sent or queued. No new check may be taken in then.

        If the trouble had ended meanwhile, it would be forgotten as never sent, and its end would not be sent.
        """
        return bool(self._queue) or self._sending is not None

    def take_in(self, settings: AlertSettings, found: Found, sender: Sender, now: datetime) -> None:
        """Note the troubles, and queue the messages that are due, unless sending has just failed."""
        self.state, alerts = alert_rules.update(self.state, found.summary.troubles, now, settings.timings)
        if time.monotonic() < self._retry_at:
            return
        for alert in alerts:
            note = partial(alert_rules.note_sent, alert=alert)
            self._queue.append(_Queued(f"{alert.kind}/{alert.trouble.code}", alert_message(alert, sender), note))
        if found.digest_on is not None and self.needs_digest(settings, now):
            local = now.astimezone(PARIS)
            message = digest_message(found.summary, sender, local.date())
            self._queue.append(_Queued("digest", message, partial(alert_rules.note_digest_sent, local_now=local)))

    def needs_digest(self, settings: AlertSettings, now: datetime) -> bool:
        """Whether the day's digest is to be sent."""
        local = now.astimezone(PARIS)
        return alert_rules.digest_is_due(self.state, local, is_open(local.date()), settings.timings)

    def step(self, settings: AlertSettings) -> None:
        """Start sending the next message, or note the outcome of the last one. Never waits."""
        if self._sending is None:
            if self._queue:
                self._start(settings, self._queue[0].message)
            return
        outcome = self._sending.outcome()
        if outcome is not None:
            self._sending = None
            self._note(outcome)

    def _start(self, settings: AlertSettings, message: Message) -> None:
        try:
            self._sending = Sending(settings, self._address, message, self._pace.send_s)
        except OSError:  # no more processes, no memory
            self._note(Outcome.FAILED)

    def finish(self) -> None:
        """Wait for the message that is being sent. Drop the others: they are due again in the next process."""
        if self._sending is not None:
            self._note(self._sending.wait())
            self._sending = None
        self._queue.clear()

    def _note(self, outcome: Outcome) -> None:
        item = self._queue.popleft()
        if outcome in ARRIVED:
            self.state = item.note(self.state)
            self._failures = 0
            self._failed_at = None
            report = log.info if outcome is Outcome.SENT else log.warning
            report("alert_sent", place=self._place, message=item.code, outcome=outcome)
            return
        self._queue.clear()  # what is still due is queued again after the next check
        self._failures += 1
        self._failed_at = self._failed_at or datetime.now(UTC)
        wait_s = min(self._pace.retry_s * 2.0 ** min(self._failures - 1, 10), LONGEST_DELAY_S)
        self._retry_at = time.monotonic() + wait_s
        log.error(
            "alert_not_sent",
            place=self._place,
            scheme=scheme(self._address),
            message=item.code,
            code=outcome,
            failures=self._failures,
        )
