"""A web process's signs of life: who takes webhooks is missed when it falls silent, and says what it runs with."""

import socket
import threading
from contextlib import suppress

from receiver.config import Reloadable
from receiver.operations.refused_configuration import Word
from receiver.store import StoreUnavailable, heartbeats
from receiver.store.heartbeats import SERVES
from receiver.web.parts import Parts

BEAT_EVERY_S = 10.0


def beat(parts: Parts, settings: Reloadable) -> None:
    """Beat in a thread of its own until the process ends."""
    threading.Thread(target=_beat, args=(parts, settings), daemon=True).start()


def _beat(parts: Parts, settings: Reloadable) -> None:
    word, name = Word("serve"), f"{SERVES}{socket.gethostname()[:60]}"
    pause = threading.Event()
    while True:
        with suppress(StoreUnavailable):
            if parts.store.standing().usable:
                now = parts.store.now()
                parts.store.write(heartbeats.beat, name, now)
                word.leave(parts.store, settings.refused, now)
        pause.wait(BEAT_EVERY_S)
