"""What goes wrong with the configuration and the files that it names, while the service runs."""

from collections.abc import Callable

from receiver.core.removal_limits import ALWAYS_ALLOWED
from receiver.core.troubles import Code
from tests.drill.breakage import Breakage, Repair, Strike
from tests.drill.exchange import KARIM, MARTINE
from tests.drill.rows.machine import REFUSED_MEANWHILE
from tests.drill.screens import Screen
from tests.drill.system import ACCEPTED, DrillSystem, until

DOMAINS = "  domains: {departement.example: departement.example}\n"
BY_CSV = {DOMAINS: "  csv: agents.csv\n"}
CSV = f"agent;mailbox\n{MARTINE};{MARTINE}\n{KARIM};{KARIM}\n"
WITHOUT_MARTINE = f"agent;mailbox\n{KARIM};{KARIM}\n"
MANY = ALWAYS_ALLOWED + 5
"""More entries than rules may take out of calendars without anybody being asked."""


def spoil(name: str, text: str) -> Strike:
    """A file gets another text, then a reload; put right, another."""

    def strike(system: DrillSystem) -> Repair:
        usual = (system.folder / name).read_text("utf-8")
        system.write(name, text)
        system.reload()
        assert system.book() in ACCEPTED

        def repair() -> None:
            system.write(name, usual)
            system.reload()

        return repair

    return strike


def remove(name: str) -> Strike:
    """A file goes, then a reload; put right, another."""

    def strike(system: DrillSystem) -> Repair:
        usual = (system.folder / name).read_text("utf-8")
        (system.folder / name).unlink()
        system.reload()
        assert system.book() in ACCEPTED

        def repair() -> None:
            system.write(name, usual)
            system.reload()

        return repair

    return strike


def put(system: DrillSystem, old: str, new: str) -> Callable[[], None]:
    """Put one text of the configuration in another's place, then reload; return what puts it right."""

    def change(old: str, new: str) -> None:
        system.edit((old, new))
        system.reload()

    change(old, new)
    return lambda: change(new, old)


def misspell(system: DrillSystem) -> Repair:
    """Somebody edits the configuration, and forgets a brace."""
    put_right = put(system, "{file: secret}\n", "{file: secret\n")
    assert system.book() in ACCEPTED
    return put_right


def rewrite_csv(text: str) -> Strike:
    """A program writes the CSV anew; nobody reloads anything."""

    def strike(system: DrillSystem) -> Repair:
        system.write("agents.csv", text)
        assert system.book() in ACCEPTED
        return lambda: system.write("agents.csv", CSV)

    return strike


def book_many(system: DrillSystem) -> None:
    """Have more entries than rules may take."""
    for _ in range(MANY):
        assert system.book() in ACCEPTED
    system.wait_for_calendar()


def leave_many(system: DrillSystem) -> Repair:
    """The CSV loses the line of an agent who has many appointments."""
    system.write("agents.csv", WITHOUT_MARTINE)

    def repair() -> str:
        left = system.exchange.calendar(MARTINE)
        assert left == system.expected
        system.write("agents.csv", CSV)
        return f"{left.total()} entries stayed"

    return repair


def go_dry(system: DrillSystem) -> Repair:
    """Somebody tries something out, and leaves it so."""
    system.write("config.yaml", system.config.read_text("utf-8") + "dry_run: true\n")
    system.reload()
    until(lambda: '"dry_run": true' in system.log or '"event": "dry_run"' in system.log, "the reload")
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.edit(("dry_run: true\n", ""))
        system.reload()

    return repair


def rename_calendar(system: DrillSystem) -> Repair:
    """Somebody finds a better name for the server."""
    put_right = put(system, "  exchange:\n", "  messagerie:\n")
    assert system.book() in ACCEPTED

    def repair() -> str:
        left = system.exchange.calendar(MARTINE)
        assert left <= system.expected
        put_right()
        return "no entry was written twice"

    return repair


def rename_platform(system: DrillSystem) -> Repair:
    """Somebody finds a better name for the platform."""
    put_right = put(system, "platform: production\n", "platform: rdv-sp\n")
    until(lambda: system.book() == UNAVAILABLE, "webhooks to be refused")

    def repair() -> str:
        assert system.exchange.calendar(MARTINE) <= system.expected
        put_right()
        return "no entry was written twice"

    return repair


def rename_source(system: DrillSystem) -> Repair:
    """Somebody finds a better name for the source."""
    return put(system, "  mds:\n", "  mds-nord:\n")


def lose_tokens_key(system: DrillSystem) -> Repair:
    """Somebody tidies up beside the database. The service has read the file, and goes on with it."""
    place = system.folder / "token.key"
    kept = system.folder / "token.key.kept"
    place.rename(kept)

    def repair() -> None:
        kept.rename(place)

    return repair


UNAVAILABLE = 503
REFUSED = "It is refused; what was in force goes on, and webhooks are taken."

ROWS = (
    Breakage(
        "configuration broken",
        Code.CONFIGURATION_REFUSED,
        misspell,
        "A brace is missing in the file, then a reload. " + REFUSED,
        "The brace is set, then a reload.",
        "file",
        is_whole=True,
        in_ci=True,
    ),
    Breakage(
        "file of a secret blank",
        Code.CONFIGURATION_REFUSED,
        spoil("secret", "\n"),
        "The file of the webhooks' secret has an empty line in it, then a reload. " + REFUSED,
        "The secret is written into it, then a reload.",
        "file",
        is_whole=True,
    ),
    Breakage(
        "file of a secret missing",
        Code.CONFIGURATION_REFUSED,
        remove("secret"),
        "The file of the webhooks' secret is deleted, then a reload. " + REFUSED,
        "It is there again, then a reload.",
        "file",
        is_whole=True,
    ),
    Breakage(
        "file of the tokens' key missing",
        Code.CONFIGURATION_REFUSED,
        remove("token.key"),
        "The file of `web.token_key` is deleted, then a reload. " + REFUSED,
        "It is there again, then a reload.",
        "file",
        is_whole=True,
    ),
    Breakage(
        "tokens' key of its own spoilt",
        Code.TOKEN_KEY_UNUSABLE,
        spoil("token.key", "short\n"),
        "`web.token_key` is not configured; the file `token.key` beside the database gets a weak key, then a reload. "
        "The page lets nobody in.",
        "The key is written back, then a reload.",
        "token_key_weak_file",
        blind=frozenset({Screen.PAGE}),
        settings={"  token_key: {file: token.key}\n": ""},
    ),
    Breakage(
        "mailboxes' CSV unreadable",
        Code.CONFIGURATION_REFUSED,
        rewrite_csv("agent,mailbox;\n;;;\n"),
        "The CSV is written anew with other columns. It is noticed without a reload; the mappings in force go on.",
        "It is written as before. That is noticed as well.",
        "csv",
        files={"agents.csv": CSV},
        settings=BY_CSV,
        in_ci=True,
    ),
    Breakage(
        "a line gone from the mailboxes' CSV",
        Code.AGENTS_UNMAPPED,
        rewrite_csv(WITHOUT_MARTINE),
        "The CSV is written anew without an agent.",
        "It is written as before.",
        files={"agents.csv": CSV},
        settings=BY_CSV,
    ),
    Breakage(
        "many entries' agent gone from the CSV",
        Code.RULES_HELD,
        leave_many,
        f"The CSV is written anew without an agent who has more than {MANY} entries: the new rules wait.",
        "It is written as before.",
        prepare=book_many,
        files={"agents.csv": CSV},
        settings=BY_CSV,
    ),
    Breakage(
        "a calendar renamed",
        Code.CALENDAR_LOST,
        rename_calendar,
        "A calendar gets another name under `calendars`, then a reload. The new rules wait.",
        "It gets its old name, then a reload.",
        along=frozenset({Code.RULES_HELD}),
    ),
    Breakage(
        "a platform renamed",
        Code.PLATFORM_LOST,
        rename_platform,
        "The platform of a source gets another name, then a reload. Webhooks are refused (503).",
        "It gets its old name, then a reload; the emitter sends again.",
        may_come=REFUSED_MEANWHILE,
    ),
    Breakage(
        "a source renamed",
        Code.SOURCE_LOST,
        rename_source,
        "A source gets another name, then a reload. Nothing is sent yet.",
        "It gets its old name, then a reload.",
    ),
    Breakage(
        "tokens' key of its own removed",
        Code.TOKEN_KEY_UNUSABLE,
        lose_tokens_key,
        "`web.token_key` is not configured; the file `token.key` beside the database is removed meanwhile.",
        "It is put back.",
        "token_key_gone",
        settings={"  token_key: {file: token.key}\n": ""},
    ),
    Breakage(
        "dry_run left on",
        Code.DRY_RUN,
        go_dry,
        "`dry_run: true`, then a reload: webhooks are taken, nothing is written.",
        "`dry_run` is taken out, then a reload: what waited is written.",
        in_ci=True,
    ),
)
