"""Answers that no Exchange gives but that something on the way to it may, and those the mock cannot give."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
import responses

from connectors.base import Create, Delete, Done, Failed, Permanent, Probe, Scope, Temporary, Unconfirmed, Update
from connectors.ews import EwsConnector, EwsSettings
from tests.connectors.conformance import WIDE, entry
from tests.connectors.ews import ALIAS, INSTALLATION, MAILBOX, connected

URL = "https://mail.departement.example/EWS/Exchange.asmx"


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as web:
        yield web


@pytest.fixture
def connector() -> Iterator[EwsConnector]:
    settings = EwsSettings(URL, "Exchange2016", "basic", "impersonation", "svc", "secret", INSTALLATION)
    with connected(settings) as connector:
        yield connector


def envelope(content: str, header: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
        f"<s:Header>{header}</s:Header><s:Body>{content}</s:Body></s:Envelope>"
    )


def answered(verb: str, *messages: str) -> str:
    return envelope(
        f"<m:{verb}Response><m:ResponseMessages>{''.join(messages)}</m:ResponseMessages></m:{verb}Response>"
    )


def message(verb: str, content: str, code: str = "NoError", kind: str = "Success") -> str:
    return (
        f'<m:{verb}ResponseMessage ResponseClass="{kind}"><m:ResponseCode>{code}</m:ResponseCode>'
        f"{content}</m:{verb}ResponseMessage>"
    )


def created(item_id: str) -> str:
    return message("CreateItem", f'<m:Items><t:CalendarItem><t:ItemId Id="{item_id}"/></t:CalendarItem></m:Items>')


@pytest.mark.parametrize(
    ("status", "code"),
    [(301, "not_ews"), (302, "not_ews"), (400, "not_ews"), (404, "not_ews"), (405, "not_ews"), (413, "not_ews")],
)
def test_an_answer_before_any_work_is_a_failure(
    connector: EwsConnector, web: responses.RequestsMock, status: int, code: str
) -> None:
    web.post(URL, status=status, body="<html>jean.dupont@example</html>", headers={"Location": "https://elsewhere/"})
    (outcome,) = connector.apply(MAILBOX, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Temporary)
    assert (outcome.error.code, outcome.error.scope) == (code, Scope.SERVER)
    assert len(web.calls) == 1


def test_a_forbidden_account_is_told_as_such(connector: EwsConnector, web: responses.RequestsMock) -> None:
    web.post(URL, status=403)
    with pytest.raises(Temporary, match="forbidden") as caught:
        connector.probe(MAILBOX)
    assert caught.value.scope is Scope.SERVER


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        (" 7 ", 7, 7),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", None, None),
        ("-5", None, None),
    ],
)
def test_a_busy_server_says_how_long_to_wait(
    connector: EwsConnector, web: responses.RequestsMock, status: int, header: str, least: float, most: float
) -> None:
    web.post(URL, status=status, headers={"Retry-After": header})
    with pytest.raises(Temporary, match="server_busy") as caught:
        connector.find(MAILBOX, ["a"])
    assert caught.value.retry_after_s in {least, most}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, "", "not_ews"),
        (200, "<html><body>Sign in</body></html>", "not_ews"),
        (200, '{"json": true}', "not_ews"),
        (200, envelope(""), "not_ews"),
        (200, envelope("<m:GetItemResponse/>"), "not_ews"),
        (200, '<?xml version="1.0"?><a/>', "not_ews"),
        (204, "", "not_ews"),
        (500, "<html>Server Error in '/EWS' Application</html>", "server_error"),
        (500, "", "server_error"),
        (
            500,
            envelope("<s:Fault><faultcode>s:Client</faultcode><faultstring>?</faultstring></s:Fault>"),
            "server_error",
        ),
        (502, "Bad Gateway", "server_error"),
        (504, "Gateway Timeout", "server_error"),
    ],
)
def test_a_strange_answer_leaves_the_change_in_doubt(
    connector: EwsConnector, web: responses.RequestsMock, status: int, body: str, code: str
) -> None:
    """A proxy may have answered for a server that did the work. Whoever it was answers so for every mailbox."""
    web.post(URL, status=status, body=body)
    assert connector.apply(MAILBOX, [Create(entry())]) == [Unconfirmed(code, Scope.SERVER)]
    with pytest.raises(Temporary, match=code) as caught:
        connector.find(MAILBOX, ["a"])
    assert caught.value.scope is Scope.SERVER


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("jean.dupont"),
        requests.exceptions.SSLError(),
        requests.exceptions.ChunkedEncodingError(),
    ],
)
def test_a_connection_that_breaks_leaves_the_change_in_doubt(
    connector: EwsConnector, web: responses.RequestsMock, error: Exception
) -> None:
    web.post(URL, body=error)
    assert connector.apply(MAILBOX, [Create(entry())]) == [Unconfirmed("connection_lost", Scope.SERVER)]


def test_a_read_that_times_out_leaves_the_change_in_doubt(connector: EwsConnector, web: responses.RequestsMock) -> None:
    """And is held against this mailbox alone: one that hangs must not stop the others."""
    web.post(URL, body=requests.ReadTimeout())
    assert connector.apply(MAILBOX, [Create(entry())]) == [Unconfirmed("timeout", Scope.MAILBOX)]
    with pytest.raises(Temporary, match="timeout") as caught:
        connector.find(MAILBOX, ["a"])
    assert caught.value.scope is Scope.MAILBOX


def test_an_answer_without_an_id_shifts_no_other(connector: EwsConnector, web: responses.RequestsMock) -> None:
    """exchangelib skips what is empty, and would give the third item's id to the second."""
    empty = message("CreateItem", "<m:Items/>")
    web.post(URL, body=answered("CreateItem", created("A="), empty, created("C=")))
    outcomes = connector.apply(MAILBOX, [Create(entry(uid)) for uid in "abc"])
    assert outcomes == [Done("A="), Unconfirmed("answer_incomplete"), Done("C=")]


def test_an_updated_item_without_an_id_keeps_its_own(connector: EwsConnector, web: responses.RequestsMock) -> None:
    web.post(URL, body=answered("UpdateItem", message("UpdateItem", "<m:Items/>")))
    assert connector.apply(MAILBOX, [Update("A=", entry())]) == [Done("A=")]


def test_the_reason_behind_an_internal_error_is_judged(connector: EwsConnector, web: responses.RequestsMock) -> None:
    inner = '<m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorQuotaExceeded</t:Value></m:MessageXml>'
    web.post(URL, body=answered("CreateItem", message("CreateItem", inner, "ErrorInternalServerError", "Error")))
    (outcome,) = connector.apply(MAILBOX, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.error.scope) == ("quota_exceeded", Scope.MAILBOX)


def test_items_left_undone_are_tried_again(connector: EwsConnector, web: responses.RequestsMock) -> None:
    stopped = message("DeleteItem", "", "ErrorBatchProcessingStopped", "Warning")
    web.post(URL, body=answered("DeleteItem", message("DeleteItem", ""), stopped))
    done, left = connector.apply(MAILBOX, [Delete("A="), Delete("B=")])
    assert done == Done("A=")
    assert isinstance(left, Failed)
    assert isinstance(left.error, Temporary)


@pytest.mark.parametrize("code", ["ErrorNeverHeardOf", "jean.dupont@example", ""])
def test_a_code_that_nobody_knows_is_kept_only_where_it_is_one(
    connector: EwsConnector, web: responses.RequestsMock, code: str
) -> None:
    web.post(URL, body=answered("CreateItem", message("CreateItem", "", code, "Error")))
    (outcome,) = connector.apply(MAILBOX, [Create(entry())])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Permanent)
    assert outcome.error.code == ("never_heard_of" if code == "ErrorNeverHeardOf" else "refused")


def page(*uids: str, last: str, offset: str | None, installation: str = INSTALLATION) -> str:
    def item(uid: str) -> str:
        marks = "".join(
            "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId='38CDCC78-53AD-4F70-B322-95EFA82260E4' "
            f"PropertyName='{name}' PropertyType='String'/><t:Value>{value}</t:Value></t:ExtendedProperty>"
            for name, value in (("RdvUid", uid), ("RdvInstallation", installation))
        )
        return f'<t:CalendarItem><t:ItemId Id="{uid}="/>{marks}</t:CalendarItem>'

    next_offset = "" if offset is None else f'IndexedPagingOffset="{offset}"'
    items = "".join(item(uid) for uid in uids)
    root = f'<m:RootFolder IncludesLastItemInRange="{last}" {next_offset}><t:Items>{items}</t:Items></m:RootFolder>'
    return answered("FindItem", message("FindItem", root))


def test_a_page_that_is_not_the_last_is_followed_however_the_server_writes_it(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    """XML Schema has two ways to write a boolean; exchangelib takes 1 for false and 0 for true."""
    web.post(URL, body=page("a", last="0", offset="1"))
    web.post(URL, body=page("b", last="1", offset="2"))
    found = connector.find(MAILBOX, ["a", "b"])
    assert [found[uid][0].item_id for uid in "ab"] == ["a=", "b="]


@pytest.mark.parametrize(
    ("last", "offset"), [("false", None), ("false", "0"), ("false", "x"), ("maybe", "1"), ("", None)]
)
def test_a_page_that_leads_nowhere_is_unknown_and_not_the_end(
    connector: EwsConnector, web: responses.RequestsMock, last: str, offset: str | None
) -> None:
    web.post(URL, body=page("a", last=last, offset=offset))
    with pytest.raises(Temporary, match="not_ews"):
        connector.find(MAILBOX, ["a"])


def test_what_the_server_found_beyond_the_question_is_dropped(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    """Exchange compares without regard to case, and a server may ignore a restriction."""
    folders = '<m:RootFolder IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>'
    web.post(URL, body=page("A", "other", last="true", offset=None))
    web.post(URL, body=answered("FindFolder", message("FindFolder", folders)))
    assert connector.find(MAILBOX, ["a"]) == {"a": []}
    web.reset()
    web.post(URL, body=page("a", last="true", offset=None, installation=INSTALLATION.upper()))
    web.post(URL, body=answered("FindFolder", message("FindFolder", folders)))
    assert connector.find(MAILBOX, ["a"]) == {"a": []}


def test_a_server_that_hides_the_marks_cannot_say_absent(connector: EwsConnector, web: responses.RequestsMock) -> None:
    web.post(URL, body=page("a", last="true", offset=None).replace("RdvUid", "Something"))
    with pytest.raises(Temporary, match="item_unreadable"):
        connector.find(MAILBOX, ["a"])


def test_an_item_whose_time_cannot_be_read_is_an_error_of_the_mailbox(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    folders = '<m:RootFolder IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>'
    web.post(URL, body=answered("FindFolder", message("FindFolder", folders)))
    web.post(URL, body=page("a", last="true", offset=None))
    item = '<m:Items><t:CalendarItem><t:ItemId Id="a="/><t:Subject>x</t:Subject></t:CalendarItem></m:Items>'
    web.post(URL, body=answered("GetItem", message("GetItem", item)))
    with pytest.raises(Temporary, match="item_unreadable") as caught:
        list(connector.list_marked(MAILBOX, *WIDE))
    assert caught.value.scope is Scope.MAILBOX


RIGHTS = "<t:EffectiveRights><t:CreateContents>{0}</t:CreateContents><t:Modify>{0}</t:Modify></t:EffectiveRights>"
EDITORS_RIGHTS = {"CreateContents": "true", "Delete": "false", "Modify": "false", "Read": "true"}
FOLDER = '<m:Folders><t:CalendarFolder><t:FolderId Id="F="/>{}</t:CalendarFolder></m:Folders>'
OWNER = (
    '<m:AlternateId xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="t:AlternateIdType" '
    f'Format="EwsId" Id="F=" Mailbox="{MAILBOX}"/>'
)


def test_a_probe_tells_the_mailboxs_own_address(connector: EwsConnector, web: responses.RequestsMock) -> None:
    """An old and a new address of one mailbox are one."""
    web.post(URL, body=answered("GetFolder", message("GetFolder", FOLDER.format(RIGHTS.format("true")))))
    web.post(URL, body=answered("ConvertId", message("ConvertId", OWNER)))
    assert connector.probe(ALIAS) == Probe(MAILBOX, None, identity=MAILBOX)


def test_a_probe_stands_without_the_owners_address(connector: EwsConnector, web: responses.RequestsMock) -> None:
    for refused in (answered("ConvertId", message("ConvertId", "", "ErrorInvalidOperation", "Error")), ""):
        web.post(URL, body=answered("GetFolder", message("GetFolder", FOLDER.format(""))))
        web.post(URL, body=refused)
        assert connector.probe(ALIAS) == Probe(ALIAS, None)
        web.reset()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (message("ConvertId", "", "ErrorInvalidOperation", "Error"), "invalid_operation"),
        (message("ConvertId", "", "ErrorInvalidIdMalformed", "Error"), "item_not_found"),
        (message("ConvertId", "", "ErrorNonExistentMailbox", "Error"), "mailbox_not_found"),
        (message("ConvertId", ""), "answer_incomplete"),
        (message("ConvertId", OWNER.replace(MAILBOX, "")), "answer_incomplete"),
        (message("ConvertId", OWNER.replace(MAILBOX, "/o=Exchange/cn=agent")), "answer_incomplete"),
        (message("ConvertId", OWNER) * 2, "answer_incomplete"),
        ("", "not_ews"),
    ],
)
def test_an_identity_is_told_by_the_server_or_not_at_all(
    connector: EwsConnector, web: responses.RequestsMock, told: str, code: str
) -> None:
    """A guess would have one mailbox taken for two. And no single item is at fault: the mailbox must wait."""
    web.post(URL, body=answered("GetFolder", message("GetFolder", FOLDER.format(""))))
    web.post(URL, body=answered("ConvertId", told) if told else "")
    with pytest.raises(Temporary) as caught:
        connector.identify(ALIAS)
    assert caught.value.code == code
    assert caught.value.scope is (Scope.SERVER if code == "not_ews" else Scope.MAILBOX)


def test_a_request_that_is_refused_is_the_mailboxs_trouble(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    fault = "<s:Fault><faultcode>a:ErrorInvalidRequest</faultcode><faultstring>?</faultstring></s:Fault>"
    web.post(URL, status=500, body=envelope(fault))
    with pytest.raises(Permanent, match="invalid_request") as caught:
        connector.identify(MAILBOX)
    assert caught.value.scope is Scope.MAILBOX


def test_an_identity_is_lower_case_however_the_server_writes_it(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    web.post(URL, body=answered("GetFolder", message("GetFolder", FOLDER.format(""))))
    web.post(URL, body=answered("ConvertId", message("ConvertId", OWNER.replace(MAILBOX, "A.Un@Dept.Example"))))
    assert connector.identify(ALIAS) == "a.un@dept.example"


def test_a_calendar_without_an_id_identifies_nobody(connector: EwsConnector, web: responses.RequestsMock) -> None:
    nameless = FOLDER.format("").replace('<t:FolderId Id="F="/>', "")
    web.post(URL, body=answered("GetFolder", message("GetFolder", nameless)))
    with pytest.raises(Temporary, match="not_ews"):
        connector.identify(MAILBOX)


def test_an_editor_of_the_items_is_no_editor_of_the_folder(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    """The rights to modify and delete are told of the folder itself, and a delegate has them not."""
    rights = "".join(f"<t:{name}>{yes}</t:{name}>" for name, yes in EDITORS_RIGHTS.items())
    told = FOLDER.format(f"<t:EffectiveRights>{rights}</t:EffectiveRights>")
    web.post(URL, body=answered("GetFolder", message("GetFolder", told)))
    web.post(URL, body=answered("ConvertId", message("ConvertId", OWNER)))
    assert connector.probe(MAILBOX) == Probe(MAILBOX, None, identity=MAILBOX)


def test_a_calendar_that_may_only_be_read_is_told_by_the_probe(
    connector: EwsConnector, web: responses.RequestsMock
) -> None:
    """Reading is not enough: `check` must find it out before the first appointment does."""
    web.post(URL, body=answered("GetFolder", message("GetFolder", FOLDER.format(RIGHTS.format("false")))))
    with pytest.raises(Temporary, match="access_denied") as caught:
        connector.probe(MAILBOX)
    assert caught.value.scope is Scope.MAILBOX


def test_times_are_asked_for_in_utc(connector: EwsConnector, web: responses.RequestsMock) -> None:
    """The host's zone must not matter."""
    folders = '<m:RootFolder IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>'
    web.post(URL, body=answered("FindFolder", message("FindFolder", folders)))
    web.post(URL, body=page(last="true", offset=None))
    end = datetime(2026, 7, 1, 4, tzinfo=ZoneInfo("Europe/Paris"))
    assert list(connector.list_marked(MAILBOX, WIDE[0], end)) == []
    request = web.calls[1].request.body
    assert b'TimeZoneDefinition Id="UTC"' in request
    assert b'Value="2026-07-01T02:00:00Z"' in request
