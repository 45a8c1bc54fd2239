"""Nothing of an usager, and no free text that nobody asked for, gets past decoding: in what is kept or in an error."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.core.facts import Emitter, LocationType
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from tests.core.samples import RDV_SAMPLES, as_body, sample

KEPT = {
    "id", "uuid", "status", "starts_at", "ends_at", "duration_in_min", "time_zone", "url_for_agents", "users_count",
    "max_participants_count", "collectif", "verticale", "location_type", "single_use", "email",
    "rdv_solidarites_rdv_id", "rdv_solidarites_agent_id", "rdv_solidarites_organisation_id",
}  # fmt: skip
"""Names under which a value may have to be kept, whoever bears it; `usagers` below lose them all the same."""

EVERYTHING_ON = Policies(collective_names=True, visio_link=True, single_use_places=True)


def personal(data: dict[str, Any]) -> dict[str, Any]:
    """The data with a string of its own in every place that may hold something personal."""
    number = 0

    def mark(value: object) -> object:
        nonlocal number
        if isinstance(value, dict):
            return {name: mark(member) for name, member in value.items()}
        if isinstance(value, list):
            return [mark(member) for member in value]
        number += 1
        return f"canari-{number:03d}"

    marked = dict(data)
    for name in ("users", "participations", "rdvs_users", "context", "address", "name", "visio_url", "created_by",
                 "created_by_type", "cancelled_at", "created_at"):  # fmt: skip
        marked[name] = mark(marked.get(name))
    for part in ("organisation", "lieu", "motif"):
        if marked.get(part):
            marked[part] = {n: v if n in KEPT or (part, n) in SHOWN else mark(v) for n, v in marked[part].items()}
    marked["agents"] = [{n: v if n in KEPT else mark(v) for n, v in agent.items()} for agent in marked["agents"]]
    return marked


SHOWN = {("motif", "name"), ("motif", "collectif"), ("lieu", "name"), ("lieu", "address")}


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)
    elif isinstance(value, str):
        yield value


def emitter_of(name: str) -> Emitter:
    return Emitter.RDV_INSERTION if name.startswith("rdv-insertion") else Emitter.RDV_SERVICE_PUBLIC


@pytest.mark.parametrize("name", RDV_SAMPLES)
def test_what_is_personal_leaves_no_trace_in_what_is_kept(name: str) -> None:
    document = sample(name)
    marked = {"data": personal(document["data"]), "meta": document["meta"]}
    assert json.dumps(marked).count("canari-") > 10, "the walk must reach the usagers"
    kept = decode(as_body(marked), emitter_of(name), Policies())
    assert "canari" not in repr(kept)


@pytest.mark.parametrize("name", RDV_SAMPLES)
def test_no_policy_lets_through_what_concerns_an_usager(name: str) -> None:
    """The policies open three free texts; everything else stays shut."""
    document = sample(name)
    marked = personal(document["data"]) | {"name": None, "visio_url": None}
    kept = decode(as_body({"data": marked, "meta": document["meta"]}), emitter_of(name), EVERYTHING_ON)
    assert "canari" not in repr(kept)


@pytest.mark.parametrize("name", RDV_SAMPLES)
def test_no_word_about_the_usagers_of_a_sample_is_kept(name: str) -> None:
    """The same with the samples' own words, where a home address may stand in a second field."""
    document = sample(name)
    words = {word for part in ("users", "participations", "context") for word in strings(document["data"].get(part))}
    tell_tale = {word for word in words if len(word) > 8}
    kept = repr(decode(as_body(document), emitter_of(name), EVERYTHING_ON))
    assert not [word for word in tell_tale if word in kept]


def test_the_usagers_home_is_kept_nowhere_though_the_emitter_calls_it_the_address() -> None:
    document = sample("rdv-2024-home")
    document["data"]["lieu"] = {"id": 1, "name": "Chez Fatoumata", "address": document["data"]["address"]}
    kept = decode(as_body(document), Emitter.RDV_SERVICE_PUBLIC, EVERYTHING_ON)
    assert kept.state is not None
    assert kept.state.location_type is LocationType.HOME
    assert "impasse" not in repr(kept)
    assert "Fatoumata" not in repr(kept)


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    """Not in its words, and not in an error that hangs on to it either: tracebacks print those."""
    document = sample("rdv-2024-created")
    document["data"] = personal(document["data"]) | {"id": "canari-id", "starts_at": "canari-start", "agents": "canari"}
    document["data"]["motif"]["name"] = ["canari-motif"]
    with pytest.raises(InvalidPayload) as caught:
        decode(as_body(document), Emitter.RDV_SERVICE_PUBLIC, Policies())
    assert caught.value.paths == ("data.agents", "data.id", "data.motif.name", "data.starts_at")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "canari" not in f"{caught.value!s}{caught.value!r}"
