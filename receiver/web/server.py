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
        """Take away the handlers that gunicorn would write with."""
        self.cfg = cfg
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


def _leave(_server: object, worker: Any) -> None:
    """Before a process goes: write down what it counted, judge what waits, which an older program could not, and close
    the store: of all processes, the last one leaves everything in the one file.

    A host that may only append leaves judging to the others.
    """
    waiting: Waiting | None = getattr(worker, "wsgi", None)  # None: it never came up
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
    """Several processes of several threads each: threads that wait for the disk cost little.

    On SIGHUP the master reads the configuration; new processes get it, or the old one where the new is wrong.
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
            "control_socket_disable": True,  # nothing here is steered but by signals
            # A client's SCRIPT_NAME header, which a proxy here may pass on, would make /webhooks/status the page
            # /status. Whom to believe about TLS is decided in receiver/web/auth/proxy_headers.py.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "worker_exit": _leave,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Answer SIGHUP."""
        self._settings.reload()
        super().reload()

    def load(self) -> Waiting:
        """Build the application in a new process, after the fork: connections are never shared."""
        logs.configure()
        keep_no_large_blocks()
        return Waiting(self._alive)

    def _alive(self) -> Flask:
        """Build the application once its store can be used, with signs of life."""
        app = self._make_app()
        beat.start(app.extensions["receiver"], self._settings)
        return app


def serve(settings: Reloadable, make_app: MakeApp) -> None:
    """Serve until asked to stop. Never returns: gunicorn ends the process itself."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until gunicorn's own handler stands
    Server(settings, make_app).run()
