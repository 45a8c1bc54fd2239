"""An address that cannot be opened: who starts the service is told which and why, and `check` finds it before."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from receiver import bootstrap
from receiver.cli import main as cli
from receiver.config import load
from receiver.core.room import MIB
from receiver.operations import status
from receiver.operations.support import check_host, check_port
from receiver.operations.support.check import Finding, Level
from receiver.store import Store, counters, heartbeats
from receiver.store.heartbeats import SERVES


@pytest.fixture
def held() -> Iterator[str]:
    """An address that another program holds."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield f"127.0.0.1:{holder.getsockname()[1]}"


def configured(folder: Path, address: str) -> Path:
    (folder / "calendars").mkdir()
    tree = {
        "store": {"url": f"sqlite:///{folder}/rdv.db"},
        "sources": {"mds": {"emitter": "rdv_insertion", "platform": "p", "secrets": [{"env": "RDV_SECRET"}]}},
        "calendars": {"pilot": {"kind": "ics_folder", "path": str(folder / "calendars")}},
        "mailboxes": {"map": {"agent@x.example": "box@x.example"}},
        "web": {"listen": address},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(tree))
    return config


def findings(config: Path) -> dict[str, tuple[str, Level]]:
    settings = load(config, {"RDV_SECRET": "s"})
    return {each.subject: (each.code, each.level) for each in check_host.host_findings(settings, bootstrap.open_store)}


@pytest.mark.parametrize(
    ("address", "code"),
    [("127.0.0.1:0", None), ("203.0.113.7:8080", check_port.NOT_HERE), ("nowhere.invalid:8080", check_port.NOT_HERE)],
)
def test_an_address_is_tried_by_opening_it(address: str, code: str | None) -> None:
    found = check_port.unusable(address)
    assert (found.code if found else None) == code


def test_an_address_that_somebody_holds_is_waited_for_and_then_named(held: str) -> None:
    found = check_port.unusable_after_a_while(held, 0.3)
    assert found is not None
    assert (found.code, found.address, found.error) == (check_port.TAKEN, held, "EADDRINUSE")


def test_an_address_that_was_opened_for_us_is_not_tried(held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(check_port.INHERITED, "1")
    assert check_port.unusable_after_a_while(held, 0.0) is None


def test_serve_says_which_address_and_ends(
    held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RDV_SECRET", "s")
    monkeypatch.setattr(check_port.unusable_after_a_while, "__defaults__", (0.0,))
    config = configured(tmp_path, held)
    assert cli.main(["--config", str(config), "migrate"]) == 0
    assert cli.main(["--config", str(config), "serve"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert held in told[-1]
    assert not told[-1].startswith("{")


def test_check_tells_a_free_address_from_a_taken_one(held: str, tmp_path: Path) -> None:
    config = configured(tmp_path, held)
    assert findings(config)["web.listen"] == (check_port.TAKEN, Level.TROUBLE)
    config.write_text(config.read_text().replace(held, "127.0.0.1:0"))
    assert findings(config)["web.listen"] == ("listen_ready", Level.OK)


class Healthz(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def log_message(self, *_: object) -> None:
        pass


def test_an_address_that_our_own_service_holds_is_well(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Healthz) as ours:
        threading.Thread(target=ours.serve_forever, daemon=True).start()
        config = configured(tmp_path, f"127.0.0.1:{ours.server_port}")
        store = Store(f"sqlite:///{tmp_path}/rdv.db")
        store.migrate()
        assert findings(config)["web.listen"] == (check_port.TAKEN, Level.TROUBLE), "another installation's"
        store.write(heartbeats.beat, f"{SERVES}here", store.now())
        assert findings(config)["web.listen"] == ("listen_ours", Level.OK)
        store.close()
        (tmp_path / "rdv.db").unlink()
        assert findings(config)["web.listen"] == ("listen_perhaps_ours", Level.WARNING), "it may hold the lost store"
        ours.shutdown()


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (60, None),
        (9, ("store_room_low", Level.WARNING)),
        (4, ("store_room_lacking", Level.TROUBLE)),
    ],
)
def test_check_judges_room_as_the_web_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: tuple[str, Level] | None
) -> None:
    config = configured(tmp_path, "127.0.0.1:0")
    usage = SimpleNamespace(total=100 * MIB, free=free * MIB)
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _: usage)
    assert findings(config).get("store") == expected


def test_check_does_not_say_that_all_is_well_where_the_service_is_not(tmp_path: Path) -> None:
    config = configured(tmp_path, "127.0.0.1:0")
    store = Store(f"sqlite:///{tmp_path}/rdv.db")
    store.migrate()
    assert "service" not in findings(config)
    store.write(counters.record, {}, {"unmapped": 3}, store.now())
    settings = load(config, {"RDV_SECRET": "s"})
    assert Finding(
        "service_troubled", "service", Level.WARNING, {"codes": "agents_unmapped"}
    ) in check_host.host_findings(settings, bootstrap.open_store)
    store.close()
