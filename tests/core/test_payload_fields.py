"""Decoding field by field: what is taken, what is refused, and that a refusal names fields and never a value."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.core.facts import AgentRef, Delivery, Emitter, Lieu, LocationType, RdvState
from receiver.core.mailboxes import MailboxMap, Unplaced
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.policies import Policies
from tests.core.samples import REMOVED, as_body, edited, sample, sample_bytes

SP, INSERTION = Emitter.RDV_SERVICE_PUBLIC, Emitter.RDV_INSERTION
RDV = sample("rdv-2024-created")
CANARY = "canari-7f3a"


def decoded(document: object, emitter: Emitter = SP, policies: Policies | None = None) -> Delivery:
    return decode(as_body(document), emitter, policies or Policies())


def state_with(path: str, value: object, policies: Policies | None = None, base: Any = RDV) -> RdvState:
    state = decoded(edited(base, path, value), policies=policies).state
    assert state is not None
    return state


def lieu_of(delivery: Delivery) -> Lieu | None:
    assert isinstance(delivery.state, RdvState)
    return delivery.state.lieu


def refused(body: bytes, emitter: Emitter = SP) -> tuple[str, ...]:
    """The paths of the refusal, after making sure that nothing of the body comes along with it."""
    with pytest.raises(InvalidPayload) as caught:
        decode(body, emitter, Policies())
    error: BaseException | None = caught.value
    while error is not None:
        told = f"{error} {error!r} {error.args!r} {vars(error)!r}"
        assert CANARY not in told
        assert isinstance(error, InvalidPayload), "an error of a library holds what it could not read"
        error = error.__cause__ or error.__context__
    return caught.value.paths


def refusal_of(path: str, value: object, emitter: Emitter = SP, base: Any = RDV) -> tuple[str, ...]:
    return refused(as_body(edited(base, path, value)), emitter)


# Moments

MOMENTS = {
    "2026-12-07 10:46:03 +0100": datetime(2026, 12, 7, 9, 46, 3, tzinfo=UTC),
    "2026-12-07 10:46:03 -0400": datetime(2026, 12, 7, 14, 46, 3, tzinfo=UTC),
    "2026-12-07 10:46:03 +0545": datetime(2026, 12, 7, 5, 1, 3, tzinfo=UTC),
    "2026-12-07 10:46:03 UTC": datetime(2026, 12, 7, 10, 46, 3, tzinfo=UTC),
    "2026-12-07 10:46:03 +0000": datetime(2026, 12, 7, 10, 46, 3, tzinfo=UTC),
    "2026-12-07T10:46:03Z": datetime(2026, 12, 7, 10, 46, 3, tzinfo=UTC),
    "2026-12-07T10:46:03+01:00": datetime(2026, 12, 7, 9, 46, 3, tzinfo=UTC),
    "2026-12-07T10:46:03.000+01:00": datetime(2026, 12, 7, 9, 46, 3, tzinfo=UTC),
    "2026-12-07T10:46:03.1Z": datetime(2026, 12, 7, 10, 46, 3, 100_000, tzinfo=UTC),
    "2026-12-07T10:46:03.123456Z": datetime(2026, 12, 7, 10, 46, 3, 123_456, tzinfo=UTC),
    "2026-12-07T10:46:03.123456789+01:00": datetime(2026, 12, 7, 9, 46, 3, 123_456, tzinfo=UTC),
    "2028-02-29 23:59:59 -1200": datetime(2028, 3, 1, 11, 59, 59, tzinfo=UTC),
    "2000-01-01 00:00:00 +0000": datetime(2000, 1, 1, tzinfo=UTC),
    "2099-12-31 23:59:59 +0000": datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC),
}

NO_MOMENTS = [
    "", " ", "now", CANARY,
    "2026-12-07", "10:46:03", "2026-12-07 10:46", "2026-12-07 10:46 +0100",
    "2026-12-07 10:46:03", "2026-12-07T10:46:03.000",
    "2026-12-07 25:00:00 +0100", "2026-12-07 24:00:00 +0100", "2026-12-07 10:60:00 +0100", "2026-12-07 10:46:60 +0100",
    "2026-02-31 10:00:00 +0100", "2026-02-29 10:00:00 +0100", "2026-13-01 10:00:00 +0100", "2026-00-10 10:00:00 +0100",
    "0000-01-01 10:00:00 +0100", "0001-01-01 00:00:00 +0100", "1999-12-31 23:59:59 +0000", "2000-01-01 00:00:00 +0100",
    "2100-01-01 00:00:00 +0000", "2099-12-31 23:59:59 -0100", "9999-12-31 23:59:59 -0100", "12026-12-07 10:46:03 +0100",
    "-2026-12-07 10:46:03 +0100", "26-12-07 10:46:03 +0100", "07/12/2026 10:46:03 +0100", "20261207T104603Z",
    "2026-12-07 10:46:03 +2500", "2026-12-07 10:46:03 +1", "2026-12-07 10:46:03 +01", "2026-12-07 10:46:03 CET",
    "2026-12-07 10:46:03 Europe/Paris", "2026-12-07 10:46:03 +0100 ", " 2026-12-07 10:46:03 +0100",
    "2026-12-07 10:46:03 +0100\n", "2026-12-07\n10:46:03 +0100", "2026-12-07 10:46:03  +0100",
    "2026-12-07 10:46:0399 +0100", "2026-12-07 10:46:03. +0100", "2026-12-07T10:46:03,5Z",
    "２０２６-12-07 10:46:03 +0100", "2026-12-07 10:46:03 +0100\0", "2026-12-07 10:46:03 +0100" + "0" * 100,
    "2026-12-07T10:46:03." + "0" * 100_000 + "Z",
    None, True, False, 0, 1_796_636_763, 1_796_636_763.5, [], {}, ["2026-12-07 10:46:03 +0100"],
]  # fmt: skip


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read_in_every_way_it_is_written(text: str) -> None:
    version = decoded(edited(RDV, "meta.timestamp", text)).version
    assert version.state_at == MOMENTS[text]
    assert version.state_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", NO_MOMENTS, ids=lambda value: ascii(value)[:40])
def test_what_is_no_moment_is_refused(text: object) -> None:
    assert refusal_of("data.starts_at", text) == ("data.starts_at",)
    if text is not None:  # there, it may be absent
        assert refusal_of("meta.payload_computed_at", text) == ("meta.payload_computed_at",)


def test_an_age_that_is_not_told_is_refused() -> None:
    assert refusal_of("meta.timestamp", REMOVED) == ("meta.timestamp",)
    assert refusal_of("meta.timestamp", None) == ("meta.timestamp",)


def test_when_it_was_computed_is_the_age_where_it_is_told() -> None:
    """`timestamp` is rendered from another moment when both are there."""
    version = decoded(edited(RDV, "meta.payload_computed_at", "2026-11-30T09:12:45.500+01:00")).version
    assert version.state_at == datetime(2026, 11, 30, 8, 12, 45, 500_000, tzinfo=UTC)
    assert version.occurred_at is None


# The end

END = "data.ends_at"


def test_without_an_end_the_duration_tells_it() -> None:
    state = state_with(END, REMOVED, base=edited(RDV, "data.duration_in_min", 90))
    assert state.ends_at - state.starts_at == timedelta(minutes=90)


def test_the_end_counts_before_the_duration() -> None:
    state = state_with("data.duration_in_min", 90)
    assert state.ends_at - state.starts_at == timedelta(minutes=45)


def test_an_appointment_may_be_a_moment() -> None:
    state = state_with(END, RDV["data"]["starts_at"])
    assert state.ends_at == state.starts_at


def test_an_end_before_the_start_is_refused() -> None:
    assert refusal_of(END, "2026-12-07 09:59:59 +0100") == (END,)


def test_an_end_that_nothing_tells_is_refused() -> None:
    assert refusal_of(END, None, base=edited(RDV, "data.duration_in_min", None)) == (END,)
    assert refusal_of(END, REMOVED, base=edited(RDV, "data.duration_in_min", REMOVED)) == (END,)


# Types

NOT_TEXT = [True, 3, 3.5, [], {}, [CANARY], {CANARY: CANARY}]
NOT_INT = [True, False, 3.5, 3.0, "3", CANARY, [], {}, [3], {"id": 3}]
NOT_ID = [*NOT_INT, 0, -1, 2**63, 10**30]
NOT_COUNT = [*NOT_INT, -1, 2**31]
NOT_BOOL = [0, 1, "true", "", CANARY, [], {}]
NOT_OBJECT = [True, 3, 3.5, CANARY, [], [{}], [CANARY]]

WRONG: dict[str, list[Any]] = {
    "data.id": [*NOT_ID, None],
    "data.uuid": [*NOT_TEXT, "", CANARY + "z", "0b5e6a3e\n", " 0b5e6a3e", "a" * 65, "é"],
    "data.status": NOT_TEXT,
    "data.duration_in_min": [*NOT_INT, -1, 366 * 24 * 60 + 1, 10**30],
    "data.motif": [*NOT_OBJECT, None],
    "data.motif.name": [*NOT_TEXT, None, "", "  ", "\u200b", "\0"],
    "data.motif.location_type": NOT_TEXT,
    "data.motif.collectif": NOT_BOOL,
    "data.lieu": NOT_OBJECT,
    "data.lieu.name": NOT_TEXT,
    "data.lieu.address": NOT_TEXT,
    "data.lieu.single_use": NOT_BOOL,
    "data.agents": [*NOT_OBJECT[:4], {}, None],
    "data.agents.0": [*NOT_OBJECT, None],
    "data.agents.0.id": [*NOT_ID, None],
    "data.agents.1.email": NOT_TEXT,
    "data.organisation": NOT_OBJECT,
    "data.organisation.id": [*NOT_ID, None],
    "data.organisation.verticale": NOT_TEXT,
    "data.collectif": NOT_BOOL,
    "data.users_count": NOT_COUNT,
    "data.max_participants_count": NOT_COUNT,
    "data.name": NOT_TEXT,
    "data.visio_url": NOT_TEXT,
    "data.url_for_agents": NOT_TEXT,
    "data.time_zone": [*NOT_TEXT, "", CANARY, "Europe", "../../etc/passwd", "Europe/Paris\0", "+01:00", "a" * 300],
    "meta.model": [*NOT_TEXT, None, REMOVED],
    "meta.event": [*NOT_TEXT, None, REMOVED],
    "meta.webhook_reason": NOT_TEXT,
}
REQUIRED = ["data.id", "data.starts_at", "data.motif", "data.motif.name", "data.agents", "data.agents.0.id",
            "data.organisation.id"]  # fmt: skip


def shown(path: str) -> str:
    """The path as a refusal names it."""
    return "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in path.split("."))[1:]


@pytest.mark.parametrize("path", WRONG)
def test_a_field_of_the_wrong_type_or_out_of_bounds_is_named(path: str) -> None:
    for value in WRONG[path]:
        assert refusal_of(path, value) == (shown(path),), ascii(value)[:60]


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_field_is_named(path: str) -> None:
    assert refusal_of(path, REMOVED) == (shown(path),)


def test_every_wrong_field_is_named_at_once() -> None:
    document = edited(edited(edited(RDV, "data.id", CANARY), "data.agents.1.id", CANARY), "data.starts_at", CANARY)
    assert refused(as_body(document)) == ("data.agents[1].id", "data.id", "data.starts_at")


def with_half_a_character(path: str) -> bytes:
    """A lone surrogate is legal in JSON and can be written to no database, calendar or log."""
    return as_body(edited(RDV, path, "PLACEHOLDER")).replace(b"PLACEHOLDER", b"x\\ud800" + CANARY.encode())


def test_half_a_character_is_taken_out_of_a_text() -> None:
    policies = Policies(collective_names=True)
    for path, name in (("data.motif.name", "motif"), ("data.name", "name")):
        state = decode(with_half_a_character(path), SP, policies).state
        assert getattr(state, name) == "x" + CANARY
    state = decode(with_half_a_character("data.lieu.address"), SP, policies).state
    assert state is not None
    assert state.lieu == Lieu(RDV["data"]["lieu"]["name"], "x" + CANARY)


@pytest.mark.parametrize("path", ["data.uuid", "data.time_zone", "data.starts_at"])
def test_half_a_character_in_what_is_no_free_text_is_refused(path: str) -> None:
    assert refused(with_half_a_character(path)) == (shown(path),)


def test_half_a_character_in_an_email_is_taken_out() -> None:
    assert "\ud800" not in repr(decode(with_half_a_character("data.agents.0.email"), SP, Policies()))


@pytest.mark.parametrize("path", ["data.status", "data.motif.location_type", "meta.webhook_reason", "data.context"])
def test_half_a_character_in_what_is_not_kept_harms_nothing(path: str) -> None:
    assert "\ud800" not in repr(decode(with_half_a_character(path), SP, Policies()))


@pytest.mark.parametrize("name", ["meta", "data"])
@pytest.mark.parametrize("value", [REMOVED, None, [], "x", 3, True])
def test_an_envelope_without_one_half_is_refused(name: str, value: object) -> None:
    assert refusal_of(name, value) == (name,)


# Tolerance: the emitter changes without warning


@pytest.mark.parametrize("location_type", ["", "teleportation", None, "PHONE"])
def test_a_location_type_not_known_shows_no_place(location_type: str | None) -> None:
    state = state_with("data.motif.location_type", location_type)
    assert (state.location_type, state.lieu) == (LocationType.OTHER, None)


@pytest.mark.parametrize("status", ["unknown", "seen", "noshow", "waiting", "notexcused", "", "invented", None])
def test_a_status_that_is_no_cancellation_leaves_the_rdv_standing(status: str | None) -> None:
    assert not state_with("data.status", status).cancelled


@pytest.mark.parametrize("status", ["excused", "revoked"])
def test_both_kinds_of_cancellation_are_known(status: str) -> None:
    """The public C# receiver knew only one of them."""
    assert state_with("data.status", status).cancelled


@pytest.mark.parametrize(
    "path",
    ["data.uuid", "data.status", "data.duration_in_min", "data.lieu", "data.lieu.name", "data.lieu.address",
     "data.lieu.single_use", "data.organisation", "data.organisation.verticale", "data.collectif",
     "data.motif.collectif", "data.motif.location_type", "data.users_count", "data.max_participants_count", "data.name",
     "data.agents.0.email", "meta.webhook_reason"],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, REMOVED])
def test_a_field_that_some_years_lack_may_be_null_or_absent(path: str, value: object) -> None:
    assert decoded(edited(RDV, path, value)).state is not None


def test_a_field_nobody_asked_for_changes_nothing() -> None:
    document = edited(edited(RDV, "data.invented", {"a": [1]}), "data.agents.0.invented", CANARY)
    assert decoded(document) == decoded(RDV)


@pytest.mark.parametrize(
    ("rdv", "motif", "collective"), [(True, False, True), (False, True, True), (None, None, False)]
)
def test_a_rdv_is_collective_where_it_or_its_motif_says_so(rdv: object, motif: object, collective: bool) -> None:
    document = edited(edited(RDV, "data.collectif", rdv), "data.motif.collectif", motif)
    assert state_with("data.status", "unknown", base=document).collective is collective


# Which messages concern a calendar


@pytest.mark.parametrize("event", ["created", "updated", "destroyed"])
def test_the_lower_case_model_of_2020_is_the_same(event: str) -> None:
    document = edited(edited(RDV, "meta.model", "rdv"), "meta.event", event)
    assert decoded(document) == decoded(edited(RDV, "meta.event", event))


@pytest.mark.parametrize("model", ["", "RDV", "User", "Motif", "Invitation", "AgentsRdv", "Rdv ", "Rdv\0", CANARY])
def test_a_model_without_a_place_in_a_calendar_is_irrelevant(model: str) -> None:
    """Whatever its data look like: a shape nobody knows must not be retried for a week."""
    with pytest.raises(Irrelevant) as caught:
        decoded(edited(edited(RDV, "meta.model", model), "data", CANARY))
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize("event", ["", "Created", "restored", "destroy"])
def test_an_event_not_known_is_irrelevant(event: str) -> None:
    with pytest.raises(Irrelevant):
        decoded(edited(RDV, "meta.event", event))


# Destroyed


def test_a_destroyed_rdv_needs_no_more_than_its_name() -> None:
    """What it was like is of no concern any more, so nothing in it can hold its removal up."""
    data = {
        "id": 4330,
        "starts_at": CANARY,
        "motif": None,
        "agents": 3,
        "lieu": [],
        "time_zone": "Nowhere",
        "status": 0,
    }
    delivery = decoded({"data": data, "meta": RDV["meta"] | {"event": "destroyed"}})
    assert (delivery.wire_id, delivery.uuid, delivery.state, delivery.agents) == (4330, None, None, ())
    assert CANARY not in repr(delivery)


def test_only_the_platforms_own_purge_is_a_purge() -> None:
    destroyed = edited(RDV, "meta.event", "destroyed")
    assert decoded(edited(destroyed, "meta.webhook_reason", "rgpd")).purge
    assert not decoded(edited(destroyed, "meta.webhook_reason", "other")).purge
    assert not decoded(destroyed).purge


# Policies over free text, at the boundary


@pytest.mark.parametrize(
    ("field", "kept", "policies"),
    [
        ("name", "name", Policies(collective_names=True)),
        ("visio_url", "visio_url", Policies(visio_link=True)),
    ],
)
def test_free_text_is_dropped_unless_its_policy_is_on(field: str, kept: str, policies: Policies) -> None:
    assert getattr(state_with(f"data.{field}", CANARY), kept) is None
    assert getattr(state_with(f"data.{field}", CANARY, policies), kept) == CANARY
    assert getattr(state_with(f"data.{field}", "", policies), kept) is None


def test_a_place_typed_for_one_rdv_is_dropped_unless_its_policy_is_on() -> None:
    """It may be somebody's home."""
    single = RDV["data"]["lieu"] | {"name": CANARY, "address": CANARY, "single_use": True}
    assert state_with("data.lieu", single).lieu == Lieu("", "", single_use=True)
    opened = state_with("data.lieu", single, Policies(single_use_places=True))
    assert opened.lieu == Lieu(CANARY, CANARY, single_use=True)


@pytest.mark.parametrize("location_type", ["home", "phone", "visio", "teleportation"])
def test_a_place_is_read_only_where_the_usager_is_received_at_it(location_type: str) -> None:
    assert state_with("data.motif.location_type", location_type).lieu is None


# Agents


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("\u200b", None),
        (" Martine.Agent@Departement.Example ", "martine.agent@departement.example"),
        ("martine\u202e@departement.example", "martine@departement.example"),
        ("É@departement.example", "é@departement.example"),
    ],
)
def test_an_email_is_kept_in_one_spelling(email: str | None, kept: str | None) -> None:
    agents = decoded(edited(RDV, "data.agents.0.email", email)).agents
    assert agents[0] == AgentRef("31", kept)


@pytest.mark.parametrize(
    "email",
    [
        "a" * 2001,
        "é" * 100_000,
        "a\ud800b@x.example",
        "\udfff@x",
        "nobody",
        "@",
        "a@b@c",
        "=cmd|' /C calc'!A0",
        "\x1b[2J@x",
        "<script>@x.example",
        "[x](http://evil.example)@x",
        "a,b;c@x",
        "\0\1x",
        "\u0301" * 3000,
        "\ue000x",
        "jean dupont@x",
    ],
)
@pytest.mark.parametrize("path", ["data.agents.0.email", "data.agents.1.email"])
def test_an_odd_email_costs_the_webhook_nothing(path: str, email: str) -> None:
    """It maps to no mailbox; the others of its webhook have theirs."""
    agents = decode(json.dumps(edited(RDV, path, email)).encode(), SP, Policies()).agents
    assert len(agents) == 2
    [odd] = [each for each in agents if each.ident == str(RDV["data"]["agents"][int(path.split(".")[2])]["id"])]
    assert odd.email is not None
    assert len(odd.email) <= 254
    assert odd.email.isprintable()
    mapping = MailboxMap("exchange", domains={"x": "x.example", "x.example": "x.example"})
    assert mapping.locate(odd.email) is Unplaced.UNMAPPED


def test_an_email_in_pieces_is_put_together() -> None:
    [agent, _] = decoded(edited(RDV, "data.agents.0.email", "RENE\u0301@x.example")).agents
    assert agent.email == "ren\u00e9@x.example"


def test_an_email_that_grows_in_lower_case_stays_within_bounds() -> None:
    """A longer one than the store takes would be refused by PostgreSQL, with the whole webhook, for a week."""
    [agent, _] = decoded(edited(RDV, "data.agents.0.email", "\u0130" * 300)).agents
    assert agent.email is not None
    assert len(agent.email) == 254


def test_the_order_of_agents_means_nothing() -> None:
    swapped = edited(RDV, "data.agents", RDV["data"]["agents"][::-1])
    assert decoded(swapped) == decoded(RDV)


def test_an_agent_listed_twice_is_one() -> None:
    twice = edited(RDV, "data.agents", RDV["data"]["agents"] * 2)
    assert decoded(twice) == decoded(RDV)


def test_a_rdv_may_have_no_agent() -> None:
    assert decoded(edited(RDV, "data.agents", [])).agents == ()


def test_more_agents_than_a_service_has_are_refused() -> None:
    agents = [{"id": number} for number in range(1, 102)]
    assert len(decoded(edited(RDV, "data.agents", agents[:100])).agents) == 100
    assert refusal_of("data.agents", agents) == ("data.agents",)


# rdv-insertion's numbers

FROM_INSERTION = sample("rdv-insertion-created")


@pytest.mark.parametrize(
    ("said", "emitter", "withheld"),
    [
        ({}, SP, False),
        ({"single_use": None}, SP, False),
        ({"single_use": False}, SP, False),
        ({}, INSERTION, True),
        ({"single_use": None}, INSERTION, True),
        ({"single_use": False}, INSERTION, False),
    ],
)
def test_a_place_that_nobody_says_is_no_home_is_dropped_unless_its_policy_is_on(
    said: dict[str, Any], emitter: Emitter, withheld: bool
) -> None:
    """rdv-insertion does not tell a place that was typed for one RDV from any other."""
    document = edited(FROM_INSERTION, "data.lieu", {"name": CANARY, "address": CANARY} | said)
    named = Lieu(CANARY, CANARY, single_use=withheld, unsaid=withheld)
    opened = decoded(document, emitter, Policies(single_use_places=True))
    assert lieu_of(opened) == named
    assert lieu_of(decoded(document, emitter)) == (named.withheld if withheld else named)


@pytest.mark.parametrize("emitter", Emitter)
def test_a_place_said_to_be_typed_for_one_rdv_is_one_whoever_says_so(emitter: Emitter) -> None:
    document = edited(FROM_INSERTION, "data.lieu.single_use", True)
    assert lieu_of(decoded(document, emitter)) == Lieu("", "", single_use=True)


def test_an_agent_that_only_rdv_insertion_knows_is_told_apart() -> None:
    """Its number 2 there is somebody else's at RDV Service Public."""
    delivery = decoded(edited(FROM_INSERTION, "data.agents.0.rdv_solidarites_agent_id", None), INSERTION)
    assert delivery.agents == (AgentRef("insertion-2", "martine.agent@departement.example"),)


def test_a_rdv_without_the_platforms_number_is_known_by_its_uuid() -> None:
    delivery = decoded(edited(FROM_INSERTION, "data.rdv_solidarites_rdv_id", None), INSERTION)
    assert (delivery.wire_id, delivery.uuid) == (None, FROM_INSERTION["data"]["uuid"])
    assert delivery.ident == FROM_INSERTION["data"]["uuid"]
    assert delivery.state is not None
    assert delivery.state.rdv is None, "its own number must not get into a link"


def test_a_rdv_without_any_common_name_is_refused() -> None:
    nameless = edited(FROM_INSERTION, "data.rdv_solidarites_rdv_id", None)
    assert refusal_of("data.uuid", None, INSERTION, nameless) == ("data.uuid",)


def test_an_organisation_the_platform_does_not_number_has_none() -> None:
    delivery = decoded(edited(FROM_INSERTION, "data.organisation.rdv_solidarites_organisation_id", None), INSERTION)
    assert delivery.organisation is None


def test_rdv_service_public_cannot_speak_with_the_others_numbers() -> None:
    document = edited(edited(RDV, "data.rdv_solidarites_rdv_id", 1), "data.agents.0.rdv_solidarites_agent_id", 1)
    assert decoded(edited(document, "data.organisation.rdv_solidarites_organisation_id", 1)) == decoded(RDV)


def test_the_uuid_is_kept_in_one_spelling() -> None:
    delivery = decoded(edited(RDV, "data.uuid", RDV["data"]["uuid"].upper()))
    assert delivery == decoded(RDV)
    assert replace(delivery, uuid=None).ident == "4330"


# Bodies that are no message

GOOD = sample_bytes("rdv-2024-created")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"3",
        b'"text"',
        b"[]",
        b"[{}]",
        GOOD[:-2],
        GOOD + b"{}",
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("latin-1"),
        b'{"data": {}, "meta": {"a": "' + CANARY.encode() + b'\xff"}}',
        b'{"data": {}, "meta": {"a": "' + CANARY.encode() + b'\n"}}',
        b"{'data': {}, 'meta': {}}",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"data":' * 10_000 + b"1" + b"}" * 10_000,
        GOOD.replace(b'"users_count": 1', b'"users_count": ' + b"1" * 5_000),
        GOOD.replace(b'"users_count": 1', b'"users_count": NaN'),
        GOOD.replace(b'"users_count": 1', b'"anything": [{"deep": Infinity}]'),
        GOOD.replace(b'"users_count": 1', b'"anything": -Infinity'),
    ],
    ids=lambda body: ascii(body[:24]),
)
def test_a_body_that_is_not_one_json_object_is_refused_as_a_whole(body: bytes) -> None:
    assert body != GOOD
    assert refused(body) == ("$",)


@pytest.mark.parametrize(
    "member",
    [
        '"data": {}',
        '"meta": {}',
        '"id": 1',
        '"status": "seen"',
        '"first_name": "x"',
        '"email": null',
        '"single_use": 1',
    ],
)
def test_a_key_that_stands_twice_is_refused_at_any_depth(member: str) -> None:
    """Two readers of one signed body must not see two different messages in it: among usagers too."""
    name = member.partition(":")[0].encode()
    assert GOOD.count(name + b":") >= 1
    body = GOOD.replace(name + b":", member.encode() + b", " + name + b":", 1)
    assert refused(body) == ("$",)


def test_keys_that_differ_by_escapes_alone_are_the_same_key() -> None:
    assert refused(GOOD.replace(b'"id":', b'"\\u0069d": 1, "id":', 1)) == ("$",)


def test_a_nul_in_a_text_is_taken_out() -> None:
    """PostgreSQL takes none; the appointment is worth more than the character."""
    assert state_with("data.motif.name", "a\0b").motif == "ab"


def test_a_long_text_is_cut_and_says_so() -> None:
    motif = state_with("data.motif.name", "m" * 10_000).motif
    assert len(motif) == 500
    assert motif.endswith("…")
