"""What the mapping and the policies in force make of an event."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Sensitivity
from receiver.core.desired import AgentView, Decision, EventView
from receiver.core.facts import AgendaState, EventState, Lieu, LocationType, RdvState
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.policies import OnAgentDeletion, OnAgentDeparture, OnCancel, OnRgpdPurge, Policies
from receiver.core.recurrence import Rule
from receiver.core.redaction import digest
from receiver.core.ruleset import (
    UNHOLDABLE,
    Ruleset,
    SourceRules,
    fingerprint,
    read_ruleset,
    redacted,
    write_ruleset,
)
from tests import makers
from tests.makers import NOW, a_plage, a_state, an_absence, wall

HERS, HIS = (Mailbox("exchange", f"{name}@departement.example") for name in ("martine", "karim"))
MARTINE, KARIM = AgentView(HERS.address), AgentView(HIS.address)
LEFT = "agent_31@deleted.rdv-solidarites.fr"
DEPARTED = AgentView(LEFT, HERS.address)
MAPPING = MailboxMap("exchange", domains={"departement.example": "departement.example"}, ignore=("robot@*",))
EVERYTHING_ON = Policies(
    plages_ouverture=True, collective_names=True, absence_titles=True, visio_link=True, single_use_places=True
)
TEMPLE = Lieu("MDS", "37 rue du Temple")
SINGLE_USE = Lieu("Chez Mme X", "1 rue", single_use=True)
HIDDEN = Lieu("", "", single_use=True)
UNSAID = Lieu("MDS", "37 rue du Temple", single_use=True, unsaid=True)


def rules(start_at: datetime | None = None, mapping: MailboxMap = MAPPING, **policies: Any) -> Ruleset:
    return Ruleset(mapping, {"mds": SourceRules(policies=Policies(**policies))}, start_at)


def view(
    state: EventState | None,
    *agents: AgentView,
    held: dict[Mailbox, bool] | None = None,
    state_at: datetime = NOW,
    source: str = "mds",
    purged: bool = False,
) -> EventView:
    return EventView("uid", source, state_at, state, purged, agents, held or {})


def decided(ruleset: Ruleset, event: EventView) -> Decision:
    return ruleset.compute_desired(event, NOW)


def shown(ruleset: Ruleset, state: EventState, source: str = "mds") -> str:
    entry = ruleset.entry("uid", source, state)
    assert entry is not None
    return digest(entry)


def ended(ago: timedelta) -> RdvState:
    return a_state(starts_at=NOW - ago - timedelta(hours=1), ends_at=NOW - ago)


# Who gets what


def test_an_event_is_wanted_in_the_calendars_of_its_agents() -> None:
    ruleset, state = rules(), a_state()
    wish = shown(ruleset, state)
    assert decided(ruleset, view(state, MARTINE, KARIM)) == Decision({HERS: wish, HIS: wish})
    assert decided(ruleset, view(state, KARIM, held={HERS: True})).digests == {HERS: None, HIS: wish}


def test_an_event_follows_its_agents_to_the_one_name_of_their_mailbox() -> None:
    """An old and a new address of one mailbox: history stays under the name that the record has."""
    ruleset, past = rules(on_agent_departure=OnAgentDeparture.DELETE_FUTURE), ended(timedelta(days=1))
    coming = replace(view(a_state(), MARTINE), aliases={HERS: HIS})
    assert decided(ruleset, coming).digests.keys() == {HIS}
    over = replace(view(past, DEPARTED, held={HIS: True}), aliases={HERS: HIS})
    assert decided(ruleset, over).digests == {HIS: shown(ruleset, past)}


def test_ignored_agents_and_intervenants_get_none_and_unmapped_ones_are_counted() -> None:
    others = (AgentView("robot@departement.example"), AgentView(None), AgentView("x@elsewhere.example"))
    found = decided(rules(), view(a_state(), MARTINE, *others))
    assert (found.digests.keys(), found.unmapped) == ({HERS}, 1)


def test_a_pilot_reaches_its_own_and_widening_it_reaches_the_others() -> None:
    pilot = rules(mapping=replace(MAPPING, only=("martine@*",)))
    assert decided(pilot, view(a_state(), MARTINE, KARIM)).digests.keys() == {HERS}
    assert decided(rules(), view(a_state(), MARTINE, KARIM)).digests.keys() == {HERS, HIS}


def test_a_source_that_is_configured_no_more_leaves_its_events_with_the_defaults() -> None:
    ruleset, state = rules(category="RDV"), a_state()
    assert decided(ruleset, view(state, MARTINE, source="gone")).digests == {HERS: shown(rules(), state)}
    assert ruleset.policies("gone") == Policies()


def test_each_source_has_its_zone_and_its_host() -> None:
    ruleset = Ruleset(MAPPING, {"mds": SourceRules("Indian/Reunion", "rdv.example")})
    entry = ruleset.entry("uid", "mds", an_absence())
    assert entry is not None
    assert (entry.time_zone, entry.start.astimezone(UTC).hour) == ("Indian/Reunion", 4)
    assert entry.link is not None
    assert entry.link.startswith("https://rdv.example/")


# Policies


@pytest.mark.parametrize(("policy", "stays"), [(OnCancel.DELETE, False), (OnCancel.MARK, True)])
def test_on_cancel(policy: OnCancel, stays: bool) -> None:
    found = decided(rules(on_cancel=policy), view(a_state(cancelled=True), MARTINE, held={HERS: True}))
    assert (found.digests[HERS] is not None) is stays


@pytest.mark.parametrize(
    ("policy", "purged", "forgotten"),
    [
        (OnRgpdPurge.KEEP, True, True),
        (OnRgpdPurge.KEEP, False, False),
        (OnRgpdPurge.DELETE, True, False),
        (OnRgpdPurge.DELETE, False, False),
    ],
)
def test_on_rgpd_purge(policy: OnRgpdPurge, purged: bool, forgotten: bool) -> None:
    """Kept in the calendar means that our own record is dropped without a trace."""
    found = decided(rules(on_rgpd_purge=policy), view(None, held={HERS: True}, purged=purged))
    assert found == Decision({HERS: None}, forget=forgotten)


@pytest.mark.parametrize(
    ("policy", "state", "stays"),
    [
        (OnAgentDeparture.KEEP, a_state(), True),
        (OnAgentDeparture.DELETE_FUTURE, a_state(), False),
        (OnAgentDeparture.KEEP, ended(timedelta(days=1)), True),
        (OnAgentDeparture.DELETE_FUTURE, ended(timedelta(days=1)), True),
        (OnAgentDeparture.DELETE_FUTURE, ended(timedelta(0)), False),
        (OnAgentDeparture.DELETE_FUTURE, ended(timedelta(seconds=1)), True),
        (OnAgentDeparture.DELETE_FUTURE, an_absence(), False),
    ],
)
def test_on_agent_departure(policy: OnAgentDeparture, state: EventState, stays: bool) -> None:
    """What is over is history, and stays whatever the policy."""
    found = decided(rules(on_agent_departure=policy), view(state, DEPARTED, held={HERS: True}))
    assert (found.digests[HERS] is not None) is stays


def test_what_went_with_its_agent_does_not_come_back_once_it_is_over() -> None:
    """Rules that come into force have every event decided anew: nobody's past may fill up by that."""
    gone, past = replace(MARTINE, roles_gone_at=NOW), ended(timedelta(days=1))
    over = an_absence(first_start=wall("2026-11-23 08:00"), first_end=wall("2026-11-27 18:00"))
    departures = rules(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    assert decided(departures, view(past, DEPARTED)).digests == {}
    assert decided(departures, view(past, DEPARTED, held={HERS: False})).digests == {HERS: None}
    assert decided(departures, view(past, DEPARTED, KARIM)).digests.keys() == {HIS}
    assert decided(rules(), view(over, gone)).digests == {}
    assert decided(rules(), view(past, DEPARTED)).digests.keys() == {HERS}, "kept, and so late facts show too"


def test_the_entries_of_the_agents_who_remain_are_not_touched_by_a_departure() -> None:
    ruleset = rules(on_agent_departure=OnAgentDeparture.DELETE_FUTURE)
    found = decided(ruleset, view(a_state(), DEPARTED, KARIM, held={HERS: True, HIS: True}))
    assert found.digests == {HERS: None, HIS: shown(ruleset, a_state())}


@pytest.mark.parametrize(
    ("ago", "created"), [(timedelta(days=30), True), (timedelta(days=30, seconds=1), False), (timedelta(0), True)]
)
def test_what_is_older_than_past_days_is_not_created(ago: timedelta, created: bool) -> None:
    assert (HERS in decided(rules(), view(ended(ago), MARTINE)).digests) is created
    assert decided(rules(), view(ended(ago), MARTINE, held={HERS: True})).digests[HERS] is not None, "but kept right"


def test_past_days_is_the_sources_own() -> None:
    assert HERS not in decided(rules(past_days=0), view(ended(timedelta(seconds=1)), MARTINE)).digests
    assert HERS in decided(rules(past_days=365), view(ended(timedelta(days=364)), MARTINE)).digests


def test_a_series_is_as_old_as_its_last_occurrence() -> None:
    began = {"first_start": wall("2020-01-06 09:00"), "first_end": wall("2020-01-06 12:00")}
    for rule, created in (
        (Rule("WEEKLY"), True),
        (Rule("WEEKLY", last_day=date(2026, 11, 30)), True),
        (Rule("WEEKLY", last_day=date(2026, 10, 1)), False),
        (None, False),
    ):
        found = decided(rules(plages_ouverture=True), view(a_plage(rule=rule, **began), MARTINE))
        assert (HERS in found.digests) is created, rule


def test_what_begins_before_the_start_is_an_older_receivers_business() -> None:
    starts_at = a_state().starts_at
    for start_at, created in ((starts_at, True), (starts_at + timedelta(seconds=1), False), (None, True)):
        found = decided(rules(start_at), view(a_state(), MARTINE))
        assert (HERS in found.digests) is created
    kept = decided(rules(starts_at + timedelta(days=1)), view(a_state(), MARTINE, held={HERS: True}))
    assert kept.digests[HERS] is not None, "what is placed stays right"


@pytest.mark.parametrize(
    ("start_at", "created"),
    [("2026-12-21T08:00:00+01:00", True), ("2026-12-21T08:00:01+01:00", False), ("2026-12-22T08:00:00+01:00", False)],
)
def test_an_absence_under_way_at_the_start_is_the_older_receivers_too(start_at: str, created: bool) -> None:
    found = decided(rules(datetime.fromisoformat(start_at)), view(an_absence(), MARTINE))
    assert (HERS in found.digests) is created


def test_a_series_that_is_still_running_at_the_start_is_created() -> None:
    running = a_plage(rule=Rule("WEEKLY", last_day=date(2027, 7, 1)))
    start_at = NOW + timedelta(days=60)
    assert HERS in decided(rules(start_at, plages_ouverture=True), view(running, MARTINE)).digests
    assert HERS not in decided(rules(start_at, plages_ouverture=True), view(a_plage(), MARTINE)).digests


@pytest.mark.parametrize(
    ("state", "on", "off"),
    [
        (an_absence(), {}, {"absences": False}),
        (a_plage(), {"plages_ouverture": True}, {}),
    ],
)
def test_a_kind_that_is_switched_off_goes_and_comes_back(
    state: AgendaState, on: dict[str, bool], off: dict[str, bool]
) -> None:
    assert decided(rules(**off), view(state, MARTINE)).digests == {}
    assert decided(rules(**off), view(state, MARTINE, held={HERS: True})).digests == {HERS: None}
    assert decided(rules(**on), view(state, MARTINE)).digests == {HERS: shown(rules(**on), state)}


# Series that nobody can hold


def test_a_series_that_no_calendar_holds_is_removed_and_told() -> None:
    found = decided(rules(), view(an_absence(rule=Rule("YEARLY")), MARTINE, held={HERS: True}))
    assert (found.digests, found.failure) == ({HERS: None}, UNHOLDABLE)


def test_its_title_is_erased_all_the_same() -> None:
    found = decided(rules(), view(an_absence(rule=Rule("YEARLY"), title="x"), MARTINE))
    assert found.state == an_absence(rule=Rule("YEARLY"))


def test_a_series_that_a_policy_hides_is_no_failure() -> None:
    """Nobody need look into what would not be shown anyway."""
    hidden = decided(rules(), view(a_plage(rule=Rule("YEARLY")), MARTINE))
    assert (hidden.digests, hidden.failure) == ({}, None)


# Agents without a place


def test_the_absences_of_an_agent_without_a_place_go_and_the_rdv_stay() -> None:
    gone = replace(MARTINE, roles_gone_at=NOW)
    held = {HERS: True}
    on = {"plages_ouverture": True}
    assert decided(rules(), view(an_absence(), gone, held=held)).digests == {HERS: None}
    assert decided(rules(**on), view(a_plage(), gone, held=held)).digests == {HERS: None}
    assert decided(rules(), view(a_state(), gone, held=held)).digests[HERS] is not None


def test_past_absences_stay() -> None:
    past = an_absence(first_start=wall("2026-11-02 08:00"), first_end=wall("2026-11-06 18:00"))
    gone = replace(MARTINE, roles_gone_at=NOW)
    assert decided(rules(), view(past, gone, held={HERS: True})).digests[HERS] is not None


@pytest.mark.parametrize(("later", "alive"), [(timedelta(0), False), (timedelta(seconds=1), True)])
def test_a_newer_state_shows_that_the_agent_is_back(later: timedelta, alive: bool) -> None:
    gone = replace(MARTINE, roles_gone_at=NOW)
    assert (HERS in decided(rules(), view(an_absence(), gone, state_at=NOW + later)).digests) is alive


# What may be kept


FULL_RDV = a_state(
    lieu=SINGLE_USE, collective=True, name="Atelier", visio_url="https://v.example", location_type=LocationType.VISIO
)


@pytest.mark.parametrize(
    ("state", "policies", "expected"),
    [
        (FULL_RDV, EVERYTHING_ON, FULL_RDV),
        (FULL_RDV, Policies(), replace(FULL_RDV, lieu=HIDDEN, name=None, visio_url=None)),
        (FULL_RDV, replace(EVERYTHING_ON, collective_names=False), replace(FULL_RDV, name=None)),
        (FULL_RDV, replace(EVERYTHING_ON, visio_link=False), replace(FULL_RDV, visio_url=None)),
        (FULL_RDV, replace(EVERYTHING_ON, single_use_places=False), replace(FULL_RDV, lieu=HIDDEN)),
        (an_absence(title="x"), EVERYTHING_ON, an_absence(title="x")),
        (an_absence(title="x"), Policies(), an_absence()),
        (a_plage(lieu=SINGLE_USE), EVERYTHING_ON, a_plage(lieu=SINGLE_USE)),
        (a_plage(lieu=SINGLE_USE), Policies(), a_plage(lieu=HIDDEN)),
        (a_plage(lieu=TEMPLE), Policies(), a_plage(lieu=TEMPLE)),
        (a_state(lieu=UNSAID), EVERYTHING_ON, a_state(lieu=UNSAID)),
        (a_state(lieu=UNSAID), Policies(), a_state(lieu=Lieu("", "", single_use=True, unsaid=True))),
        (a_state(lieu=None), Policies(), a_state(lieu=None)),
    ],
)
def test_what_a_policy_does_not_allow_any_more_is_erased(
    state: EventState, policies: Policies, expected: EventState
) -> None:
    assert redacted(state, policies) == expected
    ruleset = Ruleset(MAPPING, {"mds": SourceRules(policies=policies)})
    found = decided(ruleset, view(state, MARTINE))
    assert found.state == (None if expected == state else expected), "only a difference is written back"


# As a row


FULL = Ruleset(
    MailboxMap(
        "exchange",
        addresses={"z@x.example": HERS, "a@x.example": HIS},
        domains={"y.example": "y.example", "b.example": "departement.example"},
        ignore=("robot@*",),
        only=("m*", "k*"),
    ),
    {
        "rsa": SourceRules("America/Guadeloupe", "rdv.example", EVERYTHING_ON),
        "mds": SourceRules(
            policies=Policies(
                on_cancel=OnCancel.MARK,
                on_rgpd_purge=OnRgpdPurge.DELETE,
                on_agent_deletion=OnAgentDeletion.RESPECT,
                on_agent_departure=OnAgentDeparture.DELETE_FUTURE,
                past_days=7,
                absences=False,
                sensitivity=Sensitivity.NORMAL,
                reminder_minutes=0,
                category="Été",
                link_hosts=("a.example", "b.example"),
            )
        ),
    },
    datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
)


@pytest.mark.parametrize("ruleset", [FULL, rules(), Ruleset(MailboxMap(""), {})])
def test_a_ruleset_comes_back_from_its_row_as_it_was(ruleset: Ruleset) -> None:
    again = read_ruleset(write_ruleset(ruleset))
    assert again == ruleset
    assert fingerprint(again) == fingerprint(ruleset)


def test_the_order_of_a_files_lines_changes_no_fingerprint() -> None:
    """Else a file that was merely sorted would have every event settled anew."""
    mapping = replace(
        FULL.mailboxes,
        addresses=dict(reversed(FULL.mailboxes.addresses.items())),
        domains=dict(reversed(FULL.mailboxes.domains.items())),
    )
    shuffled = Ruleset(mapping, dict(reversed(FULL.sources.items())), FULL.start_at)
    assert write_ruleset(shuffled) == write_ruleset(FULL)
    assert fingerprint(shuffled) == fingerprint(FULL)


def test_every_difference_changes_the_fingerprint() -> None:
    others = [
        FULL,
        replace(FULL, start_at=None),
        replace(FULL, start_at=datetime(2026, 12, 1, 8, 0, 1, tzinfo=UTC)),
        replace(FULL, sources={"mds": FULL.sources["mds"]}),
        replace(FULL, mailboxes=replace(FULL.mailboxes, only=("m*",))),
        replace(FULL, mailboxes=replace(FULL.mailboxes, default_calendar="other")),
        replace(FULL, mailboxes=replace(FULL.mailboxes, addresses={})),
        replace(FULL, sources=dict(FULL.sources) | {"rsa": SourceRules("America/Guadeloupe", None, EVERYTHING_ON)}),
    ]
    assert len({fingerprint(each) for each in others}) == len(others)


def test_a_row_of_an_earlier_version_lacks_what_came_since() -> None:
    earlier = '{"mailboxes": {"default_calendar": "exchange"}, "sources": {"mds": {"policies": {"past_days": 7}}}}'
    assert read_ruleset(earlier) == Ruleset(
        MailboxMap("exchange"), {"mds": SourceRules(policies=Policies(past_days=7))}
    )


# Small promises that the tests above take for granted

DEFAULTS = Ruleset(
    MailboxMap("exchange", domains={"departement.example": "departement.example"}), {"mds": SourceRules()}
)


def test_an_entry_bears_the_events_own_uid() -> None:
    """It is what a look-up goes by, years later."""
    for state in (a_state(), an_absence()):
        entry = DEFAULTS.entry("Rdv/4330@production", "mds", state)
        assert entry is not None
        assert entry.uid == "Rdv/4330@production"


def test_agents_that_nothing_maps_are_counted_for_an_event_that_is_over_too() -> None:
    mailbox = Mailbox("exchange", str(makers.MARTINE.email))
    past = a_state(starts_at=NOW - timedelta(hours=2), ends_at=NOW - timedelta(hours=1))
    agents = (AgentView(makers.MARTINE.email), AgentView("anne@elsewhere.example"))
    event = EventView("uid", "mds", NOW, past, purged=False, agents=agents, held={mailbox: True})
    found = DEFAULTS.compute_desired(event, NOW)
    assert found.unmapped == 1
    assert found.digests[mailbox] is not None


def test_a_fingerprint_has_the_length_that_its_column_was_made_for() -> None:
    assert len(fingerprint(DEFAULTS)) == 32


def test_what_is_not_shown_by_default_has_no_entry() -> None:
    assert DEFAULTS.entry("uid", "mds", a_plage()) is None
    assert DEFAULTS.entry("uid", "mds", None) is None
