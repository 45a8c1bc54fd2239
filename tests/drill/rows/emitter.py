"""What goes wrong at the emitter, between it and here, or with what it sends."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, select, update

from receiver.core.removal_limits import ALWAYS_ALLOWED
from receiver.core.thresholds import Thresholds
from receiver.core.troubles import Code
from receiver.store.database.tables import events, inbox
from tests.drill.breakage import Breakage, Repair
from tests.drill.exchange import MARTINE
from tests.drill.system import ACCEPTED, DrillSystem, until

DAY = timedelta(hours=26)
"""What is counted by the hour has left the last 24 hours by then."""
SILENCE = timedelta(days=5)
"""With more than eight hours on working days in it, whenever it begins."""
LARGEST = 8 * 1024 * 1024
"""Bytes of a body."""
MANY = ALWAYS_ALLOWED + 5
"""More entries than one secret may take out of calendars within an hour without anybody being asked."""


def skip_a_day(system: DrillSystem) -> None:
    """Skip time while nobody looks: a silence is none in which webhooks came and workers beat all the while."""
    system.signal("watch", signal.SIGSTOP)
    system.skip(DAY)
    system.book_and_see()
    system.signal("watch", signal.SIGCONT)


def skip_a_day_of_two(system: DrillSystem) -> None:
    """Skip time where webhooks came for the new source too."""
    system.signal("watch", signal.SIGSTOP)
    system.skip(DAY)
    [step] = system.tell("create").steps
    assert system.post(step.body, system.secret, "/webhooks/ccas") in ACCEPTED
    system.book_and_see()
    system.signal("watch", signal.SIGCONT)


# Secrets


def rotate_secret(system: DrillSystem) -> Repair:
    """Somebody changes the secret at the emitter and tells nobody."""
    system.secret = "the secret after the change"
    refused = _refuse_signatures(system)

    def repair() -> str:
        system.write("secret-neuf", system.secret)
        system.edit(("{file: secret}\n", "{file: secret}\n      - {file: secret-neuf}\n"))
        system.reload()
        system.send_again()
        return f"{refused} webhooks refused, all taken when sent again"

    return repair


def change_secret_here(system: DrillSystem) -> Repair:
    """Somebody writes another secret into the receiver's file, and not into the emitter's form."""
    system.write("secret", "a secret that the emitter was never told")
    system.reload()
    until(lambda: system.book() == 401, "the reload")
    refused = _refuse_signatures(system)

    def repair() -> str:
        system.write("secret", system.secret)
        system.reload()
        system.send_again()
        return f"{refused} webhooks refused, all taken when sent again"

    return repair


def _refuse_signatures(system: DrillSystem) -> int:
    count = Thresholds().signatures_refused
    answers = [system.book() for _ in range(count)]
    assert answers == [401] * count
    return len(system.refused)


def bind_secret_elsewhere(system: DrillSystem) -> Repair:
    """The secret is written down as that of another organisation."""
    system.edit(("{file: secret}\n", "{file: secret, organisations: [13]}\n"))
    system.reload()
    until(lambda: system.book() == 401, "a webhook to be refused")

    def repair() -> str:
        system.edit(("{file: secret, organisations: [13]}\n", "{file: secret}\n"))
        system.reload()
        system.send_again()
        return "webhooks refused, all taken when sent again"

    return repair


def sign_for_another(system: DrillSystem) -> Repair:
    """A secret bound to Lens says that an appointment of Arras is Lens's, and moves it."""
    made, moved = (step.body for step in system.tell("moved_to_another_month").steps)
    assert system.post(made, system.secret) in ACCEPTED
    system.write("secret-lens", "the secret of Lens")
    system.edit(("{file: secret}\n", "{file: secret}\n      - {file: secret-lens, organisations: [13]}\n"))
    system.reload()
    told = json.loads(moved)
    told["data"]["organisation"]["id"] = 13
    body = json.dumps(told).encode()
    until(lambda: system.post(body, "the secret of Lens") in ACCEPTED, "the reload")

    def repair() -> None:
        system.command("held", "release", "--all")

    return repair


# Bodies


def rename_a_field(system: DrillSystem) -> Repair:
    """A new version of the emitter calls the beginning of an appointment otherwise."""
    [step] = system.tell("create").steps
    told = json.loads(step.body)
    told["data"]["begins_at"] = told["data"].pop("starts_at")
    assert system.post(json.dumps(told).encode(), system.secret) == 422

    def repair() -> str:
        system.refused.append(step.body)
        system.send_again()
        return "1 webhook refused, taken in its usual shape"

    return repair


def send_too_much(system: DrillSystem) -> Repair:
    """A body of more than 8 MiB, well signed."""
    assert system.post(b'{"data": "' + b"x" * LARGEST + b'"}', system.secret) == 413
    return lambda: None


def send_a_form(system: DrillSystem) -> Repair:
    """A proxy sends each webhook on as a form."""
    [step] = system.tell("create").steps
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert system.post(step.body, system.secret, headers=kind) == 415

    def repair() -> str:
        system.refused.append(step.body)
        system.send_again()
        return "1 webhook refused, taken when sent as JSON"

    return repair


def spoil_a_webhook(system: DrillSystem) -> Repair:
    """What was kept of a webhook cannot be read, as where an older program finds what a newer one kept."""
    kept: list[tuple[int, str]] = []

    def spoil(connection: Connection) -> None:
        kept.append(connection.execute(select(inbox.c.id, inbox.c.news)).one())  # type: ignore[arg-type]
        connection.execute(update(inbox).values(news="{}"))

    with _worker_asleep(system):
        assert system.book() in ACCEPTED
        system.in_the_database(spoil)

    def repair() -> None:
        [(number, news)] = kept
        system.in_the_database(lambda it: it.execute(update(inbox).where(inbox.c.id == number).values(news=news)))
        system.stop("worker")
        system.start("worker")

    return repair


def spoil_an_event(system: DrillSystem) -> Repair:
    """What is known of an appointment cannot be read any more."""
    kept: list[tuple[int, str]] = []

    def spoil(connection: Connection) -> None:
        newest = select(events.c.id, events.c.facts).order_by(events.c.id.desc()).limit(1)
        [(number, facts)] = connection.execute(newest)
        kept.append((number, facts))
        soiled = update(events).where(events.c.id == number).values(facts="{}", unsettled_at=events.c.changed_at)
        connection.execute(soiled)

    system.in_the_database(spoil)

    def repair() -> None:
        [(number, facts)] = kept
        system.in_the_database(lambda it: it.execute(update(events).where(events.c.id == number).values(facts=facts)))
        system.command("retry", "--code", "not_settled")

    return repair


@contextmanager
def _worker_asleep(system: DrillSystem) -> Iterator[None]:
    system.signal("worker", signal.SIGSTOP)
    try:
        yield
    finally:
        system.signal("worker", signal.SIGCONT)


# Too much at once, and nothing at all


def book_many(name: str) -> Callable[[DrillSystem], None]:
    """Return what books more appointments than may go at once, by the first steps of stories that take them back."""

    def prepare(system: DrillSystem) -> None:
        stories = [system.tell(name) for _ in range(MANY)]
        system.later = [story.steps[1].body for story in stories]
        for story in stories:
            assert system.post(story.steps[0].body, system.secret) in ACCEPTED
        count = system.expected.total() + MANY
        until(lambda: system.exchange.calendar(MARTINE).total() == count, "the appointments to be written")

    return prepare


def take_back_many(system: DrillSystem) -> Repair:
    """All of them go at once."""
    for body in system.later:
        assert system.post(body, system.secret) in ACCEPTED

    def repair() -> str:
        left = system.exchange.calendar(MARTINE).total() - system.expected.total()
        assert left == MANY - ALWAYS_ALLOWED
        system.command("held", "release", "--all")
        return f"{ALWAYS_ALLOWED} of {MANY} entries went by themselves, {left} waited"

    return repair


def cancel_many(system: DrillSystem) -> Repair:
    """All of them are cancelled at once."""
    for body in system.later:
        assert system.post(body, system.secret) in ACCEPTED

    def repair() -> str:
        marked = sum("ANNUL" in each.title for each in system.exchange.calendar(MARTINE).elements())
        assert marked == MANY - ALWAYS_ALLOWED
        system.command("held", "release", "--reason", "cancellation", "--all")
        return f"{ALWAYS_ALLOWED} of {MANY} entries went by themselves, {marked} were shown « ANNULÉ »"

    return repair


def misaddress(system: DrillSystem) -> Repair:
    """The address of a new source is misspelt at the emitter."""
    [step] = system.tell("create").steps
    assert system.post(step.body, system.secret, "/webhooks/cass") == 404

    def repair() -> str:
        assert system.post(step.body, system.secret, "/webhooks/ccas") in ACCEPTED
        return "1 webhook refused, taken at the right address"

    return repair


def silence_source(system: DrillSystem) -> Repair:
    """The webhook was removed at the emitter: nothing comes, and nothing is wrong here."""
    system.skip(SILENCE)

    def repair() -> None:
        assert system.book() in ACCEPTED

    return repair


A_DAY = (
    " A day is counted, as the emitter's attempts come up to a day apart: 26 hours are skipped, with the watch asleep."
)

ANOTHER_SOURCE = """\
  ccas:
    emitter: rdv_service_public
    platform: demo
    secrets:
      - {file: secret}
calendars:
"""

ROWS = (
    Breakage(
        "secret changed at the emitter alone",
        Code.SIGNATURES_REFUSED,
        rotate_secret,
        "The emitter signs with another secret: ten webhooks are refused (401).",
        "The new secret is put beside the old one, then a reload; the emitter sends again." + A_DAY,
        has_own_clock=True,
        lasts=skip_a_day,
        in_ci=True,
    ),
    Breakage(
        "secret changed at the receiver alone",
        Code.SIGNATURES_REFUSED,
        change_secret_here,
        "The file of the secret gets another one, then a reload: ten webhooks are refused (401).",
        "The file gets the emitter's secret, then a reload; the emitter sends again." + A_DAY,
        has_own_clock=True,
        lasts=skip_a_day,
    ),
    Breakage(
        "secret bound to another organisation",
        Code.WEBHOOKS_REFUSED,
        bind_secret_elsewhere,
        "The secret gets `organisations` that it does not speak for, then a reload: webhooks are refused (401).",
        "`organisations` is taken out, then a reload; the emitter sends again." + A_DAY,
        "secret_organisation",
        has_own_clock=True,
        lasts=skip_a_day,
    ),
    Breakage(
        "webhook out of the scope of its secret",
        Code.OUT_OF_SCOPE,
        sign_for_another,
        "A secret bound to another organisation says that an appointment is its own, and moves it: the webhook is set "
        "aside, the entry stays.",
        "`rdv-receiver held release --all`.",
        "other_organisation",
    ),
    Breakage(
        "a field renamed by the emitter",
        Code.WEBHOOKS_REFUSED,
        rename_a_field,
        "A well signed webhook has `begins_at` in place of `starts_at`: it is refused (422).",
        "The emitter sends it in its usual shape." + A_DAY,
        "payload",
        has_own_clock=True,
        lasts=skip_a_day,
        in_ci=True,
    ),
    Breakage(
        "a body of more than 8 MiB",
        Code.WEBHOOKS_REFUSED,
        send_too_much,
        "It is well signed, and refused (413).",
        "None comes any more." + A_DAY,
        "too_large",
        has_own_clock=True,
        lasts=skip_a_day,
    ),
    Breakage(
        "webhooks turned into forms by a proxy",
        Code.WEBHOOKS_REFUSED,
        send_a_form,
        "A well signed webhook is no `application/json`: it is refused (415).",
        "The emitter sends again, as JSON." + A_DAY,
        "unsupported_media_type",
        has_own_clock=True,
        lasts=skip_a_day,
    ),
    Breakage(
        "a webhook that cannot be judged",
        Code.EVENTS_FAILING,
        spoil_a_webhook,
        "What was kept of it is spoilt in the database before the worker reads it.",
        "It is put right, and the worker starts again, as with a version that can read it.",
        "not_judged",
    ),
    Breakage(
        "an event that cannot be settled",
        Code.EVENTS_FAILING,
        spoil_an_event,
        "What is known of it is spoilt in the database.",
        "It is put right, then `rdv-receiver retry --code not_settled`.",
        "not_settled",
    ),
    Breakage(
        "appointments destroyed by the dozen",
        Code.WEBHOOKS_HELD,
        take_back_many,
        f"{MANY} appointments are destroyed within a minute.",
        "`rdv-receiver held release --all`.",
        prepare=book_many("destroyed"),
    ),
    Breakage(
        "appointments cancelled by the dozen",
        Code.CANCELLATIONS_MARKED,
        cancel_many,
        f"{MANY} appointments are cancelled within a minute.",
        "`rdv-receiver held release --reason cancellation --all`.",
        prepare=book_many("cancelled_by_service"),
    ),
    Breakage(
        "address misspelt at the emitter",
        Code.ADDRESS_UNKNOWN,
        misaddress,
        "Webhooks of a new source, which was never heard, come to an address that no source has: they get 404.",
        "The address is put right at the emitter, which sends again." + A_DAY,
        "signed_elsewhere",
        has_own_clock=True,
        lasts=skip_a_day_of_two,
        settings={"calendars:\n": ANOTHER_SOURCE},
        in_ci=True,
    ),
    Breakage(
        "source silent",
        Code.SOURCE_SILENT,
        silence_source,
        "Nothing comes for five days, with eight working hours in them at least: all clocks are set on.",
        "A webhook comes.",
        has_own_clock=True,
    ),
)
