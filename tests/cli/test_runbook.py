"""The runbook and the sentences know every trouble."""

import re
from pathlib import Path

import pytest

from receiver import sentences
from receiver.core.refusal_reasons import NOT_UNDERSTOOD
from receiver.core.trouble_rules import OTHER_ORGANISATION, SET_ASIDE_FULL
from receiver.core.troubles import Code, Severity, Trouble
from receiver.sentences.phrases import words
from receiver.store.database.errors import ANOTHER, EMPTIED, GONE, LOG_MISSING, OLD_LOG, REPLACED
from receiver.store.place.marker import UNREADABLE, UNWRITABLE

RUNBOOK = Path(__file__).parents[2] / "docs" / "fr" / "depannage.md"


def test_the_runbook_has_a_chapter_for_each_trouble_in_their_order() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE) == list(Code)


@pytest.mark.parametrize("code", Code)
def test_a_chapter_says_the_meaning_the_check_and_the_cure(code: Code) -> None:
    chapter = RUNBOOK.read_text("utf-8").partition(f"## {code}\n")[2].partition("\n## ")[0]
    words = ["**Ce que cela veut dire.**", "**Vérifier.**", "**Faire.**"]
    assert [word for word in words if word in chapter] == words


def test_every_trouble_has_its_sentence() -> None:
    assert set(sentences.TROUBLES) == set(Code)


@pytest.mark.parametrize("code", Code)
def test_a_sentence_needs_only_what_a_trouble_has(code: Code) -> None:
    advice = sentences.TROUBLES[code]
    for text in advice:
        assert text.format(subject="exchange", count=3, cause="Il pleut.")
    assert advice.cure == "{cause}" or advice.cure.endswith(".")


def test_every_reason_of_a_refusal_has_its_sentence() -> None:
    assert NOT_UNDERSTOOD | {"missing", "doubled", "foreign", "orphaned"} <= set(sentences.CAUSES)
    assert {"undecidable", "not_settled"} <= set(sentences.CAUSES)
    assert {OTHER_ORGANISATION, SET_ASIDE_FULL} <= set(sentences.CAUSES)
    assert {GONE, REPLACED, EMPTIED, ANOTHER, OLD_LOG, LOG_MISSING, UNREADABLE, UNWRITABLE} <= set(sentences.CAUSES)
    assert {GONE, REPLACED, EMPTIED, ANOTHER, LOG_MISSING, UNREADABLE, UNWRITABLE} <= set(sentences.CHECK)


def test_the_sentence_of_a_store_that_vanished_names_the_guide_and_forbids_the_restart() -> None:
    cure = sentences.TROUBLES[Code.STORE_VANISHED].cure
    assert "docs/fr/reprise.md" in cure
    assert "Ne redémarrez pas" in cure


def test_of_a_log_that_was_removed_it_says_to_stop_properly_and_to_open_nothing_else() -> None:
    told = words(Trouble(Code.STORE_VANISHED, Severity.ALARM, cause=LOG_MISSING))
    assert "Arrêtez le service proprement" in told.cure
    assert "n'ouvrez la base avec aucun autre programme" in told.cure
    assert "Ne redémarrez pas" not in told.cure
