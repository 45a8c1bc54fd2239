"""The people and places of every story. All invented; telephone numbers are of the range kept for fiction."""

from datetime import date, datetime

from emitter.generations.times import PARIS
from emitter.model import (
    Agent,
    Invitation,
    Lieu,
    LocationType,
    Motif,
    MotifCategory,
    Organisation,
    Usager,
)

MDS = Organisation(
    id=12,
    name="MDS d'Arras",
    phone_number="03 21 00 00 00",
    email="mds-arras@departement.example",
    insertion_id=4,
)

MDS_LENS = Organisation(
    id=13,
    name="MDS de Lens",
    phone_number="03 21 00 00 03",
    email="mds-lens@departement.example",
    insertion_id=5,
)

MARTINE_EMAIL = "martine.agent@departement.example"
KARIM_EMAIL = "karim.agent@departement.example"
MARTINE = Agent(31, MARTINE_EMAIL, "Martine", "AGENT", insertion_id=2)
KARIM = Agent(32, KARIM_EMAIL, "Karim", "AGENT", insertion_id=3)
INTERVENANT = Agent(90, None, None, "Intervenant extérieur", insertion_id=9)
DUPONT_EMAIL = "martine.dupont@departement.example"
"""Martine's address after her marriage; a mailbox of its own in the stories that name it."""
MAILBOX_OWNERS = {"martine": MARTINE_EMAIL, "karim": KARIM_EMAIL}

OFFICE = Lieu(7, "Maison du Département Solidarité", "37 rue du Temple, Arras, 62000", "03 21 00 00 00")
BRANCH = Lieu(8, "Antenne de Bapaume", "2 place Faidherbe, Bapaume, 62450", "03 21 00 00 02")
SINGLE_USE = Lieu(905, "Chez la voisine", "9 allée des Secrets, 62000 Arras", None, single_use=True)

BRING_THE_BOOK = "Apporter le carnet de santé"
CONSULTATION = Motif(45, "Consultation PMI & suivi <0-6 ans>", instruction_for_rdv=BRING_THE_BOOK)
SOCIAL = Motif(46, "Suivi social")
RIGHTS = Motif(47, "Accès aux droits")
VACCINATION = Motif(48, "Vaccination BCG", instruction_for_rdv=BRING_THE_BOOK)
JOINT = Motif(49, "Entretien conjoint")
HOME_VISIT = Motif(50, "Visite à domicile", LocationType.HOME)
PHONE_CALL = Motif(51, "Être rappelé par la PMI", LocationType.PHONE)
RSA = Motif(52, "Instruction RSA", LocationType.PHONE, category=MotifCategory(1, "rsa_orientation", "RSA orientation"))
VIDEO = Motif(53, "Entretien en visio", LocationType.VISIO)
WORKSHOP = Motif(54, "Atelier collectif", collectif=True)

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
    role="demandeur",
    nir="275066200000000",
)
ANDREA = Usager(
    id=902,
    first_name="Andrea",
    last_name="EXEMPLE",
    email="andrea@example.org",
    phone_number="06 39 98 00 02",
    phone_number_formatted="+33639980002",
    address="3 chemin Privé, 62450 Bapaume",
    birth_date=date(1987, 12, 20),
    created_at=datetime(2025, 12, 1, 14, 30, tzinfo=PARIS),
    affiliation_number="7867687",
    notes="Sous curatelle",
    uid="Nzg2",
    role="demandeur",
    nir="187126200000000",
)

INVITATION = Invitation(
    id=4806,
    user=ANDREA,
    created_at=datetime(2026, 1, 5, 8, 15, tzinfo=PARIS),
    motif_category=MotifCategory(1, "rsa_orientation", "RSA orientation"),
    delivery_status="delivered",
)
