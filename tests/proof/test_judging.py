"""What some states come to depends neither on their order nor on repeats, except where a reason says so.

`test_page.py` has sets of up to five states.
"""

import pytest

from tests.proof import exceptions
from tests.proof.exceptions import REASONS
from tests.proof.groups import GROUPS
from tests.proof.judging import every_order

FEW = 2


@pytest.mark.parametrize("name", GROUPS)
def test_every_order_of_a_few_states_ends_as_the_rules_say(name: str) -> None:
    table = exceptions.table(GROUPS[name], every_order(GROUPS[name], FEW))
    assert not table.unexplained
    assert table.arrivals > table.sets


def test_each_reason_is_met() -> None:
    tables = [exceptions.table(pool, every_order(pool, FEW)) for pool in GROUPS.values()]
    assert {row.reason for table in tables for row in table.rows} == {reason.name for reason in REASONS}
