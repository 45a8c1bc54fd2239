"""The thread that leaves a web process's signs of life."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from receiver.store import StoreUnavailable
from receiver.web import beat


class Ended(BaseException):
    """Ends the thread's work."""


def test_it_goes_on_whatever_one_beat_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat, "BEAT_EVERY_S", 0)
    failures: list[BaseException] = [OverflowError(), StoreUnavailable(), ValueError(), Ended()]

    def standing() -> None:
        raise failures.pop(0)

    store = SimpleNamespace(standing=standing)
    with pytest.raises(Ended):
        beat._beat(cast("Any", SimpleNamespace(store=store)), cast("Any", SimpleNamespace(refused=None)))
    assert failures == []
