"""Absences and plages d'ouverture, decoded: which of the two descriptions of time counts, and what is dropped."""

from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Weekday
from receiver.core.facts import AgendaState, AgentRef, Delivery, Emitter, EventKind, Lieu, Model, over_by
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.policies import Policies
from receiver.core.recurrence import Rule
from receiver.core.redaction import Setting, render
from tests.core.samples import REMOVED, as_body, edited, sample
from tests.makers import a_plage, wall

ABSENCE = sample("absence-several-days")
WEEKLY = sample("plage-ouverture-weekly-across-dst")
MONTHLY = sample("plage-ouverture-monthly-second-wednesday")
TITLES = Policies(absence_titles=True)
SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION
TEMPLE = Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000")
ARRAS = {"agent": "31", "organisation": 12, "verticale": "rdv_solidarites"}
MO, TH, WE = Weekday.MONDAY, Weekday.THURSDAY, Weekday.WEDNESDAY


def decoded(document: Any, policies: Policies | None = None, emitter: Emitter = SP) -> Delivery:
    news = decode(as_body(document), emitter, policies or Policies())
    assert isinstance(news, Delivery)
    return news


def state_of(document: Any, policies: Policies | None = None) -> AgendaState:
    state = decoded(document, policies).state
    assert isinstance(state, AgendaState)
    return state


def without(document: Any, *names: str) -> Any:
    for name in names:
        document = edited(document, f"data.{name}", REMOVED)
    return document


def refused(document: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidPayload) as caught:
        decode(as_body(document), SP, TITLES)
    return caught.value.paths


# The samples


def test_an_absence_of_several_days() -> None:
    assert state_of(ABSENCE) == AgendaState(
        model=Model.ABSENCE, first_start=wall("2026-12-21 08:00"), first_end=wall("2026-12-24 18:00"), **ARRAS
    )
    delivery = decoded(ABSENCE)
    assert (delivery.model, delivery.wire_id, delivery.uuid) == (Model.ABSENCE, 88, None)
    assert delivery.organisation == 12
    assert delivery.agents == (AgentRef("31", "martine.agent@departement.example"),)


@pytest.mark.parametrize(
    ("document", "first_day", "rule"),
    [
        (WEEKLY, "2026-12-07", Rule("WEEKLY", 1, ((None, MO), (None, TH)), date(2027, 7, 1))),
        (MONTHLY, "2026-12-09", Rule("MONTHLY", 1, ((2, WE),))),
    ],
)
def test_a_plage(document: Any, first_day: str, rule: Rule) -> None:
    assert state_of(document) == AgendaState(
        model=Model.PLAGE_OUVERTURE,
        first_start=wall(f"{first_day} 09:00"),
        first_end=wall(f"{first_day} 12:00"),
        rule=rule,
        motifs=("Consultation PMI & suivi <0-6 ans>",),
        lieu=TEMPLE,
        **ARRAS,
    )


@pytest.mark.parametrize(
    ("document", "old_name"), [(ABSENCE, "absence"), (WEEKLY, "plage_ouverture"), (MONTHLY, "plage_ouverture")]
)
def test_the_names_of_before_2020_mean_the_same(document: Any, old_name: str) -> None:
    assert decoded(edited(document, "meta.model", old_name)) == decoded(document)


@pytest.mark.parametrize(
    "document", [ABSENCE, WEEKLY, sample("agent-updated-new-email"), sample("agent-role-destroyed")]
)
def test_rdv_insertion_has_none_of_these(document: Any) -> None:
    with pytest.raises(Irrelevant):
        decoded(document, emitter=INSERTION)


# Two descriptions of one time


def test_the_structured_fields_win_over_the_calendar_text() -> None:
    odd = edited(ABSENCE, "data.ical", ABSENCE["data"]["ical"].replace("20261221T080000", "20200101T010000"))
    assert state_of(odd) == state_of(ABSENCE)


def test_a_broken_calendar_text_is_not_looked_at_beside_structured_fields() -> None:
    assert state_of(edited(ABSENCE, "data.ical", "garbage")) == state_of(ABSENCE)


STRUCTURED = ("first_day", "end_day", "start_time", "end_time", "rrule")


def test_the_calendar_text_tells_where_the_fields_are_absent() -> None:
    state = state_of(without(ABSENCE, *STRUCTURED), TITLES)
    assert (state.first_start, state.first_end) == (wall("2026-12-21 08:00"), wall("2026-12-24 18:00"))
    assert (state.time_zone, state.rule) == ("Europe/Paris", None)


@pytest.mark.parametrize("document", [WEEKLY, MONTHLY])
def test_the_rule_comes_from_the_calendar_text_too(document: Any) -> None:
    assert state_of(without(document, *STRUCTURED[:1], *STRUCTURED[2:])).rule == state_of(document).rule


def only_ical(*changes: tuple[str, str]) -> Any:
    text = ABSENCE["data"]["ical"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return edited(without(ABSENCE, *STRUCTURED), "data.ical", text)


START, END = "DTSTART;TZID=Europe/Paris:20261221T080000", "DTEND;TZID=Europe/Paris:20261224T180000"


@pytest.mark.parametrize("zone", ["America/Guadeloupe", "Indian/Reunion", "Pacific/Noumea"])
def test_the_calendar_texts_zone_is_kept(zone: str) -> None:
    assert state_of(only_ical(("Europe/Paris", zone))).time_zone == zone


def test_times_without_a_zone_are_the_sources() -> None:
    assert state_of(only_ical((";TZID=Europe/Paris", ""))).time_zone is None


def test_times_in_utc_are_not_taken_for_local_ones() -> None:
    state = state_of(only_ical((START, "DTSTART:20261221T070000Z"), (END, "DTEND:20261224T170000Z")))
    assert (state.first_start, state.first_end) == (wall("2026-12-21 07:00"), wall("2026-12-24 17:00"))
    assert state.time_zone == "UTC"


def test_whole_days_begin_and_end_at_midnight() -> None:
    state = state_of(only_ical((START, "DTSTART;VALUE=DATE:20261221"), (END, "DTEND;VALUE=DATE:20261225")))
    assert (state.first_start, state.first_end) == (wall("2026-12-21 00:00"), wall("2026-12-25 00:00"))


def test_the_summary_is_never_read() -> None:
    """It repeats the title, whatever the policy says of titles."""
    document = only_ical(("RDV Solidarités Rendez-vous médical", "canari-summary"))
    assert "canari" not in repr(decoded(document, TITLES))


HOSTILE = {
    "empty": "",
    "no calendar": "canari",
    "no event": "BEGIN:VCALENDAR\r\nCOMMENT:canari\r\nEND:VCALENDAR\r\n",
    "no colon": "BEGIN:VCALENDAR\r\ncanari\r\nEND:VCALENDAR\r\n",
    "nested": "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 3000 + "canari\r\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_calendar_text_that_is_none_is_refused_without_a_word_of_it(text: str) -> None:
    document = edited(without(ABSENCE, *STRUCTURED), "data.ical", text)
    with pytest.raises(InvalidPayload) as caught:
        decode(as_body(document), SP, TITLES)
    assert caught.value.paths == ("data.ical",)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "canari" not in f"{caught.value!s}{caught.value!r}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (END + "\r\n", ""),
        (END, "DURATION:PT3H"),
        (START, START + "\r\n" + START),
        (START, "DTSTART;TZID=Europe/Paris:canari"),
        (START, "DTSTART;TZID=Europe/Paris:99991231T235959"),
        (START, "DTSTART;TZID=Europe/Paris:19700101T000000"),
        (START, "DTSTART;VALUE=PERIOD:20261221T080000Z/PT1H"),
        (START, "DTSTART;TZID=Canari/Zone:20261221T080000"),
        (START, "DTSTART:20261221T080000Z"),
        (START, "DTSTART;VALUE=DATE:20261221"),
        (END, "DTEND;TZID=America/Guadeloupe:20261224T180000"),
        ("Europe/Paris", "Canari/Zone"),
        ("SEQUENCE:0", "RRULE:FREQ=CANARI;BYDAY=XX"),
        ("SEQUENCE:0", "RRULE:FREQ=WEEKLY;COUNT=99999999999"),
        ("SEQUENCE:0", "RRULE:FREQ=WEEKLY\r\nRRULE:FREQ=DAILY"),
    ],
)
def test_a_calendar_text_that_leaves_the_time_in_doubt_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        decode(as_body(only_ical((old, new))), SP, TITLES)
    assert caught.value.paths == ("data.ical",)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "anari" not in repr(caught.value)


# Fields


@pytest.mark.parametrize(
    ("removed", "paths"),
    [
        (("id",), ("data.id",)),
        (("agent",), ("data.agent",)),
        (("start_time",), ("data.start_time",)),
        (("end_time",), ("data.end_time",)),
        (("start_time", "end_time"), ("data.start_time", "data.end_time")),
        (("first_day", "ical"), ("data.first_day",)),
        (("first_day", "start_time", "end_time", "ical"), ("data.first_day", "data.start_time", "data.end_time")),
        (("first_day", "start_time", "ical", "agent"), ("data.agent",)),
    ],
)
def test_what_is_missing_is_named(removed: tuple[str, ...], paths: tuple[str, ...]) -> None:
    assert refused(without(ABSENCE, *removed)) == paths


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_day", "2026-02-30"),
        ("first_day", "21/12/2026"),
        ("first_day", "2026-12-21T00:00:00"),
        ("first_day", "0001-01-01"),
        ("first_day", "2100-01-01"),
        ("first_day", 20261221),
        ("end_day", "2026-13-01"),
        ("start_time", "24:00:00"),
        ("start_time", "8:00"),
        ("start_time", "08:60"),
        ("start_time", "08:00:00+01:00"),
        ("start_time", "08:00:00.5"),
        ("end_time", "٠٨:٠٠"),
        ("end_time", 8),
        ("rrule", "every week"),
        ("rrule", 7),
        ("id", 0),
        ("id", "88"),
        ("title", ["x"]),
        ("ical", 1),
        ("agent", "31"),
    ],
)
def test_what_is_no_day_or_time_is_refused_by_name(field: str, value: object) -> None:
    assert refused(edited(ABSENCE, f"data.{field}", value)) == (f"data.{field}",)


def test_seconds_may_be_left_out() -> None:
    assert state_of(edited(ABSENCE, "data.start_time", "08:00")) == state_of(ABSENCE)


@pytest.mark.parametrize("rrule", [None, "", ";", " "])
def test_an_empty_rule_is_none(rrule: str | None) -> None:
    assert state_of(edited(WEEKLY, "data.rrule", rrule)).rule is None


@pytest.mark.parametrize("end_day", [None, REMOVED])
def test_without_an_end_day_it_ends_on_the_first(end_day: object) -> None:
    assert state_of(edited(ABSENCE, "data.end_day", end_day)).first_end == wall("2026-12-21 18:00")


@pytest.mark.parametrize(("field", "value"), [("end_day", "2026-12-20"), ("end_time", "07:59:59")])
def test_an_end_before_the_start_is_refused(field: str, value: str) -> None:
    document = edited(ABSENCE, "data.end_day", "2026-12-21")
    assert refused(edited(document, f"data.{field}", value)) == ("data.end_time",)


def test_an_end_in_the_calendar_text_before_its_start_is_refused() -> None:
    assert len(refused(only_ical(("20261224T180000", "20261220T180000")))) == 1


def test_a_rule_without_end_within_reason_does_not_upset_the_clock() -> None:
    """The last day of the calendar is a usual way to say `for ever`."""
    state = state_of(edited(WEEKLY, "data.rrule", "FREQ=WEEKLY;UNTIL=99991231T235959;"))
    assert over_by(state).year >= 9000


@pytest.mark.parametrize("document", [ABSENCE, WEEKLY, MONTHLY])
def test_of_a_destroyed_one_nothing_but_its_name_is_needed_or_kept(document: Any) -> None:
    bare = {"id": document["data"]["id"], "first_day": "x", "agent": None, "rrule": 3}
    for data in (document["data"], bare):
        gone = decoded({"data": data, "meta": document["meta"] | {"event": "destroyed"}})
        assert gone.version.kind is EventKind.DESTROYED
        assert (gone.wire_id, gone.state, gone.agents) == (document["data"]["id"], None, ())


def test_a_purge_is_told() -> None:
    assert decoded(edited(ABSENCE, "meta.webhook_reason", "rgpd")).purge


# What is dropped


def test_the_title_of_an_absence_is_dropped_unless_its_policy_is_on() -> None:
    assert state_of(ABSENCE).title is None
    assert state_of(ABSENCE, TITLES).title == "Rendez-vous médical"
    assert state_of(edited(ABSENCE, "data.title", ""), TITLES).title is None


def test_the_title_of_a_plage_is_always_dropped() -> None:
    assert "Permanence" not in repr(decoded(WEEKLY, TITLES))


def test_a_lieu_typed_for_one_occasion_has_no_name_unless_its_policy_is_on() -> None:
    single = edited(WEEKLY, "data.lieu.single_use", True)
    assert state_of(single).lieu == Lieu("", "", single_use=True)
    shown = state_of(single, Policies(single_use_places=True)).lieu
    assert shown == Lieu(TEMPLE.name, TEMPLE.address, single_use=True)


def test_a_plage_may_have_no_lieu_and_no_motifs() -> None:
    state = state_of(without(edited(WEEKLY, "data.lieu", None), "motifs"))
    assert (state.lieu, state.motifs) == (None, ())


def test_of_a_plages_motifs_no_more_is_kept_than_a_title_shows() -> None:
    names = [f"{number} {'x' * 490}" for number in range(1000)]
    state = state_of(edited(WEEKLY, "data.motifs", [{"id": 1, "name": name} for name in names]))
    assert sum(len(name) for name in state.motifs) < 1_000
    setting = Setting(ZoneInfo("Europe/Paris"), None, Policies(plages_ouverture=True))
    shown, whole = (render("uid", each, setting) for each in (state, replace(state, motifs=tuple(names))))
    assert shown == whole


def test_an_absence_has_no_place_and_no_motifs_whatever_is_sent() -> None:
    document = edited(ABSENCE, "data.lieu", WEEKLY["data"]["lieu"])
    document = edited(document, "data.motifs", WEEKLY["data"]["motifs"])
    assert state_of(document) == state_of(ABSENCE)


@pytest.mark.parametrize("organisation", [None, REMOVED])
def test_an_absence_may_name_no_organisation(organisation: object) -> None:
    delivery = decoded(edited(ABSENCE, "data.organisation", organisation))
    assert isinstance(delivery.state, AgendaState)
    assert (delivery.organisation, delivery.state.organisation, delivery.state.verticale) == (None, None, None)


def test_an_agent_without_email_is_kept() -> None:
    assert decoded(edited(ABSENCE, "data.agent.email", None)).agents == (AgentRef("31", None),)


@pytest.mark.parametrize(
    ("rule", "over"),
    [
        (None, "2026-12-08T02:00:00+00:00"),
        (Rule("WEEKLY"), "9000-01-01T00:00:00+00:00"),
        (Rule("WEEKLY", count=3), "9000-01-01T00:00:00+00:00"),
        (Rule("WEEKLY", last_day=date(2027, 1, 4)), "2027-01-05T02:00:00+00:00"),
        (Rule("WEEKLY", last_day=date(2020, 1, 1)), "2026-12-08T02:00:00+00:00"),
    ],
)
def test_when_it_is_certainly_over(rule: Rule | None, over: str) -> None:
    """Wherever on earth the clock hangs."""
    assert over_by(a_plage(rule=rule)).isoformat() == over
