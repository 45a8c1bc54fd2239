"""The recorded samples, moved to now and signed again, over real sockets; all end as the redaction table says."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emitter.samples import shift_sample
from emitter.scenarios import ExpectedEntry
from tests.lab.running_receiver import KARIM, MARTINE, RunningReceiver, running_receiver

PAYLOADS = Path(__file__).parents[1] / "payloads"
OFFICE = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
CONSULTATION = "Consultation PMI & suivi <0-6 ans>"
BOTH = (MARTINE, KARIM)

STORY = (
    "rdv-2024-created",
    "rdv-2024-updated-moved-and-agent-removed",
    "rdv-2024-updated-excused",
    "rdv-2024-destroyed-rgpd",
)
"""One appointment's life: made, moved to the 31st of January without Martine, cancelled, purged."""

ALONE: dict[str, tuple[str, str, Sequence[str]]] = {
    "rdv-2020-created": ("Être rappelé par la PMI", "Téléphone", (MARTINE,)),
    "rdv-2024-created": (CONSULTATION, OFFICE, BOTH),
    "rdv-2024-collectif": ("Atelier collectif (3/8)", OFFICE, BOTH),
    "rdv-2024-home": ("Visite à domicile", "Domicile", BOTH),
    "rdv-2024-phone-with-intervenant": ("Être rappelé par la PMI", "Téléphone", (MARTINE,)),
    "rdv-2024-updated-moved-and-agent-removed": (CONSULTATION, OFFICE, (KARIM,)),
    "rdv-2024-updated-excused": (CONSULTATION, OFFICE, ()),
    "rdv-2024-destroyed-rgpd": (CONSULTATION, OFFICE, ()),
    "rdv-2026-visio-guadeloupe": ("Entretien en visio", "Visioconférence", BOTH),
    "rdv-insertion-created": ("RSA Orientation : convocation sur site", "", (MARTINE,)),
}


@pytest.fixture(scope="module")
def lasting_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with running_receiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


def moved(name: str, now: datetime) -> bytes:
    return shift_sample((PAYLOADS / f"{name}.json").read_bytes(), now)


def entry(body: bytes, title: str, place: str) -> ExpectedEntry:
    """What a body must show; its times are read with the test's own eyes."""
    data = json.loads(body)["data"]
    start = datetime.fromisoformat(data["starts_at"].replace(" +", "+").replace(" -", "-"))
    return ExpectedEntry(title, place, start, start + timedelta(minutes=data["duration_in_min"]))


def calendars(body: bytes, name: str) -> dict[str, Counter[ExpectedEntry]]:
    title, place, agents = ALONE[name]
    return {agent: Counter([entry(body, title, place)] if agent in agents else []) for agent in BOTH}


def test_every_sample_of_a_rdv_is_played() -> None:
    assert {path.stem for path in PAYLOADS.glob("rdv-*.json")} == set(ALONE)


@pytest.mark.parametrize("name", [name for name in ALONE if name not in STORY])
def test_a_sample_becomes_the_entry_of_its_agents(lasting_receiver: RunningReceiver, name: str) -> None:
    before = {agent: lasting_receiver.calendar(agent) for agent in BOTH}
    body = moved(name, datetime.now(UTC))
    source = "rsa" if name.startswith("rdv-insertion") else "mds"
    assert lasting_receiver.answers(body, source=source) == [(202, "accepted")]
    expected = {agent: before[agent] + shown for agent, shown in calendars(body, name).items()}
    lasting_receiver.wait_for_calendars(expected)


def test_the_life_of_one_appointment_is_followed_step_by_step(tmp_path: Path) -> None:
    with running_receiver(tmp_path) as receiver:
        for number, name in enumerate(STORY[:-1]):
            body = moved(name, datetime.now(UTC) - timedelta(seconds=40 - 10 * number))
            assert receiver.answers(body) == [(202, "accepted")], name
            receiver.wait_for_calendars(calendars(body, name))


def test_a_purge_leaves_what_the_calendar_shows(tmp_path: Path) -> None:
    """`on_rgpd_purge: keep` is the default: the history stays, our record goes."""
    with running_receiver(tmp_path) as receiver:
        created = moved("rdv-2024-created", datetime.now(UTC) - timedelta(seconds=30))
        receiver.answers(created)
        receiver.wait_for_calendars(calendars(created, "rdv-2024-created"))
        assert receiver.answers(moved("rdv-2024-destroyed-rgpd", datetime.now(UTC))) == [(202, "accepted")]
        later = moved("rdv-2024-home", datetime.now(UTC))
        receiver.answers(later)
        home = calendars(later, "rdv-2024-home")
        receiver.wait_for_calendars(
            {agent: shown + home[agent] for agent, shown in calendars(created, "rdv-2024-created").items()}
        )


def test_a_message_that_concerns_no_calendar_is_acknowledged(lasting_receiver: RunningReceiver) -> None:
    assert lasting_receiver.answers(moved("user-updated", datetime.now(UTC))) == [(200, "ignored")]


@pytest.mark.parametrize("offset", [timedelta(days=-11), timedelta(hours=1)])
def test_an_age_out_of_range_is_refused_and_changes_nothing(tmp_path: Path, offset: timedelta) -> None:
    with running_receiver(tmp_path) as receiver:
        now = datetime.now(UTC)
        strange = moved("rdv-2024-updated-moved-and-agent-removed", now + offset)
        assert receiver.answers(strange)[0] == (422, "invalid")
        created = moved("rdv-2024-created", now - timedelta(seconds=30))
        assert receiver.answers(created, strange) == [(202, "accepted"), (422, "invalid")]
        receiver.wait_for_calendars(calendars(created, "rdv-2024-created"))
