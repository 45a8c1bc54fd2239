"""Signatures against vectors that other people published."""

import ast
import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

import emitter
from emitter.platforms import Platform, scheme, signer
from emitter.signing import Scheme, UnsignableError, bearer_token, encode_jwt, headers, sign

NOW = datetime(2026, 11, 30, 8, 25, tzinfo=UTC)
BODY = (
    b'{"data":{"id":325,"starts_at":"2026-12-09T09:00:00.000+01:00","address":"37 rue du Temple, Arras, 62000",'
    b'"uuid":"2b0c2393"},"meta":{"model":"Rdv","event":"created"}}'
)


@pytest.mark.parametrize(
    ("body", "secret", "expected"),
    [
        # RFC 4231, section 4.3
        (
            b"what do ya want for nothing?",
            "Jefe",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        # RFC 4231, section 4.2: the key is twenty bytes 0x0b
        (b"Hi There", "\x0b" * 20, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        # Wikipedia's vector
        (
            b"The quick brown fox jumps over the lazy dog",
            "key",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        ),
    ],
)
def test_a_signature_is_the_published_hmac_sha256(body, secret, expected):
    assert sign(body, secret) == expected


def test_a_jwt_equals_the_one_of_jwt_io():
    """The example token of that site, known to everybody; its header has the algorithm first."""
    token = encode_jwt({"alg": "HS256", "typ": "JWT"}, _JWT_IO_CLAIMS, "your-256-bit-secret")
    assert token == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    )


_JWT_IO_CLAIMS = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}


def test_the_key_is_the_secrets_utf8_bytes():
    """Computed with `openssl dgst -sha256 -hmac`."""
    assert sign(b"x", "clé") == "522c16daef74b8d66aa5e041f7b0a331ced5c85d63a5c1fedbdb644bef7ca4bb"


def test_a_bearer_token_copies_three_fields_and_expires_in_its_header():
    """The claims hold no `exp`: a receiver that leaves the check to its JWT library accepts the token for ever."""
    jose, claims, signature = bearer_token(BODY, "secret", NOW).split(".")
    assert _decoded(jose) == {"typ": "JWT", "exp": int(NOW.timestamp()) + 600, "alg": "HS256"}
    assert _decoded(claims) == {
        "id": 325,
        "address": "37 rue du Temple, Arras, 62000",
        "starts_at": "2026-12-09T09:00:00.000+01:00",
    }
    assert "=" not in signature


def test_a_stock_decoder_accepts_the_token_long_after_it_expired():
    """An independent library agrees on the signature, and shows why `exp` in the header needs a check of its own."""
    secret = "a secret of thirty-two characters"
    token = bearer_token(BODY, secret, datetime(2020, 1, 1, tzinfo=UTC))
    assert jwt.decode(token, secret, algorithms=["HS256"])["id"] == 325
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, secret[::-1], algorithms=["HS256"])


def test_a_bearer_token_exists_for_rdvs_only():
    body = BODY.replace(b'"Rdv"', b'"Invitation"')
    with pytest.raises(UnsignableError, match="Invitation"):
        bearer_token(body, "secret", NOW)


@pytest.mark.parametrize(
    ("chosen", "header"),
    [
        (Scheme.LAPIN, "X-Lapin-Signature"),
        (Scheme.RDVI_HMAC, "X-RDVI-SIGNATURE"),
    ],
)
def test_a_hexadecimal_signature_stands_in_the_platforms_header(chosen, header):
    assert headers(chosen, BODY, "secret", NOW) == {header: sign(BODY, "secret")}


def test_a_bearer_token_stands_in_the_authorization_header():
    assert headers(Scheme.RDVI_JWT, BODY, "secret", NOW) == {
        "Authorization": f"Bearer {bearer_token(BODY, 'secret', NOW)}"
    }


def test_rdv_service_public_declares_the_charset_and_rdv_insertion_does_not():
    lapin = signer(Platform.RDV_SERVICE_PUBLIC, "secret")(BODY)
    insertion = signer(Platform.RDV_INSERTION, "secret")(BODY)
    assert lapin["Content-Type"] == "application/json; charset=utf-8"
    assert insertion["Content-Type"] == insertion["Accept"] == "application/json"


def test_a_platform_signs_with_its_own_schemes_only():
    assert scheme(Platform.RDV_SERVICE_PUBLIC) is Scheme.LAPIN
    assert scheme(Platform.RDV_INSERTION) is Scheme.RDVI_HMAC
    assert scheme(Platform.RDV_INSERTION, "jwt") is Scheme.RDVI_JWT
    with pytest.raises(ValueError, match="hmac only"):
        scheme(Platform.RDV_SERVICE_PUBLIC, "jwt")


def test_the_emitter_imports_nothing_of_the_product():
    """A bug shared by both sides would be seen by neither."""
    allowed = set(sys.stdlib_module_names) | {"emitter", "requests", "dateutil"}
    for path in Path(emitter.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert _imported(tree) <= allowed, path


def _imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}


def _decoded(segment: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
