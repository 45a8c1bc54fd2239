"""Random lives converge. The promise of the whole product, tried until it breaks.

``RDV_HYPOTHESIS_PROFILE`` chooses how hard: ``ci`` (the default: the same examples every time) or ``nightly``. A
failing nightly run prints the steps, and a line ``@reproduce_failure(...)`` to put above the test; the same run is had
again with ``RDV_HYPOTHESIS_PROFILE=nightly pytest --hypothesis-seed=N tests/convergence``, N as it was printed.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.life import Life
from tests.convergence.shared_exchange import SharedExchange
from tests.convergence.strategies import ALIASES, MAILBOXES

_COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, stateful_step_count=25)
PROFILES = {
    "ci": settings(_COMMON, max_examples=100, derandomize=True),
    "nightly": settings(_COMMON, max_examples=2000, derandomize=False),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedExchange]:
    opened = SharedExchange(tmp_path_factory.mktemp("lives"), MAILBOXES, ALIASES)
    yield opened
    opened.close()


def test_whatever_happens_the_calendars_end_as_they_should_be(shared: SharedExchange) -> None:
    class LifeHere(Life):
        pass

    LifeHere.shared = shared
    run_state_machine_as_test(LifeHere, settings=PROFILES[os.environ.get("RDV_HYPOTHESIS_PROFILE", "ci")])
