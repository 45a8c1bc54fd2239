"""The folder of .ics files."""

import errno
import os
import shutil
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from icalendar import Calendar

from connectors.base import (
    Create,
    Delete,
    Done,
    Failed,
    Frequency,
    NotFound,
    Recurrence,
    Scope,
    ShowAs,
    Temporary,
    Unconfirmed,
    Update,
    Weekday,
)
from connectors.ics_folder import DELETED, IcsFolderConnector, folder_name
from tests.connectors.conformance import WIDE, Bench, Conformance, create, entry, full_entry
from tests.connectors.series_conformance import SeriesConformance, series

MAILBOX = "agent.un@departement.example"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    own = tmp_path / folder_name(MAILBOX)

    def move(item_id: str) -> str:
        (own / "Archives" / "2026").mkdir(parents=True)
        (own / item_id).rename(own / "Archives" / "2026" / item_id)
        return f"Archives/2026/{item_id}"

    return Bench(
        connector=IcsFolderConnector(tmp_path, "installation-1"),
        stranger=IcsFolderConnector(tmp_path, "installation-2"),
        mailbox=MAILBOX,
        other_mailbox="agent.deux@departement.example",
        nobodys="nobody",
        move_to_subfolder=move,
        copy=lambda item_id: shutil.copy(own / item_id, own / "copie.ics"),  # type: ignore[arg-type, return-value]
        exact_zones=True,
    )


class TestIcsFolder(Conformance):
    """The port's suite on files."""


class TestIcsFolderSeries(SeriesConformance):
    """The port's suite of series on files."""


def own_files(tmp_path: Path) -> list[str]:
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())


def test_a_file_is_a_calendar_that_others_can_read(bench: Bench, tmp_path: Path) -> None:
    (item_id,) = create(bench, full_entry())
    calendar = Calendar.from_ical((tmp_path / MAILBOX / item_id).read_bytes())
    (event,) = calendar.events
    assert (event["uid"], event["status"], event["transp"]) == (full_entry().uid, "CONFIRMED", "OPAQUE")
    assert (event["class"], event["X-MICROSOFT-CDO-BUSYSTATUS"]) == ("CONFIDENTIAL", "OOF")
    assert (event["X-RDV-UID"], event["X-RDV-INSTALLATION"]) == (full_entry().uid, "installation-1")
    assert [zone["tzid"] for zone in calendar.timezones] == ["Europe/Paris"]
    assert event["summary"] == full_entry().title


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Recurrence(Frequency.DAILY, count=3), "FREQ=DAILY;COUNT=3;INTERVAL=1;WKST=MO"),
        (
            # To the end of the day in Paris, which is in summer then.
            Recurrence(Frequency.WEEKLY, 2, (Weekday.MONDAY, Weekday.SUNDAY), last_day=date(2027, 7, 5)),
            "FREQ=WEEKLY;UNTIL=20270705T215959Z;INTERVAL=2;BYDAY=MO,SU;WKST=MO",
        ),
        (Recurrence(Frequency.MONTHLY_BY_DATE), "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=7;WKST=MO"),
        (
            Recurrence(Frequency.MONTHLY_BY_WEEKDAY, 1, (Weekday.MONDAY,), 1),
            "FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO;WKST=MO",
        ),
    ],
)
def test_a_series_is_one_event_with_a_rule_that_others_can_read(
    bench: Bench, tmp_path: Path, rule: Recurrence, text: str
) -> None:
    (item_id,) = create(bench, series(rule))
    content = (tmp_path / MAILBOX / item_id).read_bytes()
    assert f"\r\nRRULE:{text}\r\n".encode() in content
    assert content.count(b"BEGIN:VEVENT") == 1


ONE_OF_OURS = b"RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO;WKST=MO"
WEEKLY = Recurrence(Frequency.WEEKLY, 1, (Weekday.MONDAY,))
OTHER = Recurrence(Frequency.OTHER)


@pytest.mark.parametrize(
    ("rewritten", "told"),
    [
        (b"RRULE:FREQ=WEEKLY;BYDAY=MO", WEEKLY),
        (b"RRULE:BYDAY=MO;FREQ=WEEKLY;UNTIL=20270705T083000Z", replace(WEEKLY, last_day=date(2027, 7, 5))),
        (b"RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270705T082959Z", replace(WEEKLY, last_day=date(2027, 7, 4))),
        (b"RRULE:FREQ=WEEKLY", OTHER),
        (b"RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270705", OTHER),
        (b"RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=SU", OTHER),
        (b"RRULE:FREQ=YEARLY", OTHER),
        (b"RRULE:FREQ=MONTHLY;BYMONTHDAY=7,14", OTHER),
        (b"RRULE:FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1", OTHER),
        (b"RRULE:FREQ=DAILY;COUNT=2\r\nRRULE:FREQ=DAILY;COUNT=3", OTHER),
    ],
)
def test_a_rule_that_somebody_rewrote_is_told_exactly_or_not_at_all(
    bench: Bench, tmp_path: Path, rewritten: bytes, told: Recurrence
) -> None:
    """Unreadable, it would keep the whole mailbox from being read."""
    (item_id,) = create(bench, series(WEEKLY))
    path = tmp_path / MAILBOX / item_id
    content = path.read_bytes()
    assert ONE_OF_OURS in content
    path.write_bytes(content.replace(ONE_OF_OURS, rewritten))
    assert [marked.entry.recurrence for marked in bench.connector.list_marked(MAILBOX, *WIDE)] == [told]


def test_a_change_that_may_not_outlast_a_power_cut_is_in_doubt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the disk is everybody's."""
    fsync = os.fsync

    def fail_for_folders(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    assert bench.connector.apply(MAILBOX, [Create(entry())]) == [Unconfirmed("storage_failed", Scope.SERVER)]


def test_a_free_entry_does_not_block_time(bench: Bench, tmp_path: Path) -> None:
    (item_id,) = create(bench, entry(show_as=ShowAs.FREE))
    assert b"TRANSP:TRANSPARENT" in (tmp_path / MAILBOX / item_id).read_bytes()


def test_a_deleted_entry_can_still_be_seen(bench: Bench, tmp_path: Path) -> None:
    (item_id,) = create(bench, entry())
    bench.connector.apply(MAILBOX, [Delete(item_id)])
    (name,) = own_files(tmp_path)
    assert name.startswith(f"{MAILBOX}/{DELETED}/")


def test_nothing_but_the_items_is_left_behind(bench: Bench, tmp_path: Path) -> None:
    """Files half written must not be taken for entries."""
    (item_id,) = create(bench, entry())
    bench.connector.apply(MAILBOX, [Update(item_id, full_entry())])
    assert own_files(tmp_path) == [f"{MAILBOX}/{item_id}"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("Agent.Un@Departement.example", "agent.un@departement.example"),
        ("../../etc/passwd@x", "%2E.%2F..%2Fetc%2Fpasswd@x"),
        (".hidden@x", "%2Ehidden@x"),
        ("a\0b\\c@x", "a%00b%5Cc@x"),
        ("é@x", "%C3%A9@x"),
    ],
)
def test_an_address_names_one_folder_and_no_path(address: str, name: str) -> None:
    assert folder_name(address) == name


def test_the_longest_addresses_have_folders_of_their_own() -> None:
    names = {folder_name("é" * 300 + end + "@departement.example") for end in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) < 255 for name in names)


@pytest.mark.parametrize("mailbox", ["", "nobody", ".."])
def test_what_is_no_address_is_no_mailbox(bench: Bench, mailbox: str) -> None:
    (outcome,) = bench.connector.apply(mailbox, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.error.scope) == ("mailbox_not_found", Scope.MAILBOX)
    with pytest.raises(Temporary, match="mailbox_not_found"):
        bench.connector.probe(mailbox)
    with pytest.raises(Temporary, match="mailbox_not_found"):
        bench.connector.identify(mailbox)


@pytest.mark.parametrize(
    "item_id", ["../agent.deux@departement.example/x.ics", "/etc/x.ics", "./x.ics", "a/../x.ics", "x.ics\n", "a\0.ics"]
)
def test_an_item_id_leads_nowhere_else(bench: Bench, tmp_path: Path, item_id: str) -> None:
    create(bench, entry())
    (elsewhere,) = [
        outcome.item_id
        for outcome in bench.connector.apply(bench.other_mailbox, [Create(entry())])
        if isinstance(outcome, Done)
    ]
    target = tmp_path / bench.other_mailbox / "x.ics"
    (tmp_path / bench.other_mailbox / elsewhere).rename(target)
    before = target.read_bytes()
    assert bench.connector.apply(MAILBOX, [Update(item_id, entry()), Delete(item_id)]) == [NotFound(), NotFound()]
    assert target.read_bytes() == before


def test_another_installations_item_is_not_changed(bench: Bench) -> None:
    (item_id,) = create(bench, entry(), connector=bench.stranger)
    outcomes = bench.connector.apply(MAILBOX, [Update(item_id, entry(title="à nous ?")), Delete(item_id)])
    assert outcomes == [NotFound(), NotFound()]
    assert [each.entry for each in bench.stranger.list_marked(MAILBOX, *WIDE)] == [entry()]


def test_other_peoples_files_are_left_alone(bench: Bench, tmp_path: Path) -> None:
    (item_id,) = create(bench, entry())
    (tmp_path / MAILBOX / "privé.ics").write_text("BEGIN:VCALENDAR\nnonsense", "utf-8")
    assert [each.item_id for each in bench.connector.list_marked(MAILBOX, *WIDE)] == [item_id]
    assert bench.connector.apply(MAILBOX, [Delete("privé.ics")]) == [NotFound()]


@pytest.mark.parametrize("lost", [20, 200, 500])
def test_a_damaged_file_of_ours_is_unknown_and_not_absent(bench: Bench, tmp_path: Path, lost: int) -> None:
    """To call it absent would have it written a second time."""
    (item_id,) = create(bench, entry())
    path = tmp_path / MAILBOX / item_id
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(Temporary, match="item_unreadable"):
        bench.connector.find(MAILBOX, [entry().uid])


def test_the_configured_folder_is_never_made_by_itself(tmp_path: Path) -> None:
    """It may be a mount that has gone: files beneath the mount point would vanish when it comes back."""
    connector = IcsFolderConnector(tmp_path / "gone", "installation-1")
    (outcome,) = connector.apply(MAILBOX, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.error.scope) == ("folder_not_found", Scope.SERVER)
    with pytest.raises(Temporary, match="folder_not_found"):
        connector.probe(MAILBOX)
    assert not (tmp_path / "gone").exists()


def test_a_mailboxes_folder_that_is_a_file_is_told_as_such(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / MAILBOX).write_text("", "utf-8")
    (outcome,) = bench.connector.apply(MAILBOX, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Temporary)


def test_a_files_name_that_is_no_text_is_told_and_not_taken_for_an_absent_entry(tmp_path: Path) -> None:
    connector = IcsFolderConnector(tmp_path, "installation-1")
    [done] = connector.apply(MAILBOX, [Create(entry("uid"))])
    assert isinstance(done, Done)
    own = tmp_path / folder_name(MAILBOX)
    (own / done.item_id).rename(own / os.fsdecode(b"\xff.ics"))
    with pytest.raises(Temporary) as caught:
        connector.find(MAILBOX, ["uid"])
    assert (caught.value.code, caught.value.scope) == ("item_unreadable", Scope.MAILBOX)
