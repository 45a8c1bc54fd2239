"""What a calendar shows of an appointment: the design's table, row by row, and nothing beside it."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import CalendarEntry, Frequency, Recurrence, Sensitivity, ShowAs
from receiver.core.facts import Lieu, LocationType, RdvState
from receiver.core.policies import OnCancel, Policies, Title
from receiver.core.redaction import NOTICE, WORDING, Setting, digest, leads_to, render
from tests.makers import a_state

PARIS = ZoneInfo("Europe/Paris")
MARK = Policies(on_cancel=OnCancel.MARK)
TEMPLE = Lieu("Maison du Département Solidarité", "37 rue du Temple, Arras, 62000")


def shown(
    state: RdvState | None = None, policies: Policies | None = None, host: str | None = None, **facts: Any
) -> CalendarEntry:
    entry = render("uid", replace(state or a_state(), **facts), Setting(PARIS, host, policies or Policies()))
    assert entry is not None
    return entry


def test_an_ordinary_appointment_shows_exactly_this() -> None:
    assert shown() == CalendarEntry(
        uid="uid",
        title="Consultation PMI",
        start=datetime(2026, 12, 7, 10, 0, tzinfo=PARIS),
        end=datetime(2026, 12, 7, 10, 45, tzinfo=PARIS),
        time_zone="Europe/Paris",
        location="Maison du Département Solidarité, 37 rue du Temple, Arras, 62000",
        notice="Ne modifiez pas ce rendez-vous ici : les changements se font dans RDV Service Public.",
        link="https://www.rdv-solidarites.fr/admin/organisations/12/rdvs/4330",
        show_as=ShowAs.BUSY,
        sensitivity=Sensitivity.PRIVATE,
        reminder_minutes=None,
        category=None,
    )


# Title


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({}, "Consultation PMI"),
        ({"users_count": 3, "max_participants": 8, "name": "Atelier"}, "Consultation PMI"),
        ({"collective": True}, "Consultation PMI"),
        ({"collective": True, "users_count": 3}, "Consultation PMI (3)"),
        ({"collective": True, "users_count": 0, "max_participants": 8}, "Consultation PMI (0/8)"),
        ({"collective": True, "users_count": 3, "max_participants": 8}, "Consultation PMI (3/8)"),
        ({"collective": True, "users_count": 3, "max_participants": 0}, "Consultation PMI (3)"),
        ({"collective": True, "max_participants": 8}, "Consultation PMI"),
        (
            {"collective": True, "users_count": 3, "max_participants": 8, "name": "Atelier parents"},
            "Consultation PMI : Atelier parents (3/8)",
        ),
        ({"motif": "Consultation PMI & suivi <0-6 ans>"}, "Consultation PMI & suivi <0-6 ans>"),
    ],
)
def test_the_title_is_the_motif_and_for_several_usagers_how_many(facts: dict[str, Any], title: str) -> None:
    """Plain text: escaping is for whoever writes it into HTML or iCalendar."""
    assert shown(**facts).title == title


GENERIC = Policies(title=Title.GENERIC)


@pytest.mark.parametrize(
    ("policies", "facts", "title"),
    [
        (GENERIC, {}, "Rendez-vous"),
        (GENERIC, {"collective": True, "users_count": 3, "name": "Atelier RSA"}, "Rendez-vous collectif (3)"),
        (Policies(motif_titles={"consultation pmi": Title.GENERIC}), {}, "Rendez-vous"),
        (Policies(motif_titles={"consultation pmi": Title.GENERIC}), {"motif": "CONSULTATION  PMI "}, "Rendez-vous"),
        (Policies(motif_titles={"consultation pmi": Title.GENERIC}), {"motif": "Consultation"}, "Consultation"),
        (replace(GENERIC, motif_titles={"consultation pmi": Title.MOTIF}), {}, "Consultation PMI"),
        (replace(GENERIC, on_cancel=OnCancel.MARK), {"cancelled": True}, "ANNULÉ : Rendez-vous"),
    ],
)
def test_a_motif_that_others_need_not_read_is_not_in_the_title(
    policies: Policies, facts: dict[str, Any], title: str
) -> None:
    assert shown(policies=policies, **facts).title == title


@given(st.text(min_size=1), st.text())
def test_a_generic_title_says_nothing_of_motif_and_name(motif: str, name: str) -> None:
    for collective, title in ((False, "Rendez-vous"), (True, "Rendez-vous collectif")):
        assert shown(policies=GENERIC, motif=motif, name=name, collective=collective).title == title


# Place


@pytest.mark.parametrize(
    ("location_type", "lieu", "location"),
    [
        (LocationType.PUBLIC_OFFICE, TEMPLE, "Maison du Département Solidarité, 37 rue du Temple, Arras, 62000"),
        (LocationType.PUBLIC_OFFICE, Lieu("Mairie", ""), "Mairie"),
        (LocationType.PUBLIC_OFFICE, Lieu("", "1 rue X"), "1 rue X"),
        (LocationType.PUBLIC_OFFICE, Lieu("", ""), ""),
        (LocationType.PUBLIC_OFFICE, None, ""),
        (LocationType.HOME, None, "Domicile"),
        (LocationType.HOME, TEMPLE, "Domicile"),
        (LocationType.PHONE, TEMPLE, "Téléphone"),
        (LocationType.VISIO, TEMPLE, "Visioconférence"),
        (LocationType.OTHER, TEMPLE, ""),
    ],
)
def test_the_place_is_said_by_kind(location_type: LocationType, lieu: Lieu | None, location: str) -> None:
    assert shown(location_type=location_type, lieu=lieu).location == location


def test_every_kind_of_place_is_rendered() -> None:
    for location_type in LocationType:
        assert isinstance(shown(location_type=location_type).location, str)


@pytest.mark.parametrize(
    ("lieu", "opted_in", "location"),
    [
        (Lieu("", "", single_use=True), False, "Lieu ponctuel"),
        (Lieu("Chez X", "14 impasse", single_use=True), False, "Lieu ponctuel"),
        (Lieu("Chez X", "14 impasse", single_use=True), True, "Lieu ponctuel : Chez X, 14 impasse"),
        (Lieu("", "", single_use=True), True, "Lieu ponctuel"),
        (Lieu("Mairie", "1 rue X", single_use=True, unsaid=True), False, ""),
        (Lieu("Mairie", "1 rue X", single_use=True, unsaid=True), True, "Mairie, 1 rue X"),
    ],
)
def test_a_place_that_may_be_a_home_is_shown_only_where_opted_in(lieu: Lieu, opted_in: bool, location: str) -> None:
    """What was stored while the policy was on is hidden by switching it off."""
    assert shown(policies=Policies(single_use_places=opted_in), lieu=lieu).location == location


VISIO = "https://webconf.numerique.gouv.fr/RdvServicePublic8b0a"


@pytest.mark.parametrize(
    ("url", "policies", "location"),
    [
        (VISIO, Policies(), "Visioconférence"),
        (VISIO, Policies(visio_link=True), f"Visioconférence : {VISIO}"),
        (None, Policies(visio_link=True), "Visioconférence"),
        ("https://meet.example/x", Policies(visio_link=True), "Visioconférence"),
        (
            "https://meet.example/x",
            Policies(visio_link=True, link_hosts=("meet.example",)),
            "Visioconférence : https://meet.example/x",
        ),
        ("javascript:alert(1)", Policies(visio_link=True), "Visioconférence"),
        ("https://www.rdv-solidarites.fr/x", Policies(visio_link=True), "Visioconférence"),
    ],
)
def test_a_link_to_the_meeting_needs_its_policy_and_an_allowed_host(
    url: str | None, policies: Policies, location: str
) -> None:
    assert shown(policies=policies, location_type=LocationType.VISIO, visio_url=url).location == location


# Time


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [
        (None, 10, 7),
        ("Europe/Paris", 10, 7),
        ("America/Guadeloupe", 5, 7),
        ("America/Martinique", 5, 7),
        ("America/Cayenne", 6, 7),
        ("Indian/Reunion", 13, 7),
        ("Indian/Mayotte", 12, 7),
        ("Pacific/Noumea", 20, 7),
        ("Pacific/Tahiti", 23, 6),
        ("America/Miquelon", 6, 7),
    ],
)
def test_times_are_in_the_zone_of_the_appointment_else_of_the_source(zone: str | None, hour: int, day: int) -> None:
    """The same moment wherever it is said: 09:00 UTC."""
    entry = shown(time_zone=zone)
    assert entry.time_zone == (zone or "Europe/Paris")
    assert (entry.start.day, entry.start.hour) == (day, hour)
    assert str(entry.start.tzinfo) == str(entry.end.tzinfo) == entry.time_zone
    assert entry.start == datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def test_the_source_may_lie_overseas() -> None:
    entry = render("uid", a_state(), Setting(ZoneInfo("Indian/Reunion"), None, Policies()))
    assert entry is not None
    assert (entry.time_zone, entry.start.hour) == ("Indian/Reunion", 13)


def test_an_appointment_across_the_change_of_the_clock_keeps_its_length() -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    entry = shown(starts_at=start, ends_at=start + timedelta(hours=1))
    assert (entry.start.hour, entry.end.hour, entry.start.fold, entry.end.fold) == (2, 2, 0, 1)
    assert entry.end.astimezone(UTC) - entry.start.astimezone(UTC) == timedelta(hours=1)


# Link

BUILT = "/admin/organisations/12/rdvs/4330"


@pytest.mark.parametrize(
    ("verticale", "host"),
    [
        ("rdv_solidarites", "www.rdv-solidarites.fr"),
        ("rdv_insertion", "www.rdv-solidarites.fr"),
        ("rdv_aide_numerique", "www.rdv-aide-numerique.fr"),
        ("rdv_mairie", "rdv.anct.gouv.fr"),
        (None, "www.rdv-solidarites.fr"),
    ],
)
def test_a_link_is_built_from_the_verticale(verticale: str | None, host: str) -> None:
    assert shown(verticale=verticale).link == f"https://{host}{BUILT}"


def test_a_verticale_not_known_has_no_link_unless_the_source_names_its_host() -> None:
    assert shown(verticale="rdv_lune").link is None
    assert shown(verticale="rdv_lune", host="rdv.lune.example").link == f"https://rdv.lune.example{BUILT}"


def test_the_sources_host_counts_before_the_verticale() -> None:
    assert shown(host="demo.rdv.example").link == f"https://demo.rdv.example{BUILT}"


@pytest.mark.parametrize("missing", [{"organisation": None}, {"rdv": None}])
def test_a_link_that_would_lead_nowhere_is_left_out(missing: dict[str, Any]) -> None:
    assert shown(**missing).link is None


@pytest.mark.parametrize(
    ("url", "host", "more_hosts", "allowed"),
    [
        ("https://rdv.anct.gouv.fr/agents/rdvs/4334", None, (), True),
        ("https://rdv.numerique.gouv.fr/agents/rdvs/4334", None, (), True),
        ("https://www.rdv-solidarites.fr/agents/rdvs/4334", None, (), True),
        ("https://www.rdv-aide-numerique.fr/x", None, (), True),
        ("https://demo.rdv.example/x", None, (), False),
        ("https://demo.rdv.example/x", "demo.rdv.example", (), True),
        ("https://demo.rdv.example/x", None, ("demo.rdv.example",), True),
        ("https://webconf.numerique.gouv.fr/x", None, (), False),
        ("http://rdv.anct.gouv.fr/x", None, (), False),
        ("https://evil.example/x", None, (), False),
    ],
)
def test_the_emitters_own_link_is_taken_where_its_host_is_allowed(
    url: str, host: str | None, more_hosts: tuple[str, ...], allowed: bool
) -> None:
    """Else the link is built: an agent's click must not lead where a payload says."""
    entry = shown(agent_url=url, host=host, policies=Policies(link_hosts=more_hosts))
    assert (entry.link == url) is allowed
    assert allowed or entry.link == f"https://{host or 'www.rdv-solidarites.fr'}{BUILT}"


HOSTS = frozenset({"rdv.anct.gouv.fr"})


@pytest.mark.parametrize(
    "url",
    [
        "https://rdv.anct.gouv.fr",
        "https://rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr/agents/rdvs/1?a=b&c=%20#d",
        "https://rdv.anct.gouv.fr:443/x",
        "https://RDV.anct.GOUV.fr/x",
        "HTTPS://rdv.anct.gouv.fr/x",
    ],
)
def test_plain_https_to_the_host_leads_there(url: str) -> None:
    assert leads_to(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rdv.anct.gouv.fr",
        "//rdv.anct.gouv.fr/x",
        "/x",
        "https:",
        "https://",
        "https:rdv.anct.gouv.fr/x",
        "https:///rdv.anct.gouv.fr/x",
        "http://rdv.anct.gouv.fr/x",
        "ftp://rdv.anct.gouv.fr/x",
        "javascript://rdv.anct.gouv.fr/%0aalert(1)",
        "data:text/html,https://rdv.anct.gouv.fr/",
        "https://evil.example/https://rdv.anct.gouv.fr/",
        "https://evil.example?rdv.anct.gouv.fr",
        "https://evil.example#@rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr@evil.example/",
        "https://evil.example@rdv.anct.gouv.fr/",
        "https://a:b@rdv.anct.gouv.fr/",
        "https://@rdv.anct.gouv.fr/",
        "https://:@rdv.anct.gouv.fr/",
        "https://evil.example\\@rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr\\.evil.example/",
        "https:\\\\rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr:80/",
        "https://rdv.anct.gouv.fr:8443/",
        "https://rdv.anct.gouv.fr:99999/",
        "https://rdv.anct.gouv.fr:x/",
        "https://rdv.anct.gouv.fr.evil.example/",
        "https://evilrdv.anct.gouv.fr/",
        "https://x.rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr./",
        "https://rdv.anct.gouv.fr%00.evil.example/",
        "https://rdv.anct.gouv.fr%2eevil.example/",
        "https://rdv。anct。gouv。fr/",
        "https://rdv.anct.gouv.fr\u2044evil.example/",
        "https://rdv.anct.gouv.fr／evil.example/",
        "https://[::1]/",
        "https://[rdv.anct.gouv.fr]/",
        "https://[rdv.anct.gouv.fr",
        " https://rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr/ x",
        "https://rdv.anct.gouv.fr /",
        "https://rdv.anct.gouv.fr/\n",
        "https://rdv.anct.gouv.fr/\tx",
        "ht\ntps://rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr\r\n/x",
        "\x00https://rdv.anct.gouv.fr/",
        "https://rdv.anct.gouv.fr/\x00",
        "https://rdv.anct.gouv.fr/\u202etxt",
        "https://rdv.anct.gouv.fr/é",
        'https://rdv.anct.gouv.fr/"onclick="x',
        "https://rdv.anct.gouv.fr/'x",
        "https://rdv.anct.gouv.fr/<script>",
        "https://rdv.anct.gouv.fr/>x",
        "https://rdv.anct.gouv.fr/" + "a" * 474 + "…",
    ],
)
def test_anything_that_two_programs_may_read_in_two_ways_leads_nowhere(url: str) -> None:
    """An address cut off at the limit among them: it ends in an ellipsis and would be another page's."""
    assert not leads_to(url, HOSTS)


@given(st.text("htps:/@\\.rdvanctgoufe?#%0 \n\t[]evil", max_size=60))
def test_any_text_is_judged_without_an_error(url: str) -> None:
    if leads_to(url, HOSTS):
        assert url.lower().startswith(("https://rdv.anct.gouv.fr", "https://rdv.anct.gouv.fr:443"))


# Cancelled


def test_a_cancelled_appointment_shows_nothing() -> None:
    assert render("uid", a_state(cancelled=True), Setting(PARIS, None, Policies())) is None


def test_a_cancelled_appointment_that_is_marked_says_so_and_keeps_no_time_busy() -> None:
    policies = replace(MARK, reminder_minutes=15, category="RDV")
    entry = shown(policies=policies, cancelled=True)
    standing = shown(policies=policies)
    assert entry == replace(standing, title="ANNULÉ : Consultation PMI", show_as=ShowAs.FREE, reminder_minutes=None), (
        "and nothing else changes"
    )


# Policies that pass through


def test_sensitivity_reminder_and_category_are_the_policys() -> None:
    entry = shown(policies=Policies(sensitivity=Sensitivity.NORMAL, reminder_minutes=30, category="RDV SP"))
    assert (entry.sensitivity, entry.reminder_minutes, entry.category) == (Sensitivity.NORMAL, 30, "RDV SP")


# Limits and characters


@pytest.mark.parametrize("policies", [Policies(), MARK])
def test_a_long_title_is_cut_to_what_exchange_takes_and_says_so(policies: Policies) -> None:
    assert shown(motif="m" * 255).title == "m" * 255
    for cancelled in (False, policies is MARK):
        title = shown(policies=policies, motif="m" * 256, cancelled=cancelled).title
        assert len(title) == 255
        assert title.endswith("…")


def test_a_long_place_is_cut_to_what_exchange_takes_and_says_so() -> None:
    location = shown(lieu=Lieu("n" * 200, "a" * 200)).location
    assert len(location) == 255
    assert location.endswith("a…")


def test_no_control_or_direction_changing_character_gets_into_an_entry() -> None:
    bad = "a\x00\x1b\u202e\u2066\u200bb\r\nc"
    entry = shown(motif=bad, lieu=Lieu(bad, bad), collective=True, users_count=1, name=bad)
    assert entry.title == "ab c : ab c (1)"
    assert entry.location == "ab c, ab c"


# Digest


def test_equal_entries_have_equal_digests_and_any_other_has_another() -> None:
    entry = shown()
    assert digest(entry) == digest(shown()) == digest(replace(entry))
    others = {
        "uid": "other",
        "title": "Autre",
        "start": entry.start - timedelta(minutes=1),
        "end": entry.end + timedelta(minutes=1),
        "time_zone": "Europe/Brussels",
        "location": "Ailleurs",
        "notice": NOTICE + "!",
        "link": None,
        "show_as": ShowAs.FREE,
        "sensitivity": Sensitivity.NORMAL,
        "reminder_minutes": 0,
        "category": "RDV",
        "recurrence": Recurrence(Frequency.DAILY),
    }
    assert set(others) == {field.name for field in fields(entry)}, "a new field must count too"
    digests = {digest(replace(entry, **{name: value})) for name, value in others.items()}
    assert digest(entry) not in digests
    assert len(digests) == len(others)


def test_no_reminder_is_not_a_reminder_at_the_start() -> None:
    assert digest(shown(policies=Policies(reminder_minutes=0))) != digest(shown())


def test_one_moment_in_two_zones_is_two_entries() -> None:
    """A calendar shows another hour."""
    assert digest(shown(time_zone="Europe/Brussels")) != digest(shown())


def test_the_digest_of_an_entry_is_fixed_until_the_wording_changes() -> None:
    """Else an upgrade of ours would write every entry of a département again: then `WORDING` is one more."""
    assert (WORDING, digest(shown())) == (1, "8547866ce408ea517d19c8f6e38c5761")
    assert len(digest(shown())) == 32


@given(
    st.booleans(),
    st.none() | st.integers(0, 9),
    st.text(max_size=300),
    st.none() | st.sampled_from(["https://rdv.anct.gouv.fr/1", "https://rdv.anct.gouv.fr/2", "x"]),
)
def test_what_does_not_change_the_entry_does_not_change_the_digest(
    collective: bool, users_count: int | None, name: str, agent_url: str | None
) -> None:
    """Invariant 12: a change that no calendar shows costs no call."""
    one = shown(collective=collective, users_count=users_count, name=name, agent_url=agent_url)
    two = shown(collective=collective, users_count=4, name=name, agent_url=agent_url)
    assert (digest(one) == digest(two)) is (one == two)
    assert collective or one == two
