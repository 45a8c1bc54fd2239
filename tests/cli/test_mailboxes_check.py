"""`mailboxes check` against the mock Exchange: what an administrator meets before going live."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.base import PROBE_UID
from mock_exchange import MockExchange
from mock_exchange.ews.rights import Level
from mock_exchange.http.faults import Fault, FaultKind
from mock_exchange.http.server import Handler
from receiver.cli import main as cli
from receiver.store import Store
from tests.cli.exchange_config import ACCOUNT, PASSWORD, exchange_calendar
from tests.lab.configuration import a_source
from tests.lab.waiting import wait_until

ONE, TWO, ALIAS = "un@departement.example", "deux@departement.example", "u.n@departement.example"
WRITTEN = Counter({"GetFolder": 1, "ConvertId": 1, "FindItem": 2, "FindFolder": 1, "CreateItem": 1, "UpdateItem": 1,
                   "DeleteItem": 1})  # fmt: skip


@dataclass
class Place:
    folder: Path
    exchange: MockExchange
    capsys: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def configure(self, mapping: dict[str, str] | None = None, *, access: str = "impersonation", **more: Any) -> None:
        exchange = exchange_calendar(self.exchange.url, self.folder, access)
        source = a_source("p")
        tree = {
            "store": {"url": f"sqlite:///{self.folder}/rdv.db"},
            "sources": {"mds": source},
            "calendars": {"exchange": exchange},
            "mailboxes": {"map": mapping or {ONE: ONE, TWO: TWO}},
        }
        self.config.write_text(json.dumps(tree | more), "utf-8")
        store = Store(f"sqlite:///{self.folder}/rdv.db")
        store.migrate()
        store.close()

    def check(self, *words: str) -> tuple[int, dict[str, Any]]:
        self.exchange.forget_requests()
        status = cli.main(["--config", str(self.config), "mailboxes", "check", *words, "--json"])
        report = json.loads(self.capsys.readouterr().out)
        return status, report["servers"][0]

    def left(self, mailbox: str = ONE) -> int:
        return len(self.exchange.items(mailbox))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    authority = trustme.CA()
    server = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("RDV_SECRET", PASSWORD)
    mock = MockExchange(
        [ONE, TWO],
        auth="basic",
        users={ACCOUNT: PASSWORD},
        impersonators={ACCOUNT: [ONE, TWO]},
        delegates={ACCOUNT: {ONE: "reviewer", TWO: "editor"}},
        aliases={ONE: [ALIAS]},
        tls=(server, server),
    )
    with mock:
        made = Place(tmp_path, mock, capsys)
        made.configure()
        yield made
        mock.settle()
        assert mock.mails_sent == 0


def codes(result: dict[str, Any], level: str | None = None) -> list[str]:
    return [each["code"] for each in result["findings"] if level in {None, each["level"]}]


def posts(place: Place, mailbox: str) -> Counter[str]:
    return Counter(each.verb for each in place.exchange.requests if each.mailbox == mailbox)


def test_all_is_well_and_nothing_is_left(place: Place) -> None:
    """Eight POSTs for each mailbox: one for each of its verbs, and one look for sub-folders."""
    status, server = place.check("--all")
    assert (status, codes(server)) == (0, ["tls_expiring" if "tls_expiring" in codes(server) else "tls_trusted",
                                           "clock_right"])  # fmt: skip
    assert [codes(each) for each in server["mailboxes"]] == [["mailbox_reached", "mailbox_written"]] * 2
    assert all(each["identity"] == each["address"] and each["server_version"] for each in server["mailboxes"])
    assert (posts(place, ONE), posts(place, TWO)) == (WRITTEN, WRITTEN)
    assert (place.left(ONE), place.left(TWO)) == (0, 0)


def test_read_only_and_dry_run_write_nothing(place: Place) -> None:
    status, server = place.check(ONE, "--read-only")
    assert (status, codes(server["mailboxes"][0])) == (0, ["mailbox_reached"])
    assert posts(place, ONE) == Counter({"GetFolder": 1, "ConvertId": 1})
    place.configure(dry_run=True)
    place.check(ONE)
    assert posts(place, ONE) == Counter({"GetFolder": 1, "ConvertId": 1})


def test_a_mailbox_out_of_scope_delays_no_other(place: Place) -> None:
    place.exchange.add_mailbox("trois@departement.example")
    status, server = place.check("trois@departement.example", ONE)
    assert status == 1
    assert [codes(each, "trouble") for each in server["mailboxes"]] == [["impersonation_denied"], []]


def test_an_unknown_mailbox(place: Place) -> None:
    place.exchange.inject(Fault(FaultKind.ERROR, verb="GetFolder", code="ErrorNonExistentMailbox"))
    status, server = place.check("personne@departement.example", ONE)
    assert status == 1
    assert [codes(each, "trouble") for each in server["mailboxes"]] == [["mailbox_not_found"], []]


def test_a_delegate_who_may_not_see_private_entries(place: Place) -> None:
    """The entries are private: such an account could make them, and neither change nor find them again."""
    place.exchange.access.delegates[ACCOUNT] = {ONE: Level.EDITOR_WITHOUT_PRIVATE}
    place.configure(access="delegate")
    status, server = place.check(ONE)
    assert (status, codes(server["mailboxes"][0], "trouble")) == (1, ["private_hidden"])
    assert place.exchange.items(ONE, None) == []


def test_a_clock_that_is_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "date_time_string", lambda self: formatdate(time.time() + 180, usegmt=True))
    status, server = place.check(ONE)
    assert (status, codes(server, "trouble")) == (1, ["clock_off"])
    assert 175 < server["mailboxes"][0]["clock_ahead_s"] < 185


def test_a_delegate_who_may_only_read(place: Place) -> None:
    place.configure(access="delegate")
    status, server = place.check("--all")
    told = {each["address"]: codes(each, "trouble") for each in server["mailboxes"]}
    assert (status, told) == (1, {ONE: ["access_denied"], TWO: []})


def test_a_full_mailbox(place: Place) -> None:
    place.exchange.set_quota(ONE, 1)
    status, server = place.check(ONE)
    assert (status, codes(server["mailboxes"][0], "trouble")) == (1, ["quota_exceeded"])


def test_a_busy_server_is_waited_for(place: Place) -> None:
    place.exchange.inject(Fault(FaultKind.SERVER_BUSY, verb="CreateItem", times=2, back_off_ms=50))
    status, server = place.check(ONE)
    assert (status, server["mailboxes"][0]["throttled"]) == (0, 2)
    assert codes(server["mailboxes"][0], "warning") == ["throttled"]
    assert posts(place, ONE)["CreateItem"] == 3


def test_a_refused_account_is_shown_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failed attempt counts towards locking it."""
    monkeypatch.setenv("RDV_SECRET", "wrong")
    status, server = place.check("--all")
    assert (status, codes(server, "trouble"), server["mailboxes"], server["untried"]) == (1, ["unauthorized"], [], 2)
    assert [each.refused for each in place.exchange.requests].count(True) == 1


def test_an_untrusted_server_is_sent_nothing(place: Place) -> None:
    trustme.CA().cert_pem.write_to_path(str(place.folder / "ca.pem"))
    status, server = place.check("--all")
    assert (status, codes(server), server["untried"]) == (1, ["tls_untrusted"], 2)
    assert place.exchange.requests == []


def test_two_names_of_one_mailbox(place: Place) -> None:
    """Written into once: two trials at a time would remove each other's entry."""
    status, server = place.check(ONE, ALIAS)
    told = {each["address"]: codes(each, "warning") for each in server["mailboxes"]}
    assert (status, told) == (0, {ONE: ["mailbox_twice"], ALIAS: ["mailbox_named_otherwise", "mailbox_twice"]})
    assert posts(place, ONE)["CreateItem"] == 1


def test_a_renamed_mailbox_tells_its_new_name(place: Place) -> None:
    place.exchange.rename_mailbox(ONE, "nouveau@departement.example")
    _, server = place.check(ONE)
    assert codes(server["mailboxes"][0], "warning") == ["mailbox_named_otherwise"]
    assert server["mailboxes"][0]["identity"] == "nouveau@departement.example"


@pytest.mark.parametrize("verb", ["UpdateItem", "FindFolder"])
def test_a_failure_leaves_nothing(place: Place, verb: str) -> None:
    place.exchange.inject(Fault(FaultKind.ERROR, verb=verb, code="ErrorMailboxMoveInProgress"))
    status, server = place.check(ONE)
    assert (status, codes(server["mailboxes"][0], "trouble")) == (1, ["mailbox_moving"])
    assert place.left() == 0


def test_a_create_without_an_answer_is_looked_for(place: Place) -> None:
    place.exchange.inject(Fault(FaultKind.DROP_AFTER, verb="CreateItem"))
    status, server = place.check(ONE)
    assert (status, codes(server), place.left()) == (1, [codes(server)[0], "connection_lost"], 0)


def test_what_a_killed_run_left_is_removed_by_the_next(place: Place) -> None:
    place.exchange.inject(Fault(FaultKind.HANG, verb="UpdateItem", delay_s=3.0))
    command = [sys.executable, "-m", "receiver", "--config", str(place.config), "mailboxes", "check", ONE]
    environment = os.environ | {"RDV_SECRET": PASSWORD}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as running:
        wait_until(place.left, "the trial entry")
        running.send_signal(signal.SIGKILL)
    place.exchange.settle()
    assert place.left() == 1
    status, server = place.check(ONE)
    assert (status, place.left()) == (0, 0)
    assert codes(server["mailboxes"][0]) == ["mailbox_reached", "leftovers_removed", "mailbox_written"]


@pytest.mark.parametrize("words", [[], ["--all", ONE]])
def test_which_mailboxes_must_be_said(place: Place, words: list[str]) -> None:
    assert cli.main(["--config", str(place.config), "mailboxes", "check", *words]) == 2
    assert place.capsys.readouterr().err


def test_people_read_a_table(place: Place) -> None:
    assert cli.main(["--config", str(place.config), "mailboxes", "check", "--all"]) == 0
    text = place.capsys.readouterr().out
    assert ONE in text
    assert TWO in text


def test_no_event_can_bear_the_uid_of_a_probe() -> None:
    """An event's is ``model/ident@platform``."""
    assert "/" not in PROBE_UID
