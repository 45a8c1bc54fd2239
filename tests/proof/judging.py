"""Judging: every order, and every repeat, of up to some states of one event, and what each order comes to.

The states go through the real intake (`receiver/store/intake/judge_batch.py`, with `receiver/core/facts.py` and
`receiver/core/scope.py` under it) on SQLite in memory, one transaction for each group of states, a savepoint for each
arrival. Two arrivals that leave the same rows are continued once. A state may be repeated at any point, any number of
times, with the same bytes or with others.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, event, select

from receiver.core.facts import Delivery, Emitter, EventKind, Model
from receiver.core.scope import Authority
from receiver.store import Incoming, Verdict
from receiver.store.database.records import write_facts, write_news
from receiver.store.database.tables import events, metadata, set_aside
from receiver.store.intake import judge_batch
from tests.makers import NOW, incoming


@dataclass(frozen=True)
class Arrival:
    """One state of the event, as it may arrive."""

    name: str
    delivery: Delivery
    emitter: Emitter = Emitter.RDV_SERVICE_PUBLIC
    authority: Authority | None = None

    @property
    def is_end(self) -> bool:
        """Whether the event is destroyed."""
        return self.delivery.version.kind is EventKind.DESTROYED

    def webhook(self, *, again: bool = False) -> Incoming:
        """Return it on its way in: always the same bytes, or, with `again`, others that say the same."""
        came = incoming(
            self.delivery, emitter=self.emitter, body=None if again else self.name.encode(), source=self.emitter
        )
        return replace(came, authority=self.authority, signed_by=self.authority.text if self.authority else "")


class Known(NamedTuple):
    """What is known of the event after some arrivals."""

    state: str
    """Name of the arrival that is the newest; empty: none was taken in."""
    organisation: int | None = None
    tellers: frozenset[str] = frozenset()
    never_known: bool = False
    waits: frozenset[str] = frozenset()
    """Names of the arrivals that are set aside."""


Set = frozenset[str]
MANY = 5
"""States of one event that are judged in every order."""


@dataclass
class Orders:
    """What every order of every set of arrivals comes to."""

    outcomes: dict[Set, set[Known]] = field(default_factory=dict)
    arrivals: int = 0
    """How many were judged."""
    restless: list[str] = field(default_factory=list)
    """Repeats with the same bytes that changed something."""
    revived: dict[Set, set[tuple[str, Known, Known]]] = field(default_factory=dict)
    """Repeats with other bytes that changed what is known: which, from what, to what."""
    trespasses: list[str] = field(default_factory=list)
    """Arrivals that changed an event which others had, though their authority does not speak for it."""


@contextmanager
def _store() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    # SQLite's driver would open transactions by itself, and know nothing of savepoints.
    event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


class _Walk:
    """Every order, depth first: what was judged is taken back by a savepoint."""

    def __init__(self, connection: Connection, pool: Sequence[Arrival], most: int) -> None:
        self._connection = connection
        self._pool = pool
        self._most = most
        self._met: set[tuple[Set, Known]] = set()
        self.orders = Orders()

    def go_on(self, arrived: Set, known: Known) -> None:
        """Go on from a state of the store in every way."""
        self._met.add((arrived, known))
        self.orders.outcomes.setdefault(arrived, set()).add(known)
        for arrival in self._pool:
            if arrival.name in arrived:
                self._repeat(arrived, known, arrival)
            elif len(arrived) < self._most:
                self._arrive(arrived, known, arrival)

    def _arrive(self, arrived: Set, known: Known, arrival: Arrival) -> None:
        after = self._hear(arrival.webhook(), arrived | {arrival.name})
        if (
            _is_anothers(known, arrival)
            and not self._repeats(known, arrival)
            and self._says(after) != self._says(known)
        ):
            self.orders.trespasses.append(f"{sorted(arrived)}: {arrival.name}, {known} to {after}")

    def _repeat(self, arrived: Set, known: Known, arrival: Arrival) -> None:
        if (after := self._heard(arrival.webhook())) != known:
            self.orders.restless.append(f"{sorted(arrived)}: {arrival.name} again, {known} to {after}")
        after = self._hear(arrival.webhook(again=True), arrived)
        if after.state != known.state:
            self.orders.revived.setdefault(arrived, set()).add((arrival.name, known, after))

    def _repeats(self, known: Known, arrival: Arrival) -> bool:
        """Whether others say the same of an absence: it is theirs too then, and what they said before counts."""
        told, is_absence = arrival.delivery, arrival.delivery.model is Model.ABSENCE
        return is_absence and not arrival.is_end and (told.state, told.agents) == self._says(known)[:2]

    def _says(self, known: Known) -> tuple[object, ...]:
        """Return what is shown, and to whom it belongs."""
        told = next((each.delivery for each in self._pool if each.name == known.state), None)
        return told and told.state, told and told.agents, known.organisation

    def _heard(self, webhook: Incoming) -> Known:
        savepoint = self._connection.begin_nested()
        self._judge(webhook)
        known = self._known()
        savepoint.rollback()
        return known

    def _hear(self, webhook: Incoming, arrived: Set) -> Known:
        savepoint = self._connection.begin_nested()
        self._judge(webhook)
        known = self._known()
        if (arrived, known) not in self._met:
            self.go_on(arrived, known)
        savepoint.rollback()
        return known

    def _judge(self, webhook: Incoming) -> Verdict:
        self.orders.arrivals += 1
        [receipt] = judge_batch.take(self._connection, [webhook], NOW)
        return receipt.verdict

    def _known(self) -> Known:
        rows = self._connection.execute(select(events)).mappings().all()
        waiting = self._connection.execute(select(set_aside)).mappings()
        waits = frozenset(self._name_of_news(row["emitter"], row["news"], row["authority"]) for row in waiting)
        if not rows:
            return Known("", waits=waits)
        [row] = rows
        return Known(
            self._name_of_state(tuple(row[name] for name in _STATE)),
            row["organisation"],
            frozenset((row["tellers"] or "").split("|")) - {""},
            row["never_known"],
            waits,
        )

    def _name_of_news(self, emitter: str, news: str, authority: str | None) -> str:
        return next(
            each.name
            for each in self._pool
            if (each.emitter, write_news(each.delivery)[1]) == (emitter, news)
            and (each.authority.text if each.authority else None) == authority
        )

    def _name_of_state(self, columns: tuple[object, ...]) -> str:
        return next(each.name for each in self._pool if _columns(each) == columns)


_STATE = ("emitter", "kind", "state_at", "occurred_at", "organisation", "facts")


def _columns(arrival: Arrival) -> tuple[object, ...]:
    told, version = arrival.delivery, arrival.delivery.version
    return (
        arrival.emitter,
        version.kind,
        version.state_at,
        version.occurred_at,
        told.organisation,
        write_facts(told.state),
    )


def every_order(pool: Sequence[Arrival], most: int) -> Orders:
    """Judge up to `most` arrivals of a pool in every order, with every repeat."""
    with _store() as connection:
        walk = _Walk(connection, pool, most)
        walk.go_on(frozenset(), Known(""))
        return walk.orders


def _is_anothers(known: Known, arrival: Arrival) -> bool:
    """Whether an event is known to be of others than an authority speaks for, by its facts and not by a claim."""
    if not known.state or known.never_known or arrival.authority is None:
        return False
    if arrival.delivery.model is Model.ABSENCE:
        return not arrival.authority.meets([Authority.read(text) for text in known.tellers])
    return not arrival.authority.covers(known.organisation)
