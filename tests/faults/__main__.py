"""`python -m tests.faults` plays every cell and writes docs/faults.md; it takes some minutes."""

import logging

from tests.faults.system import premises
from tests.faults.table import DOCUMENT, document

if __name__ == "__main__":
    logging.disable()
    with premises() as opened:
        DOCUMENT.write_text(document(opened), encoding="utf-8")
