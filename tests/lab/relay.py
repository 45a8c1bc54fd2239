"""A connector through which every call passes one place, where a test may do something before, after or instead."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from connectors.base import Change, Connector, Found, Other, Outcome

T = TypeVar("T")


class Relay(ABC):
    """All verbs of the port; a subclass says what becomes of a call."""

    @abstractmethod
    def called(self, call: Callable[[Connector], T]) -> T:
        """Carry out a call, or not."""

    def apply(self, mailbox: str, changes: Sequence[Change]) -> list[Outcome]:
        return self.called(lambda connector: connector.apply(mailbox, changes))

    def find(self, mailbox: str, uids: Sequence[str]) -> dict[str, list[Found]]:
        return self.called(lambda connector: connector.find(mailbox, uids))

    def list_others(self, mailbox: str, after: datetime) -> list[Other]:
        return self.called(lambda connector: list(connector.list_others(mailbox, after)))

    def identify(self, mailbox: str) -> str:
        return self.called(lambda connector: connector.identify(mailbox))
