"""A web process's signs of life: who takes webhooks is missed when it falls silent, and says what it runs with."""

import socket
import threading

from receiver import logs
from receiver.config import Reloadable
from receiver.operations.refused_configuration import Word
from receiver.store import SERVES, StoreUnavailable
from receiver.web.parts import Parts

BEAT_EVERY_S = 10.0

log = logs.get("web")


def beat(parts: Parts, settings: Reloadable) -> None:
    """Beat in a thread of its own until the process ends."""
    threading.Thread(target=_beat, args=(parts, settings), daemon=True).start()


def _beat(parts: Parts, settings: Reloadable) -> None:
    word, name = Word("serve"), f"{SERVES}{socket.gethostname()[:60]}"
    pause = threading.Event()
    while True:
        try:
            if parts.store.standing().usable:
                now = parts.store.now()
                parts.store.beat(name, now)
                word.leave(parts.store, settings.refused, now)
        except StoreUnavailable:
            pass  # who takes webhooks says so
        except Exception:  # the thread must go on: without it this process is taken for dead
            log.exception("unforeseen", errand="heartbeat")
        pause.wait(BEAT_EVERY_S)
