"""An instance of the platform for tests: its people, its appointments, and a client of its API."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

from emitter.model import Agent, Motif, Organisation, Participation, Rdv
from emitter.rest import Account, RestPlatform
from emitter.scenarios import cast
from emitter.schedule import Absence, PlageOuverture
from receiver.config import ApiSettings, Secret
from receiver.operations.resync.platform_api import Api

EMAIL, PASSWORD = "api@departement.example", "the API's password"
ARRAS, LENS = cast.MDS, cast.MDS_LENS
ADMIN = Account(EMAIL, PASSWORD, admin_of=frozenset({ARRAS.id, LENS.id}))
CANARIES = ["EXEMPLE", "Fatoumata", "impasse des Usagers", "fille malade", "275066200000000", "fatoumata.exemple"]
"""What the API tells of usagers and nobody here has any business with."""


def an_rdv(
    number: int,
    organisation: Organisation = ARRAS,
    motif: Motif = cast.CONSULTATION,
    agents: tuple[Agent, ...] = (cast.MARTINE,),
    days: int = 7,
) -> Rdv:
    starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    return Rdv(
        id=number,
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        starts_at=starts_at,
        duration_in_min=45,
        organisation=organisation,
        motif=motif,
        agents=agents,
        created_at=starts_at - timedelta(days=60),
        lieu=cast.OFFICE,
        users=(cast.FATOUMATA,),
        participations=(Participation(id=number, user=cast.FATOUMATA),),
        context="Madame vient avec sa fille malade",
    )


def an_absence(number: int, organisation: Organisation = ARRAS, agent: Agent = cast.MARTINE) -> Absence:
    day = (datetime.now(UTC) + timedelta(days=9)).date()
    recorded_at = datetime.now(UTC) - timedelta(days=60)
    return Absence(number, "Rendez-vous médical", day, day, time(8), time(12), agent, organisation, recorded_at)


def a_plage(number: int, organisation: Organisation = ARRAS) -> PlageOuverture:
    day = (datetime.now(UTC) + timedelta(days=9)).date()
    return PlageOuverture(
        id=number,
        title="Permanence",
        first_day=day,
        start_time=time(9),
        end_time=time(12),
        agent=cast.MARTINE,
        organisation=organisation,
        motifs=(cast.CONSULTATION,),
        lieu=cast.OFFICE,
        recorded_at=datetime.now(UTC) - timedelta(days=60),
    )


def an_instance(*accounts: Account, **more: Any) -> RestPlatform:
    return RestPlatform(list(accounts) or [ADMIN], [ARRAS, LENS], **more)


@contextmanager
def an_api(url: str, password: str = PASSWORD, waits: list[float] | None = None, **more: Any) -> Iterator[Api]:
    """A client that waits for nobody; how long it would have waited goes into `waits`."""
    told = waits if waits is not None else []
    api = Api(ApiSettings(url=url, email=EMAIL, password=Secret(password), **more), sleep=told.append)
    try:
        yield api
    finally:
        api.close()
