"""From facts and policies to what a calendar shows. The sentences an agent reads in an entry stand in here."""

from connectors.base import CalendarEntry
from receiver.core.facts import EventState, RdvState
from receiver.core.redaction import agenda, rdv
from receiver.core.redaction.common import WORDING, Setting, digest, leads_to
from receiver.core.redaction.rdv import NOTICE

__all__ = ["NOTICE", "WORDING", "Setting", "digest", "leads_to", "render"]


def render(uid: str, state: EventState, setting: Setting) -> CalendarEntry | None:
    """Return the entry that shows this state, or None where the policies want none.

    Raises:
        Unholdable: no calendar can hold its recurrence.

    """
    if isinstance(state, RdvState):
        return rdv.render(uid, state, setting)
    return agenda.render(uid, state, setting)
