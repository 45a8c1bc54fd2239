"""What must hold of any body: refused by one of two names, or kept within bounds and shown within bounds.

`examine` takes a body along the whole path: signature, decoding, facts, the store's JSON, rules, entry and digest.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Any

from connectors.base import CalendarEntry
from receiver.core.desired import AgentView, EventView
from receiver.core.facts import (
    AgendaState,
    Delivery,
    Emitter,
    EventKind,
    EventState,
    Known,
    News,
    StateVerdict,
    event_uid,
    judge_state,
)
from receiver.core.mailboxes import Mailbox, MailboxMap
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.policies import OnCancel, Policies
from receiver.core.recurrence import Unholdable
from receiver.core.redaction import digest
from receiver.core.ruleset import Ruleset, SourceRules, redacted
from receiver.core.signature import matching_keys
from receiver.core.text import clean
from receiver.store.database.records import read_facts, write_facts
from tests.fuzz.marks import MARK, permitted
from tests.fuzz.mutation import Body

NOW = datetime(2026, 12, 1, 9, 1, tzinfo=UTC)
KEYS = (b"first-of-three", b"second-of-three", b"\xc3\xa9 third")
WHOSE = 1
"""The position of the key that signs."""

STRICT = Policies(plages_ouverture=True)
OPEN = Policies(
    on_cancel=OnCancel.MARK,
    plages_ouverture=True,
    collective_names=True,
    absence_titles=True,
    visio_link=True,
    single_use_places=True,
)
_MAPPING = MailboxMap("exchange", domains={"departement.example": "departement.example"})
RULESETS = {
    policies: Ruleset(_MAPPING, {"source": SourceRules(host=host, policies=policies)})
    for policies, host in ((STRICT, None), (OPEN, "rdv.departement.example"))
}
_HELD = {Mailbox("exchange", "karim.agent@departement.example"): True}


class Violated(Exception):
    """Something that must hold of any body does not. Says what, never what stood in the body."""


class Verdict(Enum):
    """What became of a body."""

    ACCEPTED = "accepted"
    IRRELEVANT = "irrelevant"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a body, and how long the receiver took over it."""

    verdict: Verdict
    spent_us: float
    unholdable: bool = False


def must(held: object, what: str) -> None:
    """Insist.

    Raises:
        Violated: it does not hold.

    """
    if not held:
        raise Violated(what)


def examine(body: Body, random: Random) -> Result:
    """Take a body along the whole path.

    Raises:
        Violated: something does not hold.
        Exception: whatever else comes out is one that nobody named.

    """
    policies = random.choice((STRICT, OPEN))
    headers = _signed(body, random)
    started = time.perf_counter()
    found = matching_keys(body.emitter, body.content, headers, KEYS, NOW)
    outcome = _decoded(body, policies)
    refused = time.perf_counter()
    _check_signature(body, headers, found, random)
    if isinstance(outcome, Verdict):
        return Result(outcome, (refused - started) * 1e6)
    _check_news(outcome, permitted(json.loads(body.content), body.emitter, policies))
    shown_us, unholdable = _shown(body, outcome, policies) if isinstance(outcome, Delivery) else (0.0, False)
    return Result(Verdict.ACCEPTED, (refused - started) * 1e6 + shown_us, unholdable)


def _decoded(body: Body, policies: Policies) -> News | Verdict:
    try:
        return decode(body.content, body.emitter, policies)
    except InvalidPayload as error:
        refusal = error
    except Irrelevant:
        return Verdict.IRRELEVANT
    must(refusal.paths, "a refusal names fields")
    must(refusal.__context__ is None and refusal.__cause__ is None, "a refusal carries no other error along")
    must(not MARK.search("\n".join(refusal.paths)), "a refusal repeats no value")
    must(all(len(path) < 200 for path in refusal.paths), "a refusal's paths are short")
    return Verdict.INVALID


def _signed(body: Body, random: Random) -> dict[str, str]:
    """Return the headers of a body that the second key has signed, in either way."""
    if body.emitter is Emitter.RDV_INSERTION and random.random() < 0.3:
        return {"authorization": f"Bearer {_token(body.content)}"}
    name = "x-lapin-signature" if body.emitter is Emitter.RDV_SERVICE_PUBLIC else "x-rdvi-signature"
    return {name: hmac.new(KEYS[WHOSE], body.content, hashlib.sha256).hexdigest()}


def _token(content: bytes) -> str:
    """Return rdv-insertion's kind of token, made by hand."""
    header = {"alg": "HS256", "exp": NOW.timestamp() + 600}
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (_json(header), _json(_claims(content))))
    signature = base64.urlsafe_b64encode(hmac.digest(KEYS[WHOSE], signed, "sha256")).rstrip(b"=")
    return (signed + b"." + signature).decode()


def _claims(content: bytes) -> dict[str, Any] | None:
    """Return a body's claims as a token of it repeats them; None: it has none, or such as equal nothing."""
    try:
        data = json.loads(content)["data"]
        claims = {name: data[name] for name in ("id", "address", "starts_at")}
        return claims if json.loads(_json(claims)) == claims else None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _check_signature(body: Body, headers: dict[str, str], found: frozenset[int], random: Random) -> None:
    if "authorization" in headers:
        must(found == ({WHOSE} if _claims(body.content) else set()), "a token vouches for the body it speaks of alone")
        return
    must(found == {WHOSE}, "the key that signed is found, and no other")
    at = random.randrange(len(body.content))
    other = body.content[:at] + bytes([body.content[at] ^ 1]) + body.content[at + 1 :]
    must(not matching_keys(body.emitter, other, headers, KEYS, NOW), "another body is signed by nobody")


def _check_news(news: News, allowed: set[str]) -> None:
    texts = list(_texts(news))
    must(all(_is_short(text) for text in texts), "texts are short, on one line, and hold nothing that misleads")
    must(set(MARK.findall("\n".join(texts))) <= allowed, "nothing is kept from where nothing may be")
    must(len(repr(news)) < 1_500_000, "what is kept is no larger than what came")
    if not isinstance(news, Delivery):
        must(news.agent.ident.isascii() and news.agent.ident, "an agent has a name")
        return
    destroyed = news.version.kind is EventKind.DESTROYED
    must((news.state is None) is destroyed, "a destroyed event has no state, every other one has")
    must(not (destroyed and news.agents), "a destroyed event has no agents")
    must(len({agent.ident for agent in news.agents}) == len(news.agents) <= 100, "agents are few, each one once")


def _texts(value: Any) -> Iterator[str]:
    """Return every text of a value, however deep."""
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, (tuple, list, frozenset)):
        for member in value:
            yield from _texts(member)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _is_short(text: str) -> bool:
    """Whether a text that is kept is clean. Columns count characters, Exchange counts UTF-16 units, up to two each."""
    return len(text) <= 500 and _is_clean(text, 2 * 500)


def _is_clean(text: str, limit: int) -> bool:
    return len(text) <= limit and clean(text, limit) == text


def _shown(body: Body, delivery: Delivery, policies: Policies) -> tuple[float, bool]:
    """Take a delivery on to the store and to the calendar."""
    started = time.perf_counter()
    uid = event_uid("production", delivery)
    must(uid.isascii() and len(uid) <= 255 and uid.isprintable(), "a uid is short and ASCII")
    state = delivery.state
    ruling = judge_state(None, body.emitter, delivery)
    if state is None:
        return (time.perf_counter() - started) * 1e6, False
    kept = write_facts(state)
    must(read_facts(kept) == state, "facts come out of the store as they went in")
    ruleset, unholdable = RULESETS[policies], False
    try:
        if entry := ruleset.entry(uid, "source", state):
            _check_entry(entry, state)
            must(digest(entry) == digest(entry), "a digest is the entry's own")
    except Unholdable:
        unholdable = True
    _check_decision(ruleset, uid, delivery, state)
    spent_us = (time.perf_counter() - started) * 1e6
    _check_policies(body, state, policies)
    _check_order(body.emitter, delivery, ruling)
    return spent_us, unholdable


def _check_entry(entry: CalendarEntry, state: EventState) -> None:
    must(entry.start.utcoffset() is not None and entry.end.utcoffset() is not None, "an entry's times are aware")
    must(entry.start.astimezone(UTC) <= entry.end.astimezone(UTC), "an entry does not end before it starts")
    must(str(entry.start.tzinfo) == str(entry.end.tzinfo) == entry.time_zone, "an entry's times are in its zone")
    must(entry.title and _is_clean(entry.title, 255), "a title is one short line")
    must(_is_clean(entry.location, 255), "a place is one short line")
    link = entry.link or "https://"
    must(link.lower().startswith("https://") and link.isascii() and " " not in link, "a link is https")
    must(len(link) <= 2000, "a link is short")
    if isinstance(state, AgendaState) and entry.recurrence and entry.recurrence.last_day:
        must(entry.start.date() <= entry.recurrence.last_day, "a series does not end before its first occurrence")


def _check_decision(ruleset: Ruleset, uid: str, delivery: Delivery, state: EventState) -> None:
    agents = tuple(AgentView(agent.email) for agent in delivery.agents)
    view = EventView(uid, "source", delivery.version.state_at, state, delivery.purge, agents, _HELD)
    decision = ruleset.compute_desired(view, NOW)
    must(decision.digests.keys() >= _HELD.keys(), "a mailbox that holds the entry is decided about")
    must(decision.state is None, "what was decoded under a policy is what the policy lets keep")


def _check_policies(body: Body, state: EventState, policies: Policies) -> None:
    """Judge that dropping while decoding and dropping later come to the same."""
    other = STRICT if policies is OPEN else OPEN
    again: Any = decode(body.content, body.emitter, other)
    must(isinstance(again, Delivery) and again.state, "policies decide what is kept, not what is taken")
    opened, shut = (state, again.state) if policies is OPEN else (again.state, state)
    must(redacted(opened, STRICT) == shut, "a policy switched off leaves what was never let in")


def _check_order(emitter: Emitter, delivery: Delivery, alone: StateVerdict) -> None:
    """Judge the same state again, once it is known."""
    known = Known(emitter, delivery.version, delivery.state, frozenset(agent.ident for agent in delivery.agents))
    repeated = judge_state(known, emitter, delivery)
    must(repeated is alone, "a repeat is judged as the first was")
