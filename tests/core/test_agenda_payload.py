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
from receiver.core.recurrence import Rule, Unholdable, series
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


@pytest.mark.threat(id="endless-lists")
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


# What only the calendar text can say


def with_lines(document: Any, *lines: str, at: str = "SEQUENCE:0") -> Any:
    """The message with lines of its calendar text replaced; the fields beside it stay."""
    text = document["data"]["ical"]
    assert at in text
    return edited(document, "data.ical", text.replace(at, "\r\n".join(lines)))


EXCEPTIONS = {
    "EXDATE": "EXDATE;TZID=Europe/Paris:20261214T090000",
    "EXDATE of a day": "EXDATE;VALUE=DATE:20261214",
    "EXDATE in small letters": "exdate:20261214T080000Z",
    "EXDATE folded": "EXD\r\n ATE;TZID=Eur\r\n\tope/Paris:20261214T090000",
    "EXDATE of several": "EXDATE:20261214T080000Z,20261217T080000Z\r\nEXDATE:20261221T080000Z",
    "RDATE": "RDATE;TZID=Europe/Paris:20261215T090000",
    "RDATE of a period": "RDATE;VALUE=PERIOD:20261215T080000Z/PT3H",
    "EXRULE": "EXRULE:FREQ=MONTHLY;BYDAY=1MO",
    "RECURRENCE-ID": "RECURRENCE-ID;TZID=Europe/Paris:20261214T090000",
    "RECURRENCE-ID cancelled": "RECURRENCE-ID:20261214T080000Z\r\nSTATUS:CANCELLED",
}
ONE_MORE = (
    "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:x\r\nRECURRENCE-ID;TZID=Europe/Paris:20261214T090000\r\n"
    "DTSTART;TZID=Europe/Paris:20261214T100000\r\nDTEND;TZID=Europe/Paris:20261214T110000\r\n{}END:VEVENT"
)
FIELDS = ("first_day", "start_time", "end_time", "rrule")


@pytest.mark.parametrize(
    "document", [WEEKLY, MONTHLY, ABSENCE, without(WEEKLY, *FIELDS), without(ABSENCE, *STRUCTURED)]
)
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_a_series_with_exceptions_is_none_that_a_calendar_holds(document: Any, name: str) -> None:
    """Whether the fields tell the series or the text does: it would be shown on days that are taken out of it."""
    state = state_of(with_lines(document, EXCEPTIONS[name]))
    assert state.rule is not None
    assert state.rule.others == (name.partition(" ")[0],)
    assert not state.cancelled
    with pytest.raises(Unholdable) as caught:
        series(state.rule, state.first_start.date())
    assert caught.value.code == "recurrence_exceptions"


@pytest.mark.parametrize("inner", ["", "STATUS:CANCELLED\r\n"])
def test_an_occurrence_told_apart_is_an_exception(inner: str) -> None:
    for document in (WEEKLY, without(WEEKLY, *FIELDS)):
        rule = state_of(with_lines(document, ONE_MORE.format(inner), at="END:VEVENT")).rule
        assert rule is not None
        assert rule.others == ("RECURRENCE-ID",)


def test_exceptions_of_a_time_zone_are_no_exceptions_of_the_series() -> None:
    """A zone's rules are told by the same words."""
    changed = with_lines(WEEKLY, "TZNAME:CEST", "RDATE:20300331T030000", at="TZNAME:CEST")
    assert state_of(changed) == state_of(WEEKLY)


CANCELLED = [
    "STATUS:CANCELLED",
    "status:cancelled",
    "STATUS;X-WHY=a:CANCELLED ",
    "STA\r\n TUS:CAN\r\n CELLED",
    "STAT\r\r\n US:CANCELLED",
    "STATUS:CANCELLED\u200b",
    "\ufeffSTATUS:CANCELLED",
    "STATUS:CANCELED",
]


@pytest.mark.parametrize("line", CANCELLED)
@pytest.mark.parametrize("document", [WEEKLY, ABSENCE, without(WEEKLY, *FIELDS), without(ABSENCE, *STRUCTURED)])
def test_what_is_cancelled_as_a_whole_is_cancelled(document: Any, line: str) -> None:
    assert state_of(with_lines(document, line)).cancelled
    assert not state_of(document).cancelled


def test_a_calendar_that_is_sent_to_cancel_cancels() -> None:
    assert state_of(with_lines(WEEKLY, "METHOD:CANCEL", at="METHOD:PUBLISH")).cancelled


@pytest.mark.parametrize(
    "line",
    [
        "STATUS:CONFIRMED",
        "STATUS:TENTATIVE",
        "COMMENT:STATUS:CANCELLED",
        "X-STATUS:CANCELLED",
        "DESCRIPTION:a\r\n  STATUS:CANCELLED",
        "BEGIN:VALARM\r\nSTATUS:CANCELLED\r\nEND:VALARM",
        "END:VEVENT\r\nBEGIN:VTODO\r\nSTATUS:CANCELLED\r\nEXDATE:20261214T080000Z\r\nEND:VTODO\r\nBEGIN:X",
    ],
)
def test_nothing_else_cancels(line: str) -> None:
    assert state_of(with_lines(WEEKLY, line)) == state_of(WEEKLY)


ANOTHER = (
    "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:y\r\nDTSTART;TZID=Europe/Paris:20261208T140000\r\n"
    "DTEND;TZID=Europe/Paris:20261208T170000\r\n{}END:VEVENT"
)


@pytest.mark.parametrize("document", [WEEKLY, without(WEEKLY, *FIELDS)])
def test_of_several_events_none_is_taken_for_the_one(document: Any) -> None:
    assert refused(with_lines(document, ANOTHER.format(""), at="END:VEVENT")) == ("data.ical.VEVENT",)
    half = with_lines(document, ANOTHER.format("STATUS:CANCELLED\r\n"), at="END:VEVENT")
    assert refused(half) == ("data.ical.VEVENT",)


def test_a_text_that_is_too_long_to_be_looked_through_is_refused() -> None:
    assert refused(with_lines(WEEKLY, "COMMENT:" + "x" * 60_000, "STATUS:CANCELLED")) == ("data.ical",)


@pytest.mark.parametrize(
    "text", ["", "garbage", "BEGIN:VCALENDAR", "STATUS:CANCELLED", "EXDATE:20261214", "\0", "\r\n " * 99]
)
def test_a_text_that_is_no_calendar_says_nothing_beside_the_fields(text: str) -> None:
    assert state_of(edited(WEEKLY, "data.ical", text)) == state_of(WEEKLY)


@pytest.mark.parametrize(
    ("zone", "clock", "until", "last_day"),
    [
        ("Europe/Paris", "090000", "20270104T080000Z", date(2027, 1, 4)),
        ("Europe/Paris", "090000", "20270103T230000Z", date(2027, 1, 4)),
        ("Pacific/Noumea", "080000", "20270103T210000Z", date(2027, 1, 4)),
        ("America/Guadeloupe", "210000", "20270105T010000Z", date(2027, 1, 4)),
        ("America/Guadeloupe", "210000", "20270105T010000", date(2027, 1, 5)),
        ("Europe/Paris", "090000", "99991231T235959Z", date(9999, 12, 31)),
    ],
)
def test_an_end_in_utc_is_a_day_of_the_series_own_clock(zone: str, clock: str, until: str, last_day: date) -> None:
    """Else the last occurrence would be lost overseas, or one added."""
    changes = [("20261221T080000", f"20261221T{clock}"), ("20261224T180000", "20261221T220000")]
    changes += [("SEQUENCE:0", f"RRULE:FREQ=DAILY;UNTIL={until}"), ("Europe/Paris", zone)]
    rule = state_of(only_ical(*changes)).rule
    assert rule is not None
    assert rule.last_day == last_day


@pytest.mark.parametrize("name", ["DTSTART", "DTEND"])
def test_a_time_in_utc_and_in_a_zone_is_in_doubt(name: str) -> None:
    whole = START if name == "DTSTART" else END
    assert refused(only_ical((whole, whole + "Z"))) == ("data.ical",)


@pytest.mark.parametrize(
    "zone", ["localtime", "Factory", "europe/paris", "Romance Standard Time", "/x.org/Europe/Paris"]
)
def test_a_zone_of_the_texts_own_making_is_refused(zone: str) -> None:
    """Even one whose rules stand in the text: nobody can tell that they are those of a place."""
    assert refused(only_ical(("Europe/Paris", zone))) == ("data.ical",)
