"""Troubles on demand: each does what it says, to whom it says, as often as it says."""

import time
from itertools import pairwise

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from mock_exchange import Fault, FaultKind, MockExchange
from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import Factory, acting_as, create, envelope, event, find, post

CREATE = create(event("a"), event("b"), event("c"))


def send(exchange: MockExchange, body: str = CREATE, header: str = "") -> requests.Response:
    return requests.post(exchange.url, data=envelope(body, header), timeout=10)


def subjects(exchange: MockExchange, mailbox: str = AGENT) -> list[str]:
    return [item.subject for item in exchange.items(mailbox)]


def test_a_connection_dropped_before_the_work_leaves_nothing(exchange):
    exchange.inject(Fault(FaultKind.DROP_BEFORE))
    with pytest.raises(requests.ConnectionError):
        send(exchange)
    exchange.settle()
    assert subjects(exchange) == []
    assert [(recorded.verb, recorded.status) for recorded in exchange.requests] == [("CreateItem", 0)]


def test_a_connection_dropped_after_the_work_leaves_it_done(exchange):
    exchange.inject(Fault(FaultKind.DROP_AFTER))
    with pytest.raises(requests.ConnectionError):
        send(exchange)
    exchange.settle()
    assert subjects(exchange) == ["a", "b", "c"]


def test_a_late_commit_comes_after_the_connection_is_gone(exchange):
    exchange.inject(Fault(FaultKind.LATE_COMMIT, delay_s=0.3))
    with pytest.raises(requests.ConnectionError):
        send(exchange)
    assert subjects(exchange) == []
    exchange.settle()
    assert subjects(exchange) == ["a", "b", "c"]


def test_stopping_does_not_wait_for_a_late_commit():
    with MockExchange([AGENT]) as exchange:
        exchange.inject(Fault(FaultKind.LATE_COMMIT, delay_s=60))
        with pytest.raises(requests.ConnectionError):
            send(exchange)
        before = time.monotonic()
    assert time.monotonic() - before < 10
    assert exchange.items(AGENT) == []


def test_401_names_the_scheme(start: Factory):
    exchange = start(auth="basic", users={AGENT: "p"})
    exchange.inject(Fault(FaultKind.UNAUTHORIZED))
    statuses = [
        requests.post(exchange.url, data=envelope(CREATE), auth=(AGENT, "p"), timeout=10).status_code for _ in range(2)
    ]
    assert statuses == [401, 200]
    assert subjects(exchange) == ["a", "b", "c"]


def test_401_reaches_an_ntlm_client_also_on_a_connection_that_was_proved(start: Factory):
    """The client answers a first 401 by a handshake of its own; the trouble lasts until that has failed."""
    exchange = start(auth="ntlm", users={AGENT: "p"})
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(AGENT, "p")
        statuses = []
        for trouble in (False, True, False):
            if trouble:
                exchange.inject(Fault(FaultKind.UNAUTHORIZED))
            statuses.append(session.post(exchange.url, data=envelope(find()), timeout=10).status_code)
    assert statuses == [200, 401, 200]


@pytest.mark.parametrize(("retry_after_s", "header"), [(7, "7"), (None, None)])
def test_503_says_when_to_come_back_where_it_is_told_to(exchange, retry_after_s, header):
    exchange.inject(Fault(FaultKind.UNAVAILABLE, retry_after_s=retry_after_s))
    answer = send(exchange)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, header)
    assert subjects(exchange) == []


def test_a_busy_server_says_for_how_long(exchange):
    exchange.inject(Fault(FaultKind.SERVER_BUSY, back_off_ms=2500))
    reply = post(exchange, CREATE)
    assert (reply.status, reply.codes) == (500, ["ErrorServerBusy"])
    assert reply.texts("//t:Value[@Name='BackOffMilliseconds']") == ["2500"]
    assert subjects(exchange) == []


def test_a_login_page_comes_with_status_200(exchange):
    exchange.inject(Fault(FaultKind.LOGIN_PAGE))
    answer = send(exchange)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<html>" in answer.text


def test_an_empty_answer_comes_with_status_200(exchange):
    exchange.inject(Fault(FaultKind.EMPTY))
    answer = send(exchange)
    assert (answer.status_code, answer.content) == (200, b"")
    assert subjects(exchange) == []


def test_one_bad_item_of_a_batch_fails_alone(exchange):
    exchange.inject(Fault(FaultKind.ITEM_ERROR, index=1, code="ErrorItemSave"))
    assert post(exchange, CREATE).codes == ["NoError", "ErrorItemSave", "NoError"]
    assert subjects(exchange) == ["a", "c"]


def test_any_code_can_fail_the_whole_call(exchange):
    exchange.inject(Fault(FaultKind.ERROR, code="ErrorMailboxMoveInProgress"))
    reply = post(exchange, CREATE)
    assert (reply.status, reply.codes) == (500, ["ErrorMailboxMoveInProgress"])
    assert subjects(exchange) == []


def test_a_hanging_call_is_done_in_the_end(exchange):
    exchange.inject(Fault(FaultKind.HANG, delay_s=0.2))
    before = time.monotonic()
    assert post(exchange, CREATE).codes == ["NoError"] * 3
    assert time.monotonic() - before >= 0.2


def test_a_client_that_gave_up_finds_its_work_done(exchange):
    exchange.inject(Fault(FaultKind.HANG, delay_s=0.4))
    with pytest.raises(requests.ReadTimeout):
        requests.post(exchange.url, data=envelope(CREATE), timeout=0.1)
    exchange.settle()
    assert subjects(exchange) == ["a", "b", "c"]


def test_a_slow_answer_comes_long_after_the_work(exchange):
    exchange.inject(Fault(FaultKind.SLOW_ANSWER, delay_s=0.4))
    with pytest.raises(requests.ReadTimeout):
        requests.post(exchange.url, data=envelope(CREATE), timeout=0.1)
    assert subjects(exchange) == ["a", "b", "c"]


def test_a_short_answer_leaves_out_messages_of_what_was_done(exchange):
    exchange.inject(Fault(FaultKind.SHORT, missing=2))
    assert post(exchange, CREATE).codes == ["NoError"]
    assert subjects(exchange) == ["a", "b", "c"]


def test_a_fault_is_limited_to_a_verb_and_a_mailbox(exchange):
    exchange.inject(Fault(FaultKind.ERROR, verb="CreateItem", mailbox=OTHER.upper()))
    statuses = [
        send(exchange, body, acting_as(mailbox)).status_code
        for mailbox, body in ((AGENT, CREATE), (OTHER, find()), (OTHER, CREATE), (OTHER, CREATE))
    ]
    assert statuses == [200, 200, 500, 200]


def test_a_fault_spares_the_first_and_ends_after_its_times(exchange):
    exchange.inject(Fault(FaultKind.ERROR, after=1, times=2))
    assert [send(exchange).status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_fault_without_times_lasts_until_it_is_cleared(exchange):
    exchange.inject(Fault(FaultKind.ERROR, times=None))
    assert [send(exchange).status_code for _ in range(3)] == [500] * 3
    exchange.faults.clear()
    assert send(exchange).status_code == 200


def test_faults_are_met_one_after_another(exchange):
    exchange.inject(Fault(FaultKind.ERROR, code="ErrorServerBusy"))
    exchange.inject(Fault(FaultKind.UNAVAILABLE))
    assert [send(exchange).status_code for _ in range(3)] == [500, 503, 200]


def test_a_handshake_uses_no_fault_up(start: Factory):
    exchange = start(auth="ntlm", users={AGENT: "p"})
    exchange.inject(Fault(FaultKind.UNAVAILABLE))
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(AGENT, "p")
        assert session.post(exchange.url, data=envelope(find()), timeout=10).status_code == 503
    assert [recorded.status for recorded in exchange.requests] == [401, 401, 503]


def test_every_post_takes_the_latency(start: Factory):
    exchange = start(latency_s=0.05)
    moments = [time.monotonic()]
    for _ in range(2):
        send(exchange, find())
        moments.append(time.monotonic())
    assert all(after - before >= 0.05 for before, after in pairwise(moments))
