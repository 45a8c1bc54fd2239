"""Changes of one mailbox: at most one POST a verb, and an outcome for each change."""

from collections.abc import Callable, Sequence
from typing import Any

from exchangelib.items import (
    ALL_OCCURRENCES,
    ALWAYS_OVERWRITE,
    MOVE_TO_DELETED_ITEMS,
    SAVE_ONLY,
    SEND_TO_NONE,
)
from exchangelib.properties import ItemId

from connectors import base
from connectors.base import Change, Done, Failed, NotFound, Outcome, Scope, Temporary
from connectors.ews.errors import INCOMPLETE, CallFailed, Kind, Refusal, Ruling, of_response_code
from connectors.ews.items import InvalidEntry, to_change, to_element, to_mark
from connectors.ews.services import Create, MailboxAccount, Remove, Update, item_id_in

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
        try:
            results = post(list(prepared.values()))
        except CallFailed as failure:
            self._fail(list(prepared), failure.ruling)
            return
        # Fewer results than items: nothing is known of the rest.
        padded = results + [None] * (len(prepared) - len(results))
        for position, result in zip(prepared, padded, strict=False):
            self._outcomes[position] = self._outcome(self._changes[position], result)

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
            delete_type=MOVE_TO_DELETED_ITEMS,  # agents can see there what was removed
            send_meeting_cancellations=SEND_TO_NONE,
            affected_task_occurrences=ALL_OCCURRENCES,
            suppress_read_receipts=True,
        )


def _item_id(element: Any) -> str:
    """Return the item's new id; empty: the answer has none."""
    return item_id_in(element) or ""
