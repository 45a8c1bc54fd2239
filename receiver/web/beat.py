"""A web process beats: one that falls silent is noticed. It also reports a configuration that it refused."""

import socket
import threading

from receiver import logs
from receiver.config import Reloadable
from receiver.operations.refused_configuration import Notice
from receiver.store import StoreUnavailable, heartbeats
from receiver.store.heartbeats import SERVES
from receiver.web.context import WebContext

BEAT_EVERY_S = 10.0

log = logs.get("web")


def start(context: WebContext, settings: Reloadable) -> None:
    """Beat in a thread of its own until the process ends."""
    threading.Thread(target=_beat, args=(context, settings), daemon=True).start()


def _beat(context: WebContext, settings: Reloadable) -> None:
    notice, name = Notice("serve"), f"{SERVES}{socket.gethostname()[:60]}"
    pause = threading.Event()
    while True:
        try:
            if context.store.standing().usable:
                now = context.store.now()
                context.store.write(heartbeats.beat, name, now)
                notice.write(context.store, settings.refused, now)
        except StoreUnavailable:
            pass  # whoever keeps webhooks says so
        except Exception:  # the thread must go on: without it this process is taken for dead
            log.exception("unforeseen", errand="heartbeat")
        pause.wait(BEAT_EVERY_S)
