"""The key that signs tokens: where it is found, where it is made, and what is said where there is none."""

import json
import multiprocessing
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main as cli
from receiver.config import ProxySettings, Secret, Settings, StoreSettings, WebSettings, load
from receiver.core.roles import Role
from receiver.operations.access import token_key
from receiver.operations.access.token_key import KeyUnavailable
from receiver.operations.support import diagnose
from receiver.sentences import TOKEN
from receiver.sentences import TOKEN_KEY as SENTENCES
from receiver.store import Store
from receiver.store.tools import tokens
from receiver.web.app import create_app
from tests.cli.console import Console
from tests.core.samples import as_body
from tests.databases import new_database
from tests.makers import NOW
from tests.web.receiver_client import RDV, SECRET, SOURCES, TOKEN_KEY, hex_signature, settings_of

STRONG = "0123456789abcdef" * 4


@pytest.fixture
def place(console: Console) -> Console:  # the fixture
    return console


def over(folder: Path) -> Settings:
    return settings_of(*SOURCES).replace(
        store=StoreSettings(url=f"sqlite:///{folder}/store.db"), web=WebSettings(pages=True)
    )


def typed(place: Console, *words: str) -> tuple[int, str, str]:
    status = cli.main(["--config", str(place.path), *words])
    captured = place.capsys.readouterr()
    return status, captured.out, captured.err


def findings(place: Console) -> dict[str, str]:
    report = json.loads(typed(place, "check", "--json")[1])
    return {each["code"]: each["level"] for each in report["findings"]}


@pytest.mark.threat(id="token-key")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        found = token_key.secret(over(tmp_path))
    finally:
        os.umask(before)
    [file] = tmp_path.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (token_key.FILE_NAME, 0o600)
    assert found == token_key.secret(over(tmp_path)) == file.read_text().strip()
    assert len(bytes.fromhex(found)) == 32


def _told(folder: Path, barrier: Any, answers: Any) -> None:
    barrier.wait()
    answers.put(token_key.secret(over(folder)))


@pytest.mark.threat(id="token-key")
def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for round_number in range(10):
        folder = tmp_path / str(round_number)
        folder.mkdir()
        barrier, answers = context.Barrier(6), context.Queue()
        crew = [context.Process(target=_told, args=(folder, barrier, answers)) for _ in range(6)]
        for each in crew:
            each.start()
        told = {answers.get(timeout=60) for _ in crew}
        for each in crew:
            each.join()
        assert len(told) == 1
        assert [file.name for file in folder.iterdir()] == [token_key.FILE_NAME]


def test_a_half_written_key_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies before the key is on disk leaves no file of that name."""

    def die(_: int) -> None:
        raise OSError(5, "the power went")

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyUnavailable, match=token_key.NOT_MADE):
        token_key.secret(over(tmp_path))
    assert not (tmp_path / token_key.FILE_NAME).exists()


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_lost_link(path: Path) -> None:
    path.symlink_to("nowhere")


def holding(content: bytes) -> Any:
    def write(path: Path) -> None:
        path.touch(0o600)
        path.write_bytes(content)

    return write


UNUSABLE = [
    (a_pipe, token_key.NOT_REGULAR),
    (a_folder, token_key.NOT_REGULAR),
    (a_device, token_key.NOT_REGULAR),
    (holding(b""), token_key.WEAK),
    (holding(b"\n"), token_key.WEAK),
    (holding(b" " * 100), token_key.WEAK),
    (holding(b"short\n"), token_key.WEAK),
    (holding(b"\xff" * 64), token_key.WEAK),
]


@pytest.mark.parametrize(("make", "code"), UNUSABLE)
def test_a_file_that_is_no_key_is_told_and_left_as_it_is(place: Console, make: Any, code: str) -> None:
    path = place.path.parent / token_key.FILE_NAME
    make(path)
    before = path.lstat()
    assert findings(place)[code] == "warning"
    status, out, err = typed(place, "token", "issue")
    assert (status, out, err) == (2, "", SENTENCES[code] + "\n")
    assert place.store.read(tokens.listed) == []
    assert (path.lstat().st_ino, path.lstat().st_size, path.lstat().st_mtime) == (
        before.st_ino,
        before.st_size,
        before.st_mtime,
    )


def test_a_file_that_everybody_may_read_is_told(place: Console) -> None:
    assert typed(place, "token", "issue")[0] == 0
    path = place.path.parent / token_key.FILE_NAME
    assert token_key.EXPOSED not in findings(place)
    path.chmod(0o644)
    assert findings(place)[token_key.EXPOSED] == "warning"


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match=token_key.NOT_MADE):
        token_key.secret(over(tmp_path / "nowhere"))
    a_lost_link(tmp_path / token_key.FILE_NAME)
    with pytest.raises(KeyUnavailable):
        token_key.secret(over(tmp_path))


def test_a_check_makes_no_key(place: Console) -> None:
    place.configure(web={"pages": True})
    findings(place)
    typed(place, "token", "list")
    assert not (place.path.parent / token_key.FILE_NAME).exists()


def test_a_configured_key_is_used_and_no_file_is_made(place: Console) -> None:
    (place.path.parent / "key").write_text(STRONG + "\n")
    place.configure(web={"token_key": {"file": "key"}})
    assert typed(place, "token", "issue")[0] == 0
    assert not (place.path.parent / token_key.FILE_NAME).exists()
    assert load(place.path, os.environ).web.token_key == Secret(STRONG)


def test_tokens_that_another_key_signed_are_listed_as_such(place: Console) -> None:
    for label in ("ancien", "revoque"):
        typed(place, "token", "issue", "--label", label)
    place.store.write(
        tokens.revoke, next(each.id for each in place.store.read(tokens.listed) if each.label == "revoque"), NOW
    )
    place.store.write(
        tokens.add, replace(place.store.read(tokens.listed)[0], id="0123456789abcdef", label="0.1", revoked_at=None)
    )
    (place.path.parent / token_key.FILE_NAME).unlink()
    typed(place, "token", "issue", "--label", "neuf")
    listed = json.loads(typed(place, "token", "list", "--json")[1])["tokens"]
    states = {each["label"]: each["state"] for each in listed}
    assert states == {"ancien": "other_key", "revoque": "revoked", "0.1": "other_key", "neuf": "valid"}


def test_a_key_that_is_gone_while_tokens_are_valid_is_told(place: Console) -> None:
    """A restart would end them all; whoever makes another key is told so."""
    place.configure(web={"listen": "127.0.0.1:0", "pages": True})

    def causes() -> list[str]:
        report = json.loads(typed(place, "status", "--json")[1])
        return [each["cause"] for each in report["troubles"] if each["code"] == "token_key_unusable"]

    assert typed(place, "token", "issue")[2].count("\n") == 1
    assert causes() == []
    (place.path.parent / token_key.FILE_NAME).unlink()
    assert causes() == [token_key.GONE]
    assert SENTENCES[token_key.GONE] in typed(place, "status")[1]
    assert TOKEN["new_key"] in typed(place, "token", "issue")[2]
    assert causes() == []


@pytest.mark.threat(id="stolen-backup")
def test_no_archive_holds_the_key(place: Console) -> None:
    typed(place, "token", "issue")
    key = (place.path.parent / token_key.FILE_NAME).read_text().strip()
    settings = load(place.path, os.environ)
    files = diagnose.collect(settings, place.path, place.store, NOW, lambda _: [json.dumps({"key": key})])
    assert key not in "".join(files.values())
    assert key in set(diagnose._secrets(settings))


def without_a_key(store: Store, proxy: ProxySettings | None = None) -> Any:
    """An application over a database that several hosts may use."""
    settings = settings_of(*SOURCES).replace(web=WebSettings(pages=True, proxy=proxy))
    return create_app(settings, store, lambda: NOW, flush_after_s=None).test_client()


HTTPS = {"base_url": "https://rdv.departement.example"}


def test_without_a_key_webhooks_are_taken_and_the_pages_say_what_to_do(store: Store) -> None:
    client, body = without_a_key(store), as_body(RDV)
    headers = {"X-Lapin-Signature": hex_signature(body, SECRET)}
    answer = client.post("/webhooks/mds", data=body, headers=headers, content_type="application/json")
    assert answer.status_code == 202
    page = client.get("/status/login", **HTTPS)
    assert (page.status_code, "web.token_key" in page.text, "<form" in page.text) == (200, True, False)
    posted = client.post("/status/login", data={"token": "x"}, **HTTPS)
    assert (posted.status_code, "web.token_key" in posted.text) == (503, True)
    assert client.get("/status", **HTTPS).status_code == 303
    assert client.get("/api/v1/overview").status_code == 401
    answer = client.get("/api/v1/overview", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable"})


def test_without_a_key_whom_the_proxy_names_may_look_and_change_nothing(store: Store) -> None:
    client = without_a_key(store, ProxySettings(address="127.0.0.1/32", role=Role.OPERATE))
    named = {"headers": {"X-Remote-User": "paul"}, **HTTPS}
    assert client.get("/status/failures", **named).status_code == 200
    for form in ({}, {"csrf": ""}):
        answer = client.post("/status/failures/retry", data=form, **named)
        assert (answer.status_code, "web.token_key" in answer.text) == (503, True)


def test_a_key_that_is_put_right_is_used_without_a_restart(tmp_path: Path) -> None:
    """The screens say within a minute that it can be used: then it is."""
    settings = over(tmp_path).replace(sources={})
    store = Store(settings.store.address)
    store.migrate()
    (tmp_path / token_key.FILE_NAME).write_text("weak")
    client = create_app(settings, store, lambda: NOW, flush_after_s=None).test_client()
    bearer = {"Authorization": "Bearer x"}
    assert client.get("/api/v1/overview", headers=bearer).status_code == 503
    assert token_key.unusable(settings) == token_key.WEAK
    (tmp_path / token_key.FILE_NAME).write_text(STRONG)
    assert token_key.unusable(settings) == ""
    assert client.get("/api/v1/overview", headers=bearer).status_code == 401, "the token is wrong, and can be judged"
    store.close()


def test_with_postgresql_and_no_key_no_token_is_made(place: Console, migrated_postgres: str, postgres: str) -> None:
    url = new_database(postgres, migrated_postgres)
    place.configure(store={"url": url})
    assert token_key.MISSING not in findings(place)
    place.configure(store={"url": url}, web={"pages": True})
    assert findings(place)[token_key.MISSING] == "warning"
    status, out, err = typed(place, "token", "issue")
    assert (status, out, err) == (2, "", SENTENCES[token_key.MISSING] + "\n")
    (place.path.parent / "key").write_text(STRONG)
    place.configure(store={"url": url}, web={"pages": True, "token_key": {"file": "key"}})
    assert token_key.MISSING not in findings(place)
    assert typed(place, "token", "list")[0] == 0


def test_no_key_shows_in_a_repr() -> None:
    assert TOKEN_KEY.value not in repr(WebSettings(token_key=TOKEN_KEY))
