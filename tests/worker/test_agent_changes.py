"""Agents who get another e-mail, leave the platform, lose their places, or delete what we wrote."""

from dataclasses import replace
from datetime import timedelta

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef, EventKind
from receiver.core.policies import OnAgentDeletion, OnAgentDeparture
from tests.lab.worker_harness import HERS, HIS, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW, a_plage, a_role, an_absence, an_agent, wall
from tests.worker.steps import dump, hear, posts, slot

ONLY_HERS = (MARTINE,)
NOW_HIS = replace(MARTINE, email=HIS)
"""The agent, whose e-mail is from now on that of the other mailbox."""
LEFT = replace(MARTINE, email="agent_31@deleted.rdv-solidarites.fr")
PAST = {"starts_at": NOW - timedelta(days=2), "ends_at": NOW - timedelta(days=2)}
OVER = an_absence(first_start=wall("2026-11-16 08:00"), first_end=wall("2026-11-20 18:00"))
CREATED, DESTROYED = EventKind.CREATED, EventKind.DESTROYED


def a_full_calendar(harness: WorkerHarness) -> None:
    """A past and a coming RDV, a past and a coming absence, a coming plage."""
    harness.policies(plages_ouverture=True)
    harness.tell(300, agents=ONLY_HERS, wire_id=1, uuid=None, motif="Passé", **PAST)
    harness.tell(300, agents=ONLY_HERS, wire_id=2, uuid=None, motif="À venir")
    slot(harness, OVER, 300, wire_id=70)
    slot(harness, an_absence(), 300, wire_id=88)
    slot(harness, a_plage(motifs=()), 300, wire_id=568)
    harness.work()


EVERYTHING = ["Absence", "Absence", "Passé", "Plage d'ouverture", "À venir"]
HISTORY = ["Absence", "Passé"]


# Places in organisations


def test_the_last_place_lost_removes_coming_absences_and_plages_and_nothing_else(
    harness_on_each: WorkerHarness,
) -> None:
    harness = harness_on_each
    a_full_calendar(harness)
    assert harness.subjects() == EVERYTHING
    hear(harness, a_role(77, DESTROYED, 60))
    assert harness.work() == 1, "both removals in one call"
    assert harness.subjects() == ["Absence", "Passé", "À venir"]
    assert [item.start.month for item in harness.items() if item.subject == "Absence"] == [11]


def test_one_place_of_two_removes_nothing(harness: WorkerHarness) -> None:
    a_full_calendar(harness)
    hear(harness, a_role(77, CREATED, 200))
    hear(harness, a_role(78, CREATED, 200))
    hear(harness, a_role(77, DESTROYED, 60))
    assert harness.work() == 0
    assert harness.subjects() == EVERYTHING


def test_an_absence_said_again_after_the_agent_came_back_is_written_again(harness: WorkerHarness) -> None:
    a_full_calendar(harness)
    hear(harness, a_role(77, DESTROYED, 60))
    harness.work()
    slot(harness, an_absence(), 30)
    assert harness.work() == 1
    assert harness.subjects().count("Absence") == 2


# E-mails


def test_a_new_email_moves_what_is_to_come_and_writes_the_new_before_it_removes_the_old(
    harness_on_each: WorkerHarness,
) -> None:
    """A move is never seen as a gap."""
    harness = harness_on_each
    a_full_calendar(harness)
    since = len(harness.exchange.requests)
    hear(harness, an_agent(NOW_HIS, 60))
    harness.work()
    assert posts(harness, since) == [("CreateItem", HIS), ("DeleteItem", HERS)]
    assert harness.subjects(HERS) == HISTORY
    assert harness.subjects(HIS) == ["Absence", "Plage d'ouverture", "À venir"]


def test_an_older_email_that_arrives_later_moves_nothing(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    hear(harness, an_agent(NOW_HIS, 120))
    assert harness.work() == 0


def test_a_removal_does_not_wait_for_a_creation_that_fails(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", mailbox=HIS, times=None)
    hear(harness, an_agent(NOW_HIS, 60))
    harness.work()
    assert (harness.items(HERS), harness.items(HIS)) == ([], [])
    harness.exchange.faults.clear()
    harness.work_until_quiet()
    assert harness.subjects(HIS) == ["Consultation PMI"]


def test_a_removal_does_not_wait_for_a_mailbox_that_is_left_alone(harness: WorkerHarness) -> None:
    """One broken mailbox delays nobody else."""
    harness.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    harness.work()
    harness.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", mailbox=HIS, times=None)
    harness.tell(90, agents=(KARIM,), wire_id=2, uuid=None)
    harness.work()
    harness.tell(60, agents=(KARIM,), wire_id=1, uuid=None)
    assert harness.work() == 1
    assert harness.items(HERS) == []
    harness.exchange.faults.clear()
    harness.work_until_quiet()
    assert len(harness.items(HIS)) == 2


def test_a_removal_does_not_wait_for_a_creation_whose_answer_is_lost(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.inject(FaultKind.DROP_AFTER, verb="CreateItem", mailbox=HIS)
    hear(harness, an_agent(NOW_HIS, 60))
    harness.work_until_quiet()
    assert (harness.items(HERS), harness.subjects(HIS)) == ([], ["Consultation PMI"])


# Departures


def test_the_entries_of_an_agent_who_left_stay_right(harness: WorkerHarness) -> None:
    a_full_calendar(harness)
    hear(harness, an_agent(LEFT, 60))
    assert harness.work() == 0
    harness.tell(30, agents=(LEFT,), wire_id=2, uuid=None, motif="Changé")
    assert harness.work() == 1
    assert "Changé" in harness.subjects()


def test_the_coming_entries_of_an_agent_who_left_go_where_the_policy_says_so(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    a_full_calendar(harness)
    harness.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    hear(harness, an_agent(LEFT, 60))
    assert harness.work() == 1
    assert harness.subjects() == HISTORY


def test_a_departure_shows_in_the_next_payload_that_lists_the_agent(harness: WorkerHarness) -> None:
    """There is no webhook for it."""
    a_full_calendar(harness)
    harness.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    harness.tell(60, agents=(LEFT, KARIM), wire_id=9, uuid=None)
    harness.work()
    assert (harness.subjects(HERS), harness.subjects(HIS)) == (HISTORY, ["Consultation PMI"])


def test_a_destroyed_agent_has_left(harness: WorkerHarness) -> None:
    harness.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    harness.tell(90, agents=(MARTINE, KARIM))
    harness.work()
    hear(harness, an_agent(AgentRef(MARTINE.ident, "agent_31@deleted.invalid"), 60, DESTROYED))
    harness.work()
    assert (harness.items(HERS), harness.subjects(HIS)) == ([], ["Consultation PMI"])


# Deletions by agents


def test_an_entry_that_its_agent_deleted_stays_away_where_that_is_respected(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    harness.tell(90, agents=(MARTINE, KARIM))
    harness.work()
    harness.exchange.delete_item(harness.items(HERS)[0].item_id)
    for age_s, motif in ((60, "B"), (30, "C")):
        harness.tell(age_s, agents=(MARTINE, KARIM), motif=motif)
        harness.work_until_quiet()
        assert (harness.items(HERS), harness.subjects(HIS)) == ([], [motif])
    harness.tell(0, kind=DESTROYED)
    harness.work_until_quiet()
    assert dump(harness)["placements"] == []


def test_an_entry_that_its_agent_only_moved_is_still_kept_right(harness: WorkerHarness) -> None:
    harness.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.exchange.make_folder(HERS, "Archives")
    harness.exchange.move_item(harness.items()[0].item_id, "Archives")
    harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
    harness.work_until_quiet()
    assert [item.subject for item in harness.items(folder="Archives")] == ["Nouveau"]


def test_a_late_delete_of_ours_is_not_taken_for_the_agents(harness: WorkerHarness) -> None:
    harness.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.inject(FaultKind.LATE_COMMIT, verb="DeleteItem", delay_s=1.5)
    harness.tell(60, agents=ONLY_HERS, cancelled=True)
    harness.work()
    harness.tell(30, agents=ONLY_HERS)
    harness.pass_time(harness.timings.settle)
    harness.work()
    harness.exchange.settle()
    assert harness.items() == []
    harness.work_until_quiet()
    assert harness.subjects() == ["Consultation PMI"]
