"""Changes of one mailbox: at most one POST a verb, and an outcome for each change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exchangelib.credentials import DELEGATE
from exchangelib.items import (
    ALL_OCCURRENCES,
    ALWAYS_OVERWRITE,
    HARD_DELETE,
    ID_ONLY,
    MOVE_TO_DELETED_ITEMS,
    SAVE_ONLY,
    SEND_TO_NONE,
)
from exchangelib.properties import ItemId
from exchangelib.util import TNS

from connectors import base
from connectors.base import CalendarEntry, Change, Done, Failed, NotFound, Outcome, Scope, Temporary
from connectors.ews.errors import INCOMPLETE, CallFailed, Kind, Refusal, Ruling, of_response_code
from connectors.ews.items import InvalidEntry, to_change, to_element, to_mark
from connectors.ews.services import Create, Get, MailboxAccount, Remove, Update, change_key_in, item_id_in

CHANGE_KEY_REQUIRED = frozenset({"ErrorChangeKeyRequired", "ErrorChangeKeyRequiredForWriteOperations"})
UTC_NAME = "UTC"
IN_UTC = "in_utc"
"""Note of an entry that was written in UTC in place of its own zone."""
NOT_SENT = Refusal("ErrorBatchProcessingStopped")
"""Of an update whose change key could not be read."""

Post = Callable[[Sequence[Any]], list[Any]]


class Batch:
    """One call of `apply`: its changes, and their outcomes so far."""

    def __init__(self, account: MailboxAccount, installation: str, changes: Sequence[Change]) -> None:
        self._account = account
        self._installation = installation
        self._changes = changes
        self._outcomes: dict[int, Outcome] = {}
        self._stopped: Ruling | None = None

    def run(self) -> list[Outcome]:
        """Send the changes; return one outcome for each, in order."""
        self._post(base.Create, self._create)
        self._post(base.Update, self._update)
        self._post(base.TakeOver, self._update)
        self._post(base.Delete, self._delete)
        return [self._outcomes[position] for position in range(len(self._changes))]

    def _post(self, kind: type[Change], post: Post) -> None:
        prepared = {
            position: item
            for position, change in enumerate(self._changes)
            if isinstance(change, kind) and (item := self._prepare(position, change)) is not None
        }
        if not prepared:
            return
        if self._stopped:
            # The mailbox or its server has just failed: send nothing more.
            held_back = Temporary(self._stopped.code, self._stopped.scope, self._stopped.retry_after_s)
            self._outcomes.update(dict.fromkeys(prepared, Failed(held_back)))
            return
        results = self._sent(prepared, post)
        for position, result in results.items():
            self._outcomes[position] = self._outcome(self._changes[position], result)
        self._write_in_utc([position for position, result in results.items() if _is_twice(result)], post)

    def _sent(self, prepared: Mapping[int, Any], post: Post) -> dict[int, Any]:
        """Return the result for each position; empty: the call failed, and every outcome is known."""
        try:
            results = post(list(prepared.values()))
        except CallFailed as failure:
            self._fail(list(prepared), failure.ruling)
            return {}
        # Fewer results than items: nothing is known of the rest.
        return dict(zip(prepared, results + [None] * (len(prepared) - len(results)), strict=False))

    def _write_in_utc(self, positions: Sequence[int], post: Post) -> None:
        """Write the entries in UTC whose end the server took for earlier than their start.

        It compared wall clocks, in the hour that occurs twice. In UTC no hour does, and the times are the same. Not a
        series, whose other occurrences would be an hour off half of the year.
        """
        prepared = {}
        for position in positions:
            change = self._changes[position]
            if isinstance(change, base.Create | base.Update) and _may_be_in_utc(change.entry):
                in_utc = replace(change, entry=replace(change.entry, time_zone=UTC_NAME))
                prepared[position] = self._prepare(position, in_utc)
        for position, result in (self._sent(prepared, post) if prepared else {}).items():
            outcome = self._outcome(self._changes[position], result)
            self._outcomes[position] = replace(outcome, note=IN_UTC) if isinstance(outcome, Done) else outcome

    def _prepare(self, position: int, change: Change) -> Any:
        """Return the request's element for a change; None: its outcome is known without a request."""
        item_id = None if isinstance(change, base.Create) else change.item_id
        if item_id == "":  # unknown, and not valid in a request
            self._outcomes[position] = NotFound()
            return None
        if isinstance(change, base.Delete):
            return ItemId(id=item_id)
        if isinstance(change, base.TakeOver):
            return to_mark(self._installation, self._account, change.item_id)
        try:
            if item_id is None:
                return to_element(change.entry, self._installation, self._account)
            return to_change(change.entry, self._installation, self._account, item_id)
        except InvalidEntry as invalid:
            self._outcomes[position] = invalid.ruling.outcome()
            return None

    def _fail(self, positions: Sequence[int], ruling: Ruling) -> None:
        met = ruling.shared() if len(positions) > 1 else ruling
        for position in positions:
            self._outcomes[position] = met.outcome()
        if ruling.scope is not Scope.ITEM:
            self._stopped = ruling

    @staticmethod
    def _outcome(change: Change, result: Any) -> Outcome:
        if isinstance(result, Refusal):
            ruling = of_response_code(result)
            named_no_item = isinstance(change, base.Create) and ruling.kind is Kind.NOT_FOUND
            return Failed(ruling.error()) if named_no_item else ruling.outcome()
        if result is None:  # the answer has no result for it
            return INCOMPLETE.outcome()
        if isinstance(change, base.Delete):
            return Done(change.item_id)
        if not result and isinstance(change, base.Update | base.TakeOver):
            return Done(change.item_id)
        return Done(result) if result else INCOMPLETE.outcome()

    def _create(self, items: Sequence[Any]) -> list[Any]:
        return Create(account=self._account).send(
            _item_id,
            items=items,
            folder=self._account.calendar_folder(),
            message_disposition=SAVE_ONLY,
            send_meeting_invitations=SEND_TO_NONE,
        )

    def _update(self, items: Sequence[Any]) -> list[Any]:
        """Update without change keys, which would cost a request; with them where the server insists."""
        needed = self._account.protocol.needs_change_keys
        if needed.is_set():
            return self._updated_with_keys(items)
        results = self._updated(items)
        refused = [index for index, result in enumerate(results) if _needs_change_key(result)]
        if refused:
            needed.set()
            again = self._updated_with_keys([items[index] for index in refused])
            results = _with(results, refused, again)
        return results

    def _updated_with_keys(self, items: Sequence[Any]) -> list[Any]:
        """Ask for the change keys, then update the items that have one; return one result for each item."""
        ids = [item.find(f"{{{TNS}}}ItemId") for item in items]
        keys = Get(account=self._account).send(
            change_key_in, items=[ItemId(id=each.get("Id")) for each in ids], additional_fields=None, shape=ID_ONLY
        )
        known = [index for index, key in enumerate(keys[: len(ids)]) if isinstance(key, str) and key]
        for index in known:
            ids[index].set("ChangeKey", keys[index])
        updated = self._updated([items[index] for index in known]) if known else []
        refused = [key if isinstance(key, Refusal) else NOT_SENT for key in keys[: len(ids)]]
        return _with(refused + [NOT_SENT] * (len(ids) - len(refused)), known, updated)

    def _updated(self, items: Sequence[Any]) -> list[Any]:
        return Update(account=self._account).send(
            _item_id,
            items=items,
            # Without a change key: the entry overwrites whatever an agent changed meanwhile.
            conflict_resolution=ALWAYS_OVERWRITE,
            message_disposition=SAVE_ONLY,
            send_meeting_invitations_or_cancellations=SEND_TO_NONE,
            suppress_read_receipts=True,
        )

    def _delete(self, items: Sequence[Any]) -> list[Any]:
        return Remove(account=self._account).send(
            _item_id,
            items=items,
            # In the deleted items agents can see what was removed. A delegate has no rights on that folder: Exchange
            # answers ErrorCannotDeleteObject.
            delete_type=HARD_DELETE if self._account.access_type == DELEGATE else MOVE_TO_DELETED_ITEMS,
            send_meeting_cancellations=SEND_TO_NONE,
            affected_task_occurrences=ALL_OCCURRENCES,
            suppress_read_receipts=True,
        )


def _is_twice(result: Any) -> bool:
    return isinstance(result, Refusal) and result.response_code == "ErrorCalendarEndDateIsEarlierThanStartDate"


def _may_be_in_utc(entry: CalendarEntry) -> bool:
    return entry.recurrence is None and entry.time_zone != UTC_NAME


def _needs_change_key(result: Any) -> bool:
    return isinstance(result, Refusal) and result.response_code in CHANGE_KEY_REQUIRED


def _with(results: Sequence[Any], places: Sequence[int], others: Sequence[Any]) -> list[Any]:
    """Return the results with others in some places; None where there are too few of those."""
    padded = [*others, *[None] * (len(places) - len(others))]
    return list((dict(enumerate(results)) | dict(zip(places, padded, strict=False))).values())


def _item_id(element: Any) -> str:
    """Return the item's new id; empty: the answer has none."""
    return item_id_in(element) or ""
