"""Folders made and removed by exchangelib, unmodified."""

import pytest
from exchangelib import CalendarItem, EWSDateTime
from exchangelib.errors import ErrorDeleteDistinguishedFolder, ErrorFolderExists, ErrorInvalidRequest
from exchangelib.folders import Calendar, Messages
from exchangelib.items import HARD_DELETE

from tests.mock_exchange.conftest import AGENT, PARIS


def test_a_calendar_is_made_below_the_calendar_and_goes_with_what_it_holds(start, account):
    exchange = start()
    agent = account(exchange)
    archive = Calendar(parent=agent.calendar, name="Archives").save()
    moment = EWSDateTime(2026, 12, 7, 10, tzinfo=PARIS)
    CalendarItem(account=agent, folder=archive, subject="Suivi", start=moment, end=moment).save()
    assert [item.subject for item in exchange.items(AGENT, "Archives")] == ["Suivi"]
    archive.delete(delete_type=HARD_DELETE)
    assert exchange.items(AGENT, None) == []


def test_two_folders_in_one_place_have_two_names(start, account):
    agent = account(start())
    Calendar(parent=agent.calendar, name="Archives").save()
    with pytest.raises(ErrorFolderExists):
        Calendar(parent=agent.calendar, name="archives").save()


def test_other_kinds_of_folders_are_not_made(start, account):
    agent = account(start())
    with pytest.raises(ErrorInvalidRequest):
        Messages(parent=agent.calendar, name="Courrier").save()


def test_the_folders_that_every_mailbox_has_stay(start, account):
    agent = account(start())
    with pytest.raises(ErrorDeleteDistinguishedFolder):
        agent.calendar.delete()
