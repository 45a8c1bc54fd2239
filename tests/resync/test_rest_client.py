"""The client of the REST API against an emitter that plays it, and against what stands in its place."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import responses
import trustme

from emitter.rest import Account, Endpoint, Fault, RestPlatform, RestServer
from emitter.scenarios import cast
from receiver.operations.resync.platform_api import Existence
from receiver.operations.resync.platform_http import ATTEMPTS, LONGEST_WAIT_S, RestError
from tests.authentication.certificates import Authority
from tests.resync.instance import ADMIN, ARRAS, EMAIL, LENS, PASSWORD, an_absence, an_api, an_instance, an_rdv

BY_HAND = "https://api.example"


@pytest.fixture
def platform() -> RestPlatform:
    return an_instance()


@pytest.fixture
def server(platform: RestPlatform) -> Iterator[RestServer]:
    with RestServer(platform) as server:
        yield server


def code_of(error: pytest.ExceptionInfo[RestError]) -> str:
    return error.value.code


def test_the_account_signs_in_once(platform: RestPlatform, server: RestServer) -> None:
    with an_api(server.url) as api:
        assert api.organisations() == {ARRAS.id, LENS.id}
        assert api.organisations() == {ARRAS.id, LENS.id}
    assert platform.accounts.sign_ins == 1


def test_a_token_that_ran_out_is_replaced(server: RestServer) -> None:
    """A re-sync with its verification may well outlast the day that a token lives."""
    moment = datetime.now(UTC)
    platform = an_instance(clock=lambda: moment)
    with RestServer(platform) as slow, an_api(slow.url) as api:
        assert api.organisations()
        moment += timedelta(hours=24)
        assert api.organisations()
    assert platform.accounts.sign_ins == 2


def test_a_token_that_changes_with_each_answer_is_followed(platform: RestPlatform, server: RestServer) -> None:
    platform.renews_tokens = True
    with an_api(server.url) as api:
        for _ in range(3):
            api.organisations()
    assert platform.accounts.sign_ins == 1


def test_a_wrong_password_is_tried_once(platform: RestPlatform, server: RestServer) -> None:
    with an_api(server.url, password="wrong") as api, pytest.raises(RestError) as error:
        api.organisations()
    assert code_of(error) == "sign_in_refused"
    assert server.requests == [("POST", "/api/v1/auth/sign_in")]


def test_an_account_that_is_recognised_no_more_is_given_up(platform: RestPlatform, server: RestServer) -> None:
    platform.faults = [Fault(401, path="organisations")] * 2
    with an_api(server.url) as api, pytest.raises(RestError) as error:
        api.organisations()
    assert code_of(error) == "unauthorized"
    assert platform.accounts.sign_ins == 2


def test_pages_are_read_to_the_last(platform: RestPlatform, server: RestServer) -> None:
    """Each RDV stands in the list as often as it has agents, so 150 of them fill four pages."""
    both = (cast.MARTINE, cast.KARIM)
    platform.hold(*(an_rdv(number, agents=both) for number in range(1, 151)))
    with an_api(server.url) as api:
        assert api.rdvs_among(range(100, 200)) == set(range(100, 151))
        assert api.count_rdvs(ARRAS.id) == 300
        assert api.count_rdvs(LENS.id) == 0


def test_an_absence_exists_or_is_gone(platform: RestPlatform, server: RestServer) -> None:
    platform.hold(an_absence(7))
    with an_api(server.url) as api:
        assert api.absence(7) is Existence.EXISTS
        assert api.absence(8) is Existence.GONE
        assert api.count_absences() == 1


def test_what_the_account_may_not_see_is_not_gone() -> None:
    platform = an_instance(Account(EMAIL, PASSWORD, basic_in=frozenset({ARRAS.id})))
    platform.hold(an_absence(7))
    with RestServer(platform) as server, an_api(server.url) as api:
        with pytest.raises(RestError) as error:
            api.absence(7)
        assert code_of(error) == "forbidden"
        assert api.absence(8) is Existence.GONE


@pytest.mark.parametrize(
    "body", [b"<html>Not found</html>", b"{}", b'{"not_found": "page"}', b'{"errors": ["Couldn\'t find Agent"]}']
)
def test_any_other_404_proves_nothing(server: RestServer, platform: RestPlatform, body: bytes) -> None:
    """A proxy, a firewall or another version of the API says 404 too, of what exists."""
    platform.hold(an_absence(7))
    platform.faults = [Fault(404, body=body, path="absences")]
    with an_api(server.url) as api, pytest.raises(RestError) as error:
        api.absence(7)
    assert code_of(error) == "not_understood"


def test_endpoints_are_listed_made_and_triggered(platform: RestPlatform, server: RestServer) -> None:
    nowhere = "http://127.0.0.1:1/webhooks/mds"
    platform.add_endpoint(Endpoint(1, ARRAS.id, nowhere, "s", ("rdv", "motif")))
    with an_api(server.url) as api:
        (known,) = api.endpoints(ARRAS.id)
        assert (known.ident, known.target_url, known.subscriptions) == (1, nowhere, {"rdv", "motif"})
        assert api.endpoints(LENS.id) == ()
        api.trigger(ARRAS.id, known)
        made = api.create_endpoint(LENS.id, nowhere, "a secret", ["rdv"])
        assert api.endpoints(LENS.id) == (made,)
    assert platform.endpoints[made.ident].secret == "a secret"
    assert platform.endpoints[1] == Endpoint(1, ARRAS.id, nowhere, "s", ("rdv", "motif"))
    assert len(platform.wait()) == 2


def test_what_the_platform_refuses_is_said_by_a_code(platform: RestPlatform, server: RestServer) -> None:
    with an_api(server.url) as api, pytest.raises(RestError) as error:
        api.create_endpoint(LENS.id, "", "s", ["rdv"])
    assert code_of(error) == "refused"


def test_only_a_territorys_administrator_triggers() -> None:
    account = Account(EMAIL, PASSWORD, admin_of=frozenset({ARRAS.id}), territory_admin=False)
    platform = an_instance(account)
    platform.add_endpoint(Endpoint(1, ARRAS.id, "http://127.0.0.1:1/x", "s"))
    with RestServer(platform) as server, an_api(server.url) as api, pytest.raises(RestError) as error:
        api.trigger(ARRAS.id, api.endpoints(ARRAS.id)[0])
    assert code_of(error) == "forbidden"
    assert platform.reports == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_question_is_asked_again_while_the_platform_is_busy(
    platform: RestPlatform, server: RestServer, status: int
) -> None:
    platform.faults = [Fault(status, path="organisations")] * (ATTEMPTS - 1)
    waits: list[float] = []
    with an_api(server.url, waits=waits) as api:
        assert api.organisations()
    assert waits == [2, 4, 8, 16]


@pytest.mark.parametrize(("status", "code"), [(429, "throttled"), (500, "server_error")])
def test_a_platform_that_stays_busy_is_left(platform: RestPlatform, server: RestServer, status: int, code: str) -> None:
    platform.faults = [Fault(status, path="organisations")] * ATTEMPTS
    with an_api(server.url) as api, pytest.raises(RestError) as error:
        api.organisations()
    assert code_of(error) == code
    assert platform.faults == []


@pytest.mark.parametrize(("told", "waited"), [(7, 7), (100_000, LONGEST_WAIT_S)])
def test_the_platform_says_how_long_to_wait(
    platform: RestPlatform, server: RestServer, told: int, waited: float
) -> None:
    platform.faults = [Fault(429, told, path="organisations")]
    waits: list[float] = []
    with an_api(server.url, waits=waits) as api:
        api.organisations()
    assert waits == [waited]


@pytest.mark.parametrize(("status", "sent"), [(500, 1), (429, 2)])
def test_a_change_is_repeated_only_where_it_was_not_made(
    platform: RestPlatform, server: RestServer, status: int, sent: int
) -> None:
    """A re-sync is a hundred thousand requests: one is enough."""
    platform.add_endpoint(Endpoint(1, ARRAS.id, "http://127.0.0.1:1/x", "s"))
    with an_api(server.url) as api:
        (endpoint,) = api.endpoints(ARRAS.id)
        platform.faults = [Fault(status, path="webhook_endpoints/1")]
        if status == 500:
            with pytest.raises(RestError):
                api.trigger(ARRAS.id, endpoint)
        else:
            api.trigger(ARRAS.id, endpoint)
    assert [method for method, _ in server.requests].count("PATCH") == sent


SIGNED_IN = {"access-token": "t", "client": "c", "uid": "u"}
META = {"total_pages": 1, "total_count": 1}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, "<html>", "not_understood"),
        (200, "[]", "not_understood"),
        (200, '{"rdvs": [{"id": 1}]}', "not_understood"),
        (200, '{"rdvs": [{"id": "1"}], "meta": {"total_pages": 1, "total_count": 1}}', "not_understood"),
        (200, '{"rdvs": [{"id": 4}], "meta": {"total_pages": 1, "total_count": 1}}', "filter_ignored"),
        (204, "", "refused"),
        (302, "", "redirected"),
        (403, "{}", "forbidden"),
        (404, "{}", "not_found"),
        (422, "{}", "refused"),
    ],
)
@responses.activate
def test_an_answer_that_is_none_is_said_by_a_code(status: int, body: str, code: str) -> None:
    """An API that does not know the filter lists everything: what is not on its first page would seem gone."""
    responses.post(f"{BY_HAND}/api/v1/auth/sign_in", json={}, headers=SIGNED_IN)
    responses.get(f"{BY_HAND}/api/v1/rdvs", status=status, body=body, headers={"Location": "https://elsewhere.example"})
    with an_api(BY_HAND) as api, pytest.raises(RestError) as error:
        api.rdvs_among([1, 2])
    assert (code_of(error), error.value.args, error.value.__context__) == (code, (code,), None)


@responses.activate
def test_an_instance_without_passwords_is_told_from_a_wrong_one() -> None:
    """The newer instances want OAuth: their sign-in does not exist."""
    responses.post(f"{BY_HAND}/api/v1/auth/sign_in", status=404, body="<html>")
    with an_api(BY_HAND) as api, pytest.raises(RestError) as error:
        api.sign_in()
    assert code_of(error) == "sign_in_unavailable"


@responses.activate
def test_an_answer_beyond_reason_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.operations.resync.platform_http.LARGEST_ANSWER", 1000)
    responses.post(f"{BY_HAND}/api/v1/auth/sign_in", body=b"x" * 2000)
    with an_api(BY_HAND) as api, pytest.raises(RestError) as error:
        api.sign_in()
    assert code_of(error) == "not_understood"


def test_nobody_there_is_said_by_a_code() -> None:
    waits: list[float] = []
    with an_api("http://127.0.0.1:1", waits=waits) as api, pytest.raises(RestError) as error:
        api.sign_in()
    assert (code_of(error), waits) == ("unreachable", [])


def test_a_proxy_that_is_not_there_is_told_from_the_api(server: RestServer) -> None:
    with an_api("https://localhost:1", http_proxy="http://127.0.0.1:1") as api, pytest.raises(RestError) as error:
        api.sign_in()
    assert code_of(error) == "proxy"


def test_the_proxy_is_used(server: RestServer) -> None:
    """The API stands in for a proxy here, which is asked for a whole address: one where nobody listens."""
    with an_api("http://127.0.0.9:1", http_proxy=server.url) as api:
        api.sign_in()
    assert server.requests == [("POST", "http://127.0.0.9:1/api/v1/auth/sign_in")]


def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path, trustme.CA())
    with RestServer(an_instance(ADMIN), *authority.server()) as server:
        with an_api(server.url, ca_file=authority.ca_file) as api:
            assert api.organisations()
        with an_api(server.url) as stranger, pytest.raises(RestError) as error:
            stranger.organisations()
        assert code_of(error) == "tls"


def test_no_secret_shows_in_a_repr() -> None:
    with an_api(BY_HAND) as api:
        assert PASSWORD not in repr(api._settings)
