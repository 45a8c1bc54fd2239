"""What goes wrong with the receiver's own machine and processes."""

import os
import shutil
import signal
import socket
from datetime import timedelta

from receiver.core.thresholds import Thresholds
from receiver.core.troubles import Code
from tests.drill import hastened
from tests.drill.breakage import Breakage, Repair, StoreKind, Strike
from tests.drill.rows.emitter import skip_a_day
from tests.drill.screens import Screen
from tests.drill.system import ACCEPTED, DrillSystem, until

WORKER_SILENT_SOON = {hastened.WORKER_SILENT: 5.0}
WEB_SILENT_SOON = {hastened.WEB_SILENT: 5.0}
REFUSED_MEANWHILE = frozenset({Code.WEBHOOKS_REFUSED})
"""Webhooks that were answered 503 are told of for a while after the last."""
NO_WEB = frozenset({Screen.PAGE, Screen.READYZ})


def fill_disk(share: float, answer: int) -> Strike:
    """Something else takes the room on the database's disk, but for a share."""

    def strike(system: DrillSystem) -> Repair:
        filler = system.folder / "disk" / "filler"
        usage = shutil.disk_usage(filler.parent)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, usage.free - int(usage.total * share))
        until(lambda: system.book() == answer, f"webhooks to be answered {answer}")

        def repair() -> str:
            filler.unlink()
            return "webhooks refused (503) and taken when sent again" if answer == 503 else ""

        return repair

    return strike


def set_clock_back(system: DrillSystem) -> Repair:
    """The machine's clock goes an hour back."""
    system.set_clock(-timedelta(hours=1))
    assert system.book() == 422
    return lambda: system.set_clock(timedelta())


def set_clock_ahead(system: DrillSystem) -> Repair:
    """The machine's clock goes an hour ahead; set right, it goes back under what was noted meanwhile."""
    system.set_clock(timedelta(hours=1))
    assert system.book() in ACCEPTED
    return lambda: system.set_clock(timedelta())


def kill_worker(system: DrillSystem) -> Repair:
    """The kernel kills the worker, and nobody starts it again."""
    system.signal("worker", signal.SIGKILL)
    system.processes["worker"].wait()
    assert system.book() in ACCEPTED
    return lambda: system.start("worker")


def hang_worker(system: DrillSystem) -> Repair:
    """The worker lives and does nothing."""
    system.signal("worker", signal.SIGSTOP)
    assert system.book() in ACCEPTED

    def repair() -> None:
        worker = system.processes["worker"]
        worker.kill()
        worker.wait()
        system.start("worker")

    return repair


def hang_watch(system: DrillSystem) -> Repair:
    """The watch lives and does nothing."""
    system.signal("watch", signal.SIGSTOP)
    assert system.book() in ACCEPTED
    return lambda: system.signal("watch", signal.SIGCONT)


def kill_worker_often(system: DrillSystem) -> Repair:
    """The kernel kills each worker that is started."""
    assert system.unit
    count = Thresholds().worker_deaths
    for _ in range(count):
        worker = system.unit.wait_for("worker")
        beats = system.log.count('"worker_started"')
        until(lambda now=beats: system.log.count('"worker_started"') >= max(now, 1), "the worker to be up")
        system.book_and_see()
        system.rest()
        os.kill(worker, signal.SIGKILL)
        until(lambda old=worker: system.unit.wait_for("worker") != old, "another worker")  # type: ignore[union-attr]
    return lambda: f"killed {count} times, started again each time"


def an_hour_later(system: DrillSystem) -> None:
    """Have the hour pass in which deaths are counted."""
    system.signal("watch", signal.SIGSTOP)
    system.skip(timedelta(hours=2))
    system.book_and_see()
    system.signal("watch", signal.SIGCONT)


def kill_web(system: DrillSystem) -> Repair:
    """The kernel kills the web, and nobody starts it again."""
    system.stop("serve")
    assert system.book() is None
    return lambda: system.start("serve")


def take_port(system: DrillSystem) -> Repair:
    """Another program takes the port while the service is down."""
    assert system.unit
    system.unit.stop()
    taker = socket.create_server(("127.0.0.1", system.port))
    taker.close()
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.bind(("127.0.0.1", system.port))
    taker.listen()
    system.unit.start()

    def repair() -> None:
        taker.close()

    return repair


DISK = "The database is on a disk of 160 MiB (ext4 in a file); another file takes all of it but "

ROWS = (
    Breakage(
        "disk full",
        Code.DISK_LOW,
        fill_disk(0.02, 503),
        DISK + "2 %. Webhooks are refused (503).",
        "The file is removed; the emitter sends again.",
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.DISK,
        in_ci=True,
    ),
    Breakage(
        "disk nearly full",
        Code.DISK_LOW,
        fill_disk(0.07, 202),
        DISK + "7 %. Webhooks are taken.",
        "The file is removed.",
        store=StoreKind.DISK,
    ),
    Breakage(
        "clock an hour behind",
        Code.CLOCK_OFF,
        set_clock_back,
        "The receiver's clock is set back while it runs (a library loaded before its own). A webhook then comes from "
        "the future and is refused (422 `age`), which is told too.",
        "The clock is set right; the emitter sends again. A day passes, as 422 are counted for a day.",
        along=frozenset({Code.WEBHOOKS_REFUSED}),
        lasts=skip_a_day,
        has_own_clock=True,
        patience={hastened.LOOK: 1.0},
    ),
    Breakage(
        "clock an hour ahead",
        Code.CLOCK_OFF,
        set_clock_ahead,
        "The receiver's clock is set ahead while it runs. Webhooks are taken.",
        "The clock is set right, and so goes back by an hour.",
        has_own_clock=True,
        patience={hastened.LOOK: 1.0},
    ),
    Breakage(
        "worker dead",
        Code.WORKER_SILENT,
        kill_worker,
        "`kill -9`, with nobody to start it again; `run` would, within moments.",
        "It is started.",
        patience=WORKER_SILENT_SOON,
        in_ci=True,
    ),
    Breakage(
        "worker hung",
        Code.WORKER_SILENT,
        hang_worker,
        "`kill -STOP`.",
        "It is killed and started.",
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "watch hung",
        Code.WATCH_SILENT,
        hang_watch,
        "`kill -STOP`. No alert can leave, nor is one of this sent later.",
        "`kill -CONT`.",
        blind=frozenset({Screen.ALERT}),
        patience=WORKER_SILENT_SOON,
        in_ci=True,
    ),
    Breakage(
        "worker that keeps dying",
        Code.WORKER_RESTARTING,
        kill_worker_often,
        "`kill -9` of each of the first three that `run` starts; one is dead after 3 s without a sign of life (30 s).",
        "The next one is left alone. An hour is counted: two are skipped, with the watch asleep.",
        is_whole=True,
        has_own_clock=True,
        lasts=an_hour_later,
        patience={hastened.DEAD_AFTER: 3.0},
    ),
    Breakage(
        "web dead",
        Code.WEB_SILENT,
        kill_web,
        "It is stopped, with nobody to start it again. Emitters get no answer, nor does who opens the page.",
        "It is started; the emitter sends again.",
        blind=NO_WEB,
        patience=WEB_SILENT_SOON,
        in_ci=True,
    ),
    Breakage(
        "port taken by another program",
        Code.WEB_SILENT,
        take_port,
        "The service is stopped, another program listens at its port and answers nothing, the service is started.",
        "The other program ends; the unit starts the service again by itself.",
        blind=NO_WEB,
        is_whole=True,
        patience=WEB_SILENT_SOON,
    ),
)
