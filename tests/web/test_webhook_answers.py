"""The table of answers, row by row, and what each leaves in the store."""

import base64
import hashlib
import hmac
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from receiver.config import authority_of
from receiver.core.facts import Emitter
from receiver.core.troubles import Code
from receiver.operations.status import status
from receiver.store import Cause, Refusal, StoreUnavailable, StoreVanished, Verdict
from receiver.store.intake import judge_batch
from receiver.web.app import create_app
from receiver.web.bodies import MAX_BODY_BYTES
from tests.core.samples import REMOVED, as_body, edited, sample, sample_bytes
from tests.logs.captured import captured_logs
from tests.makers import NOW
from tests.web.receiver_client import (
    ARRAS,
    ARRAS_SECRET,
    ELSEWHERE,
    INSERTION_SECRET,
    LENS,
    LENS_SECRET,
    RDV,
    SECRET,
    SOURCES,
    Receiver,
    hex_signature,
    lines,
    settings_of,
)

ROLE = sample("agent-role-destroyed")
FROM_INSERTION = sample("rdv-insertion-created")
COUNTS: dict[str, list[str]] = {"tallies": []}


def told(response: TestResponse) -> tuple[int, dict[str, Any]]:
    """Status and body, which is always JSON."""
    assert response.mimetype == "application/json"
    assert b"<html" not in response.data.lower()
    assert isinstance(response.json, dict)
    return response.status_code, response.json


def at(document: Any, timestamp: str) -> Any:
    return edited(document, "meta.timestamp", timestamp)


def of_organisation(ident: int | None) -> Any:
    return edited(RDV, "data.organisation", None) if ident is None else edited(RDV, "data.organisation.id", ident)


# Taken in


def test_a_webhook_is_accepted_once_it_is_stored(receiver: Receiver) -> None:
    assert told(receiver.post()) == (202, {"status": "accepted"})
    [kept] = receiver.dump()["inbox"]
    assert RDV["data"]["uuid"] in kept
    assert receiver.store.judge(NOW)
    [event] = receiver.dump()["events"]
    assert f"Rdv/{RDV['data']['uuid']}@production" in event
    assert receiver.dump()["inbox"] == []


def test_nothing_of_the_usager_is_stored(receiver: Receiver) -> None:
    receiver.post()
    receiver.post(sample_bytes("rdv-2024-home"))
    put_down = repr(receiver.dump())
    assert len(receiver.store.judge(NOW)) == 2
    stored = put_down + repr(receiver.dump())
    for word in ("Fatoumata", "EXEMPLE", "impasse", "fille malade", "DOS-77", "1234567A", "06 39 98 00 01"):
        assert word not in stored


@pytest.mark.threat(id="replayed-webhook")
def test_the_same_body_again_is_a_duplicate(receiver: Receiver) -> None:
    """The emitter is told no other than the first time: what is known of it is looked at later."""
    assert receiver.verdict() is Verdict.ACCEPTED
    before = receiver.dump()
    assert told(receiver.post()) == (202, {"status": "accepted"})
    assert [each.receipt.verdict for each in receiver.store.judge(NOW) if each.receipt] == [Verdict.DUPLICATE]
    assert receiver.dump() | COUNTS == before | COUNTS


def test_an_older_state_is_superseded(receiver: Receiver) -> None:
    receiver.verdict()
    events = receiver.dump()["events"]
    older = at(edited(RDV, "data.motif.name", "Ancien"), "2026-11-30 09:12:43 +0100")
    assert receiver.verdict(older) is Verdict.SUPERSEDED
    assert receiver.dump()["events"] == events


def test_a_state_after_the_end_is_superseded(receiver: Receiver) -> None:
    assert receiver.verdict(edited(RDV, "meta.event", "destroyed")) is Verdict.ACCEPTED
    assert receiver.verdict(at(RDV, "2026-11-30 09:12:50 +0100")) is Verdict.SUPERSEDED


def test_two_states_of_one_second_are_both_accepted(receiver: Receiver) -> None:
    receiver.verdict()
    assert receiver.verdict(edited(RDV, "data.motif.name", "Autre")) is Verdict.ACCEPTED


def test_both_emitters_speak_of_one_appointment(receiver: Receiver) -> None:
    """RDV Service Public's facts come first, whichever arrives first."""
    document = edited(FROM_INSERTION, "data.uuid", RDV["data"]["uuid"])
    body = as_body(edited(document, "data.rdv_solidarites_rdv_id", RDV["data"]["id"]))
    headers = {"X-RDVI-SIGNATURE": hex_signature(body, INSERTION_SECRET)}
    assert receiver.verdict(body, "rsa", headers=headers) is Verdict.ACCEPTED
    assert receiver.verdict() is Verdict.ACCEPTED
    headers = {"X-RDVI-SIGNATURE": hex_signature(body + b" ", INSERTION_SECRET)}
    assert receiver.verdict(body + b" ", "rsa", headers=headers) is Verdict.SUPERSEDED
    assert len(receiver.dump()["events"]) == 1


# Of no concern


@pytest.mark.parametrize("model", ["User", "UserProfile", "Motif", "Lieu", "Organisation", "Invitation"])
def test_a_model_without_a_calendar_is_ignored(receiver: Receiver, model: str) -> None:
    before = receiver.dump()
    document = edited(sample("user-updated"), "meta.model", model)
    assert told(receiver.post(document)) == (200, {"status": "ignored", "reason": "model"})
    assert receiver.dump() == before


@pytest.mark.parametrize("organisation", [LENS, None])
def test_an_organisation_outside_the_list_is_ignored(receiver: Receiver, organisation: int | None) -> None:
    before = receiver.dump()
    answer = told(receiver.post(of_organisation(organisation), "listed"))
    assert answer == (200, {"status": "ignored", "reason": "organisation"})
    assert receiver.dump() == before
    assert told(receiver.post(of_organisation(ARRAS), "listed"))[0] == 202


def test_what_an_unlisted_organisation_tells_of_a_known_event_is_set_aside_until_the_list_is_right(
    receiver: Receiver,
) -> None:
    """A list that was mistyped loses nothing: the emitter would not send again what was answered 2xx."""
    assert receiver.verdict(of_organisation(ARRAS), "listed") is Verdict.ACCEPTED
    moved = at(of_organisation(LENS), NOW.isoformat())
    assert receiver.verdict(moved, "listed") is Verdict.OUT_OF_SCOPE
    found = status(settings_of(*SOURCES), receiver.store, NOW).troubles
    assert [(each.code, each.subject) for each in found if each.code is Code.OUT_OF_SCOPE] == [
        (Code.OUT_OF_SCOPE, "listed")
    ]
    source = SOURCES[2].replace(organisations=frozenset({ARRAS, LENS}))
    tell = authority_of(source, receiver.store.installation().digest_key)
    assert receiver.store.write(judge_batch.judge_out_of_scope, {"listed": tell}, NOW) == 1
    [event] = receiver.dump()["events"]
    assert (f", {LENS}, " in event, receiver.dump()["set_aside"]) == (True, [])


def test_an_unlisted_organisation_may_not_take_a_known_place_away_in_silence(receiver: Receiver) -> None:
    """Of places that were never told of it is still left alone."""
    made = edited(edited(ROLE, "meta.event", "created"), "data.organisation.id", ARRAS)
    lost = at(edited(ROLE, "data.organisation.id", LENS), NOW.isoformat())
    assert told(receiver.post(lost, "listed")) == (200, {"status": "ignored", "reason": "organisation"})
    assert receiver.verdict(made, "listed") is Verdict.ACCEPTED
    assert receiver.verdict(lost, "listed") is Verdict.OUT_OF_SCOPE


def renamed(receiver: Receiver, **changes: Any) -> Receiver:
    """A receiver over the same store, after a change to its first source and without the others of its platform."""
    again = Receiver(receiver.store, receiver.url)
    again.app = create_app(settings_of(SOURCES[0].replace(**changes)), receiver.store, lambda: NOW, flush_after_s=None)
    return again


def test_a_platform_under_another_name_doubles_no_event(receiver: Receiver) -> None:
    assert receiver.verdict(RDV) is Verdict.ACCEPTED
    moved = at(RDV, NOW.isoformat())
    again = renamed(receiver, platform="prod")
    assert told(again.post(moved)) == (503, {"status": "unavailable", "reason": "platform_lost"})
    assert again.flush_refusals() == {("mds", "platform_lost"): 1}
    assert renamed(receiver).verdict(moved) is Verdict.ACCEPTED, "it has its name back"
    assert len(receiver.dump()["events"]) == 1


def test_another_platform_is_taken_in_where_none_is_lost(receiver: Receiver) -> None:
    assert told(renamed(receiver, platform="prod").post()) == (202, {"status": "accepted"}), "nothing is known yet"
    assert receiver.store.judge(NOW)
    assert told(renamed(receiver, platform="prod").post(at(RDV, NOW.isoformat())))[0] == 202
    elsewhere = {"platform": "demo", "organisations": frozenset({LENS})}
    assert told(renamed(receiver, **elsewhere).post(of_organisation(LENS)))[0] == 202, "other organisations"
    other = {"platform": "demo", "emitter": Emitter.RDV_INSERTION}
    body = as_body(FROM_INSERTION)
    headers = {"X-RDVI-SIGNATURE": hex_signature(body, SECRET)}
    assert told(renamed(receiver, **other).post(body, headers=headers))[0] == 202, "another emitter"


def test_listed_organisations_cost_no_look_into_the_store(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> bool:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(judge_batch, "is_known", asked)
    assert told(receiver.post(of_organisation(ARRAS), "listed"))[0] == 202
    assert told(receiver.post())[0] == 202


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailable("OperationalError"), 503),
        (StoreVanished("store_gone"), 503),
        (StoreUnavailable("ProgrammingError", Refusal(Cause.RIGHTS_MISSING)), 200),
    ],
)
def test_an_unlisted_organisation_comes_again_while_the_store_cannot_tell(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, error: StoreUnavailable, status: int
) -> None:
    """A web host without pages has no right to read events: there it is as if the event were not known."""

    def fails(*_: object) -> bool:
        raise error

    monkeypatch.setattr(judge_batch, "is_known", fails)
    assert told(receiver.post(of_organisation(LENS), "listed"))[0] == status


# Refused

REFUSED = (401, {"status": "unauthorized"})


@pytest.mark.threat(id="forged-webhook")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Lapin-Signature": ""},
        {"X-Lapin-Signature": "0" * 64},
        {"X-Lapin-Signature": "\xe9\xe8"},
        {"X-Lapin-Signature": hex_signature(as_body(RDV), "another")},
        {"X-Lapin-Signature": hex_signature(b"other", SECRET)},
        {"X-RDVI-SIGNATURE": hex_signature(as_body(RDV), SECRET)},
        {"Authorization": "Bearer " + hex_signature(as_body(RDV), SECRET)},
    ],
)
def test_what_nobody_we_know_signed_is_refused(receiver: Receiver, headers: dict[str, str]) -> None:
    before = receiver.dump()
    assert told(receiver.post(headers=headers)) == REFUSED
    assert receiver.dump() == before


def test_the_raw_bytes_are_what_was_signed(receiver: Receiver) -> None:
    signed = {"X-Lapin-Signature": hex_signature(as_body(RDV), SECRET)}
    assert told(receiver.post(json.dumps(RDV, indent=1).encode(), headers=signed)) == REFUSED


def test_a_source_knows_only_its_own_secrets(receiver: Receiver) -> None:
    assert told(receiver.post(secret=ARRAS_SECRET)) == REFUSED
    assert told(receiver.post(secret=SECRET, source="bound")) == REFUSED


@pytest.mark.threat(id="foreign-organisation")
@pytest.mark.parametrize(
    ("secret", "organisation", "status"),
    [
        (ARRAS_SECRET, ARRAS, 202),
        (ARRAS_SECRET, LENS, 401),
        (ARRAS_SECRET, ELSEWHERE, 401),
        (ARRAS_SECRET, None, 401),
        (LENS_SECRET, LENS, 202),
        (LENS_SECRET, ELSEWHERE, 202),
        (LENS_SECRET, ARRAS, 401),
    ],
)
def test_a_bound_secret_speaks_for_its_organisations_only(
    receiver: Receiver, secret: str, organisation: int | None, status: int
) -> None:
    """One secret given to two organisations speaks for both."""
    before = receiver.dump()
    code, body = told(receiver.post(of_organisation(organisation), "bound", secret))
    assert code == status
    if status == 401:
        assert body == {"status": "unauthorized", "reason": "secret_organisation"}
        assert receiver.dump() == before


def bearer(expires_in_s: float, **claims: object) -> dict[str, str]:
    said = {name: FROM_INSERTION["data"][name] for name in ("id", "address", "starts_at")} | claims
    header = {"alg": "HS256", "exp": NOW.timestamp() + expires_in_s}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, said)]
    signature = hmac.new(INSERTION_SECRET.encode(), b".".join(parts), hashlib.sha256).digest()
    parts.append(base64.urlsafe_b64encode(signature).rstrip(b"="))
    return {"Authorization": "Bearer " + b".".join(parts).decode()}


@pytest.mark.parametrize(
    ("headers", "status"),
    [(bearer(600), 202), (bearer(0), 401), (bearer(600, id=1), 401), (bearer(600, address="elsewhere"), 401)],
)
def test_a_token_is_judged_by_our_clock_and_by_the_body(
    receiver: Receiver, headers: dict[str, str], status: int
) -> None:
    assert told(receiver.post(FROM_INSERTION, "rsa", headers=headers))[0] == status


# Signed, but not what the contract says


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b"{", ["$"]),
        (b"[]", ["$"]),
        (b"", ["$"]),
        (b"\xff", ["$"]),
        (as_body(edited(RDV, "data", None)), ["data"]),
        (as_body(edited(RDV, "data.id", "canari")), ["data.id"]),
        (as_body(edited(RDV, "data.agents.1.id", "canari")), ["data.agents[1].id"]),
        (
            as_body(edited(edited(RDV, "data.starts_at", "canari"), "data.motif", REMOVED)),
            ["data.motif", "data.starts_at"],
        ),
    ],
)
def test_what_breaks_the_contract_is_refused_by_naming_fields(
    receiver: Receiver, body: bytes, paths: list[str]
) -> None:
    """The emitter keeps it and tries again for a week: nothing is lost, and no raw payload is kept."""
    before = receiver.dump()
    response = receiver.post(body)
    assert told(response) == (422, {"status": "invalid", "reason": "payload", "fields": paths})
    assert b"canari" not in response.data
    assert receiver.dump() == before


@pytest.mark.threat(id="odd-emails")
@pytest.mark.parametrize(("wrong", "more"), [(20, None), (21, 1), (90, 70)])
def test_of_many_wrong_fields_some_are_named_and_the_rest_is_counted(
    receiver: Receiver, wrong: int, more: int | None
) -> None:
    """A body may have as many as it likes; the answer and the log have their bounds."""
    agents = [{"id": "canari"}] * wrong
    with captured_logs() as stream:
        answer = receiver.post(edited(RDV, "data.agents", agents)).json
    assert len(answer["fields"]) == 20
    assert set(answer["fields"]) <= {f"data.agents[{number}].id" for number in range(wrong)}
    assert answer.get("more_fields") == more
    [line] = lines(stream)
    assert line["paths"].split(",") == answer["fields"]
    assert line.get("more_paths") == more


@pytest.mark.threat(id="odd-emails")
@pytest.mark.parametrize("email", ["a" * 5000, "a\ud800b@x.example", "=1+1", "<script>", "\0", "@@@", "\u202e"])
def test_an_odd_e_mail_costs_the_webhook_nothing(receiver: Receiver, email: str) -> None:
    body = json.dumps(edited(RDV, "data.agents.1.email", email)).encode()
    assert receiver.post(body).status_code == 202
    [judged] = receiver.store.judge(receiver.now)
    assert judged.receipt is not None


@pytest.mark.threat(id="replayed-webhook")
@pytest.mark.parametrize("now", [NOW + timedelta(days=11), NOW - timedelta(days=2)])
def test_an_age_that_cannot_be_is_refused_and_not_stored(receiver: Receiver, now: Any) -> None:
    """Stored, a state from the future would block its successors."""
    before = receiver.dump()
    receiver.now = now
    assert told(receiver.post()) == (422, {"status": "invalid", "reason": "age"})
    assert receiver.dump() == before


# Not a webhook at all


sqlite_only = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""Where the store plays no part, one kind of it will do."""

NOWHERE = ["/", "/webhooks", "/webhooks/", "//webhooks/mds", "/webhooks//mds", "/webhooks/mds/x",
           "/webhooks/../mds", "/static/x", "/%00", "/..%2f", "/<html>"]  # fmt: skip


@sqlite_only
@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_address_that_leads_nowhere_says_so_in_json(receiver: Receiver, path: str, method: str) -> None:
    before = receiver.dump()
    response = receiver.request(method, path, headers={"Accept": "text/html"})
    assert told(response) == (404, {"status": "not_found"})
    assert receiver.dump() == before


@pytest.mark.parametrize("source", ["nobody", "MDS", "mds ", "%6dds%00", "<html>"])
def test_a_source_not_configured_is_not_found(receiver: Receiver, source: str) -> None:
    before = receiver.dump()
    assert told(receiver.post(source=source)) == (404, {"status": "not_found"})
    assert receiver.dump() == before


@sqlite_only
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_another_method_is_refused_in_json(receiver: Receiver, method: str) -> None:
    response = receiver.request(method, "/webhooks/mds", headers={"Accept": "text/html"})
    assert told(response) == (405, {"status": "method_not_allowed"})
    assert response.headers["Allow"] == "POST"


@sqlite_only
@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "text/html", "application/x-www-form-urlencoded", "application/jsonx",
                     "application/vnd.api+json", "json", "multipart/form-data; boundary=x",
                     "text/plain; application/json"]
)  # fmt: skip
def test_what_is_not_called_json_is_refused(receiver: Receiver, content_type: str | None) -> None:
    before = receiver.dump()
    assert told(receiver.post(content_type=content_type)) == (415, {"status": "unsupported_media_type"})
    assert receiver.dump() == before


@sqlite_only
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8",
                     "Application/JSON", "application/json; charset=iso-8859-1"]
)  # fmt: skip
def test_json_is_taken_as_utf8_whatever_is_said_beside(receiver: Receiver, content_type: str) -> None:
    assert told(receiver.post(content_type=content_type))[0] == 202


def test_a_body_of_nine_mebibytes_is_refused(receiver: Receiver) -> None:
    before = receiver.dump()
    body = as_body(edited(RDV, "data.context", "x" * 9 * 1024 * 1024))
    assert told(receiver.post(body)) == (413, {"status": "too_large"})
    assert receiver.dump() == before


def test_the_limit_is_exact(receiver: Receiver) -> None:
    padding = MAX_BODY_BYTES - len(as_body(edited(RDV, "data.context", "")))
    full = as_body(edited(RDV, "data.context", "x" * padding))
    assert len(full) == MAX_BODY_BYTES
    assert told(receiver.post(full))[0] == 202
    assert told(receiver.post(full + b" "))[0] == 413


def test_a_body_that_does_not_say_how_long_it_is_has_the_same_limit(receiver: Receiver) -> None:
    """Chunked: the server marks the end itself."""
    body = as_body(edited(RDV, "data.context", "x" * 9 * 1024 * 1024))
    response = receiver.app.test_client().post(
        "/webhooks/mds",
        input_stream=io.BytesIO(body),
        headers={"X-Lapin-Signature": hex_signature(body, SECRET)},
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert told(response) == (413, {"status": "too_large"})


def test_a_body_cut_short_on_its_way_is_not_taken(receiver: Receiver) -> None:
    before = receiver.dump()
    body = as_body(RDV)
    response = receiver.app.test_client().post(
        "/webhooks/mds",
        input_stream=io.BytesIO(body[:-9]),
        headers={"X-Lapin-Signature": hex_signature(body, SECRET), "Content-Length": str(len(body))},
        content_type="application/json",
    )
    assert told(response)[0] in {400, 401}
    assert receiver.dump() == before
