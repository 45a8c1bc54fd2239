"""Each text column, and the longest value that can come to it: PostgreSQL refuses a longer one each time."""

import pytest
from sqlalchemy import String, Text

from connectors.base import ADDRESS_LIMIT, CODE_LIMIT, UID_LIMIT
from receiver.config.authority import TAGS_KEPT
from receiver.core.facts import Emitter, EventKind, Model
from receiver.core.plan import Verb
from receiver.core.removal_limits import Span
from receiver.core.roles import Role
from receiver.core.servers import ACCOUNT_TAG
from receiver.core.tokens import TAG_LENGTH
from receiver.core.wire.fields import EMAIL_LIMIT
from receiver.operations.access.tokens import ID_BYTES, LABEL_LENGTH
from receiver.store import Verdict
from receiver.store.database.records import Reason
from receiver.store.database.tables import metadata

NAME = 40
"""Of sources, calendars and platforms: `receiver.config.fields.NAME`."""
HEX = 32
"""Of 16 random bytes, or a digest."""
IDENT = len(f"insertion-{2**63 - 1}")
UUID = 36
MODEL = max(len(each) for each in [*Model, "AgentNews", "RoleNews"])
CODE, EMAIL, EMITTER = CODE_LIMIT, max(EMAIL_LIMIT, len(f"agent_{'9' * IDENT}@deleted.invalid")), max(map(len, Emitter))
KIND, VERB = max(map(len, EventKind)), max(map(len, Verb))

LONGEST = {
    "adopted.uid": UID_LIMIT,
    "agent_words.authority_tag": 16,  # of 8 bytes
    "agent_words.email": EMAIL,
    "agent_words.emitter": EMITTER,
    "agent_words.former_email": EMAIL,
    "agent_words.ident": IDENT,
    "agent_words.platform": NAME,
    "agents.email": EMAIL,
    "agents.former_email": EMAIL,
    "agents.ident": IDENT,
    "agents.platform": NAME,
    "deliveries.id": HEX,
    "deliveries.kind": KIND,
    "deliveries.source": NAME,
    "deliveries.verdict": max(map(len, Verdict)),
    "event_agents.ident": IDENT,
    "dues.calendar": NAME,
    "dues.source": NAME,
    "events.delivery": HEX,
    "events.emitter": EMITTER,
    "events.failure": CODE,
    "events.kind": KIND,
    "events.model": MODEL,
    "events.platform": NAME,
    "events.source": NAME,
    "events.uid": len("PlageOuverture/") + UUID + len("@") + NAME,
    "events.uuid": UUID,
    "figures.name": len("secret//") + NAME + 8,
    "heartbeats.name": 80,  # cut when it is made
    "inbox.delivery": HEX,
    "inbox.emitter": EMITTER,
    "inbox.failure": CODE,
    "inbox.platform": NAME,
    "inbox.signed_by": 9 * TAGS_KEPT - 1,
    "inbox.sort": len("event"),
    "inbox.source": NAME,
    "installation.id": UUID,
    "losses.authority_tag": 16,
    "losses.platform": NAME,
    "losses.span": max(map(len, Span)),
    "mailboxes.address": ADDRESS_LIMIT,
    "mailboxes.calendar": NAME,
    "mailboxes.failure": CODE,
    "mailboxes.identity": ADDRESS_LIMIT,
    "mailboxes.lease": HEX,
    "mailboxes.other_installation": UUID,
    "placements.applied": HEX,
    "placements.attempted": VERB,
    "placements.desired": HEX,
    "placements.failure": CODE,
    "rejections.day": 0,  # nothing writes there any more
    "rejections.reason": 0,
    "rejections.source": 0,
    "roles.ident": IDENT,
    "roles.platform": NAME,
    "rulesets.fingerprint": HEX,
    "servers.credentials": 2 * ACCOUNT_TAG,
    "servers.failure": CODE,
    "servers.name": NAME,
    "servers.probe": 16,  # of 8 random bytes
    "set_aside.delivery": HEX,
    "set_aside.emitter": EMITTER,
    "set_aside.ident": IDENT,
    "set_aside.model": MODEL,
    "set_aside.platform": NAME,
    "set_aside.reason": max(map(len, Reason)),
    "set_aside.signed_by": 9 * TAGS_KEPT - 1,
    "set_aside.sort": len("event"),
    "set_aside.source": NAME,
    "tallies.detail": MODEL,
    "tallies.kind": len("webhook"),
    "tallies.name": NAME,
    "tallies.outcome": CODE,
    "tokens.id": 2 * ID_BYTES + TAG_LENGTH,
    "tokens.label": LABEL_LENGTH,
    "tokens.role": max(map(len, Role)),
    "writes.outcome": CODE,
    "writes.verb": VERB,
}


def widths() -> dict[str, int]:
    """The columns that have a limit."""
    limited = {
        f"{table.name}.{column.name}": column.type.length
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) and not isinstance(column.type, Text)
    }
    return {name: length or 0 for name, length in limited.items()}


@pytest.mark.threat(id="server-words")
def test_nothing_longer_than_its_column_can_come_to_any() -> None:
    assert LONGEST.keys() == widths().keys()
    assert {name: longest for name, longest in LONGEST.items() if longest > widths()[name]} == {}
