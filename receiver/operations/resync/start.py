"""`resync`: makes RDV Service Public send again all it has.

The platform does so after any change of a webhook endpoint. Its arrival is followed in
`receiver.operations.resync.progress`; `receiver.operations.resync.missing` judges what did not come.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from receiver.config import Settings, Source
from receiver.core.facts import Emitter, Model
from receiver.operations.resync.platform_api import Api, Endpoint
from receiver.operations.resync.platform_http import RestError

SUBSCRIPTIONS: Mapping[Model, str] = {
    Model.RDV: "rdv",
    Model.ABSENCE: "absence",
    Model.PLAGE_OUVERTURE: "plage_ouverture",
}
"""The platform's names for the subscriptions of a webhook endpoint."""
BESIDE = ("agent", "agent_role")
"""The other subscriptions of our endpoints: changed e-mails, and agents who leave."""


class Refused(Exception):
    """The re-sync is not possible with this configuration; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Step(StrEnum):
    """What was done for one organisation."""

    TRIGGERED = "triggered"
    CREATED = "created"
    READY = "ready"
    """It has an endpoint; nothing was done, as this was a dry run."""
    NO_ENDPOINT = "no_endpoint"
    NOT_A_MEMBER = "not_a_member"
    NO_SECRET = "no_secret"  # noqa: S105  # the name of a lack
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OrganisationReport:
    """One organisation, and whether it sends again."""

    organisation: int
    step: Step
    unsubscribed: tuple[str, ...] = ()
    """The requested kinds that its endpoint does not send."""
    trouble: str | None = None
    """Code of the failure."""

    @property
    def ok(self) -> bool:
        """Whether an operator has nothing to do."""
        return self.step in {Step.TRIGGERED, Step.CREATED, Step.READY} and not self.unsubscribed


@dataclass(frozen=True, slots=True)
class ResyncRequest:
    """What is to be sent again."""

    source: Source
    models: frozenset[Model]
    organisations: frozenset[int] | None
    """None: all organisations of the account that send to us."""
    target_url: str
    create: bool = False
    dry_run: bool = False


def choose_source(settings: Settings, name: str | None) -> Source:
    """Return the source to ask.

    Raises:
        Refused: there is no source of that name, there are several and no name, or the source has no API.

    """
    if name is not None and name not in settings.sources:
        raise Refused("source_unknown")
    named = [settings.sources[name]] if name else [source for source in settings.sources.values() if source.api]
    if len(named) != 1:
        raise Refused("source_needed" if named else "api_missing")
    if named[0].emitter is not Emitter.RDV_SERVICE_PUBLIC:
        raise Refused("no_api_of_insertion")
    if named[0].api is None:
        raise Refused("api_missing")
    return named[0]


def resync_request(
    source: Source,
    models: Collection[Model],
    organisations: Collection[int],
    *,
    create: bool,
    dry_run: bool,
) -> ResyncRequest:
    """Return the checked request.

    Raises:
        Refused: the endpoint's address, or the organisations to create endpoints for, are unknown.

    """
    target = source.api.webhook_url if source.api else None
    if target is None:
        raise Refused("endpoint_url_missing")
    if source.organisations is not None and not source.organisations >= set(organisations):
        raise Refused("organisation_not_of_source")
    named = frozenset(organisations) or source.organisations
    if create and named is None:
        raise Refused("create_needs_organisations")
    return ResyncRequest(source, frozenset(models), named, target, create=create, dry_run=dry_run)


def trigger(api: Api, asked: ResyncRequest, begin: Callable[[], None]) -> list[OrganisationReport]:
    """Make each organisation send again; return the results. `begin` is called before any of them may send.

    Raises:
        RestError: the account cannot sign in, or the API does not answer at all.

    """
    member_of = api.organisations()
    if not asked.dry_run:
        begin()
    chosen = member_of if asked.organisations is None else asked.organisations
    reports = [_one(api, asked, organisation, member_of) for organisation in sorted(chosen)]
    if asked.organisations is not None:
        return reports
    return [each for each in reports if each.step is not Step.NO_ENDPOINT]  # the others send elsewhere


def _one(api: Api, asked: ResyncRequest, organisation: int, member_of: Collection[int]) -> OrganisationReport:
    if organisation not in member_of:
        return OrganisationReport(organisation, Step.NOT_A_MEMBER)
    try:
        target = asked.target_url.rstrip("/")
        ours = [each for each in api.endpoints(organisation) if each.target_url.rstrip("/") == target]
        return _trigger(api, asked, organisation, ours[0]) if ours else _create(api, asked, organisation)
    except RestError as error:
        return OrganisationReport(organisation, Step.FAILED, trouble=error.code)


def _trigger(api: Api, asked: ResyncRequest, organisation: int, endpoint: Endpoint) -> OrganisationReport:
    wanted = {SUBSCRIPTIONS[model] for model in asked.models}
    unsubscribed = tuple(sorted(wanted - endpoint.subscriptions))
    if asked.dry_run:
        return OrganisationReport(organisation, Step.READY, unsubscribed)
    api.trigger(organisation, endpoint)
    return OrganisationReport(organisation, Step.TRIGGERED, unsubscribed)


def _create(api: Api, asked: ResyncRequest, organisation: int) -> OrganisationReport:
    if not asked.create or asked.dry_run:
        return OrganisationReport(organisation, Step.NO_ENDPOINT)
    bound = [(each.organisations, each.secret) for each in asked.source.secrets]
    secret = next((secret for ids, secret in bound if ids is None or organisation in ids), None)
    if secret is None:
        return OrganisationReport(organisation, Step.NO_SECRET)
    subscriptions = [*sorted(SUBSCRIPTIONS.values()), *BESIDE]
    api.create_endpoint(organisation, asked.target_url, secret.value, subscriptions)
    return OrganisationReport(organisation, Step.CREATED)
