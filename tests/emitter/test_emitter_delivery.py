"""Retries, patience and disorder against a real server on the loopback."""

import itertools
import socket
import threading
from collections import Counter

import pytest

from emitter.delivery import Courier, Delivery, shuffled_with_repeats
from emitter.platforms import Platform, signer
from emitter.retries import RDV_INSERTION_WAITS_S, RDV_SERVICE_PUBLIC_WAITS_S, RetryPolicy
from emitter.signing import UnsignableError, sign

SIGNER = signer(Platform.RDV_SERVICE_PUBLIC, "secret")
IN_A_MOMENT = RetryPolicy(time_scale=0.001)
ONCE = RetryPolicy(waits_s=())


def deliveries(count: int) -> list[Delivery]:
    return [Delivery(b'{"number": %d}' % number, f"number {number}") for number in range(count)]


class VirtualClock:
    """Time that passes only while the emitter sleeps."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.sleeps: list[float] = []

    def now_s(self) -> float:
        return self.elapsed_s

    def sleep_s(self, duration_s: float) -> None:
        self.sleeps.append(duration_s)
        self.elapsed_s += duration_s


def test_waits_are_the_fourth_power_of_the_attempt_and_add_up_to_six_and_a_half_days():
    policy = RetryPolicy()
    assert [policy.wait_s(attempt) for attempt in (1, 2, 3, 19)] == [1, 16, 81, 130_321]
    assert policy.wait_s(20) is None
    assert 6.5 < sum(RDV_SERVICE_PUBLIC_WAITS_S) / 86_400 < 6.6


def test_jitter_prolongs_to_seven_and_a_half_days_at_most_and_is_the_seeds():
    policy = RetryPolicy(jitter=0.15, seed=1)
    waits = [policy.wait_s(attempt, job=3) for attempt in range(1, 20)]
    assert all(n**4 <= wait <= n**4 * 1.15 for n, wait in enumerate(waits, start=1))
    assert waits == [policy.wait_s(attempt, job=3) for attempt in range(1, 20)]
    assert waits != [RetryPolicy(jitter=0.15, seed=2).wait_s(attempt, job=3) for attempt in range(1, 20)]
    assert sum(RDV_SERVICE_PUBLIC_WAITS_S) * 1.15 / 86_400 == pytest.approx(7.5, abs=0.05)


def test_rdv_insertion_tries_for_twenty_days():
    assert sum(RDV_INSERTION_WAITS_S) / 86_400 == pytest.approx(20.4, abs=0.1)


def test_a_body_nobody_takes_is_sent_twenty_times_over_a_week_and_given_up(server, accept):
    server.script = lambda _request, _number: accept(status=500, body=b"{}")
    clock = VirtualClock()
    report = Courier(server.url, SIGNER, RetryPolicy(), clock=clock).deliver(deliveries(1))
    assert clock.sleeps == list(RDV_SERVICE_PUBLIC_WAITS_S)
    assert [attempt.number for attempt in report.attempts] == list(range(1, 21))
    assert report.undelivered == (0,)
    starts = [attempt.started_s for attempt in report.attempts]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == list(RDV_SERVICE_PUBLIC_WAITS_S)


def test_retries_carry_the_same_body_and_a_valid_signature(server, accept):
    server.script = lambda _request, number: accept(status=503 if number < 4 else 202)
    body = '{"motif": "Consultation <PMI> é"}'.encode()
    report = Courier(server.url, SIGNER, IN_A_MOMENT).deliver([Delivery(body)])
    assert [request.body for request in server.received] == [body] * 4
    assert {request.headers["X-Lapin-Signature"] for request in server.received} == {sign(body, "secret")}
    assert server.received[0].headers["Content-Type"] == "application/json; charset=utf-8"
    assert [attempt.status for attempt in report.attempts] == [503, 503, 503, 202]
    assert report.attempts[-1].answer == "accepted"
    assert report.undelivered == ()


@pytest.mark.parametrize("status", [301, 400, 401, 404, 422, 500])
def test_anything_but_2xx_is_a_failure_even_a_redirect(server, accept, status):
    server.script = lambda _request, _number: accept(status=status, headers={"Location": server.url})
    report = Courier(server.url, SIGNER, ONCE).deliver(deliveries(1))
    assert len(server.received) == 1
    assert report.undelivered == (0,)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_every_2xx_ends_the_job(server, accept, status):
    server.script = lambda _request, _number: accept(status=status, body=b"" if status == 204 else b"[]")
    report = Courier(server.url, SIGNER, IN_A_MOMENT).deliver(deliveries(1))
    assert [(attempt.status, attempt.answer) for attempt in report.attempts] == [(status, None)]


def test_an_answer_that_comes_too_late_is_tried_again(server, accept):
    server.script = lambda _request, number: accept(pause_s=0.4 if number == 1 else 0)
    report = Courier(server.url, SIGNER, IN_A_MOMENT, timeout_s=0.15).deliver(deliveries(1))
    assert [(attempt.status, attempt.error) for attempt in report.attempts] == [
        (None, "timeout"),
        (202, None),
    ]
    assert report.attempts[0].latency_s >= 0.15


def test_an_answer_that_trickles_does_not_outlive_the_time_out(server, accept):
    """requests starts its time-out anew with every byte; the emitter's covers the whole request."""
    server.script = lambda _request, _number: accept(pause_between_bytes_s=0.05)
    report = Courier(server.url, SIGNER, ONCE, timeout_s=0.2).deliver(deliveries(1))
    assert report.attempts[0].error == "timeout"
    assert report.attempts[0].latency_s < 1.0


def test_an_answer_that_stops_half_way_is_a_time_out(server, accept):
    server.script = lambda _request, _number: accept(body=b"{}", pause_between_bytes_s=0.5)
    report = Courier(server.url, SIGNER, ONCE, timeout_s=0.15).deliver(deliveries(1))
    assert report.attempts[0].error == "timeout"


def test_a_closed_port_is_tried_again():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        report = Courier(url, SIGNER, RetryPolicy(waits_s=(0.01,))).deliver(deliveries(1))
    assert [attempt.error for attempt in report.attempts] == ["connection", "connection"]


@pytest.mark.parametrize("page", [b"<html>Blocked</html>", b"<!DOCTYPE html>\n<HTML>..."])
def test_a_page_that_answers_2xx_is_reported(server, accept, page):
    server.script = lambda _request, _number: accept(status=200, body=page)
    report = Courier(server.url, SIGNER, ONCE).deliver(deliveries(1))
    assert report.firewall_pages == report.attempts


def test_a_page_that_answers_an_error_is_just_an_error(server, accept):
    server.script = lambda _request, _number: accept(status=502, body=b"<html>Bad gateway</html>")
    assert not Courier(server.url, SIGNER, ONCE).deliver(deliveries(1)).firewall_pages


def test_deliveries_overlap_and_end_in_another_order(server, accept):
    """The first is answered after the third was: one thread would never come so far."""
    first_came, third_ended = threading.Event(), threading.Event()

    def script(request, _number):
        if b"0" in request.body:
            first_came.set()
            assert third_ended.wait(5)
        elif b"2" in request.body:
            assert first_came.wait(5)
        return accept()

    def note(attempt):
        if attempt.job == 2:
            third_ended.set()

    server.script = script
    report = Courier(server.url, SIGNER, ONCE, jobs=3, on_attempt=note).deliver(deliveries(3))
    order = [attempt.job for attempt in report.attempts]
    assert order.index(2) < order.index(0)
    assert server.most_at_once >= 2


def test_no_more_requests_are_under_way_than_there_are_jobs(server, accept):
    server.script = lambda _request, _number: accept(pause_s=0.1)
    Courier(server.url, SIGNER, ONCE, jobs=2).deliver(deliveries(8))
    assert server.most_at_once == 2


def test_one_job_at_a_time_keeps_the_order(server):
    Courier(server.url, SIGNER, ONCE, jobs=1).deliver(deliveries(6))
    assert [request.body for request in server.received] == [delivery.body for delivery in deliveries(6)]


def test_a_job_that_waits_for_its_retry_holds_up_nobody(server, accept):
    """With a single thread: the others are delivered while the first waits."""
    server.script = lambda _request, number: accept(status=500 if number == 1 else 202)
    policy = RetryPolicy(waits_s=(0.6,))
    report = Courier(server.url, SIGNER, policy, jobs=1).deliver(deliveries(5))
    assert [attempt.job for attempt in report.attempts] == [0, 1, 2, 3, 4, 0]
    assert report.attempts[4].started_s < 0.6 <= report.attempts[5].started_s


def test_attempts_are_told_as_they_end(server):
    told = []
    courier = Courier(server.url, SIGNER, ONCE, on_attempt=told.append)
    assert courier.deliver(deliveries(3)).attempts == tuple(told)


def test_what_cannot_be_signed_is_not_sent(server):
    courier = Courier(server.url, signer(Platform.RDV_INSERTION, "secret", "jwt"))
    with pytest.raises(UnsignableError):
        courier.deliver([Delivery(b'{"data": {}, "meta": {"model": "Invitation"}}')])
    assert server.received == []


def test_a_bearer_token_is_signed_anew_at_every_attempt(server, accept):
    """It lives ten minutes, the retries twenty days."""
    server.script = lambda _request, number: accept(status=500 if number == 1 else 202)
    tokens = itertools.count()
    Courier(server.url, lambda _body: {"Authorization": f"Bearer {next(tokens)}"}, IN_A_MOMENT).deliver(deliveries(1))
    assert [request.headers["Authorization"] for request in server.received] == ["Bearer 0", "Bearer 1"]


def test_a_netrc_does_not_replace_the_signature(server, tmp_path, monkeypatch):
    """requests would send the file's password in the token's place."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    Courier(server.url, lambda _body: {"Authorization": "Bearer kept"}, ONCE).deliver(deliveries(1))
    assert server.received[0].headers["Authorization"] == "Bearer kept"


def test_disorder_loses_nothing_repeats_some_and_is_the_seeds():
    several = deliveries(20)
    mixed = shuffled_with_repeats(several, seed=7)
    counts = Counter(delivery.body for delivery in mixed)
    assert set(counts) == {delivery.body for delivery in several}
    assert set(counts.values()) == {1, 2}
    assert mixed == shuffled_with_repeats(several, seed=7) != shuffled_with_repeats(several, seed=8)


def test_a_body_does_not_show_in_a_repr():
    """Bodies hold personal data, and a failing test prints what it compares."""
    assert "number" not in repr(Delivery(b'{"number": 1}'))
