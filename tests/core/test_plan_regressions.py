"""Four lives that once ended wrong: each is the shortest that showed the mistake."""

import itertools
from datetime import timedelta

from receiver.core.plan import Verb
from tests.core.mailbox_model import TIMINGS, Fate, MailboxModel

AT_ONCE = timedelta(0)
ANSWERED = itertools.cycle([Fate.ANSWERED])


def test_what_is_superfluous_does_not_hide_an_update_that_is_still_under_way() -> None:
    """Removing an extra item used to bring the second look-up forward, before the server had made up its mind."""
    model = MailboxModel()
    model.write(Verb.CREATE, Fate.LOST_LATE, TIMINGS.settle + timedelta(seconds=1), None)
    model.pass_time(TIMINGS.settle)
    model.look_up(ANSWERED, AT_ONCE)  # not there yet
    model.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    model.pass_time(timedelta(seconds=1))  # now it is, beside its successor
    model.wish("old")
    model.write(Verb.UPDATE, Fate.LOST_LATE, TIMINGS.recheck, None)
    model.pass_time(TIMINGS.settle)
    assert model.look_up(ANSWERED, AT_ONCE) == ("i1",)
    model.wish("new")
    model.come_to_rest()
    assert model.mailbox.contents == {"i0": "new"}


def test_what_is_superfluous_does_not_hide_a_create_that_is_still_under_way() -> None:
    model = MailboxModel()
    for late_by in (TIMINGS.settle * 2 + timedelta(seconds=1), TIMINGS.settle + timedelta(seconds=1)):
        model.write(Verb.CREATE, Fate.LOST_LATE, late_by, None)
        model.pass_time(TIMINGS.settle)
        model.look_up(ANSWERED, AT_ONCE)  # neither is there yet
    model.write(Verb.CREATE, Fate.LOST_LATE, TIMINGS.recheck, None)
    model.pass_time(TIMINGS.settle)
    assert len(model.look_up(ANSWERED, AT_ONCE)) == 1  # both are; the third is still to come
    model.come_to_rest()
    assert list(model.mailbox.contents.values()) == ["v0"]


def test_a_copy_is_not_taken_for_ours_once_ours_is_known_to_be_gone() -> None:
    """A second look-up used to adopt whatever carried our property, and to delete it."""
    model = MailboxModel()
    model.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    copy = model.mailbox.add("v0")
    model.wish("v1")
    model.write(Verb.UPDATE, Fate.LOST_DONE, AT_ONCE, None)
    model.pass_time(TIMINGS.settle)
    model.look_up(ANSWERED, AT_ONCE)
    model.wish(None)
    model.write(Verb.DELETE, Fate.ANSWERED, AT_ONCE, None)
    model.come_to_rest()
    assert list(model.mailbox.contents) == [copy]
    assert model.placement.settled


def test_the_lost_removal_of_an_extra_item_does_not_take_the_entry_that_came_after_it() -> None:
    """The second look-up used to come before the server had made the removal or dropped it: it adopted the extra item.

    `tests/proof` found it, and tells the whole story.
    """
    model = MailboxModel()
    model.write(Verb.CREATE, Fate.LOST_LATE, TIMINGS.settle + timedelta(seconds=1), None)
    model.pass_time(TIMINGS.settle)
    model.look_up(ANSWERED, AT_ONCE)  # not there yet
    model.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    model.pass_time(TIMINGS.recheck)
    assert model.look_up(itertools.cycle([Fate.LOST_LATE]), TIMINGS.recheck) == ("i1",)
    model.wish(None)
    model.write(Verb.DELETE, Fate.ANSWERED, AT_ONCE, None)
    model.pass_time(TIMINGS.settle)
    model.wish("again")
    model.come_to_rest()
    assert list(model.mailbox.contents.values()) == ["again"]
