"""A database in which a table of ours is missing: no command takes it for a whole one."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from receiver import sentences
from receiver.cli import main as cli
from receiver.core.troubles import Code
from receiver.store import Cause, Store
from receiver.store.database.tables import metadata
from tests.lab.configuration import a_configuration

pytestmark = pytest.mark.usefixtures("process_logs")

TITLE = sentences.STORE_CAUSES[Cause.INCOMPLETE].title


@pytest.fixture
def config(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RDV_SECRET", "un secret assez long pour un essai")
    with closing(Store(store_url)) as store:
        store.migrate()
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(a_configuration(store_url)))
    return path


@contextmanager
def without(url: str, table: str) -> Iterator[None]:
    rename(url, table, "elsewhere")
    try:
        yield
    finally:
        rename(url, "elsewhere", table)


def rename(url: str, old: str, new: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
    engine.dispose()


def test_no_command_takes_it_for_a_whole_one(config: Path, store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        return cli.main(["--config", str(config), *words]), *capsys.readouterr()

    for table in metadata.tables:
        with without(store_url, table):
            status, out, _ = run("check", "--json")
            [finding] = [each for each in json.loads(out)["findings"] if each["subject"] == "store"]
            told = (table, status, finding["code"], finding["details"]["cause"])
            assert told == (table, 1, "store_unreachable", Cause.INCOMPLETE)
            for word in ("migrate", "run"):
                status, _, err = run(word)
                assert (table, word, status, TITLE in err) == (table, word, 1, True)
            status, out, _ = run("status", "--json")
            [trouble] = json.loads(out)["troubles"]
            assert (table, status, trouble["code"], trouble["cause"]) == (
                table,
                1,
                Code.STORE_UNREACHABLE,
                Cause.INCOMPLETE,
            )
    assert run("migrate")[0] == 0
