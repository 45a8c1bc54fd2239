"""Whatever route is ever added, nobody gets in by it who should not."""

from collections.abc import Iterator

import pytest

from receiver.core.roles import Role
from receiver.web.auth.proxy_headers import is_for_machines, is_guarded
from tests.web.access_client import HTTPS, AccessHarness

OPEN = {"/status/login", "/status/static/<path:filename>"}


def routes(site: AccessHarness) -> Iterator[tuple[str, str]]:
    """Yield each route of the application as it is shipped."""
    for rule in site.app.url_map.iter_rules():
        if "probe" not in rule.rule:
            yield from ((method, rule.rule) for method in rule.methods or ())


@pytest.fixture
def guarded(site: AccessHarness) -> list[tuple[str, str]]:
    found = [(method, path) for method, path in routes(site) if is_guarded(path) and path not in OPEN]
    assert {"/status", "/api/v1/overview", "/metrics", "/status/failures/retry"} <= {path for _, path in found}
    return [(method, path.replace("<number>", "4330")) for method, path in found]


def test_outside_pages_api_and_metrics_there_are_webhooks_and_probes_alone(site: AccessHarness) -> None:
    others = {path for _, path in routes(site) if not is_guarded(path)}
    assert others == {"/webhooks/<source>", "/webhooks/<source>/", "/healthz", "/readyz"}


@pytest.mark.threat(id="entry-without-token")
def test_a_stranger_gets_in_nowhere(site: AccessHarness, guarded: list[tuple[str, str]]) -> None:
    for method, path in guarded:
        answer = site.app.test_client().open(path, method=method, **HTTPS)
        assert answer.status_code == (401 if is_for_machines(path) else 303), (method, path)


@pytest.mark.threat(id="csrf")
def test_no_form_is_taken_without_its_word(site: AccessHarness, guarded: list[tuple[str, str]]) -> None:
    site.login(site.issue(Role.OPERATE)[0])
    forms = [path for method, path in guarded if method == "POST" and not is_for_machines(path)]
    assert len(forms) >= 2
    for path in forms:
        assert site.act(None, path).status_code == 403, path


def test_a_reader_changes_nothing(site: AccessHarness, guarded: list[tuple[str, str]]) -> None:
    text, _ = site.issue(Role.READ)
    site.login(text)
    changing = [path for method, path in guarded if method not in {"GET", "HEAD"} and path != "/status/logout"]
    assert changing
    for path in changing:
        answer = site.api(text, path, "POST") if is_for_machines(path) else site.act(site.word(), path)
        assert answer.status_code == 403, path
