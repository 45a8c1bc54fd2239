"""Every breakage, by kind: the order of the page."""

from collections.abc import Mapping

from tests.drill.breakage import Breakage
from tests.drill.rows import databases, emitter, exchange, machine, operators, settings

KINDS: Mapping[str, tuple[Breakage, ...]] = {
    "The emitter and its webhooks": emitter.ROWS,
    "Exchange": exchange.ROWS,
    "The configuration": settings.ROWS,
    "The machine and the processes": machine.ROWS,
    "The database": databases.ROWS,
    "What people did": operators.ROWS,
}
BREAKAGES = tuple(each for rows in KINDS.values() for each in rows)
