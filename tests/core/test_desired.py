"""In which mailboxes an event is wanted, and with what content."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.base import CalendarEntry
from receiver.core.desired import targets, wanted
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.policies import Policies
from receiver.core.redaction import Setting, digest, render
from tests.makers import NOW, a_state

A, B, C = (Mailbox("exchange", f"{name}@departement.example") for name in "abc")
MAPPING = MailboxMap(
    "exchange",
    addresses={"a.bis@departement.example": A},
    domains={"departement.example": "departement.example"},
    ignore=("robot@*",),
)

STATE = a_state()
ENTRY: CalendarEntry | None = render("uid", STATE, Setting(ZoneInfo("Europe/Paris"), None, Policies()))
assert ENTRY is not None
SHOWN = digest(ENTRY)


def wishes(
    mailboxes: set[Mailbox],
    held: dict[Mailbox, bool],
    entry: CalendarEntry | None = ENTRY,
    past_days: int = 30,
    **state: object,
) -> dict[Mailbox, str | None]:
    return wanted(entry, a_state(**state), mailboxes, held, NOW, past_days)


def test_agents_are_located_and_those_that_nothing_maps_are_counted() -> None:
    emails = ["a@departement.example", "b@departement.example", "x@elsewhere.example", "y@elsewhere.example", None, "",
              "robot@departement.example", "agent_9@deleted.rdv-solidarites.fr"]  # fmt: skip
    found = targets(emails, MAPPING)
    assert found.mailboxes == {A, B}
    assert found.unmapped == 2, "an intervenant, an ignored and a departed one are nobody's business"


def test_agents_who_share_a_mailbox_have_one_entry_in_it() -> None:
    assert targets(["a@departement.example", "A.bis@departement.example"], MAPPING).mailboxes == {A}


def test_no_agents_want_nothing() -> None:
    found = targets([], MAPPING)
    assert (found.mailboxes, found.unmapped) == (frozenset(), 0)


def test_a_new_event_is_wanted_where_its_agents_are() -> None:
    assert wishes({A, B}, {}) == {A: SHOWN, B: SHOWN}


def test_an_agent_taken_off_loses_the_entry_and_one_added_gains_it() -> None:
    assert wishes({B, C}, {A: True, B: True}) == {A: None, B: SHOWN, C: SHOWN}


def test_without_an_entry_nothing_is_placed_and_what_is_placed_goes() -> None:
    assert wishes({A, B}, {A: True}, entry=None) == {A: None}


def test_a_placement_that_holds_nothing_is_still_told_what_is_wanted() -> None:
    assert wishes(set(), {A: False}) == {A: None}
    assert wishes({A}, {A: False}) == {A: SHOWN}


@pytest.mark.parametrize(
    ("age", "is_new_wanted"),
    [(timedelta(days=30), True), (timedelta(days=30, microseconds=1), False), (timedelta(days=-1), True)],
)
def test_an_old_event_is_not_written_for_the_first_time(age: timedelta, is_new_wanted: bool) -> None:
    """By its end; what is already in a calendar is kept right, however old."""
    old = {"starts_at": NOW - age - timedelta(hours=1), "ends_at": NOW - age}
    assert wishes({A, B, C}, {A: True, B: False}, **old) == (
        {A: SHOWN, B: SHOWN, C: SHOWN} if is_new_wanted else {A: SHOWN, B: None}
    )


def test_how_old_is_a_policy() -> None:
    ended = {"starts_at": NOW - timedelta(hours=2), "ends_at": NOW - timedelta(hours=1)}
    assert wishes({A}, {}, past_days=0, **ended) == {}
    assert wishes({A}, {}, past_days=1, **ended) == {A: SHOWN}
