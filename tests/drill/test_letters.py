"""Letters as they arrive are read for what they say."""

import pytest

from receiver.alerts.message import Sender, alert_message
from receiver.core.alert_rules import Alert
from receiver.core.alert_rules import Kind as Told
from receiver.core.troubles import Code, Colour, Severity, Trouble
from tests.drill.letters import Kind, Letter, read, still_open, without_numbers
from tests.makers import NOW

REFUSED = Trouble(Code.WEBHOOKS_REFUSED, Severity.WARNING, "mds", "payload", NOW, 1)
REFUSED_MORE = Trouble(Code.WEBHOOKS_REFUSED, Severity.WARNING, "mds", "payload", NOW, 3)
SERVER = Trouble(Code.SERVER_FAILING, Severity.ALARM, "exchange", "timeout", NOW)


def arrived(*messages: tuple[Told, Trouble]) -> list[Letter]:
    letters = [alert_message(Alert(kind, trouble, NOW, NOW), Sender("host")) for kind, trouble in messages]
    return read([(each.title, each.body) for each in letters])


def test_a_beginning_names_its_code_and_its_colour() -> None:
    [letter] = arrived((Told.BEGUN, SERVER))
    assert (letter.kind, letter.code, letter.colour) == (Kind.BEGUN, Code.SERVER_FAILING, Colour.ALARM)


def test_an_end_is_known_by_what_began_whatever_was_counted_meanwhile() -> None:
    begun, ended = arrived((Told.BEGUN, REFUSED), (Told.ENDED, REFUSED_MORE))
    assert (ended.kind, ended.code, ended.colour) == (Kind.ENDED, begun.code, Colour.ATTENTION)


def test_an_end_of_what_never_began_is_none() -> None:
    with pytest.raises(AssertionError):
        arrived((Told.BEGUN, SERVER), (Told.ENDED, REFUSED))


def test_another_cause_is_no_beginning() -> None:
    assert [each.kind for each in arrived((Told.BEGUN, SERVER), (Told.CHANGED, SERVER))] == [Kind.BEGUN, Kind.CHANGED]


def test_what_has_not_ended_is_open() -> None:
    letters = arrived((Told.BEGUN, SERVER), (Told.BEGUN, REFUSED), (Told.ENDED, REFUSED), (Told.CHANGED, SERVER))
    assert [each.code for each in still_open(letters)] == [Code.SERVER_FAILING]


def test_a_trouble_that_came_again_is_open_again() -> None:
    letters = arrived((Told.BEGUN, SERVER), (Told.ENDED, SERVER), (Told.BEGUN, SERVER))
    assert [each.code for each in still_open(letters)] == [Code.SERVER_FAILING]


def test_a_plural_goes_with_its_number() -> None:
    assert without_numbers("1 webhook refusé en 24 h") == without_numbers("3 webhooks refusés en 24 h")
