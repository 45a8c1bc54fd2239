"""Whose mailbox an id lies in, what a caller may do there, and a mailbox that changes its address."""

from itertools import product

import pytest
from exchangelib.errors import ErrorNonExistentMailbox
from exchangelib.properties import EWS_ID, AlternateId

from mock_exchange import Fault, FaultKind, MockExchange
from mock_exchange.errors import EwsError
from tests.mock_exchange.conftest import AGENT, OTHER, Open
from tests.mock_exchange.wire import CALENDAR, Factory, Reply, acting_as, create, event, find, get, post

SVC = "DOMAINE\\svc"
BASIC = (SVC, "p")
ALIAS = "alias@departement.example"
NEW = "agent.nouveau@departement.example"
NOTATIONS = ["EwsId", "EwsLegacyId", "EntryId", "HexEntryId", "StoreId", "OwaId"]
RIGHTS = '<t:FieldURI FieldURI="{}:EffectiveRights"/>'


def calendar_of(mailbox: str) -> str:
    address = f"<t:Mailbox><t:EmailAddress>{mailbox}</t:EmailAddress></t:Mailbox>"
    return f'<t:DistinguishedFolderId Id="calendar">{address}</t:DistinguishedFolderId>'


def convert(*sources: tuple[str, str, str], to: str = "EwsId") -> str:
    ids = "".join(
        f'<t:AlternateId Format="{notation}" Id="{text}" Mailbox="{mailbox}"/>' for notation, text, mailbox in sources
    )
    return f'<m:ConvertId DestinationFormat="{to}"><m:SourceIds>{ids}</m:SourceIds></m:ConvertId>'


def converted(reply: Reply) -> list[tuple[str, str, str]]:
    return [tuple(each.get(name) for name in ("Format", "Id", "Mailbox")) for each in reply.all("//m:AlternateId")]


def get_folder(reference: str, more: str = "") -> str:
    asked = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    shape = f"<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>{asked}</m:FolderShape>"
    return f"<m:GetFolder>{shape}<m:FolderIds>{reference}</m:FolderIds></m:GetFolder>"


def calendar_id(exchange: MockExchange, mailbox: str = AGENT) -> str:
    return exchange.store.distinguished(mailbox, "calendar").id


def granted(reply: Reply) -> set[str]:
    (rights,) = reply.all("//t:EffectiveRights")
    assert {each.text for each in rights} <= {"true", "false"}
    return {each.tag.partition("}")[2] for each in rights if each.text == "true"}


# ConvertId


@pytest.mark.parametrize("address", [AGENT, ALIAS, OTHER, "blah@blah.example"])
def test_an_id_names_its_mailbox_whatever_address_is_given_beside_it(start: Factory, address: str):
    """As Exchange does: DavMail finds out its user's address so."""
    exchange = start(AGENT, OTHER, aliases={AGENT: [ALIAS]})
    folder_id = calendar_id(exchange)
    reply = post(exchange, convert(("EwsId", folder_id, address)), acting_as(ALIAS))
    assert (reply.codes, converted(reply)) == (["NoError"], [("EwsId", folder_id, AGENT)])
    assert exchange.requests[-1].batch == 1


@pytest.mark.parametrize(("source", "target"), list(product(NOTATIONS, NOTATIONS)))
def test_every_notation_leads_to_every_other_and_back(exchange: MockExchange, source: str, target: str):
    item_id = post(exchange, create(event("x"))).ids()[0]
    (written,) = converted(post(exchange, convert(("EwsId", item_id, AGENT), to=source)))
    (again,) = converted(post(exchange, convert(written, to=target)))
    assert (again[0], again[2]) == (target, AGENT)
    assert converted(post(exchange, convert(again))) == [("EwsId", item_id, AGENT)]


def test_a_batch_of_ids_is_answered_one_by_one_in_order(exchange: MockExchange):
    good = calendar_id(exchange)
    item_id = post(exchange, create(event("x"))).ids()[0]
    gone = exchange.copy_item(item_id)
    exchange.delete_item(gone)
    sources = [("EwsId", good, AGENT), ("EwsId", gone, AGENT), ("EwsId", "nonsense", AGENT), ("EwsId", item_id, AGENT)]
    reply = post(exchange, convert(*sources))
    assert reply.codes == ["NoError", "ErrorItemNotFound", "ErrorInvalidIdMalformed", "NoError"]
    assert [each[1] for each in converted(reply)] == [good, item_id]


@pytest.mark.parametrize(
    ("notation", "text", "address", "code"),
    [
        ("EwsId", None, "nobody", "ErrorInvalidSmtpAddress"),
        ("EwsLegacyId", None, AGENT, "ErrorInvalidIdMalformedEwsLegacyIdFormat"),
        ("StoreId", None, AGENT, "ErrorInvalidIdMalformed"),
        ("HexEntryId", "xyz", AGENT, "ErrorInvalidIdMalformed"),
        ("HexEntryId", "00ff", AGENT, "ErrorInvalidIdMalformed"),
    ],
)
def test_what_is_no_id_or_no_address_is_refused(exchange: MockExchange, notation, text, address, code):
    text = text or calendar_id(exchange)
    assert post(exchange, convert((notation, text, address))).codes == [code]


@pytest.mark.parametrize("notation", ["EntryId", "HexEntryId", "StoreId"])
def test_an_id_of_the_store_needs_the_address_of_its_mailbox(exchange: MockExchange, notation: str):
    (stored,) = converted(post(exchange, convert(("EwsId", calendar_id(exchange), AGENT), to=notation)))
    for address, code in ((OTHER, "ErrorItemNotFound"), ("personne@x.example", "ErrorNonExistentMailbox")):
        assert post(exchange, convert((*stored[:2], address))).codes == [code]


def test_the_id_of_a_mailbox_that_the_caller_may_not_see_tells_nothing(start: Factory):
    exchange = start(auth="basic", users={SVC: "p"}, delegates={SVC: {AGENT: "reviewer"}})
    sources = [("EwsId", calendar_id(exchange, mailbox), AGENT) for mailbox in (AGENT, OTHER)]
    assert post(exchange, convert(*sources), auth=BASIC).codes == ["NoError", "ErrorAccessDenied"]
    assert exchange.requests[-1].mailbox == AGENT


def test_there_are_no_public_folders(exchange: MockExchange):
    source = '<t:AlternatePublicFolderId Format="EwsId" FolderId="x"/>'
    call = f'<m:ConvertId DestinationFormat="EwsId"><m:SourceIds>{source}</m:SourceIds></m:ConvertId>'
    assert post(exchange, call).codes == ["ErrorInvalidOperation"]


def test_exchangelib_reads_the_converted_id(start: Factory, account: Open):
    exchange = start(AGENT, aliases={AGENT: [ALIAS]})
    asked = AlternateId(id=calendar_id(exchange), format=EWS_ID, mailbox=ALIAS)
    (told,) = account(exchange).protocol.convert_ids([asked], destination_format=EWS_ID)
    assert told == AlternateId(id=asked.id, format=EWS_ID, mailbox=AGENT)


# Effective rights


@pytest.mark.parametrize(
    ("level", "on_the_folder", "on_an_item"),
    [
        ("reviewer", {"Read"}, {"Read"}),
        ("editor", {"Read", "CreateContents", "CreateAssociated"}, {"Read", "Modify", "Delete"}),
    ],
)
def test_a_delegates_rights_are_told_as_they_are(start: Factory, level, on_the_folder, on_an_item):
    """Those on a folder are on the folder itself: its items' editor may not delete the calendar."""
    exchange = start(auth="basic", users={SVC: "p"}, impersonators={SVC: None}, delegates={SVC: {AGENT: level}})
    item_id = post(exchange, create(event("x")), acting_as(AGENT), BASIC).ids()[0]
    calls = {
        get_folder(calendar_of(AGENT), RIGHTS.format("folder")): on_the_folder,
        get(item_id, more=RIGHTS.format("item")): on_an_item,
        find(folders=calendar_of(AGENT), more=RIGHTS.format("item")): on_an_item,
    }
    for call, expected in calls.items():
        assert granted(post(exchange, call, auth=BASIC)) == expected | {"ViewPrivateItems"}


def test_the_owner_and_who_impersonates_the_owner_have_every_right_on_the_calendar(start: Factory):
    exchange = start(auth="basic", users={SVC: "p", AGENT: "q"}, impersonators={SVC: None})
    call = get_folder(CALENDAR, RIGHTS.format("folder"))
    everything = granted(post(exchange, call, acting_as(AGENT), BASIC))
    assert everything == granted(post(exchange, call, auth=(AGENT, "q")))
    assert everything >= {"CreateContents", "CreateHierarchy", "Delete", "Modify", "Read"}


def test_a_sub_folder_that_is_listed_tells_the_same_rights(start: Factory):
    exchange = start(auth="basic", users={SVC: "p"}, delegates={SVC: {AGENT: "reviewer"}})
    exchange.make_folder(AGENT, "Archives")
    shape = (
        f"<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{RIGHTS.format('folder')}"
        "</t:AdditionalProperties></m:FolderShape>"
    )
    parents = f"<m:ParentFolderIds>{calendar_of(AGENT)}</m:ParentFolderIds>"
    call = f'<m:FindFolder Traversal="Deep">{shape}{parents}</m:FindFolder>'
    assert granted(post(exchange, call, auth=BASIC)) == {"Read", "ViewPrivateItems"}


# A change of address


def test_a_renamed_mailbox_is_the_same_under_all_its_addresses(start: Factory):
    exchange = start(AGENT, OTHER, aliases={AGENT: [ALIAS]})
    item_id = post(exchange, create(event("x")), acting_as(AGENT)).ids()[0]
    folder_id = calendar_id(exchange)
    exchange.rename_mailbox(ALIAS, NEW)
    for address in (AGENT, ALIAS, NEW):
        assert post(exchange, get(item_id), acting_as(address)).ids() == [item_id]
        assert converted(post(exchange, convert(("EwsId", folder_id, address)), acting_as(address))) == [
            ("EwsId", folder_id, NEW)
        ]
        assert [(item.item_id, item.mailbox) for item in exchange.items(address)] == [(item_id, NEW)]
        assert exchange.requests[-1].mailbox == NEW
    assert len(exchange.items(OTHER)) == 0


def test_an_address_can_come_and_go(start: Factory):
    exchange = start(AGENT)
    exchange.rename_mailbox(AGENT, NEW)
    exchange.rename_mailbox(NEW, AGENT)
    exchange.rename_mailbox(AGENT, AGENT.upper())
    (mailbox,) = exchange.store.mailboxes.values()
    assert (mailbox.address, mailbox.aliases) == (AGENT.upper(), [NEW])
    assert exchange.items(NEW) == exchange.items(AGENT) == []


def test_a_taken_address_and_an_unknown_mailbox_are_refused(start: Factory):
    exchange = start(AGENT, OTHER, aliases={OTHER: [ALIAS]})
    for taken in (OTHER, ALIAS, OTHER.upper()):
        with pytest.raises(ValueError, match="another mailbox"):
            exchange.rename_mailbox(AGENT, taken)
    with pytest.raises(EwsError, match="ErrorNonExistentMailbox"):
        exchange.rename_mailbox("personne@departement.example", NEW)
    assert exchange.items(AGENT) == []


def test_rights_and_planned_troubles_follow_the_mailbox(start: Factory):
    exchange = start(auth="basic", users={SVC: "p"}, impersonators={SVC: [OTHER]}, delegates={SVC: {AGENT: "editor"}})
    exchange.inject(Fault(kind=FaultKind.ITEM_ERROR, mailbox=AGENT, verb="CreateItem", code="ErrorQuotaExceeded"))
    exchange.rename_mailbox(AGENT, NEW)
    exchange.rename_mailbox(OTHER, "autre.nouveau@departement.example")
    codes = [post(exchange, create(event("x"), folder=calendar_of(NEW)), auth=BASIC).codes for _ in range(2)]
    assert codes == [["ErrorQuotaExceeded"], ["NoError"]]
    assert post(exchange, create(event("x")), acting_as(OTHER), BASIC).codes == ["NoError"]


def test_exchangelib_goes_on_under_the_new_address(start: Factory, account: Open):
    exchange = start(AGENT)
    exchange.rename_mailbox(AGENT, NEW)
    assert account(exchange, NEW).calendar.name == "Calendar"
    with pytest.raises(ErrorNonExistentMailbox):
        _ = account(exchange, "personne@departement.example").calendar


def test_the_new_address_is_what_the_directory_tells(exchange: MockExchange):
    exchange.rename_mailbox(AGENT, NEW)
    call = (
        f'<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{AGENT}</m:UnresolvedEntry></m:ResolveNames>'
    )
    assert post(exchange, call).texts("//t:EmailAddress") == [NEW]
