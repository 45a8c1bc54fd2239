"""Agents who get another e-mail, leave the platform, lose their places, or delete what we wrote."""

from dataclasses import replace
from datetime import timedelta

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef, EventKind
from receiver.core.policies import OnAgentDeletion, OnAgentDeparture
from tests.lab.worker_harness import HERS, HIS, Bench
from tests.makers import KARIM, MARTINE, NOW, a_plage, a_role, an_absence, an_agent, wall
from tests.worker.steps import dump, hear, posts, slot

ONLY_HERS = (MARTINE,)
NOW_HIS = replace(MARTINE, email=HIS)
"""The agent, whose e-mail is from now on that of the other mailbox."""
LEFT = replace(MARTINE, email="agent_31@deleted.rdv-solidarites.fr")
PAST = {"starts_at": NOW - timedelta(days=2), "ends_at": NOW - timedelta(days=2)}
OVER = an_absence(first_start=wall("2026-11-16 08:00"), first_end=wall("2026-11-20 18:00"))
CREATED, DESTROYED = EventKind.CREATED, EventKind.DESTROYED


def a_full_calendar(bench: Bench) -> None:
    """A past and a coming RDV, a past and a coming absence, a coming plage."""
    bench.policies(plages_ouverture=True)
    bench.tell(300, agents=ONLY_HERS, wire_id=1, uuid=None, motif="Passé", **PAST)
    bench.tell(300, agents=ONLY_HERS, wire_id=2, uuid=None, motif="À venir")
    slot(bench, OVER, 300, wire_id=70)
    slot(bench, an_absence(), 300, wire_id=88)
    slot(bench, a_plage(motifs=()), 300, wire_id=568)
    bench.work()


EVERYTHING = ["Absence", "Absence", "Passé", "Plage d'ouverture", "À venir"]
HISTORY = ["Absence", "Passé"]


# Places in organisations


def test_the_last_place_lost_removes_coming_absences_and_plages_and_nothing_else(bench_on_each: Bench) -> None:
    bench = bench_on_each
    a_full_calendar(bench)
    assert bench.subjects() == EVERYTHING
    hear(bench, a_role(77, DESTROYED, 60))
    assert bench.work() == 1, "both removals in one call"
    assert bench.subjects() == ["Absence", "Passé", "À venir"]
    assert [item.start.month for item in bench.items() if item.subject == "Absence"] == [11]


def test_one_place_of_two_removes_nothing(bench: Bench) -> None:
    a_full_calendar(bench)
    hear(bench, a_role(77, CREATED, 200))
    hear(bench, a_role(78, CREATED, 200))
    hear(bench, a_role(77, DESTROYED, 60))
    assert bench.work() == 0
    assert bench.subjects() == EVERYTHING


def test_an_absence_said_again_after_the_agent_came_back_is_written_again(bench: Bench) -> None:
    a_full_calendar(bench)
    hear(bench, a_role(77, DESTROYED, 60))
    bench.work()
    slot(bench, an_absence(), 30)
    assert bench.work() == 1
    assert bench.subjects().count("Absence") == 2


# E-mails


def test_a_new_email_moves_what_is_to_come_and_writes_the_new_before_it_removes_the_old(bench_on_each: Bench) -> None:
    """A move is never seen as a gap."""
    bench = bench_on_each
    a_full_calendar(bench)
    since = len(bench.exchange.requests)
    hear(bench, an_agent(NOW_HIS, 60))
    bench.work()
    assert posts(bench, since) == [("CreateItem", HIS), ("DeleteItem", HERS)]
    assert bench.subjects(HERS) == HISTORY
    assert bench.subjects(HIS) == ["Absence", "Plage d'ouverture", "À venir"]


def test_an_older_email_that_arrives_later_moves_nothing(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    hear(bench, an_agent(NOW_HIS, 120))
    assert bench.work() == 0


def test_a_removal_does_not_wait_for_a_creation_that_fails(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", mailbox=HIS, times=None)
    hear(bench, an_agent(NOW_HIS, 60))
    bench.work()
    assert (bench.items(HERS), bench.items(HIS)) == ([], [])
    bench.exchange.faults.clear()
    bench.work_until_quiet()
    assert bench.subjects(HIS) == ["Consultation PMI"]


def test_a_removal_does_not_wait_for_a_mailbox_that_is_left_alone(bench: Bench) -> None:
    """One broken mailbox delays nobody else."""
    bench.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    bench.work()
    bench.inject(FaultKind.ERROR, code="ErrorNonExistentMailbox", mailbox=HIS, times=None)
    bench.tell(90, agents=(KARIM,), wire_id=2, uuid=None)
    bench.work()
    bench.tell(60, agents=(KARIM,), wire_id=1, uuid=None)
    assert bench.work() == 1
    assert bench.items(HERS) == []
    bench.exchange.faults.clear()
    bench.work_until_quiet()
    assert len(bench.items(HIS)) == 2


def test_a_removal_does_not_wait_for_a_creation_whose_answer_is_lost(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.inject(FaultKind.DROP_AFTER, verb="CreateItem", mailbox=HIS)
    hear(bench, an_agent(NOW_HIS, 60))
    bench.work_until_quiet()
    assert (bench.items(HERS), bench.subjects(HIS)) == ([], ["Consultation PMI"])


# Departures


def test_the_entries_of_an_agent_who_left_stay_right(bench: Bench) -> None:
    a_full_calendar(bench)
    hear(bench, an_agent(LEFT, 60))
    assert bench.work() == 0
    bench.tell(30, agents=(LEFT,), wire_id=2, uuid=None, motif="Changé")
    assert bench.work() == 1
    assert "Changé" in bench.subjects()


def test_the_coming_entries_of_an_agent_who_left_go_where_the_policy_says_so(bench_on_each: Bench) -> None:
    bench = bench_on_each
    a_full_calendar(bench)
    bench.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    hear(bench, an_agent(LEFT, 60))
    assert bench.work() == 1
    assert bench.subjects() == HISTORY


def test_a_departure_shows_in_the_next_payload_that_lists_the_agent(bench: Bench) -> None:
    """There is no webhook for it."""
    a_full_calendar(bench)
    bench.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    bench.tell(60, agents=(LEFT, KARIM), wire_id=9, uuid=None)
    bench.work()
    assert (bench.subjects(HERS), bench.subjects(HIS)) == (HISTORY, ["Consultation PMI"])


def test_a_destroyed_agent_has_left(bench: Bench) -> None:
    bench.policies(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    bench.tell(90, agents=(MARTINE, KARIM))
    bench.work()
    hear(bench, an_agent(AgentRef(MARTINE.ident, "agent_31@deleted.invalid"), 60, DESTROYED))
    bench.work()
    assert (bench.items(HERS), bench.subjects(HIS)) == ([], ["Consultation PMI"])


# Deletions by agents


def test_an_entry_that_its_agent_deleted_stays_away_where_that_is_respected(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    bench.tell(90, agents=(MARTINE, KARIM))
    bench.work()
    bench.exchange.delete_item(bench.items(HERS)[0].item_id)
    for age_s, motif in ((60, "B"), (30, "C")):
        bench.tell(age_s, agents=(MARTINE, KARIM), motif=motif)
        bench.work_until_quiet()
        assert (bench.items(HERS), bench.subjects(HIS)) == ([], [motif])
    bench.tell(0, kind=DESTROYED)
    bench.work_until_quiet()
    assert dump(bench)["placements"] == []


def test_an_entry_that_its_agent_only_moved_is_still_kept_right(bench: Bench) -> None:
    bench.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.exchange.make_folder(HERS, "Archives")
    bench.exchange.move_item(bench.items()[0].item_id, "Archives")
    bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
    bench.work_until_quiet()
    assert [item.subject for item in bench.items(folder="Archives")] == ["Nouveau"]


def test_a_late_delete_of_ours_is_not_taken_for_the_agents(bench: Bench) -> None:
    bench.policies(on_agent_deletion=OnAgentDeletion.RESPECT)
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.inject(FaultKind.LATE_COMMIT, verb="DeleteItem", delay_s=1.5)
    bench.tell(60, agents=ONLY_HERS, cancelled=True)
    bench.work()
    bench.tell(30, agents=ONLY_HERS)
    bench.pass_time(bench.timings.settle)
    bench.work()
    bench.exchange.settle()
    assert bench.items() == []
    bench.work_until_quiet()
    assert bench.subjects() == ["Consultation PMI"]
