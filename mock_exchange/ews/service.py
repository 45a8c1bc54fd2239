"""From the bytes of a request to the bytes of an answer, with faults. Knows no sockets."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from mock_exchange.calendar.series import split_id
from mock_exchange.calendar.store import Store
from mock_exchange.errors import EwsError, SoapFault
from mock_exchange.ews.access import Access
from mock_exchange.ews.operations import VERBS
from mock_exchange.ews.operations.context import Context
from mock_exchange.ews.schema import SchemaError, Schemas
from mock_exchange.ews.soap import Call, envelope, fault_element, parse_call, response
from mock_exchange.xml.elements import NAMESPACES, Element, child_text, children, local

SEND_ATTRIBUTES = ("SendMeetingInvitations", "SendMeetingInvitationsOrCancellations", "SendMeetingCancellations")
ITEM_IDS = ("Id", "RecurringMasterId", "OccurrenceId")
REFERENCES = frozenset({"ItemId", "FolderId", "OccurrenceItemId", "RecurringMasterItemId", "AlternateId"})
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""Exceptions caused by requests that were not validated."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is written back."""

    status: int
    body: bytes
    content_type: str = "text/xml; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Service:
    """The EWS side of the server: validates, dispatches, counts."""

    def __init__(self, access: Access, schemas: Schemas | None) -> None:
        self.access = access
        self.store: Store = access.store
        self.schemas = schemas
        self.schema_errors: list[SchemaError] = []
        self.crashes: list[BaseException] = []
        """Errors that no valid request causes; a test suite asserts that there are none."""
        self.mails_sent = 0
        self._lock = threading.Lock()

    def answer(
        self, raw: bytes, account: str, item_errors: Mapping[int, str] | None = None, missing: int = 0
    ) -> Answer:
        """Do the work; the last `missing` response messages are left out."""
        try:
            call = parse_call(raw)
            self._validate(call)
            content = self._perform(call, account, item_errors or {}, missing)
        except SoapFault as fault:
            return fault_answer(fault)
        except MALFORMED as error:
            self.crashes.append(error)
            return fault_answer(SoapFault("ErrorInvalidRequest", "The request could not be understood."))
        body = envelope(content)
        if self.schemas and not missing:  # an answer that is broken on purpose is not validated
            self._note(self.schemas.check_answer(call.verb, body))
        return Answer(200, body)

    def mailbox_of(self, call: Call, account: str | None = None) -> str | None:
        """Return the primary address of the mailbox a call acts on; None: the call does not name one."""
        impersonation = call.header("ExchangeImpersonation")
        if impersonation is not None:
            return self._primary("".join(impersonation.itertext()).strip())
        for reference in call.body.iter():
            if address := self._mailbox_named(reference):
                return address
        return None if account is None else self.access.own_mailbox(account)

    def _validate(self, call: Call) -> None:
        errors = self.schemas.check_call(call) if self.schemas else []
        self._note(errors)
        if errors:
            raise SoapFault("ErrorSchemaValidation", f"The request failed schema validation: {errors[0].message}")

    def _perform(self, call: Call, account: str, item_errors: Mapping[int, str], missing: int) -> Element:
        if call.verb not in VERBS:
            raise SoapFault("ErrorInvalidRequest", f"The mock does not speak {call.verb}.")
        with self.store.lock:
            caller = self.access.caller(account, call.header("ExchangeImpersonation"))
        context = Context(call, caller, self.access, item_errors)
        try:
            messages = VERBS[call.verb](context)
        except EwsError as error:
            raise SoapFault(error.code, error.text) from error
        with self._lock:
            self.mails_sent += context.mails
        return response(call.verb, messages[: max(0, len(messages) - missing)])

    def _mailbox_named(self, reference: Element) -> str | None:
        if not isinstance(reference.tag, str):
            return None
        kind = local(reference)
        given = next((str(reference.get(name)) for name in ITEM_IDS if reference.get(name)), "")
        if kind == "DistinguishedFolderId":
            address = child_text(reference, "t:Mailbox/t:EmailAddress")
            return self._primary(address) if address else None
        with self.store.lock:
            owned = self.store.items.get(split_id(given)[0]) or self.store.folders.get(given)
        return owned.mailbox if owned and kind in REFERENCES else None

    def _primary(self, address: str) -> str:
        with self.store.lock:
            found = self.store.find_mailbox(address)
        return found.address if found else address

    def _note(self, errors: list[SchemaError]) -> None:
        with self._lock:
            self.schema_errors.extend(errors)


def fault_answer(fault: SoapFault) -> Answer:
    """Return the answer of a SOAP fault."""
    return Answer(500, envelope(fault_element(fault)))


def send_mode(call: Call) -> str | None:
    """Return a call's attribute for meeting mails; None: it has none."""
    return next((str(call.body.get(name)) for name in SEND_ATTRIBUTES if call.body.get(name)), None)


def batch_size(call: Call) -> int:
    """Count the things that a call names, for those verbs that work on several."""
    names = ("m:Items", "m:ItemIds", "m:ItemChanges", "m:FolderIds", "m:ParentFolderIds", "m:SourceIds")
    found = (call.body.find(name, NAMESPACES) for name in names)
    return sum(len(children(holder)) for holder in found if holder is not None)
