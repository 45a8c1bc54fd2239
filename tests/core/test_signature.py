"""Who signed: vectors written out by hand and tokens put together byte by byte, never by the code under test."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from receiver.core.facts import Emitter
from receiver.core.signature import matching_keys

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION
HEADER = {SP: "x-lapin-signature", INSERTION: "x-rdvi-signature"}

BODY = b'{"data":{"id":1},"meta":{"model":"Rdv"}}'
RESPELT = b'{"data": {"id": 1}, "meta": {"model": "Rdv"}}'

# (key, body, HMAC-SHA256), by `openssl dgst -sha256 -hmac`; the first is test case 2 of RFC 4231.
VECTORS = {
    "rfc_4231": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "empty_body": (b"Jefe", b"", "923598ca6d64af2a5dba79dcd021a8a0fe5c5f557519adaaf0ad532d4506dd30"),
    "key_outside_ascii": (
        "clé".encode(),
        BODY,
        "5628d7e1248af0108bfa19558b93814e9d94c942ac633a1999dabf13a0a7761c",
    ),
    "json": (b"secret-one", BODY, "a9c82ac2bf19e68fbd1e4211c303916e89c133688c4653f125ca88f29d289b54"),
    "json_respelt": (b"secret-one", RESPELT, "088fae109c68be17d7a8842617dffec1f4605557013ec93546f141efcb4614d3"),
    "not_text": (b"secret-one", b"\x00\xff\xfe", "9cb95468bb898fd6d9c0523a5147627efb656708f7837d3a9b7cb588f866a093"),
}
KEY, _, SIGNATURE = VECTORS["json"]


def brief(value: object) -> str:
    return ascii(value)[:24]


def signed_by(
    signature: str, keys: list[bytes], body: bytes = BODY, emitter: Emitter = SP, header: str | None = None
) -> set[int]:
    return set(matching_keys(emitter, body, {header or HEADER[emitter]: signature}, keys, NOW))


# HMAC of the raw body


@pytest.mark.parametrize("emitter", Emitter)
@pytest.mark.parametrize("name", VECTORS)
def test_a_known_signature_is_recognised(name: str, emitter: Emitter) -> None:
    key, body, signature = VECTORS[name]
    assert signed_by(signature, [key], body, emitter) == {0}


def test_upper_case_hex_is_taken_too() -> None:
    """The public C# receiver takes it, so somebody may send it."""
    assert signed_by(SIGNATURE.upper(), [KEY]) == {0}


def test_the_key_that_signed_is_found_among_others() -> None:
    assert signed_by(SIGNATURE, [b"other", KEY, b"another"]) == {1}


def test_every_key_that_signed_is_told() -> None:
    """Two organisations may have been given one secret: what each may speak for is judged together."""
    assert signed_by(SIGNATURE, [KEY, b"other", KEY]) == {0, 2}


def test_no_keys_match_nothing() -> None:
    assert signed_by(SIGNATURE, []) == set()


def test_the_same_json_spelt_otherwise_is_not_what_was_signed() -> None:
    assert signed_by(SIGNATURE, [KEY], RESPELT) == set()
    assert signed_by(VECTORS["json_respelt"][2], [KEY], BODY) == set()


@pytest.mark.threat(id="forged-webhook")
@pytest.mark.parametrize(
    "signature",
    [
        "",
        "0",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE[:-1] + ("0" if SIGNATURE[-1] != "0" else "1"),
        "sha256=" + SIGNATURE,
        " " + SIGNATURE,
        SIGNATURE + ",",
        "é" * 64,
        "\udce9" * 64,
        "\u2126" + SIGNATURE,
        "0" * 100_000,
        base64.b64encode(bytes.fromhex(SIGNATURE)).decode(),
    ],
    ids=brief,
)
def test_anything_but_the_signature_is_refused_without_an_error(signature: str) -> None:
    """compare_digest raises on text outside ASCII; a stranger must not turn that into a 500."""
    assert signed_by(signature, [KEY]) == set()


@pytest.mark.parametrize("emitter", Emitter)
def test_each_emitter_has_its_own_header(emitter: Emitter) -> None:
    [other] = set(HEADER.values()) - {HEADER[emitter]}
    assert signed_by(SIGNATURE, [KEY], emitter=emitter, header=other) == set()


def test_without_a_header_nobody_signed() -> None:
    assert matching_keys(SP, BODY, {}, [KEY], NOW) == frozenset()


# rdv-insertion's bearer token

ID, ADDRESS, STARTS_AT = 325, "37 rue du Temple, Arras, 62000", "2026-12-09T09:00:00.000+01:00"
CLAIMS: dict[str, object] = {"id": ID, "address": ADDRESS, "starts_at": STARTS_AT}
JOSE: dict[str, object] = {"alg": "HS256", "typ": "JWT", "exp": NOW.timestamp() + 600}
TOKEN_KEY = b"a shared secret of thirty-two bytes or more"
FORGED_KEY = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"


def segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def raw_token(header: bytes, claims: bytes, key: bytes = TOKEN_KEY, digest: str = "sha256") -> str:
    signing_input = segment(header) + b"." + segment(claims)
    return (signing_input + b"." + segment(hmac.new(key, signing_input, digest).digest())).decode()


def token(header: dict[str, object] = JOSE, claims: object = CLAIMS, **how: object) -> str:
    return raw_token(json.dumps(header).encode(), json.dumps(claims).encode(), **how)  # type: ignore[arg-type]


def body(**changes: object) -> bytes:
    data = {"id": ID, "address": ADDRESS, "starts_at": STARTS_AT, "status": "unknown"} | changes
    return json.dumps({"data": data, "meta": {"model": "Rdv"}}).encode()


def vouched(
    bearer: str,
    of: bytes | None = None,
    keys: tuple[bytes, ...] = (TOKEN_KEY,),
    emitter: Emitter = INSERTION,
    scheme: str = "Bearer ",
    now: datetime = NOW,
) -> set[int]:
    headers = {"authorization": scheme + bearer}
    return set(matching_keys(emitter, body() if of is None else of, headers, list(keys), now))


def test_a_fresh_token_that_speaks_of_the_body_vouches_for_it() -> None:
    assert vouched(token()) == {0}
    assert vouched(token(), keys=(b"x" * 32, TOKEN_KEY, TOKEN_KEY)) == {1, 2}


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer  "])
def test_the_scheme_is_read_as_http_says(scheme: str) -> None:
    assert vouched(token(), scheme=scheme) == {0}


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "Bearer"])
def test_another_scheme_is_no_token(scheme: str) -> None:
    assert vouched(token(), scheme=scheme) == set()


def test_a_key_of_any_length_will_do() -> None:
    """How long its secrets are is the emitter's choice; PyJWT would warn of each token."""
    assert vouched(token(key=b"short"), keys=(b"short",)) == {0}


def test_a_token_of_another_key_is_refused() -> None:
    assert vouched(token(key=b"y" * 32)) == set()


def test_rdv_service_public_never_speaks_by_token() -> None:
    """It signs the whole body; a weaker proof must not stand in for that."""
    assert vouched(token(), emitter=SP) == set()


def test_a_wrong_signature_is_not_made_good_by_a_token() -> None:
    headers = {"x-rdvi-signature": "0" * 64, "authorization": "Bearer " + token()}
    assert matching_keys(INSERTION, body(), headers, [TOKEN_KEY], NOW) == frozenset()


def test_of_both_proofs_the_signature_counts() -> None:
    good = hmac.new(b"of-hmac", body(), hashlib.sha256).hexdigest()
    headers = {"x-rdvi-signature": good, "authorization": "Bearer " + token()}
    assert matching_keys(INSERTION, body(), headers, [TOKEN_KEY, b"of-hmac"], NOW) == {1}


@pytest.mark.threat(id="jwt-confusion")
@pytest.mark.parametrize("algorithm", ["none", "None", "", None, ["HS256"], {"alg": "HS256"}, 256, "hs256", "RS256"])
def test_the_algorithm_is_pinned_whatever_the_header_says(algorithm: object) -> None:
    assert vouched(token(JOSE | {"alg": algorithm})) == set()


def test_an_unsigned_token_is_refused() -> None:
    header, claims, _ = token(JOSE | {"alg": "none"}).split(".")
    assert vouched(f"{header}.{claims}.") == set()


@pytest.mark.parametrize(("algorithm", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_a_stronger_relative_is_refused_too(algorithm: str, digest: str) -> None:
    assert vouched(token(JOSE | {"alg": algorithm}, digest=digest)) == set()


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_a_public_key_never_serves_as_a_secret(algorithm: str) -> None:
    """The confusion of RS256 with HS256: what everybody may know would sign."""
    assert vouched(token(JOSE | {"alg": algorithm}, key=FORGED_KEY), keys=(FORGED_KEY,)) == set()


def test_the_algorithm_must_be_named() -> None:
    assert vouched(token({name: value for name, value in JOSE.items() if name != "alg"})) == set()


# Its expiry stands in the JOSE header


def test_a_token_is_good_until_its_expiry_and_not_at_it() -> None:
    expiry = NOW + timedelta(seconds=600)
    assert vouched(token(), now=expiry - timedelta(milliseconds=1)) == {0}
    assert vouched(token(), now=expiry) == set()


@pytest.mark.parametrize("expiry", [None, True, False, "9999999999", [9999999999], {}, "", -1, 0, NOW.timestamp() - 1])
def test_an_expiry_that_is_past_or_no_number_is_refused(expiry: object) -> None:
    assert vouched(token(JOSE | {"exp": expiry})) == set()


def test_a_token_without_expiry_is_refused_even_where_its_claims_have_one() -> None:
    without = {name: value for name, value in JOSE.items() if name != "exp"}
    assert vouched(token(without)) == set()
    assert vouched(token(without, CLAIMS | {"exp": NOW.timestamp() + 600})) == set()


def test_an_expiry_that_is_not_a_number_never_comes() -> None:
    header = json.dumps(JOSE | {"exp": float("nan")}).encode()
    assert vouched(raw_token(header, json.dumps(CLAIMS).encode())) == set()


def test_claims_that_a_stock_decoder_would_judge_are_not_judged() -> None:
    """The emitter's claims are a copy of fields of a RDV; `exp`, `nbf`, `aud` among them would mean nothing."""
    odd = CLAIMS | {"exp": 1, "nbf": 99999999999, "iat": "x", "aud": "somebody", "iss": 3, "sub": 4, "jti": 5}
    assert vouched(token(claims=odd)) == {0}


# Its claims are compared with the body


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ID + 1},
        {"id": str(ID)},
        {"address": "14 impasse des Usagers"},
        {"address": None},
        {"address": ADDRESS + " "},
        {"starts_at": "2026-12-09T10:00:00.000+01:00"},
        {"starts_at": "2026-12-09 09:00:00 +0100"},
    ],
)
def test_a_token_that_speaks_of_another_rdv_is_refused(changes: dict[str, object]) -> None:
    assert vouched(token(), body(**changes)) == set()
    assert vouched(token(claims=CLAIMS | changes)) == set()


@pytest.mark.parametrize("missing", CLAIMS)
def test_each_of_the_three_claims_must_be_there(missing: str) -> None:
    """Also where the body has none either: absent must not equal absent."""
    fewer = {name: value for name, value in CLAIMS.items() if name != missing}
    without = {name: value for name, value in json.loads(body())["data"].items() if name != missing}
    assert vouched(token(claims=fewer)) == set()
    assert vouched(token(claims=fewer), json.dumps({"data": without}).encode()) == set()


def test_an_address_that_is_null_on_both_sides_agrees() -> None:
    assert vouched(token(claims=CLAIMS | {"address": None}), body(address=None)) == {0}
    without = {"data": {"id": ID, "starts_at": STARTS_AT}}
    assert vouched(token(claims=CLAIMS | {"address": None}), json.dumps(without).encode()) == {0}


def test_the_rest_of_the_body_is_not_covered() -> None:
    """Stated so that nobody believes otherwise: the emitter signs three fields only."""
    assert vouched(token(), body(status="revoked")) == {0}


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"{",
        b"null",
        b"3",
        b'"data"',
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": "id"}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"data": {"id": ' + b"9" * 5_000 + b"}}",
    ],
    ids=brief,
)
def test_a_body_that_cannot_be_read_is_vouched_for_by_nobody(other: bytes) -> None:
    assert vouched(token(), other) == set()


@pytest.mark.parametrize(
    "bearer",
    [
        "x",
        "..",
        "a.b.c",
        "é.é.é",
        "\udce9.\udce9.\udce9",
        segment(b"[" * 5_000).decode() + ".e30.AA",
        segment(b'{"alg":"HS256","exp":' + b"9" * 5_000 + b"}").decode() + ".e30.AA",
        segment(b"\xff\xfe").decode() + ".e30.AA",
        segment(b"[]").decode() + ".e30.AA",
        token(JOSE | {"crit": ["exp"]}),
        token(JOSE | {"b64": False, "crit": ["b64"]}),
        token(JOSE | {"kid": 3}),
    ],
    ids=brief,
)
def test_a_token_that_cannot_be_read_is_refused_without_an_error(bearer: str) -> None:
    assert vouched(bearer) == set()


@pytest.mark.parametrize(
    "claims", [b"[]", b"null", b"3", b"true", b'"id"', b"{", b"\xff", b"", b"[" * 5_000, b'{"id":NaN}'], ids=brief
)
def test_signed_claims_that_are_no_object_are_refused_without_an_error(claims: bytes) -> None:
    assert vouched(raw_token(json.dumps(JOSE).encode(), claims)) == set()
