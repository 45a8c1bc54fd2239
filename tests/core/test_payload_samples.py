"""Each generation's sample, decoded: what is kept of it, said field by field."""

from datetime import UTC, datetime

import pytest

from receiver.core.facts import AgentRef, Delivery, Emitter, EventKind, Lieu, LocationType, Model, RdvState, Version
from receiver.core.payload import Irrelevant, decode
from receiver.core.policies import Policies
from tests.core.samples import OTHER_SAMPLES, RDV_SAMPLES, sample_bytes

SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION

MARTINE = AgentRef("31", "martine.agent@departement.example")
KARIM = AgentRef("32", "karim.agent@departement.example")
TEMPLE = Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


FIRST_VERSION = Version(EventKind.CREATED, utc(2026, 11, 30, 8, 12, 44))
TEN_O_CLOCK = {"starts_at": utc(2026, 12, 7, 9), "ends_at": utc(2026, 12, 7, 9, 45)}
ARRAS = {"organisation": 12, "verticale": "rdv_solidarites"}
MOVED = RdvState(
    starts_at=utc(2027, 1, 31, 13),
    ends_at=utc(2027, 1, 31, 13, 45),
    motif="Consultation PMI & suivi <0-6 ans>",
    location_type=LocationType.PUBLIC_OFFICE,
    lieu=TEMPLE,
    users_count=1,
    rdv=4330,
    **ARRAS,
)
UUID = "0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11"

EXPECTED: dict[str, Delivery] = {
    # Before mid-2022 neither `ends_at` nor counts; e-mails as agents typed them.
    "rdv-2020-created": Delivery(
        model=Model.RDV,
        wire_id=1,
        uuid="c7a0e36e-0c1d-49a5-9d88-33b1f5f7a004",
        organisation=1,
        version=Version(EventKind.CREATED, utc(2026, 11, 30, 9, 46, 3)),
        purge=False,
        state=RdvState(
            starts_at=utc(2026, 12, 8, 9),
            ends_at=utc(2026, 12, 8, 9, 30),
            motif="Être rappelé par la PMI",
            location_type=LocationType.PHONE,
            organisation=1,
            rdv=1,
        ),
        agents=(AgentRef("1", "martine.agent@departement.example"),),
    ),
    "rdv-2024-created": Delivery(
        model=Model.RDV,
        wire_id=4330,
        uuid=UUID,
        organisation=12,
        version=FIRST_VERSION,
        purge=False,
        state=RdvState(
            motif="Consultation PMI & suivi <0-6 ans>",
            location_type=LocationType.PUBLIC_OFFICE,
            lieu=TEMPLE,
            users_count=1,
            rdv=4330,
            **TEN_O_CLOCK,
            **ARRAS,
        ),
        agents=(MARTINE, KARIM),
    ),
    "rdv-2024-collectif": Delivery(
        model=Model.RDV,
        wire_id=4333,
        uuid="3f3f1e7a-5e0c-4b7e-9d43-9a9b9c9d9e02",
        organisation=12,
        version=FIRST_VERSION,
        purge=False,
        state=RdvState(
            motif="Atelier collectif",
            location_type=LocationType.PUBLIC_OFFICE,
            lieu=TEMPLE,
            collective=True,
            users_count=3,
            max_participants=8,
            rdv=4333,
            **TEN_O_CLOCK,
            **ARRAS,
        ),
        agents=(MARTINE, KARIM),
    ),
    # `data.address` is the usager's home.
    "rdv-2024-home": Delivery(
        model=Model.RDV,
        wire_id=4331,
        uuid="6f4b7b0c-1a41-4f1c-8f55-3ac0a9f5d2f0",
        organisation=12,
        version=FIRST_VERSION,
        purge=False,
        state=RdvState(
            motif="Visite à domicile",
            location_type=LocationType.HOME,
            users_count=1,
            rdv=4331,
            **TEN_O_CLOCK,
            **ARRAS,
        ),
        agents=(MARTINE, KARIM),
    ),
    "rdv-2024-phone-with-intervenant": Delivery(
        model=Model.RDV,
        wire_id=4332,
        uuid="d2d8c1cb-8a8b-4c49-8f0e-8a0f6f6f6f01",
        organisation=12,
        version=FIRST_VERSION,
        purge=False,
        state=RdvState(
            motif="Être rappelé par la PMI",
            location_type=LocationType.PHONE,
            users_count=1,
            rdv=4332,
            **TEN_O_CLOCK,
            **ARRAS,
        ),
        agents=(MARTINE, AgentRef("90", None)),
    ),
    "rdv-2024-updated-moved-and-agent-removed": Delivery(
        model=Model.RDV,
        wire_id=4330,
        uuid=UUID,
        organisation=12,
        version=Version(EventKind.UPDATED, utc(2026, 12, 1, 10, 0, 2)),
        purge=False,
        state=MOVED,
        agents=(KARIM,),
    ),
    "rdv-2024-updated-excused": Delivery(
        model=Model.RDV,
        wire_id=4330,
        uuid=UUID,
        organisation=12,
        version=Version(EventKind.UPDATED, utc(2026, 12, 2, 7, 0, 1)),
        purge=False,
        state=RdvState(
            starts_at=MOVED.starts_at,
            ends_at=MOVED.ends_at,
            motif=MOVED.motif,
            location_type=LocationType.PUBLIC_OFFICE,
            lieu=TEMPLE,
            cancelled=True,
            users_count=1,
            rdv=4330,
            **ARRAS,
        ),
        agents=(KARIM,),
    ),
    # Its body still says everything; nothing of it is kept.
    "rdv-2024-destroyed-rgpd": Delivery(
        model=Model.RDV,
        wire_id=4330,
        uuid=UUID,
        organisation=12,
        version=Version(EventKind.DESTROYED, utc(2028, 12, 3, 1)),
        purge=True,
        state=None,
    ),
    "rdv-2026-visio-guadeloupe": Delivery(
        model=Model.RDV,
        wire_id=4334,
        uuid="8b0a52b2-7d3e-4a53-9a59-0f5a6e4c7003",
        organisation=12,
        version=Version(
            EventKind.CREATED, utc(2026, 11, 30, 8, 12, 44, 903_000), utc(2026, 11, 30, 8, 12, 41, 120_000)
        ),
        purge=False,
        state=RdvState(
            starts_at=utc(2026, 12, 7, 14),
            ends_at=utc(2026, 12, 7, 14, 45),
            motif="Entretien en visio",
            location_type=LocationType.VISIO,
            time_zone="America/Guadeloupe",
            users_count=1,
            agent_url="https://rdv.anct.gouv.fr/agents/rdvs/4334",
            rdv=4334,
            **ARRAS,
        ),
        agents=(MARTINE, KARIM),
    ),
    # rdv-insertion's own numbers (325, 2, 4) stand nowhere.
    "rdv-insertion-created": Delivery(
        model=Model.RDV,
        wire_id=4344,
        uuid="2b0c2393-bf2c-47f0-9f84-e30a6b067005",
        organisation=12,
        version=Version(EventKind.CREATED, utc(2026, 11, 30, 8, 25, 5, 356_000)),
        purge=False,
        state=RdvState(
            starts_at=utc(2026, 12, 9, 8),
            ends_at=utc(2026, 12, 9, 8, 25),
            motif="RSA Orientation : convocation sur site",
            location_type=LocationType.PUBLIC_OFFICE,
            lieu=Lieu("", "", single_use=True, unsaid=True),
            users_count=1,
            organisation=12,
            rdv=4344,
        ),
        agents=(MARTINE,),
    ),
}


def test_every_sample_of_a_rdv_has_its_expectation() -> None:
    assert sorted(EXPECTED) == RDV_SAMPLES


@pytest.mark.parametrize("name", RDV_SAMPLES)
def test_a_sample_decodes_to_exactly_this(name: str) -> None:
    emitter = INSERTION if name.startswith("rdv-insertion") else SP
    assert decode(sample_bytes(name), emitter, Policies()) == EXPECTED[name]


@pytest.mark.parametrize("emitter", Emitter)
def test_a_model_without_a_place_in_a_calendar_is_irrelevant(emitter: Emitter) -> None:
    with pytest.raises(Irrelevant):
        decode(sample_bytes("user-updated"), emitter, Policies())


@pytest.mark.parametrize("name", OTHER_SAMPLES)
def test_of_rdv_insertion_appointments_alone_are_taken(name: str) -> None:
    """It numbers agents otherwise: its word on them would be somebody else's."""
    with pytest.raises(Irrelevant):
        decode(sample_bytes(name), INSERTION, Policies())


def test_policies_that_are_on_keep_their_free_text() -> None:
    policies = Policies(collective_names=True, visio_link=True)
    visio = decode(sample_bytes("rdv-2026-visio-guadeloupe"), SP, policies).state
    workshop = decode(sample_bytes("rdv-2024-collectif"), SP, policies).state
    assert visio is not None
    assert workshop is not None
    assert visio.visio_url == "https://webconf.numerique.gouv.fr/RdvServicePublic8b0a52b27d3e4a539a590f5a6e4c7003"
    assert workshop.name == "Atelier parents"
