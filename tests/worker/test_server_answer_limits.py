"""What a calendar server says is kept however long it is: a database that refuses it would refuse it for ever."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy import create_engine, select

from connectors.base import CODE_LIMIT, Change, Failed, Found, Other, Outcome, Permanent, Scope, Temporary, Unconfirmed
from receiver.store.database.tables import mailboxes, placements, tallies, writes
from tests.lab.worker_harness import HERS, WorkerHarness
from tests.makers import KARIM, MARTINE

LONG = "very_" * 100
Say = Callable[[], Outcome]


@dataclass
class Talkative:
    """A connector whose every answer is the same."""

    say: Say
    call_timeout_s: float = 1.0

    def apply(self, _mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        return [self.say() for _ in changes]

    def find(self, _mailbox: str, _uids: Sequence[str]) -> dict[str, list[Found]]:
        raise Temporary(LONG, Scope.MAILBOX)

    def list_others(self, _mailbox: str, _after: datetime) -> list[Other]:
        return []

    def identify(self, mailbox: str) -> str:
        return mailbox

    def close(self) -> None:
        pass


OUTCOMES: dict[str, Say] = {
    "item refused": lambda: Failed(Permanent(LONG, Scope.ITEM)),
    "item later": lambda: Failed(Temporary(LONG, Scope.ITEM)),
    "mailbox": lambda: Failed(Temporary(LONG, Scope.MAILBOX)),
    "server": lambda: Failed(Temporary(LONG, Scope.SERVER)),
    "in doubt": lambda: Unconfirmed(LONG, Scope.MAILBOX),
}


def kept(url: str) -> set[str]:
    """All codes of what failed."""
    columns = placements.c.failure, mailboxes.c.failure, writes.c.outcome, tallies.c.outcome
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {code for column in columns for code in connection.scalars(select(column)) if code}
    engine.dispose()
    return {code for code in found if code.startswith("very_")}


@pytest.mark.threat(id="server-words")
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_code_of_any_length_is_recorded_and_the_mailbox_given_back(
    harness_on_each: WorkerHarness, store_url: str, name: str
) -> None:
    harness = harness_on_each
    harness.connector = Talkative(OUTCOMES[name])  # type: ignore[assignment]
    harness.restart()
    harness.tell(agents=(MARTINE, KARIM))
    harness.work()
    harness.pass_time(harness.timings.lease * 2)
    harness.work()  # in doubt, it is looked up
    codes = kept(store_url)
    assert codes
    assert {len(code) for code in codes} == {CODE_LIMIT}
    engine = create_engine(store_url)
    with engine.connect() as connection:
        leases = connection.scalars(select(mailboxes.c.lease).where(mailboxes.c.address == HERS)).all()
    engine.dispose()
    assert leases == [None]
