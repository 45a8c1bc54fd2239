"""The platform's REST API as the emitter plays it: what a client may rely on, asked with a client of the test's own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import requests

from emitter.model import Agent, Rdv
from emitter.rest import Account, Endpoint, Fault, RestPlatform, RestServer
from emitter.scenarios import cast
from emitter.schedule import Absence

ARRAS, LENS = cast.MDS, cast.MDS_LENS
ADMIN = Account("admin@departement.example", "p1", admin_of=frozenset({ARRAS.id}))
BASIC = Account("basic@departement.example", "p2", basic_in=frozenset({ARRAS.id}), services=frozenset({99}))


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 12, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Client:
    """Asks as anybody with the documentation would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.headers: dict[str, str] = {}

    def sign_in(self, account: Account, password: str | None = None) -> int:
        body = {"email": account.email, "password": password or account.password}
        answer = requests.post(f"{self.url}/api/v1/auth/sign_in", json=body, timeout=5)
        self.headers = {name: answer.headers.get(name, "") for name in ("access-token", "client", "uid")}
        return answer.status_code

    def ask(self, path: str, method: str = "GET", **body: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = requests.request(
            method, f"{self.url}/api/v1/{path}", headers=self.headers, json=body or None, timeout=5
        )
        is_json = answer.headers["Content-Type"].startswith("application/json")
        return answer.status_code, answer.json() if is_json else {}, dict(answer.headers)

    def status(self, path: str, method: str = "GET", **body: Any) -> int:
        return self.ask(path, method, **body)[0]


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def platform(now: Now) -> RestPlatform:
    return RestPlatform([ADMIN, BASIC], [ARRAS, LENS], now)


@pytest.fixture
def client(platform: RestPlatform) -> Iterator[Client]:
    with RestServer(platform) as server:
        client = Client(server.url.replace("localhost", "127.0.0.1"))
        client.sign_in(ADMIN)
        yield client


def a_rdv(number: int, agents: tuple[Agent, ...] = (cast.MARTINE,)) -> Rdv:
    at = datetime(2026, 12, 7, 10, tzinfo=UTC)
    return Rdv(number, f"uuid-{number}", at, 45, ARRAS, cast.CONSULTATION, agents, at, users=(cast.FATOUMATA,))


def an_absence(number: int) -> Absence:
    day = datetime(2026, 12, 8, tzinfo=UTC)
    return Absence(number, "Privé", day.date(), day.date(), time(8), time(9), cast.MARTINE, ARRAS, day)


def test_a_token_is_needed_and_lives_a_day(client: Client, now: Now) -> None:
    assert client.status("organisations") == 200
    now.moment += timedelta(hours=23, minutes=59)
    assert client.status("organisations") == 200
    now.moment += timedelta(minutes=1)
    assert client.status("organisations") == 401
    assert client.sign_in(ADMIN, "wrong") == 401
    assert client.status("organisations") == 401


def test_signing_in_again_ends_the_token_before(client: Client) -> None:
    """The platform allows one device."""
    before = client.headers
    client.sign_in(ADMIN)
    client.headers = before
    assert client.status("organisations") == 401


def test_tokens_that_change_are_told_with_each_answer(client: Client, platform: RestPlatform) -> None:
    platform.renews_tokens = True
    _, _, headers = client.ask("organisations")
    assert client.status("organisations") == 401
    client.headers["access-token"] = headers["access-token"]
    assert client.status("organisations") == 200


def test_lists_are_paged_by_a_hundred(client: Client, platform: RestPlatform) -> None:
    platform.hold(*(a_rdv(number) for number in range(1, 251)))
    _, third, _ = client.ask("organisations/12/rdvs?page=3")
    assert (len(third["rdvs"]), third["meta"]) == (
        50,
        {"current_page": 3, "next_page": None, "prev_page": 2, "total_pages": 3, "total_count": 250},
    )
    assert client.ask("organisations/13/rdvs")[1]["meta"]["total_pages"] == 0


def test_a_list_of_rdvs_can_be_narrowed_and_repeats_those_of_several_agents(
    client: Client, platform: RestPlatform
) -> None:
    platform.hold(a_rdv(1, (cast.MARTINE, cast.KARIM)), a_rdv(2), a_rdv(3))
    assert [each["id"] for each in client.ask("rdvs?id[]=1&id[]=3&id[]=9")[1]["rdvs"]] == [1, 1, 3]
    assert [each["id"] for each in client.ask("rdvs?id=2")[1]["rdvs"]] == [2]
    assert client.ask("rdvs?id=9")[1]["meta"]["total_count"] == 0


def test_everything_is_told_of_usagers(client: Client, platform: RestPlatform) -> None:
    """So that a client that keeps too much is found out."""
    platform.hold(a_rdv(1))
    assert cast.FATOUMATA.last_name in json.dumps(client.ask("rdvs")[1])


def test_what_an_account_sees_is_a_matter_of_its_role(client: Client, platform: RestPlatform) -> None:
    platform.hold(a_rdv(1), an_absence(5))
    assert (client.status("absences/5"), client.status("absences/6")) == (200, 404)
    assert client.ask("absences/6")[1] == {"not_found": "absence"}
    client.sign_in(BASIC)
    assert client.ask("rdvs")[1]["rdvs"] == []
    assert client.ask("absences")[1]["absences"] == []
    assert (client.status("absences/5"), client.status("absences/6")) == (403, 404)


@pytest.mark.parametrize("path", ["plage_ouvertures", "plage_ouvertures/1", "rdvs/1", "nothing"])
def test_what_the_api_cannot_read_has_no_path(client: Client, path: str) -> None:
    status, _, headers = client.ask(path)
    assert (status, headers["Content-Type"]) == (404, "text/html")


def test_a_secret_of_an_endpoint_is_never_told(client: Client, platform: RestPlatform) -> None:
    platform.add_endpoint(Endpoint(1, ARRAS.id, "http://127.0.0.1:1/x", "the secret"))
    (told,) = client.ask("organisations/12/webhook_endpoints")[1]["webhook_endpoints"]
    assert told == {
        "id": 1,
        "target_url": "http://127.0.0.1:1/x",
        "organisation_id": 12,
        "subscriptions": ["rdv", "absence", "plage_ouverture"],
    }


def test_only_members_see_and_only_administrators_change_endpoints(client: Client, platform: RestPlatform) -> None:
    platform.add_endpoint(Endpoint(1, LENS.id, "http://127.0.0.1:1/x", "s"))
    assert client.ask("organisations/13/webhook_endpoints")[1]["webhook_endpoints"] == []
    assert client.status("organisations/13/webhook_endpoints/1", "PATCH", target_url="x") == 404
    assert client.status("organisations/13/webhook_endpoints", "POST", target_url="x", secret="s") == 403


@pytest.mark.parametrize(
    "body",
    [
        {"target_url": "", "secret": "s"},
        {"target_url": "x"},
        {"target_url": "x", "secret": "s", "subscriptions": ["y"]},
    ],
)
def test_an_endpoint_that_lacks_something_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.status("organisations/12/webhook_endpoints", "POST", **body) == 422


def test_a_changed_endpoint_is_sent_everything_it_is_subscribed_to(client: Client, platform: RestPlatform) -> None:
    """Nobody listens: what counts here is what was tried."""
    platform.hold(a_rdv(1), a_rdv(2), an_absence(5))
    platform.add_endpoint(Endpoint(1, ARRAS.id, "http://127.0.0.1:1/x", "s", ("rdv", "motif")))
    assert client.status("organisations/12/webhook_endpoints/1", "PATCH", target_url="http://127.0.0.1:1/x") == 200
    [report] = platform.wait()
    assert [delivery.description for delivery in report.deliveries] == ["Rdv 1", "Rdv 2"]
    assert {json.loads(delivery.body)["meta"]["event"] for delivery in report.deliveries} == {"created"}


def test_an_absence_goes_to_all_organisations_of_its_agent(client: Client, platform: RestPlatform) -> None:
    platform.hold(an_absence(5))
    platform.belongs_to(cast.MARTINE.id, ARRAS.id, LENS.id)
    platform.resend(Endpoint(1, LENS.id, "http://127.0.0.1:1/x", "s"))
    [report] = platform.wait()
    assert [delivery.description for delivery in report.deliveries] == ["Absence 5"]


def test_what_is_withheld_or_vanished_is_not_sent(client: Client, platform: RestPlatform) -> None:
    platform.hold(a_rdv(1), a_rdv(2), a_rdv(3))
    platform.withheld = {(Rdv, 1)}
    platform.vanish(a_rdv(2))
    platform.resend(Endpoint(1, ARRAS.id, "http://127.0.0.1:1/x", "s"))
    [report] = platform.wait()
    assert [delivery.description for delivery in report.deliveries] == ["Rdv 3"]
    assert client.status("rdvs?id=1") == 200


def test_faults_come_on_demand_and_once_each(client: Client, platform: RestPlatform) -> None:
    platform.faults = [Fault(429, 30, path="organisations"), Fault(500)]
    assert [client.status("absences"), client.status("absences")] == [500, 200]
    status, _, headers = client.ask("organisations")
    assert (status, headers["Retry-After"]) == (429, "30")
    assert client.status("organisations") == 200
