"""The heartbeats of a web process, by which a dead one is noticed. It also reports a refused configuration."""

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
    """Write heartbeats in a thread of its own until the process ends."""
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
            pass  # a webhook that cannot be kept reports it
        except Exception:  # the thread must go on: without it this process counts as dead
            log.exception("unforeseen", errand="heartbeat")
        pause.wait(BEAT_EVERY_S)
