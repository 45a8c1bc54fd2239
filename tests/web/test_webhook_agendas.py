"""Absences, plages, agents and their places at the door: what is taken in, and who may speak for whom."""

from typing import Any

import pytest

from receiver.store import Verdict
from tests.core.samples import as_body, edited, sample
from tests.makers import NOW
from tests.web.receiver_client import (
    ARRAS_SECRET,
    ELSEWHERE,
    INSERTION_SECRET,
    LENS,
    LENS_SECRET,
    Receiver,
    hex_signature,
)

ABSENCE, PLAGE = sample("absence-several-days"), sample("plage-ouverture-weekly-across-dst")
AGENT, ROLE = sample("agent-updated-new-email"), sample("agent-role-destroyed")
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # nothing here depends on the database
STAMP = f"{NOW:%Y-%m-%d %H:%M:%S} +0000"


def of(document: Any, organisation: int | None) -> Any:
    """The message, rendered now, of another organisation."""
    fresh = edited(document, "meta.timestamp", STAMP)
    if "organisation" not in document["data"]:
        return fresh
    return edited(fresh, "data.organisation", organisation and document["data"]["organisation"] | {"id": organisation})


@pytest.mark.parametrize("document", [ABSENCE, PLAGE, AGENT, ROLE])
def test_each_kind_of_news_is_taken_in_once(receiver: Receiver, document: Any) -> None:
    fresh = of(document, 12)
    assert [receiver.verdict(fresh) for _ in range(2)] == [Verdict.ACCEPTED, Verdict.DUPLICATE]


@pytest.mark.parametrize(
    ("document", "status"), [(ABSENCE, "accepted"), (PLAGE, "ignored"), (AGENT, "accepted"), (ROLE, "ignored")]
)
def test_an_absence_and_an_agent_are_of_no_one_organisation(receiver: Receiver, document: Any, status: str) -> None:
    """They go to the endpoints of all the agent's organisations and name the first at most."""
    answer = receiver.post(of(document, ELSEWHERE), source="listed")
    assert answer.json is not None
    assert answer.json["status"] == status


@pytest.mark.parametrize(("document", "code"), [(ABSENCE, 202), (PLAGE, 401), (AGENT, 202), (ROLE, 401)])
def test_a_secret_speaks_for_its_own_organisations_plages_and_places(
    receiver: Receiver, document: Any, code: int
) -> None:
    assert receiver.post(of(document, LENS), source="bound", secret=ARRAS_SECRET).status_code == code
    assert receiver.post(of(document, LENS), source="bound", secret=LENS_SECRET).status_code == 202


def test_an_absence_without_organisation_is_taken_in(receiver: Receiver) -> None:
    assert receiver.post(of(ABSENCE, None), source="listed").status_code == 202


@pytest.mark.parametrize("document", [ABSENCE, PLAGE, AGENT, ROLE])
def test_from_rdv_insertion_they_concern_no_calendar(receiver: Receiver, document: Any) -> None:
    body = as_body(of(document, 12))
    answer = receiver.post(body, source="rsa", headers={"X-RDVI-SIGNATURE": hex_signature(body, INSERTION_SECRET)})
    assert (answer.status_code, answer.json and answer.json["status"]) == (200, "ignored")


@pytest.mark.parametrize(
    ("document", "field", "paths"),
    [
        (ABSENCE, "data.start_time", ["data.start_time"]),
        (ABSENCE, "data.rrule", ["data.rrule"]),
        (PLAGE, "data.agent", ["data.agent"]),
        (ROLE, "data.agent", ["data.agent"]),
        (AGENT, "data.email", ["data.email"]),
    ],
)
def test_what_is_wrong_is_told_by_name_alone(receiver: Receiver, document: Any, field: str, paths: list[str]) -> None:
    broken = edited(of(document, 12), field, ["canari"] if field == "data.email" else "canari")
    answer = receiver.post(broken)
    assert answer.status_code == 422
    assert answer.json is not None
    assert (answer.json["status"], answer.json["fields"]) == ("invalid", paths)
    assert b"canari" not in answer.data


@pytest.mark.parametrize("document", [ABSENCE, PLAGE, AGENT, ROLE])
def test_news_too_old_to_be_believed_are_refused(receiver: Receiver, document: Any) -> None:
    answer = receiver.post(edited(document, "meta.timestamp", "2026-11-01 09:00:00 +0100"))
    assert answer.status_code == 422


def test_an_end_for_ever_is_no_reason_to_fail(receiver: Receiver) -> None:
    endless = edited(of(PLAGE, 12), "data.rrule", "FREQ=WEEKLY;UNTIL=99991231T235959;")
    assert receiver.post(endless).status_code == 202


def test_a_calendar_text_of_several_events_is_refused_by_name(receiver: Receiver) -> None:
    text = PLAGE["data"]["ical"].replace("END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:canari\r\nEND:VEVENT")
    answer = receiver.post(edited(of(PLAGE, 12), "data.ical", text))
    assert answer.status_code == 422
    assert "data.ical.VEVENT" in answer.get_data(as_text=True)
    assert "canari" not in answer.get_data(as_text=True)
