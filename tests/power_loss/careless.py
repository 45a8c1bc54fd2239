"""`python -m tests.power_loss.careless LEVEL ...`: the receiver, but with SQLite told to sync less than it must.

Not part of the product: a check that never fails where durability is off would be blind where it is on.
"""

import sys

from receiver.cli.main import main
from receiver.store.database import engine

if __name__ == "__main__":
    level = f"synchronous={sys.argv[1]}"
    assert "synchronous=FULL" in engine._PRAGMAS
    engine._PRAGMAS = (*engine._PRAGMAS, level)  # type: ignore[assignment]
    sys.exit(main(sys.argv[2:]))
