"""A read token sees the agents and the troubles of all organisations, and nothing of an usager."""

from typing import Any

import pytest

from receiver.core.roles import Role
from tests.pages.story import ANSWERS, AT_HOME, PAGES, SiteInTime, Visitor, a_rdv

CANARY = "Canari7341Zwq"
NUMBERS = {9101: 12, 9102: 34}
"""RDV, and the organisation of each."""


def a_told_rdv(number: int, organisation: int) -> Any:
    """A RDV that says something personal wherever it can."""
    document = a_rdv(number, f"agent.{organisation}@{AT_HOME}")
    usager = {"id": 1, "first_name": CANARY, "last_name": CANARY, "phone_number": CANARY, "email": CANARY}
    data = document["data"]
    data |= {"context": CANARY, "address": CANARY, "users": [usager], "rdvs_users": [{"user": usager}], "name": CANARY}
    data["organisation"] |= {"id": organisation}
    data["motif"] |= {"name": f"Motif {CANARY}"}
    data["lieu"] = {"id": 3, "name": CANARY, "address": CANARY, "single_use": False}
    return document


def everything(reader: Visitor) -> str:
    """All that a token of the role `read` opens."""
    paths = [*PAGES.values(), *ANSWERS.values(), "/status/mailboxes?from=agent", "/status/unmapped.txt"]
    for number in NUMBERS:
        paths += [f"/status/event?id={number}", f"/api/v1/events/{number}"]
    bearer = {"Authorization": f"Bearer {reader.token}"}
    metrics = reader.site.app.test_client().get("/metrics", base_url="https://localhost", headers=bearer)
    answers = [*(reader.get(path) for path in paths), metrics]
    assert {answer.status_code for answer in answers} == {200}
    return "\n".join(answer.text for answer in answers)


@pytest.mark.threat(id="read-token")
def test_a_read_token_sees_all_organisations_and_nothing_of_an_usager(own_site: SiteInTime) -> None:
    for number, organisation in NUMBERS.items():
        assert own_site.post(a_told_rdv(number, organisation)) == 202
    own_site.settle()
    reader = Visitor(own_site, own_site.token(Role.READ))
    seen = everything(reader)
    for organisation in NUMBERS.values():
        assert f"agent.{organisation}@{AT_HOME}" in seen
    assert CANARY not in seen
