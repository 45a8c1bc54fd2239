"""The login page, the cookie, forms, and the way out."""

import hmac
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.http import parse_cookie
from werkzeug.test import TestResponse

from receiver.config import ProxySettings
from receiver.core.roles import Role
from receiver.store import StoreUnavailable
from receiver.store.tools import tokens as stored_tokens
from receiver.web.auth.session import page_after
from tests.makers import NOW
from tests.web.access_client import ACTION, NEAR, PAGE, AccessHarness

HERE = {"Sec-Fetch-Site": "same-origin"}


def flags(answer: TestResponse) -> tuple[str, set[str]]:
    [header] = answer.headers.getlist("Set-Cookie")
    first, *rest = header.split("; ")
    return first.partition("=")[0], set(rest)


def test_a_stranger_is_led_to_the_login_page_and_back(site: AccessHarness) -> None:
    answer = site.get(f"{PAGE}?calendar=mail&page=2")
    assert (answer.status_code, answer.location) == (303, "/status/login?next=/status/probe?calendar%3Dmail%26page%3D2")
    form = site.get(answer.location).text
    assert 'name="next" value="/status/probe?calendar=mail&amp;page=2"' in form
    text, _ = site.issue()
    answer = site.login(text, form={"next": f"{PAGE}?calendar=mail&page=2"})
    assert (answer.status_code, answer.location) == (303, f"{PAGE}?calendar=mail&page=2")
    assert site.get().status_code == 200


def test_a_form_of_a_stranger_leads_to_the_login_page_and_not_back(site: AccessHarness) -> None:
    """What was to be done is to be looked at again, not done by a redirect."""
    answer = site.act(None)
    assert (answer.status_code, answer.location) == (303, "/status/login")


def test_the_token_is_typed_unseen_and_no_browser_keeps_it(site: AccessHarness) -> None:
    field = site.get("/status/login").text.partition("<input id=")[2].partition(">")[0]
    assert 'type="password"' in field
    assert 'autocomplete="off"' in field


@pytest.mark.threat(id="stolen-cookie")
def test_the_cookie_is_out_of_reach_and_ends_with_the_token(site: AccessHarness) -> None:
    text, record = site.issue(days=2)
    name, attributes = flags(site.login(f" {text}\n"))
    assert name == "__Host-rdv_receiver"
    expires = f"Expires={record.expires_at:%a, %d %b %Y %H:%M:%S} GMT"
    assert attributes == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/", expires}
    site.now = NOW + timedelta(days=2)
    assert site.get().status_code == 303


@pytest.mark.parametrize("dress", ["\ufeff{}\xa0", "\u200b{}\r\n", '"{}"', "« {} »", "TOKEN={}"])
def test_a_token_may_be_pasted_with_what_copying_put_around_it(site: AccessHarness, dress: str) -> None:
    text, _ = site.issue()
    assert site.login(dress.format(text)).status_code == 303
    assert site.get().status_code == 200


@pytest.mark.parametrize("address", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080"])
def test_a_tunnel_to_ones_own_machine_needs_no_tls(site: AccessHarness, address: str) -> None:
    """Browsers take their own machine for a safe place, and keep the cookie there."""
    answer = site.login(site.issue()[0], base_url=address)
    assert flags(answer)[0] == "__Host-rdv_receiver"


@pytest.mark.threat(id="stolen-cookie")
@pytest.mark.parametrize(
    "address", ["http://rdv.departement.example", "http://localhost.evil.example", "http://10.0.0.1"]
)
def test_elsewhere_a_token_is_not_taken_without_tls(site: AccessHarness, address: str) -> None:
    text, _ = site.issue()
    assert 'name="token"' not in site.get("/status/login", base_url=address).text
    answer = site.login(text, base_url=address)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


def test_a_stranger_cannot_make_us_believe_in_tls(site: AccessHarness) -> None:
    lie: dict[str, Any] = {"base_url": "http://rdv.departement.example", "headers": {"X-Forwarded-Proto": "https"}}
    text, _ = site.issue()
    far = site.login(text, environ_base={"REMOTE_ADDR": "192.0.2.7"}, **lie)
    assert (far.status_code, "Set-Cookie" in far.headers) == (403, False)
    assert site.login(text, **NEAR, **lie).status_code == 303  # a proxy on this machine
    behind = AccessHarness(site.store, ProxySettings(address="10.1.2.0/24", role=Role.READ))
    assert behind.login(text, environ_base={"REMOTE_ADDR": "10.1.2.3"}, **lie).status_code == 303  # or on another


@pytest.mark.threat(id="csrf")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://rdv.departement.example.evil.example"},
    ],
)
def test_another_sites_form_logs_nobody_in(site: AccessHarness, headers: dict[str, str]) -> None:
    """Else somebody would work with a token that an attacker gave, and knows."""
    answer = site.login(site.issue()[0], headers=headers)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("headers", [HERE, HERE | {"Origin": "null"}, {"Origin": "https://rdv.departement.example"}])
def test_our_own_form_does(site: AccessHarness, headers: dict[str, str]) -> None:
    """Under `Referrer-Policy: no-referrer` browsers call our own pages' origin null."""
    assert site.login(site.issue()[0], headers=headers).status_code == 303


def test_an_operators_form_with_its_word_is_taken(site: AccessHarness) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    assert site.act(site.word()).text == "done"
    assert site.act(site.word(), headers=HERE).text == "done"


@pytest.mark.parametrize("word", [None, "", "0" * 64, "é"])
def test_a_form_without_its_word_is_refused(site: AccessHarness, word: str | None) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    assert site.act(word).status_code == 403


def test_words_are_compared_in_constant_time(site: AccessHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def note(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    site.login(site.issue(Role.OPERATE)[0])
    word = site.word()
    monkeypatch.setattr("receiver.web.auth.access.hmac.compare_digest", note)
    site.act("0" * 64)
    assert (b"0" * 64, word.encode()) in compared


def test_the_word_of_another_token_is_refused(site: AccessHarness) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    word = site.word()
    site.login(site.issue(Role.OPERATE)[0])
    assert site.word() != word
    assert site.act(word).status_code == 403


def test_a_word_in_the_address_is_refused(site: AccessHarness) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    assert site.act(None, f"{ACTION}?csrf={site.word()}").status_code == 403


@pytest.mark.parametrize("relation", ["cross-site", "same-site", "none", ""])
def test_the_right_word_from_another_site_is_refused(site: AccessHarness, relation: str) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    assert site.act(site.word(), headers={"Sec-Fetch-Site": relation}).status_code == 403


def test_a_readers_form_is_refused(site: AccessHarness) -> None:
    site.login(site.issue(Role.READ)[0])
    answer = site.act(site.word())
    assert (answer.status_code, answer.mimetype) == (403, "text/html")


def test_going_out_takes_the_cookie_away(site: AccessHarness) -> None:
    site.login(site.issue()[0])
    answer = site.act(site.word(), "/status/logout")
    assert (answer.status_code, answer.location) == (303, "/status/login")
    name, attributes = flags(answer)
    assert name == "__Host-rdv_receiver"
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=0"} <= attributes
    assert site.get().status_code == 303


def test_another_site_sends_nobody_out(site: AccessHarness) -> None:
    site.login(site.issue()[0])
    assert site.act(None, "/status/logout").status_code == 403
    assert site.get("/status/logout").status_code == 405
    assert site.get().status_code == 200


def test_only_the_cookie_with_its_prefix_counts(site: AccessHarness) -> None:
    """A neighbour under the same domain can set one without."""
    text, _ = site.issue()
    for name in ("rdv_receiver", "__host-rdv_receiver", "__Secure-rdv_receiver"):
        site.browser.set_cookie(name, text, domain="rdv.departement.example")
    assert site.get().status_code == 303


WHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:/status",
    "javascript:alert(1)",
    "/webhooks/mds",
    "/statusx",
    "/status//evil.example",
    "/status/\\evil.example",
    "/status\r\nSet-Cookie: a=b",
    "/status\nX: y",
    "/status/é",
    "/status/<script>",
    "/status?next=https://evil.example",
    "/status/login",
    "/status/login?next=/status",
    " /status",
    "/status ",
    "/status\t",
    "status",
    "",
]


@pytest.mark.threat(id="open-redirect")
@pytest.mark.parametrize("wanted", WHERE)
def test_the_login_leads_nowhere_else(site: AccessHarness, wanted: str) -> None:
    """An open redirect lends our name to another's page; a line break in a header is another header."""
    assert page_after(wanted) == "/status"
    answer = site.login(site.issue()[0], form={"next": wanted})
    assert (answer.status_code, answer.location) == (303, "/status")
    assert list(parse_cookie("; ".join(answer.headers.getlist("Set-Cookie")))).count("a") == 0
    assert "evil" not in site.get("/status/login", query_string={"next": wanted}).text


def test_a_store_that_does_not_answer_is_said_to_people_and_programs(
    site: AccessHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = site.issue()
    site.login(text)

    def fail(*_: object) -> None:
        raise StoreUnavailable("OperationalError")

    monkeypatch.setattr(stored_tokens, "find", fail)
    page, program, entering = site.get(), site.api(text), site.login(text)
    assert [page.status_code, program.status_code, entering.status_code] == [503, 503, 503]
    assert (page.mimetype, program.json) == ("text/html", {"status": "unavailable"})
    assert "OperationalError" not in page.text + program.text + entering.text
