"""Short lives that the machine, or thinking about it, once found to end badly. Each is a reason for a line of code."""

from collections.abc import Iterator

import pytest

from emitter.model import Status
from emitter.payloads import Generation
from tests.convergence.emitters import ARRAS, KARIM, MARTINE, PAUL
from tests.convergence.life import Life
from tests.convergence.shared_exchange import SharedExchange
from tests.convergence.strategies import ALIASES, COMING, MAILBOXES


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedExchange]:
    opened = SharedExchange(tmp_path_factory.mktemp("wrong"), MAILBOXES, ALIASES)
    yield opened
    opened.close()


@pytest.fixture
def life(shared: SharedExchange) -> Iterator[Life]:

    class LifeHere(Life):
        pass

    LifeHere.shared = shared
    begun = LifeHere()
    begun.the_staff_is_hired(told=True, jwt=False)
    yield begun
    begun._closing.close()


def make_rdv(life: Life, *agents: int, send: str = "now and work") -> None:
    life.a_rdv_is_made(
        agents=agents,
        organisation=ARRAS,
        tellers="rsp",
        motif="consultation",
        era=COMING,
        day=1,
        hour=9,
        guadeloupe=False,
        generation=Generation.YEAR_2024,
        send=send,
    )


def change_rdv(life: Life, which: int, what: str, *agents: int, send: str = "now and work") -> None:
    life.a_rdv_changes(
        which=which,
        what=what,
        day=1,
        hour=10,
        motif="social",
        status=Status.REVOKED,
        agents=agents,
        lieu="office",
        generation=Generation.YEAR_2024,
        send=send,
    )


def tell_of(life: Life, who: int, what: str, send: str) -> None:
    life.an_agent_changes(who=who, what=what, organisation=ARRAS, send=send)


def test_what_is_destroyed_between_claim_and_call_is_not_written(life: Life) -> None:
    """Its record is gone: an entry made then would be nobody's for ever."""
    make_rdv(life, KARIM, send="now")
    life.a_worker_claims_and_hangs(meets="nothing yet", which=0)
    change_rdv(life, 0, "status", send="now")
    life.the_worker_works(how="settle all")
    life.the_worker_that_hung_goes_on()
    assert [item.subject for item in life.shared.masters(MAILBOXES[2])] == []
    life.teardown()


def test_a_record_that_took_a_dropped_ones_number_is_not_taken_for_it(life: Life) -> None:
    """SQLite gives numbers out again: the entry of one event would be written over another's, for ever refused."""
    make_rdv(life, KARIM, send="now")
    life.a_worker_claims_and_hangs(meets="nothing yet", which=0)
    change_rdv(life, 0, "status", send="now")
    life.the_worker_works(how="settle all")
    make_rdv(life, MARTINE, send="now")
    life.the_worker_works(how="settle all")
    life.the_worker_that_hung_goes_on()
    life.teardown()


def test_an_address_that_came_back_is_not_undone_by_late_news_of_the_other(life: Life) -> None:
    """A message that only confirms what is known still makes it newer."""
    make_rdv(life, PAUL)
    tell_of(life, PAUL, "renamed and back", send="later")
    life.deliver_all(newest_first=True)
    life.teardown()


def test_a_departure_counts_though_a_newer_state_of_that_event_came_first(life: Life) -> None:
    """The platform tells of a departure nowhere else than in payloads that list the agent."""
    life.choose(keep_departed=False)
    make_rdv(life, MARTINE, KARIM)
    make_rdv(life, MARTINE, KARIM)
    tell_of(life, MARTINE, "leaves", send="now")
    change_rdv(life, 0, "context", send="later")
    change_rdv(life, 0, "agents", KARIM)
    life.teardown()


def test_what_was_the_last_address_of_somebody_who_left_does_not_depend_on_arrival(life: Life) -> None:
    make_rdv(life, MARTINE, KARIM)
    tell_of(life, MARTINE, "renamed", send="later")
    tell_of(life, MARTINE, "leaves", send="later")
    change_rdv(life, 0, "context")
    life.teardown()
