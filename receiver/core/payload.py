"""Decoding of a verified body by allow-list: a field that no class declares is dropped.

The envelope is decoded here, each model's `data` in `receiver.core.wire`.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from receiver.core.facts import Emitter, EventKind, Model, News, Version
from receiver.core.policies import Policies
from receiver.core.wire import agenda, agents, rdv
from receiver.core.wire.fields import InvalidPayload, Irrelevant, Moment, Wire, parse_time, validate
from receiver.core.wire.weight import HEAVIEST, is_heavier, narrow

__all__ = ["InvalidPayload", "Irrelevant", "decode", "parse_time"]


class _Meta(Wire):
    model: str
    event: str
    timestamp: Moment | None = None
    payload_computed_at: Moment | None = None
    event_occurred_at: Moment | None = None
    webhook_reason: str | None = None


def decode(body: bytes, emitter: Emitter, policies: Policies) -> News:
    """Decode a verified body.

    Args:
        body: the raw bytes that were signed.
        emitter: who sent it; ids and shapes differ.
        policies: which optional free texts may be kept.

    Raises:
        InvalidPayload: with the paths of the invalid fields.
        Irrelevant: the message concerns no calendar.

    """
    document = _parse(body)
    meta = validate(_Meta, _member(document, "meta"), "meta")
    model = _MODELS.get(meta.model)
    only_rdv = emitter is Emitter.RDV_INSERTION
    if model is None or meta.event not in set(EventKind) or (only_rdv and model is not Model.RDV):
        raise Irrelevant
    data, version = _member(document, "data"), _version(meta)
    try:
        return _read(model, data, version, meta.webhook_reason == "rgpd", emitter, policies)
    except InvalidPayload as error:
        paths = error.paths
    raise InvalidPayload(*paths)  # outside the handler: a parser's error quotes the body, and would be the context


_AGENT, _ROLE = "Agent", "AgentRole"
_MODELS: dict[str, Model | str] = {
    "Rdv": Model.RDV,
    "Absence": Model.ABSENCE,
    "PlageOuverture": Model.PLAGE_OUVERTURE,
    "Agent": _AGENT,
    "AgentRole": _ROLE,
    # Before mid-2020:
    "rdv": Model.RDV,
    "absence": Model.ABSENCE,
    "plage_ouverture": Model.PLAGE_OUVERTURE,
}


def _read(
    model: Model | str, data: Mapping[str, Any], version: Version, purge: bool, emitter: Emitter, policies: Policies
) -> News:
    if model is Model.RDV:
        return rdv.read(data, version, purge, emitter, policies)
    if isinstance(model, Model):
        return agenda.read(model, data, version, purge, emitter, policies)
    if model == _AGENT:
        return agents.read_agent(data, version, emitter)
    return agents.read_role(data, version, emitter)


def _parse(body: bytes) -> Mapping[str, Any]:
    document = _load(body)
    if not isinstance(document, dict):
        raise InvalidPayload("$")
    return document


def _load(body: bytes) -> object:
    """Return the document; None if the body is not valid JSON, or would take too much memory.

    The decoders' errors quote the body, so none is passed on.
    """
    if is_heavier(body, HEAVIEST):
        return None
    try:
        return _DECODER.decode(narrow(body).decode("utf-8"))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of 5,000 digits, or nested too deeply
        return None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate keys: two readers of one signed body must not see different messages."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant)


def _member(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = document.get(name)
    if not isinstance(member, dict):
        raise InvalidPayload(name)
    return member


def _version(meta: _Meta) -> Version:
    state_at = meta.payload_computed_at or meta.timestamp
    if state_at is None:
        raise InvalidPayload("meta.timestamp")
    return Version(EventKind(meta.event), state_at, meta.event_occurred_at)
