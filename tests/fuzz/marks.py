"""Marks in every place that may hold words, and which of them may come out: what privacy is judged by.

Stated here a second time and from the other side: the decoder names what it reads, this names the paths whose words may
be kept, and under which policies. Everything else is marked, at any depth and whatever its name.
"""

import re
from collections.abc import Iterator
from typing import Any

from receiver.core.facts import Emitter
from receiver.core.policies import Policies
from receiver.core.text import clean

MARK = re.compile(r"canari\d{5}x", re.IGNORECASE)
_SUMMARY = re.compile(r"^SUMMARY:", re.MULTILINE)

_ORGANISATION = frozenset(f"organisation.{name}" for name in ("id", "verticale", "rdv_solidarites_organisation_id"))
_OF_AGENT = ("id", "email", "rdv_solidarites_agent_id")
_OF_LIEU = frozenset({"lieu.name", "lieu.address"})
_PLAIN = frozenset({
    "id", "uuid", "rdv_solidarites_rdv_id", "status", "starts_at", "ends_at", "duration_in_min", "collectif",
    "users_count", "max_participants_count", "time_zone", "url_for_agents", "motif.location_type", "motif.collectif",
    "lieu.single_use", "first_day", "end_day", "start_time", "end_time", "rrule", "email", "rdv_solidarites_agent_id",
    *_ORGANISATION, *(f"{one}.{name}" for one in ("agent", "agents[]") for name in _OF_AGENT),
})  # fmt: skip
"""Values with a form of their own, left as they are: a mark would only make them invalid."""

Leaf = tuple[str, Any, Any, Any]
"""Path, container, key, value."""


def marked(document: Any) -> Any:
    """Put a mark of its own into every value of the document that is free to hold anything. Changes it."""
    for number, (path, container, key, value) in enumerate(list(_leaves(document, ""))):
        if not path.startswith("meta.") and path.removeprefix("data.") not in _PLAIN:
            container[key] = _with_mark(path, value, f"canari{number % 10**5:05d}x")
    return document


def _with_mark(path: str, value: Any, mark: str) -> Any:
    if path == "data.ical":
        return _SUMMARY.sub(f"SUMMARY:{mark} ", value) if isinstance(value, str) else value
    if path == "data.visio_url":
        return value and f"https://webconf.numerique.gouv.fr/{mark}"
    return f"{mark} {value}" if isinstance(value, str) else value if _is_needed(path) else mark


def _is_needed(path: str) -> bool:
    """Whether a value of a wrong type should stay one: it is read."""
    return path in _READ


_READ = {"data.name", "data.title", "data.motif.name", "data.motifs[].name", "data.lieu", "data.organisation"}


def permitted(document: Any, emitter: Emitter, policies: Policies) -> set[str]:
    """Return the marks that stand where words may be kept from."""
    if not (isinstance(document, dict) and isinstance(document.get("data"), dict)):
        return set()
    data, meta = document["data"], document.get("meta")
    model = str(meta.get("model") if isinstance(meta, dict) else "").lower().replace("_", "")
    paths = _PLAIN | _words_kept(model, policies)
    if _is_private(model, data, emitter, policies):
        paths -= _OF_LIEU
    texts = (value for path, _, _, value in _leaves(data, "") if path in paths and isinstance(value, str))
    return {mark for text in texts for mark in MARK.findall(clean(text, len(text)))}


def _is_private(model: str, data: dict[str, Any], emitter: Emitter, policies: Policies) -> bool:
    """Whether the place may be somebody's home, or is not where an usager is received."""
    lieu, motif = ({} if not isinstance(part := data.get(name), dict) else part for name in ("lieu", "motif"))
    elsewhere = model == "rdv" and motif.get("location_type") != "public_office"
    may_be_a_home = lieu.get("single_use") or (emitter is Emitter.RDV_INSERTION and lieu.get("single_use") is not False)
    return elsewhere or (bool(may_be_a_home) and not policies.single_use_places)


def _words_kept(model: str, policies: Policies) -> frozenset[str]:
    match model:
        case "rdv":
            optional = {"name"} if policies.collective_names else set()
            optional |= {"visio_url"} if policies.visio_link else set()
            return frozenset({"motif.name"} | _OF_LIEU | optional)
        case "absence":
            return frozenset({"title"} if policies.absence_titles else ())
        case "plageouverture":
            return frozenset({"motifs[].name"} | _OF_LIEU)
    return frozenset()


def _leaves(value: Any, path: str) -> Iterator[Leaf]:
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        below = f"{path}[]" if isinstance(value, list) else f"{path}.{key}" if path else str(key)
        if isinstance(member, (dict, list)) and member:
            yield from _leaves(member, below)
        else:
            yield below, value, key, member
