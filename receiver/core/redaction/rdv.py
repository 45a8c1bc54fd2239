"""The entry of an appointment."""

from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry, ShowAs
from receiver.core.facts import LocationType, RdvState
from receiver.core.policies import OnCancel, Policies
from receiver.core.redaction.common import (
    LOCATION_LIMIT,
    PLATFORM_HOSTS,
    TITLE_LIMIT,
    Setting,
    host_of,
    leads_to,
    place_of,
)
from receiver.core.text import clean

NOTICE = "Ne modifiez pas ce rendez-vous ici : les changements se font dans RDV Service Public."
CANCELLED_PREFIX = "ANNULÉ : "
GENERIC_TITLE = "Rendez-vous"
GENERIC_COLLECTIVE_TITLE = "Rendez-vous collectif"
HOME = "Domicile"
PHONE = "Téléphone"
VISIO = "Visioconférence"

VISIO_HOSTS = frozenset({"webconf.numerique.gouv.fr"})


def render(uid: str, state: RdvState, setting: Setting) -> CalendarEntry | None:
    """Return the entry that shows this state; None: the policies want none."""
    policies = setting.policies
    if state.cancelled and policies.on_cancel is OnCancel.DELETE and not state.marked:
        return None
    zone = ZoneInfo(state.time_zone) if state.time_zone else setting.time_zone
    return CalendarEntry(
        uid=uid,
        title=_title(state, policies),
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


def _title(state: RdvState, policies: Policies) -> str:
    if not policies.shows(state.motif):  # the name of a collective RDV would show what it is for
        title = GENERIC_COLLECTIVE_TITLE + _head_count(state) if state.collective else GENERIC_TITLE
    elif state.collective:
        title = state.motif + (f" : {state.name}" if state.name else "") + _head_count(state)
    else:
        title = state.motif
    return clean(CANCELLED_PREFIX + title if state.cancelled else title, TITLE_LIMIT)


def _head_count(state: RdvState) -> str:
    if state.users_count is None:
        return ""
    return f" ({state.users_count}/{state.max_participants})" if state.max_participants else f" ({state.users_count})"


def _place(state: RdvState, policies: Policies) -> str:
    match state.location_type:
        case LocationType.PUBLIC_OFFICE:
            return place_of(state.lieu, policies)
        case LocationType.HOME:
            return HOME
        case LocationType.PHONE:
            return PHONE
        case LocationType.VISIO:
            return _visio(state.visio_url, policies)
        case LocationType.OTHER:
            return ""


def _visio(url: str | None, policies: Policies) -> str:
    hosts = VISIO_HOSTS.union(policies.link_hosts)
    return f"{VISIO} : {url}" if policies.visio_link and url and leads_to(url, hosts) else VISIO


def _link(state: RdvState, setting: Setting) -> str | None:
    own = {setting.host} if setting.host else set()
    if state.agent_url and leads_to(state.agent_url, PLATFORM_HOSTS.union(own, setting.policies.link_hosts)):
        return state.agent_url
    host = host_of(setting, state.verticale)
    if host is None or state.organisation is None or state.rdv is None:
        return None
    return f"https://{host}/admin/organisations/{state.organisation}/rdvs/{state.rdv}"
