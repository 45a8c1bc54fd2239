"""How many changes of one mailbox go into one request: fewer after a timeout, more again after success. Pure.

Exchange delays each item of a request while the account is over its budget, and ends a request after about a minute
("EWS throttling in Exchange"). A batch that was cut short may have been carried out: each of its entries is looked up
and written once more. Of the same size, it would be cut short again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Done, NotFound, Outcome, Unconfirmed

MOST = 100
"""What Exchange takes well in one request."""
SHARE_OF_TIMEOUT = 0.5
"""A larger batch is allowed if it takes no more than this share of the timeout, at the speed of the last one."""

_CUT_SHORT = frozenset({"timeout", "answer_incomplete"})


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The limit for one mailbox."""

    allowed: int = MOST

    def after(self, outcomes: Sequence[Outcome], took_s: float, timeout_s: float) -> "BatchSize":
        """Return the limit after a batch.

        Args:
            outcomes: of all changes of the batch.
            took_s: how long it took, all its requests together.
            timeout_s: the timeout of one request.

        """
        if not outcomes:
            return self
        if _was_cut_short(outcomes):
            # That one change alone had no answer says nothing about the size of batches.
            return BatchSize(min(len(outcomes), self.allowed) // 2) if len(outcomes) > 1 else self
        if self.allowed == MOST or not all(isinstance(each, Done | NotFound) for each in outcomes):
            return self
        larger = min(self.allowed * 2, MOST)
        at_that_speed = took_s / len(outcomes) * larger <= timeout_s * SHARE_OF_TIMEOUT
        return BatchSize(larger) if at_that_speed else self


FULL = BatchSize()


def _was_cut_short(outcomes: Sequence[Outcome]) -> bool:
    """Whether a request had no answer in time, or none for all of its changes.

    A proxy or a load balancer ends a slow request in ways of its own: then no change has an answer. One damaged item
    among others that have theirs is no reason.
    """
    unconfirmed = [each for each in outcomes if isinstance(each, Unconfirmed)]
    answered = any(isinstance(each, Done | NotFound) for each in outcomes)
    return any(each.code in _CUT_SHORT or not answered for each in unconfirmed)
