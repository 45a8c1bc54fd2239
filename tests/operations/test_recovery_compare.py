"""What entries that were read back make of the record: every rule by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import PROBE_UID, CalendarEntry, Marked
from connectors.base import Found as Sought
from receiver.core import plan
from receiver.core.mailboxes import MailboxMap
from receiver.core.plan import BELIEVED_FOR, STALE, CallLimits, Placement, Step, Verb, looked_up, next_step
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.operations.recovery import compare
from receiver.operations.recovery.compare import Adoption, Found, judge, sought
from receiver.store.database.records import Recorded
from tests.makers import NOW, a_state

RULES = Ruleset(MailboxMap("exchange"), {"mds": SourceRules()})
STATE = a_state()
TIMINGS = CallLimits.of(30)


def shown(uid: str = "a") -> CalendarEntry:
    made = RULES.entry(uid, "mds", STATE)
    assert made is not None
    return made


def at_rest(uid: str = "a", number: int = 1, **changes: Any) -> Placement:
    digest = RULES.digest(shown(uid))
    return replace(Placement(number, uid, digest, digest, f"item {uid}", not_before=NOW), **changes)


def recorded(*placements: Placement, settled: bool = True) -> list[Recorded]:
    return [Recorded(each, "mds", STATE, settled) for each in placements]


def marked(uid: str = "a", item_id: str | None = None, **changes: Any) -> Marked:
    return Marked(item_id or f"item {uid}", replace(shown(uid), **changes))


def judged(
    placements: list[Recorded],
    *listed: Marked,
    elsewhere: dict[str, list[str]] | None = None,
    adopted: tuple[str, ...] = (),
    finished: dict[str, bool] | None = None,
) -> Adoption:
    found = Found(listed, elsewhere or {})
    return judge(placements, adopted, finished or {}, found, RULES, NOW)


def test_what_the_record_names_rightly_is_kept() -> None:
    assert judged(recorded(at_rest()), marked()) == Adoption({}, frozenset(), kept=1)


def test_an_entry_that_shows_something_else_is_told() -> None:
    placement = at_rest()
    found = judged(recorded(placement), marked(title="Autre"))
    assert (found.kept, found.changed, found.adopted) == (1, (placement,), {})


def test_of_an_entry_that_is_about_to_be_written_the_content_proves_nothing() -> None:
    for placements in (recorded(at_rest(desired="other")), recorded(at_rest(), settled=False)):
        assert judged(placements, marked(title="Autre")).changed == ()


def test_an_entry_that_was_moved_out_of_the_window_shows_something_else() -> None:
    placement = at_rest()
    found = judged(recorded(placement), elsewhere={"a": ["item a"]})
    assert (found.kept, found.changed, found.lost) == (1, (placement,), ())


def test_a_copy_that_was_changed_says_nothing_of_the_entry() -> None:
    found = judged(recorded(at_rest()), marked(item_id="copy", title="Autre"), marked())
    assert (found.changed, found.doubled) == ((), {"a": ("copy", "item a")})


def test_what_the_record_does_not_name_is_adopted() -> None:
    never, other = at_rest(applied=None, item_id=None), at_rest("b", 2, item_id="older")
    found = judged(recorded(never, other), marked(), marked("b"), marked("c"), finished={"c": False})
    assert found.adopted == {"a": "item a", "b": "item b", "c": "item c"}
    assert (found.kept, found.waiting, found.left) == (0, frozenset(), ())


def test_an_unknown_event_is_waited_for() -> None:
    assert judged([], marked("c")).waiting == {"c"}
    assert judged([], marked("c"), finished={"c": False}).waiting == frozenset()


def test_what_bears_the_mark_of_an_event_that_is_over_is_left() -> None:
    found = judged([], marked("c"), finished={"c": True})
    assert (found.left, found.adopted, found.waiting) == (("c",), {}, frozenset())


def test_while_its_removal_is_not_done_it_is_adopted() -> None:
    """Its placement explains it, or will once the event is settled."""
    removing = at_rest(desired=None, applied=None, item_id=None)
    assert judged(recorded(removing), marked(), finished={"a": True}).adopted == {"a": "item a"}


def test_of_several_the_calendars_own_first_is_taken() -> None:
    found = judged([], marked("c", "first"), marked("c", "second"))
    assert (found.adopted, found.doubled) == ({"c": "first"}, {"c": ("first", "second")})


def test_a_checks_entry_is_none_of_an_event() -> None:
    assert judged([], marked(PROBE_UID)) == Adoption({}, frozenset())


def test_an_entry_that_is_nowhere_is_lost() -> None:
    placement = at_rest()
    found = judged(recorded(placement), elsewhere={"a": []})
    assert (found.lost, found.kept, found.adopted) == ((placement,), 0, {})


@pytest.mark.parametrize(
    "placement",
    [
        at_rest(look_up_at=NOW),
        at_rest(recheck_at=NOW),
        at_rest(desired=None),
        at_rest(applied=None, item_id=None, recheck_at=NOW),
    ],
)
def test_what_is_looked_up_or_removed_anyway_is_not_lost(placement: Placement) -> None:
    assert judged(recorded(placement), elsewhere={"a": []}).lost == ()
    assert compare.lost(placement, NOW) == placement


def test_what_was_adopted_before_and_is_not_there_any_more_is_gone() -> None:
    found = judged([], marked("c"), adopted=("c", "d"), elsewhere={"d": []})
    assert (found.adopted, found.gone) == ({"c": "item c"}, {"d"})


def test_what_was_adopted_before_and_is_out_of_the_window_stays() -> None:
    found = judged([], adopted=("d",), elsewhere={"d": ["item d"]})
    assert (found.adopted, found.gone) == ({"d": "item d"}, frozenset())


def test_what_should_be_there_and_is_not_listed_is_looked_for() -> None:
    placed = recorded(at_rest(), at_rest("b", 2), at_rest("c", 3, applied=None, item_id=None))
    assert sought(placed, ["d", "e"], [marked("b"), marked("e")], NOW) == {"a", "d"}


def test_what_was_over_before_the_window_is_not_looked_for() -> None:
    placed = [*recorded(at_rest()), Recorded(at_rest("b", 2), "mds", None, settled=True)]
    assert sought(placed, [], [], NOW + timedelta(days=7)) == {"b"}


# What becomes of placements


def test_a_first_placement_wants_nothing_before_its_time() -> None:
    placement = plan.first_placement("a", "item", NOW + BELIEVED_FOR)
    assert (placement.applied, placement.item_id, placement.in_doubt) == (STALE, "item", False)
    assert next_step(placement, NOW + BELIEVED_FOR - timedelta(seconds=1)) is Step.NOTHING
    assert next_step(placement, NOW + BELIEVED_FOR) is Step.DELETE


def test_a_placement_takes_over_the_item_whose_content_nobody_knows() -> None:
    for before in (at_rest(item_id="older"), at_rest(applied=None, item_id=None, declined=True)):
        after = plan.taken_over(before, "item", NOW + BELIEVED_FOR)
        assert (after.applied, after.item_id, after.declined, after.in_doubt) == (STALE, "item", False, False)
        assert after.due_at == NOW + BELIEVED_FOR


def test_a_placement_that_names_the_item_stays_as_it_is() -> None:
    placement = at_rest(look_up_at=NOW)
    assert plan.taken_over(placement, "item a", NOW + BELIEVED_FOR) == placement


def test_a_removal_that_was_decided_does_not_wait() -> None:
    removing = at_rest(desired=None, item_id="older")
    assert plan.taken_over(removing, "item", NOW + BELIEVED_FOR).due_at == NOW


def test_an_item_settles_one_create_without_an_answer() -> None:
    """And no more: else a look-up would take an agent's copy for what the other left."""
    doubtful = at_rest(applied=None, item_id=None, open_creates=2, attempted=Verb.CREATE, look_up_at=NOW)
    after = plan.taken_over(doubtful, "item", NOW)
    assert (after.open_creates, after.attempted, after.look_up_at) == (1, Verb.CREATE, NOW)
    assert plan.taken_over(at_rest(open_creates=1), "item", NOW).open_creates == 1


def test_a_lost_entry_is_looked_up_a_day_later() -> None:
    after = compare.lost(at_rest(attempts=3, failure="timeout"), NOW)
    assert (after.look_up_at, after.due_at, after.attempts, after.failure) == (NOW, NOW + BELIEVED_FOR, 0, None)


def test_a_contradicted_entry_is_written_a_day_later() -> None:
    after = compare.contradicted(at_rest(), NOW)
    assert (after.applied, after.item_id, after.due_at) == (STALE, "item a", NOW + BELIEVED_FOR)
    assert compare.contradicted(after, NOW + BELIEVED_FOR) == after
    assert compare.contradicted(at_rest(look_up_at=NOW), NOW) == at_rest(look_up_at=NOW)


def test_a_create_without_an_answer_may_still_come_for_a_while() -> None:
    begun = at_rest(applied=None, item_id=None, open_creates=1, look_up_at=NOW + TIMINGS.settle)
    last = NOW + TIMINGS.recheck
    assert compare.may_still_come(begun, last - timedelta(seconds=1), TIMINGS)
    assert not compare.may_still_come(begun, last, TIMINGS)
    looked_up = replace(begun, look_up_at=None, recheck_at=last)
    assert compare.may_still_come(looked_up, last - timedelta(seconds=1), TIMINGS)
    assert not compare.may_still_come(looked_up, last, TIMINGS)
    assert not compare.may_still_come(replace(looked_up, recheck_at=None), NOW, TIMINGS)
    assert not compare.may_still_come(replace(begun, open_creates=0), NOW, TIMINGS)


def test_in_a_mailbox_that_nobody_read_an_entry_is_looked_for_first() -> None:
    fresh = plan.unseen_placement("a", "digest", NOW)
    assert (next_step(fresh, NOW), fresh.desired) == (Step.LOOK_UP, "digest")
    items = [Sought("item", "a"), Sought("copy", "a")]
    there, extras = looked_up(fresh, items, NOW, TIMINGS, respect=True)
    assert (next_step(there, NOW), there.item_id, extras) == (Step.UPDATE, "item", ())


def test_where_none_is_found_it_is_written_though_deletions_are_respected() -> None:
    """Nobody deleted what was never there."""
    fresh = plan.unseen_placement("a", "digest", NOW)
    absent, extras = looked_up(fresh, [], NOW, TIMINGS, respect=True)
    assert (next_step(absent, NOW), absent.declined, extras) == (Step.CREATE, False, ())


@pytest.mark.parametrize("uid", ["", "a" * 256, "\xe9", "a\0b", "\ud800"])
def test_an_item_under_a_name_that_no_event_has_is_not_taken_over(uid: str) -> None:
    """Whoever reaches a mailbox can change it; no statement takes such a name."""
    found = Found([marked(uid, "strange"), marked()], {})
    assert found.items == {"a": ["item a"]}
    assert judged(recorded(at_rest()), marked(uid, "strange"), marked()) == Adoption({}, frozenset(), kept=1)
