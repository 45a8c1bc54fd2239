"""One line for each webhook, made of codes, ids and counts: nothing that a payload or a stranger said."""

import re

import pytest

from receiver.store import counters
from tests.core.samples import as_body, edited, sample
from tests.logs.captured import captured_logs
from tests.makers import NOW
from tests.web.receiver_client import ARRAS_SECRET, LENS, RDV, SECRET, Receiver, hex_signature, lines

CANARY = "canari-7f3a"
PERSONAL = ["data.context", "data.address", "data.users.0.first_name", "data.users.0.phone_number", "data.created_by",
            "data.participations.0.user.email", "data.agents.0.first_name", "data.agents.0.last_name", "data.name",
            "data.organisation.name", "data.organisation.email", "data.lieu.phone_number", "data.visio_url",
            "data.motif.instruction_for_rdv"]  # fmt: skip


def with_canaries() -> object:
    document = RDV
    for path in PERSONAL:
        document = edited(document, path, CANARY)
    return document


def test_an_accepted_webhook_is_one_line_with_what_support_needs(receiver: Receiver) -> None:
    with captured_logs() as stream:
        receiver.post()
    [line] = lines(stream)
    delivery = line.pop("delivery")
    assert re.fullmatch("[0-9a-f]{32}", delivery)
    assert delivery in repr(receiver.dump()["inbox"]), "the same id leads from the log to the store"
    del line["ts"]
    assert line == {
        "level": "info",
        "event": "webhook",
        "log": "webhook",
        "source": "mds",
        "http_status": 202,
        "status": "accepted",
        "reason": None,
        "paths": None,
        "model": "Rdv",
        "kind": "created",
    }


def test_what_is_personal_is_neither_logged_nor_stored_nor_answered(receiver: Receiver) -> None:
    with captured_logs("DEBUG") as stream:
        answers = [receiver.post(with_canaries()), receiver.post(with_canaries())]
        answers.append(receiver.post(edited(with_canaries(), "data.id", CANARY)))
        answers.append(receiver.post(edited(with_canaries(), "meta.model", CANARY)))
        answers.append(receiver.post(edited(with_canaries(), "meta.timestamp", CANARY)))
        answers.append(receiver.post(with_canaries(), secret="wrong"))
        kept = repr(receiver.dump())
        assert len(receiver.store.judge(NOW)) == 2
    assert [answer.status_code for answer in answers] == [202, 202, 422, 200, 422, 401]
    assert CANARY not in stream.getvalue()
    assert not [answer for answer in answers if CANARY.encode() in answer.data]
    receiver.flush_refusals()
    assert CANARY not in kept + repr(receiver.dump())
    assert [line["level"] for line in lines(stream)] == ["info", "info", "warning", "info", "warning", "warning"]


@pytest.mark.threat(id="log-injection")
def test_what_a_stranger_sends_is_not_logged(receiver: Receiver) -> None:
    """A name in the address, headers, a query, a body: a log that repeats them can be written by anybody."""
    with captured_logs("DEBUG") as stream:
        responses = [
            receiver.post(source=CANARY),
            receiver.post(headers={"X-Lapin-Signature": CANARY, "User-Agent": CANARY, "X-Forwarded-For": CANARY}),
            receiver.request("POST", f"/webhooks/mds?{CANARY}={CANARY}", data=CANARY.encode()),
            receiver.request("GET", f"/{CANARY}"),
            receiver.post(content_type=f"text/{CANARY}"),
            receiver.post(f'{{"{CANARY}": 1}}'.encode()),
        ]
    assert [response.status_code for response in responses] == [404, 401, 415, 404, 415, 422]
    assert CANARY not in stream.getvalue()
    assert not [response for response in responses if CANARY.encode() in response.data]
    sources = [line["source"] for line in lines(stream)]
    assert sources == ["?", "mds", "mds", "mds", "mds"]
    assert CANARY not in repr(receiver.flush_refusals())


@pytest.mark.parametrize("secret", [SECRET, ARRAS_SECRET])
def test_no_secret_and_no_signature_is_logged(receiver: Receiver, secret: str) -> None:
    signature = hex_signature(as_body(RDV), secret)
    with captured_logs("DEBUG") as stream:
        receiver.post(secret=secret)
        receiver.post(source="bound", secret=secret)
    assert signature not in stream.getvalue()
    assert secret not in stream.getvalue()
    assert secret not in repr(receiver.app.extensions["receiver"].settings)


@pytest.mark.threat(id="error-pages")
def test_what_nobody_foresaw_is_answered_in_json_and_logged_without_its_words(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(receiver.store, "keep", break_down)
    with captured_logs("DEBUG") as stream:
        response = receiver.post()
    assert (response.status_code, response.json) == (500, {"status": "error"})
    [line] = lines(stream)
    assert (line["event"], line["error"]) == ("unforeseen", "RuntimeError")
    assert CANARY not in stream.getvalue()


# Counts of what was refused


@pytest.mark.threat(id="unpaid-work")
def test_refusals_are_counted_by_source_and_reason_without_a_commit_each(receiver: Receiver) -> None:
    receiver.post(source=CANARY)
    receiver.post(source="other")
    receiver.post(secret="wrong")
    receiver.post(of := edited(RDV, "data.organisation.id", LENS), "listed")
    receiver.post(of, "bound", ARRAS_SECRET)
    receiver.post(sample("user-updated"))
    receiver.post(b"{")
    receiver.post(content_type="text/plain")
    receiver.post(b"x" * 1024 * 1024 * 9)
    receiver.post(edited(RDV, "meta.timestamp", "2026-10-30 09:12:44 +0100"))
    assert receiver.store.read(counters.refused, NOW) == {}
    assert receiver.flush_refusals() == {
        ("?", "signed_elsewhere"): 2,
        ("mds", "unauthorized"): 1,
        ("listed", "organisation"): 1,
        ("bound", "secret_organisation"): 1,
        ("mds", "model"): 1,
        ("mds", "payload"): 1,
        ("mds", "unsupported_media_type"): 1,
        ("mds", "too_large"): 1,
        ("mds", "age"): 1,
    }


def test_what_was_taken_in_or_repeated_is_no_refusal(receiver: Receiver) -> None:
    receiver.post()
    receiver.post()
    receiver.post(edited(RDV, "meta.timestamp", "2026-11-29 09:12:44 +0100"))
    assert receiver.flush_refusals() == {}
