"""Whatever is signed: decoding gives a delivery that keeps to its bounds, or one of its two refusals."""

import copy
import json
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.core.facts import Delivery, Emitter, EventKind
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.policies import Policies
from tests.core.samples import RDV_SAMPLES, sample

SAMPLES = [sample(name) for name in RDV_SAMPLES]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**40, 0.5, 1e308]),
    st.text(max_size=20),
    st.sampled_from(["", "\ud800", "\0", "2026-02-31 10:00:00 +0100", "0001-01-01 00:00:00 +2300", "Europe/Paris",
                     "Rdv", "9999-12-31 23:59:59 -2359", "2099-12-31 23:59:59 +0000", "destroyed", "updated",
                     "a" * 3000]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper, max_size=3)
)
policies = st.builds(
    Policies, collective_names=st.booleans(), visio_link=st.booleans(), single_use_places=st.booleans()
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member, at any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, member in members for place in ((*way, key), *places(member, (*way, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        # Usagers are most of a sample and are never read: leave most draws to what is.
        read = [place for place in places(document) if not {"users", "participations"} & set(place[:-1])]
        *way, last = draw(st.sampled_from(read or [("data",)]))
        parent = document
        for step in way:
            parent = parent[step]
        if draw(st.integers(0, 3)) == 0 and not isinstance(parent, list):
            parent.pop(last, None)
        else:
            parent[last] = draw(values)
    return document


def attempt(body: bytes, emitter: Emitter, choices: Policies) -> Delivery | None:
    try:
        return decode(body, emitter, choices)
    except InvalidPayload as error:
        refusal = error
    except Irrelevant:
        return None
    assert refusal.paths
    assert refusal.__context__ is None
    return None


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(), st.sampled_from(Emitter), policies)
def test_a_message_like_ours_is_decoded_within_bounds_or_refused(
    document: Any, emitter: Emitter, choices: Policies
) -> None:
    delivery = attempt(json.dumps(document).encode(), emitter, choices)
    if delivery is None:
        return
    assert delivery.ident
    assert delivery.ident.isascii()
    assert (delivery.state is None) is (delivery.version.kind is EventKind.DESTROYED)
    assert len({agent.ident for agent in delivery.agents}) == len(delivery.agents) <= 100
    assert all(len(agent.email or "") <= 320 for agent in delivery.agents)
    repr(delivery).encode()  # what cannot be encoded can be stored nowhere
    if state := delivery.state:
        assert state.motif
        assert timedelta(0) <= state.ends_at - state.starts_at
        assert state.starts_at.utcoffset() == state.ends_at.utcoffset() == timedelta(0)
        assert state.name is None or choices.collective_names
        assert state.visio_url is None or choices.visio_link


@settings(max_examples=200)
@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()), st.sampled_from(Emitter))
def test_any_bytes_are_refused_and_break_nothing(body: bytes, emitter: Emitter) -> None:
    assert attempt(body, emitter, Policies()) is None


@settings(max_examples=100)
@given(st.sampled_from(SAMPLES), st.integers(0, 10_000), st.binary(min_size=1, max_size=4), st.sampled_from(Emitter))
def test_a_damaged_body_breaks_nothing(document: Any, at: int, damage: bytes, emitter: Emitter) -> None:
    body = json.dumps(document).encode()
    attempt(body[:at] + damage + body[at + len(damage) :], emitter, Policies())
