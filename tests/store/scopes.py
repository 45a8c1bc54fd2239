"""A town whose organisations sign with secrets of their own, and what stands in its calendars."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from receiver.core.facts import AgentRef, Delivery, EventKind, News, RdvState
from receiver.core.mailboxes import MailboxMap
from receiver.core.policies import Policies
from receiver.core.ruleset import Ruleset, SourceRules
from receiver.core.scope import Authority
from receiver.store import Receipt, Store, Verdict
from receiver.store.intake import judge_batch, set_aside
from receiver.store.intake.set_aside import Group
from receiver.store.tools import audit
from receiver.store.work import mailbox_identity, rulesets
from tests.makers import NOW, a_delivery, incoming

ALL = Authority(None)
TWELVE = Authority(frozenset({12}))
THIRTY_FOUR = Authority(frozenset({34}))
ELSEWHERE = Authority(frozenset({90}))
BOTH = Authority(frozenset({12, 34}))
CALENDAR = "exchange"
AFTER_SETTLING = timedelta(minutes=11)


def a_rdv(
    organisation: int, age_s: float = 60, kind: EventKind = EventKind.UPDATED, *, number: int = 4330, **more: object
) -> Delivery:
    """A state of an appointment that claims to be of an organisation."""
    delivery = a_delivery(age_s, kind, wire_id=number, uuid=f"uuid-{number}", **more)  # type: ignore[arg-type]
    state = replace(delivery.state, organisation=organisation) if delivery.state else None  # type: ignore[type-var]
    return replace(delivery, organisation=organisation, state=state)


@dataclass
class Town:
    """A store, and the rules in force."""

    store: Store
    policies: Policies = field(default_factory=Policies)
    now: datetime = NOW

    def __post_init__(self) -> None:
        """Put the rules in force: everybody's mailbox is the e-mail."""
        domains = {name: name for name in ("departement.example", "evil.example")}
        mapping = MailboxMap(CALENDAR, domains=domains)
        self.rules = Ruleset(mapping, {"mds": SourceRules(policies=self.policies)})
        self.store.write(rulesets.put_in_force, self.rules, 0, self.now)

    def tell(self, news: News, by: Authority | None, secret: str | None = None, **more: object) -> Receipt:
        """One webhook comes in, signed by a secret that may speak for some organisations."""
        signed_by = secret if secret is not None else by.tag if by else ""
        signed = replace(incoming(news, **more), authority=by, signed_by=signed_by)  # type: ignore[arg-type]
        [receipt] = self.store.write(judge_batch.take, [signed], self.now)
        return receipt

    def verdict(self, news: News, by: Authority | None, **more: object) -> Verdict:
        """Tell, and return what became of it."""
        return self.tell(news, by, **more).verdict  # type: ignore[arg-type]

    def tell_all(self, told: Iterable[tuple[News, Authority]]) -> list[Verdict]:
        """Tell one after the other."""
        return [self.verdict(news, by) for news, by in told]

    def shown(self) -> dict[str, dict[str, str]]:
        """Return what each mailbox should hold: the titles, by address and uid."""
        while self.store.settle(lambda view: self.rules.compute_desired(view, self.now), self.now):
            pass
        held: dict[str, dict[str, str]] = {}
        for mailbox in self.store.read(mailbox_identity.in_use):
            for record in self.store.read(audit.recorded, mailbox):
                if record.placement.desired is not None and record.state is not None:
                    title = record.state.motif if isinstance(record.state, RdvState) else record.state.model
                    held.setdefault(mailbox.address, {})[record.placement.uid] = title
        return held

    def waits(self, after: timedelta = AFTER_SETTLING) -> list[Group]:
        """Return what somebody must decide, once everything has settled."""
        return self.store.read(set_aside.groups, self.now + after)

    def waiting_ids(self) -> list[int]:
        """Return the numbers of all that waits."""
        return [each.id for each in self.store.read(set_aside.waiting, 100_000)]


def an_agent_of(number: int, domain: str = "departement.example") -> AgentRef:
    """One of many agents."""
    return AgentRef(str(number), f"agent{number}@{domain}")
