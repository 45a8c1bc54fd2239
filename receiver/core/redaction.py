"""From facts and policies to what a calendar shows. The sentences an agent reads in an entry stand here.

`WORDING` numbers them: a changed sentence is a new number, so that existing entries change only on purpose.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry, ShowAs
from receiver.core.facts import EventState, Lieu, LocationType
from receiver.core.policies import OnCancel, Policies
from receiver.core.text import clean

WORDING = 1

NOTICE = "Ne modifiez pas ce rendez-vous ici : les changements se font dans RDV Service Public."
CANCELLED_PREFIX = "ANNULÉ : "
HOME = "Domicile"
PHONE = "Téléphone"
VISIO = "Visioconférence"
SINGLE_USE_PLACE = "Lieu ponctuel"

TITLE_LIMIT = LOCATION_LIMIT = 255  # what Exchange takes

HOST_BY_VERTICALE = {
    "rdv_solidarites": "www.rdv-solidarites.fr",
    "rdv_insertion": "www.rdv-solidarites.fr",
    "rdv_aide_numerique": "www.rdv-aide-numerique.fr",
    "rdv_mairie": "rdv.anct.gouv.fr",
}
PLATFORM_HOSTS = frozenset(HOST_BY_VERTICALE.values()) | {"rdv.numerique.gouv.fr"}
VISIO_HOSTS = frozenset({"webconf.numerique.gouv.fr"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What rendering needs of the source that the facts came from."""

    time_zone: ZoneInfo
    host: str | None
    policies: Policies


def render(uid: str, state: EventState, setting: Setting) -> CalendarEntry | None:
    """Return the entry that shows this state, or None where the policies want none."""
    policies = setting.policies
    if state.cancelled and policies.on_cancel is OnCancel.DELETE:
        return None
    zone = ZoneInfo(state.time_zone) if state.time_zone else setting.time_zone
    return CalendarEntry(
        uid=uid,
        title=_title(state),
        start=state.starts_at.astimezone(zone),
        end=state.ends_at.astimezone(zone),
        time_zone=zone.key,
        location=clean(_place(state, policies), LOCATION_LIMIT),
        notice=NOTICE,
        link=_link(state, setting),
        show_as=ShowAs.FREE if state.cancelled else ShowAs.BUSY,
        sensitivity=policies.sensitivity,
        reminder_minutes=None if state.cancelled else policies.reminder_minutes,
        category=policies.category,
    )


def digest(entry: CalendarEntry) -> str:
    """Return what tells two entries apart: equal digests, equal entries. Not keyed: nothing in it is personal."""
    shown = json.dumps({**asdict(entry), "wording": WORDING}, default=str, sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def _title(state: EventState) -> str:
    title = state.motif
    if state.collective:
        title += f" : {state.name}" if state.name else ""
        title += _head_count(state)
    return clean(CANCELLED_PREFIX + title if state.cancelled else title, TITLE_LIMIT)


def _head_count(state: EventState) -> str:
    if state.users_count is None:
        return ""
    return f" ({state.users_count}/{state.max_participants})" if state.max_participants else f" ({state.users_count})"


def _place(state: EventState, policies: Policies) -> str:
    match state.location_type:
        case LocationType.PUBLIC_OFFICE:
            return _lieu(state.lieu, policies)
        case LocationType.HOME:
            return HOME
        case LocationType.PHONE:
            return PHONE
        case LocationType.VISIO:
            return _visio(state.visio_url, policies)
        case LocationType.OTHER:
            return ""


def _lieu(lieu: Lieu | None, policies: Policies) -> str:
    if lieu is None:
        return ""
    place = ", ".join(part for part in (lieu.name, lieu.address) if part)
    if not lieu.single_use:
        return place
    return f"{SINGLE_USE_PLACE} : {place}" if place and policies.single_use_places else SINGLE_USE_PLACE


def _visio(url: str | None, policies: Policies) -> str:
    hosts = VISIO_HOSTS.union(policies.link_hosts)
    return f"{VISIO} : {url}" if policies.visio_link and url and leads_to(url, hosts) else VISIO


def _link(state: EventState, setting: Setting) -> str | None:
    own = {setting.host} if setting.host else set()
    if state.agent_url and leads_to(state.agent_url, PLATFORM_HOSTS.union(own, setting.policies.link_hosts)):
        return state.agent_url
    host = setting.host or HOST_BY_VERTICALE.get(state.verticale or "rdv_solidarites")
    if host is None or state.organisation is None or state.rdv is None:
        return None
    return f"https://{host}/admin/organisations/{state.organisation}/rdvs/{state.rdv}"


def leads_to(url: str, hosts: frozenset[str]) -> bool:
    """Whether the address is plain https to one of the hosts: no user part, no other port, nothing to misread."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.username is None and port in {None, 443} and not any(mark in url for mark in "\\\"'<> ")
    return parts.scheme == "https" and plain and (parts.hostname or "") in hosts
