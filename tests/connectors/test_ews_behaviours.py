"""The port's suite against servers that behave otherwise: each behaviour alone, by night every two of them together.

With RDV_BEHAVIOUR_PAIRS=1, which `make nightly` sets, pairs are tried in place of single behaviours.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import pytest

from mock_exchange import Behaviours
from mock_exchange.behaviours import PLAIN
from tests.connectors.conformance import AliasConformance, Conformance
from tests.connectors.ews import (
    BASIC_DELEGATE,
)
from tests.connectors.series_conformance import SeriesConformance

PAIRS = "RDV_BEHAVIOUR_PAIRS"

CHOICES: Mapping[str, Mapping[str, Any]] = {
    "accepts_aliases": {"accepts_aliases": True},
    "needs_change_keys": {"needs_change_keys": True},
    "compares_wall_clocks": {"compares_wall_clocks": True},
    "spoils_connections": {"spoils_connection_bytes": 4096},
    "words_days": {"words_days": True},
    "tells_years": {"tells_years": True},
    "splits_changed_series": {"splits_changed_series": True},
    "closed_birthdays": {"closed_birthdays": True},
    "leaves_out_empty_root": {"leaves_out_empty_root": True},
    # One of the suite's tests has a hundred results at one moment, which no window divides.
    "cuts_searches": {"search_limit": 100},
    "cuts_searches_and_hides_it": {"search_limit": 250, "hides_cut_results": True},
    "is_slow": {"item_s": 0.0005},
}


def asked() -> list[Any]:
    if not os.environ.get(PAIRS):
        return [pytest.param(Behaviours(**chosen), id=name) for name, chosen in CHOICES.items()]
    return [
        pytest.param(replace(Behaviours(**CHOICES[one]), **CHOICES[other]), id=f"{one}-{other}")
        for one, other in combinations(CHOICES, 2)
        if not CHOICES[one].keys() & CHOICES[other].keys()
    ]


@pytest.fixture(params=asked())
def behaviours(request: pytest.FixtureRequest) -> Behaviours:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def way(behaviours: Behaviours) -> tuple[str, str]:
    """A delegate where the behaviour concerns delegates. The other module tries both ways without behaviours."""
    concerns_delegates = behaviours.closed_birthdays or behaviours.accepts_aliases
    return BASIC_DELEGATE if concerns_delegates else ("basic", "impersonation")


class TestBehaviours(Conformance):
    """The port's suite."""


class TestBehavioursAliases(AliasConformance):
    """The port's suite of addresses."""


class TestBehavioursSeries(SeriesConformance):
    """The port's suite of series."""


def test_every_behaviour_is_tried() -> None:
    tried = {name for chosen in CHOICES.values() for name in chosen}
    assert tried == {each.name for each in fields(PLAIN)}
