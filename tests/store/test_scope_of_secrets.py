"""A secret that may speak for one organisation changes nothing of another's, whatever it claims and when."""

import itertools
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.core.facts import AgentRef, Emitter, EventKind
from receiver.store import Store, Verdict
from receiver.store.intake import judge_batch, set_aside
from tests.makers import KARIM, MARTINE, NOW, a_plage, a_role, a_slot, an_absence, an_agent
from tests.store.scopes import ALL, BOTH, ELSEWHERE, THIRTY_FOUR, TWELVE, Town, a_rdv

HERS = MARTINE.email or ""
EVIL = AgentRef(MARTINE.ident, "martine@evil.example")
CREATED, UPDATED, DESTROYED = EventKind.CREATED, EventKind.UPDATED, EventKind.DESTROYED


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


# Appointments


@pytest.mark.threat(id="foreign-organisation")
@pytest.mark.parametrize("attack", [UPDATED, DESTROYED, CREATED])
@pytest.mark.parametrize("by", [THIRTY_FOUR])
def test_another_organisations_secret_changes_nothing_of_a_rdv(town: Town, attack: EventKind, by: object) -> None:
    assert town.verdict(a_rdv(12, 60, motif="right"), TWELVE) is Verdict.ACCEPTED
    before = town.shown()
    assert town.verdict(a_rdv(34, 10, attack, motif="wrong", agents=(EVIL,)), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    assert town.shown() == before
    assert [(group.reason, group.count) for group in town.waits()] == [("scope", 1)]


def test_what_a_body_claims_gives_it_no_organisation(town: Town) -> None:
    town.tell(a_rdv(12, 60, motif="right"), TWELVE)
    assert town.verdict(a_rdv(12, 10, motif="wrong"), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    assert town.verdict(a_rdv(12, 10, number=7), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE


@pytest.mark.threat(id="foreign-organisation")
def test_two_organisations_that_claim_one_number_in_every_order(store: Store) -> None:
    """Whoever is first has it, until somebody decides; a tombstone of what was never known stops its own alone."""
    kinds = [(CREATED, 90), (UPDATED, 60), (DESTROYED, 30)]
    told = [(a, kind, age) for a in (TWELVE, THIRTY_FOUR) for kind, age in kinds]
    orders = list(itertools.permutations(told))
    town = Town(store)
    for number, order in enumerate(random.Random(7).sample(orders, 120), start=1):
        owner = None
        for by, kind, age in order:
            organisation = 12 if by == TWELVE else 34
            rdv = a_rdv(organisation, age, kind, number=number, motif=f"of {organisation}")
            verdict = town.verdict(rdv, by)
            if owner is None and kind is not DESTROYED and verdict is Verdict.ACCEPTED:
                owner = by
            assert (verdict is Verdict.OUT_OF_SCOPE) == (owner not in {None, by}), (order, by, kind)
        shown = town.shown().get(HERS, {})
        destroyed_first = {
            by: next(kind for each, kind, _ in order if each == by) is DESTROYED for by in (TWELVE, THIRTY_FOUR)
        }
        if owner is None:
            assert all(destroyed_first.values()), order
        assert not any(f"uuid-{number}" in uid for uid in shown), "each tells of its destruction"


@pytest.mark.parametrize("moves", [True, False])
def test_a_rdv_moves_at_once_where_one_secret_speaks_for_both(town: Town, moves: bool) -> None:
    town.tell(a_rdv(12, 60), BOTH if moves else TWELVE)
    wanted = Verdict.ACCEPTED if moves else Verdict.OUT_OF_SCOPE
    assert town.verdict(a_rdv(34, 30), BOTH if moves else THIRTY_FOUR) is wanted


def test_an_operators_word_decides_whose_a_rdv_is(town: Town) -> None:
    town.tell(a_rdv(34, 1, motif="claimed first"), THIRTY_FOUR)
    assert town.verdict(a_rdv(12, 60, motif="right"), TWELVE) is Verdict.OUT_OF_SCOPE
    assert town.store.write(judge_batch.release, town.waiting_ids(), NOW) == 1
    assert list(town.shown()[HERS].values()) == ["right"]
    assert town.waits() == []
    assert town.verdict(a_rdv(12, 0, motif="goes on"), TWELVE) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(34, 0, motif="claimed again"), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE


def test_what_is_dropped_changes_nothing_for_good(town: Town) -> None:
    town.tell(a_rdv(12, 60, motif="right"), TWELVE)
    town.tell(a_rdv(34, 1, DESTROYED), THIRTY_FOUR)
    assert town.store.write(set_aside.drop, town.waiting_ids()) == 1
    assert (list(town.shown()[HERS].values()), town.waits()) == (["right"], [])


def test_secrets_that_are_bound_otherwise_have_it_judged_again(town: Town) -> None:
    town.tell(a_rdv(12, 60), TWELVE)
    town.tell(a_rdv(34, 30, motif="moved"), THIRTY_FOUR, secret="aaaa")
    assert town.store.write(judge_batch.judge_out_of_scope, {"mds": lambda _: THIRTY_FOUR}, NOW) == 0, (
        "nothing has changed"
    )
    assert town.store.write(judge_batch.judge_out_of_scope, {"mds": lambda _: None}, NOW) == 0, "the secret is gone"
    assert town.store.write(judge_batch.judge_out_of_scope, {}, NOW) == 0, "the source is gone"
    assert town.store.write(judge_batch.judge_out_of_scope, {"mds": {"aaaa": BOTH}.get}, NOW) == 1
    assert (list(town.shown()[HERS].values()), town.waits()) == (["moved"], [])


def test_the_same_body_under_the_right_secret_is_no_duplicate(town: Town) -> None:
    town.tell(a_rdv(12, 60), TWELVE)
    assert town.verdict(a_rdv(12, 30, motif="moved"), THIRTY_FOUR, body=b"x") is Verdict.OUT_OF_SCOPE
    assert town.verdict(a_rdv(12, 30, motif="moved"), TWELVE, body=b"x") is Verdict.ACCEPTED


@pytest.mark.threat(id="set-aside-limit")
def test_of_one_secret_so_many_are_kept_and_of_another_as_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.store.intake.set_aside.MOST", 3)
    town = Town(store)
    town.tell(a_rdv(12, 60), TWELVE)
    for secret in ("one", "two"):
        for age in range(5):
            assert town.tell(a_rdv(34, age), THIRTY_FOUR, secret).verdict is Verdict.OUT_OF_SCOPE
            town.tell(a_rdv(34, age), THIRTY_FOUR, secret, body=b"again")
    assert [(group.signed_by, group.count) for group in town.waits()] == [("one", 3), ("two", 3)]


def test_a_destruction_of_what_was_never_known_stops_its_own_states_alone(town: Town) -> None:
    assert town.verdict(a_rdv(34, 10, DESTROYED), THIRTY_FOUR) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(34, 60), THIRTY_FOUR) is Verdict.SUPERSEDED
    assert town.verdict(a_rdv(12, 60), TWELVE) is Verdict.ACCEPTED
    assert HERS in town.shown()
    assert town.waits() == []


def test_who_may_speak_for_all_is_stopped_by_nobody_and_stops_everybody(town: Town) -> None:
    assert town.verdict(a_rdv(12, 60), TWELVE) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(12, 30, DESTROYED), ALL) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(12, 60, number=5), ALL) is Verdict.ACCEPTED
    assert town.verdict(a_rdv(34, 10, DESTROYED, number=5), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE


def test_what_an_older_program_kept_is_judged_as_it_would_have_been(town: Town) -> None:
    town.tell(a_rdv(12, 60), TWELVE)
    assert town.verdict(a_rdv(34, 30), None) is Verdict.ACCEPTED


def test_a_plage_is_its_organisations(town: Town) -> None:
    town.tell(a_slot(a_plage()), TWELVE)
    foreign = replace(a_slot(a_plage(), 10, DESTROYED), organisation=34)
    assert town.verdict(foreign, THIRTY_FOUR) is Verdict.OUT_OF_SCOPE


# Absences


def test_three_organisations_tell_of_an_absence_in_any_order_without_an_alarm(store: Store) -> None:
    """Each tells every change; the calendar ends as the newest says, and nobody is asked anything."""
    town, rng = Town(store), random.Random(3)
    authorities = [TWELVE, THIRTY_FOUR, BOTH, ALL]
    for number in range(1, 41):
        ends_destroyed = rng.random() < 0.5
        changes = [(90, CREATED, 18), (60, UPDATED, 17), (30, DESTROYED if ends_destroyed else UPDATED, 16)]
        told = [(by, *change) for by in rng.sample(authorities, 3) for change in changes]
        rng.shuffle(told)
        for by, age, kind, hour in told:
            state = an_absence(first_end=NOW.replace(tzinfo=None, hour=hour) + timedelta(days=20))
            town.tell(a_slot(state, age, kind, wire_id=number), by, by.tag)
        uids = town.shown().get(HERS, {})
        assert (f"Absence/{number}@production" in uids) is not ends_destroyed, told
        assert town.waits() == [], told


@pytest.mark.threat(id="foreign-organisation")
def test_who_never_told_of_an_absence_neither_changes_nor_destroys_it(town: Town) -> None:
    town.tell(a_slot(an_absence()), TWELVE)
    moved = a_slot(an_absence(first_end=an_absence().first_end + timedelta(days=1)), 10)
    assert town.verdict(moved, THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    assert town.verdict(a_slot(an_absence(), 5, DESTROYED), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    assert town.verdict(a_slot(an_absence(first_end=an_absence().first_end + timedelta(1)), 99), THIRTY_FOUR) is (
        Verdict.SUPERSEDED
    )
    assert list(town.shown()[HERS].values()) == ["Absence"]
    assert town.waits(timedelta()) == [], "another organisation may tell the same in a moment"
    assert [group.count for group in town.waits()] == [2]


def test_a_destruction_of_an_absence_that_was_never_known_stops_its_own_states_alone(town: Town) -> None:
    town.tell(a_slot(an_absence(), 5, DESTROYED), ELSEWHERE)
    assert town.verdict(a_slot(an_absence(), 10), TWELVE) is Verdict.ACCEPTED, "older, and another's"
    assert list(town.shown()[HERS].values()) == ["Absence"]
    town.tell(a_slot(an_absence(), 5, DESTROYED, wire_id=2), BOTH)
    assert town.verdict(a_slot(an_absence(), 10, wire_id=2), TWELVE) is Verdict.SUPERSEDED, "it may speak for this one"


def test_one_that_told_before_decides_what_another_told_first(town: Town) -> None:
    town.tell(a_slot(an_absence(), 90), TWELVE)
    longer = an_absence(first_end=an_absence().first_end + timedelta(days=1))
    assert town.verdict(a_slot(longer, 30), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    assert town.verdict(a_slot(longer, 30), TWELVE) is Verdict.ACCEPTED
    assert town.waits() == []
    assert town.verdict(a_slot(longer, 10, DESTROYED), THIRTY_FOUR) is Verdict.ACCEPTED, "it has joined"


def test_who_told_the_same_a_moment_earlier_speaks_for_an_absence_too(town: Town) -> None:
    """Each endpoint gets a body of its own: which of them is the newer is chance."""
    town.tell(a_slot(an_absence(), 89), TWELVE)
    assert town.verdict(a_slot(an_absence(), 90), THIRTY_FOUR) is Verdict.SUPERSEDED
    longer = an_absence(first_end=an_absence().first_end + timedelta(days=1))
    assert town.verdict(a_slot(longer, 30), THIRTY_FOUR) is Verdict.ACCEPTED


def test_what_another_binding_decides_has_others_judged_again(town: Town) -> None:
    """As any news would."""
    longer = an_absence(first_end=an_absence().first_end + timedelta(days=1))
    town.tell(a_slot(an_absence(), 90), TWELVE)
    town.tell(a_slot(longer, 31), ELSEWHERE, secret="bbbb")
    town.tell(a_slot(longer, 30), THIRTY_FOUR, secret="aaaa")
    assert [group.count for group in town.waits()] == [1, 1]
    assert town.store.write(judge_batch.judge_out_of_scope, {"mds": {"aaaa": BOTH, "bbbb": ELSEWHERE}.get}, NOW) == 1
    assert town.waits() == []


# Agents


@pytest.mark.threat(id="hijacked-agents")
def test_an_agents_e_mail_moves_the_entries_of_who_told_it_alone(town: Town) -> None:
    town.tell_all([(a_rdv(12, 60, number=1, agents=(MARTINE,)), TWELVE)])
    town.tell_all([(a_rdv(34, 60, number=2, agents=(MARTINE,)), THIRTY_FOUR)])
    town.tell(an_agent(EVIL, 10), THIRTY_FOUR)
    shown = town.shown()
    assert [set(shown[address]) for address in (HERS, EVIL.email)] == [
        {"Rdv/uuid-1@production"}, {"Rdv/uuid-2@production"}
    ]  # fmt: skip
    town.tell(a_rdv(34, 5, number=3, agents=(EVIL,)), THIRTY_FOUR)
    assert set(town.shown()[HERS]) == {"Rdv/uuid-1@production"}


@pytest.mark.threat(id="hijacked-agents")
def test_a_departure_told_by_another_organisation_empties_nothing(store: Store) -> None:
    town = Town(store)
    gone = AgentRef(MARTINE.ident, "agent_31@deleted.rdv-solidarites.fr")
    town.tell(a_rdv(12, 60, agents=(MARTINE,)), TWELVE)
    town.tell(a_slot(an_absence()), TWELVE)
    town.tell(an_agent(gone, 10), THIRTY_FOUR)
    assert len(town.shown()[HERS]) == 2
    town.tell(an_agent(gone, 10), TWELVE)
    assert town.shown().keys() <= {HERS}


def test_who_may_speak_for_all_is_believed_everywhere(town: Town) -> None:
    town.tell(a_rdv(12, 60, agents=(MARTINE,)), TWELVE)
    town.tell(an_agent(AgentRef(MARTINE.ident, "new@departement.example"), 10), ALL)
    assert set(town.shown()) == {"new@departement.example"}


def test_a_word_that_is_only_repeated_still_overtakes_anothers(town: Town) -> None:
    town.tell(a_rdv(34, 90, agents=(MARTINE,)), ALL)
    town.tell(an_agent(EVIL, 40), THIRTY_FOUR)
    assert set(town.shown()) == {EVIL.email}
    town.tell(an_agent(MARTINE, 20), ALL)
    assert set(town.shown()) == {HERS}


@pytest.mark.threat(id="hijacked-agents")
def test_rdv_insertion_never_has_the_last_word_on_an_e_mail(town: Town) -> None:
    town.tell(a_rdv(12, 60, agents=(MARTINE,)), ALL)
    town.tell(a_rdv(12, 5, number=9, agents=(EVIL,)), ALL, emitter=Emitter.RDV_INSERTION)
    assert set(town.shown()) == {HERS}


def test_only_rdv_insertions_word_counts_where_there_is_no_other(town: Town) -> None:
    told = {"emitter": Emitter.RDV_INSERTION}
    town.tell(a_rdv(12, 60, number=9, agents=(MARTINE,)), ALL, **told)
    town.tell(a_rdv(12, 5, number=9, agents=(EVIL,)), ALL, **told)
    assert set(town.shown()) == {EVIL.email}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_each_organisations_word_counts_for_its_own_in_every_order(store: Store, order: tuple[int, ...]) -> None:
    told = [
        (a_rdv(12, 90, number=1, agents=(MARTINE,)), TWELVE),
        (an_agent(AgentRef(MARTINE.ident, "new@departement.example"), 40), TWELVE),
        (a_rdv(34, 90, number=2, agents=(MARTINE,)), THIRTY_FOUR),
        (an_agent(EVIL, 20), THIRTY_FOUR),
    ]
    town = Town(store)
    town.tell_all([told[each] for each in order])
    shown = town.shown()
    assert set(shown["new@departement.example"]) == {"Rdv/uuid-1@production"}
    assert set(shown[EVIL.email or ""]) == {"Rdv/uuid-2@production"}


def test_what_was_known_before_scopes_counts_until_something_newer_is_told(town: Town) -> None:
    """As an older program leaves it: no word of who told what."""
    town.tell(a_rdv(12, 90, number=1, agents=(MARTINE,)), None)
    town.tell(an_agent(EVIL, 20), THIRTY_FOUR)
    assert set(town.shown()) == {HERS}


# Places in an organisation


@pytest.mark.threat(id="hijacked-agents")
def test_a_place_in_another_organisation_is_no_way_to_remove_absences(town: Town) -> None:
    town.tell(a_slot(an_absence(), 90), TWELVE)
    town.tell(replace(a_role(1, CREATED, 80), organisation=12), TWELVE)
    assert town.verdict(replace(a_role(1, DESTROYED, 10), organisation=34), THIRTY_FOUR) is Verdict.OUT_OF_SCOPE
    town.tell(replace(a_role(2, CREATED, 80), organisation=34), THIRTY_FOUR)
    town.tell(replace(a_role(2, DESTROYED, 10), organisation=34), THIRTY_FOUR)
    assert list(town.shown()[HERS].values()) == ["Absence"]
    town.tell(replace(a_role(1, DESTROYED, 5), organisation=12), TWELVE)
    assert town.shown() == {}


@pytest.mark.parametrize("by", [TWELVE, THIRTY_FOUR])
def test_a_place_made_up_and_lost_removes_nothing_of_others(town: Town, by: object) -> None:
    """Also where no place was ever told of."""
    town.tell(a_slot(an_absence(), 90, agent=KARIM), TWELVE)
    town.tell(replace(a_role(7, DESTROYED, 10, KARIM), organisation=34), THIRTY_FOUR)
    assert (KARIM.email or "") in town.shown()
