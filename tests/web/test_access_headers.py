"""What every answer of the pages tells the browser; and that there are none where they are off."""

import pytest

from receiver.core.roles import Role
from tests.web.access_client import ACTION, API, METRICS, PAGE, AccessHarness
from tests.web.receiver_client import Receiver

POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
OTHERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@pytest.mark.threat(id="clickjacking")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/status/login", 200),
        ("POST", "/status/login", 403),
        ("GET", PAGE, 303),
        ("GET", "/status/nowhere", 404),
        ("DELETE", "/status/login", 405),
        ("POST", "/status/logout", 303),
        ("GET", API, 401),
        ("GET", METRICS, 401),
        ("GET", "/status/../status/login", 404),
    ],
)
def test_every_answer_has_them_whatever_it_is(site: AccessHarness, method: str, path: str, status: int) -> None:
    answer = site.app.test_client().open(path, method=method, base_url="https://rdv.departement.example")
    assert answer.status_code == status
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert {name: answer.headers.get(name) for name in OTHERS} == OTHERS
    assert answer.headers["Permissions-Policy"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_page_for_a_visitor_and_a_refusal_have_them_too(site: AccessHarness) -> None:
    site.login(site.issue(Role.READ)[0])
    for answer, status in ((site.get(), 200), (site.act(site.word(), ACTION), 403)):
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
        assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY


def test_a_failure_of_ours_has_them_too(site: AccessHarness) -> None:
    site.app.add_url_rule("/status/broken", "broken", lambda: 1 / 0)
    answer = site.get("/status/broken")
    assert (answer.status_code, answer.headers["X-Frame-Options"]) == (500, "DENY")


def test_tls_is_demanded_only_where_there_is_some(site: AccessHarness) -> None:
    """A browser that heard it on its own machine would demand TLS there of everything else."""
    assert "Strict-Transport-Security" not in site.get("/status/login", base_url="http://localhost").headers


def test_webhooks_and_probes_keep_their_own(site: AccessHarness) -> None:
    for path in ("/webhooks/mds", "/healthz", "/statusx"):
        assert "Content-Security-Policy" not in site.app.test_client().get(path).headers


@pytest.mark.threat(id="xss")
def test_the_pages_hold_no_script_and_no_style(site: AccessHarness) -> None:
    html = site.get("/status/login").text
    assert "style=" not in html
    assert "<style" not in html
    assert "<script>" not in html
    assert not [word for word in html.split() if word.lower().startswith("on") and "=" in word]


OFF = ["/status", "/status/", "/status/login", "/status/static/pages.css", "/api/v1", "/api/v1/overview", "/metrics"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_pages_are_off_nothing_says_that_there_might_be_some(receiver: Receiver, method: str) -> None:
    unknown = receiver.request(method, "/nowhere")
    for path in OFF:
        answer = receiver.request(method, path)
        assert (answer.status_code, answer.data, dict(answer.headers)) == (404, unknown.data, dict(unknown.headers))
