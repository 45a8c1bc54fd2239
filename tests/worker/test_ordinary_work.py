"""What a worker does when nothing goes wrong, and how many POSTs that takes."""

from datetime import timedelta

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef, EventKind, LocationType
from receiver.core.policies import OnCancel, OnRgpdPurge
from tests.lab.worker_harness import HERS, HIS, UID_KEY, UNMAPPED, WorkerHarness
from tests.makers import KARIM, MARTINE, NOW

ONLY_HERS = (MARTINE,)


def test_a_new_rdv_is_written_into_each_agents_calendar_with_one_post_each(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(agents=(MARTINE, KARIM))
    assert harness.work() == 2
    [entry] = harness.items(HERS)
    assert entry.subject == "Consultation PMI"
    assert entry.location == "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
    assert entry.start == NOW + timedelta(days=6)
    assert entry.time_zone == "Romance Standard Time"
    assert (entry.show_as, entry.sensitivity, entry.reminder, entry.categories) == ("Busy", "Private", None, ())
    assert "/admin/organisations/12/rdvs/4330" in entry.body
    assert entry.extended[UID_KEY] == "Rdv/0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11@production"
    assert harness.subjects(HIS) == ["Consultation PMI"]
    assert harness.exchange.mails_sent == 0


def test_a_change_costs_one_post_and_keeps_the_item(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    [before] = harness.items()
    harness.tell(60, agents=ONLY_HERS, starts_at=NOW + timedelta(days=40), ends_at=NOW + timedelta(days=40, hours=1))
    assert harness.work() == 1
    [after] = harness.items()
    assert after.item_id == before.item_id
    assert (after.start, after.end) == (NOW + timedelta(days=40), NOW + timedelta(days=40, hours=1))


def test_what_does_not_show_costs_no_call(harness: WorkerHarness) -> None:
    harness.tell(90)
    harness.work()
    harness.tell(60)
    assert harness.work() == 0


def test_ten_updates_before_the_worker_comes_are_one_write(harness: WorkerHarness) -> None:
    for age_s in range(100, 0, -10):
        harness.tell(age_s, agents=ONLY_HERS, motif=f"Motif {age_s}")
    assert harness.work() == 1
    assert harness.subjects() == ["Motif 10"]


def test_many_changes_of_one_mailbox_share_one_post(harness: WorkerHarness) -> None:
    for number in range(1, 101):
        harness.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None)
    assert harness.work() == 1
    assert len(harness.items()) == 100


def test_an_agent_taken_off_loses_the_entry_and_one_added_gains_it(harness: WorkerHarness) -> None:
    """The emitter sends two webhooks for a swap; the entry moves all the same."""
    harness.tell(90, agents=(MARTINE,))
    harness.work()
    harness.tell(60, agents=(MARTINE, KARIM))
    harness.tell(59, agents=(KARIM,))
    assert harness.work() == 2
    assert (harness.subjects(HERS), harness.subjects(HIS)) == ([], ["Consultation PMI"])


def test_a_cancelled_rdv_leaves_the_calendar_and_comes_back(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.tell(60, agents=ONLY_HERS, cancelled=True)
    assert harness.work() == 1
    assert harness.items() == []
    assert len(harness.items(folder="deleteditems")) == 1, "where the agent can still see it"
    harness.tell(30, agents=ONLY_HERS)
    assert harness.work() == 1
    assert harness.subjects() == ["Consultation PMI"]


def test_a_cancelled_rdv_stays_marked_and_free_where_the_policy_says_so(harness: WorkerHarness) -> None:
    harness.policies(on_cancel=OnCancel.MARK)
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.tell(60, agents=ONLY_HERS, cancelled=True)
    harness.work()
    [entry] = harness.items()
    assert (entry.subject, entry.show_as) == ("ANNULÉ : Consultation PMI", "Free")


def test_a_destroyed_rdv_leaves_the_calendar_for_good(harness_on_each: WorkerHarness) -> None:
    harness = harness_on_each
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.tell(60, kind=EventKind.DESTROYED)
    assert harness.work() == 1
    harness.tell(30, agents=ONLY_HERS)
    assert harness.work() == 0
    assert harness.items() == []


def test_a_purge_for_data_protection_keeps_the_history_in_the_calendar(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.tell(60, kind=EventKind.DESTROYED, purge=True)
    assert harness.work() == 0
    assert harness.subjects() == ["Consultation PMI"]


def test_a_purge_for_data_protection_removes_the_entry_where_the_policy_says_so(harness: WorkerHarness) -> None:
    harness.policies(on_rgpd_purge=OnRgpdPurge.DELETE)
    harness.tell(90, agents=ONLY_HERS)
    harness.work()
    harness.tell(60, kind=EventKind.DESTROYED, purge=True)
    harness.work()
    assert harness.items() == []


def test_a_cancelled_rdv_is_never_created(harness: WorkerHarness) -> None:
    harness.tell(cancelled=True)
    assert harness.work() == 0


def test_an_old_rdv_is_not_created_and_one_that_is_there_stays_right(harness: WorkerHarness) -> None:
    long_ago = {"starts_at": NOW - timedelta(days=40), "ends_at": NOW - timedelta(days=40)}
    harness.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    harness.work()
    harness.tell(60, agents=ONLY_HERS, wire_id=1, uuid=None, **long_ago)
    harness.tell(60, agents=ONLY_HERS, wire_id=2, uuid=None, **long_ago)
    assert harness.work() == 1
    [entry] = harness.items()
    assert entry.start == NOW - timedelta(days=40)


def test_agents_without_a_mailbox_get_nothing_and_hold_nobody_up(harness: WorkerHarness) -> None:
    agents = (MARTINE, AgentRef("90", None), AgentRef("91", "x@prestataire.example"), AgentRef("92", UNMAPPED))
    harness.tell(agents=agents)
    assert harness.work() == 1
    assert harness.subjects() == ["Consultation PMI"]


def test_two_agents_of_one_mailbox_share_one_entry_until_the_last_leaves(harness: WorkerHarness) -> None:
    renamed = AgentRef("33", HERS.replace("departement.example", "autre.example"))
    harness.tell(90, agents=(MARTINE, renamed))
    assert harness.work() == 1
    harness.tell(60, agents=(renamed,))
    assert harness.work() == 0
    harness.tell(30, agents=(KARIM,))
    harness.work()
    assert harness.items(HERS) == []


def test_an_agents_new_email_moves_the_coming_entries(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    harness.work()
    harness.tell(60, agents=(AgentRef(MARTINE.ident, HIS),), wire_id=2, uuid=None)
    harness.work()
    assert (len(harness.items(HERS)), len(harness.items(HIS))) == (0, 2)


def test_a_visit_at_home_shows_no_address(harness: WorkerHarness) -> None:
    harness.tell(agents=ONLY_HERS, location_type=LocationType.HOME, lieu=None)
    harness.work()
    assert harness.items()[0].location == "Domicile"


def test_facts_that_change_while_a_call_is_under_way_are_written_next(harness: WorkerHarness) -> None:
    harness.tell(90, agents=ONLY_HERS, motif="Ancien")
    apply = harness.connector.apply

    def meanwhile(mailbox, changes):  # type: ignore[no-untyped-def]
        harness.connector.apply = apply  # type: ignore[method-assign]
        harness.tell(60, agents=ONLY_HERS, motif="Nouveau")
        return apply(mailbox, changes)

    harness.connector.apply = meanwhile  # type: ignore[method-assign]
    assert harness.work() == 2
    assert harness.subjects() == ["Nouveau"]


def test_a_policy_in_force_is_what_is_written_even_if_the_wish_is_older(harness: WorkerHarness) -> None:
    """A reload between settling and writing: the wish is worked out again, nothing outdated is sent."""
    harness.tell(agents=ONLY_HERS)
    harness.policies(category="RDV")
    assert harness.work() == 1
    assert harness.items()[0].categories == ("RDV",)


def test_schemas_are_kept(harness: WorkerHarness) -> None:
    """Only where the schemas are at hand; elsewhere the mock validates nothing."""
    harness.tell()
    harness.work()
    assert harness.exchange.schema_errors == []
    harness.inject(FaultKind.EMPTY, verb="Nothing")
