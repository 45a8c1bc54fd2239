"""Whatever a connector answers, an operator reads a cause and a cure."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
from connectors import ics_folder
from connectors.ews import errors
from receiver import sentences

WITH_A_CODE = {"Temporary", "Permanent", "Unconfirmed", "Ruling"}
"""What a connector names a trouble by; the code comes first."""


def codes_in_the_source() -> Iterator[str]:
    """Yield the codes that stand in the connectors' modules as they are written."""
    for path in Path(connectors.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WITH_A_CODE:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_code_that_a_connector_knows_has_its_sentence() -> None:
    named = {value.code for value in vars(errors).values() if isinstance(value, errors.Ruling)}
    ruled = {ruling.code for ruling in errors.RULINGS.values()}
    of_statuses = {errors.of_status(status, None).code for status in range(200, 600)}
    of_files = {*ics_folder._CODES.values(), "storage_failed"}
    written = set(codes_in_the_source())
    assert written > {"unsupported_time_zone", "mailbox_not_found", "timeout"}
    assert named | ruled | of_statuses | of_files | written | {"refused"} <= set(sentences.CALENDAR)


@pytest.mark.parametrize("code", sorted(sentences.CALENDAR))
def test_a_calendars_sentences_need_no_details(code: str) -> None:
    """A connector's failure carries its code and nothing else."""
    assert [field for _, field, _, _ in string.Formatter().parse(sentences.CALENDAR[code]) if field] == []


@pytest.mark.parametrize("code", sorted(sentences.CALENDAR))
def test_a_calendars_sentences_say_the_cause_and_the_cure(code: str) -> None:
    cause, _, cure = sentences.CALENDAR[code].partition(". ")
    if not cure:
        cause, _, cure = sentences.CALENDAR[code].partition("; ")
    assert cause
    assert cure.endswith(".")
