"""FindItem, FindFolder, GetFolder: restrictions, windows, pages."""

import pytest

from mock_exchange import MockExchange
from tests.mock_exchange.conftest import AGENT
from tests.mock_exchange.wire import CALENDAR, UID_URI, create, event, find, post

SUBJECT = '<t:FieldURI FieldURI="item:Subject"/>'
END = '<t:FieldURI FieldURI="calendar:End"/>'
START = '<t:FieldURI FieldURI="calendar:Start"/>'


def times(day: int, hour: int = 9) -> str:
    return f"<t:Start>2026-12-{day:02}T{hour:02}:00:00Z</t:Start><t:End>2026-12-{day:02}T{hour + 1:02}:00:00Z</t:End>"


def test(kind: str, path: str, value: str) -> str:
    against = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return f"<t:{kind}>{path}{against}</t:{kind}>"


test.__test__ = False  # a word of restrictions, not a test


@pytest.fixture
def agenda(exchange: MockExchange) -> MockExchange:
    """Three marked items and one of the agent's own."""
    marked = [event(f"s{n}", times(n), uid=f"u{n}") for n in (1, 2, 3)]
    post(exchange, create(*marked, event("own", times(4))))
    return exchange


def found(exchange: MockExchange, restriction: str, **options: str) -> list[str]:
    reply = post(exchange, find(restriction, more=SUBJECT, **options))
    assert set(reply.codes) == {"NoError"}
    return reply.texts("//t:Subject")


U1, U2 = test("IsEqualTo", UID_URI, "u1"), test("IsEqualTo", UID_URI, "u2")


@pytest.mark.parametrize(
    ("restriction", "subjects"),
    [
        ("", ["s1", "s2", "s3", "own"]),
        (U1, ["s1"]),
        (test("IsEqualTo", UID_URI, "U1"), ["s1"]),
        (test("IsNotEqualTo", UID_URI, "u1"), ["s2", "s3", "own"]),
        (f"<t:Exists>{UID_URI}</t:Exists>", ["s1", "s2", "s3"]),
        (f"<t:Not><t:Exists>{UID_URI}</t:Exists></t:Not>", ["own"]),
        (f"<t:Or>{U1}{U2}</t:Or>", ["s1", "s2"]),
        (f"<t:And>{U1}{U2}</t:And>", []),
        (f"<t:And><t:Or>{U1}{U2}</t:Or><t:Not>{U1}</t:Not></t:And>", ["s2"]),
        (f"<t:And><t:Or><t:And>{U1}{U1}</t:And><t:Not><t:Not>{U2}</t:Not></t:Not></t:Or>{U2}</t:And>", ["s2"]),
        (test("IsGreaterThan", START, "2026-12-02T10:00:00+01:00"), ["s3", "own"]),
        (test("IsGreaterThanOrEqualTo", START, "2026-12-03T10:00:00+01:00"), ["s3", "own"]),
        (test("IsLessThan", START, "2026-12-02T09:00:00Z"), ["s1"]),
        (test("IsLessThanOrEqualTo", START, "2026-12-02T09:00:00Z"), ["s1", "s2"]),
        (
            f"<t:IsGreaterThan>{START}<t:FieldURIOrConstant>{END}</t:FieldURIOrConstant></t:IsGreaterThan>",
            [],
        ),
    ],
)
def test_restrictions_select_as_exchange_does(agenda, restriction, subjects):
    """Texts compare without regard to case, and a property that is not set differs from everything."""
    assert found(agenda, restriction) == subjects


@pytest.mark.parametrize(
    ("mode", "comparison", "text", "subjects"),
    [
        ("Substring", "Exact", "w", ["own"]),
        ("Substring", "Exact", "W", []),
        ("Substring", "IgnoreCase", "W", ["own"]),
        ("Prefixed", "Exact", "s", ["s1", "s2", "s3"]),
        ("FullString", "Exact", "s1", ["s1"]),
        ("FullString", "Exact", "s", []),
        ("PrefixOnWords", "Exact", "ow", ["own"]),
        ("ExactPhrase", "Exact", "ow", []),
    ],
)
def test_contains_looks_inside_texts(agenda, mode, comparison, text, subjects):
    contains = (
        f'<t:Contains ContainmentMode="{mode}" ContainmentComparison="{comparison}">'
        f'{SUBJECT}<t:Constant Value="{text}"/></t:Contains>'
    )
    assert found(agenda, contains) == subjects


def test_a_property_that_exchange_cannot_search_is_refused(agenda):
    """The iCalendar UID is one: it can be written, not found."""
    by_uid = test("IsEqualTo", '<t:FieldURI FieldURI="calendar:UID"/>', "x")
    assert post(agenda, find(by_uid)).codes == ["ErrorUnsupportedPathForQuery"]


def test_several_folders_answer_with_a_message_each(agenda):
    folder = agenda.make_folder(AGENT, "Archive")
    agenda.move_item(agenda.items(AGENT)[0].item_id, "Archive")
    both = f'{CALENDAR}<t:FolderId Id="{folder}"/><t:FolderId Id="nowhere"/>'
    reply = post(agenda, find(folders=both, more=SUBJECT))
    assert reply.codes == ["NoError", "NoError", "ErrorFolderNotFound"]
    subjects = [[s.text for s in root.iter("{*}Subject")] for root in reply.all("//m:RootFolder")]
    assert subjects == [["s2", "s3", "own"], ["s1"]]


def test_a_list_does_not_hold_bodies(agenda):
    reply = post(agenda, find(shape="AllProperties", more='<t:FieldURI FieldURI="item:Body"/>'))
    assert reply.all("//t:Subject")
    assert not reply.all("//t:Body")


def page(offset: int, size: int, base: str = "Beginning") -> str:
    return f'<m:IndexedPageItemView MaxEntriesReturned="{size}" Offset="{offset}" BasePoint="{base}"/>'


@pytest.mark.parametrize(
    ("offset", "size", "base", "subjects", "last", "next_offset"),
    [
        (0, 2, "Beginning", ["s1", "s2"], "false", "2"),
        (2, 2, "Beginning", ["s3", "own"], "true", "4"),
        (9, 2, "Beginning", [], "true", "4"),
        (0, 1, "End", ["own"], "false", "1"),
        (1, 9, "End", ["s1", "s2", "s3"], "true", "4"),
    ],
)
def test_pages_say_where_they_stand(agenda, offset, size, base, subjects, last, next_offset):
    reply = post(agenda, find(view=page(offset, size, base), more=SUBJECT))
    root = reply.all("//m:RootFolder")[0]
    assert reply.texts("//t:Subject") == subjects
    assert (root.get("TotalItemsInView"), root.get("IncludesLastItemInRange")) == ("4", last)
    assert root.get("IndexedPagingOffset") == next_offset


def view(start: str, end: str, more: str = "") -> str:
    return f'<m:CalendarView StartDate="{start}" EndDate="{end}"{more}/>'


@pytest.mark.parametrize(
    ("begins", "ends", "subjects"),
    [
        ("2026-12-01T00:00:00Z", "2026-12-03T00:00:00Z", ["s1", "s2"]),
        ("2026-12-01T09:30:00Z", "2026-12-01T09:31:00Z", ["s1"]),
        ("2026-12-01T10:00:00Z", "2026-12-02T09:00:00Z", []),
    ],
)
def test_a_calendar_view_shows_what_overlaps_it(agenda, begins, ends, subjects):
    assert found(agenda, "", view=view(begins, ends)) == subjects


def test_a_calendar_view_is_cut_at_the_number_asked_for(agenda):
    cut = view("2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z", ' MaxEntriesReturned="2"')
    reply = post(agenda, find(view=cut, more=SUBJECT))
    assert reply.texts("//t:Subject") == ["s1", "s2"]
    assert reply.all("//m:RootFolder")[0].get("IncludesLastItemInRange") == "false"


@pytest.mark.parametrize(
    ("begins", "ends", "restriction", "code"),
    [
        ("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z", "", "ErrorCalendarEndDateIsEarlierThanStartDate"),
        ("2026-12-02T00:00:00Z", "2029-12-01T00:00:00Z", "", "ErrorCalendarViewRangeTooBig"),
        ("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", U1, "ErrorInvalidRequest"),
    ],
)
def test_a_calendar_view_that_exchange_refuses_is_refused(agenda, begins, ends, restriction, code):
    assert post(agenda, find(restriction, view=view(begins, ends))).codes == [code]


def test_results_can_be_sorted(agenda):
    order = f'<m:SortOrder><t:FieldOrder Order="Descending">{START}</t:FieldOrder></m:SortOrder>'
    assert found(agenda, "", sort=order) == ["own", "s3", "s2", "s1"]


def get_folder(*references: str, shape: str = "Default", more: str = "") -> str:
    asked = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    return (
        f"<m:GetFolder><m:FolderShape><t:BaseShape>{shape}</t:BaseShape>{asked}</m:FolderShape>"
        f"<m:FolderIds>{''.join(references)}</m:FolderIds></m:GetFolder>"
    )


def test_folders_are_known_by_distinguished_id_and_by_id(agenda):
    reply = post(agenda, get_folder(CALENDAR))
    assert reply.texts("//t:CalendarFolder/t:DisplayName") == ["Calendar"]
    assert reply.texts("//t:TotalCount") == ["4"]
    folder_id = reply.all("//t:FolderId")[0].get("Id")
    assert post(agenda, get_folder(f'<t:FolderId Id="{folder_id}"/>')).texts("//t:DisplayName") == ["Calendar"]


def test_folder_properties_come_in_schema_order_and_under_their_tags(agenda):
    more = (
        '<t:ExtendedFieldURI PropertyTag="0x3613" PropertyType="String"/><t:FieldURI FieldURI="folder:ParentFolderId"/>'
    )
    reply = post(agenda, get_folder(CALENDAR, shape="IdOnly", more=more))
    assert reply.names("//t:CalendarFolder") == ["FolderId", "ParentFolderId", "ExtendedProperty"]
    assert reply.texts("//t:Value") == ["IPF.Appointment"]


def test_a_folder_that_is_not_there_is_an_error_of_its_own(agenda):
    reply = post(agenda, get_folder('<t:DistinguishedFolderId Id="archiveroot"/>', CALENDAR))
    assert reply.codes == ["ErrorFolderNotFound", "NoError"]


@pytest.mark.parametrize(("traversal", "names"), [("Shallow", ["Archive"]), ("Deep", ["Archive", "2025"])])
def test_find_folder_walks_below(agenda, traversal, names):
    agenda.make_folder(AGENT, "Archive")
    agenda.make_folder(AGENT, "2025", parent="Archive")
    body = (
        f'<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
        f"<m:ParentFolderIds>{CALENDAR}</m:ParentFolderIds></m:FindFolder>"
    )
    assert post(agenda, body).texts("//t:CalendarFolder/t:DisplayName") == names
