"""Each mistake has its code and its place; one mistake hides no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import make_url

from receiver import sentences
from receiver.cli.output import problem_line
from receiver.config import Settings, load
from receiver.config.store_url import sqlite_file
from tests.config.problems import problems_of

ENVIRON = {"RDV_SECRET": "s1", "RDV_OTHER": "s2", "RDV_SAME": "s1", "RDV_EMPTY": "", "RDV_PASSWORD": "p"}
Tree = dict[str, Any]


def minimal() -> Tree:
    return {
        "store": {"url": "sqlite:////var/lib/rdv/rdv.db"},
        "sources": {
            "mds": {
                "emitter": "rdv_service_public",
                "platform": "production",
                "secrets": [{"env": "RDV_SECRET"}],
                "organisations": [12, 34],
            }
        },
        "calendars": {
            "exchange": {
                "kind": "ews",
                "server": "https://mail.departement.example/EWS/Exchange.asmx",
                "version": "Exchange2016",
                "username": "svc",
                "password": {"env": "RDV_PASSWORD"},
            }
        },
    }


def write(folder: Path, tree: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    return path


def found(path: Path) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in problems_of(path, ENVIRON)]


def put(tree: Tree, dotted: str, value: object) -> Tree:
    *parents, last = dotted.split("/")
    target: Any = tree
    for step in parents:
        target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
    if isinstance(target, list):
        target[int(last)] = value
    else:
        target[last] = value
    return tree


def without(tree: Tree, dotted: str) -> Tree:
    *parents, last = dotted.split("/")
    target = tree
    for step in parents:
        target = target[step]
    del target[last]
    return tree


def test_the_smallest_configuration_loads(tmp_path: Path) -> None:
    settings = load(write(tmp_path, minimal()), ENVIRON)
    assert isinstance(settings, Settings)
    assert settings.mailboxes.default_calendar == "exchange"
    assert settings.store.address == "sqlite:////var/lib/rdv/rdv.db"
    assert settings.sources["mds"].time_zone.key == "Europe/Paris"


SOURCE = "sources/mds"
EWS = "calendars/exchange"
ONE_VALUE: list[tuple[str, object, str, str]] = [
    # what is put where, and the problem's path and code
    ("stores", {}, "stores", "unknown_key_near"),
    ("dry_run", "yes", "dry_run", "not_boolean"),
    ("start_at", "tomorrow", "start_at", "instant"),
    ("dry-run", True, "dry-run", "unknown_key_near"),
    ("store", "sqlite:////x.db", "store", "not_mapping"),
    ("store", None, "store.url", "missing"),
    ("store/url", 5, "store.url", "not_text"),
    ("store/url", "mysql://x/y", "store.url", "store_url"),
    ("store/url", "rdv.db", "store.url", "store_url"),
    ("store/url", "sqlite:///rdv.db", "store.url", "store_not_absolute"),
    ("store/url", "sqlite://", "store.url", "store_not_absolute"),
    ("store/url", "sqlite:////x.db?mode=memory", "store.url", "store_not_absolute"),
    ("store/url", "postgresql://u:p@h/b", "store.url", "store_password_in_url"),
    ("store/url", "postgresql://u@h/b?password=p", "store.url", "store_password_in_url"),
    ("store/url", "postgresql://u@h", "store.url", "store_database_missing"),
    ("store/url", "postgresql://u@h/", "store.url", "store_database_missing"),
    ("store/url", "postgresql://u@h/b#c", "store.url", "store_url"),
    ("store/url", "sqlite:////var/lib/rdv/", "store.url", "store_not_absolute"),
    ("store/url", "sqlite:////var/lib/rdv.db%00x", "store.url", "store_url"),
    ("store/url", "sqlite:////var/\nlib", "store.url", "store_url"),
    ("store", {"url": "postgresql://h/b", "password": {"env": "RDV_PASSWORD"}}, "store.url", "store_user_missing"),
    ("store/url", "postgresql://u@h:port/b", "store.url", "store_url"),
    ("store/password", {"env": "RDV_PASSWORD"}, "store.url", "store_password_unused"),
    ("store/url", "postgresql://u@h/b?sslpassword=p", "store.url", "store_password_in_url"),
    ("store/url", "postgresql://u@h/b?foo=bar", "store.url", "store_parameter_unknown"),
    ("store/url", "postgresql://u@h/b?sslmode=require&sslmode=disable", "store.url", "store_parameter_twice"),
    ("store/url", "postgresql://u@h/b?sslmode=foo", "store.url", "store_parameter_choice"),
    ("store/url", "postgresql://u@h/b?connect_timeout=abc", "store.url", "store_parameter_number"),
    ("store/url", "postgresql://u@h/b?sslrootcert=ca.pem", "store.url", "store_parameter_path"),
    ("store/url", "postgresql://u@h/b?sslrootcert=/dev/null", "store.url", "store_parameter_file"),
    ("store/url", "postgresql://u@h/b?application_name=%0A", "store.url", "store_parameter_text"),
    ("store/url", "postgresql://u@h/b?port=x", "store.url", "store_parameter_hosts"),
    ("store/url", "postgresql://u@h/b?options=-c%20search_path%3Dx", "store.url", "store_parameter_options"),
    ("store/url", "postgresql://u@h/b?channel_binding=require", "store.url", "store_parameter_needs_tls"),
    ("store/url", "postgresql:///b?gssencmode=require", "store.url", "store_parameter_needs_network"),
    ("sources", {}, "sources", "empty_section"),
    ("sources", [], "sources", "empty_section"),
    ("sources", ["mds"], "sources", "not_mapping"),
    ("sources", {"MDS Nord": minimal()["sources"]["mds"]}, 'sources["MDS Nord"]', "name"),
    ("sources/mds", "x", "sources.mds", "not_mapping"),
    (f"{SOURCE}/emitter", "rdv", "sources.mds.emitter", "not_a_choice"),
    (f"{SOURCE}/platform", "Prod", "sources.mds.platform", "name"),
    (f"{SOURCE}/platform", True, "sources.mds.platform", "not_text"),
    (f"{SOURCE}/secrets", {"env": "RDV_SECRET"}, "sources.mds.secrets", "not_list"),
    (f"{SOURCE}/secrets", [], "sources.mds.secrets", "empty_list"),
    (f"{SOURCE}/secrets", ["hunter2"], "sources.mds.secrets[0]", "secret_is_a_value"),
    (f"{SOURCE}/secrets", [{}], "sources.mds.secrets[0]", "secret_reference"),
    (f"{SOURCE}/secrets", [{"env": "RDV_SECRET", "file": "s"}], "sources.mds.secrets[0].file", "secret_file_missing"),
    (f"{SOURCE}/secrets", [{"value": "x", "env": "RDV_SECRET"}], "sources.mds.secrets[0].value", "unknown_key"),
    (f"{SOURCE}/secrets", [{"env": "RDV_ABSENT"}], "sources.mds.secrets[0].env", "env_missing"),
    (f"{SOURCE}/secrets", [{"env": "hunter2"}], "sources.mds.secrets[0].env", "env_name"),
    (f"{SOURCE}/secrets", [{"env": 5}], "sources.mds.secrets[0].env", "not_text"),
    (f"{SOURCE}/secrets", [{"env": "RDV_EMPTY"}], "sources.mds.secrets[0].env", "secret_empty"),
    (f"{SOURCE}/secrets", [{"env": "RDV_SECRET"}, {"env": "RDV_SAME"}], "sources.mds.secrets[1]", "secret_twice"),
    (
        f"{SOURCE}/secrets",
        [{"env": "RDV_SECRET", "organisations": [99]}],
        "sources.mds.secrets[0].organisations",
        "organisation_not_of_source",
    ),
    (f"{SOURCE}/organisations", [], "sources.mds.organisations", "empty_list"),
    (f"{SOURCE}/organisations", ["12"], "sources.mds.organisations[0]", "not_integer"),
    (f"{SOURCE}/organisations", [True], "sources.mds.organisations[0]", "not_integer"),
    (f"{SOURCE}/organisations", [1.5], "sources.mds.organisations[0]", "not_integer"),
    (f"{SOURCE}/organisations", [0], "sources.mds.organisations[0]", "out_of_range"),
    (f"{SOURCE}/time_zone", "Europe/Pari", "sources.mds.time_zone", "time_zone"),
    (f"{SOURCE}/time_zone", "../etc/passwd", "sources.mds.time_zone", "time_zone"),
    (f"{SOURCE}/time_zone", "Europe", "sources.mds.time_zone", "time_zone"),
    (f"{SOURCE}/time_zone", "", "sources.mds.time_zone", "time_zone"),
    (f"{SOURCE}/host", "https://rdv.example", "sources.mds.host", "host"),
    (f"{SOURCE}/policies", {"on_cancel": "keep"}, "sources.mds.policies.on_cancel", "not_a_choice"),
    (f"{SOURCE}/policies", {"on_cancle": "mark"}, "sources.mds.policies.on_cancle", "unknown_key_near"),
    (f"{SOURCE}/policy", {}, "sources.mds.policy", "unknown_key_near"),
    ("calendars", None, "calendars", "empty_section"),
    ("calendars/exchange", None, "calendars.exchange.kind", "missing"),
    (f"{EWS}/kind", "caldav", "calendars.exchange.kind", "not_a_choice"),
    (f"{EWS}/kind", ["ews"], "calendars.exchange.kind", "not_a_choice"),
    (f"{EWS}/sever", "x", "calendars.exchange.sever", "unknown_key_near"),
    (f"{EWS}/server", "http://mail.example/EWS/Exchange.asmx", "calendars.exchange.server", "server_not_https"),
    (f"{EWS}/server", "https://mail.example", "calendars.exchange.server", "server_path_missing"),
    (f"{EWS}/server", "mail.example", "calendars.exchange.server", "server_address"),
    (f"{EWS}/server", "https://u:p@mail.example/EWS", "calendars.exchange.server", "server_address"),
    (f"{EWS}/server", "https://mail.example:99999/EWS", "calendars.exchange.server", "server_address"),
    (f"{EWS}/server", "https://[::1/EWS", "calendars.exchange.server", "server_address"),
    (f"{EWS}/server", "https:///EWS/Exchange.asmx", "calendars.exchange.server", "server_address"),
    (f"{EWS}/version", "Exchange2019", "calendars.exchange.version", "not_a_choice"),
    (f"{EWS}/auth", "negotiate", "calendars.exchange.auth", "not_a_choice"),
    (f"{EWS}/access", "owner", "calendars.exchange.access", "not_a_choice"),
    (f"{EWS}/username", " ", "calendars.exchange.username", "empty_text"),
    (f"{EWS}/username", "a\nb", "calendars.exchange.username", "control_character"),
    (f"{EWS}/username", "a" * 300, "calendars.exchange.username", "too_long"),
    (f"{EWS}/password", "hunter2", "calendars.exchange.password", "secret_is_a_value"),
    (f"{EWS}/password", {"file": "."}, "calendars.exchange.password.file", "secret_file_not_regular"),
    (f"{EWS}/ca_file", "absent.pem", "calendars.exchange.ca_file", "ca_file_missing"),
    (f"{EWS}/ca_file", "config.yaml", "calendars.exchange.ca_file", "ca_file_not_pem"),
    (f"{EWS}/connections", 17, "calendars.exchange.connections", "out_of_range"),
    (f"{EWS}/connections", True, "calendars.exchange.connections", "not_integer"),
    (f"{EWS}/timeout_s", 0.5, "calendars.exchange.timeout_s", "out_of_range"),
    (f"{EWS}/timeout_s", "30", "calendars.exchange.timeout_s", "not_number"),
    (f"{EWS}/timeout_s", True, "calendars.exchange.timeout_s", "not_number"),
    (f"{EWS}/proxy_url", "/x", "calendars.exchange.proxy_url", "unknown_key"),
    ("calendars/folder", {"kind": "ics_folder"}, "calendars.folder.path", "missing"),
    ("calendars/folder", {"kind": "ics_folder", "path": 3}, "calendars.folder.path", "not_text"),
    ("mailboxes/domains", {"not a domain": "x.example"}, 'mailboxes.domains["not a domain"]', "host"),
    ("mailboxes/map", {"nobody": "b@x.example"}, "mailboxes.map.nobody", "email"),
    ("mailboxes/map", {"a@x.example": "b@x@y"}, 'mailboxes.map["a@x.example"].address', "email"),
    (
        "mailboxes/map",
        {"a@x.example": {"calendar": "absent", "address": "b@x.example"}},
        'mailboxes.map["a@x.example"].calendar',
        "calendar_unknown",
    ),
    ("mailboxes/map", {"a@x.example": 5}, 'mailboxes.map["a@x.example"]', "not_mapping"),
    ("mailboxes/map", {"a@x.example": {}}, 'mailboxes.map["a@x.example"].address', "missing"),
    ("mailboxes/ignore", ["[ab]@x.example"], "mailboxes.ignore[0]", "pattern"),
    ("mailboxes/only", ["x.example"], "mailboxes.only[0]", "pattern"),
    ("mailboxes/default_calendar", "absent", "mailboxes.default_calendar", "calendar_unknown"),
    ("policies/past_days", -1, "policies.past_days", "out_of_range"),
    ("policies/visio_link", "yes", "policies.visio_link", "not_boolean"),
    ("policies/visio_link", 1, "policies.visio_link", "not_boolean"),
    ("policies/category", "a\tb", "policies.category", "control_character"),
    ("policies/title", "none", "policies.title", "not_a_choice"),
    ("policies/motif_titles", ["RSA"], "policies.motif_titles", "not_mapping"),
    ("policies/motif_titles", {"RSA": "none"}, "policies.motif_titles.RSA", "not_a_choice"),
    ("policies/motif_titles", {"a\tb": "generic"}, 'policies.motif_titles["a\\tb"]', "control_character"),
    ("policies/motif_titles", {"RSA": "generic", " rsa": "motif"}, "policies.motif_titles", "motif_twice"),
    ("policies/link_hosts", "x.example", "policies.link_hosts", "not_list"),
    ("policies/link_hosts", ["https://x.example/"], "policies.link_hosts[0]", "host"),
    ("web/listen", "8080", "web.listen", "listen"),
    ("web/listen", "127.0.0.1:99999", "web.listen", "listen"),
    ("web/listen", "::1:80", "web.listen", "listen"),
    ("web/listen", "127.0.0.1:" + "9" * 5000, "web.listen", "listen"),
    ("web/threads", 0, "web.threads", "out_of_range"),
    ("retention/tombstone_days", 29, "retention.tombstone_days", "out_of_range"),
    ("retention/journal_days", 7, "retention.journal_days", "out_of_range"),
]


@pytest.mark.parametrize(("where", "value", "path", "code"), ONE_VALUE)
def test_one_wrong_value_is_one_problem_at_its_place(
    where: str, value: object, path: str, code: str, tmp_path: Path
) -> None:
    problems = found(write(tmp_path, put(minimal(), where, value)))
    assert (path, code) in problems
    # A misspelt or emptied key may also leave its own value missing, never anything else.
    others = {code for place, code in problems if place != path}
    assert others <= {"missing", "default_calendar_missing"}


@pytest.mark.parametrize(
    ("gone", "path"),
    [
        ("store", "store.url"),
        ("sources", "sources"),
        ("calendars", "calendars"),
        ("sources/mds/emitter", "sources.mds.emitter"),
        ("sources/mds/platform", "sources.mds.platform"),
        ("sources/mds/secrets", "sources.mds.secrets"),
        ("calendars/exchange/kind", "calendars.exchange.kind"),
        ("calendars/exchange/server", "calendars.exchange.server"),
        ("calendars/exchange/version", "calendars.exchange.version"),
        ("calendars/exchange/username", "calendars.exchange.username"),
        ("calendars/exchange/password", "calendars.exchange.password"),
    ],
)
def test_what_is_required_is_missed(gone: str, path: str, tmp_path: Path) -> None:
    assert (path, "missing") in found(write(tmp_path, without(minimal(), gone)))


def test_all_problems_come_at_once_in_reading_order(tmp_path: Path) -> None:
    tree = put(put(put(minimal(), "web/threads", 0), f"{EWS}/timeout_s", 500), f"{SOURCE}/secrets/0/env", "RDV_ABSENT")
    tree = put(tree, f"{SOURCE}/emitter", "x")
    assert found(write(tmp_path, tree)) == [
        ("sources.mds.emitter", "not_a_choice"),
        ("sources.mds.secrets[0].env", "env_missing"),
        ("calendars.exchange.timeout_s", "out_of_range"),
        ("web.threads", "out_of_range"),
    ]


@pytest.mark.parametrize(
    ("where", "suggestion"),
    [
        ("stores", "store"),
        (f"{SOURCE}/plateform", "platform"),
        (f"{SOURCE}/policy", "policies"),
        (f"{SOURCE}/secrets/0/organisation", "organisations"),
        (f"{EWS}/password/environ", "env"),
        ("policies/on_cancle", "on_cancel"),
    ],
)
def test_a_misspelt_key_is_answered_with_the_one_that_was_meant(where: str, suggestion: str, tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, put(minimal(), where, "x")), ENVIRON)
    assert suggestion in [problem.details.get("suggestion") for problem in problems]


def test_a_problem_names_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, put(minimal(), f"{EWS}/connections", 0))
    line = path.read_text().splitlines().index("    connections: 0") + 1
    (problem,) = problems_of(path, ENVIRON)
    assert problem.line == line


def test_a_section_left_empty_counts_as_absent(tmp_path: Path) -> None:
    """Whoever comments out every line of a section leaves `web:` behind."""
    tree = minimal() | {"web": None, "policies": None, "retention": None, "mailboxes": None}
    assert load(write(tmp_path, tree), ENVIRON) == load(write(tmp_path, minimal()), ENVIRON)


def second_source(**changes: object) -> Callable[[Tree], Tree]:
    def add(tree: Tree) -> Tree:
        source = minimal()["sources"]["mds"] | {"secrets": [{"env": "RDV_OTHER"}]} | changes
        tree["sources"]["other"] = {key: value for key, value in source.items() if value is not None}
        return tree

    return add


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (second_source(), [("sources.other.organisations", "organisation_shared")]),
        (second_source(organisations=[56]), []),
        (second_source(organisations=None), [("sources.other", "organisations_unlimited")]),
        (second_source(platform="demo"), []),
        (second_source(emitter="rdv_insertion"), []),
        (second_source(platform="demo", organisations=None), []),
    ],
)
def test_an_organisation_has_one_source_per_emitter_and_platform(
    change: Callable[[Tree], Tree], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert found(write(tmp_path, change(minimal()))) == expected


def test_several_calendars_need_a_default(tmp_path: Path) -> None:
    tree = put(minimal(), "calendars/pilot", {"kind": "ics_folder", "path": "/srv/pilot"})
    assert found(write(tmp_path, tree)) == [("mailboxes.default_calendar", "default_calendar_missing")]
    chosen = put(tree, "mailboxes/default_calendar", "pilot")
    assert load(write(tmp_path, chosen), ENVIRON).mailboxes.default_calendar == "pilot"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_plain_http_is_for_the_loopback_only(host: str, tmp_path: Path) -> None:
    server = f"http://{host}:8443/EWS/Exchange.asmx"
    assert found(write(tmp_path, put(minimal(), f"{EWS}/server", server))) == []


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:8080", "localhost:0", "[::1]:65535"])
def test_addresses_to_listen_on(listen: str, tmp_path: Path) -> None:
    assert found(write(tmp_path, put(minimal(), "web/listen", listen))) == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_postgresql_gets_its_password_from_elsewhere(scheme: str, tmp_path: Path) -> None:
    tree = minimal()
    tree["store"] = {"url": f"{scheme}://rdv@base.example/rdv?sslmode=require", "password": {"env": "RDV_PASSWORD"}}
    settings = load(write(tmp_path, tree), ENVIRON | {"RDV_PASSWORD": "p@ss/w:rd é%"})
    url = make_url(settings.store.address)
    assert (url.drivername, url.username, url.password) == ("postgresql+psycopg", "rdv", "p@ss/w:rd é%")
    assert (url.host, url.database, url.query) == ("base.example", "rdv", {"sslmode": "require"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://base.example/rdv",
        "postgresql:///rdv?host=/var/run/postgresql",
        "postgresql://u%40x@[::1]:5432/rdv",
    ],
)
def test_postgresql_addresses_that_need_no_password_stay_as_they_are(url: str, tmp_path: Path) -> None:
    settings = load(write(tmp_path, put(minimal(), "store/url", url)), ENVIRON)
    assert make_url(settings.store.address).set(drivername="postgresql") == make_url(url)


@pytest.mark.parametrize("path", ["/var/lib/rdv.db", "/var/lib/r%C3%A9gion%20n/rdv.db"])
def test_a_sqlite_file_is_the_one_that_sqlalchemy_opens(path: str, tmp_path: Path) -> None:
    url = load(write(tmp_path, put(minimal(), "store/url", f"sqlite:///{path}")), ENVIRON).store.address
    assert str(sqlite_file(url)) == make_url(url).database


def test_postgresql_without_its_driver_is_told_before_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver is an extra: whoever installed without it should read which one to add."""
    monkeypatch.setattr("receiver.config.store_url.find_spec", lambda _: None)
    path = write(tmp_path, put(minimal(), "store/url", "postgresql://u@h/b"))
    assert found(path) == [("store.url", "store_driver_missing")]
    assert "store_driver_missing" in sentences.CONFIGURATION


def test_a_source_may_take_a_global_policy_back(tmp_path: Path) -> None:
    tree = put(minimal(), "policies", {"reminder_minutes": 15, "category": "RDV"})
    tree = put(tree, f"{SOURCE}/policies", {"reminder_minutes": None})
    policies = load(write(tmp_path, tree), ENVIRON).sources["mds"].policies
    assert (policies.reminder_minutes, policies.category) == (None, "RDV")


def test_postgresql_has_no_file() -> None:
    assert sqlite_file("postgresql+psycopg://u@h/b") is None


def _every_exercised_code() -> set[str]:
    return {code for _, _, _, code in ONE_VALUE}


@pytest.mark.parametrize("code", sorted(_every_exercised_code()))
def test_each_code_has_a_sentence(code: str) -> None:
    assert code in sentences.CONFIGURATION


@pytest.mark.parametrize(("where", "value", "path", "code"), ONE_VALUE)
def test_each_problem_can_be_said(where: str, value: object, path: str, code: str, tmp_path: Path) -> None:
    """A sentence that asks for a detail which its problem lacks would crash the one message that matters."""
    config = write(tmp_path, put(minimal(), where, value))
    for problem in problems_of(config, ENVIRON):
        line = problem_line(config, problem)
        assert "\n" not in line
        assert sentences.UNKNOWN.format(code=problem.code) not in line
        assert "hunter2" not in line
