"""Every breakage, by kind: the order of the page."""

from collections.abc import Mapping

from tests.drill.breakage import Breakage
from tests.drill.rows import databases, emitter, exchange, losses, machine, operators, settings

_KINDS: Mapping[str, tuple[Breakage, ...]] = {
    "The emitter and its webhooks": emitter.ROWS,
    "Exchange": exchange.ROWS,
    "The configuration": settings.ROWS,
    "The machine and the processes": machine.ROWS,
    "The database": databases.ROWS,
    "What people did": operators.ROWS,
    "What is lost, and what is another's": losses.ROWS,
}
KINDS = {kind: rows for kind, rows in _KINDS.items() if rows}
BREAKAGES = tuple(each for rows in KINDS.values() for each in rows)
