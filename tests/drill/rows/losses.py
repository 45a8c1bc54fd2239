"""A database that is taken away, comes back, or is another's; and two installations on one mailbox."""

import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.base import CalendarEntry, Create, Done
from connectors.ews import EwsConnector, EwsSettings
from demo.processes import ACCOUNT
from emitter.scenarios import build
from receiver.core.troubles import Code
from receiver.store import Store
from tests.drill.breakage import Breakage, Repair, StoreKind, Strike
from tests.drill.exchange import KARIM
from tests.drill.rows.machine import REFUSED_MEANWHILE
from tests.drill.system import ACCEPTED, DrillSystem, until

PutBack = Callable[[], object]
MARKER = {"store:\n": "store:\n  marker: marker.json\n"}
"""Elsewhere than the database."""


def lose(way: Callable[[DrillSystem], PutBack]) -> Strike:
    """The database goes in some way; put back, it is taken up without a restart."""

    def strike(system: DrillSystem) -> Repair:
        system.rest()
        put_back = way(system)
        until(lambda: system.book() == 503, "webhooks to be refused")
        there = _files(_file(system).parent)

        def repair() -> str:
            assert _files(_file(system).parent) == there, "nothing new is made"
            put_back()
            return "webhooks refused (503) and taken when sent again"

        return repair

    return strike


def remove(system: DrillSystem) -> PutBack:
    """The file is moved away."""
    kept = system.folder / "kept.db"
    _file(system).rename(kept)
    return lambda: kept.rename(_file(system))


def unmount(system: DrillSystem) -> PutBack:
    """The disk is unmounted while it is in use."""
    disk = _file(system).parent
    found = subprocess.run(["findmnt", "-no", "SOURCE", str(disk)], check=True, capture_output=True, text=True)
    device = found.stdout.strip()
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
    return lambda: subprocess.run(["mount", device, str(disk)], check=True)


def empty(system: DrillSystem) -> PutBack:
    """An empty file is put in its place."""
    kept = system.folder / "kept.db"
    _file(system).rename(kept)
    _file(system).touch()
    return lambda: kept.replace(_file(system))


def put_anothers_there(system: DrillSystem) -> PutBack:
    """The database of another installation is put in its place."""
    other = system.folder / "other.db"
    store = Store(f"sqlite:///{other}")
    store.migrate()
    store.close()
    kept = system.folder / "kept.db"
    _file(system).rename(kept)
    shutil.copy(other, _file(system))
    return lambda: kept.replace(_file(system))


def put_old_copy_back(system: DrillSystem) -> Repair:
    """Somebody puts a copy back that knows less than the calendars; no command made it."""
    assert system.unit
    old = system.folder / "old.db"
    system.rest()
    with closing(sqlite3.connect(_file(system))) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    system.book_and_see()
    system.rest()
    system.unit.stop()
    for beside in ("-wal", "-shm"):
        _file(system).with_name(f"store.db{beside}").unlink(missing_ok=True)
    shutil.copy(old, _file(system))
    system.unit.start()
    until(system.is_up, "the web to be up")
    assert system.book() in ACCEPTED
    return lambda: system.command("adopt") and None


def meet_another(system: DrillSystem) -> Repair:
    """A trial wrote into a mailbox before we ever did: its entries bear its own installation."""
    store = Store(f"sqlite:///{system.folder}/trial.db")
    store.migrate()
    trial = store.installation().id
    store.close()
    settings = EwsSettings(
        system.exchange.mock.url,
        "Exchange2016",
        "ntlm",
        "impersonation",
        ACCOUNT,
        (system.folder / "password").read_text("utf-8"),
        trial,
        system.exchange.authorities,
    )
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    connector = EwsConnector(settings)
    entry = CalendarEntry("Rdv/1@production", "Essai", start, start + timedelta(hours=1), "Europe/Paris")
    assert isinstance(connector.apply(KARIM, [Create(entry)])[0], Done)
    connector.close()
    told = build("agent_swapped", datetime.now(UTC))
    for step in told.steps:
        assert system.post(step.body, system.secret) in ACCEPTED

    def repair() -> str:
        assert [each.title for each in system.exchange.calendar(KARIM).elements()] == ["Essai"], "nothing is doubled"
        system.command("uninstall", "--installation", trial, "--yes")
        until(lambda: system.exchange.calendar(KARIM) == Counter(told.expected[KARIM]), "Karim's calendar to be ours")
        return "the trial's 1 entry went, ours came"

    return repair


def _file(system: DrillSystem) -> Path:
    return Path(system.store_url.removeprefix("sqlite:///"))


def _files(folder: Path) -> set[str]:
    """What lies there; what SQLite keeps of a file that is open comes and goes."""
    return {each.name for each in folder.iterdir() if each.name.startswith("store.db")} - {
        "store.db-wal",
        "store.db-shm",
    }


REFUSED = " Webhooks are refused (503), no file is made."
BACK = "It is put back, and taken up without a restart; the emitter sends again."


def _vanished(code: Code) -> tuple[Breakage, ...]:
    plain = {"may_come": REFUSED_MEANWHILE, "settings": MARKER, "is_whole": True}
    return (
        Breakage(
            "database moved away", code, lose(remove), "The file is renamed." + REFUSED, BACK, "store_gone", **plain
        ),
        Breakage(
            "disk unmounted",
            code,
            lose(unmount),
            "The disk of the database is unmounted while it is in use." + REFUSED,
            "It is mounted again, and the database taken up without a restart; the emitter sends again.",
            "store_gone",
            store=StoreKind.DISK,
            **plain,
        ),
        Breakage(
            "database replaced by an empty file",
            code,
            lose(empty),
            "An empty file is put in its place." + REFUSED,
            BACK,
            "store_emptied",
            page_cause="store_replaced",
            **plain,
        ),
        Breakage(
            "database replaced by another installation's",
            code,
            lose(put_anothers_there),
            "The database of another installation is put in its place." + REFUSED,
            BACK,
            "store_another",
            page_cause="store_replaced",
            **plain,
        ),
    )


def _behind(code: Code) -> tuple[Breakage, ...]:
    return (
        Breakage(
            "old copy put back by hand",
            code,
            put_old_copy_back,
            "A copy that was made by hand takes the database's place, after one more appointment was written: it knows "
            "less than its marker. Webhooks are taken, nothing is written.",
            "`rdv-receiver adopt`.",
            settings=MARKER,
            is_whole=True,
        ),
    )


def _beside(code: Code) -> tuple[Breakage, ...]:
    return (
        Breakage(
            "entries of another installation",
            code,
            meet_another,
            "A trial wrote into a mailbox that we never wrote into; then comes an appointment for it. Nothing is "
            "written there.",
            "`rdv-receiver uninstall --installation ID --yes`.",
            has_named_cause=True,
        ),
    )


_MADE = {"store_vanished": _vanished, "store_behind": _behind, "other_installation": _beside}
ROWS = tuple(row for code in Code if code in _MADE for row in _MADE[code](code))
