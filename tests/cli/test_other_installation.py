"""What somebody does about entries of another installation: adopt them, take them out, or let them stand."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Create
from mock_exchange.http.faults import Fault, FaultKind
from receiver.core.facts import EventKind
from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.troubles import Code, Severity, Trouble
from receiver.operations.recovery import take_from
from receiver.operations.status import status
from receiver.store import heartbeats
from receiver.store.reports import overview
from receiver.store.tools import recovery
from tests.cli.recovery import CALENDAR, HERS, HIS, Place, open_place
from tests.connectors.conformance import entry
from tests.makers import MARTINE, NOW, a_delivery

SECOND = timedelta(seconds=1)
LATER = {"starts_at": NOW + timedelta(days=8), "ends_at": NOW + timedelta(days=8, minutes=45)}
NOBODYS = str(uuid.UUID(int=9))


@pytest.fixture
def place(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    with open_place(migrated_sqlite, tmp_path, monkeypatch, capsys) as made:
        yield made


@pytest.fixture
def lost(place: Place) -> str:
    """Seven events stand in both calendars, and a new store knows nothing of them; the old installation."""
    for number in range(1, 8):
        place.tell(number, age_s=90)
    return place.lose()


def pass_time(place: Place, by: timedelta = SECOND) -> None:
    place.clock["now"] += by


def box(report: dict[str, Any], address: str = HERS) -> dict[str, Any]:
    [found] = [each for each in report["mailboxes"] if each["address"] == address]
    return found


def hear_again_and_work(place: Place) -> dict[str, int]:
    pass_time(place)
    place.hear_all_again()
    return place.work()


def troubles(place: Place) -> tuple[Trouble, ...]:
    """What is wrong while web and worker live."""
    for name in (f"{heartbeats.SERVES}here", "worker/here/1"):
        place.store.write(heartbeats.beat, name, place.store.now())
    return status(place.settings, place.store, place.store.now()).troubles


def names_borne(place: Place) -> set[str]:
    """The installations whose marks the entries bear."""
    boxes = [item for address in (HERS, HIS) for item in place.items(address)]
    return {value for item in boxes for key, value in item.extended.items() if key[1] == "RdvInstallation"}


# The store is lost and a new one made


def test_a_new_store_writes_nothing_into_calendars_that_are_full_of_the_old_ones_entries(
    place: Place, lost: str
) -> None:
    before = place.shown()
    posts = hear_again_and_work(place)
    assert posts["CreateItem"] == posts["UpdateItem"] == posts["DeleteItem"] == 0
    assert place.shown() == before
    [trouble] = troubles(place)
    assert (trouble.code, trouble.severity) == (Code.OTHER_INSTALLATION, Severity.ALARM)
    assert (trouble.subject, trouble.cause, trouble.count) == (CALENDAR, lost, 2)
    assert trouble.since is not None


def test_adopting_recovers_and_webhooks_sent_again_double_nothing(place: Place, lost: str) -> None:
    before = place.shown()
    hear_again_and_work(place)
    report = place.report("adopt", "--from", lost)
    assert (report["from"], report["counts"]["adopted"], report["untried"]) == (lost, 14, 0)
    posts = place.work()
    assert (posts["CreateItem"], posts["DeleteItem"]) == (0, 0)
    assert (place.shown(), names_borne(place)) == (before, {place.name})
    assert hear_again_and_work(place)["CreateItem"] == 0
    assert {each.item_id for each in place.placements()} == {item[0] for items in before.values() for item in items}
    assert troubles(place) == ()
    assert place.report("audit")["ok"]


def test_entries_are_adopted_before_any_webhook_comes_and_wait_for_their_events(place: Place, lost: str) -> None:
    before = place.shown()
    report = place.report("adopt", "--from", lost)
    assert (report["counts"]["adopted"], len(report["waiting"])) == (14, 14)
    assert (place.shown(), names_borne(place)) == (before, {place.name})
    assert hear_again_and_work(place)["CreateItem"] == 0
    assert (place.shown(), place.store.read(recovery.waiting)) == (before, [])
    place.tell(8)
    assert [len(items) for items in place.shown().values()] == [8, 8]


def test_what_changed_meanwhile_is_written_at_once(place: Place, lost: str) -> None:
    """What this installation was told is newer than what the other one wrote."""
    hear_again_and_work(place)
    pass_time(place)
    place.tell(1, age_s=60, motif="Vaccination")
    place.tell(2, age_s=60, kind=EventKind.DESTROYED)
    place.tell(3, age_s=60, agents=(MARTINE,))
    place.report("adopt", "--from", lost)
    place.work()
    titles = {address: sorted(title for _, title, _ in items) for address, items in place.shown().items()}
    assert (titles[HERS].count("Vaccination"), len(titles[HERS]), len(titles[HIS])) == (1, 6, 5)


def test_adopting_writes_without_waiting_and_without_a_restart(place: Place, lost: str) -> None:
    place.hear(a_delivery(now=NOW, agents=(MARTINE,), wire_id=9, uuid=None))
    place.work()
    assert len(place.items(HERS)) == 7
    place.report("adopt", "--from", lost)
    assert place.work()["CreateItem"] == 1


def test_a_dry_run_counts_and_changes_nothing(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    before, record = place.shown(), place.dump()
    report = place.report("adopt", "--from", lost, "--dry-run")
    assert (report["dry_run"], report["counts"]["adopted"]) == (True, 14)
    assert (place.shown(), place.dump(), names_borne(place)) == (before, record, {lost})
    place.configure(dry_run=True)
    assert place.report("adopt", "--from", lost)["dry_run"] is True
    assert names_borne(place) == {lost}


def test_a_name_that_nobody_bears_takes_nothing_over(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    assert place.report("adopt", "--from", NOBODYS)["counts"]["adopted"] == 0
    assert place.work()["CreateItem"] == 0
    assert names_borne(place) == {lost}


def test_ourselves_and_an_unread_copy_are_refused(place: Place) -> None:
    assert place.run("adopt", "--from", place.name)[0] == 2
    with closing(sqlite3.connect(place.file)) as made:
        made.execute("UPDATE installation SET must_adopt = 1")
        made.commit()
    status_, out, told = place.run("adopt", "--from", NOBODYS)
    assert (status_, out) == (2, "")
    assert told


@pytest.mark.parametrize(
    "words",
    [
        ("adopt", "--from", "x"),
        ("adopt", "--from", NOBODYS, "--installation", NOBODYS),
        ("uninstall", "--installation", "../../etc"),
        ("uninstall", "--installation", ""),
    ],
)
def test_what_is_no_name_or_contradicts_itself_is_refused(place: Place, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        place.run(*words)
    assert left.value.code == 2


def test_what_stops_adopting_midway_doubles_nothing(place: Place, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noted and not yet marked: nothing is written there, and it is run again."""
    hear_again_and_work(place)
    before = place.shown()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(take_from._Taker, "_mark", die)
        with pytest.raises(KeyboardInterrupt):
            place.run("adopt", "--from", lost)
    pass_time(place, timedelta(minutes=20))
    assert place.work()["CreateItem"] == 0
    assert {each: len(items) for each, items in place.shown().items()} == dict.fromkeys(before, 7)
    place.report("adopt", "--from", lost)
    assert place.work()["CreateItem"] == 0
    assert hear_again_and_work(place)["CreateItem"] == 0
    assert (place.shown(), names_borne(place)) == (before, {place.name})


def test_an_item_that_cannot_be_marked_is_told_and_keeps_its_mailbox_shut(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    fault = Fault(FaultKind.ITEM_ERROR, verb="UpdateItem", mailbox=HERS, code="ErrorItemSave", index=0, times=1)
    place.exchange.inject(fault)
    report = place.report("adopt", "--from", lost)
    assert (report["ok"], box(report)["ok"], box(report, HIS)["ok"]) == (False, False, True)
    assert place.work()["CreateItem"] == 0
    assert place.report("adopt", "--from", lost)["ok"]
    assert hear_again_and_work(place)["CreateItem"] == 0
    assert [len(items) for items in place.shown().values()] == [7, 7]


def test_entries_beside_ours_stay_and_are_told(place: Place) -> None:
    """An older version wrote everything a second time."""
    place.tell(1)
    name = place.lose()
    place.hear_all_again()
    place.work(asks=False)
    assert [len(items) for items in place.shown().values()] == [2, 2]
    report = place.report("adopt", "--from", name)
    assert (report["counts"]["beside"], report["counts"]["adopted"]) == (2, 0)
    assert [len(items) for items in place.shown().values()] == [2, 2]
    assert place.report("uninstall", "--installation", name, "--yes")["entries"] == 2
    assert ([len(items) for items in place.shown().values()], names_borne(place)) == ([1, 1], {place.name})
    assert place.report("audit")["ok"]


def test_entries_of_a_platform_that_we_do_not_serve_stay_theirs(place: Place, lost: str) -> None:
    with place.connector(lost) as theirs:
        later = {"start": NOW + timedelta(days=1), "end": NOW + timedelta(days=1, hours=1)}
        theirs.apply(HERS, [Create(entry("Rdv/1@demo", **later))])
    hear_again_and_work(place)
    assert box(place.report("adopt", "--from", lost))["ok"]
    assert names_borne(place) == {place.name, lost}
    assert hear_again_and_work(place)["CreateItem"] == 0
    assert troubles(place) == ()


# Take them out


def test_taking_them_out_is_counted_confirmed_and_ours_begin_at_once(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    before, record = place.shown(), place.dump()
    report = place.report("uninstall", "--installation", lost)
    assert (report["dry_run"], report["installation"], report["entries"]) == (True, lost, 14)
    assert (place.shown(), place.dump()) == (before, record)
    assert place.report("uninstall", "--installation", lost, "--yes")["entries"] == 14
    assert place.store.installation().uninstalled_at is None
    assert place.work()["CreateItem"] == 2
    assert ([len(items) for items in place.shown().values()], names_borne(place)) == ([7, 7], {place.name})


def test_our_own_entries_stay_when_anothers_are_taken_out(place: Place) -> None:
    place.tell(1)
    with place.connector(NOBODYS) as theirs:
        theirs.apply(HERS, [Create(entry("Rdv/9@demo"))])
    before = place.dump()
    assert place.report("uninstall", "--installation", NOBODYS, "--yes")["entries"] == 1
    assert [len(items) for items in place.shown().values()] == [1, 1]
    assert len([line for line in before if "placements" in line]) == len(
        [line for line in place.dump() if "placements" in line]
    )


def test_ourselves_are_not_taken_out_as_another(place: Place) -> None:
    place.tell(1)
    assert place.run("uninstall", "--installation", place.name, "--yes")[0] == 2
    assert place.run("uninstall", "--installation", NOBODYS, "--undo")[0] == 2
    assert [len(items) for items in place.shown().values()] == [1, 1]


def test_a_mailbox_that_cannot_be_emptied_stays_shut(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    place.exchange.access.impersonators["DEPT\\svc"] = frozenset({HIS})
    report = place.report("uninstall", "--installation", lost, "--yes")
    assert (report["ok"], box(report)["trouble"], box(report, HIS)["ok"]) == (False, "impersonation_denied", True)
    place.exchange.access.impersonators["DEPT\\svc"] = None
    place.work()
    assert [len(place.items(each)) for each in (HERS, HIS)] == [7, 7]
    assert names_borne(place) == {lost, place.name}


# Let them stand


def test_a_neighbour_stands_beside_us(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    place.configure(store={"url": f"sqlite:///{place.file}", "neighbours": [lost.upper()]})
    assert place.settings.store.neighbours == {lost}
    place.run("retry", "--code", OTHER_INSTALLATION)
    assert place.work()["CreateItem"] == 2
    assert [len(items) for items in place.shown().values()] == [14, 14]


# Two installations that are both told


def test_of_two_installations_the_second_one_writes_nowhere_twice(
    place: Place, migrated_sqlite: Path, tmp_path: Path
) -> None:
    """The one wrote into her mailbox first, the other into his."""
    place.tell(1, agents=(MARTINE,))
    first = place.store
    place.number += 1
    place.configure()
    place.open()
    second = place.store
    try:
        place.tell(2)
        place.tell(1, agents=(MARTINE,))
        assert ([len(place.items(each)) for each in (HERS, HIS)], len(names_borne(place))) == ([1, 1], 2)
        place.store = first
        place.number -= 1
        place.configure()
        place.tell(2)
        assert [len(place.items(each)) for each in (HERS, HIS)] == [2, 1]
        for store, shut in ((first, HIS), (second, HERS)):
            failing = [each.address for each in store.read(overview.mailbox_page, "", 9, failing=True)]
            assert failing == [shut]
    finally:
        second.close()


# What people see


def test_it_is_shown_wherever_people_look(place: Place, lost: str) -> None:
    hear_again_and_work(place)
    told, out, _ = place.run("status")
    assert (told, lost in out, "OK" in out.splitlines()) == (1, True, False)
    told, out, _ = place.run("failures", "--all")
    assert (told, out.count(lost) >= 3, HERS in out, OTHER_INSTALLATION in out) == (1, True, True, True)
    _, out, _ = place.run("failures", "--json")
    [group] = json.loads(out)["failures"]
    assert (group["installations"], group["count"]) == ([lost], 2)
    assert {each["installation"] for each in group["members"]} == {lost}


def test_people_read_how_it_went(place: Place, lost: str) -> None:
    status_, out, told = place.run("adopt", "--from", lost, "--dry-run")
    assert (status_, told) == (0, "")
    status_, out, _ = place.run("uninstall", "--installation", lost)
    assert (status_, lost in out) == (0, True)
    status_, out, _ = place.run("adopt", "--from", lost)
    assert status_ == 0
    assert "Consultation" not in out
