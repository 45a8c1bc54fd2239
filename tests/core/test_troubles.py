"""Each trouble appears when it should, and only then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from receiver.core.room import MIB, Disk
from receiver.core.thresholds import Thresholds
from receiver.core.trouble_rules import (
    Failing,
    RefusedConfiguration,
    SeenServer,
    SeenSource,
    SetAside,
    Snapshot,
    Unreached,
    troubles,
)
from receiver.core.troubles import Code, Colour, Severity, Trouble, colour, is_well

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
LIMITS = Thresholds()
MOMENT = timedelta(seconds=1)
ALARM, WARNING = Severity.ALARM, Severity.WARNING
ROOMY, LOW, FULL = Disk(400 * MIB, 1000 * MIB), Disk(60 * MIB, 1000 * MIB), Disk(10 * MIB, 1000 * MIB)


def found(seen: Snapshot) -> list[Trouble]:
    return troubles(seen, NOW)


def test_a_healthy_receiver_has_no_trouble() -> None:
    healthy = Snapshot(
        web_beat_at=NOW,
        worker_beat_at=NOW,
        started_at=NOW - timedelta(days=9),
        oldest_due_at=NOW - timedelta(seconds=20),
        servers=(SeenServer("exchange", certificate_until=NOW + timedelta(days=90)),),
        sources=(SeenSource("mds", NOW, refused={"unauthorized": 3, "model": 900, "organisation": 4}),),
        differences={"missing": 0},
        disk=ROOMY,
    )
    assert found(healthy) == found(Snapshot()) == []


@pytest.mark.parametrize("code", [Code.STORE_UNREACHABLE, Code.STORE_NOT_CURRENT])
def test_without_a_store_that_alone_is_told_and_what_the_host_shows(code: Code) -> None:
    """Everything else would be a guess."""
    blind = Snapshot(store=code, disk=FULL, worker_beat_at=NOW - timedelta(days=1), removals_held=4)
    assert found(blind) == [Trouble(code, ALARM), Trouble(Code.DISK_LOW, ALARM, count=1)]


def test_where_nothing_is_meant_to_be_written_that_alone_explains_what_waits() -> None:
    late = NOW - LIMITS.change_late
    assert found(Snapshot(must_adopt=True, oldest_due_at=late)) == [Trouble(Code.MUST_ADOPT, ALARM)]
    uninstalled = Trouble(Code.UNINSTALLED, Severity.WARNING, since=NOW)
    assert found(Snapshot(uninstalled_at=NOW, oldest_due_at=late)) == [uninstalled]


def test_a_store_that_vanished_says_what_lies_behind() -> None:
    gone = Snapshot(store=Code.STORE_VANISHED, store_cause="store_gone", must_adopt=True)
    assert found(gone) == [Trouble(Code.STORE_VANISHED, ALARM, cause="store_gone")]


def test_an_older_copy_that_nobody_said_to_be_one_has_a_trouble_of_its_own() -> None:
    behind = Snapshot(must_adopt=True, behind_since=NOW, oldest_due_at=NOW - LIMITS.change_late)
    assert found(behind) == [Trouble(Code.STORE_BEHIND, ALARM, since=NOW)]
    assert found(Snapshot(behind_since=NOW)) == [], "it is over as soon as the calendars were read"


def test_a_marker_that_cannot_be_used_is_an_alarm_beside_all_else() -> None:
    late = NOW - LIMITS.change_late
    seen = Snapshot(marker="marker_unwritable", oldest_due_at=late)
    assert found(seen) == [
        Trouble(Code.MARKER_UNUSABLE, ALARM, cause="marker_unwritable"),
        Trouble(Code.CHANGES_LATE, ALARM, since=late),
    ]


@pytest.mark.parametrize("name", ["worker_beat_at", "started_at"])
def test_a_worker_is_missed_from_the_limit_on(name: str) -> None:
    since = NOW - LIMITS.worker_silent
    seen = Snapshot(web_beat_at=NOW)
    assert found(replace(seen, **{name: since})) == [Trouble(Code.WORKER_SILENT, ALARM, since=since)]
    assert found(replace(seen, **{name: since + MOMENT})) == []


@pytest.mark.parametrize("name", ["web_beat_at", "started_at"])
def test_a_web_is_missed_from_the_limit_on(name: str) -> None:
    """Also one that never came up: its address was taken from the start."""
    since = NOW - LIMITS.web_silent
    seen = Snapshot(worker_beat_at=NOW)
    assert found(replace(seen, **{name: since})) == [Trouble(Code.WEB_SILENT, ALARM, since=since)]
    assert found(replace(seen, **{name: since + MOMENT})) == []


@pytest.mark.parametrize("name", ["watch_beat_at", "started_at"])
def test_a_watch_is_missed_from_the_limit_on_where_somebody_is_to_be_alerted(name: str) -> None:
    since = NOW - LIMITS.worker_silent
    alerting = Snapshot(has_recipients=True, web_beat_at=NOW, worker_beat_at=NOW)
    assert found(replace(alerting, **{name: since})) == [Trouble(Code.WATCH_SILENT, ALARM, since=since)]
    assert found(replace(alerting, **{name: since + MOMENT})) == []
    assert found(replace(alerting, **{name: since}, has_recipients=False)) == []


def test_a_worker_that_keeps_dying_is_told_whether_or_not_one_lives_at_the_moment() -> None:
    """Between two of them nothing beats for as long as the longest pause: that is no other trouble."""
    often, since = LIMITS.worker_deaths, NOW - timedelta(minutes=20)
    trouble = Trouble(Code.WORKER_RESTARTING, ALARM, since=since, count=often)
    dying = Snapshot(worker_deaths=often, worker_deaths_since=since, worker_beat_at=NOW - LIMITS.worker_silent)
    assert found(dying) == [trouble]
    assert found(replace(dying, worker_deaths=often - 1, worker_beat_at=NOW)) == []
    silent = NOW - LIMITS.worker_silent - LIMITS.worker_restart
    assert found(replace(dying, worker_beat_at=silent)) == [
        Trouble(Code.WORKER_SILENT, ALARM, since=silent),
        trouble,
    ]


def test_a_beat_is_newer_than_the_start() -> None:
    assert found(Snapshot(web_beat_at=NOW, worker_beat_at=NOW, started_at=NOW - timedelta(days=1))) == []


def test_a_failing_server_says_why_and_since_when() -> None:
    since = NOW - timedelta(minutes=4)
    seen = Snapshot(servers=(SeenServer("exchange", "unauthorized", since), SeenServer("other")))
    assert found(seen) == [Trouble(Code.SERVER_FAILING, ALARM, "exchange", "unauthorized", since)]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=30), []),
        (timedelta(days=30) - MOMENT, [(WARNING, 29)]),
        (timedelta(days=7), [(WARNING, 7)]),
        (timedelta(days=7) - MOMENT, [(ALARM, 6)]),
        (timedelta(days=-3), [(ALARM, 0)]),
    ],
)
def test_a_certificate_warns_before_it_expires(left: timedelta, expected: list[tuple[Severity, int]]) -> None:
    seen = Snapshot(servers=(SeenServer("exchange", certificate_until=NOW + left),))
    told = [Trouble(Code.CERTIFICATE_EXPIRING, severity, "exchange", count=days) for severity, days in expected]
    assert found(seen) == told


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_may_be_off_by_as_much_as_webhooks_may(sign: int) -> None:
    def seen(off: timedelta) -> Snapshot:
        return Snapshot(servers=(SeenServer("exchange", clock_ahead=sign * off),))

    assert found(seen(LIMITS.clock_off)) == []
    assert found(seen(LIMITS.clock_off + MOMENT)) == [Trouble(Code.CLOCK_OFF, ALARM, "exchange")]


def test_what_fails_for_one_reason_is_one_trouble() -> None:
    since = NOW - timedelta(hours=2)
    seen = Snapshot(
        mailboxes=(Failing("mailbox_not_found", 12, "exchange", since),),
        entries=(Failing("invalid_item", 3, "exchange", since),),
        events=(Failing("unsupported_recurrence", 2),),
    )
    assert found(seen) == [
        Trouble(Code.MAILBOXES_FAILING, ALARM, "exchange", "mailbox_not_found", since, 12),
        Trouble(Code.ENTRIES_FAILING, ALARM, "exchange", "invalid_item", since, 3),
        Trouble(Code.EVENTS_FAILING, ALARM, "", "unsupported_recurrence", None, 2),
    ]


def test_a_change_is_late_from_the_limit_on() -> None:
    since = NOW - LIMITS.change_late
    assert found(Snapshot(oldest_due_at=since)) == [Trouble(Code.CHANGES_LATE, ALARM, since=since)]
    assert found(Snapshot(oldest_due_at=since + MOMENT)) == []


def test_what_waits_for_somebodys_word_is_told() -> None:
    since = NOW - timedelta(hours=3)
    assert found(Snapshot(removals_held=31, removals_held_since=since, agents_unmapped=2)) == [
        Trouble(Code.RULES_HELD, ALARM, since=since, count=31),
        Trouble(Code.AGENTS_UNMAPPED, WARNING, count=2),
    ]


def test_webhooks_that_wait_for_somebodys_word_are_told_by_source_and_reason() -> None:
    since = NOW - timedelta(hours=2)
    waits = (
        SetAside("cancellation", "mds", 12, since),
        SetAside("scope", "mds", 3, since),
        SetAside("scope", "other", 1_000, since, full=True),
        SetAside("removal", "mds", 25, since),
    )
    assert found(Snapshot(set_aside=waits)) == [
        Trouble(Code.OUT_OF_SCOPE, ALARM, "mds", "other_organisation", since, 3),
        Trouble(Code.OUT_OF_SCOPE, ALARM, "other", "set_aside_full", since, 1_000),
        Trouble(Code.WEBHOOKS_HELD, ALARM, "mds", "", since, 25),
        Trouble(Code.CANCELLATIONS_MARKED, WARNING, "mds", "", since, 12),
    ]


def test_wrong_signatures_count_from_a_number_on() -> None:
    def seen(count: int) -> Snapshot:
        return Snapshot(sources=(SeenSource("mds", NOW, refused={"unauthorized": count}),))

    assert found(seen(9)) == []
    assert found(seen(10)) == [Trouble(Code.SIGNATURES_REFUSED, ALARM, "mds", count=10)]


def test_webhooks_that_were_not_understood_are_told_by_reason() -> None:
    refused = {"payload": 2, "age": 1, "model": 700, "secret_organisation": 3, "too_large": 1, "disk": 4}
    assert found(Snapshot(sources=(SeenSource("mds", NOW, refused=refused),))) == [
        Trouble(Code.WEBHOOKS_REFUSED, ALARM, "mds", "age", count=1),
        Trouble(Code.WEBHOOKS_REFUSED, ALARM, "mds", "payload", count=2),
        Trouble(Code.WEBHOOKS_REFUSED, ALARM, "mds", "secret_organisation", count=3),
        Trouble(Code.WEBHOOKS_REFUSED, WARNING, "mds", "disk", count=4),
        Trouble(Code.WEBHOOKS_REFUSED, WARNING, "mds", "too_large", count=1),
    ]


@pytest.mark.parametrize("reason", ["organisation", "model"])
def test_a_source_of_which_all_is_ignored_may_be_configured_wrongly(reason: str) -> None:
    source = SeenSource("mds", refused={reason: 12})
    assert found(Snapshot(sources=(source,))) == [Trouble(Code.WEBHOOKS_REFUSED, WARNING, "mds", reason, count=12)]
    assert found(Snapshot(sources=(replace(source, last_at=NOW),))) == []


def test_a_source_is_silent_after_so_much_working_time() -> None:
    last = NOW - timedelta(days=4)
    silent = SeenSource("mds", last, LIMITS.source_silent)
    assert found(Snapshot(sources=(silent,))) == [Trouble(Code.SOURCE_SILENT, WARNING, "mds", since=last)]
    assert found(Snapshot(sources=(replace(silent, silent_work=LIMITS.source_silent - MOMENT),))) == []
    assert found(Snapshot(sources=(replace(silent, last_at=None),))) == []


@pytest.mark.parametrize(
    ("disk", "expected"),
    [(ROOMY, []), (LOW, [(WARNING, 6)]), (FULL, [(ALARM, 1)]), (Disk(290 * 10**9, 10**13), [])],
)
def test_a_disk_warns_before_it_is_full(disk: Disk, expected: list[tuple[Severity, int]]) -> None:
    told = [Trouble(Code.DISK_LOW, severity, count=percent) for severity, percent in expected]
    assert found(Snapshot(disk=disk)) == told


@pytest.mark.parametrize(("share", "expected"), [(0.79, []), (0.8, [WARNING]), (0.99, [WARNING]), (1.0, [ALARM])])
def test_a_backlog_warns_before_webhooks_are_refused(share: float, expected: list[Severity]) -> None:
    assert found(Snapshot(backlog=share)) == [Trouble(Code.BACKLOG_HIGH, severity) for severity in expected]


def test_a_server_that_asked_for_a_pause_is_told_with_its_end_and_one_in_trouble_with_its_next_try() -> None:
    until = NOW + timedelta(minutes=7)
    waiting = SeenServer("exchange", waits_until=until)
    assert found(Snapshot(servers=(waiting,))) == [Trouble(Code.SERVER_WAITING, WARNING, "exchange", until=until)]
    failing = replace(waiting, failure="timeout", since=NOW)
    assert found(Snapshot(servers=(failing,))) == [
        Trouble(Code.SERVER_FAILING, ALARM, "exchange", "timeout", NOW, until=until)
    ]


def test_a_dry_run_is_told_and_what_waits_then_is_not_late() -> None:
    assert found(Snapshot(dry_run=True, oldest_due_at=NOW - timedelta(days=1))) == [Trouble(Code.DRY_RUN, WARNING)]


def test_a_refused_configuration_names_the_process_and_an_unusable_key_its_cause() -> None:
    refusal = RefusedConfiguration("worker host", "csv", NOW)
    assert found(Snapshot(refusals=(refusal,), token_key="token_key_unreadable")) == [
        Trouble(Code.CONFIGURATION_REFUSED, ALARM, "worker host", "csv", NOW),
        Trouble(Code.TOKEN_KEY_UNUSABLE, WARNING, cause="token_key_unreadable"),
    ]


def test_an_address_at_which_no_alert_arrives_is_named() -> None:
    assert found(Snapshot(unreached=(Unreached("alerts.to[1]", NOW),))) == [
        Trouble(Code.ALERTS_FAILING, ALARM, "alerts.to[1]", since=NOW)
    ]


def test_a_web_that_fell_silent_is_missed_and_one_that_was_never_heard_is_not() -> None:
    since = NOW - LIMITS.web_silent
    assert found(Snapshot(web_beat_at=since)) == [Trouble(Code.WEB_SILENT, ALARM, since=since)]
    assert found(Snapshot(web_beat_at=since + MOMENT)) == []


def test_an_entry_that_is_refused_again_and_again_is_told_with_its_next_try() -> None:
    until = NOW + timedelta(minutes=9)
    assert found(Snapshot(retried=(Failing("timeout", 2, "exchange", until=until),))) == [
        Trouble(Code.ENTRIES_RETRIED, WARNING, "exchange", "timeout", count=2, until=until)
    ]


def test_posts_to_nobodys_address_are_told_only_while_a_source_was_never_heard() -> None:
    heard, missed = SeenSource("mds", NOW), SeenSource("insertion")
    assert found(Snapshot(to_unknown=3, sources=(heard,))) == []
    told = Trouble(Code.ADDRESS_UNKNOWN, WARNING, cause="never_heard", count=3)
    assert found(Snapshot(to_unknown=3, sources=(heard, missed))) == [told]
    assert found(Snapshot(sources=(missed,))) == []


def test_signed_posts_to_nobodys_address_are_told_whatever_was_heard() -> None:
    heard = (SeenSource("mds", NOW),)
    code, least = Code.ADDRESS_UNKNOWN, Thresholds().signed_to_unknown
    assert found(Snapshot(to_unknown=90, signed_to_unknown=least - 1, sources=heard)) == []
    some = Snapshot(to_unknown=90, signed_to_unknown=least, sources=heard)
    assert found(some) == [Trouble(code, WARNING, cause="signed_unknown", count=least)]
    alarm = Trouble(code, ALARM, cause="signed_elsewhere", count=1)
    assert found(replace(some, misdirected=1)) == [alarm]
    assert found(Snapshot(to_unknown=1, misdirected=1, sources=(SeenSource("mds"),))) == [alarm]


def test_the_colour_is_that_of_the_worst_trouble_and_only_without_any_all_is_well() -> None:
    attention, alarm = Trouble(Code.DRY_RUN, WARNING), Trouble(Code.MUST_ADOPT, ALARM)
    assert [colour(each) for each in ([], [attention], [attention, alarm])] == list(Colour)
    assert [is_well(each) for each in ([], [attention], [alarm])] == [True, False, False]


def test_what_an_audit_found_is_told_by_kind() -> None:
    at = NOW - timedelta(hours=7)
    assert found(Snapshot(differences={"missing": 2, "doubled": 1, "foreign": 0}, audited_at=at)) == [
        Trouble(Code.CALENDARS_DIFFER, WARNING, cause="doubled", since=at, count=1),
        Trouble(Code.CALENDARS_DIFFER, WARNING, cause="missing", since=at, count=2),
    ]


def test_the_worst_comes_first_and_the_rest_in_the_order_of_the_codes() -> None:
    seen = Snapshot(agents_unmapped=1, removals_held=1, disk=LOW, oldest_due_at=NOW - timedelta(days=1))
    assert [trouble.code for trouble in found(seen)] == [
        Code.CHANGES_LATE,
        Code.RULES_HELD,
        Code.AGENTS_UNMAPPED,
        Code.DISK_LOW,
    ]


def test_two_sights_of_one_trouble_have_one_key() -> None:
    first = Trouble(Code.MAILBOXES_FAILING, ALARM, "exchange", "mailbox_not_found", NOW, 1)
    assert first.key == replace(first, count=7, since=None, severity=WARNING, cause="quota_exceeded").key
    assert first.key != replace(first, subject="other").key
    waiting, failing = (Trouble(code, ALARM, "exchange") for code in (Code.SERVER_WAITING, Code.SERVER_FAILING))
    assert waiting.key == failing.key
    assert Trouble(Code.STORE_UNREACHABLE, ALARM).key == Trouble(Code.STORE_TOO_NEW, ALARM).key


def test_a_source_that_was_never_refused_has_no_trouble() -> None:
    assert troubles(Snapshot(sources=(SeenSource("mds", NOW),)), NOW, Thresholds(signatures_refused=1)) == []


def test_limits_can_be_set() -> None:
    late = Snapshot(oldest_due_at=NOW - timedelta(minutes=2))
    assert troubles(late, NOW, Thresholds(change_late=timedelta(minutes=1))) != []


def test_mailboxes_that_another_installations_entries_are_in_are_told_by_server_with_its_name() -> None:
    since, name = NOW - timedelta(hours=1), "00000000-0000-4000-8000-000000000001"
    assert found(Snapshot(others=(Failing(name, 12, "exchange", since),))) == [
        Trouble(Code.OTHER_INSTALLATION, ALARM, "exchange", name, since, 12)
    ]
