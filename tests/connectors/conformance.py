"""What every connector must do. A connector's test module subclasses `Conformance` and provides the fixture `bench`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.base import (
    CalendarEntry,
    Change,
    Connector,
    Create,
    Delete,
    Done,
    Failed,
    Found,
    NotFound,
    Other,
    Permanent,
    Sensitivity,
    ShowAs,
    TakeOver,
    Temporary,
    Update,
)

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 12, 7, 10, 30, tzinfo=PARIS)
WIDE = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))

ZONES = (
    "Europe/Paris",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Miquelon",
    "America/St_Barthelemy",
    "Indian/Reunion",
    "Indian/Mayotte",
    "Pacific/Noumea",
    "Pacific/Tahiti",
    "Pacific/Marquesas",
    "Pacific/Gambier",
    "Pacific/Wallis",
    "UTC",
)


@dataclass(frozen=True)
class Bench:
    """A connector with what a test needs around it."""

    connector: Connector
    stranger: Connector
    """The same calendars, another installation."""
    mailbox: str
    other_mailbox: str
    nobodys: str
    """What leads to no mailbox."""
    move_to_subfolder: Callable[[str], str]
    """Do as an agent does; return the id that the item has then, as far as that is told."""
    copy: Callable[[str], None]
    exact_zones: bool
    """Whether the name of a zone comes back as it was; else a zone of the same time does."""


def entry(uid: str = "Rdv/1@production", title: str = "Accompagnement social", **fields: object) -> CalendarEntry:
    plain = CalendarEntry(uid, title, START, START + timedelta(minutes=45), "Europe/Paris")
    return replace(plain, **fields)  # type: ignore[arg-type]


def full_entry(uid: str = "Rdv/full@production") -> CalendarEntry:
    return entry(
        uid,
        "RSA : orientation <b>&amp; « suivi » 👩‍👧 ; œuvre, \\n",
        location="MDS d'Arras, 12 rue <Léo> & Cie, 62000 Arras",
        notice="Ne modifiez pas ce rendez-vous ici : les changements se font dans RDV Service Public.",
        link='https://www.rdv-solidarites.fr/admin/organisations/1/rdvs/2?a=1&b="é"',
        show_as=ShowAs.OUT_OF_OFFICE,
        sensitivity=Sensitivity.CONFIDENTIAL,
        reminder_minutes=20,
        category="RDV Solidarités",
    )


def at(zone: str, *moment: int) -> CalendarEntry:
    start = datetime(*moment, tzinfo=ZoneInfo(zone))  # type: ignore[misc, arg-type]
    end = (start.astimezone(UTC) + timedelta(hours=1)).astimezone(start.tzinfo)
    return entry(f"Rdv/{zone}@production", start=start, end=end, time_zone=zone)


def create(bench: Bench, *entries: CalendarEntry, connector: Connector | None = None) -> list[str]:
    outcomes = (connector or bench.connector).apply(bench.mailbox, [Create(each) for each in entries])
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    return [outcome.item_id for outcome in outcomes if isinstance(outcome, Done)]


def listed(bench: Bench, connector: Connector | None = None) -> dict[str, CalendarEntry]:
    marked = list((connector or bench.connector).list_marked(bench.mailbox, *WIDE))
    assert len({each.item_id for each in marked}) == len(marked)
    return {each.item_id: each.entry for each in marked}


def others(bench: Bench, after: datetime) -> list[str]:
    """The uids of the stranger's items that end after a moment."""
    told = list(bench.connector.list_others(bench.mailbox, after))
    assert all(isinstance(each, Other) for each in told)
    assert len({each.installation for each in told}) <= 1
    return sorted(each.uid for each in told)


def check_shows(bench: Bench, read: CalendarEntry, written: CalendarEntry) -> None:
    # As moments: Python finds times of two zones unequal where one of them is ambiguous.
    moments = {"start": written.start, "end": written.end, "time_zone": written.time_zone}
    assert replace(read, **moments) == written
    assert (read.start.timestamp(), read.end.timestamp()) == (written.start.timestamp(), written.end.timestamp())
    assert (read.start.utcoffset(), read.end.utcoffset()) == (written.start.utcoffset(), written.end.utcoffset())
    assert str(read.start.tzinfo) == read.time_zone
    if bench.exact_zones:
        assert read.time_zone == written.time_zone


class Conformance:
    """The suite."""

    def test_a_created_entry_is_found_by_its_uid(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        assert bench.connector.find(bench.mailbox, [entry().uid]) == {entry().uid: [Found(item_id, entry().uid)]}

    def test_every_field_reads_back_as_it_was_written(self, bench: Bench) -> None:
        (item_id,) = create(bench, full_entry())
        check_shows(bench, listed(bench)[item_id], full_entry())

    def test_the_smallest_entry_reads_back_as_it_was_written(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry(sensitivity=Sensitivity.NORMAL))
        check_shows(bench, listed(bench)[item_id], entry(sensitivity=Sensitivity.NORMAL))

    @pytest.mark.parametrize("show_as", ShowAs)
    @pytest.mark.parametrize("sensitivity", Sensitivity)
    def test_every_way_of_showing_reads_back(self, bench: Bench, show_as: ShowAs, sensitivity: Sensitivity) -> None:
        written = entry(show_as=show_as, sensitivity=sensitivity)
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    def test_the_longest_title_and_uid_read_back_whole(self, bench: Bench) -> None:
        written = entry("Rdv/" + "u" * 251, "é" * 255)
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)
        assert bench.connector.find(bench.mailbox, [written.uid])[written.uid] == [Found(item_id, written.uid)]

    def test_a_reminder_at_the_start_is_not_no_reminder(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry(reminder_minutes=0))
        assert listed(bench)[item_id].reminder_minutes == 0

    @pytest.mark.parametrize("zone", ZONES)
    @pytest.mark.parametrize("month", [1, 7])
    def test_the_time_of_every_french_zone_reads_back(self, bench: Bench, zone: str, month: int) -> None:
        written = at(zone, 2026, month, 15, 9, 15)
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    @pytest.mark.parametrize(
        "moment", [(2026, 3, 29, 1, 30), (2026, 3, 29, 3, 0), (2026, 10, 25, 1, 30), (2026, 10, 25, 3, 0)]
    )
    def test_the_days_when_clocks_change_read_back(self, bench: Bench, moment: tuple[int, ...]) -> None:
        written = at("Europe/Paris", *moment)
        (item_id,) = create(bench, written)
        check_shows(bench, listed(bench)[item_id], written)

    def test_an_update_changes_everything_the_entry_says(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        written = replace(full_entry(entry().uid), start=START + timedelta(days=70), end=START + timedelta(days=71))
        (outcome,) = bench.connector.apply(bench.mailbox, [Update(item_id, written)])
        assert isinstance(outcome, Done)
        check_shows(bench, listed(bench)[outcome.item_id], written)

    def test_an_update_removes_what_the_entry_no_longer_says(self, bench: Bench) -> None:
        (item_id,) = create(bench, full_entry())
        (outcome,) = bench.connector.apply(bench.mailbox, [Update(item_id, entry(full_entry().uid))])
        assert isinstance(outcome, Done)
        (read,) = listed(bench).values()
        check_shows(bench, read, entry(full_entry().uid))

    def test_an_updated_entry_keeps_an_id_that_works(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        for title in ("un", "deux", "trois"):
            (outcome,) = bench.connector.apply(bench.mailbox, [Update(item_id, entry(title=title))])
            assert isinstance(outcome, Done)
            item_id = outcome.item_id
        assert [read.title for read in listed(bench).values()] == ["trois"]

    def test_a_deleted_entry_is_neither_found_nor_listed(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        assert bench.connector.apply(bench.mailbox, [Delete(item_id)]) == [Done(item_id)]
        assert bench.connector.find(bench.mailbox, [entry().uid]) == {entry().uid: []}
        assert listed(bench) == {}

    def test_an_id_that_leads_nowhere_is_not_found(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        bench.connector.apply(bench.mailbox, [Delete(item_id)])
        changes: list[Change] = [Update(item_id, entry()), Delete(item_id), Delete("nonsense"), Update("", entry())]
        assert bench.connector.apply(bench.mailbox, changes) == [NotFound()] * 4
        assert listed(bench) == {}

    def test_outcomes_come_in_the_order_of_the_changes(self, bench: Bench) -> None:
        first, second, third = create(bench, entry("a"), entry("b"), entry("c"))
        changes: list[Change] = [
            Delete(first),
            Create(entry("d")),
            Update(second, entry("b", "neu")),
            Delete("nonsense"),
            Create(entry("e")),
            Delete(third),
        ]
        outcomes = bench.connector.apply(bench.mailbox, changes)
        assert [type(outcome) for outcome in outcomes] == [Done, Done, Done, NotFound, Done, Done]
        assert (outcomes[0], outcomes[5]) == (Done(first), Done(third))
        found = bench.connector.find(bench.mailbox, ["a", "b", "c", "d", "e"])
        assert [[each.item_id for each in found[uid]] for uid in "de"] == [
            [outcomes[1].item_id],  # type: ignore[union-attr]
            [outcomes[4].item_id],  # type: ignore[union-attr]
        ]
        assert [len(found[uid]) for uid in "abc"] == [0, 1, 0]

    def test_a_hundred_changes_have_a_hundred_outcomes(self, bench: Bench) -> None:
        uids = [f"Rdv/{number}@production" for number in range(100)]
        item_ids = create(bench, *(entry(uid) for uid in uids))
        found = bench.connector.find(bench.mailbox, uids)
        assert [[each.item_id for each in found[uid]] for uid in uids] == [[item_id] for item_id in item_ids]
        assert len(listed(bench)) == 100

    def test_nothing_to_do_is_nothing_done(self, bench: Bench) -> None:
        assert bench.connector.apply(bench.mailbox, []) == []
        assert bench.connector.find(bench.mailbox, []) == {}
        assert listed(bench) == {}

    def test_an_entry_that_no_calendar_takes_costs_its_neighbours_nothing(self, bench: Bench) -> None:
        bad = entry("b", time_zone="Mars/Olympus")
        first, refused, third = bench.connector.apply(
            bench.mailbox, [Create(entry("a")), Create(bad), Create(entry("c"))]
        )
        assert isinstance(first, Done)
        assert isinstance(third, Done)
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, Permanent)
        assert (refused.error.code, refused.error.scope) == ("unsupported_time_zone", "item")
        assert set(listed(bench)) == {first.item_id, third.item_id}

    def test_creating_twice_makes_two_items_and_both_are_found(self, bench: Bench) -> None:
        """As Exchange does: whoever calls must know what it has created."""
        both = create(bench, entry(), entry())
        found = bench.connector.find(bench.mailbox, [entry().uid, "Rdv/absent@production", entry().uid])
        assert sorted(found) == ["Rdv/1@production", "Rdv/absent@production"]
        assert {each.item_id for each in found[entry().uid]} == set(both)
        assert len(found[entry().uid]) == 2
        assert found["Rdv/absent@production"] == []

    def test_uids_that_differ_by_case_alone_are_two(self, bench: Bench) -> None:
        lower, upper = create(bench, entry("rdv/a"), entry("RDV/A"))
        found = bench.connector.find(bench.mailbox, ["rdv/a", "RDV/A", "Rdv/a"])
        assert found == {"rdv/a": [Found(lower, "rdv/a")], "RDV/A": [Found(upper, "RDV/A")], "Rdv/a": []}

    def test_a_copy_made_by_the_agent_is_found_beside_the_entry(self, bench: Bench) -> None:
        (item_id,) = create(bench, entry())
        bench.copy(item_id)
        found = bench.connector.find(bench.mailbox, [entry().uid])[entry().uid]
        assert item_id in {each.item_id for each in found}
        assert len(found) == len(listed(bench)) == 2

    def test_mailboxes_are_apart(self, bench: Bench) -> None:
        create(bench, entry())
        assert bench.connector.find(bench.other_mailbox, [entry().uid]) == {entry().uid: []}
        assert list(bench.connector.list_marked(bench.other_mailbox, *WIDE)) == []

    def test_another_installations_items_are_invisible(self, bench: Bench) -> None:
        create(bench, entry(), connector=bench.stranger)
        (own,) = create(bench, entry())
        assert bench.connector.find(bench.mailbox, [entry().uid]) == {entry().uid: [Found(own, entry().uid)]}
        assert list(listed(bench)) == [own]
        assert len(listed(bench, bench.stranger)) == 1

    def test_another_installations_items_are_told_while_they_are_to_come(self, bench: Bench) -> None:
        """Ours are none of them, nor is what has ended."""
        later = entry("Rdv/2@production", start=START + timedelta(days=1), end=START + timedelta(days=1, minutes=45))
        create(bench, entry(), later, connector=bench.stranger)
        create(bench, entry("Rdv/3@production"))
        end = START + timedelta(minutes=45)
        assert others(bench, START) == others(bench, end - timedelta(minutes=1)) == [entry().uid, later.uid]
        assert others(bench, end) == [later.uid]
        assert others(bench, end + timedelta(days=1)) == []
        assert list(bench.connector.list_others(bench.other_mailbox, START)) == []

    def test_another_installations_items_are_told_wherever_they_lie(self, bench: Bench) -> None:
        stays, goes = create(bench, entry("a"), entry("b"), connector=bench.stranger)
        bench.move_to_subfolder(goes)
        bench.copy(stays)
        assert others(bench, START) == ["a", "a", "b"]

    def test_an_item_that_is_taken_over_shows_what_it_did_and_is_ours(self, bench: Bench) -> None:
        theirs, also_theirs = create(bench, full_entry("a"), entry("b"), connector=bench.stranger)
        gone, taken = bench.connector.apply(bench.mailbox, [TakeOver("nonsense"), TakeOver(theirs)])
        assert isinstance(gone, NotFound | Failed)
        assert isinstance(taken, Done)
        check_shows(bench, listed(bench)[taken.item_id], full_entry("a"))
        assert list(listed(bench)) == [taken.item_id]
        assert list(listed(bench, bench.stranger)) == [also_theirs]
        assert others(bench, START) == ["b"]
        (again,) = bench.connector.apply(bench.mailbox, [TakeOver(taken.item_id)])
        assert isinstance(again, Done)

    def test_a_moved_entry_is_found_in_the_subfolder_and_can_be_changed_there(self, bench: Bench) -> None:
        stays, goes = create(bench, entry("a"), entry("b"))
        bench.move_to_subfolder(goes)
        assert bench.connector.apply(bench.mailbox, [Update(goes, entry("b", "neu"))]) == [NotFound()]
        found = bench.connector.find(bench.mailbox, ["a", "b", "c"])
        assert (found["a"], found["c"]) == ([Found(stays, "a")], [])
        (moved,) = found["b"]
        (outcome,) = bench.connector.apply(bench.mailbox, [Update(moved.item_id, entry("b", "neu"))])
        assert isinstance(outcome, Done)
        assert {read.uid: read.title for read in listed(bench).values()} == {"a": entry().title, "b": "neu"}
        assert bench.connector.apply(bench.mailbox, [Delete(outcome.item_id)]) == [Done(outcome.item_id)]
        assert list(listed(bench)) == [stays]

    def test_the_window_holds_what_overlaps_it(self, bench: Bench) -> None:
        create(bench, entry())
        end = START + timedelta(minutes=45)

        def count(start: datetime, stop: datetime) -> int:
            return len(list(bench.connector.list_marked(bench.mailbox, start, stop)))

        minute = timedelta(minutes=1)
        assert count(START, end) == count(START + minute, end - minute) == count(end - minute, end + minute) == 1
        assert count(START - minute, START + minute) == 1
        assert count(START - minute, START) == count(end, end + minute) == 0

    def test_a_probe_reaches_the_mailbox_and_changes_nothing(self, bench: Bench) -> None:
        assert bench.connector.probe(bench.mailbox).address == bench.mailbox
        assert listed(bench) == {}

    def test_a_mailbox_is_identified_by_its_address_in_lower_case(self, bench: Bench) -> None:
        assert bench.connector.identify(bench.mailbox) == bench.mailbox
        assert bench.connector.identify(bench.mailbox.upper()) == bench.mailbox
        assert bench.connector.identify(bench.other_mailbox) == bench.other_mailbox
        assert listed(bench) == {}

    def test_an_address_that_leads_nowhere_is_no_mailbox(self, bench: Bench) -> None:
        with pytest.raises(Temporary, match="mailbox_not_found") as caught:
            bench.connector.identify(bench.nobodys)
        assert (caught.value.code, caught.value.scope) == ("mailbox_not_found", "mailbox")


@dataclass(frozen=True)
class Names:
    """A mailbox that has more than one address, and a way to give it another."""

    alias: str
    rename: Callable[[str, str], None]


class AliasConformance:
    """What every connector must do whose mailboxes have several addresses. It needs the fixture `names`, too."""

    def test_an_alias_identifies_as_the_primary_address(self, bench: Bench, names: Names) -> None:
        assert bench.connector.identify(names.alias) == bench.mailbox
        assert bench.connector.probe(names.alias).address == bench.mailbox

    def test_after_a_change_of_address_every_old_one_identifies_as_the_new(self, bench: Bench, names: Names) -> None:
        """An agent marries: what was written before must be found under the new name, and not be written again."""
        (item_id,) = create(bench, entry())
        new = "agent.nouveau@departement.example"
        names.rename(bench.mailbox, new)
        assert [bench.connector.identify(each) for each in (bench.mailbox, names.alias, new)] == [new] * 3
        for address in (bench.mailbox, new):
            assert bench.connector.find(address, [entry().uid]) == {entry().uid: [Found(item_id, entry().uid)]}
        assert bench.connector.apply(new, [Delete(item_id)]) == [Done(item_id)]

    def test_what_was_once_told_is_asked_again(self, bench: Bench, names: Names) -> None:
        """Addresses change, and are given to others."""
        assert bench.connector.identify(bench.mailbox) == bench.mailbox
        names.rename(bench.mailbox, "Agent.Nouveau@departement.example")
        assert bench.connector.identify(bench.mailbox) == "agent.nouveau@departement.example"
