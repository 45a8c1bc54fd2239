"""Debian's Chromium, the application behind a real socket, and axe-core."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from receiver.web.auth import cookies
from tests.interoperability.javascript import packages

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve on a free port; yield the address. `localhost`: browsers keep a secure cookie there without TLS."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cookie(address: str, token: str) -> dict[str, Any]:
    """The cookie of somebody who is logged in."""
    return {
        "name": cookies.NAME,
        "value": token,
        "url": address.replace("http:", "https:"),
        "secure": True,
        "httpOnly": True,
    }


def axe() -> str:
    """Return axe-core's source."""
    folder = packages(Path(__file__).parent / "node")
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")
