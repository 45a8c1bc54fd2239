"""The texts that are sent: alerts, daily digest, test message. They hold only codes, counts and configured names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from receiver import sentences
from receiver.core.alert_rules import Alert, Kind
from receiver.core.troubles import Code, Colour, Trouble, colour, is_well
from receiver.operations.working_hours import is_working_day
from receiver.sentences.phrases import PARIS, local, words
from receiver.store import Store
from receiver.store.reports import activity

DAY = timedelta(days=1)


class Tone(StrEnum):
    """How a service that has colours or symbols shows a message: Apprise's own words."""

    ALARM = "failure"
    WARNING = "warning"
    GOOD = "success"
    NEWS = "info"


@dataclass(frozen=True, slots=True)
class Message:
    """One text to send."""

    tone: Tone
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Which installation sends, and from which machine."""

    host: str
    installation: str = ""
    """Id of the installation; empty until the store was read once."""

    @property
    def signature(self) -> str:
        """Return the last line of each message."""
        text = sentences.ALERT["from_installation" if self.installation else "from"]
        return text.format(host=self.host, installation=self.installation[:8])


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted from one midnight in Paris to another."""

    start: datetime
    end: datetime
    kept: int = 0
    refused: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of a digest."""

    troubles: tuple[Trouble, ...]
    due: int = 0
    unsettled: int = 0
    counts: Counts | None = None
    """None: the store cannot be read."""


# Alerts


def alert_message(alert: Alert, sender: Sender) -> Message:
    """Return the text about a trouble that began, has another cause, or ended."""
    return _ended(alert, sender) if alert.kind is Kind.ENDED else _goes_on(alert, sender)


def _goes_on(alert: Alert, sender: Sender) -> Message:
    trouble, texts = alert.trouble, sentences.ALERT
    lines = [f"{words(trouble).title}."]
    if alert.kind is Kind.CHANGED:
        lines.append(texts["goes_on"])
    lines.append(texts["began"].format(at=local(trouble.since or alert.since)))
    for each in (trouble, *alert.others):
        phrase = words(each)
        own = [f"{phrase.title}."] if each is not trouble else []
        lines += ["", *own, texts["cure"].format(cure=phrase.cure), texts["runbook"].format(code=each.code)]
    is_alarm = trouble.colour is Colour.ALARM
    key = "changed" if alert.kind is Kind.CHANGED else trouble.colour
    label = sentences.COLOURS[trouble.colour]
    title = texts[key].format(title=words(trouble).title, label=label)
    return Message(Tone.ALARM if is_alarm else Tone.WARNING, title, _signed(lines, sender))


def _ended(alert: Alert, sender: Sender) -> Message:
    title = words(alert.trouble).title
    since = local(alert.trouble.since or alert.since)
    over = sentences.ALERT["over"].format(at=local(alert.ended_at or alert.since), since=since)
    return Message(Tone.GOOD, sentences.ALERT["ended"].format(title=title), _signed([f"{title}.", over], sender))


def trial_message(sender: Sender) -> Message:
    """Return the text of `watch --test`."""
    return Message(Tone.NEWS, sentences.ALERT["test_title"], _signed([sentences.ALERT["test_body"]], sender))


# The daily digest


def is_open(day: date) -> bool:
    """Whether a digest is sent on that day."""
    return is_working_day(day, PARIS.key)


def last_working_day(today: date) -> date:
    """Return the last working day before this one."""
    day = today - DAY
    while not is_open(day):
        day -= DAY
    return day


def counts(store: Store, today: date) -> Counts:
    """Return what happened from the beginning of the last working day until last midnight.

    Raises:
        StoreUnavailable: it cannot be read.

    """
    start, end = (datetime.combine(day, time(), PARIS) for day in (last_working_day(today), today))
    sums: Counter[str] = Counter()
    for each in store.read(activity.series, start):
        if each.hour < end:
            sums[each.series] += each.count
    return Counts(start, end, **sums)


def digest_message(summary: Summary, sender: Sender, today: date) -> Message:
    """Return the digest's text. It is sent even when all is well."""
    texts, troubles = sentences.DIGEST, summary.troubles
    lines = [
        *_count_lines(summary),
        "",
        *([texts["all_well"]] if is_well(troubles) else [texts["open"], *map(_open_line, troubles)]),
        "",
        texts["absence"],
    ]
    found = colour(troubles)
    title = texts["well" if is_well(troubles) else "troubles"].format(
        day=_day(today), count=len(troubles), label=sentences.COLOURS[found]
    )
    tone = {Colour.OK: Tone.NEWS, Colour.ATTENTION: Tone.WARNING, Colour.ALARM: Tone.ALARM}[found]
    return Message(tone, title, _signed(lines, sender))


def _count_lines(summary: Summary) -> Sequence[str]:
    texts, counts = sentences.DIGEST, summary.counts
    if counts is None:
        return [texts["blind"]]
    first, last = counts.start.date(), (counts.end - DAY).date()
    period = texts["period_day" if first == last else "period_days"]
    unmapped = sum(each.count for each in summary.troubles if each.code is Code.AGENTS_UNMAPPED)
    return [
        period.format(first=_day(first), last=_day(last)),
        texts["webhooks"].format(kept=counts.kept, refused=counts.refused),
        texts["writes"].format(done=counts.done, failed=counts.failed),
        texts["now"],
        texts["backlog"].format(due=summary.due, unsettled=summary.unsettled),
        texts["unmapped"].format(count=unmapped),
    ]


def _open_line(trouble: Trouble) -> str:
    label = sentences.COLOURS[trouble.colour]
    text = sentences.DIGEST["trouble" if trouble.since else "trouble_undated"]
    at = local(trouble.since) if trouble.since else ""
    return text.format(label=label, title=words(trouble).title, at=at, code=trouble.code)


def _signed(lines: Sequence[str], sender: Sender) -> str:
    return "\n".join([*lines, "", sender.signature])


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
