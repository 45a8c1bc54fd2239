"""Webhooks that come to an address that is not quite a source's, and what is left of them."""

import io
from datetime import timedelta
from typing import Any

import pytest

from receiver.core.troubles import Code, Severity, Trouble
from receiver.operations.status import status
from receiver.store import Store, counters
from receiver.web.bodies import MAX_BODY_BYTES
from receiver.web.webhook import _Reception
from tests.core.samples import as_body
from tests.logs.captured import captured_logs
from tests.makers import NOW
from tests.web.receiver_client import INSERTION_SECRET, RDV, SECRET, SOURCES, Receiver, hex_signature, settings_of


def post(receiver: Receiver, path: str, secret: str | None = SECRET, method: str = "POST") -> int:
    body = as_body(RDV)
    headers = {"X-Lapin-Signature": hex_signature(body, secret)} if secret else {}
    answer = receiver.request(method, path, data=body, headers=headers, content_type="application/json")
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
    assert post(receiver, path, None) == 404
    assert receiver.flush_refusals() == {("?", "not_found"): 1}


def hear_all(receiver: Receiver) -> None:
    receiver.store.write(counters.record, {}, {f"seen/{source.name}": 1 for source in SOURCES}, NOW)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/webhooks/msd", 404),
        ("POST", "/webhooks", 404),
        ("POST", "/", 404),
        ("POST", "/mds", 404),
        ("POST", "/hooks/mds", 404),
        ("POST", "/rdv/webhooks/mds", 404),
        ("PUT", "/webhooks/mds", 405),
        ("POST", "/healthz", 405),
        ("DELETE", "/mds", 404),
    ],
)
def test_what_a_known_secret_signed_is_an_alarm_wherever_it_comes(
    receiver: Receiver, method: str, path: str, status: int
) -> None:
    hear_all(receiver)
    assert post(receiver, path, method=method) == status
    assert receiver.flush_refusals() == {("?", "signed_elsewhere"): 1}
    [trouble] = told(receiver.store)
    assert (trouble.severity, trouble.cause, trouble.count) == (Severity.ALARM, "signed_elsewhere", 1)
    assert trouble.until is not None


def test_rdv_insertion_s_signatures_count_too(receiver: Receiver) -> None:
    body = as_body(RDV)
    headers = {"X-RDVI-SIGNATURE": hex_signature(body, INSERTION_SECRET)}
    receiver.request("POST", "/rsa", data=body, headers=headers, content_type="application/json")
    assert receiver.flush_refusals() == {("?", "signed_elsewhere"): 1}


def test_what_an_unknown_secret_signed_is_told_from_the_fifth_on(receiver: Receiver) -> None:
    """As after a source was removed."""
    hear_all(receiver)
    for number in range(1, 6):
        assert told(receiver.store) == [], number
        assert post(receiver, "/webhooks/sud", "a secret of before") == 404
        assert receiver.flush_refusals() == {("?", "signed_unknown"): number}
    [trouble] = told(receiver.store)
    assert (trouble.severity, trouble.cause, trouble.count) == (Severity.WARNING, "signed_unknown", 5)


def test_what_is_no_webhook_s_address_and_signed_by_nobody_known_is_not_counted(receiver: Receiver) -> None:
    assert post(receiver, "/mds", "another") == 404
    assert post(receiver, "/mds", None) == 404
    assert post(receiver, "/webhooks/mds", None, "PUT") == 405
    assert receiver.flush_refusals() == {}


class Unreadable(io.RawIOBase):
    """A body that nobody may read."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise AssertionError("the body was read")


def unread(receiver: Receiver, headers: dict[str, str], path: str = "/mds", length: int = 1000) -> int:
    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(length), "CONTENT_TYPE": "application/json"}
    return receiver.request("POST", path, headers=headers, environ_overrides=environ).status_code


def test_no_body_is_read_without_a_signature_nor_a_larger_one_than_a_source_would(receiver: Receiver) -> None:
    assert unread(receiver, {}) == 404
    assert unread(receiver, {}, "/webhooks/nobody") == 404
    assert unread(receiver, {"Authorization": "Basic eDp5"}) == 404
    assert unread(receiver, {"X-Lapin-Signature": "0" * 64}, length=MAX_BODY_BYTES + 1) == 404
    assert unread(receiver, {"X-Lapin-Signature": "0" * 64}) == 500, "this one was read"


def test_nothing_of_a_lost_webhook_gets_into_log_or_store(receiver: Receiver) -> None:
    with captured_logs() as stream:
        assert post(receiver, "/hooks/a-stranger-s-words") == 404
        receiver.flush_refusals()
    written = stream.getvalue() + repr(receiver.dump())
    assert "signed_elsewhere" in written
    for word in ("a-stranger-s-words", SECRET, hex_signature(as_body(RDV), SECRET), "Fatoumata"):
        assert word not in written


def test_it_is_told_while_a_source_was_never_heard_and_no_longer(receiver: Receiver) -> None:
    assert post(receiver, "/webhooks/a-stranger-s-words", None) == 404
    receiver.flush_refusals()
    [trouble] = told(receiver.store)
    assert (trouble.subject, trouble.severity, trouble.cause, trouble.count) == ("", Severity.WARNING, "never_heard", 1)
    assert trouble.until is not None
    assert timedelta(hours=24) <= trouble.until - NOW <= timedelta(hours=25)
    hear_all(receiver)
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
