"""What goes wrong at Exchange, before it, or with what it thinks of us."""

from collections.abc import Sequence

from mock_exchange.http.faults import Fault, FaultKind
from receiver.core.troubles import Code
from tests.drill import hastened
from tests.drill.breakage import Breakage, Repair, Strike
from tests.drill.exchange import MARTINE, Exposure
from tests.drill.system import ACCEPTED, DrillSystem, until

# Mailboxes


def take_mailbox(system: DrillSystem) -> Repair:
    """An agent's mailbox is disconnected."""
    mailbox = system.exchange.take_mailbox(MARTINE)
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.put_mailbox(MARTINE, mailbox)
        system.command("retry", "--mailbox", MARTINE)

    return repair


def fill_mailbox(system: DrillSystem) -> Repair:
    """An agent's mailbox is over its quota."""
    system.exchange.mock.set_quota(MARTINE, 1)
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.mock.set_quota(MARTINE, None)
        system.command("retry", "--code", "quota_exceeded")

    return repair


def withdraw_right(system: DrillSystem) -> Repair:
    """Somebody takes the service account out of the role."""
    system.exchange.withdraw_right()
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.give_right()
        system.command("retry", "--code", "impersonation_denied")

    return repair


def refuse_one_entry(system: DrillSystem) -> Repair:
    """Exchange refuses one entry for good."""
    system.exchange.mock.inject(Fault(FaultKind.ITEM_ERROR, verb="CreateItem", code="ErrorInvalidRequest"))
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.mock.faults.clear()
        system.command("retry", "--code", "invalid_request")

    return repair


# The account


def expire_password(system: DrillSystem) -> Repair:
    """The account's password expires; who has it may not lock the account by trying."""
    system.exchange.mock.forget_requests()
    system.exchange.set_password("the next password")
    assert system.book() in ACCEPTED

    def repair() -> str:
        assert system.book() in ACCEPTED  # more work is no reason to try again
        assert system.exchange.wrong_proofs == 1
        system.write("password", "the next password")
        system.reload()
        until(lambda: system.exchange.calendar(MARTINE) == system.expected, "the writes after the reload")
        assert system.exchange.wrong_proofs == 1
        return "1 wrong attempt in all: the account is not locked"

    return repair


def refuse_for_one_mailbox(system: DrillSystem) -> Repair:
    """A proxy asks for the password anew wherever one mailbox is named."""
    system.exchange.mock.inject(Fault(FaultKind.UNAUTHORIZED, mailbox=MARTINE, times=None))
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.mock.faults.clear()

    return repair


def refuse_ntlm(system: DrillSystem) -> Repair:
    """NTLM is switched off at the virtual directory: Basic alone is offered."""
    system.exchange.offer("basic")
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.offer("ntlm")

    return repair


# The way there


def change_authority(system: DrillSystem) -> Repair:
    """Exchange gets a certificate of an authority that the receiver was not told of."""
    system.exchange.mock.stop()
    authority = system.exchange.new_authority()
    system.exchange.mock.start()
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.trust(authority)
        system.reload()

    return repair


def change_certificate(exposure: Exposure) -> Strike:
    """Exchange starts with another certificate of the same authority."""

    def strike(system: DrillSystem) -> Repair:
        system.exchange.renew(exposure)
        assert system.book() in ACCEPTED

        def repair() -> None:
            system.exchange.renew(Exposure())
            system.command("retry", "--calendar", "exchange")
            assert system.book() in ACCEPTED  # the certificate is seen when there is something to write

        return repair

    return strike


def speak_plainly(system: DrillSystem) -> Repair:
    """The binding of the port lost its certificate: there is no TLS."""
    system.exchange.speak(encrypted=False)
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.exchange.speak(encrypted=True)
        system.command("retry", "--calendar", "exchange")

    return repair


def forget_name(system: DrillSystem) -> Repair:
    """The DNS of the receiver's machine does not know Exchange any more."""
    system.write("hosts", "localhost")
    system.exchange.cut()
    assert system.book() in ACCEPTED

    def repair() -> None:
        system.write("hosts", "")

    return repair


def stop_exchange(system: DrillSystem) -> Repair:
    """Exchange is stopped: its port is closed."""
    system.exchange.mock.stop()
    assert system.book() in ACCEPTED
    return system.exchange.mock.start


def stop_exchange_at_rest(system: DrillSystem) -> Repair:
    """Exchange is stopped while there is nothing to write, and no webhook comes."""
    system.exchange.mock.stop()
    return system.exchange.mock.start


def answer(*faults: Fault, retry: Sequence[str] = ()) -> Strike:
    """Each call meets a trouble, until it is over; then what waits for a moment is tried at once."""

    def strike(system: DrillSystem) -> Repair:
        for fault in faults:
            system.exchange.mock.inject(fault)
        assert system.book() in ACCEPTED

        def repair() -> None:
            system.exchange.mock.faults.clear()
            if retry:
                system.command("retry", *retry)

        return repair

    return strike


def slow_exchange(system: DrillSystem) -> Repair:
    """Exchange needs forty seconds for each call."""
    system.exchange.mock.latency_s = 40
    system.exchange.mock.forget_requests()
    assert system.book() in ACCEPTED
    until(lambda: system.exchange.mock._working > 0, "the first write to be under way")
    assert system.book() in ACCEPTED  # it waits for the one before

    def repair() -> None:
        system.exchange.mock.latency_s = 0

    return repair


ACCOUNT = " An account that was refused is tried again after 10 s (5 min)."
ACCOUNT_TRIED_SOON = {hastened.ACCOUNT_PAUSE: 10.0}
RETRY = "then `rdv-receiver retry --calendar`."
OLD_CERTIFICATE_SEEN = {hastened.LOOK: 1.0}
"""The certificate is looked at every second, not once a day."""

ROWS = (
    Breakage(
        "mailbox gone",
        Code.MAILBOXES_FAILING,
        take_mailbox,
        "The mailbox is disconnected, with all it holds.",
        "It is connected again, then `rdv-receiver retry --mailbox`.",
        "mailbox_not_found",
    ),
    Breakage(
        "mailbox full",
        Code.MAILBOXES_FAILING,
        fill_mailbox,
        "The mailbox is over its quota.",
        "Its quota is raised, then `rdv-receiver retry --code`.",
        "quota_exceeded",
    ),
    Breakage(
        "right withdrawn",
        Code.MAILBOXES_FAILING,
        withdraw_right,
        "The account loses the role ApplicationImpersonation.",
        "It gets the role back, then `rdv-receiver retry --code`.",
        "impersonation_denied",
    ),
    Breakage(
        "one entry refused for good",
        Code.ENTRIES_FAILING,
        refuse_one_entry,
        "Exchange answers a CreateItem with ErrorInvalidRequest.",
        "It takes it, then `rdv-receiver retry --code`.",
        "invalid_request",
    ),
    Breakage(
        "password expired",
        Code.SERVER_FAILING,
        expire_password,
        "The account's password is another; connections that were open end.",
        "The new password is written into its file, then a reload.",
        "unauthorized",
        in_ci=True,
    ),
    Breakage(
        "401 for one mailbox alone",
        Code.SERVER_FAILING,
        refuse_for_one_mailbox,
        "Calls that act on one mailbox are answered 401.",
        "They are answered as before." + ACCOUNT,
        "unauthorized",
        patience=ACCOUNT_TRIED_SOON,
    ),
    Breakage(
        "NTLM switched off",
        Code.SERVER_FAILING,
        refuse_ntlm,
        "Exchange offers Basic alone.",
        "It offers NTLM again." + ACCOUNT,
        "auth_not_offered",
        patience=ACCOUNT_TRIED_SOON,
    ),
    Breakage(
        "certificate of another authority",
        Code.SERVER_FAILING,
        change_authority,
        "Exchange starts with a certificate of an authority that `ca_file` does not name.",
        "The authority is added to `ca_file`, then a reload.",
        "tls_failed",
    ),
    Breakage(
        "certificate of another name",
        Code.SERVER_FAILING,
        change_certificate(Exposure("elsewhere.departement.example")),
        "Exchange starts with a certificate for another host.",
        "It starts with the right one, " + RETRY,
        "tls_failed",
    ),
    Breakage(
        "certificate expired",
        Code.SERVER_FAILING,
        change_certificate(Exposure(days=-1)),
        "Exchange starts with a certificate that expired yesterday.",
        "It starts with a new one, " + RETRY,
        "tls_failed",
        along=frozenset({Code.CERTIFICATE_EXPIRING}),
        patience=OLD_CERTIFICATE_SEEN,
    ),
    Breakage(
        "certificate expires in 5 days",
        Code.CERTIFICATE_EXPIRING,
        change_certificate(Exposure(days=5.5)),
        "Exchange starts with such a certificate. The worker looks at it every second (once a day).",
        "It starts with a new one.",
        patience=OLD_CERTIFICATE_SEEN,
    ),
    Breakage(
        "TLS gone",
        Code.SERVER_FAILING,
        speak_plainly,
        "Exchange's port speaks plain HTTP.",
        "It speaks TLS again, " + RETRY,
        "tls_failed",
    ),
    Breakage(
        "name gone from the DNS",
        Code.SERVER_FAILING,
        forget_name,
        "Exchange's name is not known any more; connections that were open end.",
        "It is known again.",
        "connection_failed",
    ),
    Breakage(
        "Exchange down",
        Code.SERVER_FAILING,
        stop_exchange,
        "Its port is closed.",
        "It starts again.",
        "connection_failed",
    ),
    Breakage(
        "Exchange down, nothing to write",
        Code.SERVER_FAILING,
        stop_exchange_at_rest,
        "Its port is closed, and no webhook comes. A server is asked whether it answers after 3 s (5 min).",
        "It starts again; no webhook comes before that is seen.",
        "connection_failed",
        patience={hastened.HEARD_WITHIN: 3.0},
    ),
    Breakage(
        "Exchange hangs",
        Code.MAILBOXES_FAILING,
        answer(Fault(FaultKind.HANG, times=None, delay_s=4)),
        "Each call is answered, and carried out, after 4 s; the receiver waits for 1 s.",
        "It answers at once again.",
        "timeout",
        timeout_s=1,
    ),
    Breakage(
        "Exchange slow",
        Code.CHANGES_LATE,
        slow_exchange,
        "Each call takes 40 s, of the 60 s that the receiver waits; a change is late after 3 s (15 min).",
        "It answers at once again, but for the call in hand.",
        timeout_s=60,
        patience={hastened.CHANGE_LATE: 3.0},
    ),
    Breakage(
        "maintenance page that asks for a pause",
        Code.SERVER_WAITING,
        answer(Fault(FaultKind.UNAVAILABLE, times=None, retry_after_s=180), retry=["--calendar", "exchange"]),
        "Each call is answered 503 with a page of HTML and `Retry-After: 180`.",
        "It answers again, " + RETRY,
    ),
    Breakage(
        "Exchange throttles the account",
        Code.SERVER_WAITING,
        answer(Fault(FaultKind.SERVER_BUSY, times=None, back_off_ms=120_000), retry=["--calendar", "exchange"]),
        "Each call is answered ErrorServerBusy with 120,000 BackOffMilliseconds.",
        "It answers again, " + RETRY,
    ),
    Breakage(
        "login page in place of EWS",
        Code.SERVER_FAILING,
        answer(Fault(FaultKind.LOGIN_PAGE, times=None), retry=["--calendar", "exchange"]),
        "A proxy answers each call 200 with a page of HTML.",
        "It lets calls through again, " + RETRY,
        "not_ews",
    ),
    Breakage(
        "redirection to a login page",
        Code.SERVER_FAILING,
        answer(Fault(FaultKind.REDIRECT, times=None), retry=["--calendar", "exchange"]),
        "A proxy answers each call 302.",
        "It lets calls through again, " + RETRY,
        "not_ews",
    ),
    Breakage(
        "mailbox database down",
        Code.MAILBOXES_FAILING,
        answer(Fault(FaultKind.ERROR, times=None, code="ErrorMailboxStoreUnavailable"), retry=["--all"]),
        "Each call is answered ErrorMailboxStoreUnavailable: the mailbox's database is switched over.",
        "It answers again, then `rdv-receiver retry --all`.",
        "mailbox_unavailable",
    ),
)
