"""New sentences reach the entries that exist when somebody applies the policies, and not before."""

from dataclasses import replace

import pytest

from receiver.core.redaction import WORDING
from receiver.operations.rules import ProposalState, preview, propose
from receiver.store.work import rulesets
from tests.lab.worker_harness import WorkerHarness
from tests.makers import NOW


def test_an_upgrade_with_new_sentences_changes_no_entry_until_somebody_says_so(harness: WorkerHarness) -> None:
    propose(harness.store, harness.settings.ruleset(), NOW)
    harness.tell(90)
    harness.work()
    upgraded = replace(harness.settings.ruleset(), wording=WORDING + 1)
    assert propose(harness.store, upgraded, NOW).standing is ProposalState.UNCHANGED
    in_force = harness.store.read(rulesets.in_force)
    assert in_force is not None
    assert in_force.ruleset.wording == WORDING
    assert harness.work() == 0
    applied = propose(harness.store, upgraded, NOW, confirmed=True)
    assert (applied.standing, applied.effects.updated) == (ProposalState.ADOPTED, 2)


def test_a_change_of_policy_keeps_the_sentences_in_force(harness: WorkerHarness) -> None:
    propose(harness.store, harness.settings.ruleset(), NOW)
    harness.policies(category="RDV")
    upgraded = replace(harness.settings.ruleset(), wording=WORDING + 1)
    assert propose(harness.store, upgraded, NOW).standing is ProposalState.ADOPTED
    in_force = harness.store.read(rulesets.in_force)
    assert in_force is not None
    assert in_force.ruleset.wording == WORDING


@pytest.mark.parametrize("wording", [1, 2])
def test_two_wordings_of_an_entry_are_two_entries(harness: WorkerHarness, wording: int) -> None:
    harness.tell(90)
    ruleset = replace(harness.settings.ruleset(), wording=wording)
    [event] = list(preview(harness.store, lambda view: ruleset.compute_desired(view, NOW)))
    same = [event.then[mailbox] == event.now[mailbox] for mailbox in event.then]
    assert same == [wording == WORDING] * len(same)
