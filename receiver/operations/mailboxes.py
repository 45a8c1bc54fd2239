"""Questions about whose calendar is whose."""

from datetime import datetime

from receiver.core.mailboxes import MailboxMap, Unplaced
from receiver.store import ComingAgent, Store


def unmapped(store: Store, mapping: MailboxMap, now: datetime) -> list[ComingAgent]:
    """Return the agents who have events to come and whose mailbox nothing tells, the busiest first."""
    return [agent for agent in store.coming_agents(now) if mapping.locate(agent.email) is Unplaced.UNMAPPED]
