"""A log line is one JSON object of codes, ids and counts; nobody else's words get into it."""

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from receiver import logs
from tests.logs.captured import captured_logs

PRIVATE = "Jeanne Dupont, 12 rue des Lilas"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with captured_logs() as captured:
        yield captured


def fail() -> None:
    raise ValueError(PRIVATE)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_holds_time_level_event_and_fields(stream: io.StringIO) -> None:
    logs.get("webhook").info("webhook", source="mds", status=202, delivery="d1", late=None)
    (line,) = lines(stream)
    when = line.pop("ts")
    assert datetime.fromisoformat(when).utcoffset() is not None
    assert when.endswith("Z")
    assert len(when) == len("2026-01-01T00:00:00.000Z")
    assert line == {
        "level": "info",
        "event": "webhook",
        "log": "webhook",
        "source": "mds",
        "status": 202,
        "delivery": "d1",
        "late": None,
    }


def test_levels_below_the_configured_one_are_silent(stream: io.StringIO) -> None:
    log = logs.get("x")
    log.debug("a")
    log.warning("b")
    log.error("c")
    assert [(line["event"], line["level"]) for line in lines(stream)] == [("b", "warning"), ("c", "error")]


def test_a_field_cannot_pose_as_another_line_or_another_level(stream: io.StringIO) -> None:
    logs.get("x").info("asked", name='a\n{"level": "critical"}\x1b[2J\u2028', level="critical", event="forged", ts=1)
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    (line,) = lines(stream)
    assert (line["level"], line["event"]) == ("info", "asked")


def test_a_value_that_is_no_field_shows_its_type_only(stream: io.StringIO) -> None:
    """A payload handed to the log by mistake must not be in it."""

    class Payload:
        def __repr__(self) -> str:
            return PRIVATE

    logs.get("x").info("slip", payload=Payload())  # type: ignore[arg-type]
    assert lines(stream)[0]["payload"] == "<Payload>"


def test_an_exception_is_its_type_and_its_places(stream: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logs.get("x").exception("failed", item=3)
    (line,) = lines(stream)
    assert (line["event"], line["error"], line["item"]) == ("failed", "ValueError", 3)
    assert [frame.rpartition(":")[0] for frame in line["frames"]] == [__file__, __file__]
    assert PRIVATE not in stream.getvalue()


@pytest.mark.parametrize("name", ["werkzeug", "sqlalchemy.engine", "alembic.runtime", "root"])
def test_a_librarys_words_are_dropped(name: str, stream: io.StringIO) -> None:
    """Messages may hold statements with their values; those of the EWS libraries never get this far."""
    logging.getLogger(name).error("Authorization: %s", PRIVATE)
    (line,) = lines(stream)
    assert (line["level"], line["event"], line["log"]) == ("error", "library", name)
    assert line["code"].startswith("test_log_lines:")
    assert PRIVATE not in stream.getvalue()


def test_libraries_are_silent_below_warning(stream: io.StringIO) -> None:
    logging.getLogger("exchangelib").info("request")
    assert lines(stream) == []


def test_gunicorns_lifecycle_keeps_its_words_but_its_errors_do_not(stream: io.StringIO) -> None:
    """A worker's unforeseen exception is logged by gunicorn with its text and trace."""
    logger = logging.getLogger("gunicorn.error")
    logger.info("Listening at: %s (%s)", "http://127.0.0.1:1", 7)
    logger.error("Error handling request %s", PRIVATE)
    first, second = lines(stream)
    assert first["text"] == "Listening at: http://127.0.0.1:1 (7)"
    assert second["event"] == "library"
    assert PRIVATE not in stream.getvalue()


def test_a_librarys_exception_keeps_its_places_only(stream: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger("sqlalchemy.pool").exception("Exception for %s", PRIVATE)
    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert PRIVATE not in stream.getvalue()


def test_python_warnings_become_lines(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(PRIVATE, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert [line["log"] for line in lines(stream)] == ["py.warnings"]
    assert PRIVATE not in stream.getvalue()


def test_a_threads_uncaught_exception_shows_no_words(stream: io.StringIO) -> None:
    # pytest's own hook would claim the exception: ours is called as Python would.
    try:
        fail()
    except ValueError as error:
        threading.excepthook(threading.ExceptHookArgs((ValueError, error, error.__traceback__, None)))
    (line,) = lines(stream)
    assert (line["event"], line["error"], line["level"]) == ("uncaught_exception", "ValueError", "critical")
    assert PRIVATE not in stream.getvalue()


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('hunter2')",
        "import threading; t = threading.Thread(target=lambda: int('hunter2')); t.start(); t.join()",
        "class A:\n def __del__(self): raise ValueError('hunter2')\na = A()\ndel a",
        "import logging; logging.getLogger('rdv.x').error('%d', 'hunter2')",
        "import logging; logging.getLogger('urllib3').error('%d', 'hunter2')",
    ],
)
def test_no_way_of_failing_prints_an_exceptions_words(code: str) -> None:
    program = f"from receiver import logs\nlogs.configure()\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "hunter2" not in done.stdout + done.stderr
    for line in done.stderr.splitlines():
        json.loads(line)
