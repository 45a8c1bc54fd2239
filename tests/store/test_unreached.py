"""What the watch says of addresses at which nothing arrives, and how long that is believed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from receiver.core.trouble_rules import Unreached
from receiver.operations.unreached import FORGOTTEN, RENEWED, Notice, unreached
from receiver.store import Store, counters
from tests.makers import NOW

SINCE = NOW - timedelta(hours=2)
SECOND = Unreached("alerts.to[1]", SINCE)


def told(store: Store, now: datetime = NOW) -> Sequence[Unreached]:
    return unreached(store.read(counters.figures_named), now)


def test_an_address_is_told_until_something_arrives_there(store: Store) -> None:
    notice = Notice()
    notice.write(store, {0: None, 1: SINCE}, NOW)
    assert told(store) == (SECOND,)
    notice.write(store, {0: None, 1: None}, NOW)
    assert told(store) == ()


def test_an_address_that_was_taken_out_of_the_configuration_is_told_no_more(store: Store) -> None:
    notice = Notice()
    notice.write(store, {0: None, 1: SINCE}, NOW)
    notice.write(store, {0: None}, NOW)
    assert told(store) == ()


def test_it_is_said_again_while_it_lasts_and_forgotten_with_the_watch(store: Store) -> None:
    notice = Notice()
    notice.write(store, {1: SINCE}, NOW)
    assert told(store, NOW + FORGOTTEN - timedelta(seconds=1)) == (SECOND,)
    assert told(store, NOW + FORGOTTEN) == ()
    notice.write(store, {1: SINCE}, NOW + RENEWED)
    assert told(store, NOW + FORGOTTEN) == (SECOND,)


def test_where_all_is_well_nothing_is_written_again(store: Store) -> None:
    notice = Notice()
    notice.write(store, {0: None}, NOW)
    before = store.read(counters.figures_named)
    notice.write(store, {0: None}, NOW + timedelta(days=1))
    assert store.read(counters.figures_named) == before
