"""Three lives that once ended wrong: each is the shortest that showed the mistake."""

import itertools
from datetime import timedelta

from receiver.core.plan import Verb
from tests.core.mailbox_model import TIMINGS, Fate, World

AT_ONCE = timedelta(0)
ANSWERED = itertools.cycle([Fate.ANSWERED])


def test_what_is_superfluous_does_not_hide_an_update_that_is_still_under_way() -> None:
    """Removing an extra item used to bring the second look-up forward, before the server had made up its mind."""
    world = World()
    world.write(Verb.CREATE, Fate.LOST_LATE, TIMINGS.settle + timedelta(seconds=1), None)
    world.pass_time(TIMINGS.settle)
    world.look_up(ANSWERED, AT_ONCE)  # not there yet
    world.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    world.pass_time(timedelta(seconds=1))  # now it is, beside its successor
    world.wish("old")
    world.write(Verb.UPDATE, Fate.LOST_LATE, TIMINGS.recheck, None)
    world.pass_time(TIMINGS.settle)
    assert world.look_up(ANSWERED, AT_ONCE) == ("i1",)
    world.wish("new")
    world.come_to_rest()
    assert world.mailbox.contents == {"i0": "new"}


def test_what_is_superfluous_does_not_hide_a_create_that_is_still_under_way() -> None:
    world = World()
    for late_by in (TIMINGS.settle * 2 + timedelta(seconds=1), TIMINGS.settle + timedelta(seconds=1)):
        world.write(Verb.CREATE, Fate.LOST_LATE, late_by, None)
        world.pass_time(TIMINGS.settle)
        world.look_up(ANSWERED, AT_ONCE)  # neither is there yet
    world.write(Verb.CREATE, Fate.LOST_LATE, TIMINGS.recheck, None)
    world.pass_time(TIMINGS.settle)
    assert len(world.look_up(ANSWERED, AT_ONCE)) == 1  # both are; the third is still to come
    world.come_to_rest()
    assert list(world.mailbox.contents.values()) == ["v0"]


def test_a_copy_is_not_taken_for_ours_once_ours_is_known_to_be_gone() -> None:
    """A second look-up used to adopt whatever carried our property, and to delete it."""
    world = World()
    world.write(Verb.CREATE, Fate.ANSWERED, AT_ONCE, None)
    copy = world.mailbox.add("v0")
    world.wish("v1")
    world.write(Verb.UPDATE, Fate.LOST_DONE, AT_ONCE, None)
    world.pass_time(TIMINGS.settle)
    world.look_up(ANSWERED, AT_ONCE)
    world.wish(None)
    world.write(Verb.DELETE, Fate.ANSWERED, AT_ONCE, None)
    world.come_to_rest()
    assert list(world.mailbox.contents) == [copy]
    assert world.placement.settled
