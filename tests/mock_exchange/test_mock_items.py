"""Items on the wire: their ids and change keys, what may be set, what is answered."""

import threading
from datetime import UTC, datetime

import pytest

from mock_exchange import MockExchange
from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import (
    GUID,
    TIMES,
    UID_URI,
    Factory,
    acting_as,
    create,
    delete,
    event,
    get,
    post,
    set_field,
    update,
)


def make_one(exchange: MockExchange, subject: str = "Suivi") -> tuple[str, str]:
    created = post(exchange, create(event(subject, uid="u1"))).all("//t:ItemId")[0]
    return created.get("Id"), created.get("ChangeKey")


def test_a_created_item_is_stored_as_it_was_sent(exchange):
    inner = (
        "<t:ReminderIsSet>false</t:ReminderIsSet>"
        f"<t:ExtendedProperty>{UID_URI}<t:Value>u1</t:Value></t:ExtendedProperty>"
        "<t:Start>2026-12-07T10:00:00+01:00</t:Start><t:End>2026-12-07T11:00:00+01:00</t:End>"
        "<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Maison</t:Location>"
        '<t:StartTimeZone Id="Romance Standard Time"/>'
    )
    item = (
        "<t:CalendarItem><t:Subject>Suivi &amp; bilan</t:Subject><t:Sensitivity>Private</t:Sensitivity>"
        '<t:Body BodyType="HTML">&lt;p&gt;Lien&lt;/p&gt;</t:Body>'
        f"<t:Categories><t:String>RDV</t:String></t:Categories>{inner}</t:CalendarItem>"
    )
    assert post(exchange, create(item)).codes == ["NoError"]
    (stored,) = exchange.items(AGENT)
    assert (stored.subject, stored.body, stored.body_type) == ("Suivi & bilan", "<p>Lien</p>", "HTML")
    assert stored.start == datetime(2026, 12, 7, 9, tzinfo=UTC)
    assert stored.end == datetime(2026, 12, 7, 10, tzinfo=UTC)
    assert (stored.time_zone, stored.location, stored.show_as) == ("Romance Standard Time", "Maison", "OOF")
    assert (stored.sensitivity, stored.reminder, stored.categories) == ("Private", None, ("RDV",))
    assert stored.extended == {(GUID, "RdvUid"): "u1"}
    assert (stored.mailbox, stored.folder) == (AGENT, "calendar")


def test_what_a_client_leaves_out_gets_exchanges_defaults(exchange):
    """A reminder among them: a client that wants none has to say so."""
    post(exchange, create(event("x")))
    (stored,) = exchange.items(AGENT)
    assert (stored.show_as, stored.sensitivity, stored.reminder) == ("Busy", "Normal", 15)


def test_booleans_are_answered_as_words(exchange):
    """exchangelib sends digits, and reads only words."""
    digits = f"<t:ReminderIsSet>1</t:ReminderIsSet>{TIMES}<t:IsAllDayEvent>0</t:IsAllDayEvent>"
    item_id = post(exchange, create(event("x", digits))).ids()[0]
    reply = post(exchange, get(item_id, shape="AllProperties"))
    assert reply.texts("//t:ReminderIsSet") + reply.texts("//t:IsAllDayEvent") == ["true", "false"]
    assert exchange.items(AGENT)[0].reminder == 15


def test_a_time_without_offset_is_meant_in_the_zone_of_the_header(exchange):
    zone = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Romance Standard Time"/></t:TimeZoneContext>'
    local = "<t:Start>2026-07-01T10:00:00</t:Start><t:End>2026-07-01T11:00:00</t:End>"
    post(exchange, create(event("x", local)), zone)
    assert exchange.items(AGENT)[0].start == datetime(2026, 7, 1, 8, tzinfo=UTC)


def test_get_item_answers_only_what_was_asked_for(exchange):
    item_id, _ = make_one(exchange)
    assert post(exchange, get(item_id)).names("//t:CalendarItem") == ["ItemId"]


def test_get_item_answers_in_schema_order_whatever_the_order_of_the_question(exchange):
    item_id, _ = make_one(exchange)
    asked = (
        f'<t:FieldURI FieldURI="calendar:End"/>{UID_URI}<t:FieldURI FieldURI="item:Subject"/>'
        '<t:FieldURI FieldURI="calendar:Start"/>'
    )
    reply = post(exchange, get(item_id, more=asked))
    assert reply.names("//t:CalendarItem") == ["ItemId", "Subject", "ExtendedProperty", "Start", "End"]
    assert reply.texts("//t:ExtendedProperty/t:Value") == ["u1"]


@pytest.mark.parametrize("shape", ["Default", "AllProperties"])
def test_the_wide_shapes_are_answered(exchange, shape):
    item_id, _ = make_one(exchange)
    names = post(exchange, get(item_id, shape=shape)).names("//t:CalendarItem")
    assert {"Subject", "Start", "End", "Location", "UID"} <= set(names)
    assert "ExtendedProperty" not in names


def test_times_are_answered_in_utc_and_whole_seconds(exchange):
    """exchangelib rejects fractions of a second and yields None."""
    precise = "<t:Start>2026-12-07T10:00:00.250+01:00</t:Start><t:End>2026-12-07T10:30:00.999Z</t:End>"
    item_id = post(exchange, create(event("x", precise))).ids()[0]
    reply = post(exchange, get(item_id, shape="AllProperties"))
    assert reply.texts("//t:Start") + reply.texts("//t:End") == ["2026-12-07T09:00:00Z", "2026-12-07T10:30:00Z"]


def test_well_known_tags_are_answered_under_their_tag(exchange):
    item_id, _ = make_one(exchange)
    asked = "".join(
        f'<t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/>'
        for tag, kind in (("0x3008", "SystemTime"), ("0x10f3", "String"), ("0x0e23", "Integer"), ("0x7fff", "String"))
    )
    reply = post(exchange, get(item_id, more=asked))
    tags = [uri.get("PropertyTag") for uri in reply.all("//t:ExtendedFieldURI")]
    assert tags == ["0x3008", "0x10f3", "0x0e23"]


def test_an_array_property_comes_back_with_all_its_values(exchange):
    uri = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="Many" PropertyType="StringArray"/>'
    values = "<t:Values><t:Value>a</t:Value><t:Value>b</t:Value></t:Values>"
    item_id = post(
        exchange, create(event("x", f"<t:ExtendedProperty>{uri}{values}</t:ExtendedProperty>{TIMES}"))
    ).ids()[0]
    assert post(exchange, get(item_id, more=uri)).texts("//t:Values/t:Value") == ["a", "b"]
    assert exchange.items(AGENT)[0].extended == {(GUID, "Many"): ("a", "b")}


def test_a_property_set_named_by_word_is_the_one_named_by_guid(exchange):
    item_id, _ = make_one(exchange)
    by_word = '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="K" PropertyType="String"/>'
    by_guid = by_word.replace(
        'DistinguishedPropertySetId="PublicStrings"', 'PropertySetId="00020329-0000-0000-C000-000000000046"'
    )
    value = f"<t:ExtendedProperty>{by_word}<t:Value>v</t:Value></t:ExtendedProperty>"
    post(exchange, update(item_id, set_field(by_word, value)))
    assert post(exchange, get(item_id, more=by_guid)).texts("//t:Value") == ["v"]


def test_an_html_body_can_be_asked_for_as_text(exchange):
    body = '<t:Body BodyType="HTML">&lt;p&gt;Un &amp;amp; deux&lt;/p&gt;</t:Body>'
    item = event("x", body + TIMES)
    item_id = post(exchange, create(item)).ids()[0]
    asked = '<t:FieldURI FieldURI="item:Body"/>'
    reply = post(exchange, get(item_id, more=asked, options="<t:BodyType>Text</t:BodyType>"))
    assert reply.texts("//t:Body") == ["Un & deux"]


def test_an_update_changes_only_the_fields_it_names_and_gives_a_new_change_key(exchange):
    item_id, key = make_one(exchange)
    reply = post(exchange, update(item_id, set_field("calendar:Location", "<t:Location>Ici</t:Location>")))
    new = reply.all("//t:ItemId")[0]
    assert new.get("Id") == item_id
    assert new.get("ChangeKey") != key
    (stored,) = exchange.items(AGENT)
    assert (stored.subject, stored.location, stored.change_key) == ("Suivi", "Ici", new.get("ChangeKey"))


def test_delete_item_field_empties_a_field(exchange):
    item_id, _ = make_one(exchange)
    gone = f"<t:DeleteItemField>{UID_URI}</t:DeleteItemField>"
    subject = '<t:DeleteItemField><t:FieldURI FieldURI="item:Subject"/></t:DeleteItemField>'
    assert post(exchange, update(item_id, gone, subject)).codes == ["NoError"]
    (stored,) = exchange.items(AGENT)
    assert (stored.extended, stored.subject) == ({}, "")


def test_append_adds_to_a_body(exchange):
    item_id, _ = make_one(exchange)
    append = (
        '<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:CalendarItem>'
        '<t:Body BodyType="Text">a</t:Body></t:CalendarItem></t:AppendToItemField>'
    )
    post(exchange, update(item_id, append))
    post(exchange, update(item_id, append))
    assert exchange.items(AGENT)[0].body == "aa"


NEW_SUBJECT = set_field("item:Subject", "<t:Subject>Neuf</t:Subject>")


def test_a_stale_change_key_conflicts_unless_overwriting(exchange):
    item_id, key = make_one(exchange)
    exchange.edit_item(item_id, subject="Autre")
    refused = post(exchange, update(item_id, NEW_SUBJECT, key=key, resolution="AutoResolve"))
    assert refused.codes == ["ErrorIrresolvableConflict"]
    assert exchange.items(AGENT)[0].subject == "Autre"
    assert post(exchange, update(item_id, NEW_SUBJECT, key=key)).codes == ["NoError"]


def test_an_update_without_change_key_needs_overwriting(exchange):
    item_id, _ = make_one(exchange)
    refused = post(exchange, update(item_id, NEW_SUBJECT, resolution="NeverOverwrite"))
    assert refused.codes == ["ErrorChangeKeyRequiredForWriteOperations"]
    assert post(exchange, update(item_id, NEW_SUBJECT)).codes == ["NoError"]


def test_what_is_no_change_key_is_refused(exchange):
    item_id, _ = make_one(exchange)
    assert post(exchange, update(item_id, NEW_SUBJECT, key="AAAA", resolution="AutoResolve")).codes == [
        "ErrorInvalidChangeKey"
    ]


def test_an_item_deleted_for_ever_is_not_found(exchange):
    item_id, _ = make_one(exchange)
    assert post(exchange, delete(item_id)).codes == ["NoError"]
    assert post(exchange, delete(item_id)).codes == ["ErrorItemNotFound"]
    assert post(exchange, get(item_id)).codes == ["ErrorItemNotFound"]
    assert post(exchange, update(item_id, NEW_SUBJECT)).codes == ["ErrorItemNotFound"]


@pytest.mark.parametrize(
    ("how", "folder"), [("MoveToDeletedItems", "deleteditems"), ("SoftDelete", "recoverableitemsdeletions")]
)
def test_a_deleted_item_lives_on_elsewhere_under_a_new_id(exchange, how, folder):
    item_id, _ = make_one(exchange)
    assert post(exchange, delete(item_id, how=how)).codes == ["NoError"]
    assert exchange.items(AGENT) == []
    (moved,) = exchange.items(AGENT, folder)
    assert moved.item_id != item_id
    assert post(exchange, get(item_id)).codes == ["ErrorItemNotFound"]


def test_a_text_that_is_no_id_is_malformed(exchange):
    assert post(exchange, get("nowhere")).codes == ["ErrorInvalidIdMalformed"]


def test_a_batch_keeps_its_order_and_one_bad_item_costs_no_other(exchange):
    backwards = TIMES.replace("T10:", "T08:")
    reply = post(exchange, create(event("a"), event("b", backwards), event("c")))
    assert reply.codes == ["NoError", "ErrorCalendarEndDateIsEarlierThanStartDate", "NoError"]
    classes = [message.get("ResponseClass") for message in reply.all("//m:CreateItemResponseMessage")]
    assert classes == ["Success", "Error", "Success"]
    assert [item.subject for item in exchange.items(AGENT)] == ["a", "c"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (event("x" * 256), "ErrorPropertyValidationFailure"),
        (event("x", TIMES.replace("2026-12-07T10", "2036-12-07T10")), "ErrorCalendarDurationIsTooLong"),
        (event("x", TIMES + "<t:IsRecurring>true</t:IsRecurring>"), "ErrorInvalidPropertySet"),
        (
            event("x", TIMES).replace("<t:Subject>", '<t:ItemId Id="AAAA"/><t:Subject>'),
            "ErrorInvalidPropertySet",
        ),
        ("<t:Task><t:Subject>x</t:Subject></t:Task>", "ErrorInvalidRequest"),
        (
            event(
                "x",
                f'<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="N" '
                f'PropertyType="Integer"/><t:Value>n</t:Value></t:ExtendedProperty>{TIMES}',
            ),
            "ErrorInvalidExtendedPropertyValue",
        ),
        (
            event(
                "x",
                f'<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="{GUID}" PropertyTag="0x1" '
                f'PropertyType="String"/><t:Value>n</t:Value></t:ExtendedProperty>{TIMES}',
            ),
            "ErrorInvalidExtendedProperty",
        ),
    ],
)
def test_exchanges_limits_are_enforced(exchange, item, code):
    assert post(exchange, create(item)).codes == [code]
    assert exchange.items(AGENT) == []


def test_a_subject_of_255_characters_fits(exchange):
    assert post(exchange, create(event("x" * 255))).codes == ["NoError"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (set_field("item:Subject", "<t:Location>x</t:Location>"), "ErrorUpdatePropertyMismatch"),
        (set_field("item:Subject", "<t:Subject/><t:Location/>"), "ErrorIncorrectUpdatePropertyCount"),
        (set_field("item:Size", "<t:Size>1</t:Size>"), "ErrorInvalidPropertySet"),
        (
            set_field("calendar:End", "<t:End>2026-12-07T08:00:00Z</t:End>"),
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        (
            '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Start"/></t:DeleteItemField>',
            "ErrorInvalidPropertyDelete",
        ),
        (
            set_field("item:Subject", "<t:Subject>x</t:Subject>").replace("SetItemField", "AppendToItemField"),
            "ErrorInvalidPropertyAppend",
        ),
    ],
)
def test_a_refused_update_changes_nothing(exchange, change, code):
    item_id, key = make_one(exchange)
    assert post(exchange, update(item_id, NEW_SUBJECT, change)).codes == [code]
    (stored,) = exchange.items(AGENT)
    assert (stored.subject, stored.change_key) == ("Suivi", key)


def test_start_and_end_of_one_update_are_judged_together(exchange):
    item_id, _ = make_one(exchange)
    later = (
        set_field("calendar:Start", "<t:Start>2026-12-08T09:00:00Z</t:Start>"),
        set_field("calendar:End", "<t:End>2026-12-08T10:00:00Z</t:End>"),
    )
    assert post(exchange, update(item_id, *later)).codes == ["NoError"]


def test_the_word_on_invitations_is_required_for_calendar_items(exchange):
    assert post(exchange, create(event("x"), send="")).codes == ["ErrorSendMeetingInvitationsRequired"]
    item_id, _ = make_one(exchange)
    assert post(exchange, delete(item_id, send="")).codes == ["ErrorSendMeetingCancellationsRequired"]
    wordless = update(item_id, NEW_SUBJECT).replace(' SendMeetingInvitationsOrCancellations="SendToNone"', "")
    assert post(exchange, wordless).codes == ["ErrorSendMeetingInvitationsOrCancellationsRequired"]


ATTENDED = (
    TIMES + "<t:RequiredAttendees>"
    "<t:Attendee><t:Mailbox><t:EmailAddress>a@x.example</t:EmailAddress></t:Mailbox></t:Attendee>"
    "<t:Attendee><t:Mailbox><t:EmailAddress>b@x.example</t:EmailAddress></t:Mailbox></t:Attendee>"
    "</t:RequiredAttendees>"
)


def test_mails_to_attendees_are_counted(exchange):
    post(exchange, create(event("x", ATTENDED), send=' SendMeetingInvitations="SendOnlyToAll"'))
    assert exchange.mails_sent == 2
    assert exchange.requests[-1].send_mode == "SendOnlyToAll"


def test_send_to_none_sends_nothing(exchange):
    item_id = post(exchange, create(event("x", ATTENDED))).ids()[0]
    post(exchange, update(item_id, NEW_SUBJECT))
    post(exchange, delete(item_id))
    assert exchange.mails_sent == 0
    assert [recorded.send_mode for recorded in exchange.requests] == ["SendToNone"] * 3


def test_a_recurrence_comes_back_as_it_was_sent(exchange):
    weekly = (
        "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
        "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2026-12-07Z</t:StartDate></t:NoEndRecurrence>"
        "</t:Recurrence>"
    )
    item_id = post(exchange, create(event("x", TIMES + weekly))).ids()[0]
    asked = '<t:FieldURI FieldURI="calendar:Recurrence"/><t:FieldURI FieldURI="calendar:CalendarItemType"/>'
    reply = post(exchange, get(item_id, more=asked))
    assert reply.texts("//t:Recurrence//t:DaysOfWeek") == ["Monday"]
    assert reply.texts("//t:CalendarItemType") == ["RecurringMaster"]


def test_a_calendar_item_is_not_created_outside_a_calendar(exchange):
    inbox = '<t:DistinguishedFolderId Id="inbox"/>'
    assert post(exchange, create(event("x"), folder=inbox)).codes == [
        "ErrorCannotCreateCalendarItemInNonCalendarFolder"
    ]


def test_move_item_gives_a_new_id_and_copy_item_keeps_the_old(exchange):
    folder = exchange.make_folder(AGENT, "Archive")
    item_id, _ = make_one(exchange)
    inner = f'<m:ToFolderId><t:FolderId Id="{folder}"/></m:ToFolderId><m:ItemIds><t:ItemId Id="{item_id}"/></m:ItemIds>'
    copy = post(exchange, f"<m:CopyItem>{inner}</m:CopyItem>").ids()[0]
    moved = post(exchange, f"<m:MoveItem>{inner}</m:MoveItem>").ids()[0]
    assert len({item_id, copy, moved}) == 3
    assert {item.item_id for item in exchange.items(AGENT, "Archive")} == {copy, moved}
    assert exchange.items(AGENT) == []


def test_an_agents_hand_moves_copies_edits_and_deletes(exchange):
    item_id, key = make_one(exchange)
    exchange.make_folder(AGENT, "Archive")
    copy = exchange.copy_item(item_id)
    moved = exchange.move_item(item_id, "Archive")
    assert exchange.edit_item(copy, subject="Autre", start=datetime(2026, 12, 7, 8, tzinfo=UTC)).change_key != key
    assert [item.subject for item in exchange.items(AGENT)] == ["Autre"]
    assert exchange.items(AGENT)[0].extended == {(GUID, "RdvUid"): "u1"}
    assert [item.item_id for item in exchange.items(AGENT, "Archive")] == [moved]
    exchange.delete_item(copy, to="deleteditems")
    exchange.delete_item(moved)
    assert [item.folder for item in exchange.items(AGENT, None)] == ["deleteditems"]


def test_two_mailboxes_do_not_see_each_others_items(start: Factory):
    exchange = start()
    post(exchange, create(event("a")), acting_as(AGENT))
    post(exchange, create(event("b")), acting_as(OTHER))
    assert [item.subject for item in exchange.items(AGENT)] == ["a"]
    assert [item.subject for item in exchange.items(OTHER)] == ["b"]


def test_concurrent_batches_lose_nothing(exchange):
    """Items are made in threads, one for each connection."""
    threads = [
        threading.Thread(target=post, args=(exchange, create(*(event(f"{n}-{i}") for i in range(20)))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    items = exchange.items(AGENT)
    assert len({item.subject for item in items}) == 160
    assert len({item.item_id for item in items}) == 160
