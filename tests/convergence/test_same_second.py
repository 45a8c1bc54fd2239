"""Two states of one second: only their arrival can tell them apart, and the next state settles it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from emitter.model import Event, Rdv
from emitter.payloads import Generation, render
from emitter.scenarios import cast
from receiver.store.database.tables import events
from tests.convergence.emitters import ARRAS, KARIM, Emitters, Job
from tests.convergence.oracle import Choices
from tests.convergence.shared_exchange import SharedExchange
from tests.convergence.strategies import ALIASES, MAILBOXES, PLAIN
from tests.convergence.system import System
from tests.lab.database import database
from tests.makers import NOW

HIS = "karim.agent@departement.example"


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    shared = SharedExchange(tmp_path_factory.mktemp("ties"), MAILBOXES, ALIASES)
    with shared.fresh() as store:
        yield System(shared, store, Choices(), PLAIN)
    shared.close()


@pytest.fixture
def rdv() -> Rdv:
    return Emitters(lambda: NOW).rdv(NOW + timedelta(days=60), (KARIM,), ARRAS)


def told(system: System, rdv: Rdv, age_s: int) -> str:
    at = NOW - timedelta(seconds=age_s)
    system.post(Job(ARRAS, render(rdv, Event.UPDATED, Generation.YEAR_2024, at), "", at))
    [verdict] = system.judge()
    system.work_until_idle()
    return verdict


def titles(system: System) -> list[str]:
    return [item.subject for item in system.shared.masters(HIS)]


def ambiguous(system: System) -> list[bool]:
    with database(system.store.url) as connection:
        return list(connection.scalars(select(events.c.ambiguous)))


@pytest.mark.parametrize("social_first", [True, False])
def test_of_two_states_of_one_second_the_later_arrival_wins_and_the_event_is_marked(
    system: System, rdv: Rdv, social_first: bool
) -> None:
    first, last = (cast.SOCIAL, cast.RIGHTS) if social_first else (cast.RIGHTS, cast.SOCIAL)
    assert told(system, replace(rdv, motif=first), 60) == "accepted"
    assert ambiguous(system) == [False]
    assert told(system, replace(rdv, motif=last), 60) == "accepted"
    assert (titles(system), ambiguous(system)) == ([last.name], [True])


def test_the_next_state_settles_a_tie(system: System, rdv: Rdv) -> None:
    told(system, replace(rdv, motif=cast.SOCIAL), 60)
    told(system, replace(rdv, motif=cast.RIGHTS), 60)
    assert told(system, replace(rdv, motif=cast.SOCIAL), 59) == "accepted"
    assert (titles(system), ambiguous(system)) == ([cast.SOCIAL.name], [False])


def test_a_repeat_of_either_state_changes_nothing(system: System, rdv: Rdv) -> None:
    """What a retry brings back is recognised by its body, or the two would take turns for a week."""
    told(system, replace(rdv, motif=cast.SOCIAL), 60)
    told(system, replace(rdv, motif=cast.RIGHTS), 60)
    assert told(system, replace(rdv, motif=cast.SOCIAL), 60) == "duplicate"
    assert titles(system) == [cast.RIGHTS.name]
