"""Every breakage, by kind: the order of the page."""

from collections.abc import Mapping

from tests.drill.breakage import Breakage
from tests.drill.rows import emitter, exchange

KINDS: Mapping[str, tuple[Breakage, ...]] = {
    "The emitter and its webhooks": emitter.ROWS,
    "Exchange": exchange.ROWS,
}
BREAKAGES = tuple(each for rows in KINDS.values() for each in rows)
