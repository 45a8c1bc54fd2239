"""The machine is worth something: receivers that are broken on purpose do not get through."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from connectors.base import Unconfirmed
from receiver.core import plan, removal_limits, scope
from receiver.core.facts import StateVerdict
from receiver.store.intake import judge_agents, judge_events
from receiver.worker import reconcile
from tests.convergence.life import Life
from tests.convergence.shared_exchange import SharedExchange
from tests.convergence.strategies import ALIASES, MAILBOXES

PROFILE = "RDV_HYPOTHESIS_PROFILE"
SHORT_RUN = settings(
    max_examples=200,
    stateful_step_count=25,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

Mutation = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedExchange]:
    opened = SharedExchange(tmp_path_factory.mktemp("mutants"), MAILBOXES, ALIASES)
    yield opened
    opened.close()


def redo_without_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write without an answer counts as not done."""
    end = reconcile.end

    def hasty(placement, sent, outcome, now, jitter):  # type: ignore[no-untyped-def]
        if isinstance(outcome, Unconfirmed):
            return plan._answered(placement)
        return end(placement, sent, outcome, now, jitter)

    monkeypatch.setattr(reconcile, "end", hasty)


def look_up_once_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed late is never looked for."""
    looked_up = reconcile.looked_up

    def trusting(placement, found, now, timings, **how):  # type: ignore[no-untyped-def]
        advanced, extras = looked_up(placement, found, now, timings, **how)
        return replace(advanced, recheck_at=None, open_creates=0), extras

    monkeypatch.setattr(reconcile, "looked_up", trusting)


def last_arrival_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older state replaces a newer one."""
    rule = judge_events.judge_state

    def naive(known, emitter, incoming):  # type: ignore[no-untyped-def]
        ruling = rule(known, emitter, incoming)
        return StateVerdict.APPLY if ruling is StateVerdict.SUPERSEDED else ruling

    monkeypatch.setattr(judge_events, "judge_state", naive)


def e_mails_are_learnt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent's first address is believed for ever."""
    monkeypatch.setattr(judge_agents, "_changes", lambda *_: {})


def what_a_body_claims_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The organisation that a body claims counts, not the one that the event is known to belong to."""
    reach = judge_events.reach

    def trusting(standing, known, emitter, told, by):  # type: ignore[no-untyped-def]
        claimed = replace(standing, organisation=told.organisation) if standing else None
        return reach(claimed, known, emitter, told, by)

    monkeypatch.setattr(judge_events, "reach", trusting)


def who_never_told_of_an_absence_may_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope.Authority, "meets", lambda *_: True)


def e_mails_are_believed_from_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "_may_route", lambda *_: True)


def one_more_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is off by one."""
    is_within = removal_limits.RemovalCounts._is_within
    monkeypatch.setattr(removal_limits.RemovalCounts, "_is_within", lambda self, total: is_within(self, total - 1))


def nobody_asks_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox is written into whatever another installation has there."""
    monkeypatch.setattr(reconcile, "conflicting_entries", lambda *_: Counter())


QUICKLY_FOUND = [
    nobody_asks_for_others,
    redo_without_a_look_up,
    last_arrival_wins,
    what_a_body_claims_is_believed,
    who_never_told_of_an_absence_may_change_it,
    e_mails_are_believed_from_anybody,
    one_more_goes,
]
FOUND_AT_LENGTH = [look_up_once_only, e_mails_are_learnt_once] if os.environ.get(PROFILE) == "nightly" else []


@pytest.mark.parametrize("mutation", QUICKLY_FOUND + FOUND_AT_LENGTH)
def test_a_receiver_broken_on_purpose_is_found_out(
    shared: SharedExchange, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    class LifeOfMutant(Life):
        pass

    LifeOfMutant.shared = shared
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(LifeOfMutant, settings=SHORT_RUN)
