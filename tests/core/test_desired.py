"""In which mailboxes an event is wanted, and with what content."""

import pytest

from receiver.core.desired import AgentView, desired_digests, locate_agents
from receiver.core.mailboxes import Mailbox, MailboxMap

A, B, C = (Mailbox("exchange", f"{name}@departement.example") for name in "abc")
MAPPING = MailboxMap(
    "exchange",
    addresses={"a.bis@departement.example": A},
    domains={"departement.example": "departement.example"},
    ignore=("robot@*",),
)
SHOWN = "digest"
LEFT = "agent_9@deleted.rdv-solidarites.fr"


def agents(*emails: str | None) -> list[AgentView]:
    return [AgentView(email) for email in emails]


# Where its agents are


def test_agents_are_located_and_those_that_nothing_maps_are_counted() -> None:
    known = agents("a@departement.example", "b@departement.example")
    unknown = agents("x@elsewhere.example", "y@elsewhere.example")
    nobodys_business = agents(None, "", "robot@departement.example", LEFT)
    found = locate_agents(known + unknown + nobodys_business, MAPPING, {}, keep_departed=False)
    assert (found.mailboxes, found.unmapped) == ({A, B}, 2)


def test_agents_who_share_a_mailbox_have_one_entry_in_it() -> None:
    shared = agents("a@departement.example", "A.bis@departement.example")
    assert locate_agents(shared, MAPPING, {}, keep_departed=False).mailboxes == {A}


def test_no_agents_want_nothing() -> None:
    found = locate_agents([], MAPPING, {}, keep_departed=True)
    assert (found.mailboxes, found.unmapped) == (frozenset(), 0)


@pytest.mark.parametrize(
    ("former", "keep", "mailboxes", "unmapped"),
    [
        ("a@departement.example", True, {A}, 0),
        ("a@departement.example", False, set(), 0),
        (None, True, set(), 0),
        ("robot@departement.example", True, set(), 0),
        ("x@elsewhere.example", True, set(), 1),
    ],
)
def test_an_agent_who_left_is_found_where_the_last_email_leads_if_the_policy_keeps_entries(
    former: str | None, keep: bool, mailboxes: set[Mailbox], unmapped: int
) -> None:
    found = locate_agents([AgentView(LEFT, former)], MAPPING, {}, keep_departed=keep)
    assert (found.mailboxes, found.unmapped) == (mailboxes, unmapped)


def test_a_former_email_means_nothing_while_the_agent_is_here() -> None:
    moved = AgentView("b@departement.example", "a@departement.example")
    assert locate_agents([moved], MAPPING, {}, keep_departed=True).mailboxes == {B}


def test_addresses_that_the_server_says_are_one_mailbox_are_one() -> None:
    both = agents("a@departement.example", "b@departement.example")
    assert locate_agents(both, MAPPING, {B: A}, keep_departed=False).mailboxes == {A}
    assert locate_agents(both[1:], MAPPING, {B: A}, keep_departed=False).mailboxes == {A}
    assert locate_agents([AgentView(LEFT, "b@departement.example")], MAPPING, {B: A}, keep_departed=True).mailboxes == {
        A
    }


# What is wanted there


def test_a_new_event_is_wanted_where_its_agents_are() -> None:
    assert desired_digests(SHOWN, {A, B}, {}, may_create=True) == {A: SHOWN, B: SHOWN}


def test_an_agent_taken_off_loses_the_entry_and_one_added_gains_it() -> None:
    assert desired_digests(SHOWN, {B, C}, {A: True, B: True}, may_create=True) == {A: None, B: SHOWN, C: SHOWN}


def test_without_an_entry_nothing_is_placed_and_what_is_placed_goes() -> None:
    assert desired_digests(None, {A, B}, {A: True}, may_create=True) == {A: None}


def test_a_placement_that_holds_nothing_is_still_told_what_is_wanted() -> None:
    assert desired_digests(SHOWN, set(), {A: False}, may_create=True) == {A: None}
    assert desired_digests(SHOWN, {A}, {A: False}, may_create=True) == {A: SHOWN}


def test_what_may_not_be_created_is_kept_right_where_it_is_already() -> None:
    """An old event: not written for the first time, and never left wrong."""
    held = {A: True, B: False}
    assert desired_digests(SHOWN, {A, B, C}, held, may_create=False) == {A: SHOWN, B: None}
    assert desired_digests(SHOWN, {C}, held, may_create=False) == {A: None, B: None}
