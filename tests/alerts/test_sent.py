"""What was sent is known after a restart, and the file shows no address."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.alerts.sent import SentFile, default_path
from receiver.core.alert_rules import AlertTimings, KnownTrouble, RecipientState, update
from receiver.core.troubles import Code, Severity, Trouble
from tests.logs.captured import captured_logs

NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
ADDRESS = "mailtos://rdv:hunter2@smtp.ville.example?to=dsi@ville.example"
DISK = Trouble(Code.DISK_LOW, Severity.WARNING, count=9)
SERVER = Trouble(Code.SERVER_FAILING, Severity.ALARM, "exchange", "unauthorized", NOW - timedelta(hours=1))
SENT = frozenset({"disk_low/"})
STATE = RecipientState(
    {DISK.key: KnownTrouble(DISK, NOW, sent=SENT), SERVER.key: KnownTrouble(SERVER, NOW, gone_at=NOW)},
    digest_on=date(2026, 12, 7),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alertes.json"


def kept(path: Path, state: RecipientState = STATE, now: datetime = NOW) -> tuple[Path, str]:
    file = SentFile(path, now)
    name = file.name_of(ADDRESS)
    file.keep({name: state})
    return path, name


def test_what_was_kept_is_there_after_a_restart(path: Path) -> None:
    _, name = kept(path)
    again = SentFile(path, NOW)
    assert (again.name_of(ADDRESS), again.of(name)) == (name, STATE)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds
troubles = st.builds(
    Trouble,
    st.sampled_from(Code),
    st.sampled_from(Severity),
    st.sampled_from(["", "exchange"]),
    st.sampled_from(["", "timeout"]),
    st.none() | moments,
    st.integers(0, 99),
)
keys = st.tuples(st.sampled_from(["store", "server_failing"]), st.sampled_from(["", "exchange"]))
sights = st.builds(
    KnownTrouble,
    troubles,
    moments,
    st.frozensets(st.sampled_from(["!", "server_failing/timeout", "store_unreachable/"])),
    st.none() | moments,
    st.lists(troubles, max_size=2).map(tuple),
    st.none() | moments,
    st.frozensets(keys),
)


@given(st.lists(sights), st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 1)))
def test_any_memory_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, seen: list[KnownTrouble], day: date | None
) -> None:
    state = RecipientState({sight.trouble.key: sight for sight in seen}, day)
    path, name = kept(tmp_path_factory.mktemp("memory") / "alertes.json", state)
    assert SentFile(path, NOW).of(name) == state


def flat_before(trouble: Trouble, *, told: bool, first_at: datetime = NOW) -> dict[str, object]:
    known = {name: getattr(trouble, name) for name in ("code", "severity", "subject", "cause", "count")}
    since = trouble.since.isoformat() if trouble.since else None
    return known | {"since": since, "first_at": first_at.isoformat(), "told": told, "gone_at": None}


def test_what_the_version_before_told_is_not_told_again(path: Path) -> None:
    """It knew a trouble by its cause too."""
    other = replace(SERVER, cause="timeout")
    sights = [
        flat_before(SERVER, told=True),
        flat_before(other, told=False, first_at=NOW - timedelta(hours=1)),
        flat_before(DISK, told=True),
    ]
    recipients = {"name": {"digest_on": None, "sights": sights}}
    path.write_text(json.dumps({"version": 1, "key": "k", "recipients": recipients}))
    found = SentFile(path, NOW).of("name").troubles
    assert found.keys() == {SERVER.key, DISK.key}
    assert found[SERVER.key].first_at == NOW - timedelta(hours=1)
    state, alerts = update(SentFile(path, NOW).of("name"), [SERVER, DISK], NOW, AlertTimings())
    assert (alerts, state.troubles.keys()) == ([], found.keys())


def test_the_keys_of_the_file_stay(path: Path) -> None:
    """A program of before and one of later read the same file."""
    kept(path)
    content = json.loads(path.read_text())
    [recipient] = content["recipients"].values()
    assert (content.keys(), content["version"]) == ({"version", "key", "recipients"}, 2)
    assert recipient.keys() == {"digest_on", "sights"}
    assert recipient["sights"][0] == {
        "code": "disk_low",
        "severity": "warning",
        "subject": "",
        "cause": "",
        "since": None,
        "count": 9,
        "first_at": "2026-12-07T10:00:00Z",
        "told": ["disk_low/"],
        "gone_at": None,
        "others": [],
        "news_at": None,
        "beside": [],
        "last_told": None,
    }


def test_no_address_stands_in_the_file_and_two_files_know_it_by_different_names(path: Path, tmp_path: Path) -> None:
    _, name = kept(path)
    _, other = kept(tmp_path / "other.json")
    assert name != other
    for word in ("hunter2", "mailtos", "ville.example"):
        assert word not in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0


def test_a_recipient_that_is_no_more_is_forgotten(path: Path) -> None:
    kept(path)
    file = SentFile(path, NOW)
    new = file.name_of("json://ailleurs")
    file.keep({new: RecipientState()})
    assert list(json.loads(path.read_text())["recipients"]) == [new]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 1}', '{"version": 99, "key": "k", "recipients": {}}', "\x00", "null"]
)
def test_a_file_that_is_not_ours_is_an_empty_one(path: Path, content: str) -> None:
    """Told twice is better than never."""
    path.write_text(content)
    with captured_logs():
        file = SentFile(path, NOW)
    name = file.name_of(ADDRESS)
    assert file.of(name) == RecipientState()
    file.keep({name: STATE})
    assert SentFile(path, NOW).of(name) == STATE


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for_and_counts_as_an_empty_one(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with captured_logs() as logs:
        assert SentFile(path, NOW).of("anybody") == RecipientState()
    assert "memory_not_read" in logs.getvalue()


def test_a_trouble_that_this_version_does_not_know_makes_the_file_an_empty_one(path: Path) -> None:
    _, name = kept(path)
    path.write_text(path.read_text().replace("disk_low", "aliens"))
    with captured_logs() as logs:
        assert SentFile(path, NOW).of(name) == RecipientState()
    assert "memory_not_read" in logs.getvalue()
    assert "aliens" not in logs.getvalue()


def test_where_nothing_can_be_written_it_is_said_once_and_kept_in_memory(tmp_path: Path) -> None:
    with captured_logs() as logs:
        file = SentFile(tmp_path / "away" / "alertes.json", NOW)
        name = file.name_of(ADDRESS)
        for day in (4, 5, 6):
            file.keep({name: RecipientState(digest_on=date(2026, 12, day))})
    assert logs.getvalue().count("memory_not_written") == 1
    assert file.of(name).digest_on == date(2026, 12, 6)
    (tmp_path / "away").mkdir()
    file.keep({name: RecipientState(digest_on=date(2026, 12, 6))})
    assert SentFile(file.path, NOW).of(name).digest_on == date(2026, 12, 6), "what is not on disk is tried again"


def test_an_unwritten_file_leaves_the_old_one_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, name = kept(path)
    file = SentFile(path, NOW)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("receiver.alerts.sent.os.fsync", full)
    with captured_logs():
        file.keep({name: RecipientState()})
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert SentFile(path, NOW).of(name) == STATE


def test_what_was_written_while_the_clock_was_ahead_holds_nothing_up(path: Path) -> None:
    """A trouble first seen next year would be told next year."""
    ahead = NOW + timedelta(days=400)
    _, name = kept(
        path, RecipientState({DISK.key: KnownTrouble(DISK, ahead, sent=SENT, gone_at=ahead)}, ahead.date()), ahead
    )
    back = SentFile(path, NOW).of(name)
    assert back == RecipientState({DISK.key: KnownTrouble(DISK, NOW, sent=SENT, gone_at=NOW)}, None)


@pytest.mark.parametrize(
    ("sqlite", "environ", "expected"),
    [
        (Path("/srv/rdv/rdv.db"), {"STATE_DIRECTORY": "/var/lib/x"}, "/srv/rdv/alertes.json"),
        (None, {"STATE_DIRECTORY": "/var/lib/x:/var/lib/y"}, "/var/lib/x/alertes.json"),
        (None, {}, "/var/lib/rdv-receiver/alertes.json"),
    ],
)
def test_the_file_has_its_place(sqlite: Path | None, environ: dict[str, str], expected: str) -> None:
    assert default_path(sqlite, environ) == Path(expected)
