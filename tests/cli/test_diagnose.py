"""`diagnose`: an archive that helps, and that anybody may read."""

import json
import re
import stat
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from receiver.core.roles import Role
from receiver.operations.support import diagnose
from receiver.operations.support.anonymise import Placeholders, configuration, log_line
from receiver.store import Store, heartbeats
from receiver.store.intake import judge_batch
from receiver.store.tools import tokens
from receiver.store.tools.tokens import TokenRecord
from tests.cli.operator import Operator
from tests.makers import MARTINE, NOW, a_delivery, a_slot, an_absence, incoming
from tests.store.failing_ground import HERS, block, hear, place, refuse

CANARY = "kanari"
"""Stands in every value that must not get out; in any case."""

TREE: dict[str, Any] = {
    "sources": {
        "mds": {
            "emitter": "rdv_service_public",
            "platform": "production",
            "secrets": [{"env": "RDV_KANARI_1"}, {"file": "kanari-2", "organisations": [12]}],
            "host": "rdv.kanari.example",
            "policies": {"category": "Kanari", "link_hosts": ["liens.kanari.example"]},
            "api": {
                "url": "https://api.kanari.example",
                "email": "robot@kanari.example",
                "password": {"env": "RDV_KANARI_1"},
            },
        },
        "env": {"emitter": "rdv_insertion", "platform": "demo", "secrets": [{"env": "RDV_KANARI_2"}]},
    },
    "calendars": {
        "exchange": {
            "kind": "ews",
            "server": "https://mail.kanari.example/EWS/Exchange.asmx",
            "version": "Exchange2016",
            "username": "KANARI\\svc",
            "password": {"env": "RDV_KANARI_2"},
        },
        "dossier": {"kind": "ics_folder", "path": "/srv/kanari"},
    },
    "mailboxes": {
        "map": {
            MARTINE.email: "martine@kanari.example",
            "k@kanari.example": {"calendar": "dossier", "address": "k2@kanari.example"},
        },
        "domains": {"kanari.example": "boites.kanari.example"},
        "ignore": ["*@prestataire.kanari.example"],
        "default_calendar": "exchange",
    },
    "web": {"proxy": {"address": "10.1.2.3", "user_header": "X-Kanari"}},
    "alerts": {"to": [{"env": "RDV_KANARI_ALERT"}], "http_proxy": "http://proxy.kanari.example:3128"},
}

JOURNAL = [
    json.dumps({"ts": "t", "level": "info", "event": "write", "log": "worker", "verb": "create", "uid": CANARY}),
    json.dumps({"ts": "t", "level": "info", "event": "gunicorn", "log": "gunicorn.error", "text": CANARY}),
    json.dumps({"ts": "t", "level": "error", "event": "x", "log": "y", "code": f"{CANARY} said so", "path": CANARY}),
    json.dumps({"ts": "t", "level": "error", "event": "x", "log": "y", "frames": [f"/home/{CANARY}/loop.py:7", 3]}),
    json.dumps({"ts": "t", "level": "error", "event": f"<{CANARY}>", "log": "y", "count": 3, "calendar": [CANARY, {}]}),
    json.dumps({"event": CANARY}),
    json.dumps([CANARY]),
    f"systemd[1]: Started {CANARY}",
]


@pytest.fixture
def troubled(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Canaries in the configuration, the store, the log, and the machine's name; a mailbox and an entry that fail."""
    for name in ("RDV_KANARI_1", "RDV_KANARI_2"):
        monkeypatch.setenv(name, f"the-{CANARY}-secret-{name}")
    monkeypatch.setenv("RDV_KANARI_ALERT", f"mailtos://robot:{CANARY}@smtp.example?to=dsi@example.org")
    (operator.folder / "kanari-2").write_text(f"another-{CANARY}", "utf-8")
    (operator.folder / "kanari-2").chmod(0o600)
    monkeypatch.setattr("socket.gethostname", lambda: f"srv-{CANARY}")
    monkeypatch.setattr(diagnose, "run_program", lambda words: JOURNAL if words[0] == "journalctl" else ["NTP=yes"])
    operator.tree |= TREE
    operator.write()
    _fill(operator.store)
    return operator


def _fill(store: Store) -> None:
    canaries = {"motif": CANARY, "name": CANARY, "visio_url": f"https://{CANARY}.example/", "agent_url": CANARY}
    hear(store, 5, **canaries)
    place(store, {HERS: "d1"})
    refuse(store)
    hear(store, 6, lieu=None, **canaries)
    place(store, {type(HERS)("exchange", f"{CANARY}@x.example"): "d1"})
    block(store)
    kanari = type(MARTINE)("77", f"{CANARY}@departement.example")
    news = [a_delivery(wire_id=9, agents=(kanari,)), a_slot(an_absence(title=CANARY), agent=kanari)]
    store.write(judge_batch.take, [incoming(each) for each in news], NOW)
    store.write(heartbeats.beat, f"worker/srv-{CANARY}/1", NOW)
    store.write(heartbeats.beat, heartbeats.WATCH, NOW)
    store.write(tokens.add, TokenRecord("ab" * 16, Role.READ, CANARY, NOW, NOW, None))


def read(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.threat(id="secrets-in-archives")
def test_no_canary_leaves_and_what_helps_does(troubled: Operator) -> None:
    path = troubled.folder / "aide.zip"
    status, report = troubled.report("diagnose", str(path))
    assert (status, report["file"]) == (0, str(path))
    files = read(path)
    assert [name for name, text in files.items() if CANARY in text.lower()] == []
    assert [name for name, text in files.items() if "@" in text] == []
    assert not any(word in text for word in ("martine", "10.1.2.3", "smtp.example") for text in files.values())
    assert set(files) == set(report["files"]) | {"LISEZMOI.txt"}
    assert json.loads(files["store.json"])["rows"]["events"] == 4
    assert {each["code"] for each in json.loads(files["failures.json"])} == {"invalid_item", "impersonation_denied"}
    assert json.loads(files["status.json"])["seconds_since_beats"] == {"watch": [0], "worker": [0]}
    assert json.loads(files["system.json"])["clock"] == {"NTP": "yes"}
    assert json.loads(files["version.json"])["packages"]["SQLAlchemy"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_configuration_keeps_its_form(troubled: Operator) -> None:
    path = troubled.folder / "aide.zip"
    troubled.run("diagnose", str(path))
    told = json.loads(read(path)["configuration.json"])
    source = told["sources"]["mds"]
    assert (source["emitter"], source["platform"]) == ("rdv_service_public", "production")
    assert source["secrets"] == [{"secret": "env"}, {"secret": "file", "organisations": [12]}]
    assert told["sources"]["env"]["emitter"] == "rdv_insertion", "a source's name is no reference"
    assert (told["calendars"]["exchange"]["kind"], told["calendars"]["exchange"]["version"]) == ("ews", "Exchange2016")
    assert re.fullmatch(r"https://hote-\d+", told["calendars"]["exchange"]["server"])
    [plain, named] = told["mailboxes"]["map"].values()
    assert re.fullmatch(r"adresse-\d+", plain)
    assert named["calendar"] == "dossier"
    assert all(re.fullmatch(r"adresse-\d+", name) for name in told["mailboxes"]["map"])


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_people_are_shown_what_is_inside_and_told_to_read_it(troubled: Operator) -> None:
    path = troubled.folder / "aide.zip"
    status, out, _ = troubled.run("diagnose", str(path))
    files = read(path)
    assert status == 0
    assert files["LISEZMOI.txt"].strip() in out
    assert all(name in out for name in files if name != "LISEZMOI.txt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_without_a_name_it_is_named_by_the_day(troubled: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(troubled.folder)
    assert troubled.run("diagnose")[0] == 0
    assert len(list(troubled.folder.glob("rdv-diagnostic-*.zip"))) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_file_that_is_there_stays(troubled: Operator) -> None:
    path = troubled.folder / "aide.zip"
    path.write_bytes(b"mine")
    status, out, told = troubled.run("diagnose", str(path))
    assert (status, out, path.read_bytes()) == (1, "", b"mine")
    assert told


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_store_that_is_away_or_of_another_version_is_when_help_is_needed(troubled: Operator) -> None:
    for url, expected in (
        ("postgresql://rdv@127.0.0.1:1/kanari", {"kind": "postgresql", "usable": False}),
        (
            f"sqlite:///{troubled.folder}/new.db",
            {"kind": "sqlite", "usable": True, "revision": None, "standing": "store_not_current"},
        ),
    ):
        troubled.tree["store"] = {"url": url}
        troubled.write()
        path = troubled.folder / f"{expected['kind']}.zip"
        assert troubled.run("diagnose", str(path))[0] == 0
        files = read(path)
        assert json.loads(files["store.json"]) == expected
        assert CANARY not in "".join(files.values()).lower()


def test_of_the_log_only_our_own_lines_and_plain_values_are_kept() -> None:
    kept = [json.loads(line) for each in JOURNAL if (line := log_line(each)) is not None]
    head = {"ts": "t", "level": "error"}
    assert kept == [
        {"ts": "t", "level": "info", "event": "write", "log": "worker", "verb": "create"},
        {"ts": "t", "level": "info", "event": "gunicorn", "log": "gunicorn.error"},
        head | {"event": "x", "log": "y"},
        head | {"event": "x", "log": "y", "frames": ["loop.py:7", "3"]},
        head | {"log": "y", "count": 3},
    ]


def test_the_same_thing_has_the_same_word_everywhere() -> None:
    words = Placeholders()
    told = configuration({"mailboxes": {"map": {"A@x.example": "b@x.example"}, "only": ["a@x.example"]}}, words)
    assert told == {"mailboxes": {"map": {"adresse-1": "adresse-2"}, "only": ["adresse-1"]}}
    assert words.scrub("to B@X.example, c@x.example") == "to adresse-2, adresse-3"


def test_a_program_that_is_missing_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnose.run_program(["no-such-program-here"]) == []
    assert diagnose.run_program(["false"]) == []
    assert diagnose.run_program(["echo", "a"]) == ["a"]
    monkeypatch.setattr(subprocess, "run", _hang)
    assert diagnose.run_program(["echo", "a"]) == []


def _hang(*_: Any, **__: Any) -> None:
    raise subprocess.TimeoutExpired("echo", 1)
