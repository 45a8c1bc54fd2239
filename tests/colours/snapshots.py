"""Snapshots made of reasons: why a webhook is refused, why an entry is not where it should be, or why one will be.

Whether a snapshot may look well is known from the reasons that went into it, not from the code that judges it. What is
harmless goes into every snapshot, so that no reason is found by its being alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from receiver.core.refusal_reasons import IGNORED, NOT_FOUND, WRONG_SIGNATURE
from receiver.core.room import MIB, Disk
from receiver.core.thresholds import Thresholds
from receiver.core.trouble_rules import (
    Failing,
    RefusedConfiguration,
    SeenServer,
    SeenSource,
    SetAside,
    Snapshot,
    Unreached,
)
from receiver.core.troubles import STORE_CODES, Code
from receiver.store import Cause
from receiver.store.database.errors import ANOTHER, EMPTIED, GONE, LOG_MISSING, OLD_LOG, REPLACED
from receiver.store.place.marker import UNREADABLE, UNWRITABLE
from receiver.web import webhook
from receiver.web.webhook import Answer

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
LIMITS = Thresholds()
MINUTE = timedelta(minutes=1)
WORDS = ("exchange", "mds", "rsa", "autre-serveur")
CAUSES = ("timeout", "unauthorized", "not_settled", "not_judged", "unsupported_recurrence", "never_heard_of")


@dataclass
class Making:
    """A snapshot in the making."""

    chance: Random
    values: dict[str, Any] = field(default_factory=dict)
    listed: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, name: str, *each: Any) -> None:
        self.listed.setdefault(name, []).extend(each)

    def past(self, least: timedelta, most: timedelta = timedelta(days=40)) -> datetime:
        return NOW - least - self.chance.random() * most

    def coming(self) -> datetime | None:
        return NOW + self.chance.random() * timedelta(hours=25) if self.chance.random() < 0.5 else None

    def name(self) -> str:
        return self.chance.choice(WORDS)

    def count(self) -> int:
        return self.chance.choice((1, 1, 2, 17, 10_000))

    def failing(self) -> Failing:
        since = self.past(timedelta()) if self.chance.random() < 0.7 else None
        return Failing(self.chance.choice(CAUSES), self.count(), self.name(), since, self.coming())

    def finished(self) -> Snapshot:
        differences = dict(self.listed.pop("differences", []))
        return Snapshot(
            **self.values, **{name: tuple(each) for name, each in self.listed.items()}, differences=differences
        )


Reason = Callable[[Making], None]


def _answers() -> frozenset[str]:
    """Every answer of the endpoint but the acknowledgement, and what stops it before it answers."""
    told = {each.reason or each.status for each in vars(webhook).values() if isinstance(each, Answer)}
    more = {"payload", "secret_organisation", "unforeseen", "disk", "backlog", "not_thought_of"} | STORE_CODES
    return frozenset(told | more) - IGNORED - {WRONG_SIGNATURE, NOT_FOUND, "unavailable"} | {"unavailable"}


def _set(**values: Callable[[Making], Any]) -> Reason:
    def apply(making: Making) -> None:
        making.values |= {name: make(making) for name, make in values.items()}

    return apply


def _added(name: str, make: Callable[[Making], Any]) -> Reason:
    return lambda making: making.add(name, make(making))


def _refused(reason: str) -> Reason:
    def make(making: Making) -> SeenSource:
        least = LIMITS.signatures_refused if reason == WRONG_SIGNATURE else 1
        until = making.coming()
        return SeenSource(
            making.name(),
            NOW,
            refused={reason: least + making.count() - 1},
            refused_until={reason: until} if until else {},
        )

    return _added("sources", make)


def _of_store(code: Code) -> Reason:
    vanished = (GONE, REPLACED, EMPTIED, ANOTHER, OLD_LOG, LOG_MISSING)
    causes = {Code.STORE_UNREACHABLE: tuple(Cause), Code.STORE_VANISHED: vanished}

    def apply(making: Making) -> None:
        making.values |= {"store": code, "store_cause": making.chance.choice(causes.get(code, ("",)))}

    return apply


def _set_aside(reason: str) -> Reason:
    return _added(
        "set_aside", lambda m: SetAside(reason, m.name(), m.count(), m.past(timedelta()), m.chance.random() < 0.1)
    )


def _unheard(making: Making) -> None:
    making.add("sources", SeenSource(making.name()))
    making.values["to_unknown"] = making.count()


REFUSED: Mapping[str, Reason] = {
    **{f"store: {code}": _of_store(code) for code in Code if code in STORE_CODES},
    **{f"refused: {reason}": _refused(reason) for reason in sorted(_answers())},
    "no room": _set(disk=lambda m: Disk(m.chance.randrange(4 * MIB), m.chance.choice((10, 100, 10**6)) * MIB)),
    "backlog": _set(backlog=lambda m: 1.0),
    "nobody listens": _set(web_beat_at=lambda m: m.past(LIMITS.web_silent)),
    "an address of nobody's": _unheard,
    "a signed webhook for nobody": _set(misdirected=Making.count),
    "signed by an unknown secret": _set(signed_to_unknown=lambda m: LIMITS.signed_to_unknown - 1 + m.count()),
}
"""Why rightly signed webhooks are refused."""
FORGED: Mapping[str, Reason] = {"forged": _refused(WRONG_SIGNATURE)}
NOT_WRITTEN: Mapping[str, Reason] = {
    "must adopt": _set(must_adopt=lambda _: True),
    "record behind": _set(must_adopt=lambda _: True, behind_since=lambda m: m.past(timedelta())),
    "marker unusable": _set(marker=lambda m: m.chance.choice((UNREADABLE, UNWRITABLE))),
    "uninstalled": _set(uninstalled_at=lambda m: m.past(timedelta())),
    "dry run": _set(dry_run=lambda _: True),
    "worker dead": _set(worker_beat_at=lambda m: m.past(LIMITS.worker_silent + LIMITS.worker_restart)),
    "no web ever": _set(web_beat_at=lambda _: None, started_at=lambda m: m.past(LIMITS.web_silent)),
    "no worker ever": _set(worker_beat_at=lambda _: None, started_at=lambda m: m.past(LIMITS.worker_silent)),
    "workers die": _set(worker_deaths=lambda m: LIMITS.worker_deaths + m.count()),
    "server fails": _added("servers", lambda m: SeenServer(m.name(), m.chance.choice(CAUSES), m.past(timedelta()))),
    "server waits": _added(
        "servers", lambda m: SeenServer(m.name(), waits_until=NOW + m.chance.random() * 10 * MINUTE)
    ),
    "mailbox fails": _added("mailboxes", Making.failing),
    "another installation": _added("others", Making.failing),
    "entry given up": _added("entries", Making.failing),
    "another installation's entries": _added("others", Making.failing),
    "entry retried": _added("retried", Making.failing),
    "event fails": _added("events", Making.failing),
    "late": _set(oldest_due_at=lambda m: m.past(LIMITS.change_late)),
    "rules held": _set(removals_held=Making.count),
    "calendar lost": _set(calendars_lost=lambda m: {m.name(): m.count()}),
    "platform lost": _set(platforms_lost=lambda m: {m.name(): m.count()}),
    "source lost": _set(sources_lost=lambda m: {m.name(): m.count()}),
    "agents unmapped": _set(agents_unmapped=Making.count),
    "out of scope": _set_aside("scope"),
    "webhooks held": _set_aside("removal"),
    "cancellations marked": _set_aside("cancellation"),
    **{
        f"differs: {kind}": _added("differences", lambda m, kind=kind: (kind, m.count()))
        for kind in ("missing", "doubled", "foreign", "orphaned")
    },
}
"""Why an entry is not where it should be."""
BEFORE_LONG: Mapping[str, Reason] = {
    "configuration refused": _added(
        "refusals", lambda m: RefusedConfiguration("worker/host", m.chance.choice(("csv", "file")), m.past(timedelta()))
    ),
    "token key": _set(token_key=lambda _: "token_key_unreadable"),
    "nobody sends alerts": _set(has_recipients=lambda _: True, watch_beat_at=lambda m: m.past(LIMITS.worker_silent)),
    "no watch ever": _set(
        has_recipients=lambda _: True,
        watch_beat_at=lambda _: None,
        started_at=lambda m: m.past(LIMITS.worker_silent),
    ),
    "nobody is alerted": _added("unreached", lambda m: Unreached("alerts.to[0]", m.past(timedelta()))),
    "all is ignored": _added("sources", lambda m: SeenSource(m.name(), refused={m.chance.choice(sorted(IGNORED)): 1})),
    "source silent": _added("sources", lambda m: SeenSource(m.name(), m.past(timedelta()), LIMITS.source_silent)),
    "certificate": _added(
        "servers", lambda m: SeenServer(m.name(), certificate_until=NOW + m.chance.random() * timedelta(days=29))
    ),
    "clock": _added(
        "servers", lambda m: SeenServer(m.name(), clock_ahead=m.chance.choice((-1, 1)) * timedelta(hours=1))
    ),
    "room is low": _set(disk=lambda m: Disk(150 * MIB, m.chance.choice((2, 50, 900)) * 1024 * MIB)),
    "backlog grows": _set(backlog=lambda m: 0.8 + 0.19 * m.chance.random()),
}
"""What must not look well either, as it ends so."""
REASONS = REFUSED | FORGED | NOT_WRITTEN | BEFORE_LONG


def harmless(making: Making) -> None:
    """Add what is no reason for anything."""
    chance = making.chance
    making.values |= {
        "web_beat_at": NOW - chance.random() * 0.9 * LIMITS.web_silent,
        "worker_beat_at": NOW - chance.random() * 0.9 * LIMITS.worker_silent,
        "worker_deaths": chance.randrange(LIMITS.worker_deaths),
        "started_at": making.past(timedelta()),
        **chance.choice(
            (
                {"has_recipients": False, "watch_beat_at": chance.choice((None, making.past(timedelta())))},
                {"has_recipients": True, "watch_beat_at": NOW - chance.random() * 0.9 * LIMITS.worker_silent},
            )
        ),
        "oldest_due_at": chance.choice((None, NOW - chance.random() * 0.9 * LIMITS.change_late)),
        "backlog": chance.choice((None, 0.0, 0.7)),
        "disk": chance.choice((None, Disk(60 * MIB, 100 * MIB), Disk(290 * 10**9, 10**13), Disk(10**12, 10**12))),
        "audited_at": NOW - timedelta(hours=7),
    }
    refused = {WRONG_SIGNATURE: chance.randrange(LIMITS.signatures_refused)} | dict.fromkeys(IGNORED, 900)
    making.add("sources", SeenSource("mds", NOW - timedelta(days=2), timedelta(hours=7), refused))
    making.add(
        "servers", SeenServer("exchange", certificate_until=NOW + timedelta(days=31), clock_ahead=timedelta(minutes=2))
    )
    making.add("differences", ("missing", 0))


def snapshot(seed: int, names: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Snapshot]:
    """Return the reasons of a snapshot, and the snapshot. Of ten without names given, one has no reason at all."""
    chance = Random(seed)
    making = Making(chance)
    harmless(making)
    if names is None:
        some = chance.choice((0, 1, 1, 1, 1, 2, 2, 3, 5, 12))
        names = tuple(chance.sample(sorted(REASONS), some))
    for name in names:
        REASONS[name](making)
    return names, making.finished()
