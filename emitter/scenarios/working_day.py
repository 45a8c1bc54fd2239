"""A working day of a Maison des solidarités: two agents, sixteen RDVs of all kinds, and what becomes of them."""

from dataclasses import replace
from datetime import datetime
from itertools import count, cycle
from typing import Any

from emitter.model import Agent, Event, Lieu, Rdv, Status
from emitter.payloads import Generation
from emitter.scenarios import cast
from emitter.scenarios.stage import ExpectedEntry, ScenarioSteps, Stage, Step, entry, story

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
MARTINE, KARIM = (cast.MARTINE,), (cast.KARIM,)
BOTH = (cast.MARTINE, cast.KARIM)

Row = tuple[str, tuple[int, int], int, tuple[Agent, ...], dict[str, Any]]
"""Name, clock time, minutes, agents, and what is not usual."""

ARRAS = "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"
BAPAUME = "Antenne de Bapaume, 2 place Faidherbe, Bapaume, 62450"


def working_day(stage: Stage) -> ScenarioSteps:
    """The next working day of Martine and Karim: made, moved, swapped, cancelled, deleted; 16 RDVs."""
    plan = _plan(stage)
    seconds = count()
    steps = [stage.step(rdv, CREATED, next(seconds), f"made: {name}") for name, rdv in plan.items()]
    for description, event, rdv in _changes(stage, plan):
        steps.append(stage.step(rdv, event, next(seconds), description))
    steps += _side_shows(stage, next(seconds))
    return story(_as_queued(steps), martine=_martine(stage), karim=_karim(stage))


def _plan(stage: Stage) -> dict[str, Rdv]:
    """What stands in the platform in the morning, by a name for each; two usagers take turns."""
    usagers = cycle((cast.FATOUMATA, cast.ANDREA))
    return {
        name: stage.rdv(
            number, _at(stage, *clock), duration_in_min=minutes, usager=next(usagers), agents=agents, **fields
        )
        for number, (name, clock, minutes, agents, fields) in enumerate(_rows(stage), start=1)
    }


def _rows(stage: Stage) -> list[Row]:
    return [
        ("first consultation", (8, 30), 30, MARTINE, {}),
        ("RSA by phone", (9, 0), 45, KARIM, {"motif": cast.RSA, "lieu": None}),
        ("home visit", (9, 15), 60, MARTINE, {"motif": cast.HOME_VISIT, "lieu": None}),
        ("social", (10, 0), 30, KARIM, {"motif": cast.SOCIAL}),
        ("joint", (10, 30), 30, BOTH, {"motif": cast.JOINT}),
        ("vaccination", (11, 0), 30, MARTINE, {"motif": cast.VACCINATION}),
        ("rights in Bapaume", (11, 15), 30, KARIM, {"motif": cast.RIGHTS, "lieu": cast.BRANCH}),
        ("workshop", (13, 30), 90, BOTH, {"motif": cast.WORKSHOP, **_WORKSHOP}),
        ("video", (15, 15), 45, KARIM, {"motif": cast.VIDEO, "lieu": None}),
        ("swapped", (16, 0), 30, MARTINE, {"motif": cast.SOCIAL}),
        ("call", (16, 30), 20, (cast.KARIM, cast.INTERVENANT), {"motif": cast.PHONE_CALL, "lieu": None}),
        ("un-cancelled", (16, 30), 30, MARTINE, {}),
        ("mistake", (17, 0), 30, KARIM, {"motif": cast.SOCIAL}),
        ("next week's", (17, 0), 30, MARTINE, {}),
        ("no place", (17, 30), 30, KARIM, {"motif": cast.RIGHTS, "lieu": None}),
        ("elsewhere", (17, 30), 30, MARTINE, {"lieu": _elsewhere(stage)}),
    ]


_WORKSHOP = {"name": "Atelier des parents EXEMPLE", "users_count": 3, "max_participants_count": 8}


def _elsewhere(stage: Stage) -> Lieu:
    """A place typed for one RDV; rdv-insertion cannot say so, hence the office there."""
    return cast.SINGLE_USE if stage.generation.tells_single_use else cast.OFFICE


def _at(stage: Stage, hour: int, minute: int) -> datetime:
    """A clock time on the story's day, the next working day."""
    return stage.day(1, hour, minute)


def _changes(stage: Stage, plan: dict[str, Rdv]) -> list[tuple[str, Event, Rdv]]:
    """What happens to the plan, in order of time."""
    un_cancelled = plan["un-cancelled"]
    swapped = plan["swapped"]
    cancelled_at = stage.instant(0)
    return [
        ("cancelled by the usager: social", UPDATED, _cancelled(plan["social"], Status.EXCUSED, cancelled_at)),
        ("moved by half an hour: vaccination", UPDATED, _moved(plan["vaccination"], _at(stage, 11, 30))),
        ("new note only: RSA by phone", UPDATED, replace(plan["RSA by phone"], context="Rappeler l'usager")),
        ("one more joins: workshop", UPDATED, replace(plan["workshop"], users_count=4)),
        ("one more joins: workshop", UPDATED, replace(plan["workshop"], users_count=5)),
        ("Karim added: swapped", UPDATED, replace(swapped, agents=BOTH)),
        ("Martine taken off: swapped", UPDATED, replace(swapped, agents=KARIM)),
        ("cancelled: un-cancelled", UPDATED, _cancelled(un_cancelled, Status.REVOKED, cancelled_at)),
        ("taken back: un-cancelled", UPDATED, un_cancelled),
        ("deleted: mistake", DESTROYED, plan["mistake"]),
        ("moved to next week: next week's", UPDATED, _moved(plan["next week's"], stage.day(6, 9))),
        ("lengthened: first consultation", UPDATED, replace(plan["first consultation"], duration_in_min=40)),
    ]


def _cancelled(rdv: Rdv, status: Status, at: datetime) -> Rdv:
    return replace(rdv, status=status, cancelled_at=at)


def _moved(rdv: Rdv, to: datetime) -> Rdv:
    return replace(rdv, starts_at=to)


def _side_shows(stage: Stage, second: int) -> list[Step]:
    """Messages that concern no calendar. rdv-insertion has none that every signature can carry."""
    if stage.generation is Generation.RDV_INSERTION:
        return []
    return [
        stage.other(cast.FATOUMATA, UPDATED, second, "an usager's file changed"),
        stage.other(cast.SOCIAL, UPDATED, second, "a motif changed"),
    ]


def _as_queued(steps: list[Step]) -> list[Step]:
    """In the order of time, save that one create is overtaken by its update and one update comes twice."""
    queued = list(steps)
    overtaken = queued.pop(_position(queued, "made: vaccination"))
    queued.insert(_position(queued, "moved by half an hour: vaccination") + 1, overtaken)
    queued.append(queued[_position(queued, "moved to next week: next week's")])
    return queued


def _position(steps: list[Step], description: str) -> int:
    return next(index for index, step in enumerate(steps) if step.description == description)


def _martine(stage: Stage) -> list[ExpectedEntry]:
    arras = stage.lieu(ARRAS)
    elsewhere = stage.lieu("Lieu ponctuel") if stage.generation.tells_single_use else arras
    workshop = stage.collective("Atelier collectif", "(5/8)")
    return [
        entry("Consultation PMI & suivi <0-6 ans>", arras, _at(stage, 8, 30), 40),
        entry("Visite à domicile", "Domicile", _at(stage, 9, 15), 60),
        entry("Entretien conjoint", arras, _at(stage, 10, 30), 30),
        entry("Vaccination BCG", arras, _at(stage, 11, 30), 30),
        entry(workshop, arras, _at(stage, 13, 30), 90),
        entry("Consultation PMI & suivi <0-6 ans>", arras, _at(stage, 16, 30), 30),
        entry("Consultation PMI & suivi <0-6 ans>", elsewhere, _at(stage, 17, 30), 30),
        entry("Consultation PMI & suivi <0-6 ans>", arras, stage.day(6, 9), 30),
    ]


def _karim(stage: Stage) -> list[ExpectedEntry]:
    arras = stage.lieu(ARRAS)
    workshop = stage.collective("Atelier collectif", "(5/8)")
    return [
        entry("Instruction RSA", "Téléphone", _at(stage, 9, 0), 45),
        entry("Entretien conjoint", arras, _at(stage, 10, 30), 30),
        entry("Accès aux droits", stage.lieu(BAPAUME), _at(stage, 11, 15), 30),
        entry(workshop, arras, _at(stage, 13, 30), 90),
        entry("Entretien en visio", "Visioconférence", _at(stage, 15, 15), 45),
        entry("Suivi social", arras, _at(stage, 16, 0), 30),
        entry("Être rappelé par la PMI", "Téléphone", _at(stage, 16, 30), 20),
        entry("Accès aux droits", "", _at(stage, 17, 30), 30),
    ]
