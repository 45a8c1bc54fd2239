"""What can be said of one point of the contract."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Only a FAIL fails."""

    PASS = "pass"
    FAIL = "FAIL"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and what it rests on."""

    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the report."""

    point: str
    sentence: str
    finding: Finding


def passed(detail: str = "") -> Finding:
    """The receiver does what the contract asks."""
    return Finding(Verdict.PASS, detail)


def failed(detail: str) -> Finding:
    """The receiver does not."""
    return Finding(Verdict.FAIL, detail)


def not_judged(detail: str) -> Finding:
    """Nothing can be said, or the contract leaves it open."""
    return Finding(Verdict.NOT_JUDGED, detail)
