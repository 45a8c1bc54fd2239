"""Each strike breaks something for real, and returns what puts it right as the runbook says."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta

from mock_exchange.faults import Fault, FaultKind
from receiver.core.health import Thresholds
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

    def repair() -> None:
        ground.exchange.put_mailbox(MARTINE, mailbox)
        ground.command("retry", "--mailbox", MARTINE)

    return repair


def withdraw_right(ground: Ground) -> Repair:
    """Somebody takes the service account out of the role."""
    ground.exchange.withdraw_right()
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.give_right()
        ground.command("retry", "--code", "impersonation_denied")

    return repair


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
    """Exchange needs twenty seconds for each call."""
    ground.exchange.mock.latency_s = 20
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


def set_clock_ahead(ground: Ground) -> Repair:
    """The machine's clock goes an hour ahead; set right, it goes back under what was noted meanwhile."""
    ground.set_clock(timedelta(hours=1))
    assert ground.book() in ACCEPTED
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
