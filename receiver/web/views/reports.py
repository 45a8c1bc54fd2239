"""The content of the other pages: failures, mailboxes, agents without a mailbox, one event, refused requests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from receiver import sentences
from receiver.core.addresses import display_safe
from receiver.core.backoff import LONGEST_MAILBOX_PAUSE, active_until
from receiver.core.mailboxes import Unplaced
from receiver.core.refusal_reasons import IGNORED
from receiver.operations.failures import groups
from receiver.operations.unmapped import in_force as mailboxes_in_force
from receiver.sentences.phrases import failure_sentence, refusal_sentence
from receiver.store import counters
from receiver.store.database.records import ComingAgent
from receiver.store.reports import event_history, overview
from receiver.store.reports.event_history import EventHistory
from receiver.store.reports.overview import MailboxSight
from receiver.web.context import WebContext

PAGE = 50
MOST_AGENTS = 1_000
MOST_OF_AN_EVENT = 50
"""How many webhooks and writes of one event are shown, the newest."""


@dataclass(frozen=True, slots=True)
class FailureLine:
    """The failures of one cause."""

    scope: str
    code: str
    calendar: str
    count: int
    since: datetime | None
    until: datetime | None
    """When the last of them is retried at the latest."""
    sentence: str
    installations: tuple[str, ...]
    """Other installations whose entries block some of them."""


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One mailbox."""

    address: str
    calendar: str
    failure: str | None
    sentence: str | None
    next_try_at: datetime | None
    succeeded_at: datetime | None
    installation: str | None
    """Another installation whose entries block it."""


@dataclass(frozen=True, slots=True)
class MailboxPage:
    """A page of mailboxes, and where the next page begins."""

    mailboxes: tuple[MailboxLine, ...]
    next_after: str | None
    """The last address on this page; None: there are no more."""


@dataclass(frozen=True, slots=True)
class AgentLine:
    """An agent without a mailbox."""

    email: str
    events: int
    """The number of the agent's coming events."""


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """Requests to one source that were refused for one reason."""

    source: str
    reason: str
    on_purpose: bool
    """Ignored as configured; nothing is lost."""
    day: int
    week: int
    sentence: str


def failures(context: WebContext) -> tuple[FailureLine, ...]:
    """Return everything that fails, by cause."""
    return tuple(
        FailureLine(
            group.scope,
            group.code,
            group.calendar,
            group.count,
            group.since,
            group.until,
            failure_sentence(group.code, group.installations),
            group.installations,
        )
        for group in groups(context.store, context.settings.calendars, context.clock())
    )


def mailboxes(context: WebContext, after: str, failing: bool, limit: int = PAGE) -> MailboxPage:
    """Return the mailboxes after an address."""
    now = context.clock()
    found = context.store.read(overview.mailbox_page, after, limit + 1, failing)
    groups = [list(group) for _, group in groupby(found, attrgetter("address"))]
    shown: list[MailboxLine] = []
    while groups and len(shown) < limit:
        shown += [
            MailboxLine(
                address=each.address,
                calendar=each.calendar,
                failure=each.failure,
                sentence=_sentence(each),
                next_try_at=active_until(each.blocked_until, now, LONGEST_MAILBOX_PAUSE) if each.failure else None,
                succeeded_at=each.succeeded_at,
                installation=each.installation,
            )
            for each in groups.pop(0)
        ]
    return MailboxPage(tuple(shown), shown[-1].address if groups else None)


def _sentence(mailbox: MailboxSight) -> str | None:
    if mailbox.failure is None:
        return None
    return failure_sentence(mailbox.failure, [mailbox.installation] if mailbox.installation else ())


def just_before(start: str) -> str:
    """Return a text that sorts before all addresses that begin so, in any order of the store; others may be between."""
    return start[:-1]


def unmapped(context: WebContext) -> tuple[AgentLine, ...]:
    """Return the agents of coming events who have no mailbox, the busiest first."""
    locate = mailboxes_in_force(context.store, context.settings.mailboxes).locate
    coming = context.store.read(overview.unmapped_agents, context.clock(), MOST_AGENTS)
    return _agents(each for each in coming if locate(each.email) is Unplaced.UNMAPPED)


def _agents(found: Iterable[ComingAgent]) -> tuple[AgentLine, ...]:
    """Add up an agent who works on several platforms."""
    events: dict[str, int] = {}
    for each in found:
        events[each.email] = events.get(each.email, 0) + each.events
    return tuple(AgentLine(email, events[email]) for email in sorted(events, key=lambda one: (-events[one], one)))


def mail_to_exchange(agents: Iterable[AgentLine]) -> str:
    """Return a message, ready to be sent to the administrator of Exchange."""
    lines = "\n".join(
        sentences.UNMAPPED_LINE.format(email=display_safe(each.email), events=each.events) for each in agents
    )
    return sentences.UNMAPPED_MAIL.format(agents=lines)


def event(context: WebContext, wire_id: int) -> tuple[EventHistory, ...]:
    """Return the history of the events that an emitter knows by a number."""
    return tuple(context.store.read(event_history.history, wire_id, MOST_OF_AN_EVENT))


def refused(context: WebContext) -> tuple[RefusalLine, ...]:
    """Return why requests were refused in the last day and week: troubles first, then the most frequent."""
    now = context.clock()
    week = context.store.read(counters.refused, now - timedelta(days=7))
    lines = _refusals(context.store.read(counters.refused, now - timedelta(days=1)), week)
    return tuple(sorted(lines, key=lambda each: (each.on_purpose, -each.week, each.source, each.reason)))


def _refusals(day: Mapping[tuple[str, str], int], week: Mapping[tuple[str, str], int]) -> Iterable[RefusalLine]:
    for (source, reason), count in week.items():
        today, sentence = day.get((source, reason), 0), refusal_sentence(reason)
        yield RefusalLine(source, reason, reason in IGNORED, today, count, sentence)
