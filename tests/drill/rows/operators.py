"""What people did, or left undone."""

from concurrent.futures import ThreadPoolExecutor

from receiver.core.troubles import Code
from tests.drill.breakage import Breakage, Repair
from tests.drill.exchange import MARTINE
from tests.drill.rows.machine import REFUSED_MEANWHILE
from tests.drill.system import ACCEPTED, Ground, until

BACKLOG = 1000


def uninstall(ground: Ground) -> Repair:
    """Somebody takes the entries of the wrong installation out."""
    ground.command("uninstall", "--yes")
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.command("uninstall", "--undo")

    return repair


def restore_backup(ground: Ground) -> Repair:
    """Somebody goes back to yesterday's copy."""
    assert ground.unit
    ground.command("backup", str(ground.folder / "copy.db"))
    ground.book_and_see()
    ground.unit.stop()
    for beside in ("-wal", "-shm"):
        (ground.folder / f"store.db{beside}").unlink(missing_ok=True)
    (ground.folder / "copy.db").replace(ground.folder / "store.db")
    ground.unit.start()
    until(ground.is_up, "the web to be up")
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.command("adopt")

    return repair


def reach_backlog_limit(ground: Ground) -> Repair:
    """Much comes while nobody works it out."""
    ground.stop("worker")
    with ThreadPoolExecutor(4) as emitters:
        stories = [ground.tell("destroyed").steps for _ in range(BACKLOG // 2 + 10)]
        bodies = [step.body for steps in stories for step in steps]
        answers = list(emitters.map(lambda body: ground.post(body, ground.secret), bodies))
    assert set(answers) <= {202, 503}
    ground.refused += [body for body, answer in zip(bodies, answers, strict=True) if answer == 503]
    until(lambda: ground.book() == 503, "webhooks to be refused")

    def repair() -> str:
        ground.start("worker")
        return "webhooks refused (503) and taken when sent again"

    return repair


def refuse_mail(ground: Ground) -> Repair:
    """The mail server refuses what comes from here; then something happens that people are told."""
    ground.mail.refuses = True
    ground.is_mail_heard = False
    ground.exchange.mock.set_quota(MARTINE, 1)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.mail.refuses = False
        ground.reload()
        until(lambda: any("boîte" in title for title in ground.mailed), "the mail of what goes on")
        ground.exchange.mock.set_quota(MARTINE, None)
        ground.command("retry", "--code", "quota_exceeded")

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
