"""What is broken, how it is made real, and how it is repaired: one row of the page each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from receiver.core.health import Code
from tests.drill import hastened, strikes
from tests.drill.strikes import Strike


@dataclass(frozen=True, slots=True)
class Breakage:
    """One row of the page."""

    name: str
    code: Code
    strike: Strike
    made: str
    """How it is broken."""
    cure: str
    """How it is repaired."""
    cause: str = ""
    along: frozenset[Code] = frozenset()
    """What else is rightly told of."""
    store: str = "file"
    """`file`, `disk` (a file on a small disk of its own) or `postgresql`."""
    has_own_clock: bool = False
    timeout_s: int = 10
    patience: Mapping[str, float] = field(default_factory=dict)
    in_ci: bool = False
    """Whether every change is held to it; the others are played for the page."""


WORKER_SILENT_SOON = {hastened.WORKER_SILENT: 5.0}

BREAKAGES = (
    Breakage(
        "wrong secret: changed at the emitter alone",
        Code.SIGNATURES_REFUSED,
        strikes.rotate_secret,
        "The emitter signs with another secret: ten webhooks are refused (401).",
        "The new secret is put beside the old one, then a reload; the emitter sends again. A day is counted, as the "
        "emitter's attempts come up to a day apart: 25 hours are skipped, with the watch asleep.",
        has_own_clock=True,
        in_ci=True,
    ),
    Breakage(
        "mailbox gone",
        Code.MAILBOXES_FAILING,
        strikes.take_mailbox,
        "The mailbox is disconnected, with all it holds.",
        "It is connected again, then `rdv-receiver retry --mailbox`.",
        "mailbox_not_found",
    ),
    Breakage(
        "right withdrawn",
        Code.MAILBOXES_FAILING,
        strikes.withdraw_right,
        "The account loses the role ApplicationImpersonation.",
        "It gets the role back, then `rdv-receiver retry --code`.",
        "impersonation_denied",
    ),
    Breakage(
        "password expired",
        Code.SERVER_FAILING,
        strikes.expire_password,
        "The account's password is another; connections that were open end.",
        "The new password is written into its file, then a reload.",
        "unauthorized",
        in_ci=True,
    ),
    Breakage(
        "certificate of another authority",
        Code.SERVER_FAILING,
        strikes.change_authority,
        "Exchange starts with a certificate of an authority that `ca_file` does not name.",
        "The authority is added to `ca_file`, then a reload.",
        "tls_failed",
    ),
    Breakage(
        "Exchange down",
        Code.SERVER_FAILING,
        strikes.stop_exchange,
        "Its port is closed.",
        "It starts again.",
        "connection_failed",
    ),
    Breakage(
        "Exchange hangs",
        Code.MAILBOXES_FAILING,
        strikes.hang_exchange,
        "Each call is answered, and carried out, after 4 s; the receiver waits for 1 s.",
        "It answers at once again.",
        "timeout",
        timeout_s=1,
    ),
    Breakage(
        "Exchange slow",
        Code.CHANGES_LATE,
        strikes.slow_exchange,
        "Each call takes 20 s, of the 60 s that the receiver waits; a change is late after 3 s (15 min).",
        "It answers at once again, but for the call in hand.",
        timeout_s=60,
        patience={hastened.CHANGE_LATE: 3.0},
    ),
    Breakage(
        "disk full",
        Code.DISK_LOW,
        strikes.fill_disk,
        "The database is on a disk of 160 MiB (ext4 in a file); another file takes all of it but 2 %. Webhooks are "
        "refused (503).",
        "The file is removed; the emitter sends again.",
        store="disk",
        in_ci=True,
    ),
    Breakage(
        "clock an hour behind",
        Code.CLOCK_OFF,
        strikes.set_clock_back,
        "The receiver's clock is set back while it runs (a library loaded before its own). A webhook then comes from "
        "the future and is refused (422 `age`), which is told too, and is over a day later.",
        "The clock is set right; the emitter sends again.",
        along=frozenset({Code.WEBHOOKS_REFUSED}),
        has_own_clock=True,
        patience={hastened.LOOK: 1.0},
    ),
    Breakage(
        "clock an hour ahead",
        Code.CLOCK_OFF,
        strikes.set_clock_ahead,
        "The receiver's clock is set ahead while it runs. Webhooks are taken.",
        "The clock is set right, and so goes back by an hour.",
        has_own_clock=True,
        patience={hastened.LOOK: 1.0},
    ),
    Breakage(
        "worker dead",
        Code.WORKER_SILENT,
        strikes.kill_worker,
        "`kill -9`, with nobody to start it again; `run` would, within moments.",
        "It is started.",
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "worker hung",
        Code.WORKER_SILENT,
        strikes.hang_worker,
        "`kill -STOP`.",
        "It is killed and started.",
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "SQLite locked",
        Code.STORE_UNREACHABLE,
        strikes.lock_database,
        "Another process begins a transaction that writes, and does not end it. Each writer waits for some seconds; "
        "webhooks are refused (503).",
        "That process ends; the emitter sends again.",
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "PostgreSQL stopped",
        Code.STORE_UNREACHABLE,
        strikes.stop_database,
        "`pg_ctl stop`. Webhooks are refused (503).",
        "It starts again; the emitter sends again.",
        store="postgresql",
        in_ci=True,
    ),
    Breakage(
        "source silent",
        Code.SOURCE_SILENT,
        strikes.silence_source,
        "Nothing comes for five days, with eight working hours in them at least: all clocks are set on.",
        "A webhook comes.",
        has_own_clock=True,
    ),
)
