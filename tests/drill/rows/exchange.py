"""What goes wrong at Exchange, before it, or with what it thinks of us."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mock_exchange.faults import Fault, FaultKind
from receiver.core.health import Code
from tests.drill import hastened
from tests.drill.breakage import Breakage, Repair, Strike
from tests.drill.exchange import MARTINE, Exposure
from tests.drill.ground import ACCEPTED, Ground, until

# Mailboxes


def take_mailbox(ground: Ground) -> Repair:
    """An agent's mailbox is disconnected."""
    mailbox = ground.exchange.take_mailbox(MARTINE)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.put_mailbox(MARTINE, mailbox)
        ground.command("retry", "--mailbox", MARTINE)

    return repair


def rename_mailbox(ground: Ground) -> Repair:
    """An agent marries, and her address changes in Exchange alone."""
    new = "martine.dupont@departement.example"
    ground.exchange.mock.rename_mailbox(MARTINE, new)
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.edit(("mailboxes:\n", f"mailboxes:\n  map: {{{MARTINE}: {new}}}\n"))
        ground.exchange.martine = new
        ground.reload()

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
    ground.exchange.mock.inject(Fault(FaultKind.ITEM_ERROR, verb="CreateItem", code="ErrorInvalidPropertySet"))
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.mock.faults.clear()
        ground.command("retry", "--code", "invalid_item")

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
        ground.command("retry", "--calendar", "exchange")

    return repair


def refuse_ntlm(ground: Ground) -> Repair:
    """NTLM is switched off at the virtual directory: Basic alone is offered."""
    ground.exchange.offer("basic")
    assert ground.book() in ACCEPTED

    def repair() -> None:
        ground.exchange.offer("ntlm")
        ground.command("retry", "--calendar", "exchange")

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


def answer(*faults: Fault, retry: bool = False) -> Strike:
    """Each call meets a trouble, until it is over."""

    def strike(ground: Ground) -> Repair:
        for fault in faults:
            ground.exchange.mock.inject(fault)
        assert ground.book() in ACCEPTED

        def repair() -> None:
            ground.exchange.mock.faults.clear()
            if retry:
                ground.command("retry", "--calendar", "exchange")

        return repair

    return strike


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
