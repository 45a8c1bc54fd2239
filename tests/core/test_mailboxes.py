"""Whose calendar an agent's appointments go to."""

import pytest

from receiver.core.mailboxes import Mailbox, MailboxMap, Unplaced

MAPPING = MailboxMap(
    default_calendar="exchange",
    addresses={"martine@mds.example": Mailbox("other", "m.durand@departement.example")},
    domains={"departement.example": "departement.example", "mds.example": "cd62.example"},
    ignore=("robot*@*", "accueil?@departement.example", "*@ignored.example"),
)
PILOT = MailboxMap(
    default_calendar="exchange",
    domains={"departement.example": "departement.example"},
    ignore=("chef@departement.example",),
    only=(
        "*@pilote.departement.example",
        "martine@departement.example",
        "chef@departement.example",
        "*@unknown.example",
    ),
)


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (None, Unplaced.NO_EMAIL),
        ("", Unplaced.NO_EMAIL),
        ("   ", Unplaced.NO_EMAIL),
        ("agent_31@deleted.rdv-solidarites.fr", Unplaced.DEPARTED),
        ("AGENT_31@DELETED.rdv-solidarites.fr", Unplaced.DEPARTED),
        ("robot7@departement.example", Unplaced.IGNORED),
        ("accueil1@departement.example", Unplaced.IGNORED),
        ("anybody@ignored.example", Unplaced.IGNORED),
        ("accueil12@departement.example", Mailbox("exchange", "accueil12@departement.example")),
        ("martine@mds.example", Mailbox("other", "m.durand@departement.example")),
        ("karim@mds.example", Mailbox("exchange", "karim@cd62.example")),
        (" Karim.Agent@Departement.Example ", Mailbox("exchange", "karim.agent@departement.example")),
        ('"odd@part"@departement.example', Mailbox("exchange", '"odd@part"@departement.example')),
        ("karim@elsewhere.example", Unplaced.UNMAPPED),
        ("karim@sub.departement.example", Unplaced.UNMAPPED),
        ("karim@departement.example.evil.example", Unplaced.UNMAPPED),
        ("karim", Unplaced.UNMAPPED),
        ("@departement.example", Unplaced.UNMAPPED),
        ("karim@", Unplaced.UNMAPPED),
        ("departement.example", Unplaced.UNMAPPED),
    ],
)
def test_an_agent_is_located_by_what_was_configured_and_by_nothing_else(
    email: str | None, expected: Mailbox | Unplaced
) -> None:
    assert MAPPING.locate(email) == expected


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("martine@departement.example", Mailbox("exchange", "martine@departement.example")),
        ("karim@departement.example", Unplaced.IGNORED),
        ("chef@departement.example", Unplaced.IGNORED),
        ("x@pilote.departement.example", Unplaced.UNMAPPED),
        ("y@unknown.example", Unplaced.UNMAPPED),
    ],
)
def test_a_pilot_holds_back_everybody_else(email: str, expected: Mailbox | Unplaced) -> None:
    """`ignore` still counts, and being in the pilot maps nobody by itself."""
    assert PILOT.locate(email) == expected


def test_without_any_mapping_nobody_is_located() -> None:
    assert MailboxMap("exchange").locate("karim@departement.example") is Unplaced.UNMAPPED


def test_a_departed_agent_stays_departed_whatever_is_mapped() -> None:
    address = "agent_31@deleted.rdv-solidarites.fr"
    mapping = MailboxMap(
        "exchange",
        addresses={address: Mailbox("exchange", "m@departement.example")},
        domains={"deleted.rdv-solidarites.fr": "departement.example"},
    )
    assert mapping.locate(address) is Unplaced.DEPARTED
