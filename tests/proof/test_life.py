"""No interleaving of a placement's life breaks a promise, within small bounds; `test_page.py` has the full ones.

Mutants of the plan are tried with this module (`tests/mutation`).
"""

from dataclasses import replace

import pytest

from receiver.core.plan import Placement
from tests.makers import NOW
from tests.proof import life
from tests.proof.bounds import QUICK
from tests.proof.explorer import explore
from tests.proof.life import Life
from tests.proof.promises import GAP
from tests.proof.rules import Rules


@pytest.mark.parametrize("rules", QUICK, ids=lambda rules: rules.name)
def test_no_promise_is_broken_within_small_bounds(rules: Rules) -> None:
    explored = explore(Life(rules))
    assert not explored.story, explored.told
    assert explored.complete
    assert explored.at_rest > 1, "something comes to rest"


def test_a_server_that_commits_later_than_assumed_leaves_a_second_entry() -> None:
    """The assumption about `recheck` is needed: without it the explorer tells how an entry is doubled."""
    punctual = Rules("punctual", faults=1, errors={})
    assert not explore(Life(punctual)).story
    explored = explore(Life(replace(punctual, late_by=2)))
    assert explored.promise in {
        "at rest, no second entry of ours stays",
        "a record is dropped only when no entry of ours is, or may still come",
    }, explored.told
    assert "after all" in explored.told


def test_a_removal_that_does_not_wait_for_a_creation_under_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As claiming was: it waited for what was due, and a creation that was sent was due no more."""

    def is_due(sibling: Placement) -> bool:
        due = sibling.due_at is not None and sibling.due_at <= NOW
        return sibling.desired is not None and sibling.applied is None and due and sibling.failure is None

    rules = Rules("a move", changes=1, boxes=2, contents=("A",))
    assert not explore(Life(rules)).story
    monkeypatch.setattr(life, "is_arriving", is_due)
    explored = explore(Life(rules))
    assert explored.promise == GAP
    assert explored.story[-1].startswith("8. A worker claims the mailbox (mailbox 1).")
