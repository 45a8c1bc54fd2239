"""What people did, or left undone."""

from concurrent.futures import ThreadPoolExecutor

from receiver.core.troubles import Code
from tests.drill.breakage import Breakage, Repair
from tests.drill.exchange import MARTINE
from tests.drill.rows.machine import REFUSED_MEANWHILE
from tests.drill.system import ACCEPTED, DrillSystem, until

BACKLOG = 1000


def uninstall(system: DrillSystem) -> Repair:
    """Somebody takes the entries of the wrong installation out."""
    system.command("uninstall", "--yes")
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.command("uninstall", "--undo")

    return repair


def restore_backup(system: DrillSystem) -> Repair:
    """Somebody goes back to yesterday's copy."""
    assert system.unit
    system.command("backup", str(system.folder / "copy.db"))
    system.book_and_see()
    system.unit.stop()
    for beside in ("-wal", "-shm"):
        (system.folder / f"store.db{beside}").unlink(missing_ok=True)
    (system.folder / "copy.db").replace(system.folder / "store.db")
    system.unit.start()
    until(system.is_up, "the web to be up")
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.command("adopt")

    return repair


def reach_backlog_limit(system: DrillSystem) -> Repair:
    """Much comes while nobody works it out."""
    system.stop("worker")
    with ThreadPoolExecutor(4) as emitters:
        stories = [system.tell("destroyed").steps for _ in range(BACKLOG // 2 + 10)]
        bodies = [step.body for steps in stories for step in steps]
        answers = list(emitters.map(lambda body: system.post(body, system.secret), bodies))
    assert set(answers) <= {202, 503}
    system.refused += [body for body, answer in zip(bodies, answers, strict=True) if answer == 503]
    until(lambda: system.book() == 503, "webhooks to be refused")

    def repair() -> str:
        system.start("worker")
        return "webhooks refused (503) and taken when sent again"

    return repair


def refuse_mail(system: DrillSystem) -> Repair:
    """The mail server refuses what comes from here; then something happens that people are told."""
    system.mail.refuses = True
    system.is_mail_heard = False
    system.exchange.mock.set_quota(MARTINE, 1)
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.mail.refuses = False
        system.reload()
        until(lambda: any("boîte" in title for title in system.mailed), "the mail of what goes on")
        system.exchange.mock.set_quota(MARTINE, None)
        system.command("retry", "--code", "quota_exceeded")

    return repair


ROWS = (
    Breakage(
        "alerts that do not arrive",
        Code.ALERTS_FAILING,
        refuse_mail,
        "The mail server refuses (451) what the watch sends; then a mailbox is full. Who is alerted by HTTP hears of "
        "both.",
        "The mail server takes mail again, then a reload; the mailbox's quota is raised, then `rdv-receiver retry`. "
        "Who is alerted by mail hears of what went on, and of the end.",
        along=frozenset({Code.MAILBOXES_FAILING}),
    ),
    Breakage(
        "backup restored",
        Code.MUST_ADOPT,
        restore_backup,
        "A copy by `rdv-receiver backup` takes the database's place, after one more appointment was written.",
        "`rdv-receiver adopt`.",
        is_whole=True,
    ),
    Breakage(
        "uninstalled",
        Code.UNINSTALLED,
        uninstall,
        "`rdv-receiver uninstall --yes`: the entries go.",
        "`rdv-receiver uninstall --undo`: they are written anew.",
        in_ci=True,
    ),
    Breakage(
        "backlog at its limit",
        Code.BACKLOG_HIGH,
        reach_backlog_limit,
        "The worker is stopped and more webhooks come than `web.backlog_limit`, 1,000 here: they are refused (503).",
        "The worker starts; the emitter sends again.",
        may_come=REFUSED_MEANWHILE,
        changes=frozenset({Code.BACKLOG_HIGH}),
        settings={"web:\n": f"web:\n  backlog_limit: {BACKLOG}\n"},
    ),
)
