"""What is broken, how, and how it is repaired: as the runbook says."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mock_exchange.faults import Fault, FaultKind
from receiver.core.health import Code, Thresholds
from tests.drill import hastened
from tests.drill.databases import lock_held, stop_postgres
from tests.drill.exchange import MARTINE
from tests.drill.ground import ACCEPTED, Ground, until

Repair = Callable[[], str | None]
"""Puts right what was broken; may return what was counted meanwhile."""
Strike = Callable[[Ground], Repair]

DAY = timedelta(hours=25)
"""What is counted by the hour has left the last 24 hours by then."""
SILENCE = timedelta(days=5)
"""With more than eight hours on working days in it, whenever it begins."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """One row of the page."""

    name: str
    code: Code
    strike: Strike
    cause: str = ""
    along: frozenset[Code] = frozenset()
    """What else is rightly told of."""
    note: str = ""
    """How it was made real."""
    store: str = "file"
    """`file`, `disk` (a file on a small disk of its own) or `postgresql`."""
    has_own_clock: bool = False
    timeout_s: int = 10
    patience: Mapping[str, float] = field(default_factory=dict)
    in_ci: bool = True


# The emitter's side


def rotate_secret(ground: Ground) -> Repair:
    """Somebody changes the secret at the emitter and tells nobody."""
    ground.secret = "the secret after the change"
    count = Thresholds().signatures_refused
    answers = [ground.book() for _ in range(count)]
    assert answers == [401] * count

    def repair() -> str:
        ground.write("secret-neuf", ground.secret)
        text = ground.config.read_text("utf-8")
        ground.write("config.yaml", text.replace("{file: secret}\n", "{file: secret}\n      - {file: secret-neuf}\n"))
        ground.reload()
        ground.send_again()
        _skip_unwatched(ground, DAY)
        return f"{count} webhooks refused, all taken when sent again"

    return repair


def _skip_unwatched(ground: Ground, time_passed: timedelta) -> None:
    """Skip time while nobody looks: a silence is none in which webhooks came and workers beat all the while."""
    ground.signal("watch", signal.SIGSTOP)
    ground.skip(time_passed)
    ground.book_and_see()
    ground.signal("watch", signal.SIGCONT)


def silence_source(ground: Ground) -> Repair:
    """The webhook was removed at the emitter: nothing comes, and nothing is wrong here."""
    ground.skip(SILENCE)

    def repair() -> None:
        assert ground.book() in ACCEPTED

    return repair


# Exchange's side


def take_mailbox(ground: Ground) -> Repair:
    """An agent's mailbox is disconnected."""
    mailbox = ground.exchange.take_mailbox(MARTINE)
    assert ground.book() in ACCEPTED
    return lambda: ground.exchange.put_mailbox(MARTINE, mailbox)


def withdraw_right(ground: Ground) -> Repair:
    """Somebody takes the service account out of the role."""
    ground.exchange.withdraw_right()
    assert ground.book() in ACCEPTED
    return ground.exchange.give_right


def expire_password(ground: Ground) -> Repair:
    """The account's password expires; who has it may not lock the account by trying."""
    ground.exchange.mock.forget_requests()
    ground.exchange.set_password("the next password")
    assert ground.book() in ACCEPTED

    def repair() -> str:
        assert ground.book() in ACCEPTED  # more work is no reason to try again
        assert ground.exchange.wrong_proofs == 1
        ground.write("password", "the next password")
        ground.reload()
        until(lambda: ground.exchange.calendar(MARTINE) == ground.expected, "the writes after the reload")
        assert ground.exchange.wrong_proofs == 1
        return "1 wrong attempt in all: the account is not locked"

    return repair


def change_authority(ground: Ground) -> Repair:
    """Exchange gets a certificate of an authority that the receiver was not told of."""
    ground.exchange.mock.stop()
    authority = ground.exchange.new_authority()
    ground.exchange.mock.start()
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.trust(authority)
        ground.reload()

    return repair


def stop_exchange(ground: Ground) -> Repair:
    """Exchange is stopped: its port is closed."""
    ground.exchange.mock.stop()
    assert ground.book() in ACCEPTED
    return ground.exchange.mock.start


def hang_exchange(ground: Ground) -> Repair:
    """Exchange takes calls, answers after the receiver's patience, and does the work all the same."""
    ground.exchange.mock.inject(Fault(FaultKind.HANG, times=None, delay_s=4))
    assert ground.book() in ACCEPTED
    return ground.exchange.mock.faults.clear


def slow_exchange(ground: Ground) -> Repair:
    """Exchange needs eight seconds for each call."""
    ground.exchange.mock.latency_s = 8
    ground.exchange.mock.forget_requests()
    assert ground.book() in ACCEPTED
    until(lambda: ground.exchange.mock._working > 0, "the first write to be under way")
    assert ground.book() in ACCEPTED  # it waits for the one before

    def repair() -> None:
        ground.exchange.mock.latency_s = 0

    return repair


# The receiver's machine


def fill_disk(ground: Ground) -> Repair:
    """Something else takes the room on the database's disk, but for two hundredths."""
    filler = ground.folder / "disk" / "filler"
    usage = shutil.disk_usage(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, usage.free - usage.total // 50)
    until(lambda: ground.book() == 503, "webhooks to be refused")

    def repair() -> str:
        filler.unlink()
        return "webhooks refused (503) and taken when sent again"

    return repair


def set_clock_back(ground: Ground) -> Repair:
    """The machine's clock goes an hour back."""
    ground.set_clock(-timedelta(hours=1))
    assert ground.book() == 422
    return lambda: ground.set_clock(timedelta())


def kill_worker(ground: Ground) -> Repair:
    """The kernel kills the worker, and nobody starts it again."""
    ground.signal("worker", signal.SIGKILL)
    ground.processes["worker"].wait()
    assert ground.book() in ACCEPTED
    return lambda: ground.start("worker")


def hang_worker(ground: Ground) -> Repair:
    """The worker lives and does nothing."""
    ground.signal("worker", signal.SIGSTOP)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        worker = ground.processes["worker"]
        worker.kill()
        worker.wait()
        ground.start("worker")

    return repair


def lock_database(ground: Ground) -> Repair:
    """Another process holds SQLite's write lock and does not let go."""
    locked = lock_held(ground.folder / "store.db")
    locked.__enter__()
    ground._open.callback(locked.__exit__, None, None, None)
    assert ground.book() == 503

    def repair() -> None:
        locked.__exit__(None, None, None)

    return repair


def stop_database(ground: Ground) -> Repair:
    """PostgreSQL is stopped."""
    start = stop_postgres(ground.store_url)
    assert ground.book() == 503
    return start


WORKER_SILENT_SOON = {hastened.WORKER_SILENT: 3.0}

BREAKAGES = (
    Breakage(
        "wrong secret: changed at the emitter alone",
        Code.SIGNATURES_REFUSED,
        rotate_secret,
        note="A day is skipped after the repair (libfaketime): the count is that of the last 24 hours.",
        has_own_clock=True,
    ),
    Breakage("mailbox gone", Code.MAILBOXES_FAILING, take_mailbox, "mailbox_not_found"),
    Breakage("right withdrawn (impersonation)", Code.MAILBOXES_FAILING, withdraw_right, "impersonation_denied"),
    Breakage("password expired", Code.SERVER_FAILING, expire_password, "unauthorized"),
    Breakage(
        "certificate of another authority",
        Code.SERVER_FAILING,
        change_authority,
        "tls_failed",
        note="The new authority is added to `ca_file`, then a reload.",
    ),
    Breakage("Exchange down (port closed)", Code.SERVER_FAILING, stop_exchange, "connection_failed"),
    Breakage(
        "Exchange hangs (time-outs)",
        Code.MAILBOXES_FAILING,
        hang_exchange,
        "timeout",
        note="Each call is answered, and carried out, after 4 s; the receiver waits for 1 s.",
        timeout_s=1,
    ),
    Breakage(
        "Exchange slow (changes late)",
        Code.CHANGES_LATE,
        slow_exchange,
        note="A change is late after 3 s.",
        timeout_s=30,
        patience={hastened.CHANGE_LATE: 3.0},
    ),
    Breakage(
        "disk nearly full",
        Code.DISK_LOW,
        fill_disk,
        note="The database is on an ext4 file system of 160 MiB, in a loop-mounted file; a file takes all but 2 %.",
        store="disk",
    ),
    Breakage(
        "clock an hour behind",
        Code.CLOCK_OFF,
        set_clock_back,
        along=frozenset({Code.WEBHOOKS_REFUSED}),
        note="libfaketime, while the processes run. Webhooks come from the future meanwhile (`age`), which is told "
        "too and is over a day later.",
        has_own_clock=True,
        patience={hastened.LOOK: 1.0},
    ),
    Breakage(
        "worker dead (kill -9)",
        Code.WORKER_SILENT,
        kill_worker,
        note="Without a supervisor; under `run` all parts end, and systemd starts them anew.",
        patience=WORKER_SILENT_SOON,
    ),
    Breakage("worker hung (SIGSTOP)", Code.WORKER_SILENT, hang_worker, patience=WORKER_SILENT_SOON),
    Breakage("SQLite locked by another process", Code.STORE_UNREACHABLE, lock_database, patience=WORKER_SILENT_SOON),
    Breakage("PostgreSQL stopped", Code.STORE_UNREACHABLE, stop_database, store="postgresql"),
    Breakage(
        "source silent",
        Code.SOURCE_SILENT,
        silence_source,
        note="Five days are skipped (libfaketime, and the mock's clock), with eight working hours in them at least.",
        has_own_clock=True,
    ),
)
