"""`secrets`: which secret still serves, as a timer or a person asks it."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import sentences
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.digests import secret_tag
from receiver.operations.access.secrets import State, figure
from receiver.store import Store, counters
from receiver.web.app import create_app
from tests.cli.resync_harness import ENVIRON
from tests.core.samples import as_body, sample
from tests.logs.captured import captured_logs
from tests.web.receiver_client import hex_signature

NEW, OLD = ENVIRON["RDV_SECRET"], ENVIRON["RDV_OLD"]


@dataclass
class Console:
    """Two live secrets, as in the middle of a rotation, and somebody who types commands."""

    config: Path
    store: Store
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        status = cli.main(["--config", str(self.config), "secrets", *words])
        captured = self.capsys.readouterr()
        return status, captured.out, captured.err

    def states(self, *words: str) -> tuple[int, dict[str, str]]:
        status, out, _ = self.run(*words, "--json")
        report: dict[str, Any] = json.loads(out)
        assert report["ok"] == (status == 0)
        return status, {each["place"]: each["state"] for each in report["secrets"]}

    def use(self, secret: str, when: datetime) -> None:
        tag = secret_tag(self.store.installation().digest_key, secret)
        self.store.write(counters.record, {}, {figure("mds", tag): 1}, when)


@pytest.fixture(autouse=True)
def process_logs() -> Iterator[io.StringIO]:
    with captured_logs() as stream:
        yield stream


@pytest.fixture
def console(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "store.db").write_bytes(migrated_sqlite.read_bytes())
    source = {"emitter": "rdv_service_public", "platform": "production"}
    secrets = [{"env": "RDV_OLD", "organisations": [12, 13]}, {"env": "RDV_SECRET"}]
    tree = {
        "store": {"url": f"sqlite:///{tmp_path}/store.db"},
        "sources": {
            "mds": source | {"secrets": secrets},
            "rsa": {"emitter": "rdv_insertion", "platform": "production", "secrets": [{"env": "RDV_SECRET"}]},
        },
        "calendars": {"pilot": {"kind": "ics_folder", "path": "ics"}},
    }
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(tree), "utf-8")
    store = Store(f"sqlite:///{tmp_path}/store.db")
    yield Console(config, store, capsys)
    store.close()


OLD_PLACE, NEW_PLACE, RSA_PLACE = "sources.mds.secrets[0]", "sources.mds.secrets[1]", "sources.rsa.secrets[0]"


def test_nothing_has_come_yet(console: Console) -> None:
    """A secret that was just written down is no trouble: the emitter is told of it next."""
    assert console.states() == (0, {OLD_PLACE: State.NEVER, NEW_PLACE: State.NEVER, RSA_PLACE: State.NEVER})


def test_an_old_secret_that_serves_no_more_can_go(console: Console) -> None:
    console.use(OLD, console.store.now() - timedelta(days=31))
    console.use(NEW, console.store.now())
    assert console.states("--source", "mds") == (1, {OLD_PLACE: State.UNUSED, NEW_PLACE: State.USED})
    assert console.states("--source", "mds", "--unused-days", "40") == (
        0,
        {OLD_PLACE: State.USED, NEW_PLACE: State.USED},
    )


def test_the_web_process_notes_each_secret_by_itself(console: Console) -> None:
    """A use is noted under the very name that the report looks for."""
    app = create_app(load(console.config, ENVIRON), console.store, flush_after_s=None)
    body = as_body(sample("rdv-2024-created"))
    headers = {"X-Lapin-Signature": hex_signature(body, NEW)}
    app.test_client().post("/webhooks/mds", data=body, headers=headers, content_type="application/json")
    app.extensions["receiver"].counting.flush()
    status, states = console.states("--source", "mds")
    assert (status, states) == (0, {OLD_PLACE: State.NEVER, NEW_PLACE: State.USED})


def test_people_see_places_and_no_secret(console: Console) -> None:
    console.use(OLD, console.store.now() - timedelta(days=31))
    status, out, err = console.run()
    assert (status, err) == (1, "")
    assert OLD_PLACE in out
    assert "12, 13" in out
    assert sentences.SECRETS["unused"] in out
    assert [secret for secret in (OLD, NEW) if secret in out] == []


def test_a_fresh_secret_is_strong_and_another_each_time(console: Console) -> None:
    made = {console.run("new")[1].strip() for _ in range(20)}
    assert len(made) == 20
    assert {len(each) for each in made} == {64}
    assert all(each.isascii() and each.replace("-", "").replace("_", "").isalnum() for each in made)


@pytest.mark.parametrize("words", [["--unused-days", "0"], ["--unused-days", "x"], ["old"]])
def test_options_that_make_no_sense_are_usage(console: Console, words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        console.run(*words)
    assert left.value.code == 2


def test_a_source_that_is_none_is_usage(console: Console) -> None:
    assert console.run("--source", "nobody") == (2, "", f"{sentences.SECRETS['source_unknown']}\n")
