"""Defects that the plan had, put back one at a time: the explorer must find each, and tell its story.

Each is a small change of the source of `receiver/core/plan.py`. Only the function that it changes is made anew, in the
module itself, for as long as a `with` statement lasts.
"""

import ast
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from receiver.core import plan
from tests.proof.faults import FEW_ERRORS
from tests.proof.rules import Rules


@dataclass(frozen=True)
class Defect:
    """One change of the plan's source."""

    name: str
    since: str
    """Where it is told: a commit, or a test."""
    text: str
    """What the source says."""
    instead: str
    """What it said."""
    rules: Rules
    """Bounds within which it shows."""


_TWICE = Rules("two faults", faults=2, changes=2, errors={})
_RESPECT = Rules("respect", faults=1, changes=2, hands=1, deeds=frozenset({"deletes"}), respect=True, errors={})
_COPIES = Rules("copies", faults=1, changes=1, hands=1, deeds=frozenset({"copies"}), errors={})

DEFECTS = (
    Defect(
        "a write without an answer was made again without a look-up",
        "tests/convergence/test_mutations.py",
        "            return replace(placement, attempts=placement.attempts + 1, failure=code)",
        "            return _answered(placement)",
        Rules("one fault", faults=1, changes=0, errors={}),
    ),
    Defect(
        "what a server commits late was never looked for",
        "tests/convergence/test_mutations.py",
        "    moments = placement.recheck_at, now + timings.recheck if unanswered else None, removal_over",
        "    moments = placement.recheck_at, None, removal_over",
        Rules("one fault", faults=1, changes=0, errors={}),
    ),
    Defect(
        "the removal of an extra item brought the second look-up forward, and hid a write that was under way",
        "3088b4e, tests/core/test_plan_regressions.py",
        "    unanswered = placement.attempted in {Verb.UPDATE, Verb.DELETE} or open_creates > 0",
        "    if extras:\n        return now + timings.settle\n"
        "    unanswered = placement.attempted in {Verb.UPDATE, Verb.DELETE} or open_creates > 0",
        _TWICE,
    ),
    Defect(
        "the second look-up came before a lost removal of an extra item was made, which then took the entry",
        "found by this explorer, tests/core/test_plan_regressions.py",
        "    removal_over = now + timings.settle + timings.recheck if extras else None",
        "    removal_over = now + timings.settle if extras else None",
        _TWICE,
    ),
    Defect(
        "a copy was taken for ours once ours was known to be gone",
        "3088b4e, tests/core/test_plan_regressions.py",
        "    ids = [item.item_id for item in found] if explained else []",
        "    ids = [item.item_id for item in found]",
        Rules("a copy", faults=1, changes=2, hands=1, deeds=frozenset({"copies"}), errors={}),
    ),
    Defect(
        "our own removal, made late, was taken for the agent's: the entry never came back",
        "3088b4e, tests/core/test_plan_agent_deletion.py",
        "    ours = placement.attempted is Verb.DELETE or placement.recheck_at is not None",
        "    ours = placement.attempted is Verb.DELETE",
        Rules("respect", faults=1, changes=2, respect=True, errors={}),
    ),
    Defect(
        "a removal that the calendar refused was given up, and the entry stayed for ever",
        "e6eb7f2, CHANGELOG.md",
        "    if isinstance(error, Permanent) and not placement.in_doubt and placement.desired is not None:",
        "    if isinstance(error, Permanent) and not placement.in_doubt:",
        Rules("one refusal", faults=1, changes=1, errors=FEW_ERRORS),
    ),
    Defect(
        "extra items that were removed still explained items: a copy was removed in their place",
        "606f0a2, CHANGELOG.md",
        "    return replace(placement, open_creates=max(placement.open_creates - count, 0))",
        "    return placement",
        _COPIES,
    ),
    Defect(
        "more extra items were removed than creates without an answer explain",
        "made up",
        "[: max(explained - 1, 0)])",
        ")",
        _COPIES,
    ),
    Defect(
        "a create without an answer was forgotten with its first look-up",
        "made up",
        "        open_creates=0 if rechecking and not extras else open_creates,",
        "        open_creates=0,",
        Rules("one fault", faults=1, changes=0, errors={}),
    ),
)


@contextmanager
def put_back(defect: Defect) -> Iterator[None]:
    """Have the plan as it was."""
    source = inspect.getsource(plan)
    assert source.count(defect.text) == 1, f"the plan does not say this once: {defect.text}"
    before, after = (_functions(each) for each in (source, source.replace(defect.text, defect.instead)))
    changed = {name: tree for name, tree in after.items() if ast.dump(tree) != ast.dump(before[name])}
    kept = {name: getattr(plan, name) for name in changed}
    code = compile(ast.Module(list(changed.values()), []), plan.__file__, "exec")
    exec(code, vars(plan))
    try:
        yield
    finally:
        vars(plan).update(kept)


def _functions(source: str) -> dict[str, ast.FunctionDef]:
    return {each.name: each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)}
