"""A secret with something around it signs as it is written and without it, and speaks for no more than it was given."""

import pytest
from flask import Flask

from receiver.config import SigningSecret, Source, signing_keys
from receiver.config.authority import authority_of
from receiver.core.digests import secret_tag
from receiver.core.facts import Emitter
from receiver.core.scope import Authority
from receiver.store import counters
from receiver.web.app import create_app
from tests.core.samples import as_body
from tests.web.receiver_client import (
    ARRAS,
    LENS,
    RDV,
    Receiver,
    a_source,
    hex_signature,
    settings_of,
    signing,
)

INNER = "Kx7vQ2mZ8pL4wR9t"
DRESSED = [
    f"\ufeff{INNER}",
    f"{INNER} ",
    f"\xa0{INNER}",
    f"{INNER}\u200b",
    f'"{INNER}"',
    f"RDV_SECRET={INNER}",
    f"{INNER}\r",
]


def application(receiver: Receiver, *sources: Source) -> Flask:
    receiver.app = create_app(settings_of(*sources), receiver.store, lambda: receiver.now, flush_after_s=None)
    return receiver.app


@pytest.mark.parametrize("written", DRESSED)
def test_both_values_sign_and_nothing_else_does(receiver: Receiver, written: str) -> None:
    application(receiver, a_source("mds", signing(written)))
    assert receiver.post(secret=written).status_code == 202
    assert receiver.post(secret=INNER).status_code == 202
    for other in (INNER[:-1], f" {written}", f"{INNER}\n", ""):
        assert receiver.post(secret=other).status_code == 401


def test_each_value_has_its_own_last_use(receiver: Receiver) -> None:
    written = f'"{INNER}"'
    application(receiver, a_source("mds", signing(written)))
    receiver.post(secret=INNER)
    receiver.app.extensions["receiver"].counting.flush()
    key = receiver.store.installation().digest_key
    assert f"secret/mds/{secret_tag(key, INNER)}" in receiver.store.read(counters.figures_named)
    assert f"secret/mds/{secret_tag(key, written)}" not in receiver.store.read(counters.figures_named)


def test_a_token_of_rdv_insertion_is_tried_with_both(receiver: Receiver) -> None:
    application(receiver, a_source("rsa", signing(f" {INNER}"), emitter=Emitter.RDV_INSERTION))
    raw = as_body(RDV)
    for secret in (INNER, f" {INNER}"):
        headers = {"X-RDVI-Signature": hex_signature(raw, secret)}
        assert receiver.post(raw, source="rsa", headers=headers).status_code != 401


@pytest.mark.threat(id="secret-edges")
def test_a_bound_secret_speaks_for_no_more_without_its_edges(receiver: Receiver) -> None:
    application(receiver, a_source("mds", signing(f" {INNER}", LENS)))
    assert RDV["data"]["organisation"]["id"] == ARRAS
    assert receiver.post(secret=INNER).json == {"status": "unauthorized", "reason": "secret_organisation"}


@pytest.mark.threat(id="secret-edges")
@pytest.mark.parametrize(
    ("secrets", "tried"),
    [
        ([signing(INNER)], [(0, INNER)]),
        ([signing(f" {INNER}")], [(0, f" {INNER}"), (0, INNER)]),
        # What is another one as it is written speaks for that one.
        ([signing(f" {INNER}", ARRAS), signing(INNER, LENS)], [(0, f" {INNER}"), (1, INNER)]),
        # Nobody can tell for whom it would speak.
        ([signing(f" {INNER}", ARRAS), signing(f"{INNER} ", LENS)], [(0, f" {INNER}"), (1, f"{INNER} ")]),
        ([signing(f" {INNER}", ARRAS), signing(f"{INNER} ")], [(0, f" {INNER}"), (1, f"{INNER} ")]),
        ([signing(f" {INNER}"), signing(f"{INNER} ")], [(0, f" {INNER}"), (1, f"{INNER} "), (0, INNER)]),
    ],
)
def test_which_values_are_tried(secrets: list[SigningSecret], tried: list[tuple[int, str]]) -> None:
    source = a_source("mds", *secrets)
    assert [(key.position, key.text) for key in signing_keys(source)] == tried


def test_what_was_signed_without_edges_keeps_its_authority_when_they_are_taken_away() -> None:
    before, after = (a_source("mds", signing(text, ARRAS)) for text in (f"{INNER} ", INNER))
    name = secret_tag(b"key", INNER)
    told = authority_of(before, b"key")(name)
    assert isinstance(told, Authority)
    assert told == authority_of(after, b"key")(name)


def test_no_value_shows_in_a_repr() -> None:
    assert INNER not in repr(signing_keys(a_source("mds", signing(f" {INNER}"))))
