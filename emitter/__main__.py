"""``python -m emitter``: a developer's tool that sends signed webhooks to a receiver under test."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from emitter.conformance import command as conformance
from emitter.delivery import Attempt, Courier, Delivery, DeliveryReport, shuffled_with_repeats
from emitter.payloads import Generation
from emitter.platforms import Platform, signer
from emitter.retries import USUAL_JITTER, RetryPolicy
from emitter.samples import shift_story
from emitter.scenarios import EVERY_SCENARIO, Calendars, Needs, build
from emitter.signing import UnsignableError

DELIVERED, UNDELIVERED, USAGE = 0, 1, 2


class UsageError(Exception):
    """The command line asks for something that does not exist."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: every webhook was answered 2xx by a receiver, or no point failed; 1: not so; 2: usage."""
    options = _parser().parse_args(arguments)
    commands = {"list": _list, "play": _play, "send": _send, "conformance": _conformance}
    try:
        return commands[options.command](options)
    except (UsageError, conformance.UnusableError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:  # retries may take a week
        return UNDELIVERED


def _list(_options: argparse.Namespace) -> int:
    width = max(map(len, EVERY_SCENARIO))
    for name, scenario in EVERY_SCENARIO.items():
        print(f"{name:<{width}}  {scenario.summary}{_needs(scenario.needs)}")
    return DELIVERED


def _needs(needs: Needs) -> str:
    """The configuration that the receiver needs, in brackets."""
    policies = [f"{name}: {json.dumps(value)}" for name, value in needs.policies.items()]
    zone = [] if needs.time_zone == Needs().time_zone else [f"time_zone: {needs.time_zone}"]
    needed = [*policies, *zone, *(["a source for each emitter"] if needs.platforms else [])]
    return f"  [needs {', '.join(needed)}]" if needed else ""


def _conformance(options: argparse.Namespace) -> int:
    return conformance.run(options, _secret(options))


def _play(options: argparse.Namespace) -> int:
    scenario = EVERY_SCENARIO[options.scenario]
    if scenario.needs.platforms:
        raise UsageError(f"{options.scenario} needs two sources, and thus two addresses")
    try:
        story = build(options.scenario, datetime.now(UTC), _generation(options))
    except ValueError as error:
        raise UsageError(error) from None
    if options.expected:
        _print_calendars(story.expected)
    deliveries = [step.delivery for step in story.steps]
    if options.disorder:
        return _deliver(options, shuffled_with_repeats(deliveries, options.seed), options.jobs)
    return _deliver(options, deliveries, 1 if scenario.ordered else options.jobs)


def _generation(options: argparse.Namespace) -> Generation | None:
    """The generation to send, which must be one that the platform has."""
    is_insertion = options.emitter == Platform.RDV_INSERTION
    if options.generation is None:
        return Generation.RDV_INSERTION if is_insertion else None
    generation = Generation(options.generation)
    if (generation is Generation.RDV_INSERTION) != is_insertion:
        raise UsageError(f"{options.emitter} does not send generation {generation}")
    return generation


def _send(options: argparse.Namespace) -> int:
    try:
        bodies = [path.read_bytes() for path in options.files]
        if options.shift:
            bodies = shift_story(bodies, datetime.now(UTC))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"not a sample: {error}") from None
    names = [path.name for path in options.files]
    return _deliver(options, [Delivery(*pair) for pair in zip(bodies, names, strict=True)], options.jobs)


def _deliver(options: argparse.Namespace, deliveries: Sequence[Delivery], jobs: int) -> int:
    try:
        report = _courier(options, deliveries, jobs).deliver(deliveries)
    except UnsignableError as error:
        raise UsageError(f"no bearer token exists for model {error}") from None
    except ValueError as error:  # requests raises it for an invalid URL
        raise UsageError(error) from None
    _print_summary(report)
    return UNDELIVERED if report.undelivered or report.firewall_pages else DELIVERED


def _courier(options: argparse.Namespace, deliveries: Sequence[Delivery], jobs: int) -> Courier:
    secret = _secret(options)
    platform = Platform(options.emitter)
    try:
        sign_request = signer(platform, secret, options.signature)
    except ValueError as error:
        raise UsageError(error) from None
    return Courier(
        url=options.url,
        signer=sign_request,
        policy=RetryPolicy(
            platform.waits_s[: options.attempts - 1] if options.attempts else platform.waits_s,
            jitter=USUAL_JITTER,
            time_scale=options.time_scale,
            seed=options.seed,
        ),
        jobs=jobs,
        ca_file=options.ca_file,
        on_attempt=lambda attempt: _print_attempt(attempt, deliveries[attempt.job]),
    )


def _secret(options: argparse.Namespace) -> str:
    secret = os.environ.get(options.secret_env)
    if not secret:
        raise UsageError(f"environment variable {options.secret_env} holds no secret")
    return secret


def _print_attempt(attempt: Attempt, delivery: Delivery) -> None:
    outcome = attempt.error or f"{attempt.status} {attempt.answer or '-'}"
    page = "  FIREWALL PAGE" if attempt.html else ""
    latency = f"{attempt.latency_s * 1000:5.0f} ms"
    print(f"#{attempt.job + 1:03} try {attempt.number:2}  {outcome:<16} {latency}  {delivery.description}{page}")


def _print_summary(report: DeliveryReport) -> None:
    total, lost = len(report.deliveries), len(report.undelivered)
    print(f"{total - lost} of {total} delivered in {len(report.attempts)} attempts")
    if report.firewall_pages:
        print(f"{len(report.firewall_pages)} answers were HTML: something stands in the receiver's place")


def _print_calendars(calendars: Calendars) -> None:
    for email, entries in calendars.items():
        print(f"expected for {email}: {len(entries) or 'nothing'}")
        for entry in entries:
            print(f"  {entry.start:%Y-%m-%d %H:%M}-{entry.end:%H:%M %z}  {entry.title}  [{entry.place}]")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emitter", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the scenarios")
    play = commands.add_parser("play", help="send the webhooks of a scenario")
    play.add_argument("scenario", choices=EVERY_SCENARIO)
    play.add_argument("--generation", choices=[generation.value for generation in Generation])
    play.add_argument("--disorder", action="store_true", help="shuffle, and send some twice")
    play.add_argument("--expected", action="store_true", help="print the calendars that must result")
    send = commands.add_parser("send", help="send recorded bodies")
    send.add_argument("files", nargs="+", type=Path, metavar="FILE")
    send.add_argument("--shift", action="store_true", help="move all dates: the newest state is a minute old")
    conformance.add_arguments(commands.add_parser("conformance", help="judge any receiver by the contract"))
    for command in (play, send):
        _add_delivery_options(command)
    return parser


def _add_delivery_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret-env", required=True, metavar="NAME", help="environment variable of the secret")
    parser.add_argument(
        "--emitter",
        choices=[platform.value for platform in Platform],
        default=Platform.RDV_SERVICE_PUBLIC.value,
    )
    parser.add_argument("--signature", choices=["hmac", "jwt"], help="jwt: rdv_insertion only")
    parser.add_argument("--jobs", type=_positive, default=4, help="requests at once (default: 4)")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="X", help="factor on the waits")
    parser.add_argument("--attempts", type=_positive, help="give up after so many (default: the emitter's)")
    parser.add_argument("--seed", type=int, default=0, help="of jitter and disorder")
    parser.add_argument("--ca-file", help="certificate authority of a receiver under test")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
