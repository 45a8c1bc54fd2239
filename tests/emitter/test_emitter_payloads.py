"""The model renders into exactly the recorded shapes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from emitter.associations import AgentRole, AgentsRdv, ReferentAssignation, UserProfile
from emitter.generations.times import PARIS
from emitter.model import (
    Agent,
    Event,
    Invitation,
    Lieu,
    LocationType,
    Motif,
    MotifCategory,
    Organisation,
    Participation,
    Rdv,
    Status,
    Usager,
)
from emitter.payloads import Generation, render, render_other
from emitter.schedule import Absence, Frequency, PlageOuverture, Recurrence

MDS = Organisation(12, "MDS d'Arras", "03 21 00 00 00", "mds-arras@departement.example")
CONSULTATION = Motif(45, "Consultation PMI & suivi <0-6 ans>", instruction_for_rdv="Apporter le carnet de santé")
MARTINE = Agent(31, "martine.agent@departement.example", "Martine", "AGENT", insertion_id=2)
KARIM = Agent(32, "karim.agent@departement.example", "Karim", "AGENT")
INTERVENANT = Agent(90, None, None, "Intervenant extérieur")
OFFICE = Lieu(7, "Maison du Département Solidarité", "37 rue du Temple, Arras, 62000", "03 21 00 00 00")
FATOUMATA = Usager(
    id=901,
    first_name="Fatoumata",
    last_name="EXEMPLE",
    email="fatoumata.exemple@example.org",
    phone_number="06 39 98 00 01",
    phone_number_formatted="+33639980001",
    address="14 impasse des Usagers, 62000 Arras",
    address_details="bâtiment C",
    birth_date=date(1975, 6, 20),
    created_at=datetime(2025, 11, 2, 9, tzinfo=PARIS),
    caisse_affiliation="caf",
    affiliation_number="1234567A",
    family_situation="single",
    number_of_children=2,
    case_number="DOS-77",
    logement="locataire",
    notes="Suivi depuis 2019, ne pas appeler le matin",
)
RDV = Rdv(
    id=4330,
    uuid="0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11",
    starts_at=datetime(2026, 12, 7, 10, tzinfo=PARIS),
    duration_in_min=45,
    organisation=MDS,
    motif=CONSULTATION,
    agents=(MARTINE, KARIM),
    lieu=OFFICE,
    users=(FATOUMATA,),
    participations=(Participation(5501, FATOUMATA),),
    context="Madame vient avec sa fille malade",
    created_at=datetime(2026, 11, 30, 9, 12, 40, tzinfo=PARIS),
)
MOVED = replace(RDV, starts_at=datetime(2027, 1, 31, 14, tzinfo=PARIS), agents=(KARIM,))
EXCUSED = replace(MOVED, status=Status.EXCUSED, cancelled_at=datetime(2026, 12, 2, 8, tzinfo=PARIS))
HOME = replace(
    RDV,
    id=4331,
    uuid="6f4b7b0c-1a41-4f1c-8f55-3ac0a9f5d2f0",
    motif=replace(CONSULTATION, name="Visite à domicile", location_type=LocationType.HOME),
    lieu=None,
)
PHONE = replace(
    RDV,
    id=4332,
    uuid="d2d8c1cb-8a8b-4c49-8f0e-8a0f6f6f6f01",
    motif=replace(CONSULTATION, name="Être rappelé par la PMI", location_type=LocationType.PHONE),
    agents=(MARTINE, INTERVENANT),
    lieu=None,
)
COLLECTIVE = replace(
    RDV,
    id=4333,
    uuid="3f3f1e7a-5e0c-4b7e-9d43-9a9b9c9d9e02",
    motif=replace(CONSULTATION, name="Atelier collectif", collectif=True),
    max_participants_count=8,
    users_count=3,
    name="Atelier parents",
)
VISIO = replace(
    RDV,
    id=4334,
    uuid="8b0a52b2-7d3e-4a53-9a59-0f5a6e4c7003",
    starts_at=datetime(2026, 12, 7, 14, tzinfo=UTC),
    motif=replace(CONSULTATION, name="Entretien en visio", location_type=LocationType.VISIO),
    lieu=None,
    time_zone="America/Guadeloupe",
)
IN_2020 = Rdv(
    id=1,
    uuid="c7a0e36e-0c1d-49a5-9d88-33b1f5f7a004",
    starts_at=datetime(2026, 12, 8, 10, tzinfo=PARIS),
    duration_in_min=30,
    organisation=Organisation(1, "MDS d'Arras"),
    motif=Motif(1, "Être rappelé par la PMI", LocationType.PHONE),
    agents=(Agent(1, "Martine.Agent@Departement.example", "Martine", "AGENT"),),
    users=(replace(FATOUMATA, id=1, address=None, email="usager@example.org", phone_number="06 39 98 00 01"),),
    created_at=datetime(2026, 11, 30, 10, 46, tzinfo=PARIS),
)
ANDREA = Usager(
    id=722,
    uid="Nzg2",
    affiliation_number="7867687",
    role="demandeur",
    first_name="Andrea",
    last_name="EXEMPLE",
    address="14 impasse des Usagers, 62000 Arras",
    phone_number=None,
    phone_number_formatted="+33639980002",
    email="andrea@example.org",
    birth_date=date(1987, 12, 20),
    nir="187126200000000",
    created_at=datetime(2026, 1, 5, 9, tzinfo=PARIS),
)
ORIENTATION = MotifCategory(1, "rsa_orientation", "RSA orientation")
INSERTION = Rdv(
    id=4344,
    insertion_id=325,
    uuid="2b0c2393-bf2c-47f0-9f84-e30a6b067005",
    starts_at=datetime(2026, 12, 9, 9, tzinfo=PARIS),
    duration_in_min=25,
    organisation=Organisation(12, "CD 62", "01 01 01 01 01", insertion_id=4),
    motif=Motif(45, "RSA Orientation : convocation sur site", category=ORIENTATION),
    agents=(MARTINE,),
    lieu=OFFICE,
    users=(ANDREA,),
    created_at=datetime(2026, 11, 30, 9, 25, tzinfo=PARIS),
)

RECORDED = datetime(2026, 11, 20, 8, 55, 43, tzinfo=UTC)
ABSENCE = Absence(
    id=88,
    title="Rendez-vous médical",
    first_day=date(2026, 12, 21),
    end_day=date(2026, 12, 24),
    start_time=time(8),
    end_time=time(18),
    agent=MARTINE,
    organisation=MDS,
    recorded_at=RECORDED,
)
WEEKLY = PlageOuverture(
    id=568,
    title="Permanence PMI",
    first_day=date(2026, 12, 7),
    start_time=time(9),
    end_time=time(12),
    agent=MARTINE,
    organisation=MDS,
    motifs=(CONSULTATION,),
    recorded_at=RECORDED,
    lieu=OFFICE,
    recurrence=Recurrence(Frequency.WEEKLY, 1, ("MO", "TH"), date(2027, 7, 1)),
)
MONTHLY = replace(WEEKLY, id=569, first_day=date(2026, 12, 9), recurrence=Recurrence(Frequency.MONTHLY, days=("2WE",)))

MADE = datetime(2026, 11, 30, 9, 12, 44, tzinfo=PARIS)
MADE_MS = datetime(2026, 11, 30, 9, 12, 44, 903_000, tzinfo=PARIS)
OCCURRED = datetime(2026, 11, 30, 9, 12, 41, 120_000, tzinfo=PARIS)
CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
PURGED = datetime(2028, 12, 3, 2, tzinfo=PARIS)

SAMPLES = {
    "rdv-2020-created": render(IN_2020, CREATED, Generation.YEAR_2020, datetime(2026, 11, 30, 10, 46, 3, tzinfo=PARIS)),
    "rdv-2024-created": render(RDV, CREATED, Generation.YEAR_2024, MADE),
    "rdv-2024-home": render(HOME, CREATED, Generation.YEAR_2024, MADE),
    "rdv-2024-phone-with-intervenant": render(PHONE, CREATED, Generation.YEAR_2024, MADE),
    "rdv-2024-collectif": render(COLLECTIVE, CREATED, Generation.YEAR_2024, MADE),
    "rdv-2024-updated-moved-and-agent-removed": render(
        MOVED, UPDATED, Generation.YEAR_2024, datetime(2026, 12, 1, 11, 0, 2, tzinfo=PARIS)
    ),
    "rdv-2024-updated-excused": render(
        EXCUSED, UPDATED, Generation.YEAR_2024, datetime(2026, 12, 2, 8, 0, 1, tzinfo=PARIS)
    ),
    "rdv-2024-destroyed-rgpd": render(EXCUSED, DESTROYED, Generation.YEAR_2024, PURGED, webhook_reason="rgpd"),
    "rdv-2026-visio-guadeloupe": render(VISIO, CREATED, Generation.YEAR_2026, MADE_MS, occurred_at=OCCURRED),
    "rdv-insertion-created": render(
        INSERTION,
        CREATED,
        Generation.RDV_INSERTION,
        datetime(2026, 11, 30, 9, 25, 5, 356_000, tzinfo=PARIS),
    ),
    "absence-several-days": render(ABSENCE, CREATED, Generation.YEAR_2024, MADE),
    "plage-ouverture-weekly-across-dst": render(WEEKLY, CREATED, Generation.YEAR_2024, MADE),
    "plage-ouverture-monthly-second-wednesday": render(MONTHLY, CREATED, Generation.YEAR_2024, MADE),
    "agent-role-destroyed": render_other(AgentRole(77, MDS, MARTINE), DESTROYED, MADE),
    "user-updated": render_other(FATOUMATA, UPDATED, MADE),
    "agent-updated-new-email": render_other(
        replace(MARTINE, email="martine.dupont@departement.example"), UPDATED, MADE
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_rendered_body_equals_the_recorded_sample(name, sample):
    """Compared as text too: the order of keys is part of the shape."""
    rendered = json.loads(SAMPLES[name])
    assert rendered == sample(name)
    assert json.dumps(rendered) == json.dumps(sample(name))


def test_every_recorded_sample_is_rebuilt(pytestconfig):
    assert {path.stem for path in (pytestconfig.rootpath / "tests" / "payloads").glob("*.json")} == set(SAMPLES)


def test_before_mid_2020_the_model_is_lower_case_and_has_no_uuid():
    early = json.loads(render(IN_2020, CREATED, Generation.EARLY_2020, MADE))
    usual = json.loads(render(IN_2020, CREATED, Generation.YEAR_2020, MADE))
    assert early["meta"] == {"model": "rdv", "event": "created", "timestamp": "2026-11-30 09:12:44 +0100"}
    del usual["data"]["uuid"]
    assert early["data"] == usual["data"]


def test_2022_orders_keys_by_the_alphabet_and_calls_participations_rdvs_users():
    body = json.loads(render(RDV, CREATED, Generation.YEAR_2022, MADE, webhook_reason="rgpd"))
    data = body["data"]
    assert list(body["meta"]) == ["model", "event", "timestamp"]
    for part in (data, data["motif"], data["organisation"], data["lieu"], data["users"][0]):
        assert list(part) == ["id", *sorted(set(part) - {"id"})]
    assert data["ends_at"] == "2026-12-07 10:45:00 +0100"
    assert list(data["rdvs_users"][0]) == [
        "send_lifecycle_notifications",
        "send_reminder_notification",
        "status",
        "user",
    ]
    assert "participations" not in data
    assert "motif_category" not in data["motif"]


def test_times_are_told_in_paris_whatever_the_zone_of_the_model():
    body = json.loads(render(VISIO, CREATED, Generation.YEAR_2024, MADE.astimezone(UTC)))
    assert body["data"]["starts_at"] == "2026-12-07 15:00:00 +0100"
    assert body["meta"]["timestamp"] == "2026-11-30 09:12:44 +0100"


def test_summer_times_carry_the_summer_offset():
    summer = replace(RDV, starts_at=datetime(2026, 7, 1, 8, tzinfo=UTC))
    assert json.loads(render(summer, CREATED, Generation.YEAR_2024, MADE))["data"]["starts_at"] == (
        "2026-07-01 10:00:00 +0200"
    )


def test_a_timestamp_has_no_fraction_of_a_second():
    body = json.loads(render(RDV, CREATED, Generation.YEAR_2024, MADE_MS))
    assert body["meta"]["timestamp"] == "2026-11-30 09:12:44 +0100"


def test_rdv_service_public_sends_compact_json_with_accents_as_they_are():
    body = render(RDV, CREATED, Generation.YEAR_2024, MADE)
    assert b'"name":"Consultation PMI & suivi <0-6 ans>"' in body
    assert "Maison du Département Solidarité".encode() in body


def test_rdv_insertion_escapes_what_html_would_mind():
    """Its encoder is another one; a receiver that signs JSON it encoded itself would refuse these bodies."""
    body = render(RDV, CREATED, Generation.RDV_INSERTION, MADE)
    assert rb"Consultation PMI \u0026 suivi \u003c0-6 ans\u003e" in body
    assert "Département".encode() in body
    assert json.loads(body)["data"]["motif"]["name"] == "Consultation PMI & suivi <0-6 ans>"


def test_both_emitters_tell_of_one_appointment_by_the_same_uuid_and_id():
    theirs = json.loads(render(RDV, CREATED, Generation.RDV_INSERTION, MADE))["data"]
    ours = json.loads(render(RDV, CREATED, Generation.YEAR_2024, MADE))["data"]
    assert (theirs["uuid"], theirs["rdv_solidarites_rdv_id"]) == (ours["uuid"], ours["id"])
    assert theirs["id"] != ours["id"]
    assert theirs["participations"][0]["user"]["nir"] is None


@pytest.mark.parametrize(
    ("thing", "model"),
    [
        (FATOUMATA, "User"),
        (CONSULTATION, "Motif"),
        (MARTINE, "Agent"),
        (OFFICE, "Lieu"),
        (MDS, "Organisation"),
        (Invitation(4806, ANDREA, MADE, ORIENTATION), "Invitation"),
    ],
)
def test_other_models_are_named_in_meta(thing, model):
    body = json.loads(render_other(thing, UPDATED, MADE))
    assert body["meta"]["model"] == model
    assert body["data"]["id"] == thing.id


@pytest.mark.parametrize(
    ("thing", "model", "keys"),
    [
        (AgentRole(77, MDS, MARTINE), "AgentRole", ["id", "access_level", "organisation", "agent"]),
        (UserProfile(FATOUMATA, MDS), "UserProfile", ["user", "organisation"]),
        (ReferentAssignation(FATOUMATA, MARTINE), "ReferentAssignation", ["user", "agent"]),
        (AgentsRdv(5, MARTINE, RDV), "AgentsRdv", ["id", "agent", "rdv"]),
    ],
)
def test_what_ties_two_things_together_names_both(thing, model, keys):
    """Some have no id at all: a receiver that asks for one refuses them for a week."""
    body = json.loads(render_other(thing, UPDATED, MADE))
    assert body["meta"]["model"] == model
    assert list(body["data"]) == keys


def test_an_invitation_is_told_in_rdv_insertions_words():
    body = json.loads(render_other(Invitation(4806, ANDREA, MADE, ORIENTATION), CREATED, MADE))
    assert body["meta"] == {
        "model": "Invitation",
        "event": "created",
        "timestamp": "2026-11-30T09:12:44.000+01:00",
    }
    assert body["data"]["motif_category"]["short_name"] == "rsa_orientation"
