"""A batch comes to the same as its webhooks one after the other."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from receiver.core.facts import AgentNews, AgentRef, Delivery, Emitter, EventKind, Model, News, RoleNews, Version
from receiver.store import Incoming, Receipt, Store
from receiver.store.database.tables import agents, deliveries, event_agents, events, roles
from receiver.store.intake import judge_batch
from tests.makers import NOW, a_state, an_absence

AGES = st.sampled_from([0, 30, 60, 60, 3600, 11 * 86_400, -300])
IDENTS = st.sampled_from(["31", "32", "33"])
EMAILS = st.sampled_from(
    ["a@departement.example", "b@departement.example", "agent_31@deleted.rdv-solidarites.fr", None]
)
KINDS = st.sampled_from(list(EventKind))
REFS = st.builds(AgentRef, IDENTS, EMAILS)
VERSIONS = st.builds(lambda kind, age: Version(kind, NOW - timedelta(seconds=age)), KINDS, AGES)


@st.composite
def a_delivery(draw: st.DrawFn) -> Delivery:
    version = draw(VERSIONS)
    destroyed = version.kind is EventKind.DESTROYED
    model = draw(st.sampled_from([Model.RDV, Model.RDV, Model.ABSENCE]))
    state = a_state(motif=draw(st.sampled_from("AB"))) if model is Model.RDV else an_absence()
    return Delivery(
        model=model,
        wire_id=draw(st.sampled_from([1, 2, 3, None])),
        uuid=draw(st.sampled_from(["u1", "u2", "u3", None])),
        organisation=12,
        version=version,
        purge=draw(st.booleans()),
        state=None if destroyed else state,
        agents=() if destroyed else tuple(draw(st.lists(REFS, max_size=3))),
    )


NEWS: st.SearchStrategy[News] = st.one_of(
    a_delivery().filter(lambda each: each.wire_id is not None or each.uuid is not None),
    a_delivery().filter(lambda each: each.wire_id is not None or each.uuid is not None),
    st.builds(AgentNews, REFS, VERSIONS),
    st.builds(RoleNews, st.integers(1, 2), REFS, st.just(12), VERSIONS),
)


@st.composite
def batches(draw: st.DrawFn) -> list[Incoming]:
    drawn = draw(st.lists(st.tuples(NEWS, st.sampled_from(list(Emitter)), st.integers(0, 30)), min_size=1, max_size=14))
    return [
        Incoming(f"{number:032d}", "mds", "production", emitter, bytes([body]) * 16, news, NOW)
        for number, (news, emitter, body) in enumerate(drawn)
    ]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "rdv.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


def kept(empty: Path, batches: Sequence[Sequence[Incoming]]) -> tuple[list[Receipt], dict[str, list[dict[str, Any]]]]:
    with tempfile.TemporaryDirectory() as folder:
        return _kept(shutil.copy(empty, folder), batches)


def _kept(path: Path, batches: Sequence[Sequence[Incoming]]) -> tuple[list[Receipt], dict[str, list[dict[str, Any]]]]:
    url = f"sqlite:///{path}"
    store = Store(url)
    receipts = [receipt for batch in batches for receipt in store.write(judge_batch.take, batch, NOW)]
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = {
            table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
            for table in (events, event_agents, agents, roles, deliveries)
        }
    engine.dispose()
    store.close()
    return receipts, rows


@settings(max_examples=100, deadline=None)
@given(batch=batches())
def test_a_batch_comes_to_the_same_as_its_webhooks_one_after_the_other(empty: Path, batch: list[Incoming]) -> None:
    together, alone = kept(empty, [batch]), kept(empty, [[each] for each in batch])
    unsettled = [{row["uid"] for row in rows["events"] if row.pop("unsettled_at")} for _, rows in (together, alone)]
    assert together == alone
    assert unsettled[0] >= unsettled[1], "settling once too often is harmless, once too seldom is not"
