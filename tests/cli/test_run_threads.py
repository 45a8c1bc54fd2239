"""The threads that `run` keeps beside its children go on after an error that nobody foresaw."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from receiver.cli import run


class Ended(BaseException):
    """Ends a thread's work."""


def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Have the store fail in a way that nobody foresaw, then end the work; return what is left to come."""
    failures: list[BaseException] = [OverflowError(), OSError(), Ended()]

    def open_store(*_: object) -> None:
        raise failures.pop(0)

    monkeypatch.setattr("receiver.bootstrap.open_store", open_store)
    monkeypatch.setattr(run, "RETRY_EVERY_S", 0)
    monkeypatch.setattr(run, "NOTICE_EVERY_S", 0)
    return failures


def test_the_one_that_migrates_a_store_which_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = failing(monkeypatch)
    with pytest.raises(Ended):
        run._migrate_when_back(cast("Any", None))
    assert failures == []


def test_the_one_that_leaves_word_of_a_refused_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = failing(monkeypatch)
    monkeypatch.setattr(run.Notice, "is_due", lambda *_: True)
    with pytest.raises(Ended):
        run._report_refused(cast("Any", SimpleNamespace(current=None, refused=None)))
    assert failures == []
