"""What an alert says. Codes, counts and names of the configuration become sentences; nothing else goes in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from receiver import sentences
from receiver.alerts.digest import Counts
from receiver.core.alert_rules import Kind, Message
from receiver.core.troubles import Code, Colour, Trouble, colour, is_well
from receiver.sentences.phrases import local, words


class Tone(StrEnum):
    """How a letter looks where looks exist (a colour, a symbol): Apprise's own words."""

    ALARM = "failure"
    WARNING = "warning"
    GOOD = "success"
    NEWS = "info"


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to send."""

    tone: Tone
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: one of several installations, of several machines."""

    host: str
    installation: str = ""
    """Its id; empty while the store was never seen."""

    @property
    def signature(self) -> str:
        """Return the line that ends each letter."""
        text = sentences.ALERT["from_installation" if self.installation else "from"]
        return text.format(host=self.host, installation=self.installation[:8])


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, for the digest."""

    troubles: tuple[Trouble, ...]
    due: int = 0
    unsettled: int = 0
    counts: Counts | None = None
    """None: the store cannot be asked."""


def of_message(message: Message, sender: Sender) -> Letter:
    """Return the letter that tells a trouble, another cause of it, or its end."""
    return _ended(message, sender) if message.kind is Kind.ENDED else _lasts(message, sender)


def _lasts(message: Message, sender: Sender) -> Letter:
    trouble, texts = message.trouble, sentences.ALERT
    lines = [f"{words(trouble).title}."]
    if message.kind is Kind.CHANGED:
        lines.append(texts["goes_on"])
    lines.append(texts["began"].format(at=local(trouble.since or message.since)))
    for each in (trouble, *message.others):
        told = words(each)
        own = [f"{told.title}."] if each is not trouble else []
        lines += ["", *own, texts["cure"].format(cure=told.cure), texts["runbook"].format(code=each.code)]
    is_alarm = trouble.colour is Colour.ALARM
    key = "changed" if message.kind is Kind.CHANGED else trouble.colour
    label = sentences.COLOURS[trouble.colour]
    title = texts[key].format(title=words(trouble).title, label=label)
    return Letter(Tone.ALARM if is_alarm else Tone.WARNING, title, _signed(lines, sender))


def _ended(message: Message, sender: Sender) -> Letter:
    told = words(message.trouble)
    since = local(message.trouble.since or message.since)
    over = sentences.ALERT["over"].format(at=local(message.ended_at or message.since), since=since)
    return Letter(
        Tone.GOOD, sentences.ALERT["ended"].format(title=told.title), _signed([f"{told.title}.", over], sender)
    )


def trial(sender: Sender) -> Letter:
    """Return the letter of `watch --test`."""
    return Letter(Tone.NEWS, sentences.ALERT["test_title"], _signed([sentences.ALERT["test_body"]], sender))


def digest(standing: Standing, sender: Sender, today: date) -> Letter:
    """Return the day's letter, which comes also when all is well."""
    texts, troubles = sentences.DIGEST, standing.troubles
    lines = [
        *_counts(standing),
        "",
        *([texts["all_well"]] if is_well(troubles) else [texts["open"], *map(_open, troubles)]),
        "",
        texts["absence"],
    ]
    found = colour(troubles)
    title = texts["well" if is_well(troubles) else "troubles"].format(
        day=_day(today), count=len(troubles), label=sentences.COLOURS[found]
    )
    tone = {Colour.OK: Tone.NEWS, Colour.ATTENTION: Tone.WARNING, Colour.ALARM: Tone.ALARM}[found]
    return Letter(tone, title, _signed(lines, sender))


def _counts(standing: Standing) -> Sequence[str]:
    texts, counts = sentences.DIGEST, standing.counts
    if counts is None:
        return [texts["blind"]]
    first, last = counts.start.date(), (counts.end - timedelta(days=1)).date()
    period = texts["period_day" if first == last else "period_days"]
    unmapped = sum(each.count for each in standing.troubles if each.code is Code.AGENTS_UNMAPPED)
    return [
        period.format(first=_day(first), last=_day(last)),
        texts["webhooks"].format(kept=counts.kept, refused=counts.refused),
        texts["writes"].format(done=counts.done, failed=counts.failed),
        texts["now"],
        texts["backlog"].format(due=standing.due, unsettled=standing.unsettled),
        texts["unmapped"].format(count=unmapped),
    ]


def _open(trouble: Trouble) -> str:
    label = sentences.COLOURS[trouble.colour]
    text = sentences.DIGEST["trouble" if trouble.since else "trouble_undated"]
    at = local(trouble.since) if trouble.since else ""
    return text.format(label=label, title=words(trouble).title, at=at, code=trouble.code)


def _signed(lines: Sequence[str], sender: Sender) -> str:
    return "\n".join([*lines, "", sender.signature])


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
