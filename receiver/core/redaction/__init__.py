"""Redaction: from facts and policies to the entry that a calendar shows, its French sentences included."""

from connectors.base import CalendarEntry
from receiver.core.facts import EventState, RdvState
from receiver.core.redaction import agenda, rdv
from receiver.core.redaction.common import WORDING, Setting, digest, leads_to
from receiver.core.redaction.rdv import NOTICE

__all__ = ["NOTICE", "WORDING", "Setting", "digest", "leads_to", "render"]


def render(uid: str, state: EventState, setting: Setting) -> CalendarEntry | None:
    """Return the entry that shows this state; None: the policies want none.

    Raises:
        Unholdable: no calendar can represent its recurrence.

    """
    if isinstance(state, RdvState):
        return rdv.render(uid, state, setting)
    return agenda.render(uid, state, setting)
