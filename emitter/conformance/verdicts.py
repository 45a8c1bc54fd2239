"""Verdicts on the points of the contract."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Only a FAIL fails."""

    PASS = "pass"
    FAIL = "FAIL"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and its reason."""

    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the report."""

    point: str
    sentence: str
    finding: Finding


def passed(detail: str = "") -> Finding:
    """The receiver follows the contract."""
    return Finding(Verdict.PASS, detail)


def failed(detail: str) -> Finding:
    """The receiver does not follow the contract."""
    return Finding(Verdict.FAIL, detail)


def not_judged(detail: str) -> Finding:
    """Not judged, or left open by the contract."""
    return Finding(Verdict.NOT_JUDGED, detail)
