"""Whoever sends wrong tokens waits, and nobody else does."""

from datetime import timedelta

import pytest

from receiver.config import ProxySettings
from receiver.core.roles import Role
from receiver.web.auth.login_throttle import FREE, LONGEST_S, REMEMBERED, LoginThrottle
from tests.makers import NOW
from tests.web.access_client import NEAR, AccessHarness


class Clock:
    now = NOW

    def __call__(self) -> object:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> LoginThrottle:
    return LoginThrottle(lambda: clock.now)


def pauses(throttle: LoginThrottle, times: int, client: str = "a") -> list[int]:
    found = []
    for _ in range(times):
        throttle.note(client)
        found.append(throttle.pause_s(client))
    return found


def test_a_few_mistakes_cost_nothing_then_the_pause_grows_to_a_minute(throttle: LoginThrottle) -> None:
    found = pauses(throttle, FREE + 8)
    assert found == [0] * (FREE - 1) + [1, 2, 4, 8, 16, 32, LONGEST_S, LONGEST_S, LONGEST_S]


def test_a_pause_ends_and_mistakes_are_forgotten(throttle: LoginThrottle, clock: Clock) -> None:
    assert pauses(throttle, FREE + 3)[-1] == 8
    clock.now = NOW + timedelta(seconds=8)
    assert throttle.pause_s("a") == 0
    assert pauses(throttle, 1) == [16]
    clock.now = NOW + timedelta(hours=2)
    assert pauses(throttle, 1) == [0]


def test_a_right_token_makes_up_for_mistakes(throttle: LoginThrottle) -> None:
    """Behind one address there may be many people, and a tunnel of ssh always ends at the same."""
    pauses(throttle, FREE - 1)
    throttle.forgive("a")
    assert pauses(throttle, 1) == [0]


def test_others_do_not_wait(throttle: LoginThrottle) -> None:
    pauses(throttle, FREE + 3)
    assert throttle.pause_s("b") == 0


@pytest.mark.threat(id="unbounded-names")
def test_a_crowd_of_clients_takes_no_more_memory(throttle: LoginThrottle) -> None:
    pauses(throttle, FREE, "quiet")
    for number in range(REMEMBERED):
        throttle.note(f"client {number}")
    assert len(throttle._wrong) == REMEMBERED
    assert throttle.pause_s("quiet") == 0


def wrong(site: AccessHarness, times: int, **more: object) -> list[int]:
    return [site.login("wrong", **more).status_code for _ in range(times)]


@pytest.mark.threat(id="entry-without-token")
def test_one_who_tries_waits_and_another_address_does_not(site: AccessHarness) -> None:
    text, _ = site.issue()
    there, elsewhere = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "192.0.2.8"}
    assert wrong(site, FREE + 2, environ_base=there) == [403] * FREE + [429] * 2
    answer = site.login(text, environ_base=there)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert site.login(text, environ_base=elsewhere).status_code == 303
    site.now = NOW + timedelta(seconds=1)
    assert site.login(text, environ_base=there).status_code == 303


def test_who_gets_in_at_last_starts_anew(site: AccessHarness) -> None:
    text, _ = site.issue()
    for _ in range(FREE):
        wrong(site, FREE - 1)
        assert site.login(text).status_code == 303


def test_behind_a_proxy_each_client_waits_for_itself(site: AccessHarness) -> None:
    wrong(site, FREE, headers={"X-Forwarded-For": "192.0.2.7"}, **NEAR)
    assert wrong(site, 1, headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}, **NEAR) == [429]
    assert wrong(site, 1, headers={"X-Forwarded-For": "192.0.2.8"}, **NEAR) == [403]


def test_a_stranger_cannot_name_another_client(site: AccessHarness) -> None:
    far = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    for number in range(FREE):
        wrong(site, 1, headers={"X-Forwarded-For": f"10.0.0.{number}"}, **far)
    assert wrong(site, 1, headers={"X-Forwarded-For": "10.0.0.99"}, **far) == [429]


def test_the_addresses_of_one_ipv6_customer_are_one_client(site: AccessHarness) -> None:
    for number in range(FREE):
        wrong(site, 1, environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{number}"})
    assert wrong(site, 1, environ_base={"REMOTE_ADDR": "2001:db8:1:2::ffff"}) == [429]
    assert wrong(site, 1, environ_base={"REMOTE_ADDR": "2001:db8:1:3::1"}) == [403]


def test_the_trusted_proxy_may_be_on_another_machine(site: AccessHarness) -> None:
    behind = AccessHarness(site.store, ProxySettings(address="10.1.2.3/32", role=Role.READ))
    there = {"environ_base": {"REMOTE_ADDR": "10.1.2.3"}}
    wrong(behind, FREE, headers={"X-Forwarded-For": "192.0.2.7"}, **there)
    assert wrong(behind, 1, headers={"X-Forwarded-For": "192.0.2.8"}, **there) == [403]
