"""Kerberos from the keytab to the calendar: an MIT realm, a true acceptor, the connector's own calls."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from connectors.base import Create, Delete, Failed, Outcome, Scope, Temporary, Update
from connectors.ews import EwsConnector
from mock_exchange import MockExchange
from receiver.bootstrap import connectors
from receiver.config import load
from tests.authentication.certificates import Authority
from tests.connectors.conformance import entry
from tests.connectors.ews import MAILBOX, check_clean, connected, done, settings_for
from tests.kerberos_realm import REALM, Realm
from tests.lab.configuration import a_source
from tests.lab.waiting import wait_until
from tests.requirements import require

SERVICE = "HTTP/localhost"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Account:
    """A service account of the realm."""

    principal: str
    keytab: Path


class Place:
    """Servers of the realm, accounts, and connectors from the ones to the others."""

    def __init__(self, realm: Realm, authority: Authority, stack: ExitStack) -> None:
        self.realm = realm
        self.authority = authority
        self._stack = stack

    def account(self, name: str, **options: Any) -> Account:
        return Account(f"{name}@{REALM}", self.realm.add(name, **options))

    def exchange(self, *accounts: Account, tls: bool = False, **options: Any) -> MockExchange:
        users = {account.principal: "" for account in accounts}
        certificate = self.authority.server() if tls else None
        exchange = MockExchange(
            [MAILBOX],
            auth="negotiate",
            users=users,
            impersonators=dict.fromkeys(users),
            keytab=self.realm.keytab(SERVICE),
            tls=certificate,
            **options,
        )
        return self._stack.enter_context(exchange)

    def connector(self, exchange: MockExchange, account: Account, **options: Any) -> EwsConnector:
        settings = settings_for(
            exchange,
            "kerberos",
            server=exchange.url.replace("127.0.0.1", "localhost"),
            username=account.principal,
            password="",
            keytab=account.keytab,
            ca_file=self.authority.ca_file,
            connections=1,
            authentication_pause_s=300.0,
        )
        return self._stack.enter_context(connected(replace(settings, **options)))


@pytest.fixture(scope="module", autouse=True)
def service(realm: Realm) -> None:
    realm.add(SERVICE)


@pytest.fixture
def place(realm: Realm, authority: Authority) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(realm, authority, stack)


@pytest.fixture
def account(place: Place, request: pytest.FixtureRequest) -> Account:
    return place.account(f"svc-{abs(hash(request.node.name))}")


def create(connector: EwsConnector, uid: str = "a") -> Outcome:
    return connector.apply(MAILBOX, [Create(entry(uid))])[0]


def failure(outcome: Outcome) -> Temporary:
    assert isinstance(outcome, Failed), outcome
    assert isinstance(outcome.error, Temporary)
    assert outcome.error.scope is Scope.SERVER
    assert outcome.error.__context__ is None
    return outcome.error


def statuses(exchange: MockExchange) -> list[int]:
    found = [recorded.status for recorded in exchange.requests]
    exchange.forget_requests()
    return found


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("extended_protection", [False, True])
def test_an_entry_lives_its_life(place: Place, account: Account, tls: bool, extended_protection: bool) -> None:
    if extended_protection and not tls:
        return
    exchange = place.exchange(account, tls=tls, extended_protection=extended_protection)
    connector = place.connector(exchange, account)
    item_id = done(create(connector))
    assert statuses(exchange) == [401, 200]
    done(connector.apply(MAILBOX, [Update(item_id, entry("a", title="Déplacé"))])[0])
    assert [found.item_id for found in connector.find(MAILBOX, ["a"])["a"]] == [item_id]
    done(connector.apply(MAILBOX, [Delete(item_id)])[0])
    assert statuses(exchange) == [200, 200, 200]
    check_clean(exchange)


def test_a_server_that_wants_a_proof_each_time_is_given_one_unasked(place: Place, account: Account) -> None:
    """IIS where authPersistNonNTLM is off: else each call would cost two requests for ever."""
    exchange = place.exchange(account, tls=True, extended_protection=True, proof_each_request=True)
    connector = place.connector(exchange, account)
    for uid in "abcd":
        done(create(connector, uid))
    assert statuses(exchange) == [401, 200, 401, 200, 200, 200]


def test_tickets_are_kept_for_all_connections(place: Place, account: Account) -> None:
    exchange = place.exchange(account)
    connector = place.connector(exchange, account, connections=4)
    before = place.realm.issued("TGS_REQ")
    exchange.latency_s = 0.02
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: done(create(connector, str(number))), range(16)))
    assert statuses(exchange).count(401) <= 4
    assert place.realm.issued("TGS_REQ") == before + 1


def test_an_expired_ticket_is_replaced_from_the_keytab(place: Place) -> None:
    short = place.account("svc-short", life="1 second")
    exchange = place.exchange(short)
    connector = place.connector(exchange, short)
    done(create(connector, "a"))
    before = place.realm.issued()
    expiry = time.time() + 1.1
    wait_until(lambda: time.time() > expiry)
    connector._protocol.wire._free.queue[0].hang_up()  # type: ignore[attr-defined]  # a fresh connection wants a ticket
    done(create(connector, "b"))
    assert place.realm.issued() > before


def test_a_kdc_that_is_away_is_told_and_needs_no_hand_when_it_is_back(place: Place, account: Account) -> None:
    exchange = place.exchange(account)
    connector = place.connector(exchange, account)
    with place.realm.away():
        error = failure(create(connector))
        assert (error.code, error.retry_after_s) == ("kdc_unreachable", None)
        with pytest.raises(Temporary, match="kdc_unreachable"):
            connector.find(MAILBOX, ["a"])
    assert {recorded.status for recorded in exchange.requests} == {401}
    done(create(connector))


def test_a_kdc_that_goes_away_is_not_missed_while_the_ticket_is_good(place: Place, account: Account) -> None:
    exchange = place.exchange(account)
    connector = place.connector(exchange, account)
    done(create(connector, "a"))
    with place.realm.away():
        connector._protocol.wire._free.queue[0].hang_up()  # type: ignore[attr-defined]
        done(create(connector, "b"))


def _stale(place: Place) -> Account:
    account = place.account("svc-stale", options="+requires_preauth")
    place.realm.change_key("svc-stale")
    return account


def _of_another(place: Place) -> Account:
    return Account(f"svc-nobody@{REALM}", place.account("svc-other").keytab)


def _removed(place: Place) -> Account:
    account = place.account("svc-removed")
    place.realm.remove("svc-removed")
    return account


def _gone(place: Place) -> Account:
    account = place.account("svc-gone")
    account.keytab.unlink()
    return account


def _pipe(place: Place) -> Account:
    """Which the library would wait for."""
    account = _gone(place)
    os.mkfifo(account.keytab)
    return account


@pytest.mark.parametrize(("case", "attempts"), [(_stale, 1), (_removed, 1), (_of_another, 0), (_gone, 0), (_pipe, 0)])
def test_a_keytab_that_is_not_the_accounts_is_tried_once(
    place: Place, case: Callable[[Place], Account], attempts: int
) -> None:
    """The domain counts failed attempts of keytabs too."""
    account = case(place)
    exchange = place.exchange(account)
    connector = place.connector(exchange, account, connections=4)
    before = place.realm.failed(account.principal)
    with ThreadPoolExecutor(8) as pool:
        errors = [failure(outcome) for outcome in pool.map(lambda number: create(connector, str(number)), range(8))]
    assert {error.code for error in errors} == {"keytab_refused"}
    assert all(error.retry_after_s and 290 < error.retry_after_s <= 300 for error in errors)
    assert place.realm.failed(account.principal) - before == attempts
    assert exchange.items(MAILBOX) == []
    exchange.forget_requests()
    assert failure(create(connector)).code == "keytab_refused"
    assert exchange.requests == []


def test_a_new_keytab_in_the_same_file_is_used_without_a_restart(place: Place) -> None:
    account = _stale(place)
    exchange = place.exchange(account)
    connector = place.connector(exchange, account, authentication_pause_s=0.0)
    assert failure(create(connector)).code == "keytab_refused"
    place.realm.keytab("svc-stale").rename(account.keytab)
    done(create(connector))


def _absent(folder: Path) -> Path:
    return folder / "absent"


def _garbled(folder: Path) -> Path:
    (folder / "krb5.conf").write_text("[realms]\n  X = {\n")
    return folder / "krb5.conf"


def _of_no_realm(folder: Path) -> Path:
    (folder / "krb5.conf").write_text("[libdefaults]\n  dns_lookup_kdc = false\n")
    return folder / "krb5.conf"


@pytest.mark.parametrize("configuration", [_absent, _garbled, _of_no_realm])
def test_a_machine_that_knows_no_domain_reaches_none(
    place: Place,
    account: Account,
    configuration: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange = place.exchange(account)
    monkeypatch.setenv("KRB5_CONFIG", str(configuration(tmp_path)))
    assert failure(create(place.connector(exchange, account))).code == "kdc_unreachable"


def test_a_host_that_the_domain_does_not_know_is_told_as_such(place: Place, account: Account) -> None:
    exchange = place.exchange(account)
    connector = place.connector(exchange, account, server=exchange.url)  # HTTP/127.0.0.1
    assert failure(create(connector)).code == "service_unknown"


def test_two_servers_have_their_own_accounts_in_one_process(place: Place) -> None:
    one, two = place.account("svc-one"), place.account("svc-two")
    first, second = place.exchange(one), place.exchange(two)
    to_first, to_second = place.connector(first, one), place.connector(second, two)
    mistaken = place.connector(second, one)
    for uid in "ab":
        done(create(to_first, uid))
        done(create(to_second, uid))
    assert failure(create(mistaken)).code == "unauthorized"
    assert (len(first.items(MAILBOX)), len(second.items(MAILBOX))) == (2, 2)


def test_an_account_that_exchange_refuses_is_shown_once(place: Place, account: Account) -> None:
    exchange = place.exchange(place.account("svc-elsewhere"))
    connector = place.connector(exchange, account, connections=4)
    with ThreadPoolExecutor(8) as pool:
        errors = [failure(outcome) for outcome in pool.map(lambda number: create(connector, str(number)), range(8))]
    assert {error.code for error in errors} == {"unauthorized"}
    assert [recorded.refused for recorded in exchange.requests].count(True) == 1


@pytest.mark.threat(id="relayed-proofs")
def test_a_proof_bound_to_another_channel_is_refused(
    place: Place, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of somebody in between, whose certificate is another."""
    exchange = place.exchange(account, tls=True, extended_protection=True)
    for certificate in (None, b"another"):
        monkeypatch.setattr("connectors.ews.kerberos._certificate", lambda _, shown=certificate: shown)
        monkeypatch.setattr("connectors.ews.kerberos._hash_of", _sha256)
        assert failure(create(place.connector(exchange, account))).code == "unauthorized"
    monkeypatch.undo()
    done(create(place.connector(exchange, account)))


def _sha256(_: bytes) -> hashes.HashAlgorithm:
    return hashes.SHA256()


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_server_that_takes_only_kerberos_is_told_as_such(place: Place, account: Account, auth: str) -> None:
    """requests_ntlm raises the builtin PermissionError over it."""
    exchange = place.exchange(account)
    connector = place.connector(exchange, account, auth=auth, username="DEPT\\svc-rdv", password="pw")
    assert failure(create(connector)).code == "auth_not_offered"


def test_a_server_without_kerberos_is_told_as_such(place: Place, account: Account) -> None:
    exchange = place._stack.enter_context(MockExchange([MAILBOX], auth="ntlm", users={"svc": "pw"}))
    assert failure(create(place.connector(exchange, account))).code == "auth_not_offered"


def test_a_server_that_changes_its_certificate_is_followed(place: Place, account: Account) -> None:
    """Each connection is bound to the certificate it was made with."""
    exchange = place.exchange(account, tls=True, extended_protection=True, proof_each_request=True)
    connector = place.connector(exchange, account)
    for uid in "abc":
        done(create(connector, uid))
    exchange.stop()
    renewed = place.exchange(
        account, tls=True, extended_protection=True, proof_each_request=True, port=exchange._address[1]
    )
    done(create(connector, "d"))
    assert statuses(renewed) == [401, 200]


def _asked_by_curl(exchange: MockExchange, account: Account, ca_file: Path) -> int:
    curl = shutil.which("curl")
    require(curl, "no curl")
    options = ["-s", "-w", "%{http_code}", "--negotiate", "-u", ":", "--cacert", ca_file, "-d", "<x/>"]
    answer = subprocess.run(
        [str(curl), *options, exchange.url],
        env=os.environ | {"KRB5_CLIENT_KTNAME": f"FILE:{account.keytab}", "KRB5CCNAME": "MEMORY:"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return int(answer.stdout[-3:])


def test_the_acceptor_takes_another_client_and_under_extended_protection_one_that_binds(
    place: Place, account: Account
) -> None:
    """curl of Debian 12 binds nothing. What it asks for is no EWS, which it is told once it is let in."""
    for extended_protection, told in ((False, 500), (True, 401)):
        exchange = place.exchange(account, tls=True, extended_protection=extended_protection)
        assert _asked_by_curl(exchange, account, place.authority.ca_file) == told


def test_a_configured_server_is_written_to(place: Place, account: Account, tmp_path: Path) -> None:
    exchange = place.exchange(account)
    configuration = {
        "store": {"url": "sqlite:////var/lib/rdv/rdv.db"},
        "sources": {"mds": a_source("demo")},
        "calendars": {
            "exchange": {
                "kind": "ews",
                "server": exchange.url.replace("127.0.0.1", "localhost"),
                "version": "Exchange2016",
                "auth": "kerberos",
                "username": account.principal,
                "keytab": str(account.keytab),
            }
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(configuration))  # which is YAML too
    connector = connectors(load(path, {"RDV_SECRET": "s"}), "an-installation")["exchange"]
    try:
        done(connector.apply(MAILBOX, [Create(entry())])[0])
    finally:
        connector.close()


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_other_authentications_work_where_kerberos_is_not_installed(auth: str) -> None:
    """It is an extra, for the connector and for the mock."""
    program = f"""
import sys
sys.modules["gssapi"] = None
import mock_exchange
from connectors.ews import EwsConnector, EwsSettings
EwsConnector(EwsSettings("https://x", "Exchange2016", "{auth}", "delegate", "svc", "pw", "i"))
sys.exit("connectors.ews.kerberos" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
