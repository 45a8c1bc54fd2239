"""What a process says of a configuration that it refused, and how long that is believed."""

from datetime import timedelta

import pytest

from receiver.config.reload import Refused
from receiver.core.trouble_rules import RefusedConfiguration
from receiver.operations.refused_configuration import FORGOTTEN, RENEWED, Notice, refusals
from receiver.store import Store, counters
from tests.makers import NOW

SINCE = NOW - timedelta(hours=2)
FILE, CSV = Refused("file", SINCE), Refused("csv", SINCE)


def told(store: Store, now: object = NOW) -> list[RefusedConfiguration]:
    return list(refusals(store.read(counters.figures_named), now))  # type: ignore[arg-type]


@pytest.fixture
def notice(monkeypatch: pytest.MonkeyPatch) -> Notice:
    monkeypatch.setattr("socket.gethostname", lambda: "srv-rdv")
    return Notice("worker")


def test_a_refusal_is_told_with_its_process_until_a_right_file_comes(store: Store, notice: Notice) -> None:
    notice.write(store, FILE, NOW)
    assert told(store) == [RefusedConfiguration("worker/srv-rdv", "file", SINCE)]
    notice.write(store, CSV, NOW)
    assert told(store) == [RefusedConfiguration("worker/srv-rdv", "csv", SINCE)]
    notice.write(store, None, NOW)
    assert told(store) == []


def test_a_process_that_starts_with_a_right_file_takes_back_what_the_one_before_it_said(
    store: Store, notice: Notice
) -> None:
    notice.write(store, FILE, NOW)
    Notice("worker").write(store, None, NOW)
    assert told(store) == []


def test_it_is_said_again_while_it_lasts_and_forgotten_with_the_process(store: Store, notice: Notice) -> None:
    notice.write(store, FILE, NOW)
    assert not notice.is_due(FILE, NOW + RENEWED - timedelta(seconds=1))
    assert notice.is_due(FILE, NOW + RENEWED)
    assert notice.is_due(FILE, NOW - timedelta(hours=1)), "the clock was set back"
    assert not notice.is_due(FILE, NOW)
    assert told(store, NOW + FORGOTTEN - timedelta(seconds=1)) != []
    assert told(store, NOW + FORGOTTEN) == []


def test_with_nothing_to_say_nothing_is_said_twice(store: Store, notice: Notice) -> None:
    assert notice.is_due(None, NOW)
    notice.write(store, None, NOW)
    assert not notice.is_due(None, NOW + timedelta(days=1))
