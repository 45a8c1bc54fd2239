"""Our logging set up for one test, and taken down after it."""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from receiver import logs


@contextmanager
def captured_logs(level: str = "INFO") -> Iterator[io.StringIO]:
    """Yield the stream that the process's logs go to."""
    root = logging.getLogger()
    handlers, root_level = root.handlers[:], root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    stream = io.StringIO()
    logs.configure(level, stream)
    try:
        yield stream
    finally:
        logging.captureWarnings(capture=False)
        logging.raiseExceptions = True
        root.handlers[:] = handlers
        root.setLevel(root_level)
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
