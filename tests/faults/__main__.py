"""`python -m tests.faults` plays every cell and writes docs/faults.md; it takes some minutes."""

import logging

from tests.faults.system import shared_exchange
from tests.faults.table import DOCUMENT, document

if __name__ == "__main__":
    logging.disable()
    with shared_exchange() as opened:
        DOCUMENT.write_text(document(opened), encoding="utf-8")
