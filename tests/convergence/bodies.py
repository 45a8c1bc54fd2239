"""Reads what the emitters send, anew: no code of the receiver, nor of the emitter."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from tests.convergence.authorities import Authority, Message

Json = Mapping[str, Any]


def read(source: str, emitter: str, by: Authority, body: bytes) -> Message:
    """Read a body."""
    told = json.loads(body)
    meta = told["meta"]
    at = moment(meta.get("payload_computed_at") or meta["timestamp"])
    purge = meta.get("webhook_reason") == "rgpd"
    return Message(source, emitter, by, meta["model"], meta["event"], at, told["data"], purge, body)


def facts(data: Json) -> tuple[Any, ...]:
    """What of an absence makes two states of it the same."""
    own = data.get("organisation") or {}
    return wall_clock(data), data.get("title"), data["agent"]["id"], own.get("id"), own.get("verticale")


def is_cancelled(data: Json) -> bool:
    return data.get("status") in {"excused", "revoked"}


def agents_of(data: Json) -> list[Json]:
    return list(data["agents"]) if "agents" in data else [data["agent"]]


def agent_id(agent: Json) -> int:
    ident: int = agent.get("rdv_solidarites_agent_id") or agent["id"]
    return ident


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).astimezone(UTC)


def wall_clock(data: Json) -> tuple[datetime, datetime, str | None]:
    """First start, first end and the rule, from the fields or else from the calendar text."""
    if data.get("first_day"):
        first = datetime.combine(date.fromisoformat(data["first_day"]), time.fromisoformat(data["start_time"]))
        end_day = date.fromisoformat(data.get("end_day") or data["first_day"])
        return first, datetime.combine(end_day, time.fromisoformat(data["end_time"])), data.get("rrule")
    found = dict(re.findall(r"^(DTSTART|DTEND|RRULE)(?:;TZID=Europe/Paris)?:(.*?)\r$", _event_text(data), re.MULTILINE))
    first, last = (datetime.fromisoformat(found[name]) for name in ("DTSTART", "DTEND"))
    return first, last, found.get("RRULE")


def _event_text(data: Json) -> str:
    return str(data["ical"]).partition("BEGIN:VEVENT")[2]
