"""What all entries share: the setting they are rendered in, their place, link and digest."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry
from receiver.core.facts import Lieu
from receiver.core.policies import Policies

WORDING = 1
"""The version of the sentences below. It is part of the ruleset, so that existing entries change only on purpose.

To change a sentence: add one to this number, pass the number of the ruleset in force to `Setting`, and keep the old
sentence for the old number. An installation uses the new sentences after `apply-policies`.
"""

SINGLE_USE_PLACE = "Lieu ponctuel"

TITLE_LIMIT = LOCATION_LIMIT = 255  # Exchange's limits

HOST_BY_VERTICALE = {
    "rdv_solidarites": "www.rdv-solidarites.fr",
    "rdv_insertion": "www.rdv-solidarites.fr",
    "rdv_aide_numerique": "www.rdv-aide-numerique.fr",
    "rdv_mairie": "rdv.anct.gouv.fr",
}
PLATFORM_HOSTS = frozenset(HOST_BY_VERTICALE.values()) | {"rdv.numerique.gouv.fr"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What rendering needs to know of the source of the facts."""

    time_zone: ZoneInfo
    host: str | None
    policies: Policies


_FIELDS = tuple(field.name for field in fields(CalendarEntry))


def digest(entry: CalendarEntry, wording: int = WORDING) -> str:
    """Return the digest of an entry: equal digests, equal entries. Not keyed, as an entry holds nothing personal."""
    # Fields that are None are left out: a field that a later version adds changes no digest until it is used.
    shown = {name: value for name in _FIELDS if (value := getattr(entry, name)) is not None}
    if entry.recurrence is not None:
        shown["recurrence"] = asdict(entry.recurrence)
    text = json.dumps({**shown, "wording": wording}, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def place_of(lieu: Lieu | None, policies: Policies) -> str:
    """Return the name and address of a lieu, as far as policies allow them."""
    if lieu is None:
        return ""
    shown = policies.single_use_places or not lieu.single_use
    place = ", ".join(part for part in (lieu.name, lieu.address) if part) if shown else ""
    if lieu.unsaid or not lieu.single_use:
        return place
    return f"{SINGLE_USE_PLACE} : {place}" if place else SINGLE_USE_PLACE


def host_of(setting: Setting, verticale: str | None) -> str | None:
    """Return the host of links that we build; None: unknown."""
    return setting.host or HOST_BY_VERTICALE.get(verticale or "rdv_solidarites")


def leads_to(url: str, hosts: frozenset[str]) -> bool:
    """Whether a URL is plain https to one of the hosts: no user part, no other port, no ambiguous character."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    unambiguous = url.isascii() and url.isprintable() and not any(mark in url for mark in "\\\"'<> ")
    plain = parts.username is None and port in {None, 443} and unambiguous
    return parts.scheme == "https" and plain and (parts.hostname or "") in hosts
