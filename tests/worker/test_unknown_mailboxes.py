"""Mailboxes that nobody knows to be there get a bounded share of a crew's connections, and are never forgotten."""

from datetime import timedelta

import pytest

from connectors.base import Scope, Temporary
from receiver.core.backoff import DAY_S, LONGEST_DELAY_S, delay_s
from receiver.core.mailboxes import Mailbox
from receiver.store import MailboxWork
from receiver.worker.reconcile import Pass
from receiver.worker.unknown_mailboxes import (
    KNOWN_FIRST,
    KNOWN_ONLY,
    REMEMBERED,
    SHARE,
    UNKNOWN_FIRST,
    UnknownMailboxes,
)
from tests.makers import NOW


def work(*, known: bool) -> MailboxWork:
    return MailboxWork(1, Mailbox("exchange", "a@x.example"), "lease", 0, known, (), known)


def disappoint(strangers: UnknownMailboxes, times: int = REMEMBERED) -> None:
    for _ in range(times):
        strangers.leave(strangers.admit(), work(known=False), failed=True)


def test_as_long_as_they_turn_out_to_be_there_all_connections_may_be_theirs() -> None:
    strangers = UnknownMailboxes(4)
    assert all(strangers.admit() != KNOWN_ONLY for _ in range(4))
    assert strangers.admit() == KNOWN_ONLY, "no more than there are"


@pytest.mark.threat(id="flooding-source")
@pytest.mark.parametrize(("connections", "share"), [(1, 1), (4, 1), (8, 2), (10, 2)])
def test_when_they_do_not_they_get_a_share(connections: int, share: int) -> None:
    strangers = UnknownMailboxes(connections)
    disappoint(strangers)
    admitted = [strangers.admit() for _ in range(connections)]
    assert sum(kinds != KNOWN_ONLY for kinds in admitted) == share


def test_their_share_is_free_again_when_one_leaves_or_claimed_none() -> None:
    strangers = UnknownMailboxes(4)
    disappoint(strangers)
    kinds = strangers.admit()
    assert strangers.admit() == KNOWN_ONLY
    strangers.leave(kinds, work(known=False), failed=True)
    kinds = strangers.admit()
    assert kinds != KNOWN_ONLY
    assert strangers.claimed(kinds, work(known=True)) == KNOWN_ONLY
    again = strangers.admit()
    assert again != KNOWN_ONLY
    assert strangers.claimed(again, None) == KNOWN_ONLY
    assert strangers.admit() != KNOWN_ONLY


def test_one_that_is_there_counts_for_them_and_a_known_one_for_nothing() -> None:
    strangers = UnknownMailboxes(4)
    disappoint(strangers)
    for _ in range(REMEMBERED):
        strangers.leave(strangers.admit(), work(known=True), failed=False)
    kinds = strangers.admit()
    assert strangers.admit() == KNOWN_ONLY
    strangers.leave(kinds, work(known=False), failed=False)
    for _ in range(REMEMBERED):
        strangers.leave(strangers.admit(), work(known=False), failed=False)
    assert [strangers.admit() != KNOWN_ONLY for _ in range(4)] == [True] * 4


def test_where_there_is_always_known_work_they_go_first_now_and_then() -> None:
    strangers = UnknownMailboxes(1)
    seen = []
    for _ in range(2 * SHARE):
        kinds = strangers.admit()
        seen.append(kinds)
        strangers.leave(strangers.claimed(kinds, work(known=True)), work(known=True), failed=False)
    assert seen.count(UNKNOWN_FIRST) == 2
    assert set(seen) == {KNOWN_FIRST, UNKNOWN_FIRST}


def test_a_wait_grows_to_what_is_allowed() -> None:
    assert delay_s(40, None, 1.0) == LONGEST_DELAY_S
    assert delay_s(40, None, 1.0, DAY_S) == DAY_S
    assert delay_s(1, None, 1.0, DAY_S) == delay_s(1, None, 1.0)


class _Clock:
    def now(self):  # type: ignore[no-untyped-def]
        return NOW


@pytest.mark.parametrize(
    ("identified", "code", "longest"),
    [
        (True, "quota_exceeded", LONGEST_DELAY_S),
        (True, "mailbox_not_found", DAY_S),
        (False, "quota_exceeded", DAY_S),
    ],
)
def test_a_mailbox_that_may_not_be_there_is_tried_ever_more_rarely_and_at_least_daily(
    identified: bool, code: str, longest: float
) -> None:
    tired = MailboxWork(1, Mailbox("exchange", "a@x.example"), "lease", 60, identified, (), identified)
    trouble = Temporary(code, Scope.MAILBOX)
    waited, _ = Pass(_Clock(), None, None, tired, None, trouble=trouble)._verdict()  # type: ignore[arg-type]
    assert waited is not None
    assert timedelta(seconds=longest / 2) <= waited.until - NOW <= timedelta(seconds=longest)
