"""For whom a webhook may speak: its authority, against the organisation that an event is known to belong to.

What a body claims decides nothing here: the secret that signed it does, and what was told under it before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from receiver.core.facts import Delivery, Emitter, EventKind, Known, Model, Ruling, judge_state, shows_the_same
from receiver.core.mailboxes import has_left

ALL = "*"


@dataclass(frozen=True, slots=True)
class Authority:
    """The organisations that the secrets which signed a webhook may speak for."""

    organisations: frozenset[int] | None
    """None: all of the platform's."""

    @classmethod
    def of(cls, listed: frozenset[int] | None, bindings: Iterable[frozenset[int] | None]) -> "Authority":
        """Return what several secrets may speak for together.

        Args:
            listed: the organisations of the source; None: all.
            bindings: those that each matching secret is bound to; None: it is not bound.

        """
        spoken = [_within(listed, bound) for bound in bindings]
        if None in spoken:
            return EVERYTHING
        return cls(frozenset[int]().union(*(each for each in spoken if each is not None)))

    @classmethod
    def read(cls, text: str) -> "Authority":
        """Read what `text` wrote."""
        return EVERYTHING if text == ALL else cls(frozenset(int(each) for each in text.split(",") if each))

    @property
    def text(self) -> str:
        """Write it down: ``*``, or the organisations in order."""
        if self.organisations is None:
            return ALL
        return ",".join(str(each) for each in sorted(self.organisations))

    @property
    def tag(self) -> str:
        """A short name of it, for keys: an authority may be of any number of organisations."""
        return tag_of(self.text)

    def covers(self, organisation: int | None) -> bool:
        """Whether it may speak for an organisation; for an unknown one only who may speak for all."""
        return self.organisations is None or organisation in self.organisations

    def speaks_for(self, organisation: int | None, tellers: Sequence["Authority"]) -> bool:
        """Whether it may speak for an event: for its organisation, or, of an absence, with one of those who told it."""
        return self.meets(tellers) if tellers else self.covers(organisation)

    def is_within(self, other: "Authority") -> bool:
        """Whether the other may speak for all that this one may."""
        if other.organisations is None or self.organisations is None:
            return other.organisations is None
        return self.organisations <= other.organisations

    def meets(self, others: Iterable["Authority"]) -> bool:
        """Whether it speaks for an organisation for which one of the others speaks by name."""
        if self.organisations is None:
            return True
        return any(other.organisations is not None and self.organisations & other.organisations for other in others)


EVERYTHING = Authority(None)


def tag_of(text: str) -> str:
    """Return the short name of a written authority."""
    return text if text == ALL else blake2b(text.encode(), digest_size=8).hexdigest()


def _within(listed: frozenset[int] | None, bound: frozenset[int] | None) -> frozenset[int] | None:
    if listed is None or bound is None:
        return bound if listed is None else listed
    return bound & listed


_BETWEEN = "|"


def read_all(text: str | None) -> tuple[Authority, ...]:
    """Read several authorities."""
    return tuple(Authority.read(each) for each in text.split(_BETWEEN)) if text else ()


def write_all(authorities: Iterable[Authority]) -> str | None:
    """Write several authorities down; None: there are none."""
    return _BETWEEN.join(each.text for each in authorities) or None


@dataclass(frozen=True, slots=True)
class Ownership:
    """To whom an event belongs, as the store knows it."""

    model: Model
    organisation: int | None
    tellers: tuple[Authority, ...] = ()
    """Of an absence, and of a tombstone of what was never known: under which authorities it was told."""
    never_known: bool = False
    """It is a tombstone of what nobody had told of before."""


class Reach(StrEnum):
    """What a webhook may do with an event."""

    WITHIN = "within"
    JOINS = "joins"
    """It tells of an absence what others told: from now on it speaks for the absence too."""
    BESIDE = "beside"
    """What is known stops others only: it counts as the first word of the event."""
    OLDER = "older"
    OUTSIDE = "outside"


def reach(standing: Ownership | None, known: Known | None, emitter: Emitter, told: Delivery, by: Authority) -> Reach:
    """Say whether a webhook may change an event. Pure.

    Args:
        standing: to whom the event belongs; None: it was never heard of.
        known: its newest state.
        emitter: who sends.
        told: the state that arrived.
        by: the authority under which it did.

    """
    is_absence = told.model is Model.ABSENCE
    if not is_absence and not by.covers(told.organisation):
        return Reach.OUTSIDE
    if standing is None or known is None:
        return Reach.WITHIN
    if standing.never_known:
        return Reach.WITHIN if _is_stopped(standing, told, by) else Reach.BESIDE
    if not is_absence:
        return Reach.WITHIN if by.covers(standing.organisation) else Reach.OUTSIDE
    if not standing.tellers or by.meets(standing.tellers):
        return Reach.WITHIN
    return _of_absence(known, emitter, told)


def _is_stopped(standing: Ownership, told: Delivery, by: Authority) -> bool:
    """Whether a tombstone that came first was left by somebody who may speak for this one."""
    if told.model is Model.ABSENCE:
        return any(by.is_within(teller) for teller in standing.tellers)
    return any(teller.covers(told.organisation) for teller in standing.tellers)


def _of_absence(known: Known, emitter: Emitter, told: Delivery) -> Reach:
    """Judge what somebody tells of an absence that only others have told of."""
    if told.version.kind is not EventKind.DESTROYED and shows_the_same(known, told):
        return Reach.JOINS
    return Reach.OLDER if judge_state(known, emitter, told) is Ruling.SUPERSEDED else Reach.OUTSIDE


# E-mails


@dataclass(frozen=True, slots=True)
class EmailClaim:
    """What one authority says of an agent's e-mail."""

    authority: Authority
    emitter: Emitter | None
    """Who sent it; None: an older program learnt it, and did not note that."""
    email: str | None
    state_at: datetime
    """Age of the state that told it."""
    former_email: str | None = None
    """The last real one, of an agent who left the platform."""
    former_at: datetime | None = None


def credible_claim(
    words: Sequence[EmailClaim], organisation: int | None, tellers: Sequence[Authority] = ()
) -> EmailClaim | None:
    """Return the word that counts for an event: the newest of those who may speak for it; None: nobody's.

    Args:
        words: all that is known of the agent.
        organisation: the event's.
        tellers: of an absence, under which authorities it was told; none: the event is none, or nobody knows.

    What rdv-insertion says counts only where the platform itself says nothing.

    """
    heard = [word for word in words if _may_route(word.authority, organisation, tellers)]
    if any(word.emitter is Emitter.RDV_SERVICE_PUBLIC for word in heard):
        heard = [word for word in heard if word.emitter is not Emitter.RDV_INSERTION]
    newest = max(heard, key=lambda word: (word.state_at, word.authority.text), default=None)
    return _with_former(newest, heard) if newest and has_left(newest.email) else newest


def _may_route(authority: Authority, organisation: int | None, tellers: Sequence[Authority]) -> bool:
    return authority.speaks_for(organisation, tellers)


def _with_former(departure: EmailClaim, heard: Sequence[EmailClaim]) -> EmailClaim:
    """Give a departure the last real e-mail that anybody told."""
    real = [(word.state_at, word.email) for word in heard if word.email and not has_left(word.email)]
    real += [(word.former_at, word.former_email) for word in heard if word.former_at and word.former_email]
    former_at, former_email = max(real, default=(None, None))
    return replace(departure, former_email=former_email, former_at=former_at)
