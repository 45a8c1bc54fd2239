"""Webhooks of RDV Service Public: appointments by number that are created, moved and destroyed."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from emitter.scenarios import build

FIRST_ID = 5_000_000
_WIRE = "%Y-%m-%d %H:%M:%S %z"


def agent(number: int) -> str:
    """Return an agent's e-mail, which is also the mailbox's address."""
    return f"agent.{number:04}@departement.example"


def uuid_of(number: int) -> str:
    """Return the uuid of an appointment."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


@cache
def _template() -> dict[str, Any]:
    template: dict[str, Any] = json.loads(build("create", datetime.now(UTC)).steps[0].body)
    return template


@dataclass(frozen=True, slots=True)
class Appointments:
    """Appointments of so many agents, each agent in turn."""

    agents: int
    _template: dict[str, Any] = field(default_factory=_template, init=False, repr=False)

    def created(self, number: int) -> bytes:
        """Return the webhook of a new appointment."""
        return self._body(number, "created", moved=0)

    def moved(self, number: int) -> bytes:
        """Return the webhook that moves it by a quarter of an hour."""
        return self._body(number, "updated", moved=1)

    def annotated(self, number: int, turn: int) -> bytes:
        """Return the webhook of a change that no calendar shows."""
        return self._body(number, "updated", moved=0, context=f"note {turn}")

    def destroyed(self, number: int) -> bytes:
        """Return the webhook of its deletion."""
        return self._body(number, "destroyed", moved=1)

    def _body(self, number: int, event: str, moved: int, context: str = "") -> bytes:
        now = datetime.now(UTC).replace(microsecond=0)
        midnight = now.replace(hour=0, minute=0, second=0) + timedelta(days=1 + number // self.agents % 14)
        start = midnight + timedelta(hours=7, minutes=15 * (number // self.agents // 14 % 32 + moved))
        ident = number % self.agents
        person = self._template["data"]["agents"][0] | {"id": 100 + ident, "email": agent(ident)}
        data = self._template["data"] | {
            "id": FIRST_ID + number,
            "uuid": uuid_of(number),
            "starts_at": start.strftime(_WIRE),
            "ends_at": (start + timedelta(minutes=45)).strftime(_WIRE),
            "agents": [person],
            "context": context,
        }
        meta = self._template["meta"] | {"event": event, "timestamp": now.strftime(_WIRE)}
        return json.dumps({"data": data, "meta": meta}, separators=(",", ":")).encode()


def with_agents(number: int, emails: Mapping[int, str], organisation: int) -> bytes:
    """Return the webhook of a new appointment of some agents, given by id."""
    template = _template()
    now = datetime.now(UTC).replace(microsecond=0)
    known = template["data"]["agents"][0]
    data = template["data"] | {
        "id": number,
        "uuid": uuid_of(number),
        "agents": [known | {"id": ident, "email": email} for ident, email in emails.items()],
        "organisation": template["data"]["organisation"] | {"id": organisation},
    }
    meta = template["meta"] | {"timestamp": now.strftime(_WIRE)}
    return json.dumps({"data": data, "meta": meta}, separators=(",", ":")).encode()
