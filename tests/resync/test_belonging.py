"""Whose a RDV is, where two organisations say that it is theirs: the platform's own word decides, and nothing else."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emitter.model import Organisation
from emitter.rest import Account, Fault, RestPlatform, RestServer
from receiver.config import ApiSettings, Secret, Source
from receiver.core.facts import Emitter, EventKind
from receiver.core.scope import Authority
from receiver.operations import held_organisations
from receiver.store import Store
from receiver.store.intake import set_aside
from receiver.worker.periodic import LOOK_AGAIN, LOOK_EVERY, Periodic
from tests.lab.configuration import signing
from tests.lab.worker_harness import settings_for
from tests.makers import MARTINE
from tests.resync.instance import ADMIN, ARRAS, CANARIES, EMAIL, LENS, PASSWORD, an_instance, an_rdv
from tests.store.scopes import Town, a_rdv

HERS = MARTINE.email or ""
OF_ARRAS, OF_LENS = Authority(frozenset({ARRAS.id})), Authority(frozenset({LENS.id}))
THIRD = Organisation(id=77, name="MDS de Calais", phone_number="", email="")


def a_source(url: str, password: str = PASSWORD, name: str = "mds") -> Source:
    return Source(
        name=name,
        emitter=Emitter.RDV_SERVICE_PUBLIC,
        platform="production",
        secrets=(signing("s"),),
        api=ApiSettings(url=url, email=EMAIL, password=Secret(password)),
    )


class Here:
    """A platform, and a town that knows RDV 1 to `known` as Arras' while Lens tells that they are its own."""

    def __init__(self, platform: RestPlatform, server: RestServer, store: Store) -> None:
        self.platform, self.server, self.town = platform, server, Town(store)
        self.pauses: list[float] = []
        self.stops = False

    def claim(self, *numbers: int, kind: EventKind = EventKind.UPDATED, age_s: float = 30) -> None:
        for number in numbers:
            self.town.tell(a_rdv(ARRAS.id, 60, number=number, motif="known"), OF_ARRAS)
            self.town.tell(a_rdv(LENS.id, age_s, kind, number=number, motif="claimed"), OF_LENS)

    def look(self, after: int = 0) -> held_organisations.Decisions:
        source = a_source(self.server.url)
        assert source.api is not None
        api = held_organisations.open_api(source.api)
        try:
            return held_organisations.ask_platform(self.town.store, source, api, after, self._pause)
        finally:
            api.close()

    def _pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return self.stops

    def shown(self) -> list[str]:
        return sorted(self.town.shown().get(HERS, {}).values())

    def asked(self) -> list[str]:
        return [path for method, path in self.server.requests if method == "GET"]


@pytest.fixture
def here(store: Store) -> Iterator[Here]:
    platform = an_instance()
    with RestServer(platform) as server:
        yield Here(platform, server, store)


def outcome(look: held_organisations.Decisions) -> tuple[int, int, int]:
    return look.released, look.dropped, look.unanswered


def test_a_rdv_that_moved_is_taken_in_once_the_platform_says_so(here: Here) -> None:
    here.claim(1)
    here.platform.hold(an_rdv(1, LENS))
    assert outcome(here.look()) == (1, 0, 0)
    assert (here.shown(), here.town.waits()) == (["claimed"], [])


def test_a_false_claim_is_dropped_once_the_platform_says_so(here: Here) -> None:
    here.claim(1)
    here.platform.hold(an_rdv(1, ARRAS))
    assert outcome(here.look()) == (0, 1, 0)
    assert (here.shown(), here.town.waits()) == (["known"], [])


def test_what_is_hidden_waits_for_somebody_to_decide(here: Here) -> None:
    here.claim(1)
    assert outcome(here.look()) == (0, 0, 1)
    assert here.shown() == ["known"]
    assert [group.count for group in here.town.waits()] == [1]


def test_what_is_a_third_organisations_waits(here: Here, store: Store) -> None:
    here.platform.accounts._accounts[EMAIL] = replace(ADMIN, admin_of=frozenset({12, 13, THIRD.id}))
    here.claim(1)
    here.platform.hold(an_rdv(1, THIRD))
    assert outcome(here.look()) == (0, 0, 1)


def test_what_exists_was_not_destroyed_and_no_list_says_that_it_was(here: Here) -> None:
    here.claim(1, 2, 3, kind=EventKind.DESTROYED)
    here.platform.hold(an_rdv(1, ARRAS), an_rdv(2, LENS))
    assert outcome(here.look()) == (0, 2, 1)
    assert here.shown() == ["known"] * 3


@pytest.mark.threat(id="borrowed-number")
def test_a_number_of_ones_own_beside_anothers_uuid_proves_nothing(here: Here) -> None:
    """The list would name the organisation of another RDV than the one that is meant."""
    here.town.tell(a_rdv(ARRAS.id, 60, number=1, motif="known"), OF_ARRAS)
    here.town.tell(replace(a_rdv(LENS.id, 30, number=1, motif="claimed"), wire_id=2), OF_LENS)
    here.platform.hold(an_rdv(2, LENS))
    assert not held_organisations.is_asked(here.town.store, a_source(here.server.url))
    assert outcome(here.look()) == (0, 0, 0)
    assert here.shown() == ["known"]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302, 200])
def test_without_an_answer_it_waits_and_nobody_is_asked_again(here: Here, status: int) -> None:
    here.claim(*range(1, held_organisations.PAGE + 2))
    here.platform.hold(an_rdv(1, LENS))
    here.platform.faults = [Fault(status, retry_after_s=3600, path="/rdvs") for _ in range(2)]
    look = here.look()
    assert outcome(look) == (0, 0, held_organisations.PAGE + 1)
    assert look.trouble is not None
    assert len(here.asked()) == (2 if status == 401 else 1), "a token may have run out: once more with a new one"


def test_what_was_answered_before_the_trouble_holds(here: Here) -> None:
    here.claim(*range(1, held_organisations.PAGE + 2))
    here.platform.hold(an_rdv(1, LENS))
    here.stops = True
    assert outcome(here.look()) == (1, 0, held_organisations.PAGE)


def test_a_refused_sign_in_is_tried_once(here: Here) -> None:
    here.claim(1)
    here.platform.accounts._accounts.clear()
    assert here.look().trouble == "sign_in_refused"
    assert here.server.requests == [("POST", "/api/v1/auth/sign_in")]


def test_many_are_asked_in_batches_with_a_pause_and_the_rest_in_the_next_look(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_organisations, "PAGE", 2)
    monkeypatch.setattr(held_organisations, "MOST", 4)
    here.claim(*range(1, 7))
    here.platform.hold(an_rdv(6, LENS))
    first = here.look()
    assert (len(here.asked()), here.pauses) == (2, [held_organisations.PAUSE_S])
    assert outcome(first) == (0, 0, 4)
    second = here.look(first.last)
    assert outcome(second) == (1, 0, 1)
    assert second.last == 0


def test_what_somebody_decided_meanwhile_is_left_alone(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the number of what was decided may be another's by then."""
    here.claim(1)
    here.platform.hold(an_rdv(1, LENS))
    store = here.town.store
    asked = held_organisations.Api.organisations_of

    def meanwhile(api: held_organisations.Api, ids: list[int]) -> dict[int, int | None]:
        answer = asked(api, ids)
        store.write(set_aside.drop, here.town.waiting_ids())
        here.claim(2)
        return answer

    monkeypatch.setattr(held_organisations.Api, "organisations_of", meanwhile)
    assert outcome(here.look())[0] == 0
    assert here.shown() == ["known", "known"]


def test_nothing_of_what_a_list_tells_of_usagers_is_kept(here: Here, tmp_path: Path) -> None:
    here.claim(1)
    here.platform.hold(an_rdv(1, LENS))
    here.look()
    told = " ".join(f"{each}" for each in here.town.store.read(set_aside.waiting, 10)) + " ".join(here.shown())
    assert not [canary for canary in CANARIES if canary in told]


# The lookout


def a_lookout(here: Here, password: str = PASSWORD) -> Periodic:
    source = a_source(here.server.url, password)
    settings = settings_for("", here.town.rules.mailboxes).replace(sources={"mds": source})
    return Periodic(here.town.store, settings, here.town.rules, [], here.town.store.installation().id)


def tick(lookout: Periodic, now: datetime) -> None:
    lookout.tick(now)
    lookout.join(time.monotonic() + 30)


def test_the_lookout_asks_when_something_waits_and_not_again_at_once(here: Here) -> None:
    lookout, now = a_lookout(here), datetime.now(UTC)
    tick(lookout, now)
    assert here.server.requests == [], "nothing waits"
    here.claim(1)
    tick(lookout, now + timedelta(minutes=2))
    tick(lookout, now + timedelta(minutes=4))
    assert len(here.asked()) == 1
    here.platform.hold(an_rdv(1, LENS))
    tick(a_lookout(here), now + timedelta(minutes=6))
    assert len(here.asked()) == 1, "another host asked a moment ago"
    tick(lookout, now + timedelta(minutes=3) + LOOK_AGAIN)
    assert (len(here.asked()), here.shown()) == (2, ["claimed"])


def test_a_refused_account_is_left_alone_for_hours(here: Here) -> None:
    here.claim(1)
    lookout, now = a_lookout(here, "wrong"), datetime.now(UTC)
    tick(lookout, now)
    tick(lookout, now + LOOK_AGAIN * 2)
    assert len(here.server.requests) == 1
    tick(a_lookout(here, "wrong"), now + LOOK_AGAIN * 2)
    assert len(here.server.requests) == 2, "a new process may know a better password"
    tick(lookout, now + LOOK_EVERY + LOOK_AGAIN * 3)
    assert len(here.server.requests) == 3


def test_an_account_that_sees_less_confirms_less(here: Here) -> None:
    here.platform.accounts._accounts[EMAIL] = Account(EMAIL, PASSWORD, admin_of=frozenset({ARRAS.id}))
    here.claim(1)
    here.platform.hold(an_rdv(1, LENS))
    assert outcome(here.look()) == (0, 0, 1)
