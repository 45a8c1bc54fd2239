"""One address: what was told there, what is on its way, and when to try again. None waits for another."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from receiver import logs
from receiver.alerts import message as letters
from receiver.alerts.check import Seen
from receiver.alerts.digest import is_open
from receiver.alerts.message import Letter, Sender
from receiver.alerts.send import SEND_S, Sending, scheme
from receiver.alerts.send_process import Outcome
from receiver.config.settings import AlertSettings
from receiver.core import alert_rules
from receiver.core.alert_rules import Memory
from receiver.core.backoff import LONGEST_DELAY_S
from receiver.sentences.phrases import PARIS

UNREACHED_AFTER = 3
"""So many failures in a row are a trouble."""
ARRIVED = frozenset({Outcome.SENT, Outcome.PARTLY_SENT})

log = logs.get("watch")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take."""

    look_every_s: float = 15.0
    send_s: float = SEND_S
    retry_s: float = 60.0
    """After a first failure; twice as long after each further one, up to a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A letter, and what is remembered once it has arrived."""

    code: str
    letter: Letter
    remember: Callable[[Memory], Memory]


class Recipient:
    """An address of `alerts.to`."""

    def __init__(self, place: int, address: str, memory: Memory, pace: Pace) -> None:
        self.memory = memory
        self._place = place
        self._address = address
        self._pace = pace
        self._queue: deque[_Item] = deque()
        self._on_its_way: Sending | None = None
        self._failures = 0
        self._failed_at: datetime | None = None
        self._retry_at = 0.0

    @property
    def unreached_since(self) -> datetime | None:
        """Since when nothing arrives, whatever was sent; None: it does. One failure alone tells nothing: servers that
        do not know a sender refuse the first mail, and take it a minute later.
        """
        return self._failed_at if self._failures >= UNREACHED_AFTER else None

    @property
    def failures(self) -> tuple[int, datetime | None]:
        """How many letters in a row did not arrive, and when the first of them did not."""
        return self._failures, self._failed_at

    def go_on_from(self, failures: tuple[int, datetime | None]) -> None:
        """Be no better off than before a reload until something has arrived; what is due is tried at once."""
        self._failures, self._failed_at = failures

    @property
    def busy(self) -> bool:
        """Whether a letter is on its way, or about to be. Until then no new look is taken in: a trouble that ended
        meanwhile is forgotten where it was never told, and the letter would have no end.
        """
        return bool(self._queue) or self._on_its_way is not None

    def take_in(self, settings: AlertSettings, seen: Seen, sender: Sender, now: datetime) -> None:
        """Remember what is wrong, and have the letters sent that are due, unless sending has just failed."""
        timings = settings.timings
        self.memory, messages = alert_rules.look(self.memory, seen.standing.troubles, now, timings)
        if time.monotonic() < self._retry_at:
            return
        for message in messages:
            letter = letters.of_message(message, sender)
            self._queue.append(_Item(f"{message.kind}/{message.trouble.code}", letter, _told(message)))
        if seen.digest_on is not None and self.needs_digest(settings, now):
            local = now.astimezone(PARIS)
            letter = letters.digest(seen.standing, sender, local.date())
            self._queue.append(_Item("digest", letter, lambda memory: alert_rules.digest_sent(memory, local)))

    def needs_digest(self, settings: AlertSettings, now: datetime) -> bool:
        """Whether the day's digest is to be sent."""
        local = now.astimezone(PARIS)
        return alert_rules.digest_is_due(self.memory, local, is_open(local.date()), settings.timings)

    def step(self, settings: AlertSettings) -> None:
        """Go on with the letters; never waits."""
        if self._on_its_way is None:
            if self._queue:
                self._set_off(settings, self._queue[0].letter)
            return
        outcome = self._on_its_way.outcome()
        if outcome is not None:
            self._on_its_way = None
            self._note(outcome)

    def _set_off(self, settings: AlertSettings, letter: Letter) -> None:
        try:
            self._on_its_way = Sending(settings, self._address, letter, self._pace.send_s)
        except OSError:  # no more processes, no memory
            self._note(Outcome.FAILED)

    def finish(self) -> None:
        """Wait for the letter in hand; leave the others, which are due again when the process is back."""
        if self._on_its_way is not None:
            self._note(self._on_its_way.wait())
            self._on_its_way = None
        self._queue.clear()

    def _note(self, outcome: Outcome) -> None:
        item = self._queue.popleft()
        if outcome in ARRIVED:
            self.memory = item.remember(self.memory)
            self._failures = 0
            self._failed_at = None
            report = log.info if outcome is Outcome.SENT else log.warning
            report("alert_sent", place=self._place, message=item.code, outcome=outcome)
            return
        self._queue.clear()  # what is still due then comes up at the next look
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


def _told(message: alert_rules.Message) -> Callable[[Memory], Memory]:
    return lambda memory: alert_rules.told(memory, message)
