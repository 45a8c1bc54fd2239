"""A file that is no store of ours: each kind has its cause wherever one looks, and nothing is written into it."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from markupsafe import escape

from receiver import bootstrap, sentences
from receiver.alerts.check import check
from receiver.cli import main as cli
from receiver.config import WebSettings, load
from receiver.core.roles import Role
from receiver.core.troubles import Code
from receiver.operations.access.tokens import Tokens
from receiver.store import Cause, Store
from receiver.store.database.engine import presence_of
from receiver.store.intake import judge_batch
from receiver.web.app import create_app
from tests.lab.configuration import a_source
from tests.makers import MARTINE, a_delivery, incoming
from tests.web.receiver_client import SOURCES, TOKEN_KEY, settings_of

pytestmark = pytest.mark.usefixtures("process_logs")

PAGE = 4096


@pytest.fixture(scope="module")
def full(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a middle."""
    path = tmp_path_factory.mktemp("full") / "rdv.db"
    shutil.copy(migrated_sqlite, path)
    with closing(Store(f"sqlite:///{path}")) as store:
        now = store.now()
        for number in range(300):
            store.write(
                judge_batch.take, [incoming(a_delivery(agents=(MARTINE,), wire_id=number, uuid=None, now=now))], now
            )
    return path


@pytest.fixture
def file(full: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rdv.db"
    shutil.copy(full, path)
    path.chmod(0o600)
    return path


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as opened:
        opened.seek(offset)
        opened.write(content)


def header_overwritten(path: Path) -> None:
    overwrite(path, 0, b"\xde\xad\xbe\xef" * 32)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def cut_within_the_first_page(path: Path) -> None:
    os.truncate(path, 300)


def garbage_in_the_middle(path: Path) -> None:
    """On a page of the largest table, which nobody reads to see how things go."""
    with closing(sqlite3.connect(path)) as database:
        statement = "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
        root = database.execute(statement).fetchone()[0]
    overwrite(path, (root - 1) * PAGE, b"\xa5" * PAGE)


def a_text(path: Path) -> None:
    path.write_text("Bonjour, ceci est un pense-bête.\n")


def a_long_text(path: Path) -> None:
    path.write_text("Bonjour, ceci est un pense-bête.\n" * 500)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").touch()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def of_another_program(path: Path) -> None:
    another(path, "CREATE TABLE wiki (page TEXT)", "INSERT INTO wiki VALUES ('Accueil')")


def of_another_program_in_wal(path: Path) -> None:
    another(path, "PRAGMA journal_mode=WAL", "CREATE TABLE wiki (page TEXT)")


def of_another_program_with_alembic(path: Path) -> None:
    another(
        path,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('ae1027a6acf5')",
        "CREATE TABLE users (id INTEGER)",
    )


def of_another_program_with_our_number(path: Path) -> None:
    another(
        path,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('0004')",
        "CREATE TABLE events (id INTEGER)",
        "CREATE TABLE installation (id INTEGER, place TEXT)",
    )


def with_two_heads(path: Path) -> None:
    another(
        path,
        "PRAGMA journal_mode=WAL",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('0001'), ('abcd')",
        "CREATE TABLE users (id INTEGER)",
    )


def another(path: Path, *statements: str) -> None:
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def a_table_dropped(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE installation")


def content_lost_beside_its_log(path: Path) -> None:
    """A crash, and a disk that came back without the file's content: what the log holds must not be thrown away."""
    path.with_name(f"{path.name}-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\x01" * 5000)
    os.truncate(path, 0)


Harm = Callable[[Path], None]

HARMS: list[tuple[Harm, Cause]] = [
    (header_overwritten, Cause.NOT_A_DATABASE),
    (a_text, Cause.NOT_A_DATABASE),
    (a_long_text, Cause.NOT_A_DATABASE),
    (cut, Cause.CORRUPT),
    (cut_within_the_first_page, Cause.CORRUPT),
    (garbage_in_the_middle, Cause.CORRUPT),
    (content_lost_beside_its_log, Cause.CORRUPT),
    (a_folder, Cause.NOT_A_FILE),
    (a_pipe, Cause.NOT_A_FILE),
    (of_another_program, Cause.FOREIGN),
    (of_another_program_in_wal, Cause.FOREIGN),
    (of_another_program_with_alembic, Cause.FOREIGN),
    (of_another_program_with_our_number, Cause.FOREIGN),
    (with_two_heads, Cause.FOREIGN),
    (a_table_dropped, Cause.INCOMPLETE),
]


@pytest.fixture
def config(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RDV_SECRET", "s")
    (tmp_path / "ics").mkdir()
    tree = {
        "store": {"url": f"sqlite:///{file}"},
        "sources": {"mds": a_source("p")},
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
        "mailboxes": {"map": {"a@x.example": "box@x.example"}},
        "web": {"listen": "127.0.0.1:0"},
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(tree))
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("rdv.db*") if path.is_file()}


@pytest.mark.threat(id="readable-database")
@pytest.mark.parametrize(("harm", "cause"), HARMS)
def test_each_command_tells_the_cause_and_writes_nothing(
    file: Path, config: Path, harm: Harm, cause: Cause, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(file)
    before = content_of(file.parent)
    run = lambda *words: (cli.main(["--config", str(config), *words]), *capsys.readouterr())  # noqa: E731

    status, out, err = run("check", "--json")
    [finding] = [each for each in json.loads(out)["findings"] if each["subject"] == "store"]
    assert (status, finding["code"], finding["details"]["cause"]) == (1, "store_unreachable", cause)

    status, out, err = run("status", "--json")
    [trouble] = json.loads(out)["troubles"]
    assert (status, trouble["code"], trouble["cause"]) == (1, Code.STORE_UNREACHABLE, cause)

    title = sentences.STORE_CAUSES[cause].title
    for words in (["check"], ["status"]):
        status, out, err = run(*words)
        assert (status, title in out) == (1, True)
    refused = [["migrate"], ["run"]]
    if harm is not garbage_in_the_middle:  # which the others need not meet
        refused += [["serve"], ["worker"], ["backup", "copy.db"], ["failures"]]
    for words in refused:
        status, out, err = run(*words)
        assert (words, status, title in err) == (words, 1, True)
        assert "Traceback" not in out + err
    assert content_of(file.parent) == before


@pytest.mark.parametrize(("harm", "cause"), HARMS)
def test_the_watch_tells_the_cause(file: Path, config: Path, harm: Harm, cause: Cause) -> None:
    harm(file)
    seen = check(load(config, {"RDV_SECRET": "s"}), bootstrap.open_store, None)
    assert [(each.code, each.cause) for each in seen.summary.troubles] == [(Code.STORE_UNREACHABLE, cause)]


@pytest.mark.parametrize(("harm", "cause"), [each for each in HARMS if each[0] is not content_lost_beside_its_log])
def test_the_probe_and_the_page_tell_the_cause_and_no_path(file: Path, harm: Harm, cause: Cause) -> None:
    store = Store(f"sqlite:///{file}")
    settings = settings_of(*SOURCES).replace(web=WebSettings(pages=True, token_key=TOKEN_KEY))
    app = create_app(settings, store, flush_after_s=None)
    token, _ = Tokens.of(settings, store).issue(Role.READ, timedelta(hours=1), "", store.now())
    client, https = app.test_client(), {"base_url": "https://rdv.departement.example"}
    entered = client.post("/status/login", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"}, **https)
    assert entered.status_code == 303
    store._appender.close()
    store._engine.dispose()
    harm(file)
    presence = presence_of(store._engine)
    assert presence is not None
    presence.accept()  # as a service that begins now: another file than the one it had is told as such
    answer, page = client.get("/readyz", **https), client.get("/status", **https)
    assert (answer.status_code, (answer.json or {})["cause"]) == (503, cause)
    assert (page.status_code, escape(sentences.STORE_CAUSES[cause].title) in page.text) == (503, True)
    assert str(file) not in page.text + answer.text
    store.close()


def test_an_empty_file_is_told_as_such_and_made_a_store_by_migrate_alone(
    file: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.unlink()
    file.touch(0o600)
    run = lambda *words: (cli.main(["--config", str(config), *words]), *capsys.readouterr())  # noqa: E731
    _, out, _ = run("check", "--json")
    [finding] = [each for each in json.loads(out)["findings"] if each["subject"] == "store"]
    assert (finding["code"], finding["details"]["cause"]) == ("store_not_current", Cause.EMPTY)
    _, out, _ = run("status", "--json")
    assert [(each["code"], each["cause"]) for each in json.loads(out)["troubles"]] == [
        ("store_not_current", "store_empty")
    ]
    status, _, err = run("serve")
    assert (status, sentences.STORE_CAUSES[Cause.EMPTY].title in err) == (1, True)
    status, *_ = run("migrate")
    assert status == 0


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_has_its_sentence_and_its_place_in_the_guide(cause: Cause) -> None:
    advice = sentences.STORE_CAUSES[cause]
    assert advice.title
    assert advice.cure.endswith(".")
    guide = Path(__file__).parents[2] / "docs/fr/depannage.md"
    assert f"`{cause}`" in guide.read_text("utf-8")
    assert set(sentences.STORE_CAUSES) == set(Cause)
