"""`POST /webhooks/<source>`: verify the raw bytes, decode by allow-list, keep, answer.

A 2xx is an acknowledgement: what it answers is on disk, or is certainly of no concern. Anything else makes the
emitter keep the message and send it again for days.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from receiver import logs
from receiver.config import Source
from receiver.core.facts import Delivery, Model, News, RoleNews
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.signature import matching_keys, secret_tag
from receiver.store import Incoming, Receipt, StoreUnavailable, Tally, Verdict
from receiver.web.parts import Parts

log = logs.get("webhook")

RETRY_AFTER_S = 30
UNKNOWN_SOURCE = "?"
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What the emitter is told, and what the log is."""

    http_status: int
    status: str
    reason: str | None = None
    paths: tuple[str, ...] = ()
    fields: dict[str, str | int | bool | None] = field(default_factory=dict)
    """More for the log alone."""

    @property
    def kept(self) -> bool:
        """Whether the journal has it: it is news, or was before something newer came."""
        return self.status in _KEPT

    def response(self) -> Response:
        """Render as JSON."""
        body = {"status": self.status, "reason": self.reason, "fields": list(self.paths)}
        response = jsonify({name: value for name, value in body.items() if value})
        response.status_code = self.http_status
        if self.http_status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response


_KEPT = {"accepted", "superseded"}
NOT_FOUND = Answer(404, "not_found")
UNAUTHORIZED = Answer(401, "unauthorized")
NOT_JSON = Answer(415, "unsupported_media_type")
TOO_LARGE = Answer(413, "too_large")
IGNORED_MODEL = Answer(200, "ignored", "model")
IGNORED_ORGANISATION = Answer(200, "ignored", "organisation")
UNAVAILABLE = Answer(503, "unavailable")

_BY_VERDICT = {
    Verdict.ACCEPTED: Answer(202, "accepted"),
    Verdict.DUPLICATE: Answer(200, "duplicate"),
    Verdict.SUPERSEDED: Answer(200, "superseded"),
    Verdict.TOO_OLD: Answer(422, "invalid", "age"),
    Verdict.TOO_NEW: Answer(422, "invalid", "age"),
}


def blueprint(parts: Parts) -> Blueprint:
    """Build the endpoint."""
    pages = Blueprint("webhook", __name__)

    @pages.post("/webhooks/<source>")
    def receive(source: str) -> Response:
        delivery_id = secrets.token_hex(16)
        configured = parts.settings.sources.get(source)
        answer = _Reception(parts, configured, delivery_id).answer() if configured else NOT_FOUND
        name = configured.name if configured else UNKNOWN_SOURCE  # what a stranger typed stays out of log and store
        parts.tallying.count(_tally(name, answer))
        if answer.kept:
            parts.tallying.saw(f"seen/{name}")
        _log(name, delivery_id, answer)
        return answer.response()

    return pages


def _tally(source: str, answer: Answer) -> Tally:
    """Return what this request adds to: a refusal by its reason, else the model by what became of it."""
    if answer.http_status >= 400 or answer.status == "ignored":
        return Tally("refused", source, "", answer.reason or answer.status)
    return Tally("webhook", source, str(answer.fields.get("model", "")), answer.status)


def _log(source: str, delivery_id: str, answer: Answer) -> None:
    report: Callable[..., None] = log.info if answer.http_status < 400 else log.warning
    paths = ",".join(answer.paths) or None
    report(
        "webhook",
        source=source,
        delivery=delivery_id,
        http_status=answer.http_status,
        status=answer.status,
        reason=answer.reason,
        paths=paths,
        **answer.fields,
    )


@dataclass(frozen=True, slots=True)
class _Reception:
    """One request on its way in."""

    parts: Parts
    source: Source
    delivery_id: str

    def answer(self) -> Answer:
        body = self._body()
        if isinstance(body, Answer):
            return body
        keys = self._matching_keys(body)
        if not keys:
            return UNAUTHORIZED
        self._note_use(keys)
        try:
            news = decode(body, self.source.emitter, self.source.policies)
        except Irrelevant:
            return IGNORED_MODEL
        except InvalidPayload as error:
            return Answer(422, "invalid", "payload", error.paths)
        return self._refusal(news, keys) or self._keep(body, news)

    def _body(self) -> bytes | Answer:
        if reason := self.parts.pressure.reason():
            return replace(UNAVAILABLE, reason=reason)
        if request.mimetype != "application/json":
            return NOT_JSON
        try:
            return request.get_data(cache=False)
        except RequestEntityTooLarge:
            return TOO_LARGE

    def _matching_keys(self, body: bytes) -> frozenset[int]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        keys = [signing.secret.value.encode() for signing in self.source.secrets]
        return matching_keys(self.source.emitter, body, headers, keys, self.parts.clock())

    def _note_use(self, keys: frozenset[int]) -> None:
        """Leave word of which secrets are in use: whoever changes one sees when the old one may go."""
        for key in keys:
            tag = secret_tag(self.parts.digest_key, self.source.secrets[key].secret.value)
            self.parts.tallying.saw(f"secret/{self.source.name}/{tag}")

    def _refusal(self, news: News, keys: frozenset[int]) -> Answer | None:
        """Judge whom the source and the matching secrets may speak for."""
        if not _is_an_organisations(news):
            return None
        allowed = self.source.organisations
        if allowed is not None and news.organisation not in allowed:
            return IGNORED_ORGANISATION
        bindings = [self.source.secrets[key].organisations for key in keys]
        if not any(bound is None or news.organisation in bound for bound in bindings):
            return Answer(401, "unauthorized", "secret_organisation")
        return None

    def _keep(self, body: bytes, news: News) -> Answer:
        digest = hmac.digest(self.parts.digest_key, body, "sha256")[:DIGEST_BYTES]
        incoming = Incoming(self.delivery_id, self.source.name, self.source.platform, self.source.emitter, digest, news)
        try:
            [receipt] = self.parts.store.accept([incoming], self.parts.clock())
        except StoreUnavailable:
            return UNAVAILABLE
        return _told(receipt, news)


def _is_an_organisations(news: News) -> bool:
    """Whether it is one organisation's to tell.

    An agent, and an agent's absence, go to the endpoints of all the agent's organisations but name one at most.
    """
    if isinstance(news, Delivery):
        return news.model is not Model.ABSENCE
    return isinstance(news, RoleNews)


def _told(receipt: Receipt, news: News) -> Answer:
    answer = _BY_VERDICT[receipt.verdict]
    fields: dict[str, str | int | bool | None] = {
        "model": news.model if isinstance(news, Delivery) else type(news).__name__,
        "kind": news.version.kind,
        "uid": receipt.uid,
    }
    if receipt.ambiguous:
        fields["ambiguous"] = True
    return replace(answer, fields=fields)
