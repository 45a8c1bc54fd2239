"""docs/proof.md, from what was explored."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.faults.table import row, ruled
from tests.proof import bounds
from tests.proof.agent import DEEDS
from tests.proof.defects import DEFECTS, Defect
from tests.proof.exceptions import Table
from tests.proof.explorer import Explored
from tests.proof.faults import ERRORS
from tests.proof.life import HEALED
from tests.proof.promises import ALWAYS, AT_REST, GAP, RECORDED
from tests.proof.rules import Rules
from tests.proof.survivors import SURVIVORS

DOCUMENT = Path(__file__).parents[2] / "docs" / "proof.md"

HEAD = """\
# Every interleaving of a placement's life

Written by `python -m tests.proof`. It explores every state that `receiver/core/plan.py` can reach within stated
bounds, and fails at the first promise that is broken, with the shortest story that leads there. Do not edit: tests
compare this page with the bounds, the promises and the numbers of states.

## Method

The functions of the plan are the real ones. Around them is a small model (`tests/proof/`): a calendar, an agent,
workers, faults, and an event that changes. A state is the record of each placement, the items of each mailbox, what
a server may still do with lost requests, what the worker has read and not yet recorded, its lease, and how much may
still go wrong. From each state every move is made: breadth first, with states remembered as fingerprints of 128
bits. So the first story found is a shortest one.

- **Worker.** The steps of `receiver/worker/reconcile.py`, cut wherever something is committed or a calendar does
  something: claim, look-up, its record, removal of extra items, its record, begin and send, the calendar's doing,
  record of the outcome. Anything else may happen between two steps. A worker may die at each of them, or be held
  up until its lease ends: then another claims the mailbox, and the first finds its lease lost. That a record is
  lost on its way to the store is the same as a worker that dies before it.
- **Calendar.** It makes a change and answers; or refuses it ({errors} kinds of refusal); or no answer comes, and it
  makes the change at any later moment, or never; or it says that it has no such item, though it has. A look-up
  lists what is there, in any order, or fails.
- **Agent.** {deeds}.
- **Event.** What it shows changes at any moment, to other content, to none, and back; with two mailboxes, also
  where.
- **Operator.** `retry`, `forget`, and what the audit's repair records.

A move is *free* if it spends nothing of a bound. That every sequence of free moves ends is checked on the whole
graph: the free moves have no circle. A state without free moves is *at rest*.

**Time** is counted in whole ticks, and every state is written as seen from the present moment. The plan only
compares moments with the present one and sets new ones at a fixed distance. A moment that has come is therefore the
same as the present one: `tests/proof/test_ticks.py` holds each function to that. All distances are whole ticks, and
nothing must happen as soon as it is due, so whole ticks lose no order of events: each run in real time has one in
whole ticks with the same order (T. Henzinger, Z. Manna, A. Pnueli, *What good are digital clocks?*, 1992). One
comparison is open: a write is made before the second look-up is due, never at that moment. A worker that decided
before a tick and begins after it covers that boundary. Delays of a few seconds are rounded down to nothing, so a
retry may come at once; longer ones are set by a server that asks for them. The limits stand in the proportions 2 :
3 : 4 where nothing else is said, because the promises rest on their order only; those of the product (3 : 5 : 10)
are explored as well.
"""

NOT_COVERED = (
    "the connector: what Exchange answers, and how that becomes an outcome ([faults.md](faults.md))",
    "the SQL of the store, except judging: claims, leases and dropped records are stated again (`tests/convergence`)",
    "identity of mailboxes and other installations' entries, which are asked before a first write",
    "`uninstall`, which has a loop of its own, and `adopt`, except for placements in mailboxes that nobody has read",
    "several placements in one call, and calls in several mailboxes at once beyond two",
    "more faults, changes or deeds than the bounds say",
    "clocks of several hosts that differ: the store's clock is the only one",
    "series that are written as several entries, which do not exist yet",
)


def bounds_row(rules: Rules, explored: Explored) -> str:
    """Return the line of one exploration, without its time."""
    return row(
        [rules.name, bounds.described(rules), explored.states, explored.transitions, explored.depth, explored.at_rest]
    )


def defect_row(defect: Defect, explored: Explored) -> list[object]:
    """Return the line of a defect that was put back."""
    return [defect.name, defect.since, explored.promise, len(explored.story) - 1, explored.states]


def judging_rows(name: str, table: Table) -> list[list[object]]:
    """Return the lines of one group of arrivals."""
    first: list[object] = [f"{name}: any order ends the same", table.independent, ""]
    return [first, *([f"{name}: {found.reason}", found.sets, found.example] for found in table.rows)]


def _listed(names: Iterable[str]) -> str:
    return "".join(f"- {name.replace(chr(10), chr(10) + '  ')}.\n" for name in names)


def _explored(results: Mapping[Rules, Explored]) -> str:
    head = ["bounds", "in words", "states", "transitions", "depth", "at rest", "processor seconds"]
    lines = [row(head), row("---" for _ in head)]
    lines += [f"{bounds_row(rules, found)} {found.seconds:.0f} |" for rules, found in results.items()]
    return "\n".join(lines) + "\n"


def document(
    explored: Sequence[Mapping[Rules, Explored]],
    defects: Mapping[Defect, Explored],
    judging: Mapping[str, Table],
) -> str:
    """Return the page.

    Args:
        explored: what `make test`, `make test-all` and this command alone explored.
        defects: what was found with each defect put back.
        judging: the table of each group of arrivals.

    """
    quick, full, wide = map(_explored, explored)
    found = ruled(
        ["defect", "where it is told", "promise that it breaks", "steps of its story", "states until then"],
        [defect_row(defect, each) for defect, each in defects.items()],
    )
    judged = ruled(
        ["group, and what its order decides", "sets", "an example"],
        [line for name, table in judging.items() for line in judging_rows(name, table)],
    )
    counted = sum(table.sets for table in judging.values()), sum(table.arrivals for table in judging.values())
    story = "\n".join(defects[_TOLD].told.splitlines())
    deeds = "; ".join(DEEDS.values())
    return f"""{HEAD.format(errors=len(ERRORS), deeds=deeds[0].upper() + deeds[1:])}
## Promises

In every state and every move:

{_listed((*ALWAYS, TOUCHED_PROMISE, COPY_PROMISE, GAP))}
In every state at rest:

{_listed((*(name.removeprefix("at rest, ") for name in AT_REST), RECORDED.removeprefix("at rest, "), HEALED))}
From every state: {NO_ENDLESS}.

## Assumptions and stated exceptions

{_listed(each.removesuffix(".") for each in bounds.ASSUMPTIONS)}
## What was explored

By `make test`:

{quick}
By `make test-all`:

{full}
By `python -m tests.proof` alone:

{wide}
## Defects, put back

Each is a small change of the plan's source that makes it what it once was (`tests/proof/defects.py`). Each is found
within a minute.

{found}
One of the stories, of a defect that the explorer found in the plan of the day it was written:

```
{story}
```

## Mutants

`make mutants ARGS='receiver.core.plan*'` changes the plan one thing at a time; the tests of the plan and the quick
bounds of the explorer must notice. Those that nobody notices, each with its reason:

{_listed(f"{name}: {reason}" for name, reason in SURVIVORS.items())}
## Judging

Every order of up to five states of one event, with any number of repeats (the same bytes, or others that say
the same), goes through the real intake on SQLite in memory: {counted[1]:,} arrivals of {counted[0]} sets of
states. An exact repeat never changes anything. An authority never changes an event that others are known to
have. Of one authority, what is shown in the end is the newest state, stated once more in
`tests/proof/exceptions.py`. Where the order of arrival decides, the set has one of these reasons:

{judged}
## Not covered

{_listed(NOT_COVERED)}"""


TOUCHED_PROMISE = "nothing of the agent's own is touched"
COPY_PROMISE = "no copy that the agent made is taken for ours while every create of ours is accounted for"
NO_ENDLESS = "without further faults, changes and deeds, every sequence of moves ends at rest"
_TOLD = next(defect for defect in DEFECTS if defect.since.startswith("found by this explorer"))
