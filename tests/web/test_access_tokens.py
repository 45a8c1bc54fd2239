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
from receiver.store.tools import tokens
from tests.logs.captured import captured_logs
from tests.makers import NOW
from tests.web.access_client import ACTION, API, API_ACTION, METRICS, PAGE, AccessHarness

HS512, RS256 = b'{"alg":"HS512","typ":"JWT"}', b'{"alg":"RS256","typ":"JWT"}'
NO_BEARER = {"status": "unauthorized"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(text: str) -> dict[str, Any]:
    return dict(jwt.decode(text, options={"verify_signature": False}))


def expired(site: AccessHarness) -> str:
    text, _ = site.issue(days=1)
    site.now = NOW + timedelta(days=1)
    return text


def revoked(site: AccessHarness) -> str:
    text, record = site.issue()
    site.store.write(tokens.revoke, record.id, NOW)
    return text


def never_issued(site: AccessHarness) -> str:
    text, _ = site.issue()
    return jwt.encode(claims_of(text) | {"jti": "0" * 16}, site.tokens.key, "HS256")


def unsigned(site: AccessHarness) -> str:
    text, _ = site.issue()
    return jwt.encode(claims_of(text), "", "none")


def unsigned_with_the_signature_left_on(site: AccessHarness) -> str:
    text, _ = site.issue()
    return ".".join([b64(b'{"alg":"none","typ":"JWT"}'), *text.split(".")[1:]])


def other_hash(site: AccessHarness) -> str:
    text, _ = site.issue()
    signed = f"{b64(HS512)}.{text.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(site.tokens.key, signed.encode(), hashlib.sha512))}"


def rsa_signed(site: AccessHarness) -> str:
    text, _ = site.issue()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return jwt.encode(claims_of(text), pem, "RS256")


def said_to_be_rsa_but_signed_with_our_key(site: AccessHarness) -> str:
    """The confusion of keys: an RS256 header over an HMAC."""
    text, _ = site.issue()
    signed = f"{b64(RS256)}.{text.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(site.tokens.key, signed.encode(), hashlib.sha256))}"


def of_another_installation(site: AccessHarness) -> str:
    _, record = site.issue()
    elsewhere = Tokens(site.store, "another", site.tokens.key)
    text, _ = elsewhere.issue(Role.READ, timedelta(days=1), "", NOW)
    return jwt.encode(claims_of(text) | {"jti": record.id}, site.tokens.key, "HS256")


def signed_with_another_key(site: AccessHarness) -> str:
    text, _ = site.issue()
    return jwt.encode(claims_of(text), b"k" * 32, "HS256")


def signed_with_the_installations_own_key(site: AccessHarness) -> str:
    text, _ = site.issue()
    return jwt.encode(claims_of(text), site.store.installation().digest_key, "HS256")


def with_its_role_raised(site: AccessHarness) -> str:
    text, _ = site.issue(Role.READ)
    head, _, signature = text.split(".")
    return f"{head}.{b64(json.dumps(claims_of(text) | {'role': 'operate'}).encode())}.{signature}"


def truncated(site: AccessHarness) -> str:
    return site.issue()[0][:-1]


def without_its_signature(site: AccessHarness) -> str:
    return site.issue()[0].rpartition(".")[0] + "."


def huge(site: AccessHarness) -> str:
    text, _ = site.issue()
    return jwt.encode(claims_of(text) | {"more": "x" * 48_000}, site.tokens.key, "HS256")


def without_an_end(site: AccessHarness) -> str:
    claims = claims_of(site.issue()[0])
    del claims["exp"]
    return jwt.encode(claims, site.tokens.key, "HS256")


def no_token_at_all(_: AccessHarness) -> str:
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
def test_a_wrong_token_is_refused_and_nobody_is_told_why(
    site: AccessHarness, make: Callable[[AccessHarness], str]
) -> None:
    answer = site.api(make(site))
    assert (answer.status_code, answer.json) == (401, NO_BEARER)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="rdv-receiver"'


@pytest.mark.parametrize("make", REFUSED)
def test_a_wrong_token_logs_nobody_in_and_nobody_is_told_why(
    site: AccessHarness, make: Callable[[AccessHarness], str]
) -> None:
    answer, nonsense = site.login(make(site)), site.login("nonsense")
    assert (answer.status_code, answer.text) == (403, nonsense.text)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [API, METRICS])
def test_programs_are_let_in_by_a_bearer_token(site: AccessHarness, path: str) -> None:
    text, _ = site.issue(label="supervision")
    assert site.api(text, path).text.startswith("supervision read ")
    assert site.api(text, path, scheme="bearer").status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Digest"])
def test_another_scheme_is_no_bearer(site: AccessHarness, scheme: str) -> None:
    text, _ = site.issue()
    assert site.api(text, scheme=scheme).status_code == 401


def test_a_token_in_the_address_opens_nothing(site: AccessHarness) -> None:
    """Addresses stand in logs and histories."""
    text, _ = site.issue()
    assert site.get(API, query_string={"token": text, "access_token": text}).status_code == 401


def test_a_reader_may_not_act(site: AccessHarness) -> None:
    answer = site.api(site.issue(Role.READ)[0], API_ACTION, "POST")
    assert (answer.status_code, answer.json) == (403, {"status": "forbidden"})


def test_an_operator_may_act_by_the_api_without_a_form(site: AccessHarness) -> None:
    assert site.api(site.issue(Role.OPERATE)[0], API_ACTION, "POST").text == "done"


def test_what_a_browser_sends_by_itself_never_counts_on_the_api(site: AccessHarness) -> None:
    text, _ = site.issue(Role.OPERATE)
    assert site.login(text).status_code == 303
    word = site.word()
    assert site.act(word).text == "done"
    assert site.act(word, API_ACTION).status_code == 401
    assert site.get(API).status_code == 401


def test_a_bearer_token_opens_no_page(site: AccessHarness) -> None:
    """A proxy in front may pass on the header of its own login."""
    assert site.api(site.issue()[0], PAGE).status_code == 303
    assert site.api(site.issue(Role.OPERATE)[0], ACTION, "POST").status_code == 303


@pytest.mark.threat(id="entry-without-token")
def test_a_revoked_token_ends_open_sessions_at_once(site: AccessHarness) -> None:
    text, record = site.issue()
    site.login(text)
    assert site.get().status_code == 200
    site.store.write(tokens.revoke, record.id, NOW)
    assert site.get().status_code == 303


def test_a_tokens_text_is_neither_logged_nor_kept(site: AccessHarness, tmp_path: Path) -> None:
    with captured_logs() as stream:
        text, record = site.issue(Role.OPERATE)
        site.login(text)
        site.act(site.word())
        site.login(f"{text}x")
        site.api(text)
        site.api(f"{text}x")
    written = stream.getvalue()
    assert record.id in written
    parts = [text, *text.split(".")[1:]]
    assert not [part for part in parts if part in written]
    files = list(tmp_path.glob("store.db*"))
    kept = b"".join(path.read_bytes() for path in files)
    assert record.id.encode() in kept
    assert not [part for part in parts if part.encode() in kept]
