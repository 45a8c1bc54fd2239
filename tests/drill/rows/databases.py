"""What goes wrong with the database."""

from collections.abc import Mapping, Sequence

from receiver import sentences
from receiver.core.troubles import Code
from tests.drill.breakage import Breakage, Repair, StoreKind, Strike
from tests.drill.databases import ACCOUNT, PASSWORD, as_superuser, lock_held, stop_postgres
from tests.drill.rows.machine import REFUSED_MEANWHILE, WORKER_SILENT_SOON
from tests.drill.system import DrillSystem, until


def lock_database(system: DrillSystem) -> Repair:
    """Another process holds SQLite's write lock and does not let go."""
    locked = lock_held(system.folder / "store.db")
    locked.__enter__()
    system._open.callback(locked.__exit__, None, None, None)
    assert system.book() == 503

    def repair() -> None:
        locked.__exit__(None, None, None)

    return repair


def stop_database(system: DrillSystem) -> Repair:
    """PostgreSQL is stopped."""
    start = stop_postgres(system.store_url)
    assert system.book() == 503
    return start


def change(broken: Sequence[str], right: Sequence[str], database: str = "postgres") -> Strike:
    """PostgreSQL's administrator changes something, and ends the connections that are open."""

    def strike(system: DrillSystem) -> Repair:
        _administer(system, broken, database)
        until(lambda: system.book() == 503, "webhooks to be refused")
        return lambda: _administer(system, right, database)

    return strike


def _administer(system: DrillSystem, statements: Sequence[str], database: str) -> None:
    with as_superuser(system.store_url, database) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]  # our own text
        connection.execute(END)


OURS = "FROM pg_stat_activity WHERE datname = 'rdv' AND pid <> pg_backend_pid()"
END = f"SELECT pg_terminate_backend(pid, 10000) {OURS}"


def back_up(system: DrillSystem) -> None:
    """Make a copy, as each night."""
    system.command("backup", str(system.folder / "copy.db"))


def damage(system: DrillSystem) -> Repair:
    """Something writes over the middle of the file."""
    assert system.unit
    file = system.folder / "store.db"
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 4)
        opened.write(b"\xa5" * (size // 2))

    def repair() -> None:
        assert system.unit
        system.unit.stop()
        for name in ("store.db", "store.db-wal", "store.db-shm"):
            (system.folder / name).unlink(missing_ok=True)
        (system.folder / "copy.db").replace(file)
        system.unit.start()
        until(system.is_up, "the web to be up")
        system.command("adopt")

    return repair


def _cause(name: str) -> str:
    """Return a cause, where causes are told of stores."""
    return name if name in CAUSES_TOLD else ""


CAUSES_TOLD: Mapping[str, object] = getattr(sentences, "STORE_CAUSES", {})
REFUSED = " Webhooks are refused (503)."

ROWS = (
    Breakage(
        "SQLite locked",
        Code.STORE_UNREACHABLE,
        lock_database,
        "Another process begins a transaction that writes, and does not end it. Each writer waits for some seconds; "
        "webhooks are refused (503).",
        "That process ends; the emitter sends again.",
        _cause("store_busy"),
        may_come=REFUSED_MEANWHILE,
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "PostgreSQL stopped",
        Code.STORE_UNREACHABLE,
        stop_database,
        "`pg_ctl stop`." + REFUSED,
        "It starts again; the emitter sends again.",
        _cause("store_host_unreachable"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
        in_ci=True,
    ),
    Breakage(
        "PostgreSQL: password changed",
        Code.STORE_UNREACHABLE,
        change([f"ALTER ROLE {ACCOUNT} PASSWORD 'another'"], [f"ALTER ROLE {ACCOUNT} PASSWORD '{PASSWORD}'"]),
        "The account gets another password, its connections end." + REFUSED,
        "It gets the old one back; the emitter sends again.",
        _cause("store_password_refused"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
        in_ci=True,
    ),
    Breakage(
        "PostgreSQL: database gone",
        Code.STORE_UNREACHABLE,
        change(
            ["ALTER DATABASE rdv ALLOW_CONNECTIONS false", END, "ALTER DATABASE rdv RENAME TO gone"],
            ["ALTER DATABASE gone RENAME TO rdv", "ALTER DATABASE rdv ALLOW_CONNECTIONS true"],
        ),
        "The database is renamed, which ends its connections." + REFUSED,
        "It gets its name back; the emitter sends again.",
        _cause("store_database_unknown"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
    ),
    Breakage(
        "PostgreSQL: account locked out",
        Code.STORE_UNREACHABLE,
        change([f"ALTER ROLE {ACCOUNT} NOLOGIN"], [f"ALTER ROLE {ACCOUNT} LOGIN"]),
        "The account loses the right to log in, its connections end." + REFUSED,
        "It gets it back; the emitter sends again.",
        _cause("store_account_refused"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
    ),
    Breakage(
        "PostgreSQL: right withdrawn",
        Code.STORE_UNREACHABLE,
        change(["ALTER TABLE inbox OWNER TO rdv"], [f"ALTER TABLE inbox OWNER TO {ACCOUNT}"], "rdv"),
        "A table is another account's: it cannot be read any more." + REFUSED,
        "It is the receiver's again; the emitter sends again.",
        _cause("store_rights_missing"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "PostgreSQL: read-only",
        Code.STORE_UNREACHABLE,
        change(
            ["ALTER DATABASE rdv SET default_transaction_read_only = on"],
            ["ALTER DATABASE rdv RESET default_transaction_read_only"],
        ),
        "The database takes transactions that read, and no others, as a standby does." + REFUSED,
        "It takes all again; the emitter sends again.",
        _cause("store_read_only_server"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
        patience=WORKER_SILENT_SOON,
    ),
    Breakage(
        "PostgreSQL: too many connections",
        Code.STORE_UNREACHABLE,
        change([f"ALTER ROLE {ACCOUNT} CONNECTION LIMIT 0"], [f"ALTER ROLE {ACCOUNT} CONNECTION LIMIT -1"]),
        "The account may have no connection more, those that are open end." + REFUSED,
        "It may again; the emitter sends again.",
        _cause("store_too_many_connections"),
        may_come=REFUSED_MEANWHILE,
        store=StoreKind.POSTGRESQL,
    ),
)
_SQLITE = (
    Breakage(
        "SQLite: file damaged",
        Code.STORE_UNREACHABLE,
        damage,
        "The middle of the file is written over." + REFUSED,
        "The service is stopped, the copy of `rdv-receiver backup` takes its place, the service starts, then "
        "`rdv-receiver adopt`; the emitter sends again.",
        _cause("store_corrupt"),
        may_come=REFUSED_MEANWHILE | {Code.MUST_ADOPT},
        prepare=back_up,
        is_whole=True,
    ),
)
if CAUSES_TOLD:
    ROWS += _SQLITE
