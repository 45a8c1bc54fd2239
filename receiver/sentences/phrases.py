"""Makes the French text of a trouble, the same for pages, commands and alerts, from `receiver.sentences`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from receiver import sentences
from receiver.core.addresses import display_safe
from receiver.core.troubles import Code, Trouble

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Words:
    """The French text of a trouble."""

    title: str
    """What is wrong, in one line."""
    cure: str
    """What to check and to do."""


def words(trouble: Trouble) -> Words:
    """Return a trouble's sentences, its details filled in."""
    advice = sentences.TROUBLES[trouble.code]
    if trouble.code is Code.WEBHOOKS_REFUSED:
        advice = sentences.ALL_IGNORED.get(trouble.cause, advice)
    if trouble.code is Code.STORE_VANISHED:
        advice = sentences.VANISHED.get(trouble.cause, advice)
    if trouble.cause in sentences.STORE_CAUSES or trouble.code is Code.STORE_UNREACHABLE:
        return _of_store(trouble, advice)
    fields = {"subject": trouble.subject, "count": trouble.count, "cause": _behind(trouble)}
    plural = "s" if trouble.count > 1 else ""  # a title has one number
    return Words(advice.title.format(**fields).replace("(s)", plural), advice.cure.format(**fields))


def _behind(trouble: Trouble) -> str:
    if trouble.code is Code.OTHER_INSTALLATION:  # its cause is no code
        return trouble.cause
    return refusal_sentence(trouble.cause) if trouble.code is Code.WEBHOOKS_REFUSED else cause_sentence(trouble.cause)


def _of_store(trouble: Trouble, advice: sentences.Advice) -> Words:
    behind = store_words(trouble.cause, dict(trouble.details))
    if trouble.code is not Code.STORE_UNREACHABLE:
        return behind
    meanwhile = sentences.MEANWHILE.get(trouble.cause, advice.cure)
    return Words(f"{advice.title} : {behind.title}", f"{meanwhile} {behind.cure}")


def store_words(cause: str, details: Mapping[str, object]) -> Words:
    """Return why a store cannot be used. Unknown names are replaced by general ones."""
    advice = sentences.STORE_CAUSES.get(cause, sentences.STORE_CAUSES["store_unknown"])
    fields = {"path": "le fichier de la base", "command": "rdv-receiver check", **details}
    return Words(advice.title, advice.cure.format(**fields))


def cause_sentence(code: str) -> str:
    """Return cause and cure of a failure, by its code."""
    known = sentences.CAUSES.get(code) or sentences.TOKEN_KEY.get(code)
    return known or sentences.CALENDAR.get(code, sentences.CALENDAR_UNKNOWN.format(code=code))


def refusal_sentence(reason: str) -> str:
    """Return why requests were refused or ignored, by the counted reason."""
    return sentences.REFUSALS.get(reason) or cause_sentence(reason)


def failure_sentence(code: str, installations: Sequence[str] = ()) -> str:
    """Return cause and cure of a failure; with the names of other installations if they are the cause."""
    names = sentences.INSTALLATIONS.format(names=", ".join(installations))
    return f"{cause_sentence(code)} {names}" if installations else cause_sentence(code)


def local(moment: datetime) -> str:
    """Return a moment in French notation, in the time of Paris."""
    return f"{moment.astimezone(PARIS):%d/%m/%Y %H:%M}"


def held_subject(uid: str | None, event_number: int | None, agent: str | None, email: str | None) -> str:
    """Return what a set aside webhook is about: an event or an agent."""
    if uid is not None:
        return uid if event_number is None else sentences.HELD["event"].format(number=event_number, uid=uid)
    return sentences.HELD["agent email" if email else "agent"].format(agent=agent, email=display_safe(email or ""))


def held_organisation(known: int | None, claimed: int | None) -> str:
    """Return the organisation of the event, and the one that the webhook speaks for."""
    texts = sentences.HELD
    if known is None:
        return texts["unknown organisation"] if claimed is None else texts["claimed alone"].format(claimed=claimed)
    if claimed in {None, known}:
        return str(known)
    return texts["claimed"].format(organisation=known, claimed=claimed)
