"""The bounds that are exhausted, and what is assumed within them."""

from tests.proof.agent import DEEDS
from tests.proof.faults import FEW_ERRORS
from tests.proof.rules import Rules
from tests.proof.ticks import Proportions

ALL = frozenset(DEEDS)
NO_COPIES = ALL - {"copies", "copies_plainly"}
GONE = frozenset({"deletes", "moves"})

QUICK = (
    Rules("one fault", faults=1, changes=2),
    Rules("one fault and an agent", faults=1, changes=1, hands=1, deeds=ALL, errors=FEW_ERRORS),
    Rules("one fault, deletions are respected", faults=1, changes=1, hands=1, deeds=GONE, respect=True, errors={}),
    Rules("a move", changes=2, boxes=2),
)
"""Explored by `make test`."""

FULL = (
    Rules("two faults", faults=2, changes=2),
    Rules("two faults, the product's proportions", faults=2, changes=1, proportions=Proportions(3, 5, 10), errors={}),
    Rules("two faults and an agent", faults=2, changes=1, hands=1, deeds=GONE, errors={}),
    Rules("one fault and an agent", faults=1, changes=2, hands=1, deeds=ALL, errors=FEW_ERRORS),
    Rules(
        "one fault and an agent, deletions are respected",
        faults=1, changes=2, hands=1, deeds=NO_COPIES, respect=True, errors=FEW_ERRORS,
    ),
    Rules("an operator, and the audit", faults=1, changes=1, hands=1, orders=1, deeds=ALL, errors=FEW_ERRORS),
    Rules("the record was lost", faults=1, changes=1, hands=1, deeds=NO_COPIES, errors=FEW_ERRORS, lost_record=True),
    Rules("a move", faults=1, changes=2, boxes=2, contents=("A",)),
)  # fmt: skip
"""Explored by `make test-all`."""

WIDE = (
    Rules("two faults, three changes", faults=2, changes=3),
    Rules("two faults and an agent, every error", faults=2, changes=1, hands=1, deeds=ALL, errors=FEW_ERRORS),
    Rules("a move and an agent", faults=1, changes=2, hands=1, boxes=2, contents=("A",), deeds=GONE, errors=FEW_ERRORS),
    Rules("a move, two faults", faults=2, changes=1, boxes=2, contents=("A",), errors=FEW_ERRORS),
)
"""Explored by `python -m tests.proof` only."""

_ASSUMED = """\
A call follows its record within `settle`: a request leaves at once, or not at all, and is answered or given up before
`settle` is over. A machine that stands still between the two, and sends then, is not covered.

A server that lost its client makes a change before `recheck` is over, or drops it. Until then it may do so at any
moment, in any order. `tests/proof/test_life.py` shows that an entry is doubled without this assumption.

A look-up that is answered lists what is in the mailbox at one moment. An item that an agent moves while a look-up
goes from folder to folder may be missed.

The deletes of one call share their fate.

An answer says what was done. The one lie that is explored is "no such item" about an item that is there.

Nobody knows what an agent deleted or edited before a calendar answers a write or a look-up again. Until then an entry
may be missing or edited, also where the event came back to what was written before.

Nobody can tell a copy with our mark from an entry of ours. One copy may be taken for ours for each create without a
recorded answer, and for each entry that went, or changed its id, without our record of it.

A move may be seen as a gap where the new place fails, or where the last look-up saw an entry that went since, by an
agent or by a removal of ours without an answer.

A mailbox or a server in trouble is left alone for a while (`receiver/store/work/leases.py`). Here it may be claimed
at once: that is one of the orders that are explored.
"""
ASSUMPTIONS = tuple(_ASSUMED.strip().split("\n\n"))


def described(rules: Rules) -> str:
    """Return the bounds in words."""
    parts = [f"{rules.faults} fault(s)", f"{rules.changes} change(s) of what is desired"]
    if rules.hands:
        parts.append(f"{rules.hands} deed(s) of an agent ({', '.join(sorted(rules.deeds))})")
    if rules.orders:
        parts.append(f"{rules.orders} order(s) of an operator or repair(s) of the audit")
    parts.append(f"{len(rules.errors)} kinds of refusal" if rules.errors else "no refusals")
    if rules.boxes > 1:
        parts.append(f"{rules.boxes} mailboxes")
    if rules.respect:
        parts.append("`on_agent_deletion: respect`")
    if rules.lost_record:
        parts.append("the record was lost before")
    times = rules.proportions
    parts.append(f"settle, lease and recheck of {times.settle}, {times.lease} and {times.recheck} ticks")
    return "; ".join(parts)
