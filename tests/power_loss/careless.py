"""`python -m tests.power_loss.careless LEVEL ...`: the receiver, but with SQLite told to sync less than it must.

Not part of the product: a check that never fails where durability is off would be blind where it is on.
"""

import sys

from receiver.cli.main import main
from receiver.store import engine

if __name__ == "__main__":
    pragmas = engine._PRAGMAS
    careless = tuple(pragma.replace("synchronous=FULL", f"synchronous={sys.argv[1]}") for pragma in pragmas)
    assert careless != pragmas
    engine._PRAGMAS = careless
    sys.exit(main(sys.argv[2:]))
