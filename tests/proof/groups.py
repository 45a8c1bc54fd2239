"""The states whose every order is judged, group by group."""

from dataclasses import replace
from datetime import timedelta

from receiver.core.facts import Delivery, Emitter, EventKind
from receiver.core.scope import Authority
from tests.makers import KARIM, NOW, a_delivery, a_slot, an_absence
from tests.proof.judging import Arrival

CREATED, UPDATED, DESTROYED = EventKind.CREATED, EventKind.UPDATED, EventKind.DESTROYED
SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION
TWELVE, THIRTY_FOUR, ALL = Authority(frozenset({12})), Authority(frozenset({34})), Authority(None)


def _rdv(
    age_s: float,
    kind: EventKind = UPDATED,
    *,
    organisation: int = 12,
    happened_s: float | None = None,
    motif: str | None = None,
) -> Delivery:
    motif = motif or f"{kind} {age_s} {organisation} {happened_s}"
    told = a_delivery(age_s, kind, motif=motif)
    state = replace(told.state, organisation=organisation) if told.state else None
    occurred_at = None if happened_s is None else NOW - timedelta(seconds=happened_s)
    return replace(told, organisation=organisation, state=state, version=replace(told.version, occurred_at=occurred_at))


def _absence(age_s: float, kind: EventKind = UPDATED, **changes: object) -> Delivery:
    return a_slot(an_absence(**changes), age_s, kind)


def _of(authority: Authority, *arrivals: tuple[str, Delivery]) -> list[Arrival]:
    return [Arrival(name, told, authority=authority) for name, told in arrivals]


ONE_EMITTER = [
    Arrival("created", _rdv(90, CREATED)),
    Arrival("updated", _rdv(60)),
    Arrival("created again, of the same second", _rdv(60, CREATED)),
    Arrival("updated otherwise, of the same second", _rdv(60, motif="other")),
    Arrival("updated later", _rdv(30)),
    Arrival("destroyed, rendered early", _rdv(75, DESTROYED)),
    Arrival("destroyed late", _rdv(10, DESTROYED)),
]
WHEN_IT_HAPPENED = [
    Arrival("happened first", _rdv(60, happened_s=80)),
    Arrival("happened second", _rdv(60, CREATED, happened_s=70)),
    Arrival("happened second, otherwise", _rdv(60, UPDATED, happened_s=70)),
    Arrival("does not say when", _rdv(60)),
    Arrival("older", _rdv(90, happened_s=65)),
]
TWO_EMITTERS = [
    Arrival("created", _rdv(90, CREATED)),
    Arrival("updated", _rdv(60)),
    Arrival("destroyed", _rdv(75, DESTROYED)),
    Arrival("rdv-insertion: created", replace(_rdv(80, CREATED), agents=(KARIM,)), INSERTION),
    Arrival("rdv-insertion: updated later", _rdv(20), INSERTION),
    Arrival("rdv-insertion: destroyed", _rdv(15, DESTROYED), INSERTION),
]
TWO_ORGANISATIONS = [
    *_of(TWELVE, ("12: created", _rdv(90, CREATED)), ("12: updated", _rdv(60)), ("12: destroyed", _rdv(40, DESTROYED))),
    *_of(
        THIRTY_FOUR,
        ("34: created", _rdv(80, CREATED, organisation=34)),
        ("34: updated", _rdv(30, organisation=34)),
        ("34: destroyed", _rdv(20, DESTROYED, organisation=34)),
    ),
    *_of(ALL, ("all: moved to 34", _rdv(50, organisation=34))),
]
AN_ABSENCE = [
    *_of(TWELVE, ("12: updated", _absence(60)), ("12: destroyed", _absence(20, DESTROYED))),
    *_of(
        THIRTY_FOUR,
        ("34: the same", _absence(59)),
        ("34: other dates, later", _absence(30, first_end=NOW.replace(tzinfo=None) + timedelta(days=40))),
        ("34: other dates, earlier", _absence(90, first_end=NOW.replace(tzinfo=None) + timedelta(days=41))),
        ("34: destroyed", _absence(10, DESTROYED)),
    ),
]

GROUPS = {
    "one emitter": ONE_EMITTER,
    "when the change happened": WHEN_IT_HAPPENED,
    "two emitters": TWO_EMITTERS,
    "an appointment of two organisations": TWO_ORGANISATIONS,
    "an absence of two organisations": AN_ABSENCE,
}
