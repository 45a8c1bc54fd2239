"""Whatever the Exchange connector answers, an operator reads a cause and a cure."""

import string

import pytest

from connectors.ews import errors
from receiver import sentences


def test_every_code_that_the_exchange_connector_knows_has_its_sentence() -> None:
    named = {value.code for value in vars(errors).values() if isinstance(value, errors.Ruling)}
    ruled = {ruling.code for ruling in errors.RULINGS.values()}
    assert named | ruled <= set(sentences.CALENDAR)


@pytest.mark.parametrize("code", sorted(sentences.CALENDAR))
def test_a_calendars_sentences_need_no_details(code: str) -> None:
    """A connector's failure carries its code and nothing else."""
    assert [field for _, field, _, _ in string.Formatter().parse(sentences.CALENDAR[code]) if field] == []
