"""Throttling, quotas, and mailboxes on the move."""

import threading
from datetime import UTC, datetime

import pytest
import requests

from mock_exchange import Fault, FaultKind, MockExchange
from mock_exchange.errors import SoapFault
from mock_exchange.http.throttling import Limits, Throttle
from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import (
    Factory,
    acting_as,
    create,
    delete,
    envelope,
    event,
    find,
    get,
    post,
    set_field,
    update,
)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def admitted(throttle: Throttle, account: str = "svc", mailbox: str = AGENT) -> str:
    """Make a call that is over at once; return the code it was refused with, or nothing."""
    try:
        with throttle.admit(account, mailbox):
            return ""
    except SoapFault as refused:
        return refused.code


def busy(exchange: MockExchange, mailbox: str, release: threading.Event) -> threading.Thread:
    """Have one call of a mailbox under way until the event is set."""
    under_way = threading.Event()
    work = exchange.service.answer

    def slow(*arguments: object, **options: object) -> object:
        exchange.service.answer = work  # type: ignore[method-assign]
        under_way.set()
        release.wait(10)
        return work(*arguments, **options)  # type: ignore[arg-type]

    exchange.service.answer = slow  # type: ignore[assignment, method-assign]
    caller = threading.Thread(target=post, args=(exchange, find(), acting_as(mailbox)))
    caller.start()
    assert under_way.wait(10)
    return caller


def test_calls_above_the_concurrency_are_refused_until_one_is_over(exchange: MockExchange):
    exchange.limit(concurrency=1)
    release = threading.Event()
    first = busy(exchange, AGENT, release)
    refused = post(exchange, create(event("x")), acting_as(OTHER))
    release.set()
    first.join()
    assert (refused.status, refused.codes) == (500, ["ErrorExceededConnectionCount"])
    assert post(exchange, create(event("x")), acting_as(OTHER)).codes == ["NoError"]
    assert len(exchange.items(OTHER)) == 1


def test_mailboxes_may_be_counted_apart(exchange: MockExchange):
    exchange.limit(concurrency=1, by_mailbox=True)
    release = threading.Event()
    first = busy(exchange, AGENT, release)
    codes = [post(exchange, find(), acting_as(mailbox)).codes[0] for mailbox in (OTHER, AGENT)]
    release.set()
    first.join()
    assert codes == ["NoError", "ErrorExceededConnectionCount"]


def test_one_call_after_another_never_exceeds_a_concurrency_of_one(exchange: MockExchange):
    """The place is free before the answer is sent."""
    exchange.limit(concurrency=1)
    assert {post(exchange, find()).codes[0] for _ in range(50)} == {"NoError"}


def test_a_spent_budget_says_how_long_to_wait(exchange: MockExchange):
    exchange.limit(calls=2, recharge_per_s=0.001)
    replies = [post(exchange, find()) for _ in range(3)]
    assert [reply.codes[0] for reply in replies] == ["NoError", "NoError", "ErrorServerBusy"]
    (wait,) = replies[-1].all("//t:Value[@Name='BackOffMilliseconds']")
    assert 900_000 < int(wait.text) <= 1_000_000


def test_a_budget_recharges_up_to_its_size():
    clock = Clock()
    throttle = Throttle(clock)
    throttle.limit(Limits(calls=2, recharge_per_s=0.5))
    assert [admitted(throttle) for _ in range(3)] == ["", "", "ErrorServerBusy"]
    clock.now_s = 2.0
    assert [admitted(throttle) for _ in range(2)] == ["", "ErrorServerBusy"]
    clock.now_s = 1000.0
    assert [admitted(throttle) for _ in range(3)] == ["", "", "ErrorServerBusy"]


def test_accounts_have_budgets_of_their_own():
    throttle = Throttle(Clock())
    throttle.limit(Limits(calls=1))
    assert [admitted(throttle, account) for account in ("svc", "svc", "other")] == ["", "ErrorServerBusy", ""]


def test_limits_are_lifted(exchange: MockExchange):
    exchange.limit(calls=1)
    post(exchange, find())
    exchange.limit()
    assert post(exchange, find()).codes == ["NoError"]


def test_a_refused_call_meets_no_planned_trouble(exchange: MockExchange):
    exchange.limit(calls=1)
    post(exchange, find())
    exchange.inject(Fault(FaultKind.DROP_BEFORE))
    assert post(exchange, find()).codes == ["ErrorServerBusy"]
    assert exchange.faults.pending == 1


def test_a_full_mailbox_takes_nothing_more_and_gives_up_what_it_has(exchange: MockExchange):
    item_id = post(exchange, create(event("x"))).ids()[0]
    exchange.set_quota(AGENT, 0)
    longer = set_field("item:Subject", "<t:Subject>Un titre plus long</t:Subject>")
    assert post(exchange, create(event("y"))).codes == ["ErrorQuotaExceeded"]
    assert post(exchange, update(item_id, longer)).codes == ["ErrorQuotaExceeded"]
    assert [item.subject for item in exchange.items(AGENT)] == ["x"]
    assert post(exchange, delete(item_id)).codes == ["NoError"]
    exchange.set_quota(AGENT, None)
    assert post(exchange, create(event("y"))).codes == ["NoError"]


def test_a_quota_is_one_mailboxs_own_and_counts_what_it_holds(exchange: MockExchange):
    post(exchange, create(event("x")))
    exchange.set_quota(AGENT, 8000)
    codes = [post(exchange, create(event("y"))).codes[0] for _ in range(10)]
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {"NoError", "ErrorQuotaExceeded"}
    assert post(exchange, create(event("z")), acting_as(OTHER)).codes == ["NoError"]


def test_nobody_gets_into_a_mailbox_on_the_move(exchange: MockExchange):
    item_id = post(exchange, create(event("x"))).ids()[0]
    exchange.begin_move(AGENT)
    for body in (create(event("y")), create(event("y"), folder=""), find(), get(item_id), delete(item_id)):
        assert post(exchange, body, acting_as(AGENT)).codes == ["ErrorMailboxMoveInProgress"]
    assert post(exchange, create(event("y")), acting_as(OTHER)).codes == ["NoError"]


def test_after_a_move_the_same_items_have_other_ids(exchange: MockExchange):
    exchange.make_folder(AGENT, "Archives")
    old, moved = (post(exchange, create(event(subject))).ids()[0] for subject in ("x", "y"))
    exchange.move_item(moved, "Archives")
    others = post(exchange, create(event("z")), acting_as(OTHER)).ids()
    exchange.begin_move(AGENT)
    exchange.finish_move(AGENT)
    assert post(exchange, get(old)).codes == ["ErrorItemNotFound"]
    (new,) = post(exchange, find()).ids()
    assert new != old
    assert post(exchange, get(new, more='<t:FieldURI FieldURI="item:Subject"/>')).texts("//t:Subject") == ["x"]
    assert [item.subject for item in exchange.items(AGENT, "Archives")] == ["y"]
    assert post(exchange, find(), acting_as(OTHER)).ids() == others
    assert post(exchange, create(event("w"))).codes == ["NoError"]


def test_a_series_survives_a_move_with_its_occurrences(exchange: MockExchange):
    window = (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    daily = (
        "<t:Start>2026-12-07T09:00:00Z</t:Start><t:End>2026-12-07T10:00:00Z</t:End><t:Recurrence>"
        "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence>"
        "<t:StartDate>2026-12-07</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences>"
        "</t:NumberedRecurrence></t:Recurrence>"
    )
    post(exchange, create(event("x", daily)))
    exchange.delete_item(exchange.occurrences(AGENT, *window)[1].item_id)
    before = [each.start for each in exchange.occurrences(AGENT, *window)]
    exchange.begin_move(AGENT)
    exchange.finish_move(AGENT)
    after = exchange.occurrences(AGENT, *window)
    assert [each.start for each in after] == before
    assert post(exchange, get(after[0].item_id)).codes == ["NoError"]


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("limits", {"calls": 0}, "ErrorServerBusy"),
        ("mailboxes/quota", {"mailbox": AGENT, "size_bytes": 0}, "ErrorQuotaExceeded"),
        ("mailboxes/move", {"mailbox": AGENT, "phase": "begin"}, "ErrorMailboxMoveInProgress"),
    ],
)
def test_other_processes_steer_all_this(exchange: MockExchange, path: str, content: dict[str, object], code: str):
    address = exchange.url.replace("/EWS/Exchange.asmx", f"/mock/{path}")
    assert requests.post(address, json=content, timeout=10).status_code == 200
    assert requests.post(exchange.url, data=envelope(create(event("x"))), timeout=10).text.count(code) >= 1


def test_throttling_tells_accounts_apart_by_who_signed_in(start: Factory):
    users = {"un@x.example": "p", "deux@x.example": "p"}
    exchange = start(*users, auth="basic", users=users)
    exchange.limit(calls=1)
    codes = [post(exchange, find(), auth=(name, "p")).codes[0] for name in ("un@x.example", *users)]
    assert codes == ["NoError", "ErrorServerBusy", "NoError"]
