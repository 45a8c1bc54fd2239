"""What the contract says about answers to webhooks. Each check sends its own webhooks and reads only their answers."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from emitter.associations import AgentRole, AgentsRdv, ReferentAssignation, UserProfile
from emitter.conformance.bench import Bench, Reply, with_secret
from emitter.conformance.verdicts import Finding, Result, failed, not_judged, passed
from emitter.model import Event
from emitter.payloads import Generation, render, render_other
from emitter.platforms import Platform
from emitter.scenarios import build, cast
from emitter.scenarios.stage import Stage
from emitter.signing import JWT_CLAIMS, UnsignableError, encode_jwt

CREATED, UPDATED, DESTROYED = Event.CREATED, Event.UPDATED, Event.DESTROYED
EMITTERS_PATIENCE_S = 10.0
NO_TOKEN = "the platform signs no such message with a bearer token"


@dataclass(frozen=True, slots=True)
class Point:
    """One sentence of the contract, and its check."""

    name: str
    sentence: str
    judge: Callable[[Bench], Finding]


def judge_all(bench: Bench, limit_s: float = EMITTERS_PATIENCE_S) -> list[Result]:
    """All points in order; the last ones concern all answers and their duration."""
    results = [Result(point.name, point.sentence, _finding(point, bench)) for point in POINTS]
    results.append(Result("answer.json", "answers are JSON, never a page", answers_are_json(bench.replies)))
    sentence = f"answers come in less than {limit_s:g} s"
    return [*results, Result("answer.time", sentence, answers_are_quick(bench.replies, limit_s))]


def _finding(point: Point, bench: Bench) -> Finding:
    try:
        return point.judge(bench)
    except UnsignableError:
        return not_judged(NO_TOKEN)


def _right_signature(bench: Bench) -> Finding:
    return _all_taken([("created", bench.send(_made(bench, "right")))])


def _wrong_secret(bench: Bench) -> Finding:
    return _refused(bench.send(_made(bench, "wrong"), with_secret(bench, f"{bench.secret}, but another")))


def _no_signature(bench: Bench) -> Finding:
    return _refused(bench.send(_made(bench, "unsigned"), lambda _body: bench.platform.fixed_headers))


def _signature_of_another_body(bench: Bench) -> Finding:
    other = _made(bench, "another")
    return _refused(bench.send(_made(bench, "altered"), lambda _body: bench.signer(other)))


def _expired_token(bench: Bench) -> Finding:
    if bench.signature != "jwt":
        return not_judged("bearer tokens only")

    def sign(body: bytes) -> dict[str, str]:
        data = json.loads(body)["data"]
        expired = int((datetime.now(UTC) - timedelta(minutes=5)).timestamp())
        token = encode_jwt({"typ": "JWT", "exp": expired}, {name: data[name] for name in JWT_CLAIMS}, bench.secret)
        return {**bench.platform.fixed_headers, "Authorization": f"Bearer {token}"}

    return _refused(bench.send(_made(bench, "expired"), sign))


def _unsigned_token(bench: Bench) -> Finding:
    if bench.signature != "jwt":
        return not_judged("bearer tokens only")

    def sign(body: bytes) -> dict[str, str]:
        headers = dict(bench.signer(body))
        claims = headers["Authorization"].split(".")[1]
        jose = {"typ": "JWT", "alg": "none", "exp": int(datetime.now(UTC).timestamp()) + 600}
        header = base64.urlsafe_b64encode(json.dumps(jose).encode()).rstrip(b"=").decode()
        return headers | {"Authorization": f"Bearer {header}.{claims}."}

    return _refused(bench.send(_made(bench, "unsigned token"), sign))


def _upper_case_signature(bench: Bench) -> Finding:
    if bench.signature == "jwt":
        return not_judged("hexadecimal signatures only")

    def sign(body: bytes) -> dict[str, str]:
        return {name: _upper(name, value) for name, value in bench.signer(body).items()}

    reply = bench.send(_made(bench, "upper case"), sign)
    return passed() if reply.taken else not_judged(f"refused ({reply}), which the contract allows")


def _upper(name: str, value: str) -> str:
    return value.upper() if name.lower().endswith("-signature") else value


def _repeated(bench: Bench) -> Finding:
    body = _made(bench, "repeated")
    return _all_taken((f"time {number}", bench.send(body)) for number in (1, 2, 3))


def _older_after_newer(bench: Bench) -> Finding:
    stage = bench.stage("older")
    rdv = stage.rdv(1, stage.day(5, 9))
    moved = replace(rdv, starts_at=stage.day(6, 9))
    steps = [
        stage.step(moved, UPDATED, 20, "the newest, first"),
        stage.step(rdv, CREATED, 10, "the create, overtaken"),
        stage.step(replace(rdv, duration_in_min=20), UPDATED, 15, "an older update, late"),
    ]
    return _all_taken((step.description, bench.send(step.body)) for step in steps)


def _unknown_destroyed(bench: Bench) -> Finding:
    stage = bench.stage("unknown destroyed")
    step = stage.step(stage.rdv(1, stage.day(5, 9)), DESTROYED, 10, "")
    return _all_taken([("Rdv", bench.send(step.body))])


def _at_once(bench: Bench) -> Finding:
    stage = bench.stage("at once")
    rdv = stage.rdv(1, stage.day(7, 9))
    states = [stage.step(rdv, CREATED, 10, "").body]
    for second in range(1, 8):
        longer = replace(rdv, duration_in_min=30 + second)
        states.append(stage.step(longer, UPDATED, 10 + second, "").body)
    replies = bench.send_together(states, jobs=8)
    return _all_taken((f"state {number}", reply) for number, reply in enumerate(replies, start=1))


def _swap(bench: Bench) -> Finding:
    stage = bench.stage("swap")
    steps = build("agent_swapped", stage.at, bench.generation).steps
    first = bench.send(steps[0].body)
    others = bench.send_together([step.body for step in steps[1:]], jobs=2)
    return _all_taken(zip((step.description for step in steps), [first, *others], strict=True))


def _generations(bench: Bench) -> Finding:
    return _all_taken((name, bench.send(body)) for name, body in _every_shape(bench))


def _every_shape(bench: Bench) -> Iterator[tuple[str, bytes]]:
    insertion = bench.platform is Platform.RDV_INSERTION
    for generation in Generation:
        if insertion == (generation is Generation.RDV_INSERTION):
            stage = bench.stage(f"shape {generation}", generation)
            yield f"Rdv {generation}", stage.step(stage.rdv(1, stage.day(8, 9)), CREATED, 10, "").body
        if not insertion and generation.tells_slots:
            off = stage.absence(2, stage.day(8, 10), stage.day(8, 11))
            plage = stage.plage(3, stage.day(8, 10), stage.day(8, 11))
            yield f"Absence {generation}", stage.step(off, CREATED, 10, "").body
            yield f"PlageOuverture {generation}", stage.step(plage, CREATED, 10, "").body


def _other_models(bench: Bench) -> Finding:
    stage = bench.stage("other models")
    return _all_taken((name, bench.send(body)) for name, body in _others(bench, stage))


def _others(bench: Bench, stage: Stage) -> Iterator[tuple[str, bytes]]:
    if bench.platform is Platform.RDV_INSERTION:
        yield "Invitation", render_other(replace(cast.INVITATION, id=stage.identity(1)), CREATED, stage.instant(10))
        return
    rdv = stage.rdv(1, stage.day(9, 9))
    for thing in (
        cast.FATOUMATA,
        cast.SOCIAL,
        cast.OFFICE,
        cast.MDS,
        AgentRole(stage.identity(2), cast.MDS, stage.agent()),
        UserProfile(cast.FATOUMATA, cast.MDS),
        ReferentAssignation(cast.FATOUMATA, cast.MARTINE),
        AgentsRdv(stage.identity(3), cast.MARTINE, rdv),
    ):
        yield type(thing).__name__, stage.other(thing, UPDATED, 10, "").body


def _unheard_of(bench: Bench) -> Finding:
    sent = [("model Zebre", "model", "Zebre"), ("event archived", "event", "archived")]
    return _all_taken((name, bench.send(_with_meta(bench, key, value))) for name, key, value in sent)


def _with_meta(bench: Bench, key: str, value: str) -> bytes:
    message = json.loads(_made(bench, f"unheard of {value}"))
    message["meta"][key] = value
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _broken(bench: Bench) -> Finding:
    if bench.signature == "jwt":
        return not_judged(NO_TOKEN)
    return _refused(bench.send(_made(bench, "broken")[:-20]))


def _made(bench: Bench, name: str) -> bytes:
    """A RDV just made."""
    stage = bench.stage(name)
    return render(stage.rdv(1, stage.day(5, 8)), CREATED, stage.generation, stage.instant(80))


def _all_taken(replies: Iterable[tuple[str, Reply]]) -> Finding:
    sent = list(replies)
    not_taken = [f"{name}: {reply}" for name, reply in sent if not reply.taken]
    return failed("; ".join(not_taken)) if not_taken else passed(f"{len(sent)} of {len(sent)}")


def _refused(reply: Reply) -> Finding:
    return passed(str(reply)) if reply.refused else failed(f"answered {reply}")


def answers_are_json(replies: Iterable[Reply]) -> Finding:
    """Through a firewall's page with status 200, webhooks are lost unnoticed."""
    answered = [reply for reply in replies if reply.status is not None]
    pages = sum(b"<html" in reply.content.lower() for reply in answered)
    if pages:
        return failed(f"{pages} of {len(answered)} answers are HTML pages")
    foreign = sum(reply.taken and bool(reply.content) and not _is_json(reply.content) for reply in answered)
    return (
        failed(f"{foreign} of {len(answered)} answers are not JSON") if foreign else passed(f"{len(answered)} answers")
    )


def answers_are_quick(replies: Iterable[Reply], limit_s: float) -> Finding:
    """The emitter closes the connection after ten seconds and retries."""
    slowest_s = max((reply.latency_s for reply in replies), default=0.0)
    detail = f"slowest {slowest_s:.3f} s"
    return passed(detail) if slowest_s < limit_s else failed(detail)


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


POINTS = (
    Point("signature.right", "a right signature is accepted", _right_signature),
    Point("signature.wrong", "a signature by another secret is refused", _wrong_secret),
    Point("signature.missing", "a missing signature is refused", _no_signature),
    Point("signature.altered", "the signature of another body is refused", _signature_of_another_body),
    Point("signature.expired", "an expired bearer token is refused", _expired_token),
    Point("signature.none", "a bearer token without signature is refused", _unsigned_token),
    Point("signature.upper_case", "upper-case hexadecimal is accepted (optional)", _upper_case_signature),
    Point("repeated", "the same body is taken again and again", _repeated),
    Point("older_after_newer", "an older state is taken after a newer one", _older_after_newer),
    Point("destroyed_unknown", "the deletion of something unknown is taken", _unknown_destroyed),
    Point("at_once", "eight states of one RDV at once are all taken", _at_once),
    Point("agent_swap", "both webhooks of an agent swap are taken", _swap),
    Point("generations", "every shape since 2020 is taken", _generations),
    Point("other_models", "models that concern no calendar are acknowledged", _other_models),
    Point("unheard_of", "unknown models and events are acknowledged, else they come for a week", _unheard_of),
    Point("broken_json", "a signed body that is no JSON is not acknowledged", _broken),
)
