"""The real exchangelib client against the mock: what the receiver's connector will lean on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from exchangelib import (
    DELEGATE,
    Account,
    CalendarItem,
    EWSDateTime,
    ExtendedProperty,
    HTMLBody,
    ItemId,
)
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    UnauthorizedError,
)
from exchangelib.items import ALWAYS_OVERWRITE, NEVER_OVERWRITE, SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.properties import Attendee, Mailbox

from mock_exchange import Fault, FaultKind, MockExchange
from tests.mock_exchange.conftest import AGENT, OTHER, PARIS, PASSWORD, SCHEMES, SVC
from tests.mock_exchange.wire import GUID, Factory


class MockUid(ExtendedProperty):
    property_set_id = GUID
    property_name = "RdvUid"
    property_type = "String"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    CalendarItem.register("mock_uid", MockUid)
    yield
    CalendarItem.deregister("mock_uid")


def served(start: Factory, scheme: str, **rights: object) -> MockExchange:
    rights.setdefault("impersonators", {SVC: None})
    return start() if scheme == "none" else start(auth=scheme, users={SVC: PASSWORD}, **rights)


def at(hour: int, day: int = 7) -> EWSDateTime:
    return EWSDateTime(2026, 12, day, hour, tzinfo=PARIS)


def appointment(account: Account, uid: str = "u1", **fields: object) -> CalendarItem:
    fields = {"subject": "Suivi", "start": at(10), "end": at(11)} | fields
    return CalendarItem(account=account, folder=account.calendar, mock_uid=uid, **fields)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_item_goes_round_under_every_scheme(start, account, scheme):
    exchange = served(start, scheme)
    agent = account(exchange)
    appointment(
        agent,
        body=HTMLBody("<p>Lien</p>"),
        location="Maison de l'été",
        categories=["RDV"],
        reminder_is_set=False,
        legacy_free_busy_status="OOF",
        sensitivity="Private",
    ).save()
    (found,) = agent.calendar.filter(mock_uid="u1")
    assert (found.subject, found.body, found.location) == ("Suivi", "<p>Lien</p>", "Maison de l'été")
    assert (found.categories, found.reminder_is_set) == (["RDV"], False)
    assert (found.start, found._start_timezone) == (at(10), PARIS)
    (stored,) = exchange.items(AGENT)
    assert stored.start == datetime(2026, 12, 7, 10, tzinfo=ZoneInfo("Europe/Paris"))
    assert (stored.time_zone, stored.show_as, stored.sensitivity) == ("Romance Standard Time", "OOF", "Private")


def test_a_batch_is_one_post_and_keeps_its_order(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    folder = agent.calendar
    exchange.forget_requests()
    created = agent.bulk_create(folder, [appointment(agent, f"u{n}", subject=f"s{n}") for n in range(100)])
    assert len(created) == 100
    assert [(recorded.verb, recorded.batch) for recorded in exchange.requests] == [("CreateItem", 100)]
    assert [item.subject for item in exchange.items(AGENT)] == [f"s{n}" for n in range(100)]
    assert [item.id for item in created] == [item.item_id for item in exchange.items(AGENT)]


def test_an_update_and_a_delete_by_id_are_one_post_each(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    created = appointment(agent).save()
    exchange.forget_requests()
    changed = CalendarItem(account=agent, id=created.id, subject="Neuf", start=at(14), end=at(15))
    agent.bulk_update([(changed, ["subject", "start", "end"])], conflict_resolution=ALWAYS_OVERWRITE)
    assert exchange.items(AGENT)[0].subject == "Neuf"
    assert exchange.items(AGENT)[0].start == datetime(2026, 12, 7, 13, tzinfo=UTC)
    assert agent.bulk_delete([ItemId(id=created.id)]) == [True]
    assert [recorded.verb for recorded in exchange.requests] == ["UpdateItem", "DeleteItem"]
    assert exchange.items(AGENT) == []


def test_a_none_in_an_update_deletes_the_field(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    item = appointment(agent, location="Ici", categories=["RDV"]).save()
    item.location, item.categories = None, None
    item.save(update_fields=["location", "categories"])
    assert (exchange.items(AGENT)[0].location, exchange.items(AGENT)[0].categories) == ("", ())


def test_a_stale_change_key_conflicts(start, account):
    exchange = served(start, "none")
    item = appointment(account(exchange)).save()
    exchange.edit_item(item.id, subject="Autre")
    item.subject = "Neuf"
    with pytest.raises(ErrorIrresolvableConflict):
        item.save(update_fields=["subject"], conflict_resolution=NEVER_OVERWRITE)


def test_an_item_that_is_gone_is_told_among_the_results(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    item = appointment(agent).save()
    exchange.delete_item(item.id)
    (result,) = agent.bulk_delete([ItemId(id=item.id)])
    assert isinstance(result, ErrorItemNotFound)


def test_an_item_that_an_agent_moved_is_found_in_the_subfolder(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    item = appointment(agent).save()
    exchange.make_folder(AGENT, "Archive")
    moved = exchange.move_item(item.id, "Archive")
    assert list(agent.calendar.filter(mock_uid="u1")) == []
    assert [found.id for found in (agent.calendar / "Archive").filter(mock_uid="u1")] == [moved]


def test_many_items_come_in_pages(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    agent.bulk_create(agent.calendar, [appointment(agent, f"u{n}") for n in range(25)])
    exchange.forget_requests()
    query = agent.calendar.filter(start__gte=at(0)).only("id", "changekey", "subject")
    query.page_size = 10
    assert len(list(query)) == 25
    assert [recorded.verb for recorded in exchange.requests] == ["FindItem"] * 3


def test_queries_of_the_library_work(start, account):
    agent = account(served(start, "none"))
    for day in (7, 8, 9):
        appointment(agent, f"u{day}", subject=f"jour {day}", start=at(10, day), end=at(11, day)).save()
    assert [item.subject for item in agent.calendar.view(start=at(0, 8), end=at(0, 10))] == ["jour 8", "jour 9"]
    assert [item.subject for item in agent.calendar.all().order_by("-start")] == ["jour 9", "jour 8", "jour 7"]
    assert agent.calendar.filter(subject__contains="jour", start__lt=at(0, 9)).count() == 2
    assert agent.calendar.filter(mock_uid__in=["u7", "u9"]).count() == 2
    assert agent.calendar.exclude(mock_uid="u7").count() == 2
    assert agent.calendar.filter(mock_uid__exists=True).count() == 3


def test_trash_and_moves_of_the_library_work(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    trashed, moved = appointment(agent).save(), appointment(agent, "u2").save()
    exchange.make_folder(AGENT, "Archive")
    trashed.move_to_trash()
    moved.move(agent.calendar / "Archive")
    assert [item.folder for item in exchange.items(AGENT, None)] == ["deleteditems", "Archive"]


def test_the_library_walks_the_folders_and_resolves_names(start, account):
    exchange = served(start, "none")
    exchange.make_folder(AGENT, "Archive")
    agent = account(exchange)
    assert {"Calendar", "Archive", "Deleted Items"} <= {folder.name for folder in agent.root.walk()}
    assert [box.email_address for box in agent.protocol.resolve_names([OTHER])] == [OTHER]
    assert len(list(agent.protocol.get_timezones())) > 10


def test_only_attendees_and_the_clients_word_make_mails(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    attendees = [Attendee(mailbox=Mailbox(email_address=OTHER))]
    appointment(agent, required_attendees=attendees).save()
    assert exchange.mails_sent == 0
    appointment(agent, "u2", required_attendees=attendees).save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert exchange.mails_sent == 1


def test_an_account_without_the_role_is_told_so(start, account):
    exchange = served(start, "ntlm", impersonators={})
    with pytest.raises(ErrorImpersonateUserDenied):
        assert account(exchange).calendar


def test_an_unknown_mailbox_is_told_so(start, account):
    exchange = served(start, "ntlm")
    with pytest.raises(ErrorNonExistentMailbox):
        assert account(exchange, "personne@departement.example").calendar


def test_a_delegate_writes_into_the_calendar_it_may(start, account):
    exchange = served(start, "ntlm", impersonators={}, delegates={SVC: {AGENT: "editor", OTHER: "reviewer"}})
    appointment(account(exchange, access=DELEGATE)).save()
    assert len(exchange.items(AGENT)) == 1
    with pytest.raises(ErrorAccessDenied):
        appointment(account(exchange, OTHER, DELEGATE)).save()


def test_troubles_reach_the_library_as_those_of_an_exchange(start, account):
    """The errors that were measured with exchangelib under FailFast."""
    exchange = served(start, "ntlm")
    agent = account(exchange)
    assert agent.calendar.all().count() == 0
    for fault, error in (
        (Fault(FaultKind.SERVER_BUSY, back_off_ms=4000), ErrorServerBusy),
        (Fault(FaultKind.DROP_BEFORE), ErrorTimeoutExpired),
        (Fault(FaultKind.UNAUTHORIZED), UnauthorizedError),
    ):
        exchange.inject(fault)
        with pytest.raises(error):
            agent.calendar.all().count()
    assert agent.calendar.all().count() == 0


def test_a_busy_server_names_its_back_off_to_the_library(start, account):
    exchange = served(start, "none")
    agent = account(exchange)
    exchange.inject(Fault(FaultKind.SERVER_BUSY, back_off_ms=4000))
    with pytest.raises(ErrorServerBusy) as caught:
        agent.calendar.all().count()
    assert caught.value.back_off == 4
