"""Steps that several tests of the worker take, and looks into what they left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import create_engine, select

from receiver.core.facts import AgendaState, News
from receiver.operations import rules
from receiver.store import Verdict
from receiver.store.database.tables import metadata
from tests.lab.worker_harness import Bench
from tests.makers import MARTINE, a_slot, incoming


def hear(bench: Bench, news: News) -> Verdict:
    """One webhook, of whatever it tells, comes in now and is settled."""
    [receipt] = bench.store.accept([incoming(news)], bench.store.moment)
    bench.settle()
    return receipt.verdict


def slot(bench: Bench, state: AgendaState, age_s: float = 60, **how: Any) -> Verdict:
    """A state of an absence or a plage comes in."""
    return hear(bench, a_slot(state, age_s, now=bench.store.moment, **{"agent": MARTINE, **how}))


def propose(bench: Bench, *, confirmed: bool = False) -> rules.Proposal:
    """What a worker does with the bench's settings when it starts or reloads; it then follows what is in force."""
    proposal = rules.propose(bench.store, bench.settings.ruleset(), bench.store.moment, confirmed=confirmed)
    follow(bench)
    return proposal


def follow(bench: Bench) -> None:
    in_force = bench.store.ruleset()
    assert in_force is not None
    bench.crew.ruleset = in_force.ruleset


def remap(bench: Bench, **changes: Any) -> None:
    """Change the mapping of the settings; nobody follows it yet."""
    bench.settings = replace(bench.settings, mailboxes=replace(bench.settings.mailboxes, **changes))


def posts(bench: Bench, since: int = 0) -> list[tuple[str, str | None]]:
    """Verb and mailbox of each POST, in order."""
    return [(each.verb, each.mailbox) for each in bench.exchange.requests[since:]]


def shown(bench: Bench, mailbox: str, days: int = 400) -> list[Any]:
    """The occurrences that the calendar shows from now on."""
    start = bench.store.moment - timedelta(days=60)
    return bench.exchange.occurrences(mailbox, start, start + timedelta(days=days))


def dump(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    engine = create_engine(bench.settings.store_url)
    with engine.connect() as connection:
        tables = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return tables
