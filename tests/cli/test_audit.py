"""`audit` against the mock Exchange: what agents and accidents do to calendars, and what the worker then puts right."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import Connection, create_engine, insert, select, update

from connectors.base import PROBE_UID, CalendarEntry, Create, Delete, Done, Weekday
from mock_exchange import MockExchange, StoredItem
from mock_exchange.http.faults import Fault, FaultKind
from receiver import bootstrap, sentences
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.facts import EventKind, News
from receiver.core.recurrence import Rule
from receiver.core.troubles import DifferenceKind
from receiver.operations import rules
from receiver.operations.audit.compare import MOVED
from receiver.store import Store, counters
from receiver.store.database.tables import mailboxes, placements
from receiver.store.intake import judge_batch
from receiver.store.tools import audit
from receiver.worker.server_threads import ServerThreads
from tests.cli.exchange_config import ACCOUNT, PASSWORD, exchange_calendar
from tests.connectors.conformance import entry
from tests.lab.configuration import a_source
from tests.makers import KARIM, MARTINE, NOW, UUID, a_delivery, a_plage, a_slot, incoming

HERS, HIS = MARTINE.email or "", KARIM.email or ""
UID = f"Rdv/{UUID}@production"
ALL_OF_ONE = Counter({"FindItem": 1, "FindFolder": 1, "GetItem": 1})


@dataclass
class Place:
    """A configured receiver, its calendars, and somebody who types commands."""

    folder: Path
    exchange: MockExchange
    capsys: pytest.CaptureFixture[str]
    clock: dict[str, datetime]
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.configure()
        self.store = Store(self.url)
        self.store.migrate()

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/rdv.db"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def configure(self, **policies: Any) -> None:
        exchange = exchange_calendar(self.exchange.url, self.folder)
        source = a_source()
        tree = {
            "store": {"url": self.url},
            "sources": {"mds": source | {"policies": {"plages_ouverture": True} | policies}},
            "calendars": {"exchange": exchange},
            "mailboxes": {"map": {HERS: HERS, HIS: HIS}},
        }
        self.config.write_text(json.dumps(tree), "utf-8")

    def hear(self, *news: News) -> None:
        """Webhooks come in, and a worker does what follows from them."""
        self.store.write(judge_batch.take, [incoming(each) for each in news], self.store.now())
        self.work()

    def tell(self, **changes: Any) -> None:
        self.hear(a_delivery(now=self.store.now(), **{"agents": (MARTINE,)} | changes))

    def work(self) -> Counter[str]:
        """Do all that is due; return the POSTs."""
        settings = load(self.config, {"RDV_SECRET": PASSWORD})
        rules.propose(self.store, settings.ruleset(), self.store.now(), confirmed=True)
        ruleset = settings.ruleset()
        connectors = bootstrap.connectors(settings, self.store.installation().id)
        crew = ServerThreads("exchange", connectors["exchange"], 1, self.store, ruleset)
        self.exchange.forget_requests()
        try:
            self._settle(ruleset)
            while crew.work_once():
                self._settle(ruleset)
        finally:
            connectors["exchange"].close()
        return Counter(each.verb for each in self.exchange.requests)

    def _settle(self, ruleset: Any) -> None:
        while self.store.settle(lambda view: ruleset.compute_desired(view, self.store.now()), self.store.now()):
            pass

    def run(self, *words: str) -> tuple[int, str, str]:
        self.exchange.forget_requests()
        status = cli.main(["--config", str(self.config), "audit", *words])
        captured = self.capsys.readouterr()
        return status, captured.out, captured.err

    def audit(self, *words: str) -> dict[str, Any]:
        status, out, _ = self.run(*words, "--json")
        report: dict[str, Any] = json.loads(out)
        assert status == (0 if report["ok"] else 1)
        return report

    def kinds(self, *words: str) -> list[tuple[str, list[str]]]:
        """What was found in her mailbox."""
        [hers] = [each for each in self.audit(*words)["mailboxes"] if each["address"] == HERS]
        return [(each["kind"], each["fields"]) for each in hers["differences"]]

    def items(self, folder: str | None = "calendar") -> list[StoredItem]:
        return self.exchange.items(HERS, folder)

    def dump(self) -> list[Any]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            rows = [tuple(row) for table in (placements, mailboxes) for row in connection.execute(select(table))]
        engine.dispose()
        return rows


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    authority = trustme.CA()
    server = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(server))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("RDV_SECRET", PASSWORD)
    clock = {"now": NOW}
    monkeypatch.setattr(Store, "now", lambda _: clock["now"])
    mock = MockExchange(
        [HERS, HIS], auth="basic", users={ACCOUNT: PASSWORD}, impersonators={ACCOUNT: None}, tls=(server, server)
    )
    with mock:
        made = Place(tmp_path, mock, capsys, clock)
        yield made
        made.store.close()
        mock.settle()
        assert mock.mails_sent == 0


def test_calendars_as_they_were_written_differ_in_nothing(place: Place) -> None:
    place.tell(agents=(MARTINE, KARIM))
    report = place.audit()
    assert (report["ok"], report["untried"]) == (True, 0)
    assert [(each["judged"], each["listed"]) for each in report["mailboxes"]] == [(1, 1), (1, 1)]


def test_a_mailbox_costs_three_posts_and_a_fourth_for_all_that_is_missing(place: Place) -> None:
    """And one more to look into sub-folders for what is nowhere else."""
    place.hear(*(a_delivery(agents=(MARTINE,), wire_id=number, uuid=None) for number in range(1, 21)))
    place.audit()
    assert Counter(each.verb for each in place.exchange.requests) == ALL_OF_ONE
    for item in place.items()[:10]:
        place.exchange.delete_item(item.item_id)
    assert place.kinds() == [("missing", [])] * 10
    looked_for = Counter({"FindItem": 1, "FindFolder": 1})
    assert Counter(each.verb for each in place.exchange.requests) == ALL_OF_ONE + looked_for


def test_a_missing_entry_is_written_again(place: Place) -> None:
    place.tell()
    [item] = place.items()
    place.exchange.delete_item(item.item_id)
    assert place.kinds("--repair") == [("missing", [])]
    assert place.items() == []
    assert place.work()["CreateItem"] == 1
    assert ([each.subject for each in place.items()], place.kinds()) == ([item.subject], [])


def test_an_entry_whose_deletion_is_respected_stays_away(place: Place) -> None:
    place.configure(on_agent_deletion="respect")
    place.tell()
    place.exchange.delete_item(place.items()[0].item_id)
    assert place.kinds("--repair") == [("missing", [])]
    assert place.work()["CreateItem"] == 0
    assert (place.items(), place.kinds()) == ([], [])


def test_a_copy_that_an_agent_made_is_told_and_kept(place: Place) -> None:
    place.tell()
    [ours] = place.items()
    copy = place.exchange.copy_item(ours.item_id)
    assert place.kinds("--repair") == [("doubled", [])]
    assert place.work()["DeleteItem"] == 0
    assert {each.item_id for each in place.items()} == {ours.item_id, copy}
    assert place.kinds() == [("doubled", [])]


def test_what_an_agent_changed_is_set_back(place: Place) -> None:
    place.tell()
    [item] = place.items()
    place.exchange.edit_item(item.item_id, subject="Mme Durand", start=NOW + timedelta(days=6, minutes=5))
    assert place.kinds("--repair") == [("foreign", ["start", "title"])]
    assert place.work() == Counter({"UpdateItem": 1})
    [repaired] = place.items()
    assert (repaired.item_id, repaired.subject, repaired.start) == (item.item_id, item.subject, item.start)
    assert place.kinds() == []


def test_an_entry_that_was_moved_out_of_the_window_comes_back(place: Place) -> None:
    place.tell()
    [item] = place.items()
    away = NOW + timedelta(days=800)
    place.exchange.edit_item(item.item_id, start=away, end=away + timedelta(hours=1))
    assert place.kinds("--repair") == [("foreign", ["moved"])]
    place.work()
    assert ([each.start for each in place.items()], place.kinds()) == ([item.start], [])


def test_an_entry_in_a_subfolder_is_where_its_agent_put_it(place: Place) -> None:
    place.tell()
    place.exchange.make_folder(HERS, "Archives")
    place.exchange.move_item(place.items()[0].item_id, "Archives")
    assert place.kinds() == []


def forget(place: Place) -> None:
    """The record is lost, as with an old copy of the database; the calendars are as they were."""
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(placements.delete())
    engine.dispose()


def test_an_entry_that_nothing_explains_is_told_and_left_alone(place: Place) -> None:
    place.tell()
    forget(place)
    before = place.dump()
    report = place.audit("--repair")
    assert [each["kind"] for each in report["mailboxes"][0]["differences"]] == ["orphaned"]
    assert (report["mailboxes"][0]["repairs"], place.dump()) == (0, before)
    assert place.work() == Counter()
    assert len(place.items()) == 1


def test_a_mailbox_that_is_recorded_under_two_addresses_has_no_orphans(place: Place) -> None:
    """After a change of address, until an event that both hold makes the worker see that they are one."""
    place.tell()
    place.exchange.rename_mailbox(HERS, "nouvelle@departement.example")
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(
            insert(mailboxes).values(calendar="exchange", address="nouvelle@departement.example", attempts=0)
        )
    engine.dispose()
    report = place.audit()
    assert [(each["listed"], each["differences"]) for each in report["mailboxes"]] == [(1, []), (1, [])]


def test_the_copy_of_a_destroyed_event_is_an_orphan_and_is_kept(place: Place) -> None:
    place.tell(age_s=90)
    copy = place.exchange.copy_item(place.items()[0].item_id)
    place.tell(kind=EventKind.DESTROYED)
    assert place.kinds("--repair") == [("orphaned", [])]
    place.work()
    assert [each.item_id for each in place.items()] == [copy]


def test_an_entry_that_a_purge_left_on_purpose_is_no_difference(place: Place) -> None:
    place.tell(age_s=90)
    place.tell(kind=EventKind.DESTROYED, purge=True)
    assert len(place.items()) == 1
    assert place.kinds() == []


def test_a_series_is_no_difference_however_its_end_was_told(place: Place) -> None:
    """The rule ends on a Thursday, the last occurrence is on a Monday. A day that the agent deleted is the agent's."""
    rule = Rule("WEEKLY", 1, ((None, Weekday.MONDAY),), date(2027, 1, 28))
    place.hear(a_slot(a_plage(rule=rule)))
    assert place.kinds() == []
    first, *_ = place.exchange.occurrences(HERS, NOW, NOW + timedelta(days=30))
    place.exchange.delete_item(first.item_id)
    assert place.kinds() == []
    [master] = place.items()
    place.exchange.edit_item(master.item_id, subject="x")
    assert place.kinds("--repair") == [("foreign", ["title"])]
    assert place.work() == Counter({"UpdateItem": 1})
    assert place.kinds() == []


def test_what_is_no_event_of_this_installation_is_no_difference(place: Place) -> None:
    place.tell()
    settings = load(place.config, {"RDV_SECRET": PASSWORD})
    for installation, uid in (("another", "Rdv/5@production"), (place.store.installation().id, PROBE_UID)):
        connector = bootstrap.connectors(settings, installation)["exchange"]
        [outcome] = connector.apply(HERS, [Create(entry(uid))])
        assert isinstance(outcome, Done)
        connector.close()
    assert (len(place.items()), place.kinds()) == (3, [])


def test_what_is_still_to_be_written_is_no_difference(place: Place) -> None:
    place.tell(age_s=90)
    later = {"starts_at": NOW + timedelta(days=7), "ends_at": NOW + timedelta(days=7, hours=1)}
    place.store.write(judge_batch.take, [incoming(a_delivery(agents=(MARTINE,), **later))], NOW)
    assert place.kinds() == []


def test_without_repair_nothing_changes(place: Place) -> None:
    place.tell()
    place.exchange.delete_item(place.items()[0].item_id)
    before = place.dump()
    assert place.kinds() == [("missing", [])]
    assert place.dump() == before
    assert place.work() == Counter()


def audited(place: Place) -> dict[str, int]:
    return {
        name: figure.value
        for name, figure in place.store.read(counters.figures_named).items()
        if name.startswith("audit")
    }


def test_an_audit_of_everything_leaves_the_figures_that_pages_and_alerts_show(place: Place) -> None:
    """What was put right is no trouble until the next night's audit."""
    place.tell(agents=(MARTINE, KARIM))
    place.exchange.delete_item(place.items()[0].item_id)
    for partly in (["--mailbox", HERS], ["--days-back", "1"]):
        place.audit(*partly)
    assert audited(place) == {}
    place.audit("--repair")
    assert audited(place) == {
        "audit": 2, "audit/left_out": 0, "audit/missing": 1, "audit/doubled": 0, "audit/foreign": 0, "audit/orphaned": 0
    }  # fmt: skip
    place.work()
    place.audit()
    assert place.store.read(counters.figures_named)["audit/missing"].value == 0


def test_a_mailbox_that_is_being_written_is_repaired_another_time(place: Place) -> None:
    place.tell()
    place.exchange.delete_item(place.items()[0].item_id)
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(update(mailboxes).values(lease="x", leased_until=NOW + timedelta(minutes=1)))
    engine.dispose()
    before = place.dump()
    [hers] = place.audit("--repair")["mailboxes"]
    assert (hers["busy"], hers["repairs"], place.dump()) == (True, 0, before)
    place.clock["now"] += timedelta(minutes=2)
    [hers] = place.audit("--repair")["mailboxes"]
    assert (hers["busy"], hers["repairs"]) == (False, 1)


def test_what_changes_while_the_calendar_is_read_is_not_judged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tell()
    settings = load(place.config, {"RDV_SECRET": PASSWORD})
    connector = bootstrap.connectors(settings, place.store.installation().id)["exchange"]
    connector.apply(HERS, [Delete(place.items()[0].item_id)])
    connector.close()
    real, reads = audit.recorded, []

    def recorded(connection: Connection, mailbox: Any) -> Any:
        if reads:
            engine = create_engine(place.url)
            with engine.begin() as other:
                other.execute(update(placements).values(item_id="another"))
            engine.dispose()
        reads.append(mailbox)
        return real(connection, mailbox)

    monkeypatch.setattr(audit, "recorded", recorded)
    assert (place.kinds(), len(reads)) == ([], 2)


def test_a_mailbox_that_cannot_be_read_costs_the_others_nothing(place: Place) -> None:
    place.tell(agents=(MARTINE, KARIM))
    place.exchange.access.impersonators[ACCOUNT] = frozenset({HIS})
    report = place.audit()
    assert {each["address"]: each["trouble"] for each in report["mailboxes"]} == {
        HERS: "impersonation_denied",
        HIS: None,
    }


def test_a_refused_account_is_shown_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tell(agents=(MARTINE, KARIM))
    monkeypatch.setenv("RDV_SECRET", "wrong")
    report = place.audit()
    assert (report["servers"], report["mailboxes"], report["untried"]) == ({"exchange": "unauthorized"}, [], 2)
    assert [each.refused for each in place.exchange.requests].count(True) == 1


def test_a_busy_server_is_waited_for(place: Place) -> None:
    place.tell()
    place.exchange.inject(Fault(FaultKind.SERVER_BUSY, verb="FindItem", times=2, back_off_ms=50))
    assert place.kinds() == []


def test_mailboxes_and_window_can_be_named(place: Place) -> None:
    place.tell(agents=(MARTINE, KARIM))
    assert [each["address"] for each in place.audit("--mailbox", HIS.upper())["mailboxes"]] == [HIS]
    for item in place.items():
        place.exchange.delete_item(item.item_id)
    assert place.kinds("--days-ahead", "5") == []
    assert place.kinds("--days-ahead", "7") == [("missing", [])]


@pytest.mark.parametrize("words", [["--mailbox", "personne@departement.example"], []])
def test_where_no_entry_ever_went_there_is_nothing_to_compare(place: Place, words: list[str]) -> None:
    status, out, told = place.run(*words)
    assert (status, out) == (2, "")
    assert told


@pytest.mark.parametrize("days", ["-1", "x", "100000", "²"])
def test_days_are_a_number(place: Place, days: str) -> None:
    with pytest.raises(SystemExit) as left:
        place.run("--days-back", days)
    assert left.value.code == 2
    assert "expected" not in place.capsys.readouterr().err


def test_people_read_a_table_without_a_word_of_the_entry(place: Place) -> None:
    place.tell()
    [item] = place.items()
    place.exchange.edit_item(item.item_id, subject="Mme Durand")
    status, out, _ = place.run("--repair")
    assert status == 1
    assert HERS in out
    assert UID in out
    assert "Durand" not in out
    assert item.subject not in out


def test_every_kind_and_every_field_has_a_word() -> None:
    names = {each.name for each in fields(CalendarEntry)} - {"uid"} | {MOVED}
    assert {f"field {name}" for name in names} | {kind.value for kind in DifferenceKind} <= set(sentences.AUDIT)
