"""Signatures and tokens: what takes as long whichever is right, and what a token's head may talk us into."""

import hmac
import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from receiver.core import signature, tokens
from receiver.core.facts import Emitter
from receiver.core.roles import Role
from receiver.core.signature import matching_keys
from receiver.core.tokens import InvalidToken, read
from tests.core.test_signature import BODY, CLAIMS, JOSE, NOW, TOKEN_KEY, body, raw_token, segment, token, vouched
from tests.core.test_tokens import HERE, KEY, claims
from tests.security.hostile import answer, hostile

KEYS = [b"first", b"second", b"third", b"fourth"]


class Counted:
    """Stands in for a function and counts its calls."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.function(*arguments)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Comparisons in constant time."""
    counted = Counted(hmac.compare_digest)
    monkeypatch.setattr(hmac, "compare_digest", counted)
    monkeypatch.setattr(signature.hmac, "compare_digest", counted)
    return counted


@pytest.mark.threat(id="secret-timing")
@pytest.mark.parametrize("emitter", Emitter)
def test_each_live_secret_is_tried_whichever_is_right(emitter: Emitter, comparisons: Counted) -> None:
    """How long an answer takes tells neither how many letters were right, nor which secret is the live one."""
    made = [hmac.new(key, BODY, "sha256").hexdigest() for key in KEYS]
    header = signature.HMAC_HEADERS[emitter]
    for sent, found in [*zip(made, range(4), strict=True), ("0" * 64, None), (made[0][:63] + "x", None), ("", None)]:
        comparisons.calls = 0
        matched = matching_keys(emitter, BODY, {header: sent}, KEYS, NOW)
        assert matched == (frozenset() if found is None else {found})
        assert comparisons.calls == (len(KEYS) if sent else 0)


@pytest.mark.threat(id="secret-timing")
def test_each_live_secret_is_tried_on_a_token_whichever_is_right(comparisons: Counted) -> None:
    keys = (b"x" * 32, TOKEN_KEY, b"y" * 32)
    sent: list[tuple[str, set[int]]] = [(token(), {1}), (token(key=keys[0]), {0}), (token(key=keys[2]), {2})]
    for bearer, found in [*sent, (token(key=b"z"), set())]:
        comparisons.calls = 0
        assert vouched(bearer, keys=keys) == found
        assert comparisons.calls == len(keys)


@pytest.mark.parametrize("key", [KEY, b"x" * 32])
def test_a_token_of_ours_is_compared_in_constant_time_too(key: bytes, comparisons: Counted) -> None:
    text = tokens.issue(key, HERE, tokens.Token("0123abcd", Role.READ, NOW + timedelta(days=9)), NOW)
    with nullcontext() if key == KEY else pytest.raises(InvalidToken):
        read(KEY, HERE, text, NOW)
    assert comparisons.calls == 1


HEADS: list[dict[str, object]] = [
    {"kid": "../../../../dev/null"},
    {"kid": "' UNION SELECT 'key"},
    {"jku": "%s/keys"},
    {"x5u": "%s/chain"},
    {"jwk": {"kty": "oct", "k": "eA"}},
    {"x5c": ["eA"]},
    {"cty": "JWT"},
    {"zip": "DEF"},
]


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A server that would hand out keys; nobody may ask it."""
    with hostile(answer(b'{"keys": [{"kty": "oct", "k": "eA"}]}')) as server:
        yield server.address
        assert server.heard == []


@pytest.mark.threat(id="jwt-confusion")
@pytest.mark.parametrize("head", HEADS, ids=lambda head: str(*head))
def test_a_token_names_no_key_of_its_own(head: dict[str, object], elsewhere: str) -> None:
    """The key `x` is the one that each of these heads offers, or points at."""
    told = {name: value.replace("%s", elsewhere) if isinstance(value, str) else value for name, value in head.items()}
    assert vouched(token(JOSE | told, key=b"x")) == set()
    assert vouched(token(JOSE | told)) == {0}
    ours = raw_token(json.dumps(JOSE | told).encode(), json.dumps(claims()).encode(), key=b"x")
    with pytest.raises(InvalidToken):
        read(KEY, HERE, ours, NOW)


def test_a_claim_that_stands_twice_vouches_for_one_body_at_most() -> None:
    twice = json.dumps(CLAIMS).encode().replace(b'{"id"', b'{"id": 1, "id"')
    bearer = raw_token(json.dumps(JOSE).encode(), twice)
    assert not vouched(bearer, of=body()) or not vouched(bearer, of=body(id=1))


@pytest.mark.parametrize("inner", [token(), "Bearer", ""])
def test_a_token_in_a_token_is_no_token(inner: str) -> None:
    bearer = raw_token(json.dumps(JOSE | {"cty": "JWT"}).encode(), inner.encode())
    assert vouched(bearer) == set()


@pytest.mark.parametrize(
    "head", [b"[" * 5_000, b'{"a":' * 1_200, b'{"alg":"HS256","alg":"none"}', b'\xef\xbb\xbf{"alg":"HS256"}']
)
def test_a_head_of_any_form_opens_nothing_and_upsets_nothing(head: bytes) -> None:
    text = segment(head).decode() + ".e30.AA"
    assert vouched(text) == set()
    with pytest.raises(InvalidToken):
        read(KEY, HERE, text, NOW)


@pytest.mark.parametrize("changed", [{"exp": "9999999999"}, {"exp": True}, {"exp": [9999999999]}, {"aud": None}])
def test_claims_of_another_kind_open_nothing(changed: dict[str, Any]) -> None:
    text = raw_token(b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims() | changed).encode(), key=KEY)
    with pytest.raises(InvalidToken):
        read(KEY, HERE, text, NOW)
