"""`status`, from the command line to a store and back."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.base import Temporary
from receiver.config import load
from receiver.core.servers import ServerState, failed
from receiver.core.troubles import Code, Colour, Trouble
from receiver.operations.refused_requests import LATELY, TURNED_AWAY
from receiver.operations.status import Status, status
from receiver.store import Store, StoreUnavailable, counters, heartbeats
from receiver.store.counters import Tally
from receiver.store.intake import judge_batch
from receiver.store.reports.overview import RETRIED
from receiver.store.work import rulesets as stored_rulesets
from receiver.store.work import servers
from tests.cli.console import Console
from tests.lab.database import statements
from tests.makers import KARIM, MARTINE, a_delivery, incoming
from tests.store.scopes import THIRTY_FOUR, a_rdv


@pytest.fixture
def place(console: Console) -> Console:  # the fixture
    console.run("apply-policies")
    for name in (f"{heartbeats.SERVES}here", "worker/here/1"):
        console.store.write(heartbeats.beat, name, console.store.now())
    return console


def troubles(place: Console) -> list[tuple[str, str, str, int]]:
    status, out = place.run("status", "--json")
    report: dict[str, Any] = json.loads(out)
    assert (status, report["ok"]) == ((1, False) if report["troubles"] else (0, True))
    return [(each["code"], each["subject"], each["cause"], each["count"]) for each in report["troubles"]]


def test_all_is_well(place: Console) -> None:
    assert troubles(place) == []
    status, out = place.run("status")
    assert status == 0
    assert "Source mds : aucun webhook reçu." in out
    assert out.endswith("Tout va bien.\n")


def test_what_came_and_what_waits_is_shown(place: Console) -> None:
    place.expect([1, 2], MARTINE)
    report = json.loads(place.run("status", "--json")[1])
    assert (report["store"]["due"], report["store"]["unsettled"]) == (2, 0)
    assert list(report["store"]["last_webhook"]) == ["mds"]


def test_an_agent_without_a_mailbox_is_a_trouble(place: Console) -> None:
    place.expect([1], KARIM)
    assert troubles(place) == [("agents_unmapped", "", "", 1)]


def break_server(place: Console) -> None:
    now = place.store.now()

    def fail(server: ServerState) -> ServerState:
        return failed(server, Temporary("unauthorized"), server.credentials, None, now, 0.5)

    place.store.write(servers.change, "pilot", fail)


def silence_worker(place: Console) -> None:
    place.execute("DELETE FROM heartbeats WHERE name LIKE 'worker/%'")
    place.store.write(heartbeats.beat, "worker/here/1", place.store.now() - timedelta(minutes=5))


def refuse_signatures(place: Console) -> None:
    refused = {("mds", "unauthorized"): 12, ("mds", "model"): 500, ("old", "payload"): 3}
    counts = {Tally("refused", name, "", reason): count for (name, reason), count in refused.items()}
    place.store.write(counters.record, counts, {"seen/mds": 1}, place.store.now())


def test_a_worker_that_cannot_write_is_not_what_needs_looking_after(
    place: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that takes nothing: restarting the worker, which would be advised, would not help."""
    silence_worker(place)
    assert [code for code, *_ in troubles(place)] == ["worker_silent"]

    def full(_connection: object, _name: str, _now: datetime) -> None:
        raise StoreUnavailable("OperationalError")

    monkeypatch.setattr(heartbeats, "beat", full)
    assert [code for code, *_ in troubles(place)] == ["store_unreachable"]


def test_a_watch_that_is_silent_is_a_trouble_where_somebody_is_to_be_alerted(
    place: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.store.write(heartbeats.beat, heartbeats.WATCH, place.store.now() - timedelta(minutes=5))
    assert troubles(place) == []
    monkeypatch.setenv("RDV_TO_0", "json://127.0.0.1")
    place.configure(alerts={"to": [{"env": "RDV_TO_0"}]})
    assert troubles(place) == [("watch_silent", "", "", 0)]
    assert "Plus rien n'envoie les alertes" in place.run("status")[1]
    place.store.write(heartbeats.beat, heartbeats.WATCH, place.store.now())
    assert troubles(place) == []


def break_mailbox(place: Console) -> None:
    sql = (
        "INSERT INTO mailboxes (calendar, address, attempts, failure) VALUES ('pilot', 'x@box.example', 3,"
        " 'mailbox_not_found')"
    )
    place.execute(sql)


@pytest.mark.parametrize(
    ("harm", "expected", "sentence"),
    [
        (break_server, ("server_failing", "pilot", "unauthorized", 0), "refuse le compte de service"),
        (silence_worker, ("worker_silent", "", "", 0), "Plus rien n'écrit dans les calendriers"),
        (refuse_signatures, ("signatures_refused", "mds", "", 12), "12 signatures fausses"),
        (break_mailbox, ("mailboxes_failing", "pilot", "mailbox_not_found", 1), "1 boîte en échec sur pilot"),
    ],
)
def test_each_trouble_says_its_cause_and_its_cure(
    place: Console, harm: Callable[[Console], None], expected: tuple[str, str, str, int], sentence: str
) -> None:
    harm(place)
    assert troubles(place) == [expected]
    status, out = place.run("status")
    assert status == 1
    assert sentence in out
    assert f"guide de dépannage : {expected[0]}" in out


def pause_server(store: Store) -> None:
    until = store.now() + timedelta(minutes=9)
    store.write(servers.change, "pilot", lambda server: replace(server, blocked_until=until))


def test_a_server_that_asked_for_a_pause_is_told_with_its_end(place: Console) -> None:
    pause_server(place.store)
    assert troubles(place) == [("server_waiting", "pilot", "", 0)]
    report = json.loads(place.run("status", "--json")[1])
    assert report["colour"] == "attention"
    assert report["troubles"][0]["until"] is not None


def test_an_entry_that_is_refused_again_and_again_is_told_though_it_is_never_due_for_long(place: Console) -> None:
    """Each refusal puts its next try off: it is never late, and never given up."""
    place.expect([1], MARTINE)
    soon = place.store.now() + timedelta(minutes=10)

    def refuse(attempts: int) -> None:
        moment = f"{soon:%Y-%m-%d %H:%M:%S.%f}"
        values = f"failure='server_error', attempts={attempts}, not_before='{moment}', due_at='{moment}'"
        place.execute(f"UPDATE placements SET {values}")

    refuse(RETRIED - 1)
    assert troubles(place) == []
    refuse(RETRIED)
    assert troubles(place) == [("entries_retried", "pilot", "server_error", 1)]


def test_an_event_that_nobody_works_out_is_late(place: Console) -> None:
    place.store.write(judge_batch.take, [incoming(a_delivery())], place.store.now())
    assert [code for code, *_ in troubles(place)] == []
    long_ago = place.store.now() - timedelta(minutes=16)
    sql = f"UPDATE events SET unsettled_at='{long_ago:%Y-%m-%d %H:%M:%S.%f}'"
    place.execute(sql)
    assert [code for code, *_ in troubles(place)] == ["changes_late"]


def test_what_is_refused_for_a_while_is_told_for_a_quarter_of_an_hour(place: Console) -> None:
    now = place.store.now()
    place.store.write(counters.record, {Tally("refused", "mds", "", "busy"): 2}, {f"{TURNED_AWAY}mds/busy": 2}, now)
    found = trouble(place, Code.WEBHOOKS_REFUSED)
    assert found is not None
    assert (found.cause, found.count, found.until, found.colour) == ("busy", 2, now + LATELY, Colour.ATTENTION)
    later = look(place, now + LATELY)
    assert Code.WEBHOOKS_REFUSED not in {each.code for each in later.troubles}


def test_wrong_signatures_are_told_until_too_few_are_left_of_a_day(place: Console) -> None:
    """Hours go as a whole: the moment that is told is the one at which it is over."""
    hour = place.store.now().replace(minute=0, second=0, microsecond=0)
    for ago, count in ((20, 3), (5, 8), (1, 4)):
        refused = {Tally("refused", "mds", "", "unauthorized"): count}
        place.store.write(counters.record, refused, {}, hour - timedelta(hours=ago))
    found = trouble(place, Code.SIGNATURES_REFUSED)
    assert found is not None
    assert (found.count, found.until) == (15, hour - timedelta(hours=5) + timedelta(hours=25))
    for moment, there in ((found.until - timedelta(seconds=1), True), (found.until, False)):
        place.store.write(heartbeats.beat, "worker/here/1", moment)
        assert (Code.SIGNATURES_REFUSED in {each.code for each in look(place, moment).troubles}) is there


def test_workers_that_died_are_told_until_too_few_of_them_are_left_of_an_hour(place: Console) -> None:
    now = place.store.now()
    for number, minutes in enumerate((50, 40, 30, 20)):
        place.store.write(heartbeats.beat, f"worker/here/{number}/a", now - timedelta(minutes=minutes))
    found = trouble(place, Code.WORKER_RESTARTING)
    assert found is not None
    assert (found.count, found.until) == (4, now - timedelta(minutes=40) + timedelta(hours=1))
    assert found.until is not None
    later = look(place, found.until + timedelta(seconds=1))
    assert Code.WORKER_RESTARTING not in {each.code for each in later.troubles}


def test_a_store_that_is_away_is_told(place: Console) -> None:
    place.configure(store={"url": "postgresql://nobody@127.0.0.1:1/none"})
    assert troubles(place) == [("store_unreachable", "", "store_host_unreachable", 0)]


def test_a_store_that_was_never_migrated_is_told(place: Console) -> None:
    place.configure(store={"url": f"sqlite:///{place.path.parent}/empty.db"})
    assert troubles(place) == [("store_not_current", "", "store_empty", 0)]


# What the workers and the web processes left word of


def look(place: Console, now: datetime | None = None) -> Status:
    settings = load(place.path, {"RDV_SECRET": "s"})
    return status(settings, place.store, now or place.store.now())


def trouble(place: Console, code: Code) -> Trouble | None:
    return next((each for each in look(place).troubles if each.code is code), None)


def leave(place: Console, **figures: int) -> datetime:
    """Have figures noted a minute ago; two underscores stand for what a name cannot hold."""
    now = place.store.now() - timedelta(minutes=1)
    place.store.write(counters.record, {}, {name.replace("__", "/"): value for name, value in figures.items()}, now)
    return now


def test_what_the_worker_counted_is_believed(place: Console) -> None:
    """Counting anew at every look would read the agents of all that is to come."""
    place.expect([1], KARIM)
    leave(place, unmapped=7)
    found = trouble(place, Code.AGENTS_UNMAPPED)
    assert found is not None
    assert found.count == 7
    leave(place, unmapped=0)
    assert trouble(place, Code.AGENTS_UNMAPPED) is None


def test_a_certificate_and_a_clock_are_judged_by_what_was_left(place: Console) -> None:
    now = place.store.now()
    leave(place, certificate__pilot=int((now + timedelta(days=20)).timestamp()), clock__pilot=-180)
    expiring, clock = trouble(place, Code.CERTIFICATE_EXPIRING), trouble(place, Code.CLOCK_OFF)
    assert expiring is not None
    assert (expiring.subject, expiring.count) == ("pilot", 19)
    assert clock is not None
    assert clock.subject == "pilot"
    place.configure(alerts={"certificate_days": 10})
    assert trouble(place, Code.CERTIFICATE_EXPIRING) is None, "the configuration's own limit"


def test_what_was_left_of_a_calendar_that_is_configured_no_more_is_nobodys_trouble(place: Console) -> None:
    leave(place, certificate__former=0, clock__former=9_999)
    assert look(place).troubles == ()


def test_the_last_audit_tells_what_differs_and_when_it_was(place: Console) -> None:
    at = leave(place, audit=12, audit__left_out=3, audit__missing=2, audit__orphaned=0)
    found = [each for each in look(place).troubles if each.code is Code.CALENDARS_DIFFER]
    assert [(each.cause, each.count, each.since) for each in found] == [("missing", 2, at)]


def test_a_source_was_heard_when_the_web_processes_or_the_journal_say(place: Console) -> None:
    """The journal forgets after some weeks; what the web processes count is written down a little later."""
    assert look(place).sight is not None
    heard = leave(place, seen__mds=1, seen__former=1)
    assert seen(place) == {"mds": heard}
    place.expect([1], MARTINE)
    assert seen(place)["mds"] > heard


def seen(place: Console) -> dict[str, datetime]:
    sight = look(place).sight
    assert sight is not None
    return sight.last_webhook


def test_troubles_say_since_when_where_that_is_known(place: Console) -> None:
    place.expect(range(1, 26), MARTINE)
    held_at = place.store.now()
    place.store.write(stored_rulesets.hold, load(place.path, {"RDV_SECRET": "s"}).ruleset(), 25, held_at)
    break_server(place)
    fail_all = "UPDATE mailboxes SET failure = 'access_denied'"
    place.execute(fail_all)
    found = {each.code: each.since for each in look(place).troubles}
    assert found[Code.RULES_HELD] == held_at
    assert {Code.RULES_HELD, Code.SERVER_FAILING, Code.MAILBOXES_FAILING} <= found.keys()
    assert None not in found.values()


def queries(place: Console) -> int:
    with statements() as sent:
        look(place)
    return len([statement for statement in sent if statement.startswith("SELECT")])


def test_a_look_asks_the_same_few_questions_however_much_there_is(place: Console) -> None:
    leave(place, unmapped=0)
    look(place)  # the first one asks beside whose the store is
    few = queries(place)
    sources = {
        f"s{number}": {"emitter": "rdv_service_public", "platform": f"p{number}", "secrets": [{"env": "RDV_SECRET"}]}
        for number in range(5)
    }
    place.configure(sources=sources)
    place.expect(range(1, 60), MARTINE, KARIM)
    for harm in (break_server, break_mailbox, refuse_signatures):
        harm(place)
    leave(place, **{f"seen__s{number}": 1 for number in range(5)}, audit__missing=3)
    assert queries(place) == few <= 20


def set_aside(place: Console, count: int, secret: str, now: datetime) -> None:
    for number in range(count):
        told = incoming(a_rdv(34, 50 - number, now=now), received_at=now)
        place.store.write(judge_batch.take, [replace(told, authority=THIRTY_FOUR, signed_by=secret)], now)


def test_what_waits_for_somebodys_decision_is_told(place: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    now = place.store.now()
    place.store.write(judge_batch.take, [incoming(a_rdv(12, 60, now=now), received_at=now)], now)
    set_aside(place, 2, "one", now)
    set_aside(place, 1, "two", now + timedelta(seconds=1))
    [told] = [each for each in look(place).troubles if each.code is Code.OUT_OF_SCOPE]
    assert (told.subject, told.cause, told.count, told.since) == ("mds", "other_organisation", 3, now)
    monkeypatch.setattr("receiver.operations.status.MOST_SET_ASIDE", 2)
    assert ("out_of_scope", "mds", "set_aside_full", 3) in troubles(place)
    sight = json.loads(place.run("status", "--json")[1])["store"]
    assert [(each["reason"], each["signed_by"], each["count"]) for each in sight["set_aside"]] == [
        ("scope", "one", 2),
        ("scope", "two", 1),
    ]


def test_a_server_is_told_of_between_two_pauses_that_it_asks_for(place: Console) -> None:
    """Each may be short: while they follow each other, nothing is written, and no screen may be green between them."""
    now = place.store.now()

    def told(asked_at: datetime, answered_at: datetime | None) -> list[str]:
        changed = {"throttled_at": asked_at, "succeeded_at": answered_at, "blocked_until": now - timedelta(seconds=1)}
        place.store.write(servers.change, "pilot", lambda server: replace(server, **changed))
        return [code for code, *_ in troubles(place)]

    lately, long_ago = now - timedelta(seconds=20), now - timedelta(minutes=2)
    assert told(lately, None) == [Code.SERVER_WAITING]
    assert told(lately, long_ago) == [Code.SERVER_WAITING]
    assert told(long_ago, None) == []
    assert told(lately, now) == [], "it has answered since"
