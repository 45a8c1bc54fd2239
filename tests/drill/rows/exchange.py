"""What goes wrong at Exchange, before it, or with what it thinks of us."""

from collections.abc import Sequence

from mock_exchange.http.faults import Fault, FaultKind
from receiver.core.troubles import Code
from tests.drill import hastened
from tests.drill.breakage import Breakage, Repair, Strike
from tests.drill.exchange import MARTINE, Exposure
from tests.drill.system import ACCEPTED, Ground, until

# Mailboxes


def take_mailbox(ground: Ground) -> Repair:
    """An agent's mailbox is disconnected."""
    mailbox = ground.exchange.take_mailbox(MARTINE)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.put_mailbox(MARTINE, mailbox)
        ground.command("retry", "--mailbox", MARTINE)

    return repair


def fill_mailbox(ground: Ground) -> Repair:
    """An agent's mailbox is over its quota."""
    ground.exchange.mock.set_quota(MARTINE, 1)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.mock.set_quota(MARTINE, None)
        ground.command("retry", "--code", "quota_exceeded")

    return repair


def withdraw_right(ground: Ground) -> Repair:
    """Somebody takes the service account out of the role."""
    ground.exchange.withdraw_right()
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.give_right()
        ground.command("retry", "--code", "impersonation_denied")

    return repair


def refuse_one_entry(ground: Ground) -> Repair:
    """Exchange refuses one entry for good."""
    ground.exchange.mock.inject(Fault(FaultKind.ITEM_ERROR, verb="CreateItem", code="ErrorInvalidRequest"))
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.mock.faults.clear()
        ground.command("retry", "--code", "invalid_request")

    return repair


# The account


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


def refuse_for_one_mailbox(ground: Ground) -> Repair:
    """A proxy asks for the password anew wherever one mailbox is named."""
    ground.exchange.mock.inject(Fault(FaultKind.UNAUTHORIZED, mailbox=MARTINE, times=None))
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.mock.faults.clear()

    return repair


def refuse_ntlm(ground: Ground) -> Repair:
    """NTLM is switched off at the virtual directory: Basic alone is offered."""
    ground.exchange.offer("basic")
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.offer("ntlm")

    return repair


# The way there


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


def change_certificate(exposure: Exposure) -> Strike:
    """Exchange starts with another certificate of the same authority."""

    def strike(ground: Ground) -> Repair:
        ground.exchange.renew(exposure)
        assert ground.book() in ACCEPTED

        def repair() -> None:
            ground.exchange.renew(Exposure())
            ground.command("retry", "--calendar", "exchange")
            assert ground.book() in ACCEPTED  # the certificate is seen when there is something to write

        return repair

    return strike


def speak_plainly(ground: Ground) -> Repair:
    """The binding of the port lost its certificate: there is no TLS."""
    ground.exchange.speak(encrypted=False)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.speak(encrypted=True)
        ground.command("retry", "--calendar", "exchange")

    return repair


def forget_name(ground: Ground) -> Repair:
    """The DNS of the receiver's machine does not know Exchange any more."""
    ground.write("hosts", "localhost")
    ground.exchange.cut()
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.write("hosts", "")

    return repair


def stop_exchange(ground: Ground) -> Repair:
    """Exchange is stopped: its port is closed."""
    ground.exchange.mock.stop()
    assert ground.book() in ACCEPTED
    return ground.exchange.mock.start


def answer(*faults: Fault, retry: Sequence[str] = ()) -> Strike:
    """Each call meets a trouble, until it is over; then what waits for a moment is tried at once."""

    def strike(ground: Ground) -> Repair:
        for fault in faults:
            ground.exchange.mock.inject(fault)
        assert ground.book() in ACCEPTED

        def repair() -> None:
            ground.exchange.mock.faults.clear()
            if retry:
                ground.command("retry", *retry)

        return repair

    return strike


def slow_exchange(ground: Ground) -> Repair:
    """Exchange needs forty seconds for each call."""
    ground.exchange.mock.latency_s = 40
    ground.exchange.mock.forget_requests()
    assert ground.book() in ACCEPTED
    until(lambda: ground.exchange.mock._working > 0, "the first write to be under way")
    assert ground.book() in ACCEPTED  # it waits for the one before

    def repair() -> None:
        ground.exchange.mock.latency_s = 0

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
