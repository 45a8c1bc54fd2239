"""Whatever a connector answers, an operator reads a cause and a cure."""

import ast
import importlib
import re
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from connectors import ics_folder
from connectors.ews import errors
from receiver import sentences
from receiver.sentences.phrases import cause_sentence
from tests.requirements import ews_schema_folder

ROOT = Path(__file__).parents[2]

RAISING = {"Temporary", "Permanent", "Unconfirmed", "Ruling", "Unholdable"}
"""What names a failure by a code, which comes first."""
RECORDING = {"Trouble"}
"""What the worker records of a mailbox; of the same name, but with a `Code`, is a trouble of a screen."""
SUBCLASSES = {"ConnectorError", "Temporary", "Permanent"}
PLACES = ("connectors", "receiver/core", "receiver/worker", "receiver/operations", "receiver/store")


def codes_in_the_source(*places: str) -> Iterator[str]:
    """Yield the codes of failures that stand in the source, as they are written or by the name of a constant."""
    for place in places:
        for path in sorted((ROOT / place).rglob("*.py")):
            yield from codes_in(path)


def codes_in(path: Path) -> Iterator[str]:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_text("utf-8"))
    classes = {
        node
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and names_of(each.bases) & SUBCLASSES
        for node in ast.walk(each)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        own = isinstance(node.func, ast.Attribute) and node.func.attr == "__init__" and node in classes
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if own or called in RAISING | RECORDING:
            yield from code_of(node.args[0], name)


def names_of(nodes: Iterable[ast.expr]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def code_of(node: ast.expr, module: str) -> Iterator[str]:
    """Yield the code that an expression is; nothing where it is only known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id.isupper():
        value = getattr(importlib.import_module(module), node.id)
        if isinstance(value, str):
            yield value


def test_every_code_that_a_connector_knows_has_its_sentence() -> None:
    named = {value.code for value in vars(errors).values() if isinstance(value, errors.Ruling)}
    ruled = {ruling.code for ruling in errors.RULINGS.values()}
    of_statuses = {errors.of_status(status, None).code for status in range(200, 600)}
    of_files = {*ics_folder._CODES.values(), "storage_failed"}
    written = set(codes_in_the_source("connectors"))
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


def test_every_code_that_is_raised_or_recorded_has_its_sentence() -> None:
    """By connectors, core, worker, operations and store: whatever a placement or a mailbox may have as its failure."""
    raised = set(codes_in_the_source(*PLACES))
    assert raised > {"call_stuck", "mailbox_in_use", "other_installation", "server_left_alone", "recurrence_exceptions"}
    unknown = {code for code in raised if cause_sentence(code) == sentences.CALENDAR_UNKNOWN.format(code=code)}
    assert unknown - sentences.MAILBOXES_CHECK.keys() == set()


def test_a_code_of_exchange_that_nobody_ruled_on_is_named_in_a_sentence() -> None:
    """All that its schema has, so that it can be looked for in Exchange's own logs."""
    schema = (ews_schema_folder() / "messages.xsd").read_text("utf-8")
    codes = set(re.findall(r'enumeration value="(Error\w+)"', schema))
    assert len(codes) > 500
    for code in codes:
        for ruling in (errors.of_response_code(errors.Refusal(code)), errors.of_request(errors.Refusal(code))):
            told = cause_sentence(ruling.code)
            assert told.endswith(".")
            assert ruling.code in told or ruling.code in sentences.CALENDAR
