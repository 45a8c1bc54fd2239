"""While webhooks are refused, or an entry is not where it should be, no screen has a good word; else each has."""

import os
from collections import Counter

import pytest

from receiver.core.alert_rules import AlertTimings, Kind, RecipientState, note_sent, update
from receiver.core.trouble_rules import troubles
from receiver.core.troubles import Code, Colour, colour, is_well
from receiver.sentences.phrases import words
from receiver.store import Store
from tests.colours.screens import Web, good_words, of_commands_and_alerts
from tests.colours.snapshots import NOW, REASONS, snapshot
from tests.pages.story import settings_of

COUNT = int(os.environ.get("RDV_SNAPSHOTS", "3000"))
SETTINGS = settings_of("sqlite:////nowhere/store.db")
MIXTURES = 40


def test_no_snapshot_with_a_reason_has_a_good_word_and_each_without_one_has() -> None:
    """`RDV_SNAPSHOTS=100000` in the nightly run."""
    met: Counter[str] = Counter()
    for seed in range(COUNT):
        reasons, seen = snapshot(seed)
        found = troubles(seen, NOW)
        assert is_well(found) == (not reasons), (seed, reasons)
        assert (colour(found) is Colour.OK) == (not reasons), (seed, reasons)
        for trouble in found:
            assert "{" not in "".join(vars_of(words(trouble))), (seed, trouble)
        for screen, text in of_commands_and_alerts(SETTINGS, seen):
            assert bool(good_words(text)) == (not reasons), (seed, reasons, screen, text)
        met.update(reasons or ["none"])
    assert met.keys() == REASONS.keys() | {"none"}


def vars_of(told_words: object) -> tuple[str, str]:
    return told_words.title, told_words.cure  # type: ignore[attr-defined]


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_alone_is_told_and_never_ended_while_it_lasts(reason: str) -> None:
    _, seen = snapshot(1, (reason,))
    state = RecipientState()
    kinds: list[Kind] = []
    for turn in range(30):
        state, alerts = update(state, troubles(seen, NOW), NOW + turn * AlertTimings().hold, AlertTimings())
        for alert in alerts:
            state = note_sent(state, alert)
        kinds += [alert.kind for alert in alerts]
    assert Kind.ENDED not in kinds
    assert Kind.BEGUN in kinds


def test_every_code_has_a_reason() -> None:
    met = {each.code for reason in REASONS for each in troubles(snapshot(1, (reason,))[1], NOW)}
    assert met == set(Code)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_no_page_answer_or_metric_has_a_good_word_for_any_reason(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web(store, settings_of(store_url), monkeypatch)
    some = [
        snapshot(1, ()),
        *(snapshot(2, (reason,)) for reason in REASONS),
        *(snapshot(each) for each in range(MIXTURES)),
    ]
    for reasons, seen in some:
        shown = {screen: good_words(text) for screen, text in web.screens(seen)}
        if reasons:
            assert not any(shown.values()), (reasons, shown)
        else:
            good = {screen for screen, found in shown.items() if found}
            assert good == {"/status", "/api/v1/overview", "/metrics", "/readyz"}
