"""Webhooks that come to an address that is not quite a source's, and what is left of them."""

from datetime import timedelta
from typing import Any

import pytest

from receiver.core.troubles import Code, Trouble
from receiver.operations.status import status
from receiver.store import Store, counters
from receiver.web.webhook import _Reception
from tests.core.samples import as_body
from tests.makers import NOW
from tests.web.receiver_client import RDV, SECRET, SOURCES, Receiver, hex_signature, settings_of


def post(receiver: Receiver, path: str) -> int:
    body = as_body(RDV)
    headers = {"X-Lapin-Signature": hex_signature(body, SECRET)}
    answer = receiver.request("POST", path, data=body, headers=headers, content_type="application/json")
    assert answer.mimetype == "application/json"
    return answer.status_code


def told(store: Store) -> list[Trouble]:
    return [each for each in status(settings_of(*SOURCES), store, NOW).troubles if each.code is Code.ADDRESS_UNKNOWN]


def test_a_slash_at_the_end_is_the_same_address(receiver: Receiver) -> None:
    assert post(receiver, "/webhooks/mds/") == 202


@pytest.mark.threat(id="strangers-paths")
@pytest.mark.parametrize(
    "path",
    [
        "/webhooks",
        "/webhooks/",
        "/webhooks/MDS",
        "/webhooks/mds//",
        "/webhooks//mds",
        "/Webhook/mds",
        "/webhooks/mds/x",
        "/webhooks/é",
    ],
)
def test_what_comes_to_nobody_is_counted_without_its_words(receiver: Receiver, path: str) -> None:
    assert post(receiver, path) == 404
    assert receiver.flush_refusals() == {("?", "not_found"): 1}


def test_it_is_told_while_a_source_was_never_heard_and_no_longer(receiver: Receiver) -> None:
    assert post(receiver, "/webhooks/a-stranger-s-words") == 404
    receiver.flush_refusals()
    [trouble] = told(receiver.store)
    assert (trouble.subject, trouble.count) == ("", 1)
    assert trouble.until is not None
    assert timedelta(hours=24) <= trouble.until - NOW <= timedelta(hours=25)
    receiver.store.write(counters.record, {}, {f"seen/{source.name}": 1 for source in SOURCES}, NOW)
    assert told(receiver.store) == []


def test_a_webhook_that_meets_a_defect_is_counted_as_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a payload's words")

    monkeypatch.setattr(_Reception, "answer", broken)
    assert post(receiver, "/webhooks/mds") == 500
    assert receiver.flush_refusals() == {("mds", "unforeseen"): 1}
    found = status(settings_of(*SOURCES), receiver.store, NOW).troubles
    assert [(each.code, each.cause) for each in found if each.subject == "mds"] == [
        (Code.WEBHOOKS_REFUSED, "unforeseen")
    ]
