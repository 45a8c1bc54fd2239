"""What people and programs read of a PostgreSQL that refuses: the cause, never the password or the address."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from sqlalchemy.engine import URL

from receiver import bootstrap, sentences
from receiver.alerts.check import check
from receiver.cli import main as cli
from receiver.config import WebSettings, load
from receiver.store import QUERY_TIMEOUT_S, Cause, Store
from receiver.web.app import create_app
from tests.authentication.certificates import Authority
from tests.cli.console import Console
from tests.lab.configuration import a_source
from tests.store.refusing import PASSWORD, Server, refusing_server, written
from tests.web.receiver_client import SOURCES, TOKEN_KEY, settings_of

pytestmark = pytest.mark.usefixtures("process_logs")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with refusing_server(Authority(tmp_path_factory.mktemp("authority"), trustme.CA())) as server:
        yield server


def change_password(server: Server, url: URL) -> None:
    server.do(f"ALTER ROLE {url.username} PASSWORD 'another'")


def close_database(server: Server, url: URL) -> None:
    server.do(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')


def forbid_writing(server: Server, url: URL) -> None:
    server.do(f"ALTER ROLE {url.username} SET default_transaction_read_only = on")


def drop_database(server: Server, url: URL) -> None:
    server.do(f'DROP DATABASE "{url.database}" WITH (FORCE)')


BROKEN = [
    (change_password, Cause.PASSWORD_REFUSED),
    (close_database, Cause.DATABASE_CLOSED),
    (drop_database, Cause.DATABASE_UNKNOWN),
]


@pytest.mark.threat(id="connection-errors")
@pytest.mark.parametrize(("harm", "cause"), BROKEN)
def test_no_output_tells_the_password_or_the_address(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Server, URL], None],
    cause: Cause,
) -> None:
    account = server.account()
    server.rule(f"host all {account} 127.0.0.1/32 scram-sha-256")
    url = server.database(account)
    monkeypatch.setenv("RDV_SECRET", "s")
    monkeypatch.setenv("RDV_PASSWORD", PASSWORD)
    (tmp_path / "ics").mkdir()
    config = tmp_path / "config.yaml"
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    tree = {
        "store": {"url": address.render_as_string(), "password": {"env": "RDV_PASSWORD"}},
        "sources": {"mds": a_source("p")},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
        "mailboxes": {"map": {"a@x.example": "box@x.example"}},
    }
    config.write_text(json.dumps(tree))
    run = lambda *words: (cli.main(["--config", str(config), *words]), *capsys.readouterr())  # noqa: E731
    assert run("migrate")[0] == 0
    store = Store(written(url), QUERY_TIMEOUT_S)
    settings = settings_of(*SOURCES).replace(web=WebSettings(pages=True, token_key=TOKEN_KEY))
    app = create_app(settings, store, flush_after_s=None)
    harm(server, url)
    store._engine.dispose()

    told = ""
    status, out, err = run("check", "--json")
    told += out + err
    [finding] = [each for each in json.loads(out)["findings"] if each["subject"] == "store"]
    assert (status, finding["code"], finding["details"]["cause"]) == (1, "store_unreachable", cause)
    status, out, err = run("status", "--json")
    told += out + err
    assert (status, [each["cause"] for each in json.loads(out)["troubles"]]) == (1, [cause])
    for words in (["migrate"], ["run"], ["serve"], ["worker"], ["failures"], ["token", "list"], ["check"], ["status"]):
        status, out, err = run(*words)
        told += out + err
        assert (words, status, sentences.STORE_CAUSES[cause].title in out + err) == (words, 1, True)
    client = app.test_client()
    answer = client.get("/readyz")
    page = client.get("/status", headers={"Cookie": "__Host-rdv_token=x"}, base_url="https://rdv.example")
    told += answer.text + page.text
    assert (answer.json or {})["cause"] == cause
    seen = check(load(config, {"RDV_SECRET": "s", "RDV_PASSWORD": PASSWORD}), bootstrap.open_store, None)
    told += repr(seen)
    assert [each.cause for each in seen.summary.troubles] == [cause]
    store.close()
    for secret in (PASSWORD, str(url.username), str(url.port), "Traceback", "postgresql://"):
        assert secret not in told


def test_the_database_that_is_copied_into_is_told_apart_from_the_store(
    server: Server,
    migrated_sqlite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = tmp_path / "store.db"
    store.write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "ics").mkdir()
    monkeypatch.setenv("RDV_SECRET", "s")
    console = Console(tmp_path / "config.yaml", capsys)
    console.store.close()
    account = server.account()
    server.rule(f"host all {account} 127.0.0.1/32 scram-sha-256")
    url = server.database(account)
    monkeypatch.setenv("RDV_NEW", f"not {PASSWORD}")
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()
    words = ["migrate-store", "--to", address, "--password-env", "RDV_NEW"]
    assert cli.main(["--config", str(tmp_path / "config.yaml"), *words]) == 1
    err = capsys.readouterr().err
    assert sentences.BACKUP["target"].partition("{")[0] in err
    assert sentences.STORE_CAUSES[Cause.PASSWORD_REFUSED].title in err
