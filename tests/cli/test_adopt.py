"""`adopt` against the mock Exchange: a database is lost or set back, and nothing is doubled, nothing lost."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from connectors.base import PROBE_UID, Create, Done
from mock_exchange.http.faults import Fault, FaultKind
from receiver.core.facts import EventKind
from receiver.core.plan import BELIEVED_FOR, STALE
from receiver.operations.recovery import adopt as operation
from receiver.store import Mark, Marker, Store, heartbeats
from receiver.store.database.tables import mailboxes
from receiver.store.place.batch_counter import LEAP
from receiver.store.tools import audit, recovery
from receiver.store.work import mailbox_identity, placements
from tests.cli.recovery import CALENDAR, HERS, HIS, Place, open_place
from tests.connectors.conformance import entry
from tests.makers import KARIM, MARTINE, NOW, a_delivery

SECOND = timedelta(seconds=1)
LATER = {"starts_at": NOW + timedelta(days=8), "ends_at": NOW + timedelta(days=8, minutes=45)}
OTHER = "0" * 8 + "-0000-4000-8000-" + "0" * 12


@pytest.fixture
def place(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    with open_place(migrated_sqlite, tmp_path, monkeypatch, capsys) as made:
        yield made


def pass_time(place: Place, by: timedelta = SECOND) -> None:
    place.clock["now"] += by


def box(report: dict[str, Any], address: str = HERS) -> dict[str, Any]:
    [found] = [each for each in report["mailboxes"] if each["address"] == address]
    return found


# The database is lost


def test_after_a_loss_every_entry_is_found_again_and_none_is_doubled(place: Place) -> None:
    for number in range(1, 8):
        place.tell(number)
    before = place.shown()
    name = place.lose()
    report = place.report("adopt", "--installation", name)
    assert (report["installation"], place.name, report["counts"]["adopted"], len(report["waiting"])) == (
        name, name, 14, 14,
    )  # fmt: skip
    pass_time(place)
    place.hear_all_again()
    posts = place.work()
    assert (posts["CreateItem"], posts["DeleteItem"]) == (0, 0)
    assert place.shown() == before
    assert {each.item_id for each in place.placements()} == {item[0] for items in before.values() for item in items}
    assert place.store.read(recovery.waiting) == []
    assert place.report("audit")["ok"]


def test_what_changed_while_there_was_no_database_changes_the_entry_that_is_there(place: Place) -> None:
    place.tell(1, age_s=90)
    place.tell(2, age_s=90)
    before = place.shown()
    name = place.lose()
    place.report("adopt", "--installation", name)
    pass_time(place)
    place.tell(1, motif="Vaccination")
    place.tell(2, kind=EventKind.DESTROYED)
    after = place.shown()
    assert {box: [title for _, title, _ in items] for box, items in after.items()} == {
        HERS: ["Vaccination"],
        HIS: ["Vaccination"],
    }
    assert {item[0] for items in after.values() for item in items} < {
        item[0] for items in before.values() for item in items
    }


def test_webhooks_that_come_before_the_calendars_are_read_write_nothing(place: Place) -> None:
    """The name alone is taken over: of the mailboxes, none can be reached."""
    place.tell(1)
    before = place.shown()
    name = place.lose()
    place.exchange.inject(Fault(kind=FaultKind.DROP_BEFORE, times=None))
    status, _, _ = place.run("adopt", "--installation", name)
    assert (status, place.store.installation().must_adopt) == (1, True)
    place.exchange.faults.clear()
    place.hear_all_again()
    assert place.work() == {}
    place.report("adopt")
    assert place.work()["CreateItem"] == 0
    assert place.shown() == before


def test_a_name_is_not_taken_over_while_a_worker_runs(place: Place) -> None:
    """It would go on to write under the name that it began with."""
    name = place.lose()
    place.store.write(heartbeats.beat, "worker/here/1", NOW)
    own = place.name
    status, out, told = place.run("adopt", "--installation", name)
    assert (status, out, place.name) == (2, "", own)
    assert told
    pass_time(place, operation.SILENT)
    assert place.run("adopt", "--installation", name)[0] == 0
    assert place.name == name


def test_a_name_is_not_taken_over_where_entries_bear_another(place: Place) -> None:
    """Nobody would look after those any more."""
    place.tell(1)
    own = place.name
    assert place.run("adopt", "--installation", OTHER)[0] == 2
    assert (place.name, place.store.installation().must_adopt) == (own, False)


def test_a_new_database_that_doubled_everything_is_undone_and_then_adopts(place: Place) -> None:
    """Somebody started an older version over an empty database, and noticed in the morning."""
    place.tell(1)
    before = place.shown()
    name = place.lose()
    place.hear_all_again()
    place.work(asks=False)
    assert {box: len(items) for box, items in place.shown().items()} == {HERS: 2, HIS: 2}
    assert place.report("uninstall", "--yes")["entries"] == 2
    assert place.report("adopt", "--installation", name)["counts"]["adopted"] == 2
    assert place.work()["CreateItem"] == 0
    assert place.shown() == before


def test_the_own_name_is_taken_over_as_often_as_one_likes(place: Place) -> None:
    place.tell(1)
    assert place.report("adopt", "--installation", place.name)["counts"]["kept"] == 2


@pytest.mark.parametrize("name", ["x", "1234", "../../etc"])
def test_a_name_is_an_identifier(place: Place, name: str) -> None:
    with pytest.raises(SystemExit) as left:
        place.run("adopt", "--installation", name)
    assert left.value.code == 2


# The database is set back


def test_a_stale_copy_writes_nothing_before_the_calendars_are_read(place: Place) -> None:
    place.tell(1, age_s=90)
    copy = place.back_up()
    pass_time(place)
    place.tell(1, motif="Vaccination")
    before = place.shown()
    place.restore(copy)
    place.hear(a_delivery(now=place.store.now(), agents=(MARTINE,), wire_id=2, uuid=None))
    assert place.work() == {}
    assert place.shown() == before
    assert place.report("adopt")["must_adopt"] is False
    assert place.work()["CreateItem"] == 1


def test_after_a_stale_copy_the_calendars_become_what_the_newest_states_say(place: Place) -> None:
    """Changed, destroyed, made and handed on since: each once, in the item that was there."""
    for number in (1, 2, 3, 4):
        place.tell(number, age_s=90)
    copy = place.back_up()
    pass_time(place)
    place.tell(1, motif="Vaccination")
    place.tell(2, kind=EventKind.DESTROYED)
    place.tell(3, agents=(KARIM,))
    place.tell(5, motif="Nouveau")
    before = place.shown()
    place.restore(copy)
    report = place.report("adopt")
    assert (box(report)["changed"], box(report)["waiting"]) == (["Rdv/1@production"], ["Rdv/5@production"])
    assert box(report)["lost"] == ["Rdv/2@production", "Rdv/3@production"]
    assert place.work() == {}, "older facts wait: the calendar may know better"
    assert place.shown() == before
    pass_time(place)
    place.hear_all_again()
    posts = place.work()
    assert (posts["CreateItem"], posts["DeleteItem"]) == (0, 0)
    assert place.shown() == before
    pass_time(place, BELIEVED_FOR * 2)
    assert place.work()["CreateItem"] == 0
    assert place.shown() == before
    assert place.report("audit")["ok"]


def test_where_no_newer_state_comes_older_facts_are_believed_after_a_day(place: Place) -> None:
    place.tell(1, age_s=90)
    place.tell(2, age_s=90)
    copy = place.back_up()
    pass_time(place)
    place.tell(1, motif="Vaccination")
    place.tell(2, kind=EventKind.DESTROYED)
    place.restore(copy)
    place.report("adopt")
    pass_time(place, BELIEVED_FOR - SECOND)
    assert place.work() == {}
    pass_time(place)
    place.work()
    assert [item.subject for item in place.items()] == ["Consultation PMI", "Consultation PMI"]
    assert place.report("audit")["ok"]


def test_a_state_that_comes_before_adopt_is_written_at_once(place: Place) -> None:
    """As a re-synchronisation does that is begun first, which is how the guide has it."""
    for number in (1, 2):
        place.tell(number, age_s=90)
    copy = place.back_up()
    pass_time(place)
    place.tell(2, kind=EventKind.DESTROYED)
    place.restore(copy)
    pass_time(place)
    place.hear_all_again()
    place.hear(a_delivery(now=place.store.now(), agents=(MARTINE, KARIM), wire_id=1, uuid=None, motif="Vaccination"))
    place.report("adopt")
    assert place.work()["UpdateItem"] == 2
    assert [item.subject for item in place.items()] == ["Vaccination"]
    assert place.store.read(placements.count_due, place.store.now() + BELIEVED_FOR * 2) == 0


def test_an_entry_that_was_written_anew_since_is_taken_in_place_of_the_old(place: Place) -> None:
    place.tell(1, age_s=90)
    copy = place.back_up()
    [old] = place.items()
    place.exchange.delete_item(old.item_id)
    place.report("audit", "--repair")
    place.work()
    [new] = place.items()
    assert new.item_id != old.item_id
    place.restore(copy)
    assert box(place.report("adopt"))["adopted"] == ["Rdv/1@production"]
    pass_time(place, BELIEVED_FOR)
    assert place.work()["CreateItem"] == 0
    assert [item.item_id for item in place.items()] == [new.item_id]


def test_an_agents_copy_of_an_event_that_is_over_and_done_with_stays(place: Place) -> None:
    place.tell(1, age_s=90)
    kept = place.exchange.copy_item(place.items()[0].item_id)
    place.tell(1, kind=EventKind.DESTROYED)
    found = box(place.report("adopt"))
    assert (found["left"], found["adopted"]) == (["Rdv/1@production"], [])
    pass_time(place, BELIEVED_FOR)
    place.work()
    assert [item.item_id for item in place.items()] == [kept]


def test_of_two_entries_one_is_taken_and_neither_goes(place: Place) -> None:
    place.tell(1)
    ours = place.items()[0].item_id
    copy = place.exchange.copy_item(ours)
    name = place.lose()
    assert box(place.report("adopt", "--installation", name))["doubled"] == {"Rdv/1@production": [ours, copy]}
    pass_time(place)
    place.hear_all_again()
    assert place.work()["DeleteItem"] == 0
    assert {item.item_id for item in place.items()} == {ours, copy}


# As it goes


def test_a_second_time_nothing_more_comes_of_it(place: Place) -> None:
    place.tell(1)
    name = place.lose()
    place.report("adopt", "--installation", name)
    before = [line for line in place.dump() if "leased" not in line]
    first = place.report("adopt")
    assert first["counts"]["adopted"] == 2
    assert [line for line in place.dump() if "leased" not in line] == before
    pass_time(place)
    place.hear_all_again()
    place.work()
    for _ in range(2):
        counts = place.report("adopt")["counts"]
        assert (counts["kept"], counts["adopted"], counts["changed"]) == (2, 0, 0)
        assert place.work() == {}


def test_an_entry_that_went_before_its_event_came_is_not_waited_for(place: Place) -> None:
    place.tell(1)
    name = place.lose()
    place.report("adopt", "--installation", name)
    place.exchange.delete_item(place.items()[0].item_id)
    report = place.report("adopt", "--days-ahead", "1")
    assert [each["address"] for each in report["waiting"]] == [HIS], "his is outside of the window, and still there"


def test_entries_that_wait_for_their_event_are_no_orphans_and_are_left_alone(place: Place) -> None:
    place.tell(1)
    before = place.shown()
    name = place.lose()
    place.report("adopt", "--installation", name)
    assert place.report("audit")["ok"]
    pass_time(place, BELIEVED_FOR * 30)
    assert place.work() == {}
    assert place.shown() == before


def test_a_dry_run_changes_nothing(place: Place) -> None:
    place.tell(1)
    name = place.lose()
    before = place.dump()
    report = place.report("adopt", "--installation", name, "--dry-run")
    assert (report["counts"]["adopted"], len(report["waiting"]), place.dump()) == (2, 2, before)
    assert place.name != name


def test_a_partial_adoption_lets_nothing_be_written(place: Place) -> None:
    place.tell(1)
    place.restore(place.back_up())
    place.exchange.access.impersonators["DEPT\\svc"] = frozenset({HIS})
    report = place.report("adopt")
    assert (report["ok"], report["must_adopt"], box(report)["trouble"]) == (False, True, "impersonation_denied")
    assert box(report, HIS)["kept"] == 1
    report = place.report("adopt", "--without", HERS)
    assert (report["ok"], report["must_adopt"]) == (True, False)


def test_a_server_in_trouble_is_told_once_and_lets_nothing_be_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tell(1)
    place.restore(place.back_up())
    monkeypatch.setenv("RDV_SECRET", "wrong")
    report = place.report("adopt")
    assert (report["servers"], report["untried"], report["must_adopt"]) == ({CALENDAR: "unauthorized"}, 2, True)
    assert len(place.exchange.requests) == 1


def test_what_breaks_off_midway_goes_on_another_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        place.tell(number)
    before = place.shown()
    name = place.lose()
    real, noted = operation.note_found, []

    def note_found(store: Store, *args: Any, **moments: Any) -> None:
        if noted:
            raise RuntimeError
        noted.append(args)
        real(store, *args, **moments)

    with monkeypatch.context() as patched:
        patched.setattr(operation, "note_found", note_found)
        with pytest.raises(RuntimeError):
            place.run("adopt", "--installation", name)
    assert place.store.installation().must_adopt
    place.hear_all_again()
    assert place.work() == {}
    assert place.report("adopt")["counts"]["adopted"] == 6
    assert place.work()["CreateItem"] == 0
    assert place.shown() == before


def test_a_mailbox_that_a_worker_does_not_give_back_is_told_and_may_be_read_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tell(1)
    place.restore(place.back_up())
    engine = create_engine(f"sqlite:///{place.file}")
    with engine.begin() as connection:
        leased = {"lease": "x", "leased_until": NOW + timedelta(minutes=1)}
        connection.execute(update(mailboxes).where(mailboxes.c.address == HERS).values(leased))
    engine.dispose()
    monkeypatch.setattr(operation.run, "__kwdefaults__", {"limit_s": 0.0})
    report = place.report("adopt")
    assert (box(report)["trouble"], box(report)["kept"], report["must_adopt"]) == ("mailbox_in_use", 0, True)
    pass_time(place, timedelta(minutes=2))
    assert place.report("adopt")["must_adopt"] is False


def test_two_addresses_of_one_mailbox_are_read_as_one(place: Place) -> None:
    """Else its entries would be placed twice, and what the one no longer needs would be taken from the other."""
    place.tell(1, agents=(MARTINE,))
    before = place.shown()
    place.exchange.rename_mailbox(HERS, "nouvelle@departement.example")
    name = place.lose()
    report = place.report("adopt", "--installation", name, "--mailbox", "nouvelle@departement.example")
    assert box(report)["same_as"] == "nouvelle@departement.example"
    assert report["counts"]["adopted"] == 1
    pass_time(place)
    place.hear_all_again()
    posts = place.work()
    assert (posts["CreateItem"], posts["DeleteItem"]) == (0, 0)
    assert [item.item_id for item in place.exchange.items("nouvelle@departement.example")] == [before[HERS][0][0]]


def test_a_mailbox_that_nothing_names_is_read_when_somebody_names_it(place: Place) -> None:
    place.tell(1)
    place.configure({HERS: HERS, HIS: HIS})
    name = place.lose()
    place.configure({HERS: HERS})
    report = place.report("adopt", "--installation", name)
    assert [each["address"] for each in report["mailboxes"]] == [HERS]
    report = place.report("adopt", "--mailbox", HIS.upper())
    assert [each["address"] for each in report["mailboxes"]] == sorted([HERS, HIS])


def test_without_any_mailbox_the_calendars_are_not_taken_for_read(place: Place) -> None:
    name = place.lose()
    place.configure({}, mailboxes={"domains": {"departement.example": "departement.example"}})
    assert place.run("adopt", "--installation", name)[0] == 2
    assert place.store.installation().must_adopt
    place.hear(a_delivery(agents=(MARTINE,)))
    report = place.report("adopt")
    assert [each["address"] for each in report["mailboxes"]] == [HERS]
    assert place.store.installation().must_adopt is False


def test_a_mailbox_that_nobody_thought_of_is_looked_into_before_the_first_entry_is_written(place: Place) -> None:
    """Where whole domains are mapped, a new database knows no agents; one is heard of after the calendars were read."""
    for number in (1, 2):
        place.tell(number, age_s=90)
    before = place.shown()
    copy = place.exchange.copy_item(place.items(HIS)[0].item_id)
    name = place.lose()
    place.configure(mailboxes={"domains": {"departement.example": "departement.example"}})
    assert place.report("adopt", "--installation", name, "--mailbox", HERS)["counts"]["mailboxes"] == 1
    pass_time(place)
    place.hear_all_again()
    place.hear(a_delivery(now=place.store.now(), agents=(KARIM,), wire_id=3, uuid=None))
    assert place.work()["CreateItem"] == 1
    pass_time(place, timedelta(hours=1))
    assert "CreateItem" not in place.work()
    assert {item.item_id for item in place.items()} == {item_id for item_id, *_ in before[HERS]}
    assert len(place.items(HIS)) == 4
    assert {item.item_id for item in place.items(HIS)} > {copy, *(item_id for item_id, *_ in before[HIS])}
    place.tell(4)
    assert [each.verb for each in place.exchange.requests].count("FindItem") == 0, "it is known by now"


def test_entries_of_others_and_of_checks_are_not_ours_to_adopt(place: Place) -> None:
    for installation, uid in ((OTHER, "Rdv/5@production"), (place.name, PROBE_UID)):
        with place.connector(installation) as connector:
            [outcome] = connector.apply(HERS, [Create(entry(uid))])
            assert isinstance(outcome, Done)
    report = place.report("adopt")
    assert (report["counts"]["adopted"], report["waiting"]) == (0, [])


def test_people_read_a_table_without_a_word_of_the_entries(place: Place) -> None:
    place.tell(1)
    copy = place.back_up()
    place.exchange.edit_item(place.items()[0].item_id, subject="Mme Durand")
    place.exchange.delete_item(place.items(HIS)[0].item_id)
    place.restore(copy)
    status, out, told = place.run("adopt")
    assert (status, told) == (0, "")
    assert "Rdv/1@production" in out
    assert "Durand" not in out
    assert "Consultation" not in out


def test_a_placement_in_doubt_stays_in_doubt(place: Place) -> None:
    """Its write may yet be carried out: the look-up that is owed finds that."""
    place.tell(1, agents=(MARTINE,))
    [placement] = place.placements()
    [recorded] = place.store.read(mailbox_identity.in_use)[:1]
    doubtful = replace(placement, applied=None, item_id=None, open_creates=1, look_up_at=NOW + timedelta(minutes=1))
    place.store.write(audit.repair, recorded, {placement: doubtful}, NOW)
    place.report("adopt")
    place.work()
    [adopted] = place.placements()
    assert (adopted.applied, adopted.item_id, adopted.open_creates) == (STALE, place.items()[0].item_id, 0)
    assert adopted.look_up_at == doubtful.look_up_at


def test_an_older_copy_may_be_adopted_before_a_worker_has_looked_at_it(place: Place) -> None:
    place.tell(1)
    marker = Marker(place.settings.store.marker)
    marker.note(Mark(place.name, 50))
    assert place.run("adopt", "--dry-run")[0] == 0
    assert place.store.installation().counter < 50, "nothing is changed"
    assert place.run("adopt")[0] == 0
    who = place.store.installation()
    assert (who.must_adopt, who.counter > LEAP) == (False, True)
    with closing(Store(f"sqlite:///{place.file}", marker=marker)) as store:
        assert not store.hold_if_behind(NOW)


def test_the_status_names_the_installation_and_says_that_calendars_must_be_read(place: Place) -> None:
    """The name is what a lost database is found by."""
    place.tell(1)
    place.restore(place.back_up())
    status, out, _ = place.run("status", "--json")
    report = json.loads(out)
    assert (status, report["store"]["installation"], report["troubles"][0]["code"]) == (1, place.name, "must_adopt")
    assert place.name in place.run("status")[1]
    place.report("adopt")
    report = json.loads(place.run("status", "--json")[1])
    assert "must_adopt" not in [each["code"] for each in report["troubles"]]


def test_the_report_for_programs_is_one_object(place: Place) -> None:
    place.tell(1)
    _, out, _ = place.run("adopt", "--json")
    assert set(json.loads(out)) == {
        "ok", "dry_run", "installation", "from", "must_adopt", "counts", "servers", "untried", "waiting", "mailboxes",
    }  # fmt: skip
