"""What people typed, from the message to the calendar: whole, or without what may not be there."""

import json
from datetime import timedelta
from typing import Any

import pytest

from receiver.core.facts import Delivery, Emitter
from receiver.core.payload import decode
from receiver.core.policies import Policies
from tests.core.samples import edited, sample
from tests.core.test_text import WHOLE
from tests.lab.worker_harness import WorkerHarness
from tests.worker.steps import hear

RDV = sample("rdv-2024-created")


def told(harness: WorkerHarness, motif: str, place: str, *, escaped: bool) -> None:
    now = harness.store.moment
    document: Any = edited(edited(RDV, "data.motif.name", motif), "data.lieu.name", place)
    for path, moment in (("data.starts_at", timedelta(days=6)), ("data.ends_at", timedelta(days=6, hours=1))):
        document = edited(document, path, f"{now + moment:%Y-%m-%d %H:%M:%S} +0000")
    document = edited(document, "meta.timestamp", f"{now:%Y-%m-%d %H:%M:%S} +0000")
    body = json.dumps(document, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    news = decode(body, Emitter.RDV_SERVICE_PUBLIC, Policies())
    assert isinstance(news, Delivery)
    hear(harness, news)


@pytest.mark.parametrize("escaped", [True, False])
def test_emoji_of_any_age_arrive_whole(harness_on_each: WorkerHarness, escaped: bool) -> None:
    text = " ".join(WHOLE)
    told(harness_on_each, f"Atelier {text}", f"Salle {text}", escaped=escaped)
    harness_on_each.work()
    [item] = harness_on_each.items()
    assert item.subject == f"Atelier {text}"
    assert item.location.startswith(f"Salle {text}, ")


@pytest.mark.threat(id="forbidden-characters")
def test_what_xml_forbids_costs_no_entry(harness: WorkerHarness) -> None:
    """Half letters, characters that are none, controls: one of them would make a whole batch unreadable."""
    forbidden = "\udee8\ud83e\ufffe\uffff\ufdd0\0\x0b\x1f\x9b\U0010ffff"
    told(harness, f"Atelier{forbidden} parents", f"Salle{forbidden} 3", escaped=True)
    harness.work()
    [item] = harness.items()
    assert (item.subject, item.location[:7]) == ("Atelier parents", "Salle 3")


def test_a_long_title_of_emoji_ends_with_a_whole_one(harness: WorkerHarness) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
    told(harness, family * 60, "Salle", escaped=True)
    harness.work()
    [item] = harness.items()
    assert item.subject.removesuffix("\u2026").replace(family, "") == ""
    assert 200 < len(item.subject.encode("utf-16-le")) // 2 <= 255
