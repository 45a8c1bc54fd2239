"""Each way in which a PostgreSQL server says no has a cause of its own; none tells a password or an address."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import trustme
from sqlalchemy.engine import URL, make_url

from receiver import bootstrap
from receiver.config import load
from receiver.core.thresholds import Thresholds
from receiver.core.trouble_rules import Snapshot, troubles
from receiver.core.troubles import Code, Colour
from receiver.operations.support.check import check
from receiver.sentences.phrases import words
from receiver.store import QUERY_TIMEOUT_S, Cause, Store, StoreUnavailable, heartbeats, refusal_of
from tests.authentication.certificates import Authority
from tests.lab.configuration import a_configuration
from tests.lab.database import engine_of
from tests.makers import NOW, a_delivery, incoming
from tests.requirements import require
from tests.store.refusing import PASSWORD, Server, refusing_server, written
from tests.store.vanishing import way_to

pytestmark = pytest.mark.slow  # PostgreSQL servers of its own, set up in many ways


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with refusing_server(Authority(tmp_path_factory.mktemp("authority"), trustme.CA())) as server:
        server.give_certificate("db.example")
        yield server


@pytest.fixture
def url(server: Server) -> Iterator[URL]:
    """A database with our schema, whose account signs in with a password."""
    account = server.account()
    server.rule(f"host all {account} 127.0.0.1/32 scram-sha-256")
    url = server.database(account)
    with closing(Store(written(url))) as store:
        store.migrate()
    yield url
    server.rule()


def cause_of(url: URL | str, patience_s: float | None = None) -> Cause:
    """Open the store anew and use it as a worker does, then as the web does; both are told the same."""
    found: set[Cause] = set()
    for use in (
        lambda store: store.standing() and store.write(heartbeats.beat, "web", NOW),
        lambda store: store.keep(incoming(a_delivery())),
    ):
        with closing(Store(url if isinstance(url, str) else written(url), patience_s)) as store:
            with pytest.raises(StoreUnavailable) as told:
                use(store)
            assert PASSWORD not in repr(told.value)
            found.add(told.value.refusal.cause)
    assert len(found) == 1
    return found.pop()


def no_such_host(_: Server, url: URL) -> URL:
    return url.set(host="no-such-host.invalid")


def closed_port(_: Server, url: URL) -> URL:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return url.set(port=probe.getsockname()[1])


def no_socket(_: Server, url: URL) -> URL:
    return url.set(host=None).update_query_dict({"host": "/nowhere"})


def wrong_password(_: Server, url: URL) -> URL:
    return url.set(password=f"{PASSWORD}!")


def no_password(_: Server, url: URL) -> URL:
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database)


def unknown_account(server: Server, url: URL) -> URL:
    server.rule("host all nobody-here 127.0.0.1/32 scram-sha-256")
    return url.set(username="nobody-here")


def unknown_trusted_account(_: Server, url: URL) -> URL:
    return url.set(username="nobody-there")


def rejected_by_rule(server: Server, url: URL) -> URL:
    server.rule(f"host all {url.username} 127.0.0.1/32 reject")
    return url


def may_not_log_in(server: Server, url: URL) -> URL:
    server.do(f"ALTER ROLE {url.username} NOLOGIN")
    return url


def no_such_database(_: Server, url: URL) -> URL:
    return url.set(database="no_such_database")


def closed_database(server: Server, url: URL) -> URL:
    server.do(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
    return url


def no_connect_right(server: Server, url: URL) -> URL:
    server.do(
        f'REVOKE CONNECT ON DATABASE "{url.database}" FROM PUBLIC', f'ALTER DATABASE "{url.database}" OWNER TO rdv'
    )
    return url


def tls_demanded(server: Server, url: URL) -> URL:
    server.rule(
        f"hostssl all {url.username} 127.0.0.1/32 scram-sha-256", f"host all {url.username} 127.0.0.1/32 reject"
    )
    return url.update_query_dict({"sslmode": "disable"})


def unknown_authority(server: Server, url: URL) -> URL:
    other = server.authority.folder / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    return url.update_query_dict({"sslmode": "verify-ca", "sslrootcert": str(other)})


def authority_file_missing(_: Server, url: URL) -> URL:
    return url.update_query_dict({"sslmode": "verify-full", "sslrootcert": "/nowhere/ca.pem"})


def certificate_of_another_name(server: Server, url: URL) -> URL:
    query = {"sslmode": "verify-full", "sslrootcert": str(server.authority.ca_file)}
    return url.set(host="localhost").update_query_dict({**query, "hostaddr": "127.0.0.1"})


def no_right_on_a_table(server: Server, url: URL) -> URL:
    other = server.account()
    server.rule(f"host all {other} 127.0.0.1/32 scram-sha-256")
    return url.set(username=other)


def read_only_account(server: Server, url: URL) -> URL:
    server.do(f"ALTER ROLE {url.username} SET default_transaction_read_only = on")
    return url


def too_many_for_the_account(server: Server, url: URL) -> URL:
    server.do(f"ALTER ROLE {url.username} CONNECTION LIMIT 0")
    return url


def table_dropped(server: Server, url: URL) -> URL:
    server.do("DROP TABLE heartbeats, inbox CASCADE", database=url.database or "")
    return url


def no_such_schema(_: Server, url: URL) -> URL:
    return url.update_query_dict({"options": "-c search_path=nowhere"})


Break = Callable[[Server, URL], URL]


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (no_such_host, Cause.HOST_UNKNOWN),
        (closed_port, Cause.HOST_UNREACHABLE),
        (no_socket, Cause.HOST_UNREACHABLE),
        (wrong_password, Cause.PASSWORD_REFUSED),
        (no_password, Cause.PASSWORD_REFUSED),
        (unknown_account, Cause.PASSWORD_REFUSED),
        (unknown_trusted_account, Cause.ACCOUNT_REFUSED),
        (rejected_by_rule, Cause.ACCOUNT_REFUSED),
        (may_not_log_in, Cause.ACCOUNT_REFUSED),
        (no_such_database, Cause.DATABASE_UNKNOWN),
        (closed_database, Cause.DATABASE_CLOSED),
        (no_connect_right, Cause.RIGHTS_MISSING),
        (tls_demanded, Cause.TLS_REQUIRED),
        (unknown_authority, Cause.TLS_UNTRUSTED),
        (authority_file_missing, Cause.TLS_UNTRUSTED),
        (certificate_of_another_name, Cause.TLS_UNTRUSTED),
        (no_right_on_a_table, Cause.RIGHTS_MISSING),
        (read_only_account, Cause.READ_ONLY_SERVER),
        (too_many_for_the_account, Cause.TOO_MANY_CONNECTIONS),
        (table_dropped, Cause.INCOMPLETE),
    ],
)
@pytest.mark.parametrize("patience_s", [None, QUERY_TIMEOUT_S])
def test_each_refusal_has_its_cause(
    server: Server, url: URL, broken: Break, cause: Cause, patience_s: float | None
) -> None:
    assert cause_of(broken(server, url), patience_s) is cause


def test_a_server_without_tls_is_told_apart_from_one_that_is_not_trusted(tmp_path: Path) -> None:
    with refusing_server(Authority(tmp_path, trustme.CA())) as server:
        url = server.database(server.account()).update_query_dict({"sslmode": "require"})
        assert cause_of(url) is Cause.TLS_UNAVAILABLE


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """One that PostgreSQL's account may read, too."""
    with tempfile.TemporaryDirectory(prefix="rdv-locales-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_code_of_a_server_counts_and_not_its_language(
    tmp_path: Path, public_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words of a server of an administration in France are in French."""
    have = Path("/usr/share/locale/fr/LC_MESSAGES").glob("postgres-*.mo")
    require(shutil.which("localedef") and list(have), "PostgreSQL's French words are not installed")
    locales = public_folder
    made = subprocess.run(
        ["localedef", "-i", "fr_FR", "-f", "UTF-8", f"{locales}/fr_FR.UTF-8"], capture_output=True, check=False
    )
    require(made.returncode == 0, "the French locale cannot be made")
    monkeypatch.setenv("LOCPATH", str(locales))
    with refusing_server(Authority(tmp_path, trustme.CA())) as server:
        server.do("ALTER SYSTEM SET lc_messages = 'fr_FR.UTF-8'")
        account = server.account()
        server.rule(f"host all {account} 127.0.0.1/32 scram-sha-256")
        url = server.database(account)
        with pytest.raises(psycopg.OperationalError, match="authentification"):
            psycopg.connect(written(wrong_password(server, url)).replace("+psycopg", ""))
        assert cause_of(wrong_password(server, url)) is Cause.PASSWORD_REFUSED
        assert cause_of(no_such_database(server, url)) is Cause.DATABASE_UNKNOWN
        assert cause_of(too_many_for_the_account(server, url)) is Cause.TOO_MANY_CONNECTIONS


def test_a_server_that_never_answers_is_told_so(server: Server, url: URL) -> None:
    with way_to(url.port or 0) as way:
        way.blocked.set()
        assert cause_of(url.set(port=way.port).update_query_dict({"connect_timeout": "2"}), 0.2) is Cause.NO_ANSWER


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """Some other service on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                client.recv(1024)
                client.sendall(words)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_port_of_another_service_is_told_so(url: URL) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert cause_of(url.set(port=port)) is Cause.NOT_POSTGRESQL


def test_a_server_that_starts_or_recovers_is_told_so(url: URL) -> None:
    """A message of the protocol as PostgreSQL sends it meanwhile, in words that nobody has foreseen."""
    fields = b"SFATAL\0VFATAL\0C57P03\0Mun instant\0\0"
    refusal = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    with answering(refusal) as port:
        assert cause_of(url.set(port=port).update_query_dict({"sslmode": "disable"})) is Cause.STARTING


def test_a_connection_that_is_cut_is_told_so(server: Server, url: URL) -> None:
    with closing(Store(written(url))) as store:
        store.keep(incoming(a_delivery()))
        with engine_of(store).connect() as connection:
            server.do(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{url.username}'")
            with pytest.raises(Exception) as told:  # noqa: PT011  # SQLAlchemy's own
                connection.exec_driver_sql("SELECT 1")
            assert refusal_of(told.value).cause is Cause.CONNECTION_LOST


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_no_store_is_made_in_a_database_that_cannot_hold_every_text_and_one_that_is_there_goes_on(
    server: Server, url: URL, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"e{os.urandom(4).hex()}"
    made = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    server.do(f"{made} OWNER {url.username}")
    with closing(Store(written(url.set(database=name)))) as store:
        for use in (store.standing, store.migrate):
            with pytest.raises(StoreUnavailable) as told:
                use()
            assert told.value.refusal is not None
            assert told.value.refusal.cause is Cause.WRONG_ENCODING
        assert server.value("SELECT count(*) FROM pg_class WHERE relname = 'events'", name) == 0
        with monkeypatch.context() as an_older_program:
            an_older_program.setattr("receiver.store.place.ownership.refuse_other_encodings", lambda _: None)
            store.migrate()
        assert store.standing().usable
        store.keep(incoming(a_delivery()))
        config = tmp_path / "config.yaml"
        config.write_text(json.dumps(a_configuration("postgresql://u@h/b")))
        settings = load(config, {"RDV_SECRET": "un secret assez long pour un essai"})
        findings = check(settings, [], lambda _: Store(written(url.set(database=name))), bootstrap.connectors)
        [finding] = [each for each in findings if each.subject == "store"]
        assert (finding.code, finding.details["cause"]) == ("store_unreachable", Cause.WRONG_ENCODING)


def test_a_text_that_the_encoding_lacks_needs_a_hand() -> None:
    """It does not pass by itself, and what to do is said."""
    [trouble] = [
        each
        for each in troubles(
            Snapshot(store=Code.STORE_UNREACHABLE, store_cause=Cause.WRONG_ENCODING), NOW, Thresholds()
        )
        if each.code is Code.STORE_UNREACHABLE
    ]
    assert trouble.colour is Colour.ALARM
    assert "ENCODING 'UTF8'" in words(trouble).cure


def test_a_store_that_may_be_written_again_is_written_without_a_restart(server: Server, url: URL) -> None:
    """What an account's session may do was settled when it began: such a session is given up."""
    server.do(f"ALTER ROLE {url.username} SET default_transaction_read_only = on")
    with closing(Store(written(url))) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.write(heartbeats.beat, "web", NOW)
            with pytest.raises(StoreUnavailable):
                store.keep(incoming(a_delivery()))
        server.do(f"ALTER ROLE {url.username} SET default_transaction_read_only = off")
        store.write(heartbeats.beat, "web", NOW)
        store.keep(incoming(a_delivery()))


@pytest.mark.parametrize(
    "tables",
    [
        ["CREATE TABLE wiki_pages (id int)"],
        [
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
        ],
        [
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('0004')",
            "CREATE TABLE events (id int)",
        ],
        ["CREATE TABLE installation (id int, name text)"],
        ["CREATE VIEW everything AS SELECT 1 AS one"],
    ],
)
def test_nothing_is_written_into_another_programs_database(server: Server, tables: list[str]) -> None:
    account = server.account()
    url = server.database(account)
    server.do(*tables, database=url.database or "")
    server.do(f"GRANT ALL ON SCHEMA public TO {account}", database=url.database or "")
    server.do(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {account}", database=url.database or "")
    before = server.value("SELECT array_agg(relname ORDER BY relname) FROM pg_class", url.database or "")
    with closing(Store(written(url))) as store:
        for use in (store.migrate, store.standing):
            with pytest.raises(StoreUnavailable) as told:
                use()
            assert told.value.refusal.cause is Cause.FOREIGN
    assert server.value("SELECT array_agg(relname ORDER BY relname) FROM pg_class", url.database or "") == before


def test_a_database_with_another_programs_schema_beside_ours_is_taken(server: Server) -> None:
    url = server.database(server.account())
    server.do("CREATE SCHEMA wiki", "CREATE TABLE wiki.pages (id int)", database=url.database or "")
    with closing(Store(written(url))) as store:
        assert store.migrate().usable


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("sslrootcert", Cause.TLS_UNTRUSTED),
        ("sslcrl", Cause.TLS_UNTRUSTED),
        ("sslcert", Cause.TLS_FAILED),
        ("sslkey", Cause.TLS_FAILED),
    ],
)
def test_a_pipe_that_took_the_place_of_a_certificate_is_not_waited_for(tmp_path: Path, name: str, cause: Cause) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert cause_of(make_url(f"postgresql+psycopg://u@127.0.0.1:1/b?{name}={tmp_path}/pipe")) is cause


def test_texts_are_sent_in_utf8_whatever_the_address_says(url: URL) -> None:
    store = Store(written(url.update_query_dict({"client_encoding": "latin1"})))
    with closing(store):
        assert store.read(lambda connection: connection.exec_driver_sql("SELECT '\U0001f600'").scalar()) == "\U0001f600"
