"""Who copies the database opens nothing: what signs tokens and forms is not in it."""

import hashlib
import hmac
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest

from receiver.config import Secret, StoreSettings, WebSettings
from receiver.core import tokens as core
from receiver.operations.access.token_key import FILE_NAME
from receiver.store import Store
from receiver.store.tools import tokens as stored_tokens
from receiver.web.app import create_app
from tests.makers import NOW
from tests.store.test_copying import nobody_watches
from tests.web.access_client import PAGE, AccessHarness
from tests.web.receiver_client import SOURCES, settings_of


@pytest.fixture
def site(migrated_sqlite: Path, tmp_path: Path) -> Iterator[AccessHarness]:
    """An installation's pages."""
    store = Store(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'store.db')}")
    yield AccessHarness(store)
    store.close()


@pytest.fixture
def robbed(site: AccessHarness, tmp_path: Path) -> tuple[AccessHarness, Path]:
    """An installation with a token that opens, whose database was copied."""
    site.issue(label="prometheus")
    copy = tmp_path / "stolen.db"
    site.store.back_up(copy, nobody_watches)
    return site, copy


def stolen_words(copy: Path) -> Iterator[bytes]:
    """Every value of every row, as bytes."""
    with closing(sqlite3.connect(copy)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # names of the schema
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()


def guessed_keys(copy: Path) -> set[bytes]:
    """Keys that a thief could try: every value, and all that this program ever derived from one."""
    keys: set[bytes] = set()
    for word in stolen_words(copy):
        for purpose in (b"rdv-receiver tokens", b"tag", b"form "):
            keys.add(hmac.digest(word, purpose, "sha256"))
        keys |= {word, hashlib.sha256(word).digest(), core.signing_key(word.decode("latin-1")), word.hex().encode()}
    return {key for key in keys if key}


@pytest.mark.threat(id="stolen-backup")
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_nothing_in_a_copied_database_signs_a_token_or_a_form(robbed: tuple[AccessHarness, Path]) -> None:
    site, copy = robbed
    [record] = site.store.read(stored_tokens.listed)
    claims: dict[str, Any] = {
        "iss": core.ISSUER,
        "aud": site.store.installation().id,
        "jti": record.id,
        "role": "read",
        "iat": int(NOW.timestamp()),
        "exp": int(record.expires_at.timestamp()),
    }
    word = site.tokens.form_word(record.id)
    keys = guessed_keys(copy)
    assert hmac.digest(site.store.installation().digest_key, b"rdv-receiver tokens", "sha256") in keys
    for key in keys:
        assert site.api(jwt.encode(claims, key, core.ALGORITHM)).status_code == 401
        assert core.csrf_token(key, record.id) != word
    assert site.api(jwt.encode(claims, site.tokens.key, core.ALGORITHM)).status_code == 200  # all else is right


@pytest.mark.threat(id="stolen-backup")
def test_the_file_beside_the_database_is_not_in_its_copy(migrated_sqlite: Path, tmp_path: Path) -> None:
    database, copy = tmp_path / "store.db", tmp_path / "copy" / "store.db"
    copy.parent.mkdir()
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = settings_of(*SOURCES).replace(
        store=StoreSettings(url=f"sqlite:///{database}"), web=WebSettings(pages=True)
    )
    store = Store(settings.store.address)
    create_app(settings, store, flush_after_s=None)
    key = (tmp_path / FILE_NAME).read_text().strip()
    store.back_up(copy, nobody_watches)
    store.close()
    assert [path.name for path in copy.parent.iterdir()] == ["store.db"]
    assert key.encode() not in copy.read_bytes()
    assert bytes.fromhex(key) not in copy.read_bytes()


def test_a_copy_that_is_restored_elsewhere_knows_no_token_of_before(site: AccessHarness) -> None:
    text, _ = site.issue()
    web = WebSettings(pages=True, token_key=Secret("another host's secret, which signs its own tokens"))
    elsewhere = settings_of(*SOURCES).replace(web=web)
    app = create_app(elsewhere, site.store, lambda: NOW, flush_after_s=None)
    answer = app.test_client().get("/api/v1/overview", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401
    assert site.login(text).status_code == 303
    assert site.get(PAGE).status_code == 200
