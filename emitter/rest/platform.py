"""What the platform holds, who may see it, and what it sends when an endpoint changes."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from emitter.delivery import Courier, Delivery, DeliveryReport
from emitter.model import Event, Organisation, Rdv
from emitter.payloads import Entry, Generation, render
from emitter.platforms import Platform, signer
from emitter.rest.accounts import Account, Accounts
from emitter.retries import RDV_SERVICE_PUBLIC_WAITS_S, RetryPolicy
from emitter.schedule import Absence, PlageOuverture

Json = dict[str, Any]
SUBSCRIPTIONS: dict[str, type[Entry]] = {"rdv": Rdv, "absence": Absence, "plage_ouverture": PlageOuverture}
ALL_SUBSCRIPTIONS = frozenset(
    {*SUBSCRIPTIONS, "user", "user_profile", "organisation", "motif", "lieu", "agent", "agent_role"}
    | {"referent_assignation"}
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an organisation's webhooks go."""

    id: int
    organisation: int
    target_url: str
    secret: str = field(repr=False)
    subscriptions: tuple[str, ...] = tuple(SUBSCRIPTIONS)


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that takes the place of the true one."""

    status: int
    retry_after_s: int | None = None
    body: bytes = b'{"errors": ["Unexpected internal error"]}'
    path: str = ""
    """Only for requests whose path holds this."""


class RestPlatform:
    """One instance. Thread-safe."""

    def __init__(
        self,
        accounts: list[Account],
        organisations: list[Organisation],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        generation: Generation = Generation.YEAR_2024,
    ) -> None:
        self.accounts = Accounts(accounts, clock)
        self.organisations = {organisation.id: organisation for organisation in organisations}
        self.clock = clock
        self.generation = generation
        self.endpoints: dict[int, Endpoint] = {}
        self.withheld: set[tuple[type[Entry], int]] = set()
        """What a re-sync leaves out, as a job that failed for good would."""
        self.faults: list[Fault] = []
        """Used up one by one."""
        self.renews_tokens = False
        self.reports: list[DeliveryReport] = []
        """What became of each re-sync."""
        self.ca_file: str | None = None
        self.jobs = 4
        self.time_scale = 0.001
        self._entries: dict[tuple[type[Entry], int], Entry] = {}
        self._memberships: dict[int, frozenset[int]] = {}
        self._sending: list[threading.Thread] = []
        self._lock = threading.RLock()

    def hold(self, *entries: Entry) -> None:
        """Take RDVs, absences and openings in, or what they have become."""
        with self._lock:
            self._entries |= {(type(entry), entry.id): entry for entry in entries}

    def vanish(self, *entries: Entry) -> None:
        """Lose them without a webhook."""
        with self._lock:
            for entry in entries:
                del self._entries[type(entry), entry.id]

    def belongs_to(self, agent: int, *organisations: int) -> None:
        """Give an agent a place in organisations: absences go to the endpoints of all."""
        self._memberships[agent] = frozenset(organisations)

    # What the API returns

    def rdvs(self, account: Account, organisation: int | None, ids: Iterable[int] | None) -> list[Entry]:
        """The RDVs that an account sees, each as often as it has agents: the platform's join does so."""
        asked = None if ids is None else set(ids)
        return [
            rdv
            for rdv in self._of(Rdv)
            if isinstance(rdv, Rdv)
            and (organisation is None or rdv.organisation.id == organisation)
            and (asked is None or rdv.id in asked)
            and _sees(account, rdv)
            for _agent in rdv.agents
        ]

    def absences(self, account: Account) -> list[Entry]:
        """The absences of agents whom an account manages."""
        return [each for each in self._of(Absence) if self.manages(account, each)]

    def absence(self, ident: int) -> Entry | None:
        """One absence, whoever asks."""
        return self._entries.get((Absence, ident))

    def manages(self, account: Account, absence: Entry) -> bool:
        """Whether an account may see an absence: it administers a place of the agent."""
        return bool(account.admin_of & self._places(absence))

    def data(self, entry: Entry) -> Json:
        """An object as the API returns it, with all data of the usagers."""
        data: Json = json.loads(render(entry, Event.CREATED, self.generation, self.clock()))["data"]
        return data

    # Endpoints

    def create_endpoint(self, organisation: int, target_url: str, secret: str, subscriptions: list[str]) -> Endpoint:
        """Make an endpoint, which is sent everything at once.

        Raises:
            ValueError: the platform refuses it.

        """
        with self._lock:
            mine = [each for each in self.endpoints.values() if each.organisation == organisation]
            if not target_url or not secret or any(each.target_url == target_url for each in mine):
                raise ValueError("target_url")
            if not set(subscriptions) <= ALL_SUBSCRIPTIONS:
                raise ValueError("subscriptions")
            endpoint = Endpoint(len(self.endpoints) + 1, organisation, target_url, secret, tuple(subscriptions))
            self.endpoints[endpoint.id] = endpoint
        self.resend(endpoint)
        return endpoint

    def add_endpoint(self, endpoint: Endpoint) -> Endpoint:
        """Have an endpoint that was made long ago."""
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def change_endpoint(self, ident: int, **changes: Any) -> Endpoint:
        """Change an endpoint, or nothing of it: it is sent everything."""
        with self._lock:
            endpoint = replace(self.endpoints[ident], **changes)
            self.endpoints[ident] = endpoint
        self.resend(endpoint)
        return endpoint

    def resend(self, endpoint: Endpoint) -> None:
        """Send `created` for everything that an endpoint is subscribed to, from a thread of its own."""
        thread = threading.Thread(target=self._send, args=[endpoint], name="resync")
        with self._lock:
            self._sending.append(thread)
        thread.start()

    def wait(self) -> list[DeliveryReport]:
        """Wait until nothing is being sent any more."""
        while self._sending:
            self._sending.pop().join()
        return self.reports

    def _send(self, endpoint: Endpoint) -> None:
        courier = Courier(
            url=endpoint.target_url,
            signer=signer(Platform.RDV_SERVICE_PUBLIC, endpoint.secret),
            policy=RetryPolicy(RDV_SERVICE_PUBLIC_WAITS_S[:3], time_scale=self.time_scale),
            jobs=self.jobs,
            ca_file=self.ca_file,
        )
        self.reports.append(courier.deliver([self._created(entry) for entry in self._concerned(endpoint)]))

    def _created(self, entry: Entry) -> Delivery:
        body = render(entry, Event.CREATED, self.generation, self.clock())
        return Delivery(body, f"{type(entry).__name__} {entry.id}")

    def _concerned(self, endpoint: Endpoint) -> list[Entry]:
        kinds = [kind for name, kind in SUBSCRIPTIONS.items() if name in endpoint.subscriptions]
        return [
            entry
            for kind in kinds
            for entry in self._of(kind)
            if endpoint.organisation in self._places(entry) and (kind, entry.id) not in self.withheld
        ]

    def _places(self, entry: Entry) -> frozenset[int]:
        own = frozenset({entry.organisation.id}) if entry.organisation else frozenset()
        return own | self._memberships.get(entry.agent.id, frozenset()) if isinstance(entry, Absence) else own

    def _of(self, kind: type[Entry]) -> list[Entry]:
        with self._lock:
            return [entry for (its_kind, _), entry in sorted(self._entries.items(), key=_number) if its_kind is kind]

    def next_fault(self, path: str) -> Fault | None:
        """The fault that a request meets; None: it meets none."""
        with self._lock:
            fault = next((each for each in self.faults if each.path in path), None)
            if fault is not None:
                self.faults.remove(fault)
            return fault


def _number(item: tuple[tuple[type[Entry], int], Entry]) -> int:
    return item[0][1]


def _sees(account: Account, rdv: Rdv) -> bool:
    place = rdv.organisation.id
    return place in account.admin_of or (place in account.basic_in and rdv.motif.service_id in account.services)
