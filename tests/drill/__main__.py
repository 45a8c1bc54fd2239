"""`python -m tests.drill` plays every breakage, two at a time, and writes docs/drill.md; it takes some minutes."""

import logging
from concurrent.futures import ThreadPoolExecutor

from tests.drill.breakages import BREAKAGES
from tests.drill.scene import drill
from tests.drill.table import DOCUMENT, document

if __name__ == "__main__":
    logging.disable()
    with ThreadPoolExecutor(2) as players:
        played = dict(zip((each.name for each in BREAKAGES), players.map(drill, BREAKAGES), strict=True))
    DOCUMENT.write_text(document(played), encoding="utf-8")
