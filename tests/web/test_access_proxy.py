"""A proxy that has asked people who they are: believed where it stands, and nowhere else."""

from typing import Any

import pytest

from receiver.config import ProxySettings
from receiver.core.roles import Role
from receiver.web.auth.access import NAME_LENGTH
from tests.core.samples import as_body
from tests.makers import NOW
from tests.web.access_client import API, METRICS, PAGE, AccessHarness
from tests.web.receiver_client import RDV, SECRET, hex_signature

PROXY = {"environ_base": {"REMOTE_ADDR": "10.1.2.3"}}
ELSEWHERE = {"environ_base": {"REMOTE_ADDR": "10.1.2.4"}}


@pytest.fixture
def behind(site: AccessHarness) -> AccessHarness:
    return AccessHarness(site.store, ProxySettings(address="10.1.2.3/32", role=Role.OPERATE))


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"headers": {"X-Remote-User": name}, **PROXY, **more}


def test_a_person_whom_the_proxy_names_is_let_in(behind: AccessHarness) -> None:
    assert behind.get(**named("paul.martin@departement.example")).text.startswith(
        "paul.martin@departement.example operate "
    )


def test_a_name_in_utf8_is_read_as_it_was_written(behind: AccessHarness) -> None:
    """WSGI hands headers over byte by byte."""
    assert behind.get(**named("Élodie Gérard".encode().decode("latin-1"))).text.startswith("Élodie Gérard ")


@pytest.mark.threat(id="proxy-header")
@pytest.mark.parametrize("address", ["10.1.2.4", "127.0.0.1", "::1", "", "unix:", "10.1.2.3.evil.example"])
def test_from_another_address_the_header_means_nothing(behind: AccessHarness, address: str) -> None:
    answer = behind.get(headers={"X-Remote-User": "paul"}, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 303


def test_no_header_makes_another_address_the_proxys(behind: AccessHarness) -> None:
    lies = {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3", "X-Real-IP": "10.1.2.3", "X-Remote-User": "p"}
    assert behind.get(headers=lies, **ELSEWHERE).status_code == 303


def test_without_a_configured_proxy_the_header_means_nothing(site: AccessHarness) -> None:
    assert site.get(**named("paul")).status_code == 303


def test_the_proxys_address_may_come_in_its_ipv6_form(behind: AccessHarness) -> None:
    """A socket that takes both families calls IPv4 peers so."""
    answer = behind.get(headers={"X-Remote-User": "paul"}, environ_base={"REMOTE_ADDR": "::ffff:10.1.2.3"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "name", ["", "  ", "paul,jean", ",paul", "p\x00aul", "p\x7f", "x" * (NAME_LENGTH + 1), "a\x85b"]
)
def test_no_name_two_names_or_a_strange_one_lets_nobody_in(behind: AccessHarness, name: str) -> None:
    assert behind.get(**named(name)).status_code == 303


def test_two_headers_let_nobody_in(behind: AccessHarness) -> None:
    headers = [("X-Remote-User", "paul"), ("X-Remote-User", "admin")]
    assert behind.get(headers=headers, **PROXY).status_code == 303


def test_the_role_is_the_configured_one(site: AccessHarness) -> None:
    behind = AccessHarness(site.store, ProxySettings(address="10.1.2.3/32", role=Role.READ))
    word = behind.get(**named("paul")).text.split()[-1]
    assert behind.act(word, **named("paul")).status_code == 403


def test_forms_are_bound_to_the_person(behind: AccessHarness) -> None:
    word = behind.get(**named("paul")).text.split()[-1]
    assert behind.act(word, **named("paul")).text == "done"
    assert behind.act(word, **named("jean")).status_code == 403
    assert behind.act(None, **named("paul")).status_code == 403


def test_a_person_named_like_a_token_has_other_forms(behind: AccessHarness) -> None:
    _, record = behind.issue()
    word = behind.get(**named(record.id)).text.split()[-1]
    assert word != behind.tokens.form_word(record.id)


@pytest.mark.parametrize("path", [API, METRICS])
def test_programs_bring_a_token_behind_the_proxy_too(behind: AccessHarness, path: str) -> None:
    """The proxy's login is a browser's cookie or ticket, which another site's page would use as well."""
    assert behind.get(path, **named("paul")).status_code == 401


def test_a_token_that_was_given_on_purpose_comes_first(behind: AccessHarness) -> None:
    behind.login(behind.issue(Role.READ, label="mon jeton")[0])
    assert behind.get(**named("paul")).text.startswith("mon jeton read ")


def test_webhooks_need_no_name_and_gain_nothing_by_one(behind: AccessHarness) -> None:
    body = as_body(RDV)
    client, address = behind.app.test_client(), "/webhooks/mds"
    json_type = {"content_type": "application/json"}
    unsigned = client.post(address, data=body, **json_type, **named("paul"))
    signed = client.post(address, data=body, headers={"X-Lapin-Signature": hex_signature(body, SECRET)}, **json_type)
    assert (unsigned.status_code, signed.status_code) == (401, 202)
    assert behind.now == NOW


def test_what_a_name_holds_is_shown_and_not_run(behind: AccessHarness) -> None:
    assert behind.get(PAGE, **named("<b>paul</b>")).status_code == 200
