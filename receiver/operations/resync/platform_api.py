"""The platform's API, as far as a resync uses it, in the platform's words.

The API (v1) can read single absences, and lists of appointments, which can be filtered by ids. It cannot read plages
d'ouverture. A list shows what the account may see: it proves that something exists, never that it is gone.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from receiver.config import ApiSettings
from receiver.operations.resync import platform_answers
from receiver.operations.resync.platform_answers import parse
from receiver.operations.resync.platform_http import THROTTLED, Answer, AnswerTooLarge, Request, RestError, Transport

PAGE = 50
"""Ids in one request: a URL of a kilobyte passes every proxy."""
MOST_PAGES = 1000

_TOKEN_HEADERS = ("access-token", "client", "uid")
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 422: "refused", THROTTLED: "throttled"}


class Existence(StrEnum):
    """What the platform says of an object that was asked for by its id."""

    EXISTS = "exists"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint of an organisation."""

    ident: int
    target_url: str
    subscriptions: frozenset[str]


P = TypeVar(
    "P", platform_answers.Organisations, platform_answers.Rdvs, platform_answers.Absences, platform_answers.Endpoints
)
S = TypeVar("S", bound=platform_answers.Shape)


class Api:
    """One account at one instance of the platform. For one thread. Every method may raise RestError."""

    def __init__(
        self, settings: ApiSettings, sleep: Callable[[float], None] = time.sleep, attempts: int | None = None
    ) -> None:
        self._settings = settings
        self._transport = Transport(settings.url, settings.http_proxy, settings.ca_file, sleep, attempts)
        self._token: dict[str, str] = {}

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def sign_in(self) -> None:
        """Get a token, which is valid for a day. Signing in ends any other token of the account."""
        body = {"email": self._settings.email, "password": self._settings.password.value}
        answer = self._transport.send(Request("POST", "/api/v1/auth/sign_in", body=body), {})
        if answer.status != 200:
            # Only the first instance has this path: the API of the others requires OAuth.
            unknown = {401: "sign_in_refused", 404: "sign_in_unavailable"}
            raise RestError(unknown.get(answer.status) or _code(answer))
        self._token = {name: answer.headers.get(name, "") for name in _TOKEN_HEADERS}
        if not all(self._token.values()):
            raise RestError("not_understood")

    def organisations(self) -> frozenset[int]:
        """Return the organisations that the account belongs to."""
        pages = self._pages(platform_answers.Organisations, "/api/v1/organisations")
        return frozenset(row.id for page in pages for row in page.rows)

    def endpoints(self, organisation: int) -> tuple[Endpoint, ...]:
        """Return an organisation's webhook endpoints."""
        pages = self._pages(platform_answers.Endpoints, _endpoints_path(organisation))
        return tuple(_endpoint(row) for page in pages for row in page.rows)

    def create_endpoint(
        self, organisation: int, target_url: str, secret: str, subscriptions: Sequence[str]
    ) -> Endpoint:
        """Create an endpoint for an address; the platform then sends all that the organisation has."""
        body = {"target_url": target_url, "secret": secret, "subscriptions": list(subscriptions)}
        request = Request("POST", _endpoints_path(organisation), body=body)
        return _endpoint(self._ask(platform_answers.OneEndpoint, request).row)

    def trigger(self, organisation: int, endpoint: Endpoint) -> None:
        """Make the platform send all of an organisation again: it does so after every update, even an empty one."""
        path = f"{_endpoints_path(organisation)}/{endpoint.ident}"
        self._ask(platform_answers.OneEndpoint, Request("PATCH", path, body={"target_url": endpoint.target_url}))

    def count_rdvs(self, organisation: int) -> int:
        """Return how many appointments of an organisation the account sees; too many where some have several agents."""
        return self._count(platform_answers.Rdvs, "/api/v1/rdvs", [("organisation_id", organisation)])

    def count_absences(self) -> int:
        """Return how many absences the account sees, in all organisations."""
        return self._count(platform_answers.Absences, "/api/v1/absences")

    def rdvs_among(self, ids: Collection[int]) -> frozenset[int]:
        """Return which of these appointments the account sees. A missing one may be gone, or not visible to the
        account.

        Raises:
            RestError: also `filter_ignored`, if the answer has other appointments than those asked for.

        """
        return frozenset(self.organisations_of(ids))

    def organisations_of(self, ids: Collection[int]) -> dict[int, int | None]:
        """Return the organisation of each of these appointments that the account sees; None: the answer does not say
        it.

        Raises:
            RestError: as `rdvs_among`.

        """
        try:
            return self._organisations_of(ids)
        except AnswerTooLarge:  # a collective appointment names each of its participants
            if len(ids) == 1:
                raise
        asked = sorted(ids)
        half = len(asked) // 2
        return self.organisations_of(asked[:half]) | self.organisations_of(asked[half:])

    def _organisations_of(self, ids: Collection[int]) -> dict[int, int | None]:
        query = [("id[]", ident) for ident in sorted(ids)]
        seen: dict[int, int | None] = {}
        for page in self._pages(platform_answers.Rdvs, "/api/v1/rdvs", query):
            seen |= {row.id: row.organisation.id if row.organisation else None for row in page.rows}
            if not seen.keys() <= set(ids):
                raise RestError("filter_ignored")
        return seen

    def absence(self, ident: int) -> Existence:
        """Return whether an absence exists: only of absences the platform says that they are gone."""
        answer = self._send(Request("GET", f"/api/v1/absences/{ident}"))
        if answer.status == 404:
            parse(platform_answers.NoAbsence, answer.content)
            return Existence.GONE
        if _read(platform_answers.OneAbsence, answer).row.id != ident:
            raise RestError("not_understood")
        return Existence.EXISTS

    def _count(self, shape: type[P], path: str, query: Sequence[tuple[str, str | int]] = ()) -> int:
        return self._ask(shape, Request("GET", path, query)).meta.total_count

    def _pages(self, shape: type[P], path: str, query: Sequence[tuple[str, str | int]] = ()) -> Iterator[P]:
        number, last = 1, 1
        while number <= last:
            page = self._ask(shape, Request("GET", path, [*query, ("page", number)]))
            yield page
            last = min(page.meta.total_pages, MOST_PAGES)
            number += 1

    def _ask(self, shape: type[S], request: Request) -> S:
        return _read(shape, self._send(request))

    def _send(self, request: Request) -> Answer:
        """Send a request with the token; repeat it once with a new one if the token has expired."""
        if not self._token:
            self.sign_in()
        answer = self._transport.send(request, self._token)
        if answer.status == 401:
            self.sign_in()
            answer = self._transport.send(request, self._token)
        self._keep_token(answer)
        return answer

    def _keep_token(self, answer: Answer) -> None:
        """Use the token of the answer if there is one: the platform can be configured to change it with each answer."""
        token = answer.headers.get("access-token", "").strip()
        if token:
            self._token["access-token"] = token


def _read(shape: type[S], answer: Answer) -> S:
    if answer.status not in {200, 201}:
        raise RestError(_code(answer))
    return parse(shape, answer.content)


def _code(answer: Answer) -> str:
    if answer.status >= 500:
        return "server_error"
    return "redirected" if 300 <= answer.status < 400 else _CODES.get(answer.status, "refused")


def _endpoints_path(organisation: int) -> str:
    return f"/api/v1/organisations/{organisation}/webhook_endpoints"


def _endpoint(row: platform_answers.EndpointShape) -> Endpoint:
    return Endpoint(row.id, row.target_url, frozenset(row.subscriptions))
