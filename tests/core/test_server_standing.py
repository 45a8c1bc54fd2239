"""What an answer makes of a server's standing, whoever tells it."""

from dataclasses import replace
from datetime import timedelta

from connectors.base import Permanent, Scope, Temporary
from receiver.core.servers import (
    ACCOUNT_PAUSE,
    ServerState,
    answered,
    configured,
    failed,
    probe_released,
    stuck,
    throttled,
)
from tests.makers import NOW

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DOWN = Temporary("connection_failed", Scope.SERVER)
REFUSED = Temporary("unauthorized", Scope.SERVER)
NEW = ServerState("exchange", credentials="aa")


def fail(
    server: ServerState, error: Temporary = DOWN, now=NOW, credentials: str = "aa", probe: str | None = None
) -> ServerState:
    return failed(server, error, credentials, probe, now, jitter=1.0)


def test_troubles_in_a_row_are_waited_for_ever_longer_and_count_from_the_first() -> None:
    server, now, waits = NEW, NOW, []
    for _ in range(4):
        server = fail(server, now=now)
        assert server.blocked_until is not None
        waits.append((server.blocked_until - now).total_seconds())
        now = server.blocked_until
    assert waits == [2, 4, 8, 16]
    assert (server.failure, server.failing_since, server.attempts) == ("connection_failed", NOW, 4)


def test_what_several_tell_at_once_is_one_trouble() -> None:
    server = fail(fail(fail(NEW)))
    assert (server.attempts, server.blocked_until) == (1, NOW + SECOND * 2)


def test_a_server_that_asks_for_time_is_given_it() -> None:
    assert fail(NEW, Temporary("server_busy", Scope.SERVER, 90)).blocked_until == NOW + SECOND * 90


def test_a_refused_account_waits_five_minutes_at_least_whatever_else_is_told() -> None:
    server = fail(fail(fail(NEW), REFUSED), DOWN)
    assert (server.failure, server.blocked_until) == ("unauthorized", NOW + ACCOUNT_PAUSE)
    assert fail(NEW, REFUSED).is_blocked(NOW + ACCOUNT_PAUSE - SECOND)
    assert not fail(NEW, REFUSED).is_blocked(NOW + ACCOUNT_PAUSE)


def test_other_credentials_lift_the_pause_and_the_same_do_not() -> None:
    server = fail(NEW, REFUSED)
    assert configured(server, "aa", NOW) == server
    lifted = configured(server, "bb", NOW)
    assert (lifted.is_blocked(NOW), lifted.attempts, lifted.credentials) == (False, 0, "bb")
    assert lifted.failure == "unauthorized", "until it is seen to work"


def test_a_server_that_is_reached_otherwise_is_tried_at_once() -> None:
    """A certificate's authority that was added, an address or a time-out put right."""
    server = replace(fail(NEW), credentials="aa11", probe="probe", probe_until=NOW + MINUTE)
    lifted = configured(server, "aa22", NOW)
    assert (lifted.blocked_until, lifted.attempts, lifted.probe, lifted.credentials) == (None, 0, None, "aa22")


def test_a_refused_account_is_spared_over_another_connection_too_but_no_longer() -> None:
    """It counts against the account whatever the address, and it is the pause that matters, not the backoff."""
    refused = replace(fail(NEW, REFUSED), credentials="aa11")
    assert configured(refused, "aa22", NOW + MINUTE).blocked_until == NOW + ACCOUNT_PAUSE
    long = replace(refused, blocked_until=NOW + MINUTE * 15)
    assert configured(long, "aa22", NOW + MINUTE).blocked_until == NOW + MINUTE + ACCOUNT_PAUSE
    assert configured(replace(refused, blocked_until=None), "aa22", NOW).blocked_until is None
    assert configured(refused, "bb11", NOW + MINUTE).blocked_until is None


def test_a_refusal_over_another_connection_is_everybodys() -> None:
    refused = fail(replace(NEW, credentials="aa11"), REFUSED, credentials="aa22")
    assert (refused.failure, refused.is_blocked(NOW)) == ("unauthorized", True)


def test_a_refusal_of_credentials_that_are_not_the_others_is_the_tellers_own() -> None:
    """One host with an old password must not stop those that have the new one."""
    assert fail(NEW, REFUSED, credentials="bb") == NEW
    assert fail(NEW, DOWN, credentials="bb").failure == "connection_failed"


def test_only_a_probe_ends_a_trouble() -> None:
    """Calls that began before it may still be answered, on connections that were let in before."""
    server = fail(NEW, REFUSED)
    late = answered(server, "aa", None, NOW + SECOND)
    assert (late.failure, late.blocked_until) == ("unauthorized", NOW + ACCOUNT_PAUSE)
    ended = answered(server, "aa", "probe", NOW + MINUTE * 5)
    assert (ended.failure, ended.failing_since, ended.blocked_until, ended.attempts) == (None, None, None, 0)
    assert ended.succeeded_at == NOW + MINUTE * 5


def test_a_success_is_noted_once_a_minute() -> None:
    server = answered(NEW, "aa", None, NOW)
    assert answered(server, "aa", None, NOW + MINUTE - SECOND) is server
    assert answered(server, "aa", None, NOW + MINUTE).succeeded_at == NOW + MINUTE


def test_throttling_is_a_pause_and_no_trouble() -> None:
    server = throttled(NEW, NOW + SECOND * 3, None, NOW)
    assert (server.failure, server.attempts, server.throttled_at) == (None, 0, NOW)
    assert throttled(server, NOW + SECOND, None, NOW).blocked_until == NOW + SECOND * 3, "a longer pause stays"


def test_a_probe_is_given_back_by_who_has_it_and_by_nobody_else() -> None:
    probed = ServerState("exchange", probe="mine", probe_until=NOW + MINUTE)
    assert probe_released(probed, "mine").is_probed(NOW) is False
    assert probe_released(probed, "another").is_probed(NOW)
    assert fail(probed, probe="mine").is_probed(NOW) is False
    assert fail(probed, probe=None).is_probed(NOW)
    assert throttled(probed, NOW, "mine", NOW).is_probed(NOW) is False
    assert not probed.is_probed(NOW + MINUTE), "it ends by itself"


def test_calls_that_never_come_back_are_counted() -> None:
    server = stuck(stuck(NEW, NOW), NOW + SECOND)
    assert (server.stuck_calls, server.stuck_at, server.failure) == (2, NOW + SECOND, None)


def test_a_trouble_that_is_there_for_good_is_waited_for_too() -> None:
    server = failed(NEW, Permanent("version_mismatch", Scope.SERVER), "aa", None, NOW, 1.0)
    assert (server.failure, server.blocked_until) == ("version_mismatch", NOW + SECOND * 2)
