"""Small promises of the ruleset that its larger tests take for granted."""

from datetime import timedelta

from receiver.core.desired import AgentView, EventView
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.ruleset import Ruleset, SourceRules, fingerprint
from tests.makers import MARTINE, NOW, a_plage, a_state, an_absence

HERS = Mailbox("exchange", str(MARTINE.email))
RULES = Ruleset(MailboxMap("exchange", domains={"departement.example": "departement.example"}), {"mds": SourceRules()})
STRANGER = AgentView("anne@elsewhere.example")


def test_an_entry_bears_the_events_own_uid() -> None:
    """It is what a look-up goes by, years later."""
    for state in (a_state(), an_absence()):
        entry = RULES.entry("Rdv/4330@production", "mds", state)
        assert entry is not None
        assert entry.uid == "Rdv/4330@production"


def test_agents_that_nothing_maps_are_counted_for_an_event_that_is_over_too() -> None:
    past = a_state(starts_at=NOW - timedelta(hours=2), ends_at=NOW - timedelta(hours=1))
    agents = (AgentView(MARTINE.email), STRANGER)
    event = EventView("uid", "mds", NOW, past, purged=False, agents=agents, held={HERS: True})
    found = RULES.compute_desired(event, NOW)
    assert found.unmapped == 1
    assert found.digests[HERS] is not None


def test_a_fingerprint_has_the_length_that_its_column_was_made_for() -> None:
    assert len(fingerprint(RULES)) == 32


def test_what_is_not_shown_by_default_has_no_entry() -> None:
    assert RULES.entry("uid", "mds", a_plage()) is None
    assert RULES.entry("uid", "mds", None) is None
