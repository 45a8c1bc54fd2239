"""gunicorn, configured by our settings instead of its own file."""

import signal
from contextlib import suppress
from typing import Any

from flask import Flask
from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config

from receiver import logs
from receiver.config import Reloadable
from receiver.store import StoreUnavailable
from receiver.store.database import rights
from receiver.web import beat
from receiver.web.allocator import keep_no_large_blocks
from receiver.web.context import WebContext
from receiver.web.gunicorn_worker import Worker
from receiver.web.waiting import MakeApp, Waiting


class _Logger(glogging.Logger):  # type: ignore[misc]  # as below
    """Leaves gunicorn's records to our own formatter."""

    def setup(self, cfg: Config) -> None:
        """Remove gunicorn's own handlers."""
        self.cfg = cfg
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


def _leave(_server: object, worker: Any) -> None:
    """Before a process ends: write its counts, judge what waits, as an older program may follow that cannot, and close
    the store, so that the last process leaves all data in one file.

    A host that may only append does not judge.
    """
    waiting: Waiting | None = getattr(worker, "wsgi", None)  # None: it never started
    if waiting is None or waiting.application is None:
        return
    context: WebContext = waiting.application.extensions["receiver"]
    context.counting.flush()
    try:
        with suppress(StoreUnavailable):
            while (
                context.store.read(rights.may_judge)
                and context.store.standing().usable
                and context.store.judge(context.clock())
            ):
                pass
    finally:
        context.store.close()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no annotations
    """Several processes with several threads each: threads that wait for the disk cost little.

    On SIGHUP the master reads the configuration; new processes get it, or the old one if the new is invalid.
    """

    def __init__(self, settings: Reloadable, make_app: MakeApp) -> None:
        self._settings = settings
        self._make_app = make_app
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options; called again at each reload."""
        web = self._settings.current.web
        options: dict[str, Any] = {
            "bind": web.listen,
            "workers": web.processes,
            "threads": web.threads,
            "worker_class": Worker,
            "preload_app": False,
            "graceful_timeout": 20,
            "timeout": 60,
            "keepalive": 5,
            "accesslog": None,  # our own log has one line for each webhook
            "logger_class": _Logger,
            "proc_name": "rdv-receiver",
            "control_socket_disable": True,  # this server is controlled by signals only
            # A client's SCRIPT_NAME header, passed on by a proxy, would turn /webhooks/status into the page /status.
            # receiver/web/auth/proxy_headers.py decides which headers about TLS are trusted.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "worker_exit": _leave,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Handle SIGHUP."""
        self._settings.reload()
        super().reload()

    def load(self) -> Waiting:
        """Build the application in a new process, after the fork: connections are never shared."""
        logs.configure()
        keep_no_large_blocks()
        return Waiting(self._alive)

    def _alive(self) -> Flask:
        """Build the application as soon as its store can be used, and start the heartbeats."""
        app = self._make_app()
        beat.start(app.extensions["receiver"], self._settings)
        return app


def serve(settings: Reloadable, make_app: MakeApp) -> None:
    """Serve until asked to stop. Never returns: gunicorn ends the process itself."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until gunicorn's own handler is set
    Server(settings, make_app).run()
