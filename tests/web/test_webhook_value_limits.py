"""No signed value is longer, larger or stranger than what the database takes: it is refused, cut, or kept."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select

from receiver.core.mailboxes import MailboxMap
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.store.database.tables import events, inbox
from tests.core.samples import sample
from tests.web.receiver_client import INSERTION_SECRET, SECRET, Receiver, hex_signature

TEXTS = ["x" * 100_000, "é" * 400, "İ" * 254 + "@a.example", "a\0b@a.example", "a\ud800b@a.example"]
NUMBERS = [2**63, 10**300, -1]
MAPPING = MailboxMap("exchange", domains={"departement.example": "a" * 60 + ".example", "a.example": "a.example"})
RULES = Ruleset(MAPPING, {"mds": SourceRules(), "rsa": SourceRules()})


def places(document: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value that has no parts."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*way, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from places(value, (*way, number))
    else:
        yield way


def put(document: Any, way: tuple[Any, ...], value: object) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return changed


def left(receiver: Receiver) -> tuple[int, int]:
    """How many webhooks could not be judged, and how many events are not settled."""
    engine = create_engine(receiver.url)
    with engine.connect() as connection:
        waiting = connection.scalar(select(func.count()).select_from(inbox))
        unsettled = connection.scalar(
            select(func.count()).select_from(events).where(events.c.unsettled_at.is_not(None))
        )
    engine.dispose()
    return waiting or 0, unsettled or 0


SAMPLES = [
    "rdv-2024-created",
    "rdv-2024-collectif",
    "rdv-insertion-created",
    "absence-several-days",
    "plage-ouverture-weekly-across-dst",
    "agent-updated-new-email",
    "agent-role-destroyed",
]
NEVER_READ = {"users", "participations", "rdvs_users", "context"}


@pytest.mark.threat(id="database-limits")
@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_a_signed_value_is_it_is_judged_and_settled_or_refused(receiver: Receiver, name: str) -> None:
    document = sample(name)
    told = f"{receiver.now - timedelta(seconds=60):%Y-%m-%d %H:%M:%S %z}"
    document["meta"] |= {key: told for key in ("timestamp", "payload_computed_at") if document["meta"].get(key)}
    from_insertion = name.startswith("rdv-insertion")
    source, secret = ("rsa", INSERTION_SECRET) if from_insertion else ("mds", SECRET)
    header = "X-RDVI-SIGNATURE" if from_insertion else "X-Lapin-Signature"
    ways = [way for way in places(document) if not NEVER_READ & set(way)]
    answers = Counter[int]()
    for way, value in product(ways, [*TEXTS, *NUMBERS]):
        body = json.dumps(put(document, way, value)).encode()  # half letters are escapes in it
        answer = receiver.post(body, source=source, headers={header: hex_signature(body, secret)})
        assert answer.status_code in {200, 202, 422}, (way, value)
        answers[answer.status_code] += 1
    receiver.store.judge_all(receiver.now)
    while receiver.store.settle(lambda view: RULES.compute_desired(view, receiver.now), receiver.now):
        pass
    assert left(receiver) == (0, 0)
    assert answers[202] > len(ways)
    assert answers[422] > 10
