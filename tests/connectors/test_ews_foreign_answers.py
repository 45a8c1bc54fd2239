"""Answers in publicly documented shapes, with invented values: what each means, and what people read about it.

One row a shape. A change (`CREATE`, `DELETE`) has an outcome; a look-up (`FIND`) and a list (`LIST`) have a result or
an error. `Temporary` is tried again, `Permanent` is given up, `Unconfirmed` is looked up first.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
import responses

from connectors.base import (
    ConnectorError,
    Create,
    Delete,
    Done,
    Failed,
    Found,
    NotFound,
    Outcome,
    Permanent,
    Scope,
    Temporary,
    Unconfirmed,
)
from connectors.ews import EwsConnector, EwsSettings
from receiver.sentences.phrases import cause_sentence
from tests.connectors.conformance import WIDE, entry
from tests.connectors.ews import INSTALLATION, MAILBOX, connected
from tests.connectors.test_ews_answers import URL, answered, created, envelope, message, page

ITEM, BOX, SERVER = Scope.ITEM, Scope.MAILBOX, Scope.SERVER
Meaning = tuple[type, str, Scope]


class Act(Enum):
    """What is asked of the connector."""

    CREATE = "create"
    DELETE = "delete"
    FIND = "find"
    LIST = "list"


@dataclass(frozen=True)
class Shape:
    """One answer, or the answers of one act in order, and what comes of it."""

    name: str
    act: Act
    meaning: Meaning | object
    body: str | bytes | tuple[str, ...] = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def fault(code: str, detail: str = "", coded: str = "") -> str:
    told = f'<e:ResponseCode xmlns:e="e">{coded}</e:ResponseCode>' if coded else ""
    return envelope(
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>invented</faultstring><detail>{told}{detail}</detail></s:Fault>"
    )


def refused(code: str, more: str = "", kind: str = "Error", verb: str = "CreateItem") -> str:
    return answered(verb, message(verb, more, code, kind))


def inner(code: str) -> str:
    values = (
        f'<t:Value Name="InnerErrorResponseCode">{code}</t:Value><t:Value Name="BackOffMilliseconds">5000</t:Value>'
    )
    return refused("ErrorInternalServerError", f"<m:MessageXml>{values}</m:MessageXml>")


LOGON = "<html><head><title>Outlook</title></head><body><form action='/owa/auth.owa'>...</form></body></html>"
YELLOW = (
    "<html><head><title>Runtime Error</title></head><body><h1>Server Error in '/EWS' Application.</h1></body></html>"
)
BASIC, NTLM = {"WWW-Authenticate": 'Basic realm="mail"'}, {"WWW-Authenticate": "Negotiate, NTLM"}
BEARER = {"WWW-Authenticate": 'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers=""'}
OWA = {"Location": "https://mail.departement.example/owa/auth/logon.aspx?url=https%3a%2f%2fmail%2fEWS"}
ERROR_PAGE = {"Location": "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"}
SSO = {"Location": "https://adfs.departement.example/adfs/ls/?wa=wsignin1.0"}
RETRY = {"Retry-After": "120"}

REFUSED_ACCOUNT = (Temporary, "unauthorized", SERVER)
OTHER_PROOF = (Temporary, "auth_not_offered", SERVER)
BUSY = (Temporary, "server_busy", SERVER)
ELSEWHERE = (Temporary, "not_ews", SERVER)
STRANGE = (Unconfirmed, "not_ews", SERVER)
BROKEN = (Unconfirmed, "server_error", SERVER)
CUT = (Unconfirmed, "connection_lost", SERVER)
SHORT = (Unconfirmed, "answer_incomplete", BOX)

# HTTP, and what is no SOAP

HTTP = [
    Shape("200 without a body", Act.CREATE, STRANGE),
    Shape("200 with the sign-in page of OWA", Act.CREATE, STRANGE, LOGON),
    Shape("200 with JSON", Act.CREATE, STRANGE, '{"error":{"code":"InvalidAuthenticationToken"}}'),
    Shape("200 with the page of a web filter", Act.CREATE, STRANGE, "<html><h1>Accès bloqué</h1></html>"),
    Shape("200 cut off", Act.CREATE, STRANGE, answered("CreateItem", created("A="))[:-40]),
    Shape("200 that is not compressed as it says", Act.CREATE, CUT, LOGON, 200, {"Content-Encoding": "gzip"}),
    Shape("200 compressed in a way nobody asked for", Act.CREATE, STRANGE, LOGON, 200, {"Content-Encoding": "br"}),
    Shape("200 with a document type", Act.CREATE, STRANGE, '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>'),
    Shape("204", Act.CREATE, STRANGE, "", 204),
    Shape("301", Act.CREATE, ELSEWHERE, "", 301, SSO),
    Shape("302 to OWA", Act.CREATE, ELSEWHERE, LOGON, 302, OWA),
    Shape("302 to AD FS", Act.CREATE, ELSEWHERE, "", 302, SSO),
    Shape("302 to Exchange's page of errors", Act.CREATE, BROKEN, "", 302, ERROR_PAGE),
    Shape("307", Act.CREATE, ELSEWHERE, "", 307, SSO),
    Shape("400", Act.CREATE, ELSEWHERE, "Bad Request - Invalid Header", 400),
    Shape("401 that offers Basic", Act.CREATE, REFUSED_ACCOUNT, "", 401, BASIC),
    Shape("401 that offers nothing", Act.CREATE, REFUSED_ACCOUNT, "", 401),
    Shape("401 that offers NTLM and Kerberos alone", Act.CREATE, OTHER_PROOF, "", 401, NTLM),
    Shape("401 that offers modern authentication alone", Act.CREATE, OTHER_PROOF, "", 401, BEARER),
    Shape("401 to a look-up", Act.FIND, REFUSED_ACCOUNT, LOGON, 401, BASIC),
    Shape("403 of EwsAllowList", Act.CREATE, (Temporary, "forbidden", SERVER), "", 403),
    Shape("404", Act.CREATE, ELSEWHERE, YELLOW, 404),
    Shape("405", Act.CREATE, ELSEWHERE, "", 405, {"Allow": "GET"}),
    Shape("407 of a proxy", Act.CREATE, ELSEWHERE, "", 407),
    Shape("408", Act.CREATE, ELSEWHERE, "", 408),
    Shape("413", Act.CREATE, ELSEWHERE, "", 413),
    Shape("429", Act.CREATE, BUSY, "", 429, RETRY),
    Shape("440, the session is over", Act.CREATE, ELSEWHERE, "Login Timeout", 440),
    Shape("456, the account is blocked", Act.CREATE, REFUSED_ACCOUNT, "", 456),
    Shape("500 of ASP.NET", Act.CREATE, BROKEN, YELLOW, 500),
    Shape("502", Act.CREATE, BROKEN, "Bad Gateway", 502),
    Shape("503 with a wait", Act.CREATE, BUSY, "Service Unavailable", 503, RETRY),
    Shape("503 without", Act.FIND, BUSY, "<html>maintenance</html>", 503),
    Shape("504 of a load balancer", Act.CREATE, BROKEN, "Gateway Timeout", 504),
    Shape("504 to a look-up", Act.FIND, (Temporary, "server_error", SERVER), "Gateway Timeout", 504),
]

# SOAP faults

FAULTS = [
    Shape(f"fault {code}", Act.CREATE, meaning, fault(f"a:{code}", coded=code), 500)
    for code, meaning in {
        "ErrorServerBusy": BUSY,
        "ErrorExceededConnectionCount": BUSY,
        "ErrorImpersonateUserDenied": (Temporary, "impersonation_denied", BOX),
        "ErrorImpersonationFailed": (Temporary, "impersonation_denied", BOX),
        "ErrorNonExistentMailbox": (Temporary, "mailbox_not_found", BOX),
        "ErrorNonPrimarySmtpAddress": (Temporary, "mailbox_not_found", BOX),
        "ErrorAccountDisabled": (Temporary, "access_denied", BOX),
        "ErrorPasswordExpired": REFUSED_ACCOUNT,
        "ErrorADUnavailable": (Temporary, "directory_unavailable", SERVER),
        "ErrorInvalidServerVersion": (Temporary, "version_mismatch", SERVER),
        "ErrorInvalidSchemaVersionForMailboxVersion": (Temporary, "version_mismatch", SERVER),
        "ErrorMailboxMoveInProgress": (Temporary, "mailbox_moving", BOX),
        "ErrorMailboxStoreUnavailable": (Unconfirmed, "mailbox_unavailable", BOX),
        "ErrorMailboxFailover": (Unconfirmed, "mailbox_unavailable", BOX),
        "ErrorInternalServerTransientError": (Unconfirmed, "server_error", BOX),
        "ErrorTimeoutExpired": (Unconfirmed, "timeout", BOX),
        "ErrorSchemaValidation": (Permanent, "invalid_request", ITEM),
        "ErrorNeverHeardOf": (Temporary, "never_heard_of", BOX),
    }.items()
]
FAULTS += [
    Shape("a fault with no more than a code", Act.CREATE, BUSY, fault("a:ErrorServerBusy"), 500),
    Shape("a fault with status 200", Act.CREATE, BUSY, fault("a:ErrorServerBusy")),
    Shape("a fault of another's making", Act.CREATE, BROKEN, fault("s:Client"), 500),
    Shape("a fault without a code", Act.CREATE, BROKEN, fault(""), 500),
]

# Response messages

ITEMS = [
    Shape(f"item {code}", Act.CREATE, meaning, refused(code))
    for code, meaning in {
        "ErrorItemSave": (Temporary, "item_busy", ITEM),
        "ErrorIrresolvableConflict": (Temporary, "item_busy", ITEM),
        "ErrorQuotaExceeded": (Temporary, "quota_exceeded", BOX),
        "ErrorCreateItemAccessDenied": (Temporary, "access_denied", BOX),
        "ErrorFolderNotFound": (Temporary, "folder_not_found", BOX),
        "ErrorClientDisconnected": (Temporary, "mailbox_unavailable", BOX),
        "ErrorDataSourceOperation": (Temporary, "mailbox_unavailable", BOX),
        "ErrorCrossSiteRequest": (Temporary, "mailbox_unavailable", BOX),
        "ErrorProxyTokenExpired": (Temporary, "mailbox_unavailable", BOX),
        "ErrorCalendarInvalidTimeZone": (Permanent, "unsupported_time_zone", ITEM),
        "ErrorOccurrenceTimeSpanTooBig": (Permanent, "unsupported_recurrence", ITEM),
        "ErrorCalendarDurationIsTooLong": (Permanent, "calendar_duration_is_too_long", ITEM),
        "ErrorItemNotFound": (Temporary, "item_not_found", ITEM),
        "": (Permanent, "refused", ITEM),
    }.items()
]
ITEMS += [
    Shape("an internal error for a busy server", Act.CREATE, BUSY, inner("ErrorServerBusy")),
    Shape(
        "an internal error for a full mailbox",
        Act.CREATE,
        (Temporary, "quota_exceeded", BOX),
        inner("ErrorQuotaExceeded"),
    ),
    Shape(
        "an internal error for something unknown",
        Act.CREATE,
        (Unconfirmed, "server_error", BOX),
        inner("ErrorNeverHeardOf"),
    ),
    Shape("an internal error for nothing", Act.CREATE, (Unconfirmed, "server_error", BOX), inner("")),
    Shape(
        "an item that was left out after another's error",
        Act.DELETE,
        (Temporary, "item_busy", ITEM),
        refused("ErrorBatchProcessingStopped", kind="Warning", verb="DeleteItem"),
    ),
    Shape("an item that was gone", Act.DELETE, NotFound(), refused("ErrorItemNotFound", verb="DeleteItem")),
    Shape("a malformed id", Act.DELETE, NotFound(), refused("ErrorInvalidIdMalformed", verb="DeleteItem")),
    Shape(
        "no right on the deleted items",
        Act.DELETE,
        (Temporary, "item_busy", ITEM),
        refused("ErrorCannotDeleteObject", verb="DeleteItem"),
    ),
    Shape("a removal without more words", Act.DELETE, Done("A="), answered("DeleteItem", message("DeleteItem", ""))),
    Shape(
        "a created item without an id", Act.CREATE, SHORT, answered("CreateItem", message("CreateItem", "<m:Items/>"))
    ),
    Shape("an id that cannot be stored", Act.CREATE, SHORT, answered("CreateItem", created("A" * 5000))),
    Shape("an id beyond ASCII", Act.CREATE, SHORT, answered("CreateItem", created("é="))),
    Shape("an empty id", Act.CREATE, SHORT, answered("CreateItem", created(""))),
    Shape("no message at all", Act.CREATE, STRANGE, envelope("<m:CreateItemResponse/>")),
    Shape("no messages in their holder", Act.CREATE, SHORT, answered("CreateItem")),
    Shape("more messages than items", Act.CREATE, Done("A="), answered("CreateItem", created("A="), created("B="))),
    Shape(
        "a namespace of its own",
        Act.CREATE,
        STRANGE,
        answered("CreateItem", created("A=")).replace("2006/messages", "2016/m"),
    ),
]

# Searches and items that are read

NO_FOLDERS = answered(
    "FindFolder", message("FindFolder", '<m:RootFolder IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>')
)
FOUND = page("a", last="true", offset=None)
EMPTY = page(last="true", offset=None)
UNREADABLE = (Temporary, "item_unreadable", BOX)
TIMES = "<t:Start>2026-12-07T09:30:00Z</t:Start><t:End>2026-12-07T10:15:00Z</t:End>"
ZONE = '<t:StartTimeZone Id="{}"/>'


def item(inside: str, item_id: str = '<t:ItemId Id="a="/>') -> tuple[str, ...]:
    got = f"<m:Items><t:CalendarItem>{item_id}{inside}</t:CalendarItem></m:Items>"
    return NO_FOLDERS, FOUND, answered("GetItem", message("GetItem", got))


def marked(**shown: Any) -> dict[str, Any]:
    return {"item_id": "a=", "minutes": 45, "zone": "UTC", **shown}


DAILY = (
    "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NoEndRecurrence>"
    "<t:StartDate>2026-12-07</t:StartDate></t:NoEndRecurrence></t:Recurrence>"
)
EXCEPTIONS = (
    "<t:ModifiedOccurrences><t:Occurrence><t:ItemId Id='o='/><t:Start>2026-12-08T11:00:00Z</t:Start></t:Occurrence>"
    "</t:ModifiedOccurrences><t:DeletedOccurrences><t:DeletedOccurrence><t:Start>2026-12-09T09:30:00Z</t:Start>"
    "</t:DeletedOccurrence></t:DeletedOccurrences>"
)
NOT_A_SERIES = "<t:Recurrence><t:DailyRecurrence/><t:NoEndRecurrence/></t:Recurrence>"

READ = [
    Shape("found", Act.FIND, {"a": [Found("a=", "a")]}, (FOUND,)),
    Shape("nothing, and no sub-folder", Act.FIND, {"a": []}, (EMPTY, NO_FOLDERS)),
    Shape(
        "no element for the sub-folders",
        Act.FIND,
        {"a": []},
        (EMPTY, answered("FindFolder", message("FindFolder", ""))),
    ),
    Shape("no element for the items", Act.FIND, ELSEWHERE, (answered("FindItem", message("FindItem", "")),)),
    Shape("an item without an id", Act.FIND, ELSEWHERE, (FOUND.replace('<t:ItemId Id="a="/>', ""),)),
    Shape("an item without our marks", Act.FIND, UNREADABLE, (FOUND.replace("RdvUid", "Other"),)),
    Shape("a page that says nothing of the next", Act.FIND, ELSEWHERE, (page("a", last="", offset=None),)),
    Shape("a page that leads back", Act.FIND, ELSEWHERE, (page("a", last="false", offset="0"),)),
    Shape(
        "a closed calendar",
        Act.FIND,
        (Temporary, "access_denied", BOX),
        (refused("ErrorAccessDenied", verb="FindItem"),),
    ),
    Shape(
        "a restriction that is too long",
        Act.FIND,
        (Temporary, "restriction_too_complex", BOX),
        (refused("ErrorRestrictionTooComplex", verb="FindItem"),),
    ),
    Shape(
        "a zone that Windows has",
        Act.LIST,
        marked(zone="Europe/Paris"),
        item(TIMES + ZONE.format("Romance Standard Time")),
    ),
    Shape("a zone of Outlook's making", Act.LIST, marked(), item(TIMES + ZONE.format("tzone://Microsoft/Custom"))),
    Shape("a zone without an id", Act.LIST, marked(), item(TIMES + ZONE.format(""))),
    Shape(
        "a zone in the server's language", Act.LIST, marked(), item(TIMES + ZONE.format("(UTC+01:00) Bruxelles, Paris"))
    ),
    Shape("a zone that is a path", Act.LIST, marked(), item(TIMES + ZONE.format("../../etc/passwd"))),
    Shape("no zone", Act.LIST, marked(), item(TIMES)),
    Shape("times with fractions", Act.LIST, marked(), item(TIMES.replace(":00Z", ":00.000Z"))),
    Shape("times without an offset", Act.LIST, marked(), item(TIMES.replace("Z", ""))),
    Shape("no start", Act.LIST, UNREADABLE, item("<t:End>2026-12-07T10:15:00Z</t:End>")),
    Shape("an empty start", Act.LIST, UNREADABLE, item(TIMES.replace("2026-12-07T09:30:00Z", ""))),
    Shape("empty elements", Act.LIST, marked(), item(f"<t:Subject/><t:Body/><t:Categories/>{TIMES}<t:Location/>")),
    Shape("a series with exceptions", Act.LIST, marked(), item(TIMES + DAILY + EXCEPTIONS)),
    Shape("a series whose rule cannot be read", Act.LIST, UNREADABLE, item(TIMES + NOT_A_SERIES)),
    Shape(
        "a message without an item",
        Act.LIST,
        (Temporary, "answer_incomplete", BOX),
        (NO_FOLDERS, FOUND, answered("GetItem", message("GetItem", "<m:Items/>"))),
    ),
    Shape("an item without an id when it is read", Act.LIST, ELSEWHERE, item(TIMES, "")),
    Shape(
        "an item that went meanwhile", Act.LIST, {}, (NO_FOLDERS, FOUND, refused("ErrorItemNotFound", verb="GetItem"))
    ),
]

SHAPES = [*HTTP, *FAULTS, *ITEMS, *READ]

FRENCH = {
    "access_denied": "Le compte de service n'a pas accès à ce calendrier.",
    "answer_incomplete": "La réponse d'Exchange est incomplète.",
    "auth_not_offered": "Le serveur n'accepte pas cette façon de s'authentifier.",
    "calendar_duration_is_too_long": "Le calendrier a répondu par une erreur non répertoriée (calendar_duration_is",
    "connection_lost": "La connexion a été coupée pendant l'appel.",
    "directory_unavailable": "Exchange n'atteint pas l'Active Directory.",
    "folder_not_found": "Cette boîte n'a pas de calendrier accessible.",
    "forbidden": "Le serveur reconnaît le compte mais lui interdit EWS.",
    "impersonation_denied": "Le compte de service n'a pas le droit d'emprunt d'identité sur cette boîte.",
    "invalid_request": "Exchange refuse cette demande.",
    "item_busy": "L'entrée est utilisée en même temps par un autre programme.",
    "item_not_found": "L'entrée n'est plus là où elle avait été écrite",
    "item_unreadable": "Une entrée ne peut pas être relue",
    "mailbox_moving": "La boîte est en cours de déplacement.",
    "mailbox_not_found": "Aucune boîte à cette adresse.",
    "mailbox_unavailable": "La base de la boîte est indisponible",
    "never_heard_of": "Le calendrier a répondu par une erreur non répertoriée (never_heard_of).",
    "not_ews": "La réponse ne vient pas d'EWS",
    "quota_exceeded": "La boîte est pleine.",
    "refused": "Exchange refuse cette demande.",
    "restriction_too_complex": "Le calendrier a répondu par une erreur non répertoriée (restriction_too_complex).",
    "server_busy": "Exchange limite le débit ou est surchargé.",
    "server_error": "Exchange a répondu par une erreur interne.",
    "timeout": "Pas de réponse dans le délai.",
    "unauthorized": "Le serveur refuse le compte de service.",
    "unsupported_recurrence": "Exchange ne peut pas tenir cette répétition",
    "unsupported_time_zone": "Le serveur ne connaît pas le fuseau horaire de cet événement.",
    "version_mismatch": "Le serveur ne parle pas cette version d'EWS.",
}
"""How the sentence begins that people read about each code of the table."""


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as web:
        yield web


@pytest.fixture
def connector() -> Iterator[EwsConnector]:
    settings = EwsSettings(URL, "Exchange2016", "basic", "impersonation", "svc", "secret", INSTALLATION)
    with connected(settings) as connector:
        yield connector


def of_outcome(outcome: Outcome) -> object:
    if isinstance(outcome, Failed):
        return of_error(outcome.error)
    return (Unconfirmed, outcome.code, outcome.scope) if isinstance(outcome, Unconfirmed) else outcome


def of_error(error: ConnectorError) -> Meaning:
    return type(error), error.code, error.scope


def listed(connector: EwsConnector) -> dict[str, Any]:
    for found in connector.list_marked(MAILBOX, *WIDE):
        minutes = (found.entry.end - found.entry.start).total_seconds() // 60
        return {"item_id": found.item_id, "minutes": minutes, "zone": found.entry.time_zone}
    return {}


ACTS: Mapping[Act, Callable[[EwsConnector], object]] = {
    Act.CREATE: lambda connector: of_outcome(connector.apply(MAILBOX, [Create(entry("a"))])[0]),
    Act.DELETE: lambda connector: of_outcome(connector.apply(MAILBOX, [Delete("A=")])[0]),
    Act.FIND: lambda connector: connector.find(MAILBOX, ["a"]),
    Act.LIST: listed,
}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_what_a_foreign_answer_means(connector: EwsConnector, web: responses.RequestsMock, shape: Shape) -> None:
    for body in shape.body if isinstance(shape.body, tuple) else (shape.body,):
        web.post(URL, status=shape.status, body=body, headers=dict(shape.headers))
    try:
        met = ACTS[shape.act](connector)
    except ConnectorError as error:
        met = of_error(error)
    assert met == shape.meaning


@pytest.mark.parametrize(
    "shape", [each for each in SHAPES if isinstance(each.meaning, tuple)], ids=lambda each: each.name
)
def test_people_read_what_it_means(shape: Shape) -> None:
    assert isinstance(shape.meaning, tuple)
    assert cause_sentence(shape.meaning[1]).startswith(FRENCH[shape.meaning[1]])


def test_the_table_is_long_and_says_nothing_twice() -> None:
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 60
    assert FRENCH.keys() == {shape.meaning[1] for shape in SHAPES if isinstance(shape.meaning, tuple)}
