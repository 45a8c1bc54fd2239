"""`uninstall` against the mock Exchange: all of this installation goes, nothing of another, and it can be undone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, update

from connectors.base import PROBE_UID, Create, Done
from connectors.ews import EwsConnector
from mock_exchange.http.faults import Fault, FaultKind
from receiver.core.facts import EventKind
from receiver.operations.recovery import uninstall as operation
from receiver.store.database.tables import mailboxes
from receiver.store.tools import recovery
from receiver.store.work import leases, mailbox_identity
from tests.cli.recovery import CALENDAR, HERS, HIS, Place, open_place
from tests.connectors.conformance import entry
from tests.lab.configuration import a_source
from tests.makers import KARIM, MARTINE, NOW, a_delivery

OTHER = "0" * 8 + "-0000-4000-8000-" + "0" * 12
EMPTY: dict[str, list[Any]] = {HERS: [], HIS: []}


@pytest.fixture
def place(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    with open_place(migrated_sqlite, tmp_path, monkeypatch, capsys) as made:
        yield made


def write(place: Place, installation: str, uid: str, mailbox: str = HERS, **changes: Any) -> str:
    """Write an entry as some installation does; return its id."""
    with place.connector(installation) as connector:
        [outcome] = connector.apply(mailbox, [Create(replace(entry(uid), **changes))])
    assert isinstance(outcome, Done)
    return outcome.item_id


def test_everything_of_this_installation_goes_and_nothing_of_another(place: Place) -> None:
    """Old and far entries, a probe's, an agent's copy, and those of events that nobody knows of."""
    for number in (1, 2, 3):
        place.tell(number)
    theirs = write(place, OTHER, "Rdv/1@production")
    write(place, place.name, PROBE_UID)
    write(place, place.name, "Rdv/77@production")
    for year in (2001, 2090):
        start = datetime(year, 3, 1, 9, tzinfo=UTC)
        write(place, place.name, f"Rdv/{year}@production", start=start, end=start + timedelta(hours=1))
    place.exchange.copy_item(place.items()[0].item_id)
    report = place.report("uninstall", "--yes")
    assert (report["ok"], report["entries"]) == (True, 11)
    assert [item.item_id for item in place.items()] == [theirs]
    assert place.items(HIS) == []
    assert place.placements() == []


def test_from_then_on_nothing_is_written_and_webhooks_are_kept(place: Place) -> None:
    place.tell(1)
    place.report("uninstall", "--yes")
    place.tell(1, motif="Vaccination")
    place.tell(2)
    assert place.work() == {}
    assert place.shown() == EMPTY
    troubles = json.loads(place.run("status", "--json")[1])["troubles"]
    assert [each["severity"] for each in troubles if each["code"] == "uninstalled"] == ["warning"]
    assert [each.uid for each in place.placements()] == []


def test_undone_everything_comes_back_as_it_is_by_then(place: Place) -> None:
    for number in (1, 2):
        place.tell(number, age_s=90)
    place.report("uninstall", "--yes")
    place.tell(1, motif="Vaccination")
    place.tell(2, kind=EventKind.DESTROYED)
    assert place.report("uninstall", "--undo")["ok"]
    assert place.work()["CreateItem"] == 2
    assert [item.subject for box in (HERS, HIS) for item in place.items(box)] == ["Vaccination", "Vaccination"]
    assert place.report("audit")["ok"]
    assert place.run("uninstall", "--undo")[0] == 2


def test_undone_midway_what_was_taken_out_comes_back_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the policy respects what agents delete: this was no agent."""
    source = a_source()
    place.configure(sources={"mds": source | {"policies": {"on_agent_deletion": "respect"}}})
    for number in range(1, 6):
        place.tell(number)
    monkeypatch.setattr(operation, "BATCH", 2)
    broken_off(place, monkeypatch, calls=2)
    assert 0 < len(place.items(HIS)) < 5
    place.report("uninstall", "--undo")
    place.work()
    place.clock["now"] += timedelta(hours=1)
    place.work()
    assert {box: len(place.items(box)) for box in (HERS, HIS)} == {HERS: 5, HIS: 5}
    assert place.report("audit")["ok"]


def broken_off(place: Place, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """The command dies after so many deletions were carried out, before the last is recorded."""
    real, made = EwsConnector.apply, []

    def apply(connector: EwsConnector, *args: Any) -> Any:
        outcomes = real(connector, *args)
        made.append(args)
        if len(made) >= calls:
            raise RuntimeError
        return outcomes

    with monkeypatch.context() as patched:
        patched.setattr(EwsConnector, "apply", apply)
        with pytest.raises(RuntimeError):
            place.run("uninstall", "--yes")


def test_what_breaks_off_midway_is_finished_another_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        place.tell(number)
    broken_off(place, monkeypatch, calls=1)
    assert place.store.installation().uninstalled_at == NOW
    assert place.work() == {}, "nothing is written, though the command died"
    place.clock["now"] += timedelta(minutes=1)
    report = place.report("uninstall", "--yes")
    assert (report["ok"], place.shown(), place.placements()) == (True, EMPTY, [])
    assert place.store.installation().uninstalled_at == NOW


def test_more_than_a_batch_goes_in_batches(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "BATCH", 3)
    place.hear(*(a_delivery(agents=(MARTINE,), wire_id=number, uuid=None) for number in range(1, 9)))
    place.work()
    assert place.report("uninstall", "--yes")["entries"] == 8
    assert [each.verb for each in place.exchange.requests].count("DeleteItem") == 3


def test_without_a_yes_it_counts(place: Place) -> None:
    place.tell(1)
    before, shown = place.dump(), place.shown()
    report = place.report("uninstall")
    assert (report["dry_run"], report["entries"], place.dump(), place.shown()) == (True, 2, before, shown)


def test_where_the_configuration_says_dry_run_it_counts(place: Place) -> None:
    place.tell(1)
    place.configure(dry_run=True)
    before = place.dump()
    assert (place.report("uninstall", "--yes")["dry_run"], place.dump()) == (True, before)


def test_yes_and_undo_contradict_each_other(place: Place) -> None:
    with pytest.raises(SystemExit) as left:
        place.run("uninstall", "--yes", "--undo")
    assert left.value.code == 2
    assert "not allowed" not in place.capsys.readouterr().err


def test_a_mailbox_that_cannot_be_emptied_costs_the_others_nothing(place: Place) -> None:
    place.tell(1)
    place.exchange.access.impersonators["DEPT\\svc"] = frozenset({HIS})
    report = place.report("uninstall", "--yes")
    assert [(each["address"], each["trouble"], each["ok"]) for each in report["mailboxes"]] == [
        (HIS, None, True),
        (HERS, "impersonation_denied", False),
    ]
    assert (report["ok"], place.items(HIS), len(place.items())) == (False, [], 1)
    place.exchange.access.impersonators["DEPT\\svc"] = None
    assert place.report("uninstall", "--yes")["ok"]
    assert place.shown() == EMPTY


def test_a_server_in_trouble_is_told_and_asked_no_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tell(1)
    monkeypatch.setenv("RDV_SECRET", "wrong")
    report = place.report("uninstall", "--yes")
    assert (report["servers"], report["untried"], report["ok"]) == ({CALENDAR: "unauthorized"}, 2, False)
    assert len(place.exchange.requests) == 1


def test_an_item_that_does_not_go_is_told_and_kept_in_the_record(place: Place) -> None:
    place.tell(1, agents=(MARTINE,))
    place.tell(2, agents=(MARTINE,))
    fault = Fault(FaultKind.ITEM_ERROR, verb="DeleteItem", code="ErrorItemSave", index=0, times=None)
    place.exchange.inject(fault)
    report = place.report("uninstall", "--yes")
    [hers] = report["mailboxes"]
    assert (report["ok"], hers["entries"], hers["remaining"]) == (False, 1, 1)
    assert len([each for each in place.placements() if each.applied is not None]) == 1


def test_a_busy_server_is_waited_for(place: Place) -> None:
    place.tell(1, agents=(MARTINE,))
    place.exchange.inject(Fault(FaultKind.SERVER_BUSY, verb="DeleteItem", back_off_ms=50))
    place.exchange.inject(Fault(FaultKind.SERVER_BUSY, verb="FindItem", back_off_ms=50))
    assert place.report("uninstall", "--yes")["ok"]
    assert place.items() == []


def test_an_entry_that_nobody_can_read_goes_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tell(1, agents=(MARTINE,))
    place.tell(2, agents=(MARTINE,))
    real = EwsConnector.list_marked

    def list_marked(connector: EwsConnector, mailbox: str, *window: datetime) -> Any:
        if len(place.items(mailbox)) == 2:
            raise operation.Temporary(operation.UNREADABLE, operation.Scope.MAILBOX)
        return real(connector, mailbox, *window)

    monkeypatch.setattr(EwsConnector, "list_marked", list_marked)
    assert place.report("uninstall", "--yes")["ok"]
    assert place.items() == []


def test_a_create_that_may_still_be_carried_out_is_waited_for(place: Place) -> None:
    """A server that lost its client may commit late: the record stays until that is over."""
    place.tell(1, agents=(MARTINE,))
    place.hear(a_delivery(agents=(MARTINE,), wire_id=2, uuid=None))
    place.exchange.inject(Fault(FaultKind.DROP_BEFORE, verb="CreateItem"))
    place.work()
    report = place.report("uninstall", "--yes")
    [hers] = report["mailboxes"]
    assert (report["ok"], hers["unsure"], hers["remaining"], place.items()) == (False, 1, 0, [])
    write(place, place.name, "Rdv/2@production")
    assert place.report("uninstall", "--yes")["entries"] == 1
    place.clock["now"] += timedelta(seconds=5 * 20)
    assert place.report("uninstall", "--yes")["ok"]
    assert place.placements() == []


def test_a_worker_that_is_writing_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tell(1, agents=(MARTINE,))
    engine = create_engine(f"sqlite:///{place.file}")
    with engine.begin() as connection:
        connection.execute(update(mailboxes).values(lease="x", leased_until=NOW + timedelta(minutes=1)))
    engine.dispose()
    with monkeypatch.context() as patched:
        patched.setattr(operation.run, "__kwdefaults__", {"limit_s": 0.0})
        [hers] = place.report("uninstall", "--yes")["mailboxes"]
    assert (hers["trouble"], len(place.items())) == ("mailbox_in_use", 1)
    real, asked = leases.claim_one, []

    def claim_one(connection: Connection, *args: Any) -> Any:
        asked.append(args)
        place.clock["now"] += timedelta(seconds=31)
        return real(connection, args[0], place.clock["now"], args[2])

    monkeypatch.setattr(leases, "claim_one", claim_one)
    assert place.report("uninstall", "--yes")["ok"]
    assert (len(asked), place.items()) == (2, [])


def test_whoever_lost_the_lease_midway_says_so_and_goes_on_with_the_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tell(1)
    real = EwsConnector.apply

    def apply(connector: EwsConnector, mailbox: str, changes: Any) -> Any:
        if mailbox == HERS:
            place.clock["now"] += timedelta(hours=1)
            [hers] = [each for each in place.store.read(mailbox_identity.in_use) if each.address == HERS]
            place.store.write(leases.claim_one, hers, place.store.now(), timedelta(minutes=1))
        return real(connector, mailbox, changes)

    with monkeypatch.context() as patched:
        patched.setattr(EwsConnector, "apply", apply)
        report = place.report("uninstall", "--yes")
    assert {each["address"]: each["trouble"] for each in report["mailboxes"]} == {HERS: "mailbox_in_use", HIS: None}
    place.clock["now"] += timedelta(hours=1)
    assert place.report("uninstall", "--yes")["ok"]
    assert place.shown() == EMPTY


def test_mailboxes_of_a_server_that_is_configured_no_more_are_told(place: Place) -> None:
    place.tell(1)
    elsewhere = place.folder / "ics"
    elsewhere.mkdir()
    place.configure(calendars={"pilot": {"kind": "ics_folder", "path": str(elsewhere)}})
    report = place.report("uninstall")
    assert (report["ok"], report["unconfigured"], report["untried"]) == (False, 2, 0)


def test_entries_that_were_read_back_go_without_ever_having_met_their_event(place: Place) -> None:
    place.tell(1)
    name = place.lose()
    place.report("adopt", "--installation", name)
    assert place.report("uninstall", "--yes")["entries"] == 2
    assert (place.shown(), place.store.read(recovery.waiting)) == (EMPTY, [])


def test_a_mailbox_that_the_record_does_not_name_is_emptied_when_somebody_names_it(place: Place) -> None:
    place.tell(1, agents=(MARTINE,))
    write(place, place.name, "Rdv/9@production", HIS)
    assert place.report("uninstall")["entries"] == 1
    assert place.report("uninstall", "--yes", "--mailbox", HIS)["entries"] == 2


def test_where_no_entry_ever_went_there_is_nothing_to_take_out(place: Place) -> None:
    status, out, told = place.run("uninstall", "--yes")
    assert (status, out) == (2, "")
    assert told


def test_people_read_how_it_went(place: Place) -> None:
    place.tell(1, agents=(MARTINE, KARIM))
    status, out, told = place.run("uninstall")
    assert (status, told) == (0, "")
    assert HERS in out
    status, out, _ = place.run("uninstall", "--yes")
    assert status == 0
    assert HIS in out
    assert "Consultation" not in out
