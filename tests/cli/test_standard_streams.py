"""No command dies of a terminal's letters, of a pager that was closed, or of a stream that was never there."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.cli import streams
from receiver.store import Store
from receiver.store.intake import judge_batch
from tests.makers import AgentRef, a_delivery, incoming
from tests.requirements import require

ODD = "=cmd|'é\u0301漢 <b>\u2019@dép.example"
TERMINALS: dict[str, Mapping[str, str]] = {
    "ASCII": {"PYTHONIOENCODING": "ascii:strict"},
    "Windows": {"PYTHONIOENCODING": "cp1252"},
    "C without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
UNMAPPED = ["mailboxes", "unmapped"]


@pytest.fixture
def place(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A configuration, and a store that waits for an agent whose e-mail is odd."""
    (tmp_path / "rdv.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "secret").write_text("« un secret assez long pour un essai »", "utf-8")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "été").mkdir()
    tree = {
        "store": {"url": f"sqlite:///{tmp_path}/rdv.db"},
        "sources": {
            "mds": {"emitter": "rdv_service_public", "platform": "production", "secrets": [{"file": "secret"}]}
        },
        "calendars": {"pilote": {"kind": "ics_folder", "path": "été"}},
        "mailboxes": {"map": {"rené@dép.example": "b@x.example"}},
        "web": {"listen": "127.0.0.1:0"},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(tree, ensure_ascii=False), "utf-8")
    store = Store(f"sqlite:///{tmp_path}/rdv.db")
    now = store.now()
    store.write(judge_batch.take, [incoming(a_delivery(agents=(AgentRef("92", ODD),), now=now))], now)
    store.close()
    return tmp_path / "config.yaml"


def call(
    place: Path, words: list[str], environ: Mapping[str, str], **more: object
) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "receiver", "--config", str(place), *words]
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(command, env=ours | environ, timeout=120, check=False, **({"capture_output": True} | more))  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("terminal", TERMINALS)
def test_no_command_dies_of_a_letter(place: Path, terminal: str) -> None:
    environ = TERMINALS[terminal]
    statuses = {"check": {0, 1}, "mailboxes": {1}, "--été": {2}}  # without UTF-8 a folder's name has no letter é
    for words in (["check"], UNMAPPED, [*UNMAPPED, "--json"], ["--été"]):
        done = call(place, words, environ)
        assert done.returncode in statuses[words[0]], done.stderr
        assert b"Traceback" not in done.stderr
        assert len(done.stdout) + len(done.stderr) > 20
    report = json.loads(call(place, [*UNMAPPED, "--json"], environ).stdout)
    assert report["unmapped"][0]["email"] == ODD


def closed(*numbers: int) -> object:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@pytest.mark.parametrize(("words", "numbers"), [(UNMAPPED, (1,)), (["check"], (0, 1, 2)), (UNMAPPED, (2,))])
def test_a_stream_that_was_never_there_changes_nothing(place: Path, words: list[str], numbers: tuple[int, ...]) -> None:
    done = call(place, words, {}, preexec_fn=closed(*numbers))
    assert done.returncode == (1 if words == UNMAPPED else 0)
    assert done.stderr == b""
    assert bool(done.stdout) == (1 not in numbers)


@pytest.mark.parametrize(("words", "status"), [(UNMAPPED, 1), (["check"], 0), (["--help"], 0)])
def test_a_reader_who_leaves_changes_nothing(place: Path, words: list[str], status: int) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = call(place, words, {}, capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (status, b"")


def test_a_report_that_could_not_be_written_is_told(place: Path) -> None:
    require(Path("/dev/full").exists(), "no device that is full")
    with Path("/dev/full").open("wb") as full:
        done = call(place, ["secrets", "--json"], {}, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr
    assert b"Traceback" not in done.stderr


def test_logs_are_written_where_nobody_reads(place: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = call(place, ["migrate"], {}, capture_output=False, stdout=subprocess.PIPE, stderr=write_end)
    finally:
        os.close(write_end)
    assert (done.returncode, bool(done.stdout)) == (0, True)


@given(st.text(), st.sampled_from(["ascii", "cp1252", "latin-1", "utf-8", "cp437", "koi8-r"]))
def test_any_text_is_written_in_any_encoding(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding, streams.REPLACING)
    stream.write(text + "\ud800")
    stream.flush()
    assert raw.getvalue()


@pytest.mark.parametrize(
    ("text", "plain"),
    [("déjà", b"deja"), ("l’œuf…", b"l'oeuf..."), ("« où ? »", b'" ou ? "'), ("漢", b"?"), ("\udce9", b"?")],
)
def test_the_nearest_letters_stand_for_those_that_are_lacking(text: str, plain: bytes) -> None:
    assert text.encode("ascii", streams.REPLACING) == plain


def test_each_command_prints_json_in_ascii() -> None:
    """A program that reads a report gets it whole, whatever the terminal: nothing in it needs to be replaced."""
    folder = Path(streams.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "ensure_ascii=False" in path.read_text("utf-8")] == []
