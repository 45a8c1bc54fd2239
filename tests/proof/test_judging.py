"""What some states come to depends neither on their order nor on repeats, except where a reason says so.

`test_page.py` has sets of up to five states.
"""

from functools import cache

import pytest

from tests.proof import exceptions
from tests.proof.exceptions import FORGOTTEN, REASONS, Table, shown
from tests.proof.groups import AN_ABSENCE, GROUPS
from tests.proof.judging import every_order

FEW = 2


@cache
def few(name: str) -> Table:
    return exceptions.table(GROUPS[name], every_order(GROUPS[name], FEW))


@pytest.mark.parametrize("name", GROUPS)
def test_every_order_of_a_few_states_ends_as_the_rules_say(name: str) -> None:
    table = few(name)
    assert not table.unexplained
    assert table.arrivals > table.sets


def test_each_reason_is_met() -> None:
    assert {row.reason for name in GROUPS for row in few(name).rows} == {reason.name for reason in REASONS}


def test_an_end_that_came_first_is_forgotten_where_another_organisation_has_the_absence() -> None:
    """Known, and rare: the platform tells both organisations of the end, and a re-sync finds it."""
    names = {"12: updated", "34: the same", "34: destroyed"}
    pool = [each for each in AN_ABSENCE if each.name in names]
    orders = every_order(pool, len(pool))
    assert [row.reason for row in exceptions.table(pool, orders).rows].count(FORGOTTEN) == 1
    by_name = {each.name: each for each in pool}
    assert {shown(known, by_name) for known in orders.outcomes[frozenset(names)]} == {
        "12: updated",
        "34: the same",
        "destroyed",
    }
