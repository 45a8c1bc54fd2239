"""Steps that several tests of the worker take, and looks into what they left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import create_engine, select

from receiver.core.facts import AgendaState, News
from receiver.operations import rules
from receiver.store import Verdict
from receiver.store.database.tables import metadata
from receiver.store.intake import judge_batch
from receiver.store.work import rulesets
from tests.lab.worker_harness import WorkerHarness
from tests.makers import MARTINE, a_slot, incoming


def hear(harness: WorkerHarness, news: News) -> Verdict:
    """One webhook, of whatever it tells, comes in now and is settled."""
    [receipt] = harness.store.write(judge_batch.take, [incoming(news)], harness.store.moment)
    harness.settle()
    return receipt.verdict


def slot(harness: WorkerHarness, state: AgendaState, age_s: float = 60, **how: Any) -> Verdict:
    """A state of an absence or a plage comes in."""
    return hear(harness, a_slot(state, age_s, now=harness.store.moment, **{"agent": MARTINE, **how}))


def propose(harness: WorkerHarness, *, confirmed: bool = False) -> rules.Proposal:
    """What a worker does with the settings when it starts or reloads; it then follows what is in force."""
    proposal = rules.propose(harness.store, harness.settings.ruleset(), harness.store.moment, confirmed=confirmed)
    follow(harness)
    return proposal


def follow(harness: WorkerHarness) -> None:
    in_force = harness.store.read(rulesets.in_force)
    assert in_force is not None
    harness.crew.ruleset = in_force.ruleset


def remap(harness: WorkerHarness, **changes: Any) -> None:
    """Change the mapping of the settings; nobody follows it yet."""
    harness.settings = harness.settings.replace(mailboxes=replace(harness.settings.mailboxes, **changes))


def posts(harness: WorkerHarness, since: int = 0) -> list[tuple[str, str | None]]:
    """Verb and mailbox of each POST, in order."""
    return [(each.verb, each.mailbox) for each in harness.exchange.requests[since:]]


def shown(harness: WorkerHarness, mailbox: str, days: int = 400) -> list[Any]:
    """The occurrences that the calendar shows from now on."""
    start = harness.store.moment - timedelta(days=60)
    return harness.exchange.occurrences(mailbox, start, start + timedelta(days=days))


def dump(harness: WorkerHarness) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    engine = create_engine(harness.settings.store.address)
    with engine.connect() as connection:
        tables = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return tables
