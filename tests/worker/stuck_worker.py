"""A worker process whose connector never comes back: run by itself, with the folder of its store as argument."""

import sys
from pathlib import Path

from receiver import logs
from receiver.config import Reloadable, load
from receiver.store import Store
from receiver.worker import loop
from tests.worker.doubles import Deaf

ENVIRON = {"RDV_SECRET": "s"}


GRACE_S = 0.2


def main(folder: Path, call_timeout_s: float) -> None:
    logs.configure()
    loop.GRACE_S = GRACE_S
    settings = load(folder / "config.yaml", ENVIRON)
    store = Store(settings.store.address)
    try:
        loop.run(
            Reloadable(folder / "config.yaml", ENVIRON, settings), store, lambda _: {"pilot": Deaf(call_timeout_s)}
        )  # type: ignore[arg-type, dict-item]
    finally:
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
