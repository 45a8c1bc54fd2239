"""A host that only takes webhooks in, under an account of PostgreSQL's that can do no more (deploy/postgresql)."""

import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from emitter.scenarios import build
from receiver.core.scope import EVERYTHING
from receiver.sentences import COMMANDS
from receiver.store import Cause, Incoming, Store, StoreUnavailable, counters, heartbeats
from receiver.store.database import rights
from receiver.store.database.tables import metadata
from receiver.store.intake import inbox, judge_batch
from receiver.store.reports import activity, status
from tests.databases import new_database, postgres_binaries, sqlalchemy_url
from tests.lab.running_receiver import RunningReceiver, running_receiver
from tests.makers import NOW, a_delivery, incoming
from tests.requirements import require

SCRIPT = Path(__file__).parents[2] / "deploy/postgresql/serve.sql"
MOMENTS = ("infinity", "-infinity", "0044-01-01 BC", "20000-01-01")
APPENDS, COUNTS, READS = {"inbox"}, {"tallies", "figures", "heartbeats"}, {"alembic_version", "installation"}


@pytest.fixture
def database(postgres: str, migrated_postgres: str) -> str:
    return new_database(postgres, migrated_postgres)


@pytest.fixture
def account(database: str) -> str:
    """Return the address of the database for an account with what the script grants, run twice as after an upgrade."""
    psql = shutil.which("psql") or str((postgres_binaries() or Path()) / "psql")
    require(Path(psql).exists(), "psql is not installed")
    name = f"serve_{database[-8:]}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    words = [psql, "--quiet", "--no-psqlrc", "--single-transaction", f"--set=role={name}", f"--file={SCRIPT}", database]
    for _ in range(2):
        subprocess.run(words, check=True, capture_output=True)
    return re.sub("//[^@]+@", f"//{name}@", database)


@pytest.mark.threat(id="hostile-web-host")
@pytest.mark.parametrize("table", sorted({*metadata.tables, "alembic_version"}))
@pytest.mark.parametrize("verb", ["SELECT", "UPDATE", "DELETE", "TRUNCATE", "INSERT"])
def test_the_account_may_nothing_else(account: str, table: str, verb: str) -> None:
    allowed = {
        "SELECT": COUNTS | READS,
        "UPDATE": COUNTS,
        "INSERT": COUNTS | APPENDS,
    }
    statements = {
        "SELECT": "SELECT * FROM {}",
        "UPDATE": "UPDATE {} SET {column} = {column}",
        "DELETE": "DELETE FROM {}",
        "TRUNCATE": "TRUNCATE {}",
        "INSERT": "INSERT INTO {} SELECT * FROM {} WHERE false",
    }
    with psycopg.connect(account) as connection:
        if verb == "INSERT":  # a statement that reads as well would be refused for that
            asked = connection.execute("SELECT has_table_privilege(%s, 'INSERT')", [table]).fetchone()
            assert asked == (table in allowed[verb],)
            return
        column = sql.Identifier(metadata.tables[table].columns.keys()[0] if table in metadata.tables else "version_num")
        statement = sql.SQL(statements[verb]).format(sql.Identifier(table), column=column)
        if table in allowed.get(verb, set()):
            connection.execute(statement)
            return
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_of_the_inbox_it_may_read_the_numbers_alone(account: str) -> None:
    with psycopg.connect(account, autocommit=True) as connection:
        assert connection.execute("SELECT count(id) FROM inbox").fetchone() == (0,)
        for column in ("news", "digest", "source", "failure"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT {} FROM inbox").format(sql.Identifier(column)))


IN_INBOX = (
    "INSERT INTO inbox "
    "(delivery, source, platform, emitter, digest, sort, news, organisation, received_at, authority, signed_by) "
    "VALUES ('d', 'mds', 'production', {emitter}, '{digest}', {sort}, {news}, 12, {at}, {authority}, 'x')"
)
ORDINARY = {"emitter": "'rdv_service_public'", "digest": "x", "sort": "'event'", "news": "'{}'", "at": "now()"}
HOSTILE = {
    **{f"received {at}": IN_INBOX.format(**ORDINARY | {"at": f"'{at}'"}, authority="'*'") for at in MOMENTS},
    "no sort": IN_INBOX.format(**ORDINARY | {"sort": "'x'"}, authority="'*'"),
    "no emitter": IN_INBOX.format(**ORDINARY | {"emitter": "'x'"}, authority="'*'"),
    "no news": IN_INBOX.format(**ORDINARY, authority="'*'"),
    "deep news": IN_INBOX.format(**ORDINARY | {"news": "repeat('[', 99000)"}, authority="'*'"),
    "no authority": IN_INBOX.format(**ORDINARY, authority="'x,y'"),
    "a long authority": IN_INBOX.format(**ORDINARY, authority="repeat('1', 5000)"),
    "counts": "UPDATE tallies SET count = 9223372036854775807",
    "counts of no hour": "UPDATE tallies SET hour = hour + '100 years'::interval WHERE hour = '1970-01-01 00:00+00'",
    "an hour": "INSERT INTO tallies VALUES ('infinity', 'webhook', 'mds', 'Rdv', 'accepted', 1)",
    "a figure": "INSERT INTO figures VALUES ('seen/mds', 1, 'infinity')",
    "a turn": "INSERT INTO figures VALUES ('turn/audit', 9223372036854775807, '20000-01-01')",
    "a sign of life": "INSERT INTO heartbeats VALUES ('worker/x', '-infinity')",
}


@pytest.mark.threat(id="hostile-web-host")
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_nothing_that_it_puts_down_stops_the_others(account: str, database: str, name: str) -> None:
    owner = Store(sqlalchemy_url(database))
    try:
        owner.keep(_incoming(1))
        owner.judge(NOW)
        with psycopg.connect(account, autocommit=True) as connection, suppress(psycopg.errors.CheckViolation):
            connection.execute(HOSTILE[name])
        owner.keep(_incoming(2))
        assert [each.receipt is not None for each in owner.judge(NOW) if each.delivery != "d"] == [True]
        assert owner.read(counters.figures_named) is not None
        assert owner.read(heartbeats.beats) is not None
        assert owner.read(counters.ever)
        assert owner.read(activity.series, NOW)
        assert owner.read(status.look, ["mds"], [], NOW)
    finally:
        owner.close()


@pytest.mark.threat(id="hostile-web-host")
@pytest.mark.parametrize("news", ["a text without end", "no scope"])
def test_what_nobody_could_bear_or_bound_is_refused(account: str, news: str) -> None:
    long = ORDINARY | {"news": "repeat('x', 2000000)"}
    statement = IN_INBOX.format(**ORDINARY, authority="NULL") if news == "no scope" else None
    with psycopg.connect(account, autocommit=True) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(statement or IN_INBOX.format(**long, authority="'*'"))


def test_it_judges_nothing_and_sees_a_backlog_all_the_same(account: str, database: str) -> None:
    owner, appender = Store(sqlalchemy_url(database)), Store(sqlalchemy_url(account))
    try:
        assert (owner.read(rights.may_judge), appender.read(rights.may_judge)) == (True, False)
        for number in (1, 2):
            appender.keep(_incoming(number))
        assert appender.read(status.has_backlog, more_than=1)
        assert not appender.read(status.has_backlog, more_than=2)
        assert len(owner.judge(NOW)) == 2
    finally:
        owner.close()
        appender.close()


def test_it_does_not_see_which_events_are_known_and_says_that_it_may_not(account: str) -> None:
    """So its web process leaves what unlisted organisations tell alone."""
    appender = Store(sqlalchemy_url(account))
    try:
        with pytest.raises(StoreUnavailable) as raised:
            appender.read(judge_batch.is_known, "production", a_delivery())
        assert raised.value.refusal.cause is Cause.RIGHTS_MISSING
    finally:
        appender.close()


def _incoming(number: int) -> Incoming:
    return replace(incoming(a_delivery(number)), authority=EVERYTHING)


@pytest.mark.threat(id="hostile-web-host")
def test_a_web_host_works_under_an_account_that_may_only_append(tmp_path: Path, account: str, database: str) -> None:
    """It takes webhooks in, counts what it refuses, is ready, and stops: with no word of an error anywhere."""
    with running_receiver(tmp_path, ()) as receiver:
        _use(receiver, account)
        receiver.start("serve")
        receiver.wait_for(lambda: receiver.get("/healthz") == 200, "the web")
        (body, *_) = [step.body for step in build("create", datetime.now(UTC)).steps]
        assert receiver.answers(body, b"{}") == [(202, "accepted"), (422, "invalid")]
        store = Store(sqlalchemy_url(database))
        store.write(heartbeats.beat, "worker/elsewhere/1", store.now())
        receiver.wait_for(lambda: receiver.get("/readyz") == 200, "it to be ready")
        serve = receiver.running["serve"]
        serve.terminate()
        assert serve.wait(40) == 0
        try:
            assert store.read(counters.refused, store.now()) == {("mds", "payload"): 1}
            assert store.read(counters.figures_named)["seen/mds"].value == 1
            assert not store.read(inbox.is_empty), "that is left to the workers"
        finally:
            store.close()
        assert "Insufficient" not in receiver.log.read_text("utf-8")
        assert {line["level"] for line in receiver.log_lines("webhook")} == {"info", "warning"}
        assert '"level": "error"' not in receiver.log.read_text("utf-8")


def test_a_command_that_needs_more_says_where_it_belongs(tmp_path: Path, account: str) -> None:
    """Nothing is wrong there: no alarm, and no advice that would undo what the account may not do."""
    with running_receiver(tmp_path, ()) as receiver:
        _use(receiver, account)
        for words in (["status"], ["held"], ["failures"]):
            done = receiver.command(*words)
            assert (done.returncode, done.stdout) == (1, ""), words
            assert done.stderr.splitlines()[-1] == COMMANDS["only_appends"], words


def _use(receiver: RunningReceiver, address: str) -> None:
    text = receiver.config.read_text("utf-8")
    changed, count = re.subn(r"sqlite:///[^\s\"']+", address, text)
    assert count == 1
    receiver.config.write_text(changed, "utf-8")
