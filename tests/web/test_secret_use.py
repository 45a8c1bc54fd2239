"""The last use of each secret, and when each source was last heard, stand among the figures."""

from datetime import timedelta

from receiver.core.digests import secret_tag
from receiver.store import counters
from receiver.store.counters import Figure
from tests.core.samples import edited
from tests.makers import NOW
from tests.web.receiver_client import ARRAS_SECRET, LENS_SECRET, RDV, SECRET, Receiver, hex_signature

LATER = NOW + timedelta(hours=1)


def figures(receiver: Receiver) -> dict[str, Figure]:
    receiver.app.extensions["receiver"].counting.flush()
    return receiver.store.read(counters.figures_named)


def use_of(receiver: Receiver, source: str, secret: str) -> str:
    return f"secret/{source}/{secret_tag(receiver.store.installation().digest_key, secret)}"


def test_each_secret_that_signed_is_noted_and_no_other(receiver: Receiver) -> None:
    """Whoever replaces a secret sees when the old one is no longer used."""
    assert receiver.post(source="bound", secret=ARRAS_SECRET).status_code == 202
    assert set(figures(receiver)) == {use_of(receiver, "bound", ARRAS_SECRET), "seen/bound"}
    receiver.now = LATER
    receiver.post(source="bound", secret=LENS_SECRET)
    found = figures(receiver)
    assert found[use_of(receiver, "bound", ARRAS_SECRET)].taken_at == NOW
    assert found[use_of(receiver, "bound", LENS_SECRET)].taken_at == LATER, "though it may not speak of that RDV"
    assert found["seen/bound"].taken_at == NOW


def test_a_figure_tells_nothing_of_its_secret(receiver: Receiver) -> None:
    receiver.post()
    [name] = [name for name in figures(receiver) if name.startswith("secret/")]
    tag = name.rpartition("/")[2]
    assert len(tag) == 8
    assert tag not in {hex_signature(b"", SECRET)[:8], hex_signature(b"secret", SECRET)[:8]}
    assert tag != secret_tag(b"another installation", SECRET)


def test_a_wrong_signature_is_no_use_of_a_secret(receiver: Receiver) -> None:
    assert receiver.post(secret="guessed").status_code == 401
    assert figures(receiver) == {}


def test_what_is_not_kept_does_not_make_a_source_heard(receiver: Receiver) -> None:
    receiver.post()
    figures(receiver)
    receiver.now = LATER
    assert receiver.post(RDV | {"meta": {"model": "Motif", "event": "updated"}}).status_code == 200
    assert receiver.post(edited(RDV, "meta.timestamp", "2026-10-30 09:12:44 +0100")).status_code == 422
    found = figures(receiver)
    assert found["seen/mds"].taken_at == NOW
    assert found[use_of(receiver, "mds", SECRET)].taken_at == LATER
