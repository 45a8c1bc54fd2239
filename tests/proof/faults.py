"""What may go wrong with one call: every answer that `receiver/core/plan.py` tells from others, and no answer."""

from collections.abc import Mapping

from connectors.base import ConnectorError, Failed, Outcome, Permanent, Scope, Temporary, Unconfirmed

FAR_S = 240
"""A wait that a server asks for, in seconds: some ticks, so that other moments come first."""

ERRORS: Mapping[str, ConnectorError] = {
    "refuses it for now": Temporary("busy"),
    "refuses it for now, and asks to wait": Temporary("busy", retry_after_s=FAR_S),
    "refuses it for good": Permanent("invalid_item"),
    "says that the mailbox cannot be used for now": Temporary("quota", Scope.MAILBOX),
    "says that the mailbox cannot be used at all": Permanent("denied", Scope.MAILBOX),
    "cannot be used for now": Temporary("down", Scope.SERVER),
    "cannot be used at all": Permanent("account_refused", Scope.SERVER),
}
"""What a calendar does instead, and how a connector reports it."""

NO_ANSWER = Unconfirmed("timeout")

FEW_ERRORS: Mapping[str, ConnectorError] = {
    what: error for what, error in ERRORS.items() if error.scope is Scope.ITEM or error.code == "quota"
}
"""One error for each way through the plan: it treats mailbox and server alike."""


def refused(error: ConnectorError) -> Outcome:
    """Return the outcome of a change that a calendar refused."""
    return Failed(error)
