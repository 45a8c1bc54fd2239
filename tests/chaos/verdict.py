"""What must be left in the end, and what is: calendars against the oracle, the store against both, and the canary."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from connectors.base import PROPERTY_SET_ID
from receiver.store.database.engine import close_engine, open_engine, reading
from receiver.store.database.tables import events, installation, mailboxes, metadata, placements
from receiver.store.work.placements import placement_of
from tests.chaos.deployment import Deployment
from tests.chaos.exchange import Exchange
from tests.chaos.workload import CANARY, DOMAIN
from tests.convergence.authorities import INSERTION as INSERTION_EMITTER
from tests.convergence.authorities import RSP
from tests.convergence.emitters import BOUND, INSERTION, Job
from tests.convergence.oracle import Choices, Directory, Oracle, Shown

HORIZON = timedelta(days=120)
AT_MOST = 5
"""Examples of each violation; the count is told beside."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the store says of one event in one mailbox."""

    mailbox: str
    uid: str
    item_id: str | None
    there: bool
    """The calendar confirmed the content that is wanted, or there is none and none is wanted."""
    at_rest: bool
    """Nothing is in doubt, no write is without an outcome."""
    gave_up: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store says."""

    installation: str
    unsettled: int
    records: Sequence[Record]

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing left to do."""
        return not self.unsettled and all(record.there and record.at_rest for record in self.records)


def read_store(url: str) -> Kept:
    """Look into the store, past the receiver.

    Raises:
        StoreUnavailable: it is away.

    """
    engine = open_engine(url)
    try:
        with reading(engine, snapshot=True) as connection:
            rows = connection.execute(
                select(placements, events.c.uid, mailboxes.c.address)
                .join(events, events.c.id == placements.c.event_id)
                .join(mailboxes, mailboxes.c.id == placements.c.mailbox_id)
            ).mappings()
            records = [_record(row) for row in rows]
            unsettled = connection.scalar(select(func.count()).where(events.c.unsettled_at.is_not(None)))
            return Kept(connection.scalar(select(installation.c.id)) or "", unsettled or 0, records)
    finally:
        close_engine(engine)


def _record(row: Any) -> Record:
    placement = placement_of(row)
    open_ends = placement.in_doubt or placement.attempted is not None or placement.open_creates != 0
    return Record(
        mailbox=row["address"],
        uid=placement.uid,
        item_id=placement.item_id,
        there=placement.applied == placement.desired,
        at_rest=not open_ends,
        gave_up=placement.gave_up,
        wanted=placement.desired is not None,
    )


def expected(acknowledged: Iterable[Job], began: datetime) -> dict[str, Counter[Shown]]:
    """Return what every mailbox must show, by the acknowledged webhooks alone."""
    oracle = Oracle(Choices(), Directory({}, {DOMAIN: DOMAIN}), began, timedelta(days=30))
    for job in acknowledged:
        emitter = INSERTION_EMITTER if job.source == INSERTION else RSP
        oracle.receive(job.source, emitter, BOUND[job.source], job.body)
    oracle.release([each for each in oracle.asides if each.model == "Absence"])  # as the drill's operator does
    return oracle.expected(began + HORIZON)


def shown(server: Exchange, addresses: Iterable[str], began: datetime) -> dict[str, Counter[Shown]]:
    """Return what every mailbox shows; an empty one is left out."""
    start, end = began - timedelta(days=30), began + HORIZON
    seen = {address: Counter(server.shown(address, start, end)) for address in addresses}
    return {address: times for address, times in seen.items() if times}


def violations(
    opened: Deployment, addresses: Sequence[str], wanted: dict[str, Counter[Shown]], began: datetime
) -> list[str]:
    """Return everything that is not as it must be, in words that name nobody but agents."""
    kept = read_store(opened.store_url)
    seen = shown(opened.exchange, addresses, began)
    items = {address: opened.exchange.items(address) for address in addresses}
    return [
        *_calendars(seen, wanted),
        *_marks(items, kept),
        *_store(items, kept),
        *_canaries(opened, items),
        *_complaints(opened),
    ]


def _calendars(seen: dict[str, Counter[Shown]], wanted: dict[str, Counter[Shown]]) -> Iterator[str]:
    nothing: Counter[Shown] = Counter()
    for address in sorted(seen.keys() | wanted.keys()):
        has, should = seen.get(address, nothing), wanted.get(address, nothing)
        yield from _some(f"{address}: missing", sorted((should - has).elements()))
        yield from _some(f"{address}: too many", sorted((has - should).elements()))


def _marks(items: dict[str, list[dict[str, Any]]], kept: Kept) -> Iterator[str]:
    for address, found in items.items():
        living = [item for item in found if item["folder"] != "deleteditems"]
        uids = Counter(_mark(item, "RdvUid") for item in living)
        yield from _some(f"{address}: doubled", [uid for uid, times in uids.items() if times > 1])
        strange = [item["folder"] for item in living if _mark(item, "RdvInstallation") != kept.installation]
        yield from _some(f"{address}: not ours", strange)


def _store(items: dict[str, list[dict[str, Any]]], kept: Kept) -> Iterator[str]:
    yield from _some("store: unsettled events", [str(kept.unsettled)] if kept.unsettled else [])
    yield from _some("store: not applied", [_of(r) for r in kept.records if not r.there])
    yield from _some("store: in doubt", [_of(r) for r in kept.records if not r.at_rest])
    yield from _some("store: gave up", [_of(r) for r in kept.records if r.gave_up])
    recorded = {(r.mailbox, r.uid, r.item_id) for r in kept.records if r.wanted and r.there}
    there = {
        (address, _mark(item, "RdvUid"), item["item_id"])
        for address, found in items.items()
        for item in found
        if item["folder"] != "deleteditems"
    }
    yield from _some("store: recorded and not there", sorted(map(str, recorded - there)))
    yield from _some("store: there and not recorded", sorted(map(str, there - recorded)))


def _canaries(opened: Deployment, items: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    word = CANARY.encode()
    places = [path.name for path in _files(opened) if word in path.read_bytes()]
    yield from _some("canary in a file", places)
    yield from _some("canary in the store", list(_tables_with_canaries(opened.store_url)))
    yield from _some("canary in a mailbox", [box for box, found in items.items() if CANARY in json.dumps(found)])


def _files(opened: Deployment) -> Iterator[Path]:
    for folder in (opened.folder, *([opened.disk.folder] if opened.disk else [])):
        yield from (path for path in folder.glob("*") if path.is_file() and path.name != "disk.img")


def _tables_with_canaries(url: str) -> Iterator[str]:
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            for table in metadata.sorted_tables:
                if any(CANARY in str(tuple(row)) for row in connection.execute(select(table))):
                    yield table.name
    finally:
        close_engine(engine)


def _complaints(opened: Deployment) -> Iterator[str]:
    state = opened.exchange.state()
    yield from _some("Exchange: crashed", state["crashes"])
    yield from _some("Exchange: mails sent", ["mail"] * state["mails_sent"])
    lines = (opened.folder / "receiver.log").read_text("utf-8", "replace").splitlines()
    yield from _some("log: unforeseen", [line for line in lines if '"event": "unforeseen"' in line])


def _some(what: str, examples: Sequence[object]) -> Iterator[str]:
    if examples:
        yield f"{what} ({len(examples)}): " + "; ".join(str(each) for each in examples[:AT_MOST])


def _of(record: Record) -> str:
    return f"{record.uid} in {record.mailbox}"


def _mark(item: dict[str, Any], name: str) -> str | None:
    """Return one of our properties on an item."""
    found = [p["value"] for p in item["extended"] if p["set"] == PROPERTY_SET_ID.lower() and p["name"] == name]
    return found[0] if found else None
