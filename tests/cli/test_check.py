"""What `check` finds, with a real store and calendars that answer as told."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import (
    Change,
    Connector,
    ConnectorError,
    Found,
    Marked,
    Other,
    Outcome,
    Permanent,
    Probe,
    Scope,
    Temporary,
)
from receiver import bootstrap, sentences
from receiver.cli import main as cli
from receiver.cli.output import finding_sentence
from receiver.config import Settings, load
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.operations.support.check import (
    NO_INSTALLATION,
    PROBED_PER_CALENDAR,
    Finding,
    Level,
    check,
    mailboxes_to_probe,
    network_file_system,
)
from receiver.store import Mark, Marker, Store
from receiver.store.database import engine
from tests.lab.configuration import a_source

CODES = (
    "connection_failed",
    "tls_failed",
    "unauthorized",
    "forbidden",
    "not_ews",
    "server_busy",
    "server_error",
    "timeout",
    "mailbox_not_found",
    "impersonation_denied",
    "access_denied",
    "mailbox_moving",
    "quota_exceeded",
    "folder_not_found",
)


@dataclass
class ToldCalendar:
    """Answers `probe` as told, and remembers what it was asked."""

    answers: Mapping[str, ConnectorError | Probe] = field(default_factory=dict)
    otherwise: ConnectorError | None = None
    asked: list[str] = field(default_factory=list)
    closed: bool = False
    call_timeout_s: float = 1.0

    def probe(self, mailbox: str) -> Probe:
        self.asked.append(mailbox)
        answer = self.answers.get(mailbox, self.otherwise)
        if isinstance(answer, ConnectorError):
            raise answer
        return answer or Probe(mailbox, "Exchange2016")

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        raise AssertionError("a check writes nothing")

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        raise AssertionError("a check looks for nothing")

    def list_marked(self, mailbox: str, start: datetime, end: datetime) -> Iterable[Marked]:
        raise AssertionError("a check lists nothing")

    def list_others(self, mailbox: str, after: datetime) -> Iterable[Other]:
        raise AssertionError("a check lists nothing")

    def certificate(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


@dataclass
class Place:
    """A configuration with one EWS calendar and its store, and `check` run on it."""

    folder: Path
    mailboxes: dict[str, Any] = field(default_factory=dict)
    calendar: ToldCalendar = field(default_factory=ToldCalendar)
    installations: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def settings(self, **changes: Any) -> Settings:
        source = a_source("p")
        exchange = {
            "kind": "ews",
            "server": "https://mail.example/EWS/Exchange.asmx",
            "version": "Exchange2016",
            "username": "svc",
            "password": {"env": "RDV_SECRET"},
        }
        tree = {
            "store": {"url": f"sqlite:///{self.folder}/rdv.db"},
            "sources": {"mds": source},
            "calendars": {"exchange": exchange},
            "mailboxes": self.mailboxes,
            "web": {"listen": "127.0.0.1:0"},
        }
        self.config.write_text(json.dumps(tree | changes))
        return load(self.config, {"RDV_SECRET": "a secret of these tests"})

    def connectors(self, _: Settings, installation: str) -> dict[str, Connector]:
        self.installations.append(installation)
        return {"exchange": self.calendar}

    def check(self, *mailboxes: str, settings: Settings | None = None) -> list[Finding]:
        return check(settings or self.settings(), mailboxes, bootstrap.open_store, self.connectors)

    def migrate(self) -> str:
        store = Store(f"sqlite:///{self.folder}/rdv.db")
        store.migrate()
        installation = store.installation().id
        store.close()
        return installation


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, {"map": {"a@x.example": "box@x.example"}})


def by_subject(findings: list[Finding], subject: str) -> list[tuple[str, Level]]:
    return [(finding.code, finding.level) for finding in findings if finding.subject.startswith(subject)]


def test_a_store_that_is_not_there_yet_is_fine_and_stays_away(place: Place) -> None:
    """`check` runs as root before the service's first start: a file it made would not be the service's."""
    assert by_subject(place.check(), "store") == [("store_not_created", Level.OK)]
    assert not (place.folder / "rdv.db").exists()
    assert place.installations == [NO_INSTALLATION]


def test_a_migrated_store_is_ready_and_names_the_installation(place: Place) -> None:
    installation = place.migrate()
    assert by_subject(place.check(), "store") == [("store_ready", Level.OK)]
    assert place.installations == [installation]


def test_a_database_that_gives_up_durability_is_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.migrate()
    monkeypatch.setattr(engine, "unsafe_settings", lambda _: ("fsync",))
    [finding] = [finding for finding in place.check() if finding.subject == "store"]
    assert (finding.code, finding.level, finding.details) == ("store_not_durable", Level.TROUBLE, {"settings": "fsync"})


def test_a_store_without_tables_waits_for_its_migration(place: Place) -> None:
    (place.folder / "rdv.db").touch()
    assert by_subject(place.check(), "store") == [("store_not_current", Level.WARNING)]


def test_a_file_that_is_no_database_is_trouble(place: Place) -> None:
    (place.folder / "rdv.db").write_text("no database at all, but long enough to be taken for one" * 50)
    assert by_subject(place.check(), "store") == [("store_unreachable", Level.TROUBLE)]


def test_a_missing_folder_is_trouble(place: Place) -> None:
    settings = place.settings(store={"url": f"sqlite:///{place.folder}/absent/rdv.db"})
    assert by_subject(place.check(settings=settings), "store") == [("store_folder_missing", Level.TROUBLE)]


def test_a_folder_that_cannot_be_written_is_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system, not of the mode bits; told here because root may write anywhere."""
    monkeypatch.setattr("os.access", lambda *_: False)
    assert by_subject(place.check(), "store") == [("store_not_writable", Level.TROUBLE)]


def test_a_postgresql_that_does_not_answer_is_trouble(place: Place) -> None:
    settings = place.settings(store={"url": "postgresql://u@127.0.0.1:1/rdv?connect_timeout=2"})
    assert by_subject(place.check(settings=settings), "store") == [("store_unreachable", Level.TROUBLE)]


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
nas:/srv /srv/share nfs4 rw 0 0
/dev/sdb1 /srv/share/local xfs rw 0 0
//nas/x /mnt/my\\040share cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/rdv", None),
        ("/srv/share", "nfs4"),
        ("/srv/share/rdv", "nfs4"),
        ("/srv/shared", None),
        ("/srv/share/local/rdv", None),
        ("/mnt/my share", "cifs"),
    ],
)
def test_a_network_file_system_is_recognised(folder: str, kind: str | None) -> None:
    """SQLite's locks do not hold there: two processes would both think they write alone."""
    assert network_file_system(Path(folder), MOUNTS) == kind


def test_a_store_on_a_network_file_system_is_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.operations.support.check.mount_table", lambda: "nas:/ / nfs4 rw 0 0\n")
    assert by_subject(place.check(), "store") == [("store_on_network", Level.TROUBLE)]


def test_a_folder_of_ics_files_that_cannot_be_written_is_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "ics").mkdir()
    settings = place.settings(calendars={"exchange": {"kind": "ics_folder", "path": "ics"}})
    monkeypatch.setattr("os.access", lambda *_: False)
    assert by_subject(place.check(settings=settings), "calendars") == [("folder_not_writable", Level.TROUBLE)]


def test_the_mapped_mailboxes_are_tried(place: Place) -> None:
    findings = place.check()
    assert place.calendar.asked == ["box@x.example"]
    assert by_subject(findings, "calendars") == [("mailbox_reached", Level.OK)]
    assert place.calendar.closed


def test_the_mailboxes_asked_for_are_tried_instead(place: Place) -> None:
    place.check("Other@x.example", "third@x.example", "other@x.example")
    assert place.calendar.asked == ["other@x.example", "third@x.example"]


def test_a_mailbox_known_by_another_address_is_told(place: Place) -> None:
    place.calendar.answers = {"box@x.example": Probe("primary@x.example", None)}
    (finding,) = [each for each in place.check() if each.code == "mailbox_reached_as"]
    assert "primary@x.example" in finding_sentence(finding)


def test_no_more_than_ten_are_tried_and_the_rest_is_counted(place: Place) -> None:
    place.mailboxes = {"map": {f"a{number}@x.example": f"b{number:02}@x.example" for number in range(13)}}
    findings = place.check()
    assert len(place.calendar.asked) == PROBED_PER_CALENDAR
    (left_out,) = [finding for finding in findings if finding.code == "mailboxes_left_out"]
    assert left_out.details == {"count": 3}


def test_a_servers_trouble_is_told_once_and_not_tried_again(place: Place) -> None:
    """Ten attempts with a wrong password lock the service account."""
    place.mailboxes = {"map": {f"a{number}@x.example": f"b{number}@x.example" for number in range(5)}}
    place.calendar.otherwise = Temporary("unauthorized", Scope.SERVER)
    assert by_subject(place.check(), "calendars") == [("unauthorized", Level.TROUBLE)]
    assert len(place.calendar.asked) == 1


def test_a_mailboxs_trouble_does_not_hide_its_neighbours(place: Place) -> None:
    place.calendar.answers = {"bad@x.example": Permanent("mailbox_not_found", Scope.MAILBOX)}
    findings = place.check("bad@x.example", "good@x.example")
    assert by_subject(findings, "calendars") == [("mailbox_not_found", Level.TROUBLE), ("mailbox_reached", Level.OK)]


def test_without_a_mailbox_an_exchange_server_cannot_be_tried(place: Place) -> None:
    place.mailboxes = {"domains": {"x.example": "x.example"}}
    findings = place.check()
    assert by_subject(findings, "calendars") == [("mailbox_needed", Level.WARNING)]
    assert all(finding.ok for finding in findings)


def test_a_mapping_of_nobody_is_a_warning(place: Place) -> None:
    place.mailboxes = {}
    assert ("nothing_mapped", Level.WARNING) in by_subject(place.check(), "mailboxes")


def test_the_configurations_warnings_are_findings(place: Place) -> None:
    secret = place.folder / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    source = {"emitter": "rdv_insertion", "platform": "p", "secrets": [{"file": "secret"}]}
    findings = place.check(settings=place.settings(sources={"mds": source}))
    assert by_subject(findings, "sources") == [("secret_file_exposed", Level.WARNING)]


def test_a_folder_of_ics_files_is_looked_at(place: Place) -> None:
    calendars = {"exchange": {"kind": "ics_folder", "path": "ics"}}
    settings = place.settings(calendars=calendars)
    assert by_subject(place.check(settings=settings), "calendars") == [("folder_missing", Level.TROUBLE)]
    assert place.calendar.asked == []
    (place.folder / "ics").mkdir()
    assert by_subject(place.check(settings=settings), "calendars")[0] == ("folder_ready", Level.OK)


MAPPING = MailboxMap(
    default_calendar="main",
    addresses={
        "a@x": Mailbox("main", "box-a@x"),
        "b@x": Mailbox("pilot", "box-b@x"),
        "c@x": Mailbox("main", "box-a@x"),
    },
)


@pytest.mark.parametrize(
    ("calendar", "asked", "expected"),
    [
        ("main", [], ["box-a@x"]),
        ("pilot", [], ["box-b@x"]),
        ("main", ["box-b@x", "new@x"], ["new@x"]),
        ("pilot", ["box-b@x", "new@x"], ["box-b@x"]),
    ],
)
def test_a_mailbox_is_tried_where_the_mapping_puts_it(calendar: str, asked: list[str], expected: list[str]) -> None:
    assert mailboxes_to_probe(MAPPING, calendar, asked) == expected


@pytest.mark.parametrize("finding", sorted(sentences.CHECK))
def test_each_finding_can_be_said(finding: str) -> None:
    details: dict[str, str | int] = {"path": "/x", "error": "E", "kind": "nfs", "count": 3, "address": "a@x.example"}
    details |= {"organisation": 12, "percent": 3, "mib": 60, "codes": "agents_unmapped", "day": "1"}
    details |= {"scheme": "mailtos", "settings": "fsync", "host": "base.departement.example", "role": "read"}
    details |= {"cause": "store_corrupt"} if finding == "store_unreachable" else {}
    assert "{" not in finding_sentence(Finding(finding, "store", Level.OK, details))


@pytest.mark.parametrize("code", CODES)
def test_each_failure_of_a_calendar_has_its_sentence(code: str) -> None:
    assert code in sentences.CALENDAR


def test_an_unknown_failure_is_told_with_its_code() -> None:
    assert "brand_new_code" in finding_sentence(Finding("brand_new_code", "calendars.exchange", Level.TROUBLE))


Run = Callable[..., int]


@pytest.fixture
def run(place: Place, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command itself, with the told calendar in place of Exchange; the marker stands where it should."""
    (place.folder / "elsewhere").mkdir()
    place.settings(store={"url": f"sqlite:///{place.folder}/rdv.db", "marker": "elsewhere/marker.json"})
    monkeypatch.setenv("RDV_SECRET", "a secret of these tests")
    monkeypatch.setattr(bootstrap, "connectors", place.connectors)
    monkeypatch.setattr("receiver.logs.configure", lambda *_: None)
    return lambda *arguments: cli.main(["--config", str(place.config), "check", *arguments])


def test_a_report_for_people_is_a_table_of_sentences(
    place: Place, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    place.calendar.otherwise = Permanent("impersonation_denied", Scope.MAILBOX)
    assert run() == 1
    output = capsys.readouterr().out
    assert sentences.CALENDAR["impersonation_denied"] in output
    assert sentences.CHECK_RESULT["trouble"] in output
    assert "calendars.exchange box@x.example" in output


def test_a_report_for_programs_is_one_object(place: Place, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    place.migrate()
    assert run("--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert [finding["code"] for finding in report["findings"]] == [
        "configuration_read",
        "store_ready",
        "mailbox_reached",
        "listen_ready",
    ]
    assert set(report["findings"][0]) == {"code", "subject", "level", "ok", "details"}


def test_a_servers_words_cannot_steer_a_terminal(place: Place, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    place.calendar.answers = {"box@x.example": Probe("evil\x1b[2J\u202e@x.example")}
    assert run() == 0
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "\u202e" not in output


# The marker


def test_a_store_that_vanished_is_trouble_and_none_is_made(place: Place) -> None:
    """The next start would make no new one either."""
    name = place.migrate()
    settings = place.settings(store={"url": f"sqlite:///{place.folder}/rdv.db", "marker": f"{place.folder}/m/m.json"})
    (place.folder / "m").mkdir()
    Marker(settings.store.marker).note(Mark(name, 3))
    assert by_subject(place.check(settings=settings), "store") == [("store_ready", Level.OK)]
    (place.folder / "rdv.db").rename(place.folder / "kept.db")
    assert by_subject(place.check(settings=settings), "store") == [("store_gone", Level.TROUBLE)]
    (place.folder / "rdv.db").touch()
    assert by_subject(place.check(settings=settings), "store") == [("store_emptied", Level.TROUBLE)]
    (place.folder / "rdv.db").unlink()
    Marker(settings.store.marker).replace(Mark(NO_INSTALLATION, 3))
    (place.folder / "kept.db").rename(place.folder / "rdv.db")
    assert by_subject(place.check(settings=settings), "store") == [("store_another", Level.TROUBLE)]


def test_where_the_marker_stands_is_judged(place: Place) -> None:
    url = f"sqlite:///{place.folder}/rdv.db"

    def judged(**store: str) -> list[tuple[str, Level]]:
        return by_subject(place.check(settings=place.settings(store={"url": url} | store)), "marker")

    assert judged() == [("marker_beside_store", Level.WARNING)]
    assert judged(marker=f"{place.folder}/missing/m.json") == [("marker_unwritable", Level.TROUBLE)]
    (place.folder / "elsewhere").mkdir()
    assert judged(marker=f"{place.folder}/elsewhere/m.json") == []
    (place.folder / "elsewhere/m.json").write_text("nothing that makes sense")
    assert judged(marker=f"{place.folder}/elsewhere/m.json") == [("marker_unreadable", Level.TROUBLE)]
