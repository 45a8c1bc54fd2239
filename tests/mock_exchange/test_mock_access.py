"""Who may do what: authentication, impersonation, delegation, addresses."""

import base64

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from tests.mock_exchange.conftest import AGENT, OTHER
from tests.mock_exchange.wire import (
    CALENDAR,
    TIMES,
    Factory,
    acting_as,
    create,
    delete,
    envelope,
    event,
    find,
    get,
    post,
)

SVC = "DOMAINE\\svc"
BASIC = (SVC, "mot de passe")
USERS = {SVC: "mot de passe"}


def calendar_of(mailbox: str) -> str:
    address = f"<t:Mailbox><t:EmailAddress>{mailbox}</t:EmailAddress></t:Mailbox>"
    return f'<t:DistinguishedFolderId Id="calendar">{address}</t:DistinguishedFolderId>'


@pytest.mark.parametrize("kind", ["SmtpAddress", "PrimarySmtpAddress", "PrincipalName"])
def test_an_impersonator_acts_as_the_mailbox(start: Factory, kind):
    exchange = start(auth="basic", users=USERS, impersonators={SVC: None})
    assert post(exchange, create(event("x")), acting_as(OTHER, kind), BASIC).codes == ["NoError"]
    assert len(exchange.items(OTHER)) == 1
    assert exchange.requests[-1].mailbox == OTHER


def test_impersonation_can_be_limited_to_mailboxes(start: Factory):
    exchange = start(auth="basic", users=USERS, impersonators={SVC: {OTHER}})
    assert post(exchange, create(event("x")), acting_as(OTHER), BASIC).codes == ["NoError"]
    refused = post(exchange, create(event("x")), acting_as(AGENT), BASIC)
    assert (refused.status, refused.codes) == (500, ["ErrorImpersonateUserDenied"])


def test_an_account_without_the_role_may_impersonate_nobody(start: Factory):
    exchange = start(auth="basic", users=USERS, impersonators={})
    assert post(exchange, create(event("x")), acting_as(AGENT), BASIC).codes == ["ErrorImpersonateUserDenied"]
    assert exchange.items(AGENT) == []


def test_impersonating_an_address_that_nobody_has_is_a_fault(start: Factory):
    exchange = start(auth="basic", users=USERS, impersonators={SVC: None})
    reply = post(exchange, create(event("x")), acting_as("personne@departement.example"), BASIC)
    assert (reply.status, reply.codes) == (500, ["ErrorNonExistentMailbox"])


def test_an_alias_leads_to_the_same_mailbox(start: Factory):
    exchange = start(AGENT, aliases={AGENT: ["ancien@departement.example"]})
    post(exchange, create(event("x")), acting_as("ANCIEN@departement.example"))
    assert len(exchange.items(AGENT)) == len(exchange.items("ancien@departement.example")) == 1
    assert exchange.requests[-1].mailbox == AGENT


def test_a_delegate_writes_where_it_is_editor_and_reads_where_it_is_reviewer(start: Factory):
    rights = {SVC: {AGENT: "editor", OTHER: "reviewer"}}
    exchange = start(AGENT, OTHER, "tiers@x.example", auth="basic", users=USERS, delegates=rights)
    codes = [
        post(exchange, create(event("x"), folder=calendar_of(box)), auth=BASIC).codes[0]
        for box in (AGENT, OTHER, "tiers@x.example", "personne@x.example")
    ]
    assert codes == ["NoError", "ErrorAccessDenied", "ErrorAccessDenied", "ErrorNonExistentMailbox"]
    assert post(exchange, find(folders=calendar_of(OTHER)), auth=BASIC).codes == ["NoError"]
    assert post(exchange, find(folders=calendar_of("tiers@x.example")), auth=BASIC).codes == ["ErrorAccessDenied"]


def test_an_items_id_alone_opens_no_mailbox(start: Factory):
    """A client that mixes mailboxes up must notice."""
    exchange = start()
    item_id = post(exchange, create(event("x")), acting_as(AGENT)).ids()[0]
    assert post(exchange, get(item_id), acting_as(OTHER)).codes == ["ErrorAccessDenied"]
    assert post(exchange, delete(item_id), acting_as(OTHER)).codes == ["ErrorAccessDenied"]
    assert len(exchange.items(AGENT)) == 1


def test_the_record_names_the_mailbox_also_of_an_item_that_its_call_removed(start: Factory):
    exchange = start(auth="basic", users=USERS, delegates={SVC: {AGENT: "editor"}})
    item_id = post(exchange, create(event("x"), folder=calendar_of(AGENT)), auth=BASIC).ids()[0]
    post(exchange, delete(item_id), auth=BASIC)
    assert [recorded.mailbox for recorded in exchange.requests] == [AGENT, AGENT]


def test_an_account_without_mailbox_must_name_one(start: Factory):
    exchange = start(auth="basic", users=USERS, impersonators={SVC: None})
    assert post(exchange, find(folders=CALENDAR), auth=BASIC).codes == ["ErrorMissingEmailAddress"]


def test_an_account_named_by_address_owns_that_mailbox(start: Factory):
    exchange = start(auth="basic", users={OTHER: "p"})
    assert post(exchange, create(event("x"), folder=""), auth=(OTHER, "p")).codes == ["NoError"]
    assert len(exchange.items(OTHER)) == 1


@pytest.mark.parametrize(
    "header", [None, "Basic !!", "Basic " + base64.b64encode(b"DOMAINE\\svc:faux").decode(), "NTLM x"]
)
def test_basic_refuses_what_is_no_proof(start: Factory, header):
    exchange = start(auth="basic", users=USERS)
    headers = {"Authorization": header} if header else {}
    answer = requests.post(exchange.url, data=envelope(find()), headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert [(recorded.verb, recorded.status) for recorded in exchange.requests] == [("FindItem", 401)]


def test_no_record_holds_credentials(start: Factory):
    exchange = start(auth="basic", users=USERS, impersonators={SVC: None})
    post(exchange, find(), acting_as(AGENT), BASIC)
    assert "authorization" not in {name.lower() for name in exchange.requests[0].headers}


def ntlm_session(user: str = SVC, password: str = "mot de passe") -> requests.Session:
    session = requests.Session()
    session.auth = HttpNtlmAuth(user, password)
    return session


def test_ntlm_takes_three_posts_on_a_new_connection_then_one(start: Factory):
    exchange = start(auth="ntlm", users=USERS, impersonators={SVC: None})
    with ntlm_session() as session:
        for _ in range(2):
            assert session.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10).status_code == 200
    assert [recorded.status for recorded in exchange.requests] == [401, 401, 200, 200]


def test_ntlm_proves_the_connection_and_no_other(start: Factory):
    exchange = start(auth="ntlm", users=USERS, impersonators={SVC: None})
    with ntlm_session() as session:
        assert session.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10).status_code == 200
        elsewhere = requests.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10)
    assert elsewhere.status_code == 401
    assert elsewhere.headers["WWW-Authenticate"] == "NTLM"


@pytest.mark.parametrize(("user", "password"), [(SVC, "faux"), ("DOMAINE\\inconnu", "mot de passe")])
def test_ntlm_refuses_a_wrong_password_and_a_wrong_name(start: Factory, user, password):
    exchange = start(auth="ntlm", users=USERS, impersonators={SVC: None})
    with ntlm_session(user, password) as session:
        assert session.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10).status_code == 401


def test_ntlm_knows_a_user_by_principal_name_and_without_regard_to_case(start: Factory):
    exchange = start(
        auth="ntlm", users={"svc@departement.example": "p"}, impersonators={"svc@departement.example": None}
    )
    with ntlm_session("SVC@departement.example", "p") as session:
        assert session.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10).status_code == 200


def test_two_servers_in_one_process_keep_their_users_apart(start: Factory):
    """pyspnego reads the path of its users from the environment, which they share."""
    first = start(auth="ntlm", users={SVC: "un"}, impersonators={SVC: None})
    second = start(auth="ntlm", users={SVC: "deux"}, impersonators={SVC: None})
    statuses = []
    for exchange, password in ((first, "un"), (second, "deux"), (first, "deux")):
        with ntlm_session(password=password) as session:
            statuses.append(session.post(exchange.url, data=envelope(find(), acting_as(AGENT)), timeout=10).status_code)
    assert statuses == [200, 200, 401]


@pytest.mark.parametrize("level", ["editor-without-private", "reviewer-without-private"])
def test_a_delegate_who_may_not_see_private_items_finds_none_and_opens_none(start: Factory, level):
    exchange = start(AGENT, auth="basic", users=USERS | {AGENT: "p"}, delegates={SVC: {AGENT: level}})
    private, plain = (
        post(
            exchange,
            create(f"<t:CalendarItem><t:Subject>x</t:Subject>{sensitivity}{TIMES}</t:CalendarItem>"),
            auth=(AGENT, "p"),
        ).ids()[0]
        for sensitivity in ("<t:Sensitivity>Private</t:Sensitivity>", "<t:Sensitivity>Personal</t:Sensitivity>")
    )
    view = '<m:CalendarView StartDate="2026-12-01T00:00:00Z" EndDate="2027-01-01T00:00:00Z"/>'
    for asked in (find(folders=calendar_of(AGENT)), find(view=view, folders=calendar_of(AGENT))):
        assert post(exchange, asked, auth=BASIC).ids() == [plain]
    assert post(exchange, get(private, plain), auth=BASIC).codes == ["ErrorAccessDenied", "NoError"]
    assert post(exchange, delete(private), auth=BASIC).codes == ["ErrorAccessDenied"]
    rights = post(exchange, get(plain, more='<t:FieldURI FieldURI="item:EffectiveRights"/>'), auth=BASIC)
    assert rights.texts("//t:ViewPrivateItems") == ["false"]
    assert rights.texts("//t:Modify") == ["true" if level.startswith("editor") else "false"]


def test_a_delegate_may_make_private_items_that_it_then_does_not_see(start: Factory):
    exchange = start(AGENT, auth="basic", users=USERS, delegates={SVC: {AGENT: "editor-without-private"}})
    item = f"<t:CalendarItem><t:Subject>x</t:Subject><t:Sensitivity>Private</t:Sensitivity>{TIMES}</t:CalendarItem>"
    assert post(exchange, create(item, folder=calendar_of(AGENT)), auth=BASIC).codes == ["NoError"]
    assert post(exchange, find(folders=calendar_of(AGENT)), auth=BASIC).ids() == []
    assert len(exchange.items(AGENT)) == 1
