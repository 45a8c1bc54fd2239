"""What a calendar shows of an absence and of a plage d'ouverture: the design's table, and the clocks of overseas."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.base import CalendarEntry, Frequency, Recurrence, Sensitivity, ShowAs, Weekday
from connectors.occurrences import occurrences
from receiver.core.facts import AgendaState, Lieu, Model
from receiver.core.policies import Policies, Title
from receiver.core.recurrence import Rule, Unholdable
from receiver.core.redaction import Setting, digest, render
from tests.makers import a_plage, an_absence, wall

PARIS = ZoneInfo("Europe/Paris")
PLAGES = Policies(plages_ouverture=True)
TITLES = Policies(absence_titles=True)
MO, TH = Weekday.MONDAY, Weekday.THURSDAY


def rendered(
    state: AgendaState, policies: Policies | None = None, host: str | None = None, zone: ZoneInfo = PARIS
) -> CalendarEntry | None:
    return render("uid", state, Setting(zone, host, policies or PLAGES))


def shown(state: AgendaState, policies: Policies | None = None, **setting: Any) -> CalendarEntry:
    entry = rendered(state, policies, **setting)
    assert entry is not None
    return entry


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_absence_shows_exactly_this() -> None:
    assert shown(an_absence()) == CalendarEntry(
        uid="uid",
        title="Absence",
        start=datetime(2026, 12, 21, 8, 0, tzinfo=PARIS),
        end=datetime(2026, 12, 24, 18, 0, tzinfo=PARIS),
        time_zone="Europe/Paris",
        location="",
        notice="Ne modifiez pas cette absence ici : les changements se font dans RDV Service Public.",
        link="https://www.rdv-solidarites.fr/admin/organisations/12/agent_agendas/31",
        show_as=ShowAs.OUT_OF_OFFICE,
        sensitivity=Sensitivity.PRIVATE,
        reminder_minutes=None,
        category=None,
        recurrence=None,
    )


@pytest.mark.parametrize(
    ("policies", "title"),
    [
        (replace(PLAGES, title=Title.GENERIC), "Plage d'ouverture"),
        (replace(PLAGES, motif_titles={"vaccination": Title.GENERIC}), "Plage d'ouverture : Consultation PMI"),
    ],
)
def test_a_plage_does_not_name_motifs_that_others_need_not_read(policies: Policies, title: str) -> None:
    assert shown(a_plage(), policies).title == title


def test_a_plage_shows_exactly_this() -> None:
    assert shown(a_plage()) == CalendarEntry(
        uid="uid",
        title="Plage d'ouverture : Consultation PMI, Vaccination",
        start=datetime(2026, 12, 7, 9, 0, tzinfo=PARIS),
        end=datetime(2026, 12, 7, 12, 0, tzinfo=PARIS),
        time_zone="Europe/Paris",
        location="Maison du Département Solidarité, 37 rue du Temple, Arras, 62000",
        notice="Ne modifiez pas cette plage d'ouverture ici : les changements se font dans RDV Service Public.",
        link="https://www.rdv-solidarites.fr/admin/organisations/12/agent_agendas/31",
        show_as=ShowAs.FREE,
        sensitivity=Sensitivity.PRIVATE,
        reminder_minutes=None,
        category=None,
        recurrence=None,
    )


def test_nobody_is_reminded_of_an_absence_or_a_plage() -> None:
    reminded = Policies(reminder_minutes=15, plages_ouverture=True)
    assert shown(an_absence(), reminded).reminder_minutes is None
    assert shown(a_plage(), reminded).reminder_minutes is None


def test_category_and_sensitivity_are_the_policys() -> None:
    policies = Policies(category="RDV", sensitivity=Sensitivity.NORMAL, plages_ouverture=True)
    for state in (an_absence(), a_plage()):
        entry = shown(state, policies)
        assert (entry.category, entry.sensitivity) == ("RDV", Sensitivity.NORMAL)


@pytest.mark.parametrize(
    ("state", "policies", "is_shown"),
    [
        (an_absence(), Policies(), True),
        (an_absence(), Policies(absences=False), False),
        (an_absence(), Policies(absences=False, plages_ouverture=True), False),
        (a_plage(), Policies(), False),
        (a_plage(), Policies(plages_ouverture=True), True),
        (a_plage(), Policies(plages_ouverture=True, absences=False), True),
    ],
)
def test_each_kind_has_its_policy(state: AgendaState, policies: Policies, is_shown: bool) -> None:
    assert (rendered(state, policies) is not None) is is_shown


# Texts


@pytest.mark.parametrize(
    ("title", "policies", "expected"),
    [
        ("Rendez-vous médical", Policies(), "Absence"),
        ("Rendez-vous médical", TITLES, "Absence : Rendez-vous médical"),
        (None, TITLES, "Absence"),
        ("", TITLES, "Absence"),
        ("de\u202e gauche\x07 à droite", TITLES, "Absence : de gauche à droite"),
    ],
)
def test_an_absences_title_is_shown_only_under_its_policy(title: str | None, policies: Policies, expected: str) -> None:
    assert shown(an_absence(title=title), policies).title == expected


def test_a_plages_title_is_never_shown() -> None:
    assert "canari" not in repr(shown(a_plage(title="canari"), replace(PLAGES, absence_titles=True)))


def test_a_plage_without_motifs_has_the_bare_name() -> None:
    assert shown(a_plage(motifs=())).title == "Plage d'ouverture"


def test_titles_and_places_fit_into_exchange() -> None:
    crowded = shown(a_plage(motifs=("x" * 100,) * 40, lieu=Lieu("y" * 400, "z" * 400)))
    assert (len(crowded.title), len(crowded.location)) == (255, 255)
    assert len(shown(an_absence(title="x" * 500), TITLES).title) == 255


@pytest.mark.parametrize(
    ("lieu", "policies", "place"),
    [
        (None, PLAGES, ""),
        (Lieu("Mairie", "1 place"), PLAGES, "Mairie, 1 place"),
        (Lieu("Mairie", ""), PLAGES, "Mairie"),
        (Lieu("Chez Mme X", "1 rue", single_use=True), PLAGES, "Lieu ponctuel"),
        (
            Lieu("Salle B", "1 rue", single_use=True),
            Policies(plages_ouverture=True, single_use_places=True),
            "Lieu ponctuel : Salle B, 1 rue",
        ),
    ],
)
def test_a_plage_shows_its_place(lieu: Lieu | None, policies: Policies, place: str) -> None:
    assert shown(a_plage(lieu=lieu), policies).location == place


def test_an_absence_shows_no_place() -> None:
    assert shown(an_absence(lieu=Lieu("canari", "canari"))).location == ""


@pytest.mark.parametrize(
    ("facts", "host", "link"),
    [
        ({}, "rdv.example", "https://rdv.example/admin/organisations/12/agent_agendas/31"),
        ({"verticale": "rdv_mairie"}, None, "https://rdv.anct.gouv.fr/admin/organisations/12/agent_agendas/31"),
        ({"verticale": "new_one"}, None, None),
        ({"verticale": None}, None, "https://www.rdv-solidarites.fr/admin/organisations/12/agent_agendas/31"),
        ({"organisation": None, "verticale": None}, None, None),
        ({"agent": None}, None, None),
    ],
)
def test_the_link_leads_to_the_agents_agenda(facts: dict[str, Any], host: str | None, link: str | None) -> None:
    for state in (an_absence(**facts), a_plage(**facts)):
        assert shown(state, host=host).link == link


# Clocks


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Paris", "2026-12-21T07:00"),
        ("America/Guadeloupe", "2026-12-21T12:00"),
        ("Indian/Reunion", "2026-12-21T04:00"),
        ("Indian/Mayotte", "2026-12-21T05:00"),
        ("Pacific/Noumea", "2026-12-20T21:00"),
    ],
)
def test_eight_oclock_is_the_agents_eight_oclock(zone: str, start: str) -> None:
    """Times of absences are those of the clock on the wall: the payload's zone, else the source's."""
    told = shown(an_absence(time_zone=zone))
    assumed = shown(an_absence(), zone=ZoneInfo(zone))
    assert told == assumed
    assert (told.start.astimezone(UTC), told.time_zone) == (utc(start), zone)


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        # 28 March 2027: after 02:00 comes 03:00.
        ("2027-03-28 02:30", "2027-03-28 08:00", "2027-03-28T01:30", "2027-03-28T06:00"),
        ("2027-03-27 22:00", "2027-03-28 02:30", "2027-03-27T21:00", "2027-03-28T01:30"),
        ("2027-03-28 02:30", "2027-03-28 02:45", "2027-03-28T01:30", "2027-03-28T01:45"),
        ("2027-03-28 02:30", "2027-03-28 03:00", "2027-03-28T01:30", "2027-03-28T01:30"),
        # 31 October 2027: 02:30 comes twice, and the first one is meant.
        ("2027-10-31 02:30", "2027-10-31 02:45", "2027-10-31T00:30", "2027-10-31T00:45"),
        ("2027-10-31 01:00", "2027-10-31 04:00", "2027-10-30T23:00", "2027-10-31T03:00"),
    ],
)
def test_the_nights_on_which_clocks_change(start: str, end: str, begins: str, ends: str) -> None:
    """A calendar refuses an entry that ends before it begins."""
    entry = shown(an_absence(first_start=wall(start), first_end=wall(end)))
    assert (entry.start.astimezone(UTC), entry.end.astimezone(UTC)) == (utc(begins), utc(ends))


@pytest.mark.parametrize(("written", "shown_as"), [("02:30", "03:30"), ("02:00", "03:00"), ("03:30", "03:30")])
def test_a_time_that_no_clock_shows_is_the_one_that_it_shows_instead(written: str, shown_as: str) -> None:
    """Two ways to write one moment are one entry."""
    end = wall("2027-03-28 08:00")
    entry = shown(an_absence(first_start=wall(f"2027-03-28 {written}"), first_end=end))
    assert entry.start.strftime("%H:%M") == shown_as
    assert digest(entry) == digest(shown(an_absence(first_start=wall(f"2027-03-28 {shown_as}"), first_end=end)))


@pytest.mark.parametrize("state", [an_absence(cancelled=True), a_plage(cancelled=True, rule=Rule("YEARLY"))])
def test_what_is_cancelled_shows_nothing(state: AgendaState) -> None:
    assert rendered(state) is None


# Series


@given(
    day=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    clock=st.times().map(lambda each: each.replace(second=0, microsecond=0, tzinfo=None)),
    minutes=st.integers(1, 3000),
    zone=st.sampled_from(("Europe/Paris", "America/Miquelon", "Indian/Reunion", "Australia/Lord_Howe")),
    weekly=st.booleans(),
)
@example(day=date(2027, 3, 28), clock=time(2, 30), minutes=60, zone="Europe/Paris", weekly=True)
@example(day=date(2027, 10, 31), clock=time(2, 30), minutes=60, zone="Europe/Paris", weekly=True)
def test_every_occurrence_keeps_the_time_that_was_written_or_nothing_is_shown(
    day: date, clock: time, minutes: int, zone: str, *, weekly: bool
) -> None:
    start = datetime.combine(day, clock)
    rule = Rule("WEEKLY", count=60) if weekly else None
    state = an_absence(first_start=start, first_end=start + timedelta(minutes=minutes), rule=rule, time_zone=zone)
    try:
        entry = shown(state)
    except Unholdable:
        assert weekly
        return
    assert entry.start.astimezone(UTC) <= entry.end.astimezone(UTC)
    assert entry.start.astimezone(UTC).astimezone(entry.start.tzinfo) == entry.start
    assert {(each.hour, each.minute) for each, _ in occurrences(entry)} == (
        {(clock.hour, clock.minute)} if weekly else {(entry.start.hour, entry.start.minute)}
    )


def test_a_series_begins_with_its_first_occurrence() -> None:
    rule = Rule("WEEKLY", 2, ((None, TH),), date(2027, 3, 1))
    entry = shown(a_plage(rule=rule))
    assert entry.start == datetime(2026, 12, 10, 9, 0, tzinfo=PARIS)
    assert entry.end == datetime(2026, 12, 10, 12, 0, tzinfo=PARIS)
    assert entry.recurrence == Recurrence(Frequency.WEEKLY, 2, (TH,), last_day=date(2027, 3, 1))


def test_the_whole_last_day_of_a_series_counts() -> None:
    entry = shown(a_plage(rule=Rule("WEEKLY", days=((None, MO),), last_day=date(2026, 12, 21))))
    assert [start.day for start, _ in occurrences(entry)] == [7, 14, 21]


def test_a_series_keeps_its_wall_clock_time_when_clocks_change() -> None:
    entry = shown(a_plage(rule=Rule("WEEKLY", days=((None, MO),), last_day=date(2027, 7, 1))))
    hours = {(start.hour, start.astimezone(UTC).hour) for start, _ in occurrences(entry)}
    assert hours == {(9, 8), (9, 7)}


def test_an_absence_of_several_days_repeats_whole() -> None:
    monthly = an_absence(rule=Rule("MONTHLY", count=2))
    lasts = {end - start for start, end in occurrences(shown(monthly))}
    assert lasts == {timedelta(days=3, hours=10)}


def test_a_series_that_ends_before_it_begins_shows_nothing() -> None:
    assert rendered(an_absence(rule=Rule("DAILY", last_day=date(2026, 12, 20)))) is None


@pytest.mark.parametrize("state", [an_absence(), a_plage()])
def test_a_rule_that_no_calendar_holds_shows_nothing_at_all(state: AgendaState) -> None:
    with pytest.raises(Unholdable):
        rendered(replace(state, rule=Rule("YEARLY")))


# Digests


def test_every_change_that_shows_changes_the_digest() -> None:
    weekly = Rule("WEEKLY", days=((None, MO),), last_day=date(2027, 7, 1))
    variants = [
        a_plage(),
        a_plage(rule=weekly),
        a_plage(rule=replace(weekly, last_day=date(2027, 7, 8))),
        a_plage(rule=replace(weekly, interval=2)),
        a_plage(rule=replace(weekly, days=((None, MO), (None, TH)))),
        a_plage(rule=replace(weekly, last_day=None)),
        a_plage(rule=replace(weekly, last_day=None, count=4)),
        a_plage(time_zone="Indian/Reunion"),
        a_plage(motifs=()),
        a_plage(lieu=None),
        an_absence(),
        an_absence(first_end=wall("2026-12-24 17:59")),
    ]
    assert len({digest(shown(each)) for each in variants}) == len(variants)


def test_what_does_not_show_changes_no_digest() -> None:
    assert digest(shown(a_plage(title="x"))) == digest(shown(a_plage()))
    assert digest(shown(an_absence(title="x"))) == digest(shown(an_absence()))
    assert digest(shown(an_absence(time_zone="Europe/Paris"))) == digest(shown(an_absence()))


def test_the_two_kinds_are_told_apart() -> None:
    assert {state.model: shown(state).show_as for state in (an_absence(), a_plage())} == {
        Model.ABSENCE: ShowAs.OUT_OF_OFFICE,
        Model.PLAGE_OUVERTURE: ShowAs.FREE,
    }
