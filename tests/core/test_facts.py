"""Which of two states is the newer: the rule's table, and that order of arrival cannot change the end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.core.facts import (
    FUTURE_TOLERANCE,
    MAX_AGE,
    Delivery,
    Emitter,
    EventKind,
    Known,
    Model,
    StateVerdict,
    Version,
    event_uid,
    has_credible_age,
    judge_state,
)
from tests.makers import KARIM, MARTINE, NOW, UUID, a_delivery

SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION
CREATED, UPDATED, DESTROYED = EventKind.CREATED, EventKind.UPDATED, EventKind.DESTROYED
APPLY, AMBIGUOUS, SUPERSEDED = StateVerdict.APPLY, StateVerdict.APPLY_AMBIGUOUS, StateVerdict.SUPERSEDED
TICK = timedelta(microseconds=1)


def known(delivery: Delivery, emitter: Emitter = SP) -> Known:
    """As the store holds it once applied."""
    return Known(emitter, delivery.version, delivery.state, frozenset(agent.ident for agent in delivery.agents))


def occurred(delivery: Delivery, age_s: float) -> Delivery:
    return replace(delivery, version=replace(delivery.version, occurred_at=NOW - timedelta(seconds=age_s)))


def ruling(incoming: Delivery, newest: Delivery | None = None, emitter: Emitter = SP, of: Emitter = SP) -> StateVerdict:
    return judge_state(known(newest, of) if newest else None, emitter, incoming)


# Within one emitter

CASES = {
    "newer": (a_delivery(60), a_delivery(61), APPLY),
    "older": (a_delivery(61), a_delivery(60), SUPERSEDED),
    "newer by a millisecond": (a_delivery(59.999), a_delivery(60), APPLY),
    "a newer `created` is a re-sync": (a_delivery(30, CREATED), a_delivery(60), APPLY),
    "an older update after the re-sync": (a_delivery(60), a_delivery(30, CREATED), SUPERSEDED),
    # Of one second
    "updated over created": (a_delivery(60), a_delivery(60, CREATED), APPLY),
    "updated over created, other facts": (a_delivery(60, motif="B"), a_delivery(60, CREATED), APPLY),
    "created under updated": (a_delivery(60, CREATED), a_delivery(60), SUPERSEDED),
    "same kind, same facts": (a_delivery(60), a_delivery(60), APPLY),
    "same kind, other facts": (a_delivery(60, motif="B"), a_delivery(60), AMBIGUOUS),
    "same kind, other agents": (a_delivery(60, agents=(MARTINE,)), a_delivery(60, agents=(KARIM,)), AMBIGUOUS),
    "same kind, other e-mail": (
        a_delivery(60, agents=(MARTINE,)),
        a_delivery(60, agents=(replace(MARTINE, email="new@departement.example"),)),
        APPLY,
    ),
    "created twice, other facts": (a_delivery(60, CREATED, motif="B"), a_delivery(60, CREATED), AMBIGUOUS),
    # When it happened settles what the second leaves open
    "happened later": (occurred(a_delivery(60, motif="B"), 61), occurred(a_delivery(60), 62), APPLY),
    "happened earlier": (occurred(a_delivery(60, motif="B"), 62), occurred(a_delivery(60), 61), SUPERSEDED),
    "happened later, as created": (occurred(a_delivery(60, CREATED), 61), occurred(a_delivery(60), 62), APPLY),
    "happened at once": (occurred(a_delivery(60, motif="B"), 61), occurred(a_delivery(60), 61), AMBIGUOUS),
    "one does not tell when": (occurred(a_delivery(60, motif="B"), 61), a_delivery(60), AMBIGUOUS),
    "the age counts before it": (occurred(a_delivery(59), 100), occurred(a_delivery(60), 61), APPLY),
    # Destroyed is final: it is rendered before the deletion, so an update can carry a newer time
    "destroyed over older": (a_delivery(60, DESTROYED), a_delivery(90), APPLY),
    "destroyed over newer": (a_delivery(90, DESTROYED), a_delivery(60), APPLY),
    "destroyed over the same second": (a_delivery(60, DESTROYED), a_delivery(60), APPLY),
    "updated after destroyed": (a_delivery(30), a_delivery(60, DESTROYED), SUPERSEDED),
    "created after destroyed": (a_delivery(30, CREATED), a_delivery(60, DESTROYED), SUPERSEDED),
    "destroyed again": (a_delivery(30, DESTROYED), a_delivery(60, DESTROYED), SUPERSEDED),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("emitter", Emitter)
def test_within_one_emitter(name: str, emitter: Emitter) -> None:
    incoming, newest, expected = CASES[name]
    assert ruling(incoming, newest, emitter, emitter) is expected


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("emitter", Emitter)
def test_what_nobody_knew_is_news(kind: EventKind, emitter: Emitter) -> None:
    """A tombstone for an unknown event too: its `created` may still be under way."""
    assert ruling(a_delivery(60, kind), None, emitter) is APPLY


# Between emitters


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("was", EventKind)
@pytest.mark.parametrize(("age_s", "known_age_s"), [(60, 90), (90, 60), (60, 60)])
def test_rdv_service_public_is_believed_before_rdv_insertion_whatever_their_ages(
    kind: EventKind, was: EventKind, age_s: float, known_age_s: float
) -> None:
    """Also over a tombstone: rdv-insertion takes a RDV out of its own records while the RDV stands."""
    assert ruling(a_delivery(age_s, kind), a_delivery(known_age_s, was), SP, of=INSERTION) is APPLY
    assert ruling(a_delivery(age_s, kind), a_delivery(known_age_s, was), INSERTION, of=SP) is SUPERSEDED


# Ages outside the limits


@pytest.mark.parametrize("emitter", Emitter)
@pytest.mark.parametrize("kind", EventKind)
def test_the_limits_are_exact(kind: EventKind, emitter: Emitter) -> None:
    oldest, newest = MAX_AGE[emitter], FUTURE_TOLERANCE
    for age, expected in ((oldest, True), (oldest + TICK, False), (-newest, True), (-newest - TICK, False)):
        assert has_credible_age(Version(kind, NOW - age), emitter, NOW) is expected


def test_the_limits_outlast_each_emitters_retries() -> None:
    assert {SP: timedelta(days=10), INSERTION: timedelta(days=25)} == MAX_AGE
    assert timedelta(minutes=2) == FUTURE_TOLERANCE


# Any order of arrival

Arrival = tuple[Emitter, Delivery]


def settle(arrivals: list[Arrival]) -> Known | None:
    """What is known after all of it, as the store would go on."""
    newest: Known | None = None
    for emitter, delivery in arrivals:
        if judge_state(newest, emitter, delivery) in {APPLY, AMBIGUOUS}:
            newest = known(delivery, emitter)
    return newest


def states(emitter: Emitter) -> st.SearchStrategy[list[Arrival]]:
    seconds = st.lists(st.integers(0, 1000), unique=True, max_size=6)
    return seconds.flatmap(lambda ages: st.tuples(*[one_state(emitter, age) for age in ages]).map(list))


def one_state(emitter: Emitter, age: int) -> st.SearchStrategy[Arrival]:
    kinds = st.sampled_from([CREATED, UPDATED])
    return kinds.map(lambda kind: (emitter, a_delivery(age, kind, motif=f"{emitter} {age}")))


@st.composite
def two_orders(draw: st.DrawFn) -> tuple[list[Arrival], list[Arrival]]:
    arrivals = draw(states(SP)) + draw(states(INSERTION))
    return draw(st.permutations(arrivals)), arrivals


@given(two_orders())
def test_any_order_of_states_of_different_seconds_ends_in_the_newest(
    orders: tuple[list[Arrival], list[Arrival]],
) -> None:
    shuffled, arrivals = orders
    mine = [delivery for emitter, delivery in arrivals if emitter is SP] or [delivery for _, delivery in arrivals]
    newest = max(mine, key=lambda delivery: delivery.version.state_at, default=None)
    settled = settle(shuffled)
    assert (settled and settled.state) == (newest and newest.state)


@given(two_orders(), st.data())
def test_any_order_with_an_end_in_it_ends_there(
    orders: tuple[list[Arrival], list[Arrival]], data: st.DataObject
) -> None:
    shuffled, _ = orders
    at = data.draw(st.integers(0, len(shuffled)))
    age = data.draw(st.integers(0, 1000))
    settled = settle([*shuffled[:at], (SP, a_delivery(age, DESTROYED)), *shuffled[at:]])
    assert settled is not None
    assert (settled.version.kind, settled.state) == (DESTROYED, None)


@given(two_orders())
def test_repeats_change_nothing(orders: tuple[list[Arrival], list[Arrival]]) -> None:
    shuffled, _ = orders
    assert settle(shuffled) == settle(shuffled * 2)


# Keys


def test_an_event_is_named_by_its_uuid_else_by_its_number() -> None:
    assert event_uid("production", a_delivery()) == f"Rdv/{UUID}@production"
    assert event_uid("mairie", a_delivery(uuid=None)) == "Rdv/4330@mairie"
    assert a_delivery().model is Model.RDV


def test_what_is_known_is_shown_without_its_facts() -> None:
    assert "Consultation" not in repr(known(a_delivery()))
