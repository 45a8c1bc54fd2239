"""A token opens what it says, for as long as it says, and nothing else does."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from receiver.core.roles import Role
from receiver.core.tokens import InvalidToken, Token, csrf_token, issue, read, signing_key

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
KEY = signing_key("k" * 32)
HERE = "5a2f8c1e-installation"
TOKEN = Token("0123abcd", Role.READ, NOW + timedelta(days=90))


def claims(**changed: Any) -> dict[str, Any]:
    plain = {"iss": "rdv-receiver", "aud": HERE, "jti": "x", "role": "read", "iat": 1, "exp": 2_000_000_000}
    return {name: value for name, value in (plain | changed).items() if value is not None}


def forged(header: dict[str, str], body: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body)]
    return ".".join([*parts, ""])


@pytest.mark.parametrize("role", Role)
def test_a_token_reads_back(role: Role) -> None:
    token = Token("0123abcd", role, TOKEN.expires_at)
    assert read(KEY, HERE, issue(KEY, HERE, token, NOW), NOW) == token


def test_a_token_ends_at_its_second() -> None:
    text = issue(KEY, HERE, TOKEN, NOW)
    assert read(KEY, HERE, text, TOKEN.expires_at - timedelta(seconds=1)) == TOKEN
    with pytest.raises(InvalidToken):
        read(KEY, HERE, text, TOKEN.expires_at)


def test_a_token_of_another_installation_opens_nothing() -> None:
    with pytest.raises(InvalidToken):
        read(KEY, "another", issue(KEY, HERE, TOKEN, NOW), NOW)


def test_a_token_signed_with_another_key_opens_nothing() -> None:
    """The installation's own key is another one than that of its tokens."""
    for key in (signing_key("j" * 32), b"k" * 32):
        with pytest.raises(InvalidToken):
            read(KEY, HERE, issue(key, HERE, TOKEN, NOW), NOW)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_of_the_same_key_opens_nothing(algorithm: str) -> None:
    with pytest.raises(InvalidToken):
        read(KEY, HERE, jwt.encode(claims(), KEY.ljust(64, b"\0"), algorithm), NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "RS256", "ES256", "", "HS256"])
def test_an_unsigned_token_opens_nothing(algorithm: str) -> None:
    with pytest.raises(InvalidToken):
        read(KEY, HERE, forged({"alg": algorithm, "typ": "JWT"}, claims()), NOW)


@pytest.mark.parametrize("name", ["iss", "aud", "jti", "role", "iat", "exp"])
def test_a_token_that_leaves_something_out_opens_nothing(name: str) -> None:
    with pytest.raises(InvalidToken):
        read(KEY, HERE, jwt.encode(claims(**{name: None}), KEY, "HS256"), NOW)


@pytest.mark.threat(id="jwt-confusion")
@pytest.mark.parametrize(
    "changed",
    [
        {"role": "admin"},
        {"role": ["read"]},
        {"iss": "somebody"},
        {"exp": 10**30},
        {"exp": "soon"},
        {"exp": -(10**30)},
        {"exp": float("nan")},
        {"jti": 5},
        {"aud": ["x"]},
        {"exp": None},
    ],
)
def test_a_token_that_makes_no_sense_opens_nothing(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        read(KEY, HERE, jwt.encode(claims(**changed), KEY, "HS256"), NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é", "\0", "x" * 100_000])
def test_what_is_no_token_opens_nothing(text: str) -> None:
    with pytest.raises(InvalidToken):
        read(KEY, HERE, text, NOW)


def test_why_a_token_is_refused_is_told_to_nobody() -> None:
    with pytest.raises(InvalidToken) as caught:
        read(KEY, HERE, "a.b.c", NOW)
    assert (str(caught.value), caught.value.__cause__, caught.value.__suppress_context__) == ("", None, True)


def test_roles_hold_one_another() -> None:
    assert [(mine, wanted) for mine in Role for wanted in Role if not mine.may(wanted)] == [(Role.READ, Role.OPERATE)]


def test_every_bearer_has_a_word_of_their_own() -> None:
    assert csrf_token(KEY, "a") == csrf_token(KEY, "a") != csrf_token(KEY, "b")
    assert csrf_token(KEY, "a") != csrf_token(signing_key("j"), "a")
