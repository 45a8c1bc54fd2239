"""A refused account is shown once, and not again for a while: a domain counts attempts and locks the account."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from connectors.base import Create, Failed, Outcome, Scope, Temporary
from connectors.ews import EwsConnector, EwsSettings, guard
from connectors.ews.settings import AUTHENTICATION_PAUSE_S
from mock_exchange import Fault, FaultKind, MockExchange
from tests.connectors.conformance import entry
from tests.connectors.ews import ACCOUNT, MAILBOX, OTHER, connected, done, exchange_for, settings_for
from tests.connectors.listener import listener
from tests.lab.waiting import wait_until

SCHEMES = ["ntlm", "basic"]


def create(connector: EwsConnector, uid: str = "a", mailbox: str = MAILBOX) -> Outcome:
    return connector.apply(mailbox, [Create(entry(uid))])[0]


def refusal(outcome: Outcome) -> Temporary:
    assert isinstance(outcome, Failed), outcome
    assert isinstance(outcome.error, Temporary)
    assert (outcome.error.code, outcome.error.scope) == ("unauthorized", Scope.SERVER)
    return outcome.error


def refused(exchange: MockExchange) -> int:
    return [recorded.refused for recorded in exchange.requests].count(True)


def set_password(exchange: MockExchange, scheme: str, password: str) -> None:
    exchange.authenticator.users[ACCOUNT] = password
    if scheme == "ntlm":
        exchange.authenticator.close()
        exchange.authenticator.open()


def settings(exchange: MockExchange, scheme: str, **options: object) -> EwsSettings:
    return settings_for(exchange, scheme, connections=8, **{"authentication_pause_s": 300.0} | options)


@contextmanager
def place(scheme: str, **options: object) -> Iterator[tuple[MockExchange, EwsConnector]]:
    with (
        exchange_for(scheme, "impersonation") as exchange,
        connected(settings(exchange, scheme, **options)) as connector,
    ):
        yield exchange, connector


def many(connector: EwsConnector) -> list[Outcome]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda number: create(connector, str(number)), range(16)))


def test_the_pause_is_five_minutes_unless_told_otherwise() -> None:
    plain = EwsSettings("https://x", "Exchange2016", "ntlm", "delegate", "svc", "pw", "i")
    assert plain.authentication_pause_s == AUTHENTICATION_PAUSE_S == 300.0


@pytest.mark.threat(id="account-lockout")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_wrong_password_is_shown_once_however_many_connections_want_it(scheme: str) -> None:
    with place(scheme, password="wrong") as (exchange, connector):
        exchange.latency_s = 0.02
        waits = [refusal(outcome).retry_after_s for outcome in many(connector)]
        assert refused(exchange) == 1
        assert all(wait is not None and 290 < wait <= 300 for wait in waits)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_more_is_sent_during_the_pause(scheme: str) -> None:
    with place(scheme, password="wrong") as (exchange, connector):
        first = refusal(create(connector)).retry_after_s
        exchange.forget_requests()
        second = refusal(create(connector)).retry_after_s
        with pytest.raises(Temporary, match="unauthorized") as caught:
            connector.find(OTHER, ["a"])
        third = caught.value.retry_after_s
        assert first is not None
        assert second is not None
        assert third is not None
        assert first > second > third > 290
        assert exchange.requests == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_after_the_pause_there_is_one_more_attempt_and_a_new_pause(scheme: str) -> None:
    with place(scheme, password="wrong") as (exchange, connector):
        refusal(create(connector))
        let_pass(connector)
        for outcome in many(connector):
            refusal(outcome)
        assert refused(exchange) == 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_account_that_was_put_right_works_after_the_pause(scheme: str) -> None:
    with place(scheme, password="new") as (exchange, connector):
        refusal(create(connector))
        set_password(exchange, scheme, "new")
        refusal(create(connector))
        let_pass(connector)
        for outcome in many(connector):
            done(outcome)
        assert refused(exchange) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_password_that_expires_later_is_shown_once_by_new_connections(scheme: str) -> None:
    with place(scheme) as (exchange, connector):
        done(create(connector))
        set_password(exchange, scheme, "another")
        connector._protocol.wire._free.queue[-1].hang_up()
        for outcome in many(connector):
            refusal(outcome)
        assert refused(exchange) == 1


def test_an_account_that_was_refused_is_no_longer_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly the server answers, after the pause there is one attempt."""
    monkeypatch.setattr(guard, "PROOF_TIMEOUT_S", 0.01)
    with place("basic") as (exchange, connector):
        done(create(connector))
        set_password(exchange, "basic", "another")
        refusal(create(connector))
        let_pass(connector)
        exchange.latency_s = 0.1
        for outcome in many(connector):
            refusal(outcome)
        assert refused(exchange) == 2


def test_ordinary_handshakes_are_no_refusals() -> None:
    with place("ntlm") as (exchange, connector):
        exchange.latency_s = 0.02
        for outcome in many(connector):
            done(outcome)
        assert [recorded.status for recorded in exchange.requests].count(401) > 2
        assert refused(exchange) == 0


def test_one_servers_refusal_is_no_other_servers() -> None:
    with place("ntlm", password="wrong") as (_, one), place("ntlm") as (_, two):
        refusal(create(one))
        done(create(two))
        refusal(create(one))


def test_a_connection_that_was_silently_made_anew_waits_for_its_turn_too() -> None:
    """A server that restarts hangs up on all of them at once."""
    with place("ntlm") as (exchange, connector):
        exchange.latency_s = 0.02
        many(connector)
        exchange.stop()
        exchange.authenticator.users[ACCOUNT] = "another"
        exchange.start()
        exchange.forget_requests()
        many(connector)
        assert refused(exchange) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_mailbox_that_hangs_keeps_no_other_from_proving_itself(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PROOF_TIMEOUT_S", 0.05)
    with place(scheme) as (exchange, connector):
        done(create(connector))
        connector._protocol.wire._free.queue[-1].hang_up()
        exchange.inject(Fault(kind=FaultKind.HANG, mailbox=OTHER, delay_s=60.0))
        hanging = threading.Thread(target=create, args=(connector, "b", OTHER))
        hanging.start()
        wait_until(lambda: exchange.faults.pending == 0)
        for outcome in many(connector):
            done(outcome)
        exchange.stop()
        hanging.join()


def test_a_stray_refusal_of_a_connection_that_was_believed_counts() -> None:
    with place("ntlm") as (exchange, connector):
        done(create(connector))
        exchange.inject(Fault(kind=FaultKind.UNAUTHORIZED))
        refusal(create(connector))
        refusal(create(connector))
        assert refused(exchange) == 1


def test_a_refusal_that_is_cut_off_is_a_refusal() -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 1000\r\n\r\n<html"
    with listener(answer) as url, place("basic", server=url) as (_, connector):
        assert refusal(create(connector)).retry_after_s is not None


def let_pass(connector: EwsConnector) -> None:
    """Have the pause be over."""
    known = connector._protocol.wire._guard
    assert known._refused is not None
    known._refused = known._refused[0], time.monotonic()
