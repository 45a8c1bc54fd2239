"""Authorisation of webhooks: which events and e-mails the secrets that signed a webhook may change.

The organisation that a body claims decides nothing. What counts is the authority of the secret that signed it, and the
organisation that the event is known to belong to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from receiver.core.facts import Delivery, Emitter, EventKind, Known, Model, StateVerdict, judge_state, shows_the_same
from receiver.core.mailboxes import has_left

ALL = "*"


@dataclass(frozen=True, slots=True)
class Authority:
    """The organisations that the secrets which signed a webhook may speak for."""

    organisations: frozenset[int] | None
    """None: all organisations of the platform."""

    @classmethod
    def of(cls, listed: frozenset[int] | None, bindings: Iterable[frozenset[int] | None]) -> "Authority":
        """Return the common authority of several secrets.

        Args:
            listed: the organisations of the source; None: all.
            bindings: the organisations that each matching secret is bound to; None: it is not bound.

        """
        spoken = [_within(listed, bound) for bound in bindings]
        if None in spoken:
            return EVERYTHING
        return cls(frozenset[int]().union(*(each for each in spoken if each is not None)))

    @classmethod
    def read(cls, text: str) -> "Authority":
        """Parse `text`."""
        return EVERYTHING if text == ALL else cls(frozenset(int(each) for each in text.split(",") if each))

    @property
    def text(self) -> str:
        """The stored form: ``*``, or the organisations in order."""
        if self.organisations is None:
            return ALL
        return ",".join(str(each) for each in sorted(self.organisations))

    @property
    def tag(self) -> str:
        """A short digest for keys: an authority may have any number of organisations."""
        return tag_of(self.text)

    def covers(self, organisation: int | None) -> bool:
        """Whether it may speak for an organisation. For an unknown one (None), only an authority over all may."""
        return self.organisations is None or organisation in self.organisations

    def speaks_for(self, organisation: int | None, sent_under: Sequence["Authority"]) -> bool:
        """Whether it may speak for an event: for its organisation or, if it is an absence, by `sent_under`."""
        return self.meets(sent_under) if sent_under else self.covers(organisation)

    def is_within(self, other: "Authority") -> bool:
        """Whether the other may speak for all that this one may."""
        if other.organisations is None or self.organisations is None:
            return other.organisations is None
        return self.organisations <= other.organisations

    def meets(self, others: Iterable["Authority"]) -> bool:
        """Whether it shares an organisation with one of the others. An authority over all shares with any."""
        if self.organisations is None:
            return True
        return any(other.organisations is not None and self.organisations & other.organisations for other in others)


EVERYTHING = Authority(None)


def tag_of(text: str) -> str:
    """Return the tag of an authority in its stored form."""
    return text if text == ALL else blake2b(text.encode(), digest_size=8).hexdigest()


def _within(listed: frozenset[int] | None, bound: frozenset[int] | None) -> frozenset[int] | None:
    if listed is None or bound is None:
        return bound if listed is None else listed
    return bound & listed


_BETWEEN = "|"


def read_all(text: str | None) -> tuple[Authority, ...]:
    """Parse the stored form of several authorities."""
    return tuple(Authority.read(each) for each in text.split(_BETWEEN)) if text else ()


def write_all(authorities: Iterable[Authority]) -> str | None:
    """Return the stored form of several authorities; None: there are none."""
    return _BETWEEN.join(each.text for each in authorities) or None


@dataclass(frozen=True, slots=True)
class Ownership:
    """To whom an event belongs, as far as the store knows."""

    model: Model
    organisation: int | None
    sent_under: tuple[Authority, ...] = ()
    """For an absence, and for a tombstone that is `never_known`: the authorities of the webhooks about it."""
    never_known: bool = False
    """It is a tombstone of an event of which no other state was ever received."""


class Reach(StrEnum):
    """Whether a webhook may change an event."""

    WITHIN = "within"
    """It may."""
    JOINS = "joins"
    """It repeats what others said of an absence: from now on its authority speaks for the absence too."""
    BESIDE = "beside"
    """The known tombstone is of other authorities: the webhook counts as the first one of the event."""
    OLDER = "older"
    """It may not, but it would be superseded anyway."""
    OUTSIDE = "outside"
    """It may not."""


def reach(
    owner: Ownership | None, known: Known | None, emitter: Emitter, delivery: Delivery, authority: Authority
) -> Reach:
    """Return whether a webhook may change an event. Pure.

    Args:
        owner: to whom the event belongs; None: the event is new.
        known: the newest state of the event.
        emitter: who sends.
        delivery: the webhook.
        authority: the authority of the secrets that signed it.

    """
    is_absence = delivery.model is Model.ABSENCE
    if not is_absence and not authority.covers(delivery.organisation):
        return Reach.OUTSIDE
    if owner is None or known is None:
        return Reach.WITHIN
    if owner.never_known:
        return Reach.WITHIN if _is_stopped(owner, delivery, authority) else Reach.BESIDE
    if not is_absence:
        return Reach.WITHIN if authority.covers(owner.organisation) else Reach.OUTSIDE
    if not owner.sent_under or authority.meets(owner.sent_under):
        return Reach.WITHIN
    return _reach_of_other_absence(known, emitter, delivery)


def _reach_of_other_absence(known: Known, emitter: Emitter, delivery: Delivery) -> Reach:
    """Judge a webhook about an absence that only other authorities have sent."""
    if delivery.version.kind is not EventKind.DESTROYED and shows_the_same(known, delivery):
        return Reach.JOINS
    return Reach.OLDER if judge_state(known, emitter, delivery) is StateVerdict.SUPERSEDED else Reach.OUTSIDE


def _is_stopped(owner: Ownership, delivery: Delivery, authority: Authority) -> bool:
    """Whether an authority that may speak for this webhook's event left the tombstone."""
    if delivery.model is Model.ABSENCE:
        return any(authority.is_within(each) for each in owner.sent_under)
    return any(each.covers(delivery.organisation) for each in owner.sent_under)


@dataclass(frozen=True, slots=True)
class KnownEmail:
    """An agent's e-mail according to one authority."""

    authority: Authority
    emitter: Emitter | None
    """Who sent it; None: an older version of this program stored it without the emitter."""
    email: str | None
    state_at: datetime
    """Age of the state that contained it."""
    former_email: str | None = None
    """The last real e-mail of an agent who left the platform."""
    former_at: datetime | None = None


def credible_email(
    emails: Sequence[KnownEmail], organisation: int | None, sent_under: Sequence[Authority] = ()
) -> KnownEmail | None:
    """Return the newest e-mail from an authority that may speak for the event; None: there is none.

    Args:
        emails: the agent's e-mails, from all authorities.
        organisation: the event's.
        sent_under: the authorities under which the event was sent, if it is an absence and they are known.

    Those of rdv-insertion count only if the platform itself sent none.

    """
    credible = [known for known in emails if _may_route(known.authority, organisation, sent_under)]
    if any(known.emitter is Emitter.RDV_SERVICE_PUBLIC for known in credible):
        credible = [known for known in credible if known.emitter is not Emitter.RDV_INSERTION]
    newest = max(credible, key=lambda known: (known.state_at, known.authority.text), default=None)
    return _with_former(newest, credible) if newest and has_left(newest.email) else newest


def _may_route(authority: Authority, organisation: int | None, sent_under: Sequence[Authority]) -> bool:
    return authority.speaks_for(organisation, sent_under)


def _with_former(departure: KnownEmail, emails: Sequence[KnownEmail]) -> KnownEmail:
    """Return a departure, completed with the agent's last real e-mail."""
    real = [(known.state_at, known.email) for known in emails if known.email and not has_left(known.email)]
    real += [(known.former_at, known.former_email) for known in emails if known.former_at and known.former_email]
    former_at, former_email = max(real, default=(None, None))
    return replace(departure, former_email=former_email, former_at=former_at)
