"""Logs: one JSON object a line on standard error, made of codes, ids and counts.

Messages of libraries and exceptions may quote a payload, a request with its password or a mailbox's content, so they
are dropped. A foreign record keeps its level, its logger and a code; an exception its type and its frames.
"""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

Field = str | int | float | bool | None

ROOT = "rdv"
"""The parent of our own loggers; all others are foreign."""

_FIELDS = "rdv_fields"
_LIFECYCLE = "gunicorn.error"
"""gunicorn's log of starts, stops and dead workers. Its messages are kept below ERROR: they quote nothing."""


class Log:
    """A named log. An event is a name in snake_case; all that varies is a field."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: Field) -> None:
        """Log a detail for developers."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Field) -> None:
        """Log a normal event."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Field) -> None:
        """Log something that recovers by itself or can wait."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Field) -> None:
        """Log something that an operator must check."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: Field) -> None:
        """Log, from an `except` block, an unexpected error: its type and frames, never its message."""
        self._log(logging.ERROR, event, fields, with_exception=True)

    def _log(self, level: int, event: str, fields: dict[str, Field], *, with_exception: bool = False) -> None:
        logger = self._logger
        if logger.isEnabledFor(level):
            # Made here, as `Logger.log` walks the stack to find the caller, which our lines do not show.
            error = sys.exc_info() if with_exception else None
            record = logging.LogRecord(logger.name, level, "", 0, event, (), error)
            setattr(record, _FIELDS, fields)
            logger.handle(record)


def get(name: str) -> Log:
    """Return the log of a part of the receiver."""
    return Log(logging.getLogger(f"{ROOT}.{name}"))


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs of this process through our formatter, and only there."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    ours = logging.getLogger(ROOT)
    ours.setLevel(level)
    # Without their messages, records of libraries below a warning are useless.
    root.setLevel(max(logging.WARNING, ours.level))
    logging.getLogger(_LIFECYCLE).setLevel(logging.INFO)
    # Our lines do not show these, and each record would look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Python's own printing of a failed log call shows the arguments.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_uncaught_in_thread


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; json's escapes leave no line end or terminal control in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content = _content(record)
        if record.exc_info and record.exc_info[0]:
            content |= _error(record.exc_info[0], record.exc_info[2])
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"ts": when.replace("+00:00", "Z"), "level": record.levelname.lower(), "event": content.pop("event")}
        # A field cannot take the place of what every line has.
        line |= {name: value for name, value in content.items() if name not in line}
        return _ENCODER.encode(line)


def _content(record: logging.LogRecord) -> dict[str, object]:
    if record.name.partition(".")[0] == ROOT:
        fields: dict[str, object] = getattr(record, _FIELDS, {})
        return {**fields, "event": record.getMessage(), "log": record.name.removeprefix(f"{ROOT}.")}
    if record.name == _LIFECYCLE and record.levelno < logging.ERROR:
        return {"event": "gunicorn", "log": record.name, "text": record.getMessage()}
    return {"event": "library", "log": record.name, "code": _place(record)}


def _place(record: logging.LogRecord) -> str:
    """Return the statement that logged: with the source it identifies the message, and it holds no data."""
    return f"{record.module}:{record.lineno}"


def _error(kind: type[BaseException], trace: TracebackType | None) -> dict[str, object]:
    frames = traceback.extract_tb(trace)
    return {"error": kind.__name__, "frames": [f"{frame.filename}:{frame.lineno}" for frame in frames]}


def _type_name(value: object) -> str:
    # A value of another type is a mistake of the caller, and its repr may hold anything.
    return f"<{type(value).__name__}>"


_ENCODER = json.JSONEncoder(default=_type_name)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger(f"{ROOT}.process").critical("uncaught_exception", exc_info=(kind, error, trace))


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    _log_uncaught(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    _log_uncaught(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
