"""Searches in one mailbox, complete or failed, for items of our installation, or of all others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from exchangelib import CalendarItem, EWSDateTime, Q
from exchangelib.fields import FieldPath
from exchangelib.folders import Folder
from exchangelib.items import ID_ONLY
from exchangelib.properties import EWS_ID, AlternateId, FolderId, ItemId
from exchangelib.restriction import Restriction
from exchangelib.util import MNS, TNS

from connectors.base import INSTALLATION_PROPERTY, ITEM_ID_LIMIT, UID_PROPERTY, Found, Marked, Other, Probe
from connectors.ews.errors import (
    ACCESS_DENIED,
    INCOMPLETE,
    NOT_EWS,
    PRIVATE_HIDDEN,
    UNREADABLE_ITEM,
    AnswerTooLarge,
    CallFailed,
    Kind,
    Refusal,
    Ruling,
    of_response_code,
)
from connectors.ews.items import MARKS, READ, WHEN, UnreadableItem, marks_of, to_entry
from connectors.ews.services import (
    ADDRESS,
    UNREADABLE,
    Get,
    LookAtFolder,
    MailboxAccount,
    NameOwner,
    Search,
    SearchFolders,
    item_id_in,
)
from connectors.occurrences import END_OF_TIME, overlaps

UIDS_AT_ONCE = 50
"""Alternatives in one restriction; Exchange refuses restrictions that are too complex."""

PAGE = 500
"""Below the 1000 that a throttling policy allows by default, and large enough that paging is rare: what moves between
two pages could be missed."""

ITEMS_AT_ONCE = 100
MOST_ITEMS = 50_000
"""Maximum items of ours in one mailbox: ten a working day for twenty years."""
MOST_FOLDERS = 5_000
MOST_COPIES = 1_000
"""Of one entry, that people made."""
LONGEST_WORD = 64

T = TypeVar("T")


class Look:
    """The searches. Each raises CallFailed or Refusal if it is incomplete."""

    def __init__(self, account: MailboxAccount, installation: str) -> None:
        self._account = account
        self._installation = installation

    def find(self, uids: Sequence[str]) -> dict[str, list[Found]]:
        """Search the calendar, then its sub-folders for the uids that were not found."""
        found: dict[str, list[Found]] = {uid: [] for uid in uids}
        self._find_in([self._account.calendar_folder()], list(found), found)
        missing = [uid for uid, items in found.items() if not items]
        if missing and (subfolders := self._subfolders()):
            self._find_in(subfolders, missing, found)
        return found

    def list_marked(self, start: datetime, end: datetime) -> Iterator[Marked]:
        """Yield our items that overlap the window, calendar and sub-folders.

        A series may have begun long before the window. So all items that begin before the window's end are searched,
        and those that cannot reach into the window are left out here. (A CalendarView would return occurrences, and
        also those of other entries.)
        """
        folders = [self._account.calendar_folder(), *self._subfolders()]
        before_end = Q(start__lt=EWSDateTime.from_datetime(end.astimezone(UTC)))
        hits = self._search(folders, before_end, ("type", "end"))
        ids = dict.fromkeys(hit.item_id for hit in hits if hit.may_last_until(start))
        for chunk in _chunks(list(ids), ITEMS_AT_ONCE):
            yield from (marked for marked in self._read(chunk) if overlaps(marked.entry, start, end))

    def list_others(self, after: datetime) -> Iterator[Other]:
        """Yield the items of other installations that may end after a moment, calendar and sub-folders.

        Nothing of what they show is read; of a series that began before, its times are.
        """
        folders = [self._account.calendar_folder(), *self._subfolders()]
        # In Exchange, an item without a property is unequal to any value ([MS-OXCDATA]).
        others = Q(rdv_installation__exists=True) & Q(rdv_installation__not=self._installation)
        begun: dict[str, Other] = {}
        for hit in self._hits(folders, others, ("type", "end"), _others_hit):
            other = Other(hit.installation, hit.uid)
            if hit.installation == self._installation or not hit.may_last_until(after):
                continue
            if hit.is_over_by(after):  # its first occurrence is
                begun[hit.item_id] = other
            else:
                yield other
        for chunk in _chunks(list(begun), ITEMS_AT_ONCE):
            lasting = self._read_all(chunk, WHEN, lambda element: _may_last_until(element, after))
            yield from (begun[item_id] for item_id, lasts in lasting if lasts and item_id in begun)

    def _find_in(self, folders: Sequence[Any], uids: Sequence[str], found: dict[str, list[Found]]) -> None:
        for chunk in _chunks(uids, UIDS_AT_ONCE):
            sought = Q(*(Q(rdv_uid=uid) for uid in chunk), conn_type=Q.OR)
            for hit in self._search(folders, sought):
                item = Found(hit.item_id, hit.uid)
                # Exchange ignores case.
                known = found.get(item.uid)
                if known is not None and item not in known:
                    if len(known) == MOST_COPIES:
                        raise CallFailed(NOT_EWS)
                    known.append(item)

    def _search(self, folders: Sequence[Any], condition: Any, fields: Sequence[str] = ()) -> Iterator["_Hit"]:
        """Yield the items of this installation that meet the condition, with their marks and some fields."""
        hits = self._hits(folders, Q(rdv_installation=self._installation) & condition, fields)
        return (hit for hit in hits if hit.installation == self._installation)

    def _hits(
        self, folders: Sequence[Any], condition: Any, fields: Sequence[str], read: Callable[[Any], "_Hit"] | None = None
    ) -> Iterator["_Hit"]:
        """Yield the items that meet the condition, with their marks and some fields."""
        hits = Search(account=self._account).search(
            read or _hit,
            folders,
            PAGE,
            additional_fields=_paths((*MARKS, *fields)),
            # The fields are looked up on a folder's class; any will do.
            restriction=Restriction(condition, [self._account.calendar_folder()], Restriction.ITEMS),
            order_fields=None,
            query_string=None,
            shape=ID_ONLY,
            depth="Shallow",
            calendar_view=None,
        )
        for number, hit in enumerate(hits):
            if number == MOST_ITEMS:
                raise CallFailed(NOT_EWS)
            yield hit

    def _subfolders(self) -> list[Any]:
        ids = SearchFolders(account=self._account).search(
            _folder_id,
            [self._account.calendar_folder()],
            PAGE,
            additional_fields=None,
            restriction=None,
            shape=ID_ONLY,
            depth="Deep",
        )
        found = [FolderId(id=each) for each in islice(ids, MOST_FOLDERS + 1)]
        if len(found) > MOST_FOLDERS:
            raise CallFailed(NOT_EWS)
        return found

    def _read(self, ids: Sequence[str]) -> Iterator[Marked]:
        return self._read_all(ids, READ, self._marked)

    def _read_all(self, ids: Sequence[str], fields: Sequence[str], read: Callable[[Any], T]) -> Iterator[T]:
        """Yield the result of `read` for each item that still exists."""
        try:
            yield from self._read_at_once(ids, fields, read)
        except AnswerTooLarge:  # people may paste anything into an entry
            if len(ids) == 1:
                raise CallFailed(UNREADABLE_ITEM) from None
        else:
            return
        for half in _chunks(ids, (len(ids) + 1) // 2):
            yield from self._read_all(half, fields, read)

    def _read_at_once(self, ids: Sequence[str], fields: Sequence[str], read: Callable[[Any], T]) -> list[T]:
        results = Get(account=self._account).send(
            read, items=[ItemId(id=item_id) for item_id in ids], additional_fields=_paths(fields), shape=ID_ONLY
        )
        if len(results) != len(ids):
            raise CallFailed(INCOMPLETE)
        items: list[T] = []
        for result in results:
            if result is None:
                raise CallFailed(INCOMPLETE)
            if not isinstance(result, Refusal):
                items.append(result)
            elif of_response_code(result).kind is not Kind.NOT_FOUND:  # it was removed after the search
                raise result
        return items

    def _marked(self, result: Any) -> Marked:
        if not len(result):
            raise CallFailed(INCOMPLETE)
        item_id = _item_id(result[0])
        try:
            return Marked(item_id, to_entry(result[0]))
        except (UnreadableItem, *UNREADABLE):
            raise CallFailed(UNREADABLE_ITEM) from None

    def probe(self) -> Probe:
        """Ask for the calendar with our rights on it, then for the mailbox it belongs to."""
        look = LookAtFolder(account=self._account)
        calendar = self._calendar(look)
        try:
            address = self._owner(calendar)
        except (CallFailed, Refusal):  # the mailbox was reached nevertheless
            return Probe(self._account.address, look.server_version, clock_ahead_s=look.clock_ahead_s)
        return Probe(address, look.server_version, address.lower(), look.clock_ahead_s)

    def identify(self) -> str:
        """Return the primary address of the mailbox that the calendar lies in.

        Exchange keeps a mailbox's own identity within its ids, and answers the address from there: neither what it
        was asked by nor the address book has a part in it. A mailbox that cannot be written and read back is refused.
        """
        return self._owner(self._calendar(LookAtFolder(account=self._account))).lower()

    def _calendar(self, look: LookAtFolder) -> str:
        """Return the calendar's id (empty: unknown), after checking the rights that writing needs."""
        rights = [FieldPath(field=Folder.get_field_by_fieldname("effective_rights"))]
        folders = [self._account.calendar_folder()]
        found, lacking = _only(
            look.send(
                lambda folder: (_id_in(folder, "FolderId"), _lacking(folder)),
                folders=folders,
                additional_fields=rights,
                shape=ID_ONLY,
            )
        )
        if lacking is not None:
            raise CallFailed(lacking)
        return str(found)

    def _owner(self, folder_id: str) -> str:
        """Return the primary address of the mailbox that a folder lies in, as the server writes it."""
        if not folder_id:
            raise CallFailed(NOT_EWS)
        asked = AlternateId(id=folder_id, format=EWS_ID, mailbox=self._account.address)
        address = _only(NameOwner(account=self._account).send(_mailbox, items=[asked], destination_format=EWS_ID))
        if not ADDRESS.match(address):
            raise CallFailed(INCOMPLETE)
        return str(address)


@dataclass(frozen=True, slots=True)
class _Hit:
    """An item as a search returns it."""

    item_id: str
    uid: str
    installation: str
    kind: str | None
    end: str | None

    def may_last_until(self, moment: datetime) -> bool:
        """Whether it may end after a moment."""
        try:
            return self.kind != "Single" or self.end is None or datetime.fromisoformat(self.end) > moment
        except (ValueError, TypeError):
            return True

    def is_over_by(self, moment: datetime) -> bool:
        """Whether it has certainly ended by a moment; for a series, whether its first occurrence has."""
        try:
            return self.end is not None and datetime.fromisoformat(self.end) <= moment
        except (ValueError, TypeError):
            return False


def _hit(element: Any) -> _Hit:
    marks = marks_of(element)
    if not marks.keys() >= {INSTALLATION_PROPERTY, UID_PROPERTY}:
        # It was searched for by its marks: a server that does not show them cannot be asked what is absent.
        raise CallFailed(UNREADABLE_ITEM)
    return _others_hit(element)


def _others_hit(element: Any) -> _Hit:
    """Read an item that bears a mark. Other software may have written that alone: a uid is none of what is certain."""
    marks = marks_of(element)
    if INSTALLATION_PROPERTY not in marks:
        raise CallFailed(UNREADABLE_ITEM)
    texts = (element.findtext(f"{{{TNS}}}{name}") for name in ("CalendarItemType", "End"))
    kind, end = (text and text[:LONGEST_WORD] for text in texts)
    return _Hit(_item_id(element), marks.get(UID_PROPERTY, ""), marks[INSTALLATION_PROPERTY], kind, end)


def _item_id(element: Any) -> str:
    item_id = item_id_in(element)
    if not item_id:
        raise CallFailed(NOT_EWS)
    return item_id


def _may_last_until(result: Any, moment: datetime) -> tuple[str, bool]:
    """Return an item's id, and whether an occurrence may end after a moment."""
    if not len(result):
        raise CallFailed(INCOMPLETE)
    try:
        return _item_id(result[0]), overlaps(to_entry(result[0]), moment, END_OF_TIME)
    except (UnreadableItem, *UNREADABLE):
        return _item_id(result[0]), True


def _folder_id(element: Any) -> str:
    folder_id = _id_in(element, "FolderId")
    if not folder_id:
        raise CallFailed(NOT_EWS)
    return folder_id


def _id_in(element: Any, name: str) -> str:
    found = next(element.iter(f"{{{TNS}}}{name}"), None)
    text = "" if found is None else str(found.get("Id", ""))
    return text if text.isascii() and len(text) <= ITEM_ID_LIMIT else ""


def _mailbox(element: Any) -> str:
    address: str = next((each.get("Mailbox") or "" for each in element.iter(f"{{{MNS}}}AlternateId")), "")
    return address


_NEEDED = {"CreateContents": ACCESS_DENIED, "Read": ACCESS_DENIED, "ViewPrivateItems": PRIVATE_HIDDEN}


def _lacking(folder: Any) -> Ruling | None:
    """Return the failure of a missing right; None: no right is missing, or the server does not say.

    The rights to modify and to delete are not read: they concern the folder itself, and an editor of its items lacks
    them.
    """
    rights = next(folder.iter(f"{{{TNS}}}EffectiveRights"), None)
    if rights is None:
        return None
    refused = (ruling for right, ruling in _NEEDED.items() if rights.findtext(f"{{{TNS}}}{right}") in {"false", "0"})
    return next(refused, None)


def _only(results: Sequence[Any]) -> Any:
    if len(results) != 1 or results[0] is None:
        raise CallFailed(INCOMPLETE)
    if isinstance(results[0], Refusal):
        raise results[0]
    return results[0]


def _paths(names: Sequence[str]) -> list[Any]:
    return [FieldPath(field=CalendarItem.get_field_by_fieldname(name)) for name in names]


def _chunks(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
