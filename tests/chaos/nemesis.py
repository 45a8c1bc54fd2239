"""What befalls the receiver: a schedule drawn from the seed alone, and the hand that carries it out."""

import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

import requests

from tests.chaos.deployment import Deployment
from tests.chaos.services import Service


class Kind(StrEnum):
    """A blow."""

    KILL_WORKER = "worker killed"
    KILL_WORKER_IN_A_CALL = "worker killed while Exchange answers"
    KILL_WEB = "web killed"
    KILL_WEB_CHILD = "web child killed"
    KILL_POSTGRES = "PostgreSQL killed"
    KILL_POSTGRES_CHILD = "PostgreSQL process killed"
    STOP_WORKER = "worker stopped"
    STOP_WEB_CHILD = "web child stopped"
    STOP_EXCHANGE = "Exchange stopped"
    FILL_DISK = "disk full"
    SET_CLOCK = "clock wrong"
    FAULT = "Exchange fault"


_WEIGHTS = {
    Kind.KILL_WORKER: 10,
    Kind.KILL_WORKER_IN_A_CALL: 8,
    Kind.KILL_WEB: 8,
    Kind.KILL_WEB_CHILD: 14,
    Kind.KILL_POSTGRES: 6,
    Kind.KILL_POSTGRES_CHILD: 5,
    Kind.STOP_WORKER: 3,
    Kind.STOP_WEB_CHILD: 1,
    Kind.STOP_EXCHANGE: 1,
    Kind.FILL_DISK: 2,
    Kind.SET_CLOCK: 2,
    Kind.FAULT: 16,
}
_LASTS_S = {
    Kind.STOP_WORKER: (0.5, 13.0),  # a lease is 10 s here, a second look-up comes after 20
    Kind.STOP_WEB_CHILD: (0.5, 5.0),
    Kind.STOP_EXCHANGE: (0.3, 3.0),
    Kind.FILL_DISK: (0.5, 4.0),
    Kind.SET_CLOCK: (1.0, 6.0),
}
_FAULTS = (
    "drop_before",
    "drop_after",
    "drop_after",
    "late_commit",
    "late_commit",
    "http_503",
    "server_busy",
    "error",
    "item_error",
    "hang",
    "slow_answer",
    "empty",
    "short",
    "login_page",
)
_CODES = (
    "ErrorIrresolvableConflict",
    "ErrorMailboxStoreUnavailable",
    "ErrorInternalServerError",
    "ErrorTimeoutExpired",
)
_VERBS = ("CreateItem", "CreateItem", "UpdateItem", "DeleteItem", "FindItem", None)
STEP_ALONE_S = 180
"""How wrong the clock of one of several machines is: PostgreSQL's is the one that counts."""
STEP_OF_ALL_S = 6
"""How wrong the clock of the only machine is: as 3 minutes are to timings thirty times longer."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that happens."""

    at_s: float
    kind: Kind
    which: float
    """From 0 to 1: which of those that there are at that moment."""
    lasts_s: float = 0.0
    fault: dict[str, Any] = field(default_factory=dict)


def possible(opened: Deployment) -> frozenset[Kind]:
    """What can be done on this machine to this store."""
    left_out = set() if opened.database else {Kind.KILL_POSTGRES, Kind.KILL_POSTGRES_CHILD}
    if opened.disk is None:
        left_out.add(Kind.FILL_DISK)
    if not opened.clocks:
        left_out.add(Kind.SET_CLOCK)
    return frozenset(Kind) - left_out


def plan(seed: int, seconds: float, kinds: frozenset[Kind], pace_s: float) -> list[Blow]:
    """Draw the schedule: the same for the same arguments, whatever the machine does."""
    random = Random(f"nemesis/{seed}")
    chosen = [kind for kind in Kind if kind in kinds]
    blows = []
    at_s = 1.0
    while at_s < seconds:
        kind = random.choices(chosen, [_WEIGHTS[each] for each in chosen])[0]
        lasts_s = random.uniform(*_LASTS_S[kind]) if kind in _LASTS_S else 0.0
        blows.append(Blow(at_s, kind, random.random(), lasts_s, _fault(random)))
        at_s += random.uniform(0.4, 1.6) * pace_s
    return blows


def _fault(random: Random) -> dict[str, Any]:
    drawn = {
        "kind": random.choice(_FAULTS),
        "verb": random.choice(_VERBS),
        "times": random.randint(1, 3),
        "delay_s": random.uniform(0.2, 4.0),
        "back_off_ms": random.choice((None, 300, 2000)),
        "code": random.choice(_CODES),
    }
    return {name: value for name, value in drawn.items() if value is not None}


class Nemesis:
    """Strikes when it is time. What lasts is ended by it too."""

    def __init__(self, opened: Deployment, blows: Sequence[Blow]) -> None:
        self._opened = opened
        self._coming = list(blows)
        self._ends: list[tuple[float, Callable[[], object]]] = []
        self.struck: Counter[Kind] = Counter()
        self.missed: Counter[Kind] = Counter()
        """Blows that met nobody: the target was dead already."""
        self.kills: Counter[str] = Counter()
        """Processes that lived until then, by what they were."""

    def turn(self, at_s: float) -> None:
        """Do what is due at this second of the drill."""
        due = [end for end in self._ends if end[0] <= at_s]
        self._ends = [end for end in self._ends if end not in due]
        for _, end in due:
            end()
        while self._coming and self._coming[0].at_s <= at_s:
            blow = self._coming.pop(0)
            hit = self._strike(blow, at_s)
            (self.struck if hit else self.missed)[blow.kind] += 1

    def make_peace(self) -> None:
        """End everything that lasts, and every trouble at Exchange."""
        for _, end in self._ends:
            end()
        self._ends = []
        self._opened.exchange.heal()

    def _strike(self, blow: Blow, at_s: float) -> bool:
        opened = self._opened
        match blow.kind:
            case Kind.KILL_WORKER:
                return self._kill(_one(opened.workers, blow.which), "worker")
            case Kind.KILL_WORKER_IN_A_CALL:
                self._inject({"kind": "slow_answer", "verb": "CreateItem", "delay_s": 0.9})
                target = _one(opened.workers, blow.which)
                self._ends.append((at_s + 0.3, lambda: self._kill(target, "worker")))
                return target is not None
            case Kind.KILL_WEB:
                return self._kill(_one(opened.webs, blow.which), "web")
            case Kind.KILL_WEB_CHILD:
                return self._kill_child(_one(opened.webs, blow.which), blow.which, "web child")
            case Kind.KILL_POSTGRES:
                return self._kill(opened.database, "PostgreSQL")
            case Kind.KILL_POSTGRES_CHILD:
                return self._kill_child(opened.database, blow.which, "PostgreSQL child")
            case Kind.FAULT:
                return self._inject(blow.fault)
            case _:
                return self._begin(blow, at_s + blow.lasts_s)

    def _begin(self, blow: Blow, until_s: float) -> bool:
        """Begin what lasts."""
        opened = self._opened
        match blow.kind:
            case Kind.STOP_WORKER:
                return self._stop(_one(opened.workers, blow.which), until_s)
            case Kind.STOP_WEB_CHILD:
                return self._stop_child(_one(opened.webs, blow.which), blow.which, until_s)
            case Kind.STOP_EXCHANGE:
                opened.exchange.pause()
                self._ends.append((until_s, opened.exchange.go_on))
            case Kind.FILL_DISK if opened.disk:
                opened.disk.fill()
                self._ends.append((until_s, opened.disk.empty))
            case Kind.SET_CLOCK:
                clock = opened.clocks[int(blow.which * len(opened.clocks))]
                step = STEP_ALONE_S if opened.database else STEP_OF_ALL_S
                clock.set(step if blow.which * 7 % 1 < 0.5 else -step)
                self._ends.append((until_s, lambda: clock.set(0)))
        return True

    def _stop(self, target: Service | None, until_s: float) -> bool:
        if target is None or not target.send(signal.SIGSTOP):
            return False
        self._ends.append((until_s, lambda: _go_on(target)))
        return True

    def _stop_child(self, target: Service | None, which: float, until_s: float) -> bool:
        children = target.children() if target else []
        if target is None or not children:
            return False
        pid = children[int(which * len(children))]
        target.signal(pid, signal.SIGSTOP)
        self._ends.append((until_s, lambda: target.signal(pid, signal.SIGCONT)))
        return True

    def _kill(self, target: Service | None, what: str) -> bool:
        hit = target is not None and target.send(signal.SIGKILL)
        self.kills[what] += hit
        return hit

    def _kill_child(self, target: Service | None, which: float, what: str) -> bool:
        children = target.children() if target else []
        hit = bool(target and children and target.signal(children[int(which * len(children))], signal.SIGKILL))
        self.kills[what] += hit
        return hit

    def _inject(self, fault: dict[str, Any]) -> bool:
        with suppress(requests.RequestException):  # it was stopped a moment ago
            self._opened.exchange.inject(fault)
            return True
        return False


def _one(services: Sequence[Service], which: float) -> Service | None:
    living = [service for service in services if service.pid is not None]
    return living[int(which * len(living))] if living else None


def _go_on(target: Service) -> None:
    target.send(signal.SIGCONT)
