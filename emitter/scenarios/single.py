"""Stories of one appointment each. Expected texts are spelled out, not derived: they are the other opinion."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from emitter.model import Event, Status
from emitter.scenarios import cast
from emitter.scenarios.stage import ScenarioSteps, Stage, entry, story

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
GUADELOUPE = ZoneInfo("America/Guadeloupe")

PMI = "Consultation PMI & suivi <0-6 ans>"
ARRAS = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"


def create(stage: Stage) -> ScenarioSteps:
    """A RDV is made."""
    start = stage.day(1, 10)
    rdv = stage.rdv(1, start)
    return story([stage.step(rdv, CREATED, 10, "made")], martine=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def moved_to_another_month(stage: Stage) -> ScenarioSteps:
    """A RDV moves to the same hour in the following month."""
    start = stage.day(2, 9, 30)
    moved = _in_month_after(start, day=12)
    rdv = stage.rdv(1, start)
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(replace(rdv, starts_at=moved), UPDATED, 11, "moved to another month"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), moved, 45)])


def moved_on_the_31st(stage: Stage) -> ScenarioSteps:
    """A RDV moves to a 31st, and within that day."""
    start = stage.day(1, 14)
    last_day = _next_31st(stage.day(3, 14))
    rdv = stage.rdv(1, start)
    morning = last_day.replace(hour=9)
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(replace(rdv, starts_at=last_day), UPDATED, 11, "moved to a 31st"),
        stage.step(replace(rdv, starts_at=morning), UPDATED, 12, "moved to the morning of the 31st"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), morning, 45)])


def moved_from_the_31st(stage: Stage) -> ScenarioSteps:
    """A RDV on a 31st moves into the next month."""
    last_day = _next_31st(stage.day(1, 14))
    moved = _in_month_after(last_day, day=3)
    rdv = stage.rdv(1, last_day)
    steps = [
        stage.step(rdv, CREATED, 10, "made on a 31st"),
        stage.step(replace(rdv, starts_at=moved), UPDATED, 11, "moved to the next month"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), moved, 45)])


def agent_swapped(stage: Stage) -> ScenarioSteps:
    """Karim takes over from Martine: two webhooks (rdv-service-public#3367), the first of them half-way."""
    start = stage.day(1, 11)
    rdv = stage.rdv(1, start)
    both, karim = (cast.MARTINE, cast.KARIM), (cast.KARIM,)
    steps = [
        stage.step(rdv, CREATED, 10, "made for Martine"),
        stage.step(replace(rdv, agents=both), UPDATED, 11, "Karim added"),
        stage.step(replace(rdv, agents=karim), UPDATED, 12, "Martine taken off"),
    ]
    return story(steps, karim=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def cancelled_by_usager(stage: Stage) -> ScenarioSteps:
    """The usager calls it off."""
    return _cancelled(stage, Status.EXCUSED)


def cancelled_by_service(stage: Stage) -> ScenarioSteps:
    """The service calls it off."""
    return _cancelled(stage, Status.REVOKED)


def _cancelled(stage: Stage, status: Status) -> ScenarioSteps:
    rdv = stage.rdv(1, stage.day(1, 15))
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(replace(rdv, status=status, cancelled_at=stage.instant(11)), UPDATED, 11, f"cancelled ({status})"),
    ]
    return story(steps)


def un_cancelled(stage: Stage) -> ScenarioSteps:
    """A cancelled RDV takes place after all."""
    start = stage.day(1, 16)
    rdv = stage.rdv(1, start)
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(replace(rdv, status=Status.REVOKED, cancelled_at=stage.instant(11)), UPDATED, 11, "cancelled"),
        stage.step(rdv, UPDATED, 12, "cancellation taken back"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def destroyed(stage: Stage) -> ScenarioSteps:
    """A RDV made by mistake is deleted."""
    rdv = stage.rdv(1, stage.day(1, 10, 15))
    return story([stage.step(rdv, CREATED, 10, "made"), stage.step(rdv, DESTROYED, 11, "deleted")])


def repeated(stage: Stage) -> ScenarioSteps:
    """The same bodies come several times, as after answers that got lost."""
    start = stage.day(2, 10)
    rdv = stage.rdv(1, start)
    made = stage.step(rdv, CREATED, 10, "made")
    longer = stage.step(replace(rdv, duration_in_min=60), UPDATED, 11, "lengthened")
    steps = [made, made, longer, made, longer, longer]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), start, 60)])


def late(stage: Stage) -> ScenarioSteps:
    """An older state arrives after a newer one."""
    start, moved = stage.day(1, 9), stage.day(2, 9)
    rdv = stage.rdv(1, start)
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(replace(rdv, starts_at=moved), UPDATED, 20, "moved to the day after"),
        stage.step(replace(rdv, duration_in_min=30), UPDATED, 15, "shortened: an older state, late"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), moved, 45)])


def out_of_order(stage: Stage) -> ScenarioSteps:
    """The update overtakes the create."""
    start, moved = stage.day(1, 13, 30), stage.day(1, 14, 30)
    rdv = stage.rdv(1, start)
    steps = [
        stage.step(replace(rdv, starts_at=moved), UPDATED, 11, "moved by an hour"),
        stage.step(rdv, CREATED, 10, "made: overtaken"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), moved, 45)])


def same_second(stage: Stage) -> ScenarioSteps:
    """Made and moved within one second, the update first: the time of rendering cannot tell them apart."""
    start, moved = stage.day(1, 8, 30), stage.day(1, 17)
    rdv = stage.rdv(1, start)
    steps = [
        stage.step(replace(rdv, starts_at=moved), UPDATED, 10, "moved"),
        stage.step(rdv, CREATED, 10, "made in the same second"),
    ]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), moved, 45)])


def updated_after_destroyed(stage: Stage) -> ScenarioSteps:
    """`destroyed` is rendered before the deletion, so an update can carry a newer time: deleted all the same."""
    rdv = stage.rdv(1, stage.day(1, 11, 30))
    steps = [
        stage.step(rdv, CREATED, 10, "made"),
        stage.step(rdv, DESTROYED, 11, "deleted"),
        stage.step(replace(rdv, context="Note de dernière minute"), UPDATED, 12, "update rendered a second later"),
    ]
    return story(steps)


def intervenant(stage: Stage) -> ScenarioSteps:
    """Beside Martine stands somebody without e-mail, who has no calendar."""
    start = stage.day(1, 9, 45)
    rdv = stage.rdv(1, start, agents=(cast.MARTINE, cast.INTERVENANT))
    steps = [stage.step(rdv, CREATED, 10, "made with an intervenant")]
    return story(steps, martine=[entry(PMI, stage.lieu(ARRAS), start, 45)])


def home_visit(stage: Stage) -> ScenarioSteps:
    """At the usager's home: the address is in the payload and must go no further."""
    start = stage.day(1, 14, 15)
    rdv = stage.rdv(1, start, motif=cast.HOME_VISIT, lieu=None, duration_in_min=60)
    steps = [stage.step(rdv, CREATED, 10, "home visit made")]
    return story(steps, martine=[entry("Visite à domicile", "Domicile", start, 60)])


def phone(stage: Stage) -> ScenarioSteps:
    """By telephone: the number is in the payload and must go no further."""
    start = stage.day(1, 8, 45)
    rdv = stage.rdv(1, start, motif=cast.PHONE_CALL, lieu=None, duration_in_min=15, agents=(cast.KARIM,))
    steps = [stage.step(rdv, CREATED, 10, "telephone call planned")]
    return story(steps, karim=[entry("Être rappelé par la PMI", "Téléphone", start, 15)])


def collective(stage: Stage) -> ScenarioSteps:
    """A workshop fills up: the title counts, and never shows the free-text name."""
    start = stage.day(2, 14)
    rdv = stage.rdv(
        1,
        start,
        motif=cast.WORKSHOP,
        agents=(cast.MARTINE, cast.KARIM),
        name="Atelier de la famille EXEMPLE",
        users_count=3,
        max_participants_count=8,
        duration_in_min=90,
    )
    steps = [
        stage.step(rdv, CREATED, 10, "workshop made, 3 of 8"),
        stage.step(replace(rdv, users_count=4), UPDATED, 11, "one more joins"),
    ]
    shown = entry(stage.collective("Atelier collectif", "(4/8)"), stage.lieu(ARRAS), start, 90)
    return story(steps, martine=[shown], karim=[shown])


def visio_guadeloupe(stage: Stage) -> ScenarioSteps:
    """By video, on the clock of Guadeloupe: the room's address must go no further."""
    start = stage.day(1, 10, zone=GUADELOUPE)
    rdv = stage.rdv(1, start, motif=cast.VIDEO, lieu=None, time_zone="America/Guadeloupe")
    steps = [stage.step(rdv, CREATED, 10, "video meeting made")]
    return story(steps, martine=[entry("Entretien en visio", "Visioconférence", start, 45)])


def single_use_place(stage: Stage) -> ScenarioSteps:
    """At a place typed for this one RDV, which may be somebody's home."""
    start = stage.day(2, 16)
    rdv = stage.rdv(1, start, lieu=cast.SINGLE_USE)
    steps = [stage.step(rdv, CREATED, 10, "made at a place of its own")]
    return story(steps, martine=[entry(PMI, stage.lieu("Lieu ponctuel"), start, 45)])


def _in_month_after(instant: datetime, day: int) -> datetime:
    """The same clock time on that day of the following month."""
    return (instant.replace(day=1) + timedelta(days=32)).replace(day=day)


def _next_31st(instant: datetime) -> datetime:
    """The same clock time on the first 31st that does not lie before."""
    while instant.day != 31:
        instant = instant + timedelta(days=1)
    return instant
