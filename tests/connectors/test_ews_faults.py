"""Each trouble on the way, and what may be said of the changes it hit."""

import time

import pytest

from connectors.base import (
    Change,
    ConnectorError,
    Create,
    Delete,
    Done,
    Failed,
    NotFound,
    Outcome,
    Permanent,
    Scope,
    Temporary,
    Unconfirmed,
    Update,
)
from connectors.ews import EwsConnector
from mock_exchange import Fault, FaultKind, MockExchange
from tests.connectors.conformance import WIDE, entry
from tests.connectors.ews import MAILBOX, connected, done, settings_for, verbs


def told(outcome: Outcome) -> tuple[object, ...]:
    """A failure in values that compare."""
    if isinstance(outcome, Failed):
        return told_error(outcome.error)
    if isinstance(outcome, Unconfirmed):
        return (Unconfirmed, outcome.code, outcome.scope)
    return (type(outcome),)


def told_error(error: ConnectorError) -> tuple[object, ...]:
    return (type(error), error.code, error.scope, getattr(error, "retry_after_s", None))


def one(connector: EwsConnector) -> tuple[object, ...]:
    return told(connector.apply(MAILBOX, [Create(entry())])[0])


def reading(connector: EwsConnector) -> tuple[object, ...]:
    with pytest.raises(ConnectorError) as caught:
        connector.find(MAILBOX, ["a"])
    # Nothing of a message may hang on to the error.
    assert caught.value.__context__ is caught.value.__cause__ is None
    return told_error(caught.value)


BUSY = (Temporary, "server_busy", Scope.SERVER)

CERTAIN = [
    (Fault(kind=FaultKind.UNAUTHORIZED), (Temporary, "unauthorized", Scope.SERVER, None)),
    (Fault(kind=FaultKind.UNAVAILABLE, retry_after_s=90), (*BUSY, 90.0)),
    (Fault(kind=FaultKind.UNAVAILABLE), (*BUSY, None)),
    (Fault(kind=FaultKind.SERVER_BUSY, back_off_ms=297749), (*BUSY, 297.749)),
    (Fault(kind=FaultKind.SERVER_BUSY), (*BUSY, None)),
    (
        Fault(kind=FaultKind.ERROR, code="ErrorImpersonateUserDenied"),
        (Temporary, "impersonation_denied", Scope.MAILBOX, None),
    ),
    (
        Fault(kind=FaultKind.ERROR, code="ErrorNonExistentMailbox"),
        (Temporary, "mailbox_not_found", Scope.MAILBOX, None),
    ),
    (Fault(kind=FaultKind.ERROR, code="ErrorCannotFindUser"), (Temporary, "mailbox_not_found", Scope.MAILBOX, None)),
    (
        Fault(kind=FaultKind.ERROR, code="ErrorMailboxMoveInProgress"),
        (Temporary, "mailbox_moving", Scope.MAILBOX, None),
    ),
    (Fault(kind=FaultKind.ERROR, code="ErrorQuotaExceeded"), (Temporary, "quota_exceeded", Scope.MAILBOX, None)),
    (Fault(kind=FaultKind.ERROR, code="ErrorFolderNotFound"), (Temporary, "folder_not_found", Scope.MAILBOX, None)),
    (Fault(kind=FaultKind.ERROR, code="ErrorAccessDenied"), (Temporary, "access_denied", Scope.MAILBOX, None)),
    (
        Fault(kind=FaultKind.ERROR, code="ErrorInvalidServerVersion"),
        (Temporary, "version_mismatch", Scope.SERVER, None),
    ),
    (Fault(kind=FaultKind.ERROR, code="ErrorPasswordExpired"), (Temporary, "unauthorized", Scope.SERVER, None)),
    (Fault(kind=FaultKind.ERROR, code="ErrorInvalidRequest"), (Permanent, "invalid_request", Scope.ITEM, None)),
    (Fault(kind=FaultKind.ERROR, code="ErrorNeverHeardOf"), (Temporary, "never_heard_of", Scope.MAILBOX, None)),
]


@pytest.mark.parametrize(("fault", "expected"), CERTAIN)
def test_what_was_certainly_not_done_is_a_failure(
    exchange: MockExchange, connector: EwsConnector, fault: Fault, expected: tuple[object, ...]
) -> None:
    exchange.inject(fault)
    assert one(connector) == expected
    assert exchange.items(MAILBOX) == []
    done(connector.apply(MAILBOX, [Create(entry())])[0])
    exchange.inject(fault)
    assert reading(connector) == expected


IN_DOUBT = [
    (Fault(kind=FaultKind.DROP_BEFORE), "connection_lost", Scope.SERVER, 0),
    (Fault(kind=FaultKind.DROP_AFTER), "connection_lost", Scope.SERVER, 1),
    (Fault(kind=FaultKind.LATE_COMMIT, delay_s=0.2), "connection_lost", Scope.SERVER, 1),
    (Fault(kind=FaultKind.LOGIN_PAGE), "not_ews", Scope.SERVER, 0),
    (Fault(kind=FaultKind.EMPTY), "not_ews", Scope.SERVER, 0),
    (Fault(kind=FaultKind.ERROR, code="ErrorTimeoutExpired"), "timeout", Scope.MAILBOX, 0),
    (Fault(kind=FaultKind.ERROR, code="ErrorInternalServerError"), "server_error", Scope.MAILBOX, 0),
    (Fault(kind=FaultKind.ERROR, code="ErrorInternalServerTransientError"), "server_error", Scope.MAILBOX, 0),
    (Fault(kind=FaultKind.ERROR, code="ErrorMailboxStoreUnavailable"), "mailbox_unavailable", Scope.MAILBOX, 0),
    (Fault(kind=FaultKind.SHORT), "answer_incomplete", Scope.MAILBOX, 1),
]
"""With the reach of the trouble, and how many items there are after it."""


@pytest.mark.parametrize(("fault", "code", "scope", "stored"), IN_DOUBT)
def test_what_may_have_been_done_is_unconfirmed(
    exchange: MockExchange, connector: EwsConnector, fault: Fault, code: str, scope: Scope, stored: int
) -> None:
    exchange.inject(fault)
    assert one(connector) == (Unconfirmed, code, scope)
    exchange.settle()
    assert len(exchange.items(MAILBOX)) == stored
    assert verbs(exchange) == ["CreateItem"]


@pytest.mark.parametrize(("fault", "code", "scope", "stored"), IN_DOUBT)
def test_a_look_up_without_an_answer_says_unknown(
    exchange: MockExchange, connector: EwsConnector, fault: Fault, code: str, scope: Scope, stored: int
) -> None:
    """Never "absent": the entry would be written a second time."""
    done(connector.apply(MAILBOX, [Create(entry("a"))])[0])
    exchange.inject(fault)
    # A search has one answer for each folder: one too few is no answer of EWS.
    told = ("not_ews", Scope.SERVER) if fault.kind is FaultKind.SHORT else (code, scope)
    assert reading(connector)[:3] == (Temporary, *told)


@pytest.mark.parametrize("verb", ["FindItem", "FindFolder"])
@pytest.mark.parametrize("code", ["ErrorAccessDenied", "ErrorServerBusy", "ErrorRestrictionTooComplex"])
def test_a_folder_that_cannot_be_searched_says_unknown(
    exchange: MockExchange, connector: EwsConnector, verb: str, code: str
) -> None:
    exchange.inject(Fault(kind=FaultKind.ITEM_ERROR, verb=verb, code=code))
    assert reading(connector)[0] is Temporary


@pytest.mark.parametrize("verb", ["FindFolder", "FindItem", "GetItem"])
@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.SHORT, FaultKind.EMPTY, FaultKind.UNAVAILABLE])
def test_a_list_that_is_cut_short_is_an_error(
    exchange: MockExchange, connector: EwsConnector, verb: str, kind: FaultKind
) -> None:
    done(connector.apply(MAILBOX, [Create(entry("a"))])[0])
    exchange.inject(Fault(kind=kind, verb=verb))
    with pytest.raises(Temporary):
        list(connector.list_marked(MAILBOX, *WIDE))


def test_an_item_that_goes_while_the_list_is_read_is_left_out(exchange: MockExchange, connector: EwsConnector) -> None:
    for uid in ("a", "b"):
        done(connector.apply(MAILBOX, [Create(entry(uid))])[0])
    exchange.inject(Fault(kind=FaultKind.ITEM_ERROR, verb="GetItem", index=0, code="ErrorItemNotFound"))
    assert [marked.entry.uid for marked in connector.list_marked(MAILBOX, *WIDE)] == ["b"]


ITEM_ERRORS = [
    ("ErrorItemSave", (Temporary, "item_busy", Scope.ITEM, None)),
    ("ErrorIrresolvableConflict", (Temporary, "item_busy", Scope.ITEM, None)),
    ("ErrorQuotaExceeded", (Temporary, "quota_exceeded", Scope.MAILBOX, None)),
    ("ErrorServerBusy", (Temporary, "server_busy", Scope.SERVER, None)),
    ("ErrorCalendarDurationIsTooLong", (Permanent, "calendar_duration_is_too_long", Scope.ITEM, None)),
    ("ErrorInternalServerError", (Unconfirmed, "server_error", Scope.MAILBOX)),
    ("ErrorTimeoutExpired", (Unconfirmed, "timeout", Scope.MAILBOX)),
    ("ErrorItemNotFound", (NotFound,)),
    ("ErrorInvalidIdMalformed", (NotFound,)),
]


@pytest.mark.parametrize("verb", ["CreateItem", "UpdateItem", "DeleteItem"])
@pytest.mark.parametrize(("code", "expected"), ITEM_ERRORS)
def test_one_bad_item_costs_its_neighbours_nothing(
    exchange: MockExchange, connector: EwsConnector, verb: str, code: str, expected: tuple[object, ...]
) -> None:
    """exchangelib gives up the batch at an error it does not know, and with it the ids of what was created."""
    item_ids = [done(each) for each in connector.apply(MAILBOX, [Create(entry(uid)) for uid in "abc"])]
    changes: dict[str, list[Change]] = {
        "CreateItem": [Create(entry(uid)) for uid in "def"],
        "UpdateItem": [Update(item_id, entry(uid)) for item_id, uid in zip(item_ids, "abc", strict=True)],
        "DeleteItem": [Delete(item_id) for item_id in item_ids],
    }
    exchange.inject(Fault(kind=FaultKind.ITEM_ERROR, verb=verb, index=1, code=code))
    first, second, third = connector.apply(MAILBOX, changes[verb])
    if verb == "CreateItem" and expected[0] is NotFound:  # it named no item that could be missing
        expected = (Temporary, "item_not_found", Scope.ITEM, None)
    assert told(second) == expected
    assert isinstance(first, Done)
    assert isinstance(third, Done)


def test_a_short_answer_leaves_the_last_in_doubt(exchange: MockExchange, connector: EwsConnector) -> None:
    exchange.inject(Fault(kind=FaultKind.SHORT, missing=2))
    outcomes = connector.apply(MAILBOX, [Create(entry(uid)) for uid in "abcde"])
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Done, Unconfirmed, Unconfirmed]
    assert len(exchange.items(MAILBOX)) == 5


def test_a_refused_batch_may_hold_one_bad_change_and_is_not_given_up(
    exchange: MockExchange, connector: EwsConnector
) -> None:
    exchange.inject(Fault(kind=FaultKind.ERROR, code="ErrorSchemaValidation"))
    outcomes = connector.apply(MAILBOX, [Create(entry("a")), Create(entry("b"))])
    assert [told(outcome) for outcome in outcomes] == [(Temporary, "invalid_request", Scope.ITEM, None)] * 2


@pytest.mark.parametrize(
    ("kind", "creates", "later"),
    [
        (FaultKind.DROP_AFTER, Unconfirmed, "connection_lost"),
        (FaultKind.EMPTY, Unconfirmed, "not_ews"),
        (FaultKind.UNAVAILABLE, Failed, "server_busy"),
        (FaultKind.UNAUTHORIZED, Failed, "unauthorized"),
    ],
)
def test_after_a_failure_nothing_more_is_sent(
    exchange: MockExchange, connector: EwsConnector, kind: FaultKind, creates: type, later: str
) -> None:
    (item_id,) = [done(each) for each in connector.apply(MAILBOX, [Create(entry("a"))])]
    exchange.inject(Fault(kind=kind, verb="CreateItem"))
    exchange.forget_requests()
    changes: list[Change] = [Update(item_id, entry("a")), Create(entry("b")), Delete(item_id), Create(entry("c"))]
    update, create, delete, another = connector.apply(MAILBOX, changes)
    assert (type(create), type(another)) == (creates, creates)
    assert told(update) == told(delete) == (Temporary, later, Scope.SERVER, None)
    assert set(verbs(exchange)) == {"CreateItem"}


def test_what_other_verbs_came_to_is_kept_when_one_fails(exchange: MockExchange, connector: EwsConnector) -> None:
    one_id, two_id = [done(each) for each in connector.apply(MAILBOX, [Create(entry("a")), Create(entry("b"))])]
    exchange.inject(Fault(kind=FaultKind.DROP_BEFORE, verb="UpdateItem"))
    changes: list[Change] = [Delete(one_id), Update(two_id, entry("b")), Create(entry("c"))]
    delete, update, create = connector.apply(MAILBOX, changes)
    assert told(delete) == (Temporary, "connection_lost", Scope.SERVER, None)
    assert told(update) == (Unconfirmed, "connection_lost", Scope.SERVER)
    assert isinstance(create, Done)


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.SLOW_ANSWER])
def test_a_call_that_hangs_is_given_up_in_time(exchange: MockExchange, kind: FaultKind) -> None:
    with connected(settings_for(exchange, timeout_s=0.6)) as connector:
        assert connector.call_timeout_s == 0.6
        connector.probe(MAILBOX)
        exchange.inject(Fault(kind=kind, delay_s=1.5))
        began = time.monotonic()
        assert one(connector) == (Unconfirmed, "timeout", Scope.MAILBOX)
        assert time.monotonic() - began < 1.2
        exchange.settle()
        assert len(exchange.items(MAILBOX)) == 1
        done(connector.apply(MAILBOX, [Create(entry("b"))])[0])


def test_waiting_for_a_free_connection_ends_and_sends_nothing(exchange: MockExchange) -> None:
    """exchangelib would wait for ever."""
    with connected(settings_for(exchange, timeout_s=0.2, connections=1)) as connector:
        taken = connector._protocol.wire._free.get()
        assert one(connector) == (Temporary, "connections_busy", Scope.SERVER, None)
        assert verbs(exchange) == []
        connector._protocol.wire._free.put(taken)
        done(connector.apply(MAILBOX, [Create(entry("b"))])[0])


@pytest.mark.parametrize(
    "mailbox", ["personne@departement.example", "", "nobody", "é@departement.example", "a@b\r\nX: y"]
)
def test_a_mailbox_that_nobody_has_is_told_as_such(connector: EwsConnector, mailbox: str) -> None:
    """And as a trouble of that mailbox alone."""
    outcomes = connector.apply(mailbox, [Create(entry("a")), Create(entry("b"))])
    assert [told(outcome) for outcome in outcomes] == [(Temporary, "mailbox_not_found", Scope.MAILBOX, None)] * 2
    with pytest.raises(Temporary, match="mailbox_not_found"):
        connector.probe(mailbox)
    with pytest.raises(Temporary, match="mailbox_not_found"):
        connector.identify(mailbox)
    with pytest.raises(Temporary, match="mailbox_not_found"):
        list(connector.list_marked(mailbox, *WIDE))
