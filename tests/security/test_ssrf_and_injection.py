"""Whom the program speaks to stands in its configuration, and what it asks of the database in its code.

No message names somebody else, or is a part of a question.
"""

import socket
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from receiver.store import Store, heartbeats
from receiver.store.intake import judge_batch
from receiver.store.reports import event_history, overview
from tests.cli.operator import Operator
from tests.core.samples import OTHER_SAMPLES, RDV_SAMPLES, edited, sample
from tests.makers import MARTINE, NOW, a_delivery, incoming
from tests.web.receiver_client import SECRET, Receiver

ADDRESSES = ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://127.0.0.1:25/", "//canari/"]


KEPT = {
    "model", "event", "timestamp", "payload_computed_at", "event_occurred_at", "starts_at", "ends_at", "uuid",
    "first_day", "end_day", "start_time", "end_time", "rrule", "status", "location_type", "ical_uid",
}  # fmt: skip


def with_texts(value: Any, text: str) -> Any:
    """Put a text in the place of all that are addresses, names or free."""
    if isinstance(value, dict):
        return {name: each if name in KEPT else with_texts(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [with_texts(each, text) for each in value]
    return text if isinstance(value, str) else value


@pytest.mark.threat(id="ssrf")
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_message_makes_the_program_call_anybody(
    address: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed ones too: links are shown, never followed."""
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: called.append(where))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: called.append(where))
    statuses = set()
    for name in [*RDV_SAMPLES, *OTHER_SAMPLES]:
        statuses.add(receiver.post(with_texts(sample(name), address)).status_code)
        headers = {"X-Lapin-Signature": "0", "Host": "canari", "X-Forwarded-Host": "canari", "Referer": address}
        statuses.add(receiver.post(sample(name), headers=headers).status_code)
    assert statuses <= {200, 202, 401, 422}
    assert called == []


SQL = [
    "'; DROP TABLE events; --",
    "' OR 1=1 --",
    '" OR ""="',
    "%",
    "_",
    "\\",
    "x' || (SELECT digest_key) || '",
    "$1",
    ":name",
]


@pytest.mark.threat(id="sql-injection")
@pytest.mark.parametrize("text", SQL)
def test_no_text_is_a_part_of_a_statement(text: str, store: Store, store_url: str) -> None:
    agent = replace(MARTINE, ident="77", email=f"{text.lower()}@departement.example")
    told = a_delivery(agents=(agent,), motif=text, verticale=text, agent_url=text)
    store.write(judge_batch.take, [replace(incoming(told), source=text, platform=text)], NOW)
    store.read(overview.failures, store.now())
    store.read(overview.mailbox_page, text, 10, failing=False)
    store.read(event_history.history, 4330, 10)
    store.write(heartbeats.beat, text, NOW)
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert {"events", "placements", "installation"} <= set(inspect(connection).get_table_names())
    engine.dispose()
    assert [agent.email for agent in store.read(overview.unmapped_agents, NOW, 10)] in ([agent.email], [])


@pytest.mark.threat(id="sql-injection")
def test_a_sign_that_stands_for_any_letter_stands_for_itself(operator: Operator) -> None:
    """`purge --agent %@departement.example` must not forget everybody."""
    operator.store.write(judge_batch.take, [incoming(a_delivery())], NOW)
    before = _rows(operator)
    for email in ("%@departement.example", "_artine.agent@departement.example"):
        operator.run("purge", "--agent", email)
    assert _rows(operator) == before


def _rows(operator: Operator) -> int:
    engine = create_engine(operator.url)
    with engine.connect() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM agents").scalar_one()
    engine.dispose()
    assert count
    return count


@pytest.mark.threat(id="template-injection")
def test_no_text_is_a_template(receiver: Receiver) -> None:
    document = edited(sample("rdv-2024-created"), "data.motif.name", "{{ 7 * 191 }}{config}%(password)s")
    assert receiver.post(document, secret=SECRET).status_code == 202
    assert "1337" not in repr(receiver.dump())
