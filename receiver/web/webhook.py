"""`POST /webhooks/<source>`: verify the raw bytes, decode by allow-list, keep, answer.

A 2xx is an acknowledgement: the webhook is on disk, or certainly irrelevant. After any other answer the emitter keeps
the webhook and sends it again for days. A worker judges a moment later whether it is news.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from receiver import logs
from receiver.config import SigningKey, Source, authority, signed_by, signing_keys
from receiver.core.digests import delivery_digest, secret_tag
from receiver.core.facts import Delivery, Emitter, Model, News, RoleNews, has_credible_age, model_of
from receiver.core.payload import InvalidPayload, Irrelevant, decode
from receiver.core.refusal_reasons import SIGNED_ELSEWHERE, SIGNED_UNKNOWN, UNFORESEEN
from receiver.core.scope import EVERYTHING, Authority
from receiver.core.signature import SIGNATURE_HEADERS, has_signature, matching_keys
from receiver.operations.refused_requests import TURNED_AWAY, UNKNOWN_SOURCE, is_for_a_while
from receiver.store import Cause, Incoming, StoreUnavailable, StoreVanished
from receiver.store.counters import Tally
from receiver.store.intake import judge_batch
from receiver.web.bodies import Bodies, Busy, TooLarge
from receiver.web.context import WebContext
from receiver.web.gunicorn_worker import NOT_HTTP
from receiver.web.platforms import Platforms

log = logs.get("webhook")

RETRY_AFTER_S = 30
MOST_PATHS = 20
"""The most invalid fields that are named: a body may have any number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the emitter, and what is logged."""

    http_status: int
    status: str
    reason: str | None = None
    paths: tuple[str, ...] = ()
    """`MOST_PATHS` at most."""
    more_paths: int = 0
    """The number of further paths."""
    fields: dict[str, str | int | bool | None] = field(default_factory=dict)
    """Further fields, only for the log."""

    def response(self) -> Response:
        """Render as JSON."""
        body: dict[str, str | list[str] | int | None] = {"status": self.status, "reason": self.reason}
        body |= {"fields": list(self.paths), "more_fields": self.more_paths}
        text = json.dumps({name: value for name, value in body.items() if value})
        response = Response(text, self.http_status, mimetype="application/json")
        if self.http_status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response


NOT_FOUND = Answer(404, "not_found")
UNAUTHORIZED = Answer(401, "unauthorized")
NOT_JSON = Answer(415, "unsupported_media_type")
TOO_LARGE = Answer(413, "too_large")
IGNORED_MODEL = Answer(200, "ignored", "model")
IGNORED_ORGANISATION = Answer(200, "ignored", "organisation")
NOT_CREDIBLE = Answer(422, "invalid", "age")
UNAVAILABLE = Answer(503, "unavailable")
BUSY = Answer(503, "unavailable", "busy")
PLATFORM_LOST = Answer(503, "unavailable", "platform_lost")
ACCEPTED = 202


def unavailable(reason: str) -> Answer:
    """Return the answer that makes an emitter retry, with the code of the reason."""
    return replace(UNAVAILABLE, reason=reason)


def blueprint(context: WebContext) -> Blueprint:
    """Build the endpoint."""
    pages = Blueprint("webhook", __name__)
    bodies = Bodies()
    platforms = Platforms(context.settings, context.store, context.clock)
    receptions = {
        name: _Reception(context, source, bodies, platforms) for name, source in context.settings.sources.items()
    }
    lost = _Lost(context, bodies)
    # Set by `note_lost`, for requests that no route takes.
    pages.record_once(lambda state: state.app.extensions.update(lost_webhooks=lost))

    @pages.post("/webhooks/<source>")
    @pages.post("/webhooks/<source>/")  # some copy the address with a slash
    def receive(source: str) -> Response:
        delivery_id = f"{random.getrandbits(128):032x}"  # nosec B311  # guessing it gains nothing
        reception = receptions.get(source)
        if reception is None:
            lost.note(is_addressed=True)
            return NOT_FOUND.response()
        try:
            answer = reception.answer(delivery_id)
        except Exception as error:
            if not isinstance(error, (HTTPException, *NOT_HTTP)):  # requests that cannot be read are no webhooks
                context.counting.count(Tally("refused", source, "", UNFORESEEN))
            raise
        _count(context, source, answer)
        _log(source, delivery_id, answer)
        return answer.response()

    return pages


def note_lost(app: Flask) -> None:
    """Count and log a request that no route takes, if it may be a webhook whose emitter has the address wrong.

    Raises:
        Exception: one of `NOT_HTTP`, if its body cannot be read.

    """
    is_addressed = request.method == "POST" and request.path.lower().lstrip("/").startswith("webhook")
    lost: _Lost = app.extensions["lost_webhooks"]
    lost.note(is_addressed=is_addressed)


class _Lost:
    """Notes requests to addresses that no source has. Those that a known secret signed come from an emitter.

    A body is only read if it has a signature, and within the limits of a source's endpoint. Values from the request are
    neither logged nor stored.
    """

    def __init__(self, context: WebContext, bodies: Bodies) -> None:
        self._context = context
        self._bodies = bodies
        self._keys: dict[Emitter, list[bytes]] = {}
        for source in context.settings.sources.values():
            known = self._keys.setdefault(source.emitter, [])
            known += {key.text.encode() for key in signing_keys(source)}.difference(known)

    def note(self, *, is_addressed: bool) -> None:
        """Count and log a request. Outside the webhooks' paths, only requests that a known secret signed count."""
        headers = _signature_headers()
        is_signed = has_signature(headers)
        if is_signed and self._is_known(headers):
            reason = SIGNED_ELSEWHERE
        elif is_addressed:
            reason = SIGNED_UNKNOWN if is_signed else NOT_FOUND.status
        else:
            return
        self._context.counting.count(Tally("refused", UNKNOWN_SOURCE, "", reason))
        _log(UNKNOWN_SOURCE, "", replace(NOT_FOUND, reason=None if reason == NOT_FOUND.status else reason))

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        if request.mimetype != "application/json" or self._context.overload.reason():
            return False
        try:
            with self._bodies.read(request) as body:
                return any(
                    matching_keys(emitter, body, headers, keys, self._context.clock())
                    for emitter, keys in self._keys.items()
                )
        except (TooLarge, Busy, HTTPException):
            return False


def _signature_headers() -> dict[str, str]:
    return {name: value for name in SIGNATURE_HEADERS if (value := request.headers.get(name)) is not None}


def _count(context: WebContext, name: str, answer: Answer) -> None:
    if answer.http_status == ACCEPTED:
        context.counting.saw(f"seen/{name}")
        return
    reason = answer.reason or answer.status
    context.counting.count(Tally("refused", name, "", reason))
    if is_for_a_while(reason):
        context.counting.saw(f"{TURNED_AWAY}{name}/{reason}")


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
        **({"more_paths": answer.more_paths} if answer.more_paths else {}),
        **answer.fields,
    )


@dataclass(frozen=True, slots=True)
class _Signature:
    """The properties of a set of secrets that signed a webhook."""

    authority: Authority
    signed_for: str
    """The authority's part in the digest: a body under another authority is another webhook."""
    signers: str
    """The secrets' short names."""

    @classmethod
    def of(cls, source: Source, keys: Sequence[SigningKey], digest_key: bytes) -> "_Signature":
        speaks_for = authority(source, {key.position for key in keys})
        signed_for = "" if speaks_for == EVERYTHING else speaks_for.text
        return cls(speaks_for, signed_for, signed_by(keys, digest_key))


class _Reception:
    """Handles the requests of one source."""

    def __init__(self, context: WebContext, source: Source, bodies: Bodies, platforms: Platforms) -> None:
        self.context = context
        self.source = source
        self.bodies = bodies
        self.platforms = platforms
        self._known = signing_keys(source)
        self._keys = [key.text.encode() for key in self._known]
        self._signatures: dict[frozenset[int], _Signature] = {}
        # The figures show which secrets are in use, and so when an old one may be removed.
        self._figures = [f"secret/{source.name}/{secret_tag(context.digest_key, key.text)}" for key in self._known]

    def answer(self, delivery_id: str) -> Answer:
        if reason := self.context.overload.reason():
            return unavailable(reason)
        if request.mimetype != "application/json":
            return NOT_JSON
        try:
            with self.bodies.read(request) as body:
                return self._answer_to(delivery_id, body)
        except TooLarge:
            return TOO_LARGE
        except Busy:
            return BUSY

    def _answer_to(self, delivery_id: str, body: bytes) -> Answer:
        keys = self._matching_keys(body)
        if not keys:
            return UNAUTHORIZED
        for key in keys:
            self.context.counting.saw(self._figures[key])
        try:
            with self.bodies.decoding(body):
                news = decode(body, self.source.emitter, self.source.policies)
        except Irrelevant:
            return IGNORED_MODEL
        except InvalidPayload as error:
            more = max(0, len(error.paths) - MOST_PATHS)
            return Answer(422, "invalid", "payload", error.paths[:MOST_PATHS], more)
        return self._refusal(news, keys) or self._keep(delivery_id, body, news, keys)

    def _matching_keys(self, body: bytes) -> frozenset[int]:
        return matching_keys(self.source.emitter, body, _signature_headers(), self._keys, self.context.clock())

    def _refusal(self, news: News, keys: frozenset[int]) -> Answer | None:
        """Decide whether source and matching secrets may speak for the webhook's organisation."""
        if not _is_an_organisations(news):
            return None
        allowed = self.source.organisations
        if allowed is not None and news.organisation not in allowed:
            return self._unlisted(news)
        bindings = [self.source.secrets[self._known[key].position].organisations for key in keys]
        if not any(bound is None or news.organisation in bound for bound in bindings):
            return Answer(401, "unauthorized", "secret_organisation")
        return None

    def _unlisted(self, news: News) -> Answer | None:
        """Judge a webhook of an organisation that the source does not list.

        A webhook about a known event or role is kept, whatever its secrets: no authority covers it, so it is set aside
        and reported. The list may be wrong, and the emitter would not send it again.
        """
        if not isinstance(news, Delivery | RoleNews):
            return IGNORED_ORGANISATION
        try:
            is_known = self.context.store.read(judge_batch.is_known, self.source.platform, news)
        except StoreVanished as error:
            return unavailable(str(error))
        except StoreUnavailable as error:
            # A web host without pages may append webhooks and read no event.
            is_forbidden = error.refusal.cause is Cause.RIGHTS_MISSING
            return IGNORED_ORGANISATION if is_forbidden else UNAVAILABLE
        return None if is_known else IGNORED_ORGANISATION

    def _signature(self, keys: frozenset[int]) -> "_Signature":
        """Return the properties of the secrets that signed. There are few such sets: each is computed once."""
        known = self._signatures.get(keys)
        if known is None:
            known = _Signature.of(self.source, [self._known[key] for key in keys], self.context.digest_key)
            self._signatures[keys] = known
        return known

    def _keep(self, delivery_id: str, body: bytes, news: News, keys: frozenset[int]) -> Answer:
        source, now = self.source, self.context.clock()
        if not has_credible_age(news.version, source.emitter, now):
            return NOT_CREDIBLE
        if self.platforms.is_doubtful(source):
            return PLATFORM_LOST
        signature = self._signature(keys)
        digest = delivery_digest(self.context.digest_key, body, signature.signed_for)
        try:
            self.context.store.keep(
                Incoming(
                    delivery_id,
                    source.name,
                    source.platform,
                    source.emitter,
                    digest,
                    news,
                    now,
                    signature.authority,
                    signature.signers,
                )
            )
        except StoreVanished as error:
            return unavailable(str(error))
        except StoreUnavailable:
            return UNAVAILABLE
        return Answer(ACCEPTED, "accepted", fields={"model": model_of(news), "kind": news.version.kind})


def _is_an_organisations(news: News) -> bool:
    """Whether a webhook belongs to one organisation.

    Webhooks about an agent or an absence go to the endpoints of all organisations of the agent, but name at most one.
    """
    if isinstance(news, Delivery):
        return news.model is not Model.ABSENCE
    return isinstance(news, RoleNews)
