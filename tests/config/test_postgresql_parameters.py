"""The parameters of a PostgreSQL address: a wrong one is told when the configuration is read, by its name."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from receiver.cli import main as cli
from receiver.config.postgresql_parameters import KNOWN
from receiver.config.problems import Problem
from receiver.config.store_url import UnusableAddress, address_of
from tests.config.problems import problems_of
from tests.config.test_problems import ENVIRON, found, minimal, put, write

GUIDE = Path(__file__).parents[2] / "docs" / "fr" / "installation.md"


def problems(folder: Path, query: str, address: str = "postgresql://u@h.example/b") -> list[Problem]:
    return list(problems_of(write(folder, put(minimal(), "store/url", f"{address}?{query}")), ENVIRON))


@pytest.mark.parametrize(
    ("query", "key", "code"),
    [
        ("sslmode=foo", "sslmode", "store_parameter_choice"),
        ("sslmode=requires", "sslmode", "store_parameter_choice"),
        ("sslmode=", "sslmode", "store_parameter_choice"),
        ("sslmode", "sslmode", "store_parameter_choice"),
        ("gssencmode=zzz", "gssencmode", "store_parameter_choice"),
        ("target_session_attrs=standby", "target_session_attrs", "store_parameter_choice"),
        ("keepalives=2", "keepalives", "store_parameter_choice"),
        ("service=x", "service", "store_parameter_unknown"),
        ("foo=bar", "foo", "store_parameter_unknown"),
        ("SSLMODE=require", "SSLMODE", "store_parameter_unknown"),
        ("client_encoding=latin1", "client_encoding", "store_parameter_unknown"),
        ("user=x", "user", "store_parameter_unknown"),
        ("dbname=x", "dbname", "store_parameter_unknown"),
        ("passfile=/x", "passfile", "store_parameter_unknown"),
        ("sslmode=require&sslmode=require", "sslmode", "store_parameter_twice"),
        ("connect_timeout=abc", "connect_timeout", "store_parameter_number"),
        ("connect_timeout=0", "connect_timeout", "store_parameter_number"),
        ("connect_timeout=-1", "connect_timeout", "store_parameter_number"),
        ("connect_timeout=%C2%B2", "connect_timeout", "store_parameter_number"),
        ("tcp_user_timeout=4s", "tcp_user_timeout", "store_parameter_number"),
        ("sslkey=key.pem", "sslkey", "store_parameter_path"),
        ("application_name=", "application_name", "store_parameter_text"),
        ("krbsrvname=a%20b", "krbsrvname", "store_parameter_text"),
        ("host=a,,b", "host", "store_parameter_hosts"),
        ("host=a_b/c", "host", "store_parameter_hosts"),
        ("hostaddr=base.example", "hostaddr", "store_parameter_hosts"),
        ("port=70000", "port", "store_parameter_hosts"),
        ("host=a,b&port=1,2,3", "port", "store_parameter_hosts"),
        ("host=a:1&port=2", "port", "store_parameter_hosts"),
        ("host=a,b&hostaddr=10.0.0.1", "hostaddr", "store_parameter_hosts"),
        ("options=-c%20search_path%3Dx", "options", "store_parameter_options"),
        ("options=-c%20lock_timeout%3D2s%20-c%20client_encoding%3Dlatin1", "options", "store_parameter_options"),
        ("options=-c%20lock_timeout%3D2s%20--search_path%3Dx", "options", "store_parameter_options"),
        ("options=", "options", "store_parameter_options"),
        ("channel_binding=require", "channel_binding=require", "store_parameter_needs_tls"),
        ("channel_binding=require&sslmode=prefer", "channel_binding=require", "store_parameter_needs_tls"),
        ("sslrootcert=system&sslmode=require", "sslrootcert=system", "store_parameter_needs_tls"),
        (
            "host=/run/postgresql&sslmode=require&channel_binding=require",
            "channel_binding=require",
            "store_parameter_needs_network",
        ),
    ],
)
def test_a_wrong_parameter_is_told_by_its_name(tmp_path: Path, query: str, key: str, code: str) -> None:
    [problem] = problems(tmp_path, query)
    assert (problem.path, problem.code, problem.details["key"]) == ("store.url", code, key)


def test_all_wrong_parameters_are_told_at_once_with_what_else_is_wrong(tmp_path: Path) -> None:
    tree = put(minimal(), "store/url", "postgresql://u:hunter2@h/b?sslmode=foo&foo=hunter2&connect_timeout=x")
    path = write(tmp_path, put(tree, "dry_run", "hunter2"))
    assert sorted(found(path)) == [
        ("dry_run", "not_boolean"),
        ("store.url", "store_parameter_choice"),
        ("store.url", "store_parameter_number"),
        ("store.url", "store_parameter_unknown"),
        ("store.url", "store_password_in_url"),
    ]


def test_commands_end_with_2_and_name_the_place_and_the_key_and_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    path = write(tmp_path, put(minimal(), "store/url", "postgresql://u@h/b?foo=hunter2&sslmode=hunter2"))
    assert cli.main(["--config", str(path), "status"]) == 2
    told = "".join(capsys.readouterr())
    assert ("store.url" in told, "« foo »" in told, "« sslmode »" in told, "hunter2" in told) == (
        True,
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=verify-full",
        "sslmode=verify-full&sslrootcert=/nowhere/ca.pem&sslcert=/nowhere/c.pem&sslkey=/nowhere/k.pem&sslcrl=/nowhere/l",
        "sslmode=verify-full&sslrootcert=system",
        "sslrootcert=system",
        "sslmode=require&channel_binding=require",
        "channel_binding=prefer&gssencmode=require&krbsrvname=postgres",
        "connect_timeout=8&tcp_user_timeout=9000&keepalives=1&keepalives_idle=60&keepalives_interval=2&keepalives_count=2",
        "application_name=rdv%20receiver",
        "target_session_attrs=read-write&host=a.example,b.example&port=5432,5433",
        "host=a.example,b.example&port=5433",
        "host=/var/run/postgresql",
        "host=@socket",
        "host=base.example:5433",
        "hostaddr=10.1.2.3",
        "options=-c%20lock_timeout%3D2s",
        "options=-clock_timeout%3D2s%20--statement_timeout%3D3000",
        "requirepeer=postgres",
    ],
)
def test_what_makes_sense_is_taken(tmp_path: Path, query: str) -> None:
    assert problems(tmp_path, query) == []


@pytest.mark.parametrize("netloc", ["u@a.example,b.example:5432", "u@%2Fvar%2Frun%2Fpostgresql", "", "u@[::1]:5432"])
def test_servers_are_named_as_before(tmp_path: Path, netloc: str) -> None:
    assert problems(tmp_path, "sslmode=prefer", f"postgresql://{netloc}/b") == []


def test_the_guides_parameters_are_taken(tmp_path: Path) -> None:
    guide = GUIDE.read_text("utf-8")
    examples = re.findall(r"`(options=[^`]+)`", guide) + re.findall(r"postgresql://[^?\s`]+\?([^\s`]+)", guide)
    assert len(examples) >= 2
    for query in examples:
        assert problems(tmp_path, query) == []
    named = re.search(r"Paramètres acceptés après `\?` : ([^.]+)\.", guide)
    assert named is not None
    assert set(re.findall(r"`([a-z_]+)`", named[1])) == KNOWN


def test_a_pipe_in_the_place_of_a_certificate_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    [problem] = problems(tmp_path, f"sslmode=verify-full&sslrootcert={tmp_path}/ca.pem")
    assert (problem.code, problem.details) == ("store_parameter_file", {"key": "sslrootcert"})
    (tmp_path / "link.pem").symlink_to(write(tmp_path, {}))
    assert problems(tmp_path, f"sslmode=verify-full&sslrootcert={tmp_path}/link.pem") == []


def test_the_target_of_a_move_is_checked_in_the_same_way() -> None:
    with pytest.raises(UnusableAddress) as caught:
        address_of("postgresql://u@h/b?sslmode=foo&foo=bar", None)
    told: dict[str, Mapping[str, str | int]] = dict(caught.value.troubles)
    assert {code: details["key"] for code, details in told.items()} == {
        "store_parameter_choice": "sslmode",
        "store_parameter_unknown": "foo",
    }
