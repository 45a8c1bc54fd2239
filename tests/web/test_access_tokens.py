"""Tokens that open nothing, and what those that open allow: over the API, where no cookie is in the way."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from receiver.core.roles import Role
from receiver.operations.access.tokens import Tokens
from tests.logs.captured import captured_logs
from tests.makers import NOW
from tests.web.access_client import ACTION, API, API_ACTION, METRICS, PAGE, AccessDesk

HS512, RS256 = b'{"alg":"HS512","typ":"JWT"}', b'{"alg":"RS256","typ":"JWT"}'
NO_BEARER = {"status": "unauthorized"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(text: str) -> dict[str, Any]:
    return dict(jwt.decode(text, options={"verify_signature": False}))


def expired(desk: AccessDesk) -> str:
    text, _ = desk.issue(days=1)
    desk.now = NOW + timedelta(days=1)
    return text


def revoked(desk: AccessDesk) -> str:
    text, record = desk.issue()
    desk.store.revoke_token(record.id, NOW)
    return text


def never_issued(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return jwt.encode(claims_of(text) | {"jti": "0" * 16}, desk.tokens.key, "HS256")


def unsigned(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return jwt.encode(claims_of(text), "", "none")


def unsigned_with_the_signature_left_on(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return ".".join([b64(b'{"alg":"none","typ":"JWT"}'), *text.split(".")[1:]])


def other_hash(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    signed = f"{b64(HS512)}.{text.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(desk.tokens.key, signed.encode(), hashlib.sha512))}"


def rsa_signed(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return jwt.encode(claims_of(text), pem, "RS256")


def said_to_be_rsa_but_signed_with_our_key(desk: AccessDesk) -> str:
    """The confusion of keys: an RS256 header over an HMAC."""
    text, _ = desk.issue()
    signed = f"{b64(RS256)}.{text.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(desk.tokens.key, signed.encode(), hashlib.sha256))}"


def of_another_installation(desk: AccessDesk) -> str:
    _, record = desk.issue()
    elsewhere = Tokens(desk.store, "another", desk.tokens.key)
    text, _ = elsewhere.issue(Role.READ, timedelta(days=1), "", NOW)
    return jwt.encode(claims_of(text) | {"jti": record.id}, desk.tokens.key, "HS256")


def signed_with_another_key(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return jwt.encode(claims_of(text), b"k" * 32, "HS256")


def signed_with_the_installations_own_key(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return jwt.encode(claims_of(text), desk.store.installation().digest_key, "HS256")


def with_its_role_raised(desk: AccessDesk) -> str:
    text, _ = desk.issue(Role.READ)
    head, _, signature = text.split(".")
    return f"{head}.{b64(json.dumps(claims_of(text) | {'role': 'operate'}).encode())}.{signature}"


def truncated(desk: AccessDesk) -> str:
    return desk.issue()[0][:-1]


def without_its_signature(desk: AccessDesk) -> str:
    return desk.issue()[0].rpartition(".")[0] + "."


def huge(desk: AccessDesk) -> str:
    text, _ = desk.issue()
    return jwt.encode(claims_of(text) | {"more": "x" * 48_000}, desk.tokens.key, "HS256")


def without_an_end(desk: AccessDesk) -> str:
    claims = claims_of(desk.issue()[0])
    del claims["exp"]
    return jwt.encode(claims, desk.tokens.key, "HS256")


def no_token_at_all(_: AccessDesk) -> str:
    return "bonjour"


REFUSED = [
    expired,
    revoked,
    never_issued,
    unsigned,
    unsigned_with_the_signature_left_on,
    other_hash,
    rsa_signed,
    said_to_be_rsa_but_signed_with_our_key,
    of_another_installation,
    signed_with_another_key,
    signed_with_the_installations_own_key,
    with_its_role_raised,
    truncated,
    without_its_signature,
    huge,
    without_an_end,
    no_token_at_all,
]


@pytest.mark.parametrize("make", REFUSED)
def test_a_wrong_token_is_refused_and_nobody_is_told_why(desk: AccessDesk, make: Callable[[AccessDesk], str]) -> None:
    answer = desk.api(make(desk))
    assert (answer.status_code, answer.json) == (401, NO_BEARER)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="rdv-receiver"'


@pytest.mark.parametrize("make", REFUSED)
def test_a_wrong_token_logs_nobody_in_and_nobody_is_told_why(
    desk: AccessDesk, make: Callable[[AccessDesk], str]
) -> None:
    answer, nonsense = desk.login(make(desk)), desk.login("nonsense")
    assert (answer.status_code, answer.text) == (403, nonsense.text)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [API, METRICS])
def test_programs_are_let_in_by_a_bearer_token(desk: AccessDesk, path: str) -> None:
    text, _ = desk.issue(label="supervision")
    assert desk.api(text, path).text.startswith("supervision read ")
    assert desk.api(text, path, scheme="bearer").status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Digest"])
def test_another_scheme_is_no_bearer(desk: AccessDesk, scheme: str) -> None:
    text, _ = desk.issue()
    assert desk.api(text, scheme=scheme).status_code == 401


def test_a_token_in_the_address_opens_nothing(desk: AccessDesk) -> None:
    """Addresses stand in logs and histories."""
    text, _ = desk.issue()
    assert desk.get(API, query_string={"token": text, "access_token": text}).status_code == 401


def test_a_reader_may_not_act(desk: AccessDesk) -> None:
    answer = desk.api(desk.issue(Role.READ)[0], API_ACTION, "POST")
    assert (answer.status_code, answer.json) == (403, {"status": "forbidden"})


def test_an_operator_may_act_by_the_api_without_a_form(desk: AccessDesk) -> None:
    assert desk.api(desk.issue(Role.OPERATE)[0], API_ACTION, "POST").text == "done"


def test_what_a_browser_sends_by_itself_never_counts_on_the_api(desk: AccessDesk) -> None:
    text, _ = desk.issue(Role.OPERATE)
    assert desk.login(text).status_code == 303
    word = desk.word()
    assert desk.act(word).text == "done"
    assert desk.act(word, API_ACTION).status_code == 401
    assert desk.get(API).status_code == 401


def test_a_bearer_token_opens_no_page(desk: AccessDesk) -> None:
    """A proxy in front may pass on the header of its own login."""
    assert desk.api(desk.issue()[0], PAGE).status_code == 303
    assert desk.api(desk.issue(Role.OPERATE)[0], ACTION, "POST").status_code == 303


@pytest.mark.threat(id="entry-without-token")
def test_a_revoked_token_ends_open_sessions_at_once(desk: AccessDesk) -> None:
    text, record = desk.issue()
    desk.login(text)
    assert desk.get().status_code == 200
    desk.store.revoke_token(record.id, NOW)
    assert desk.get().status_code == 303


def test_a_tokens_text_is_neither_logged_nor_kept(desk: AccessDesk, tmp_path: Path) -> None:
    with captured_logs() as stream:
        text, record = desk.issue(Role.OPERATE)
        desk.login(text)
        desk.act(desk.word())
        desk.login(f"{text}x")
        desk.api(text)
        desk.api(f"{text}x")
    written = stream.getvalue()
    assert record.id in written
    parts = [text, *text.split(".")[1:]]
    assert not [part for part in parts if part in written]
    files = list(tmp_path.glob("store.db*"))
    kept = b"".join(path.read_bytes() for path in files)
    assert record.id.encode() in kept
    assert not [part for part in parts if part.encode() in kept]
