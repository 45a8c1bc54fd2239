"""What a worker does when nothing goes wrong, and how many POSTs that takes."""

from datetime import timedelta

from mock_exchange import FaultKind
from receiver.core.facts import AgentRef, EventKind, LocationType
from receiver.core.policies import OnCancel, OnRgpdPurge
from tests.lab.worker_harness import HERS, HIS, UID_KEY, UNMAPPED, Bench
from tests.makers import KARIM, MARTINE, NOW

ONLY_HERS = (MARTINE,)


def test_a_new_rdv_is_written_into_each_agents_calendar_with_one_post_each(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(agents=(MARTINE, KARIM))
    assert bench.work() == 2
    [entry] = bench.items(HERS)
    assert entry.subject == "Consultation PMI"
    assert entry.location == "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
    assert entry.start == NOW + timedelta(days=6)
    assert entry.time_zone == "Romance Standard Time"
    assert (entry.show_as, entry.sensitivity, entry.reminder, entry.categories) == ("Busy", "Private", None, ())
    assert "/admin/organisations/12/rdvs/4330" in entry.body
    assert entry.extended[UID_KEY] == "Rdv/0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11@production"
    assert bench.subjects(HIS) == ["Consultation PMI"]
    assert bench.exchange.mails_sent == 0


def test_a_change_costs_one_post_and_keeps_the_item(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    [before] = bench.items()
    bench.tell(60, agents=ONLY_HERS, starts_at=NOW + timedelta(days=40), ends_at=NOW + timedelta(days=40, hours=1))
    assert bench.work() == 1
    [after] = bench.items()
    assert after.item_id == before.item_id
    assert (after.start, after.end) == (NOW + timedelta(days=40), NOW + timedelta(days=40, hours=1))


def test_what_does_not_show_costs_no_call(bench: Bench) -> None:
    bench.tell(90)
    bench.work()
    bench.tell(60)
    assert bench.work() == 0


def test_ten_updates_before_the_worker_comes_are_one_write(bench: Bench) -> None:
    for age_s in range(100, 0, -10):
        bench.tell(age_s, agents=ONLY_HERS, motif=f"Motif {age_s}")
    assert bench.work() == 1
    assert bench.subjects() == ["Motif 10"]


def test_many_changes_of_one_mailbox_share_one_post(bench: Bench) -> None:
    for number in range(1, 101):
        bench.tell(60, agents=ONLY_HERS, wire_id=number, uuid=None)
    assert bench.work() == 1
    assert len(bench.items()) == 100


def test_an_agent_taken_off_loses_the_entry_and_one_added_gains_it(bench: Bench) -> None:
    """The emitter sends two webhooks for a swap; the entry moves all the same."""
    bench.tell(90, agents=(MARTINE,))
    bench.work()
    bench.tell(60, agents=(MARTINE, KARIM))
    bench.tell(59, agents=(KARIM,))
    assert bench.work() == 2
    assert (bench.subjects(HERS), bench.subjects(HIS)) == ([], ["Consultation PMI"])


def test_a_cancelled_rdv_leaves_the_calendar_and_comes_back(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.tell(60, agents=ONLY_HERS, cancelled=True)
    assert bench.work() == 1
    assert bench.items() == []
    assert len(bench.items(folder="deleteditems")) == 1, "where the agent can still see it"
    bench.tell(30, agents=ONLY_HERS)
    assert bench.work() == 1
    assert bench.subjects() == ["Consultation PMI"]


def test_a_cancelled_rdv_stays_marked_and_free_where_the_policy_says_so(bench: Bench) -> None:
    bench.policies(on_cancel=OnCancel.MARK)
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.tell(60, agents=ONLY_HERS, cancelled=True)
    bench.work()
    [entry] = bench.items()
    assert (entry.subject, entry.show_as) == ("ANNULÉ : Consultation PMI", "Free")


def test_a_destroyed_rdv_leaves_the_calendar_for_good(bench_on_each: Bench) -> None:
    bench = bench_on_each
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.tell(60, kind=EventKind.DESTROYED)
    assert bench.work() == 1
    bench.tell(30, agents=ONLY_HERS)
    assert bench.work() == 0
    assert bench.items() == []


def test_a_purge_for_data_protection_keeps_the_history_in_the_calendar(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.tell(60, kind=EventKind.DESTROYED, purge=True)
    assert bench.work() == 0
    assert bench.subjects() == ["Consultation PMI"]


def test_a_purge_for_data_protection_removes_the_entry_where_the_policy_says_so(bench: Bench) -> None:
    bench.policies(on_rgpd_purge=OnRgpdPurge.DELETE)
    bench.tell(90, agents=ONLY_HERS)
    bench.work()
    bench.tell(60, kind=EventKind.DESTROYED, purge=True)
    bench.work()
    assert bench.items() == []


def test_a_cancelled_rdv_is_never_created(bench: Bench) -> None:
    bench.tell(cancelled=True)
    assert bench.work() == 0


def test_an_old_rdv_is_not_created_and_one_that_is_there_stays_right(bench: Bench) -> None:
    long_ago = {"starts_at": NOW - timedelta(days=40), "ends_at": NOW - timedelta(days=40)}
    bench.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    bench.work()
    bench.tell(60, agents=ONLY_HERS, wire_id=1, uuid=None, **long_ago)
    bench.tell(60, agents=ONLY_HERS, wire_id=2, uuid=None, **long_ago)
    assert bench.work() == 1
    [entry] = bench.items()
    assert entry.start == NOW - timedelta(days=40)


def test_agents_without_a_mailbox_get_nothing_and_hold_nobody_up(bench: Bench) -> None:
    agents = (MARTINE, AgentRef("90", None), AgentRef("91", "x@prestataire.example"), AgentRef("92", UNMAPPED))
    bench.tell(agents=agents)
    assert bench.work() == 1
    assert bench.subjects() == ["Consultation PMI"]


def test_two_agents_of_one_mailbox_share_one_entry_until_the_last_leaves(bench: Bench) -> None:
    renamed = AgentRef("33", HERS.replace("departement.example", "autre.example"))
    bench.tell(90, agents=(MARTINE, renamed))
    assert bench.work() == 1
    bench.tell(60, agents=(renamed,))
    assert bench.work() == 0
    bench.tell(30, agents=(KARIM,))
    bench.work()
    assert bench.items(HERS) == []


def test_an_agents_new_email_moves_the_coming_entries(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS, wire_id=1, uuid=None)
    bench.work()
    bench.tell(60, agents=(AgentRef(MARTINE.ident, HIS),), wire_id=2, uuid=None)
    bench.work()
    assert (len(bench.items(HERS)), len(bench.items(HIS))) == (0, 2)


def test_a_visit_at_home_shows_no_address(bench: Bench) -> None:
    bench.tell(agents=ONLY_HERS, location_type=LocationType.HOME, lieu=None)
    bench.work()
    assert bench.items()[0].location == "Domicile"


def test_facts_that_change_while_a_call_is_under_way_are_written_next(bench: Bench) -> None:
    bench.tell(90, agents=ONLY_HERS, motif="Ancien")
    apply = bench.connector.apply

    def meanwhile(mailbox, changes):  # type: ignore[no-untyped-def]
        bench.connector.apply = apply  # type: ignore[method-assign]
        bench.tell(60, agents=ONLY_HERS, motif="Nouveau")
        return apply(mailbox, changes)

    bench.connector.apply = meanwhile  # type: ignore[method-assign]
    assert bench.work() == 2
    assert bench.subjects() == ["Nouveau"]


def test_a_policy_in_force_is_what_is_written_even_if_the_wish_is_older(bench: Bench) -> None:
    """A reload between settling and writing: the wish is worked out again, nothing outdated is sent."""
    bench.tell(agents=ONLY_HERS)
    bench.policies(category="RDV")
    assert bench.work() == 1
    assert bench.items()[0].categories == ("RDV",)


def test_schemas_are_kept(bench: Bench) -> None:
    """Only where the schemas are at hand; elsewhere the mock validates nothing."""
    bench.tell()
    bench.work()
    assert bench.exchange.schema_errors == []
    bench.inject(FaultKind.EMPTY, verb="Nothing")
