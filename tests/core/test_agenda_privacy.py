"""Nothing that nobody asked for gets past decoding of absences, plages, agents and their places."""

from typing import Any

import pytest

from receiver.core.facts import Emitter
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from tests.core.samples import as_body, sample

SAMPLES = (
    "absence-several-days",
    "plage-ouverture-weekly-across-dst",
    "plage-ouverture-monthly-second-wednesday",
    "agent-updated-new-email",
    "agent-role-destroyed",
)
EVERYTHING_ON = Policies(
    collective_names=True, absence_titles=True, visio_link=True, single_use_places=True, plages_ouverture=True
)
KEPT = {
    "data.id",
    "data.first_day",
    "data.end_day",
    "data.start_time",
    "data.end_time",
    "data.rrule",
    "data.email",
    "data.agent.id",
    "data.agent.email",
    "data.organisation.id",
    "data.organisation.verticale",
    "data.lieu.name",
    "data.lieu.address",
    "data.lieu.single_use",
    "data.motifs.name",
}
"""All that may be kept of any of them, beside an absence's title."""


def marked(value: Any, at: str, numbers: list[int]) -> Any:
    """The value with a string of its own in every place that is not `KEPT`."""
    if isinstance(value, dict):
        return {name: marked(member, f"{at}.{name}", numbers) for name, member in value.items()}
    if isinstance(value, list):
        return [marked(member, at, numbers) for member in value]
    if at in KEPT:
        return value
    numbers.append(len(numbers))
    return f"canari-{numbers[-1]:03d}"


def canaries(name: str, event: str) -> tuple[bytes, int]:
    document, numbers = sample(name), []  # type: tuple[Any, list[int]]
    data = marked(document["data"], "data", numbers) | {
        "users": ["canari-user"],
        "description": "canari-description",
        "context": "canari-context",
    }
    return as_body({"data": data, "meta": document["meta"] | {"event": event}}), len(numbers)


@pytest.mark.parametrize("event", ["created", "updated", "destroyed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_not_named_here_has_nowhere_to_go(name: str, event: str) -> None:
    body, count = canaries(name, event)
    assert count >= 3, "the walk must reach what is not kept"
    assert "canari" not in repr(decode(body, Emitter.RDV_SERVICE_PUBLIC, Policies()))


@pytest.mark.parametrize("name", SAMPLES)
def test_no_policy_lets_through_more_than_an_absences_title(name: str) -> None:
    document = sample(name)
    body, _ = canaries(name, document["meta"]["event"])
    kept = repr(decode(body, Emitter.RDV_SERVICE_PUBLIC, EVERYTHING_ON))
    assert kept.count("canari") == (1 if name.startswith("absence") else 0)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_refusal_repeats_nothing_of_the_body(name: str) -> None:
    document = sample(name)
    data = document["data"] | {"id": "canari", "first_day": "canari", "agent": "canari", "email": ["canari"]}
    with pytest.raises(InvalidPayload) as caught:
        decode(as_body({"data": data, "meta": document["meta"]}), Emitter.RDV_SERVICE_PUBLIC, EVERYTHING_ON)
    assert "data.id" in caught.value.paths
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "canari" not in f"{caught.value!s}{caught.value!r}"
