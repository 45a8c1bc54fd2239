"""What some servers do and others do not: each behaviour on the wire."""

import pytest

from mock_exchange import Behaviours
from mock_exchange.__main__ import build, parser
from tests.mock_exchange.conftest import AGENT
from tests.mock_exchange.test_mock_series import DAILY, repeating, without_end
from tests.mock_exchange.wire import CALENDAR, Factory, create, get, post, set_field, update

FOLDERS_BELOW = (
    '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>'
    f"<m:ParentFolderIds>{CALENDAR}</m:ParentFolderIds></m:FindFolder>"
)


def test_a_server_may_leave_out_the_root_where_there_is_no_folder(start: Factory):
    exchange = start(AGENT, behaviours=Behaviours(leaves_out_empty_root=True))
    reply = post(exchange, FOLDERS_BELOW)
    assert (reply.codes, reply.all("//m:RootFolder")) == (["NoError"], [])
    exchange.make_folder(AGENT, "Archives")
    assert len(post(exchange, FOLDERS_BELOW).all("//m:RootFolder")) == 1


@pytest.mark.parametrize(
    ("pattern", "answered"),
    [
        ("<t:DaysOfWeek>Monday Tuesday Wednesday Thursday Friday</t:DaysOfWeek>", "Weekday"),
        ("<t:DaysOfWeek>Sunday Saturday</t:DaysOfWeek>", "WeekendDay"),
        ("<t:DaysOfWeek>Monday Thursday</t:DaysOfWeek>", "Monday Thursday"),
    ],
)
def test_days_may_be_answered_by_the_words_of_groups(start: Factory, pattern: str, answered: str):
    exchange = start(AGENT, behaviours=Behaviours(words_days=True))
    week = f"<t:WeeklyRecurrence><t:Interval>1</t:Interval>{pattern}<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek>"
    item_id = post(exchange, create(repeating(f"{week}</t:WeeklyRecurrence>"))).ids()[0]
    reply = post(exchange, get(item_id, more='<t:FieldURI FieldURI="calendar:Recurrence"/>'))
    assert reply.texts("//t:DaysOfWeek") == [answered]


def test_every_twelve_months_may_be_answered_as_every_year(start: Factory):
    exchange = start(AGENT, behaviours=Behaviours(tells_years=True))
    months = (
        "<t:AbsoluteMonthlyRecurrence><t:Interval>{}</t:Interval><t:DayOfMonth>7</t:DayOfMonth>"
        "</t:AbsoluteMonthlyRecurrence>"
    )
    ids = [post(exchange, create(repeating(months.format(every)))).ids()[0] for every in (12, 6)]
    reply = post(exchange, get(*ids, more='<t:FieldURI FieldURI="calendar:Recurrence"/>'))
    assert reply.texts("//t:AbsoluteYearlyRecurrence/t:Month") == ["December"]
    assert reply.texts("//t:AbsoluteMonthlyRecurrence/t:Interval") == ["6"]


def test_the_past_of_a_series_whose_rule_changes_may_stay_by_itself(start: Factory):
    exchange = start(AGENT, behaviours=Behaviours(splits_changed_series=True))
    nine = "<t:Start>2001-01-01T09:00:00Z</t:Start><t:End>2001-01-01T10:00:00Z</t:End>"
    item_id = post(exchange, create(repeating(limits=without_end("2001-01-01"), start=nine))).ids()[0]
    title = set_field("item:Subject", "<t:Subject>Autre</t:Subject>")
    assert post(exchange, update(item_id, title)).codes == ["NoError"]
    assert len(exchange.items(AGENT)) == 1, "the rule is the same"
    rule = f"<t:Recurrence>{DAILY}{without_end('2001-01-01')}</t:Recurrence>"
    assert post(exchange, update(item_id, set_field("calendar:Recurrence", rule))).codes == ["NoError"]
    changed, past = exchange.items(AGENT)
    assert (changed.item_id, past.extended) == (item_id, changed.extended)
    assert [item.kind for item in (changed, past)] == ["RecurringMaster"] * 2


def test_behaviours_are_chosen_by_name_on_the_command_line():
    words = ["--behaviour", "words_days", "--behaviour", "search_limit=20", "--behaviour", "item_s=0.5", "--no-schemas"]
    assert build(parser().parse_args(words)).behaviours == Behaviours(words_days=True, search_limit=20, item_s=0.5)
    chosen = build(parser().parse_args(words)).behaviours
    assert isinstance(chosen.search_limit, int)
    with pytest.raises(SystemExit, match="unknown behaviour: flies"):
        build(parser().parse_args(["--behaviour", "flies"]))
