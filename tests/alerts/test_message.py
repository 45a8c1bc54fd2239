"""What letters say: what, since when by the clock of Paris, what to do, who writes; and nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest

from receiver.alerts.message import (
    Counts,
    Message,
    Sender,
    Summary,
    Tone,
    alert_message,
    counts,
    digest_message,
    last_working_day,
    trial_message,
)
from receiver.core.alert_rules import Alert, Kind
from receiver.core.troubles import Code, Severity, Trouble
from receiver.sentences.phrases import PARIS, words
from receiver.store import Store, counters
from receiver.store.counters import Tally
from receiver.store.work.write_history import DONE

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
SENDER = Sender("srv-rdv", "0b5e6a3e-6f0e-4c57-9d0b-6a6c1b6f2b11")
SERVER = Trouble(Code.SERVER_FAILING, Severity.ALARM, "exchange", "unauthorized", NOW - timedelta(hours=2))
DISK = Trouble(Code.DISK_LOW, Severity.WARNING, count=9)
MIDNIGHT = datetime(2026, 12, 7, tzinfo=PARIS)
COUNTS = Counts(MIDNIGHT - timedelta(days=3), MIDNIGHT, kept=412, refused=3, done=512, failed=2)


def begun(trouble: Trouble) -> Message:
    return alert_message(Alert(Kind.BEGUN, trouble, NOW), SENDER)


def test_a_beginning_says_what_since_when_and_what_to_do() -> None:
    message = begun(SERVER)
    assert message.tone is Tone.ALARM
    assert message.title == "[RDV → Exchange] ALARME : Le serveur exchange est en échec"
    assert "07/12/2026 09:00" in message.body, "two hours ago, in Paris"
    assert words(SERVER).cure in message.body
    assert "« server_failing »" in message.body
    assert message.body.endswith("srv-rdv, installation 0b5e6a3e")


def test_what_can_wait_cries_less() -> None:
    message = begun(DISK)
    assert message.tone is Tone.WARNING
    assert "ALARME" not in message.title
    assert "07/12/2026 11:00" in message.body, "first seen now, for want of better"


def test_an_end_names_the_trouble_and_how_long_it_lasted() -> None:
    message = alert_message(Alert(Kind.ENDED, SERVER, NOW - timedelta(hours=2), NOW), Sender("srv-rdv"))
    assert message.tone is Tone.GOOD
    assert message.title == "[RDV → Exchange] Terminé : Le serveur exchange est en échec"
    assert "07/12/2026 11:00" in message.body
    assert "07/12/2026 09:00" in message.body
    assert message.body.endswith("Machine : srv-rdv")


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("kind", Kind)
def test_every_trouble_can_be_told(code: Code, kind: Kind) -> None:
    message = alert_message(Alert(kind, Trouble(code, Severity.ALARM, "exchange", "timeout"), NOW), SENDER)
    assert "{" not in message.title + message.body
    assert "\n" not in message.title


def test_a_digest_when_all_is_well() -> None:
    message = digest_message(Summary((), 4, 5, COUNTS), SENDER, date(2026, 12, 7))
    assert message.tone is Tone.NEWS
    assert "tout va bien" in message.title
    assert "Du 04/12/2026 au 06/12/2026" in message.body
    for number in ("412", "3", "512", "2", "4", "5", "0 agent"):
        assert number in message.body
    assert "Tout va bien." in message.body


def test_a_digest_lists_what_is_open_and_counts_agents_without_a_mailbox() -> None:
    unmapped = Trouble(Code.AGENTS_UNMAPPED, Severity.WARNING, count=17)
    message = digest_message(Summary((SERVER, unmapped), counts=COUNTS), SENDER, date(2026, 12, 7))
    assert message.tone is Tone.ALARM
    assert "2 point(s)" in message.title
    assert "ALARME Le serveur exchange est en échec (depuis le 07/12/2026 09:00" in message.body
    assert "- 17 agent(s)" in message.body
    assert "Tout va bien" not in message.body


def test_a_digest_without_a_store_says_so() -> None:
    down = Trouble(Code.STORE_UNREACHABLE, Severity.ALARM)
    message = digest_message(Summary((down,)), SENDER, date(2026, 12, 7))
    assert "pas de chiffres" in message.body
    assert "webhooks gardés" not in message.body


def test_a_trial_says_that_there_is_nothing_to_do() -> None:
    assert "rien à faire" in trial_message(SENDER).body


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 12, 8), date(2026, 12, 7)),
        (date(2026, 12, 7), date(2026, 12, 4)),  # Monday: Friday
        (date(2026, 12, 28), date(2026, 12, 24)),  # the Monday after Christmas, a Friday
    ],
)
def test_a_digest_begins_where_the_last_ended(today: date, expected: date) -> None:
    assert last_working_day(today) == expected


def test_the_counts_are_those_between_two_midnights_in_paris(store: Store) -> None:
    webhook, ignored = Tally("webhook", "mds", "Rdv", "accepted"), Tally("refused", "mds", "", "model")
    refused, done = Tally("refused", "mds", "", "unauthorized"), Tally("write", "exchange", "create", DONE)
    failed = Tally("write", "exchange", "update", "timeout")
    friday = datetime(2026, 12, 4, tzinfo=PARIS)
    hour = timedelta(hours=1)
    for moment in (friday - hour, friday, MIDNIGHT - hour, MIDNIGHT):
        numbers = {webhook: 10, ignored: 1000, refused: 2, done: 30, failed: 4}
        store.write(counters.record, numbers, {}, moment.astimezone(UTC))
    assert counts(store, MIDNIGHT.date()) == Counts(friday, MIDNIGHT, kept=20, refused=4, done=60, failed=8)
